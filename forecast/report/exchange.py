"""Forecasts for others: the 201-point cumulative distribution that Metaculus takes.

The rules are those of Metaculus' API for continuous questions (https://www.metaculus.com/api/, field
``continuous_cdf``): 201 values at equally spaced places between the question's bounds, each step at least 0.01/200 and
at most 0.2; a closed bound has nothing beyond it, an open one at least 0.001.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np

from forecast.errors import UsageError

POINTS = 201
BINS = POINTS - 1
LEAST, MOST = 0.01 / BINS, 0.2  # a step; both are kept by a margin, so that rounding cannot break them
BEYOND = 0.001  # least mass beyond an open bound
_MARGIN = 1.0001
_DIGITS = 10


@dataclass(frozen=True)
class Range:
    """A question's range.

    Parameters
    ----------
    low, high : float
        Bounds, in the quantity's unit (dates as decimal years).
    zero : float or None
        Metaculus' ``zero_point`` of a logarithmic scale; None for a linear one.
    open_low, open_high : bool
        Whether the answer may lie beyond.
    dates : bool
        Whether the question asks for a date: its places are then equally spaced in days, not in decimal years, since
        leap years are longer.
    """

    low: float
    high: float
    zero: float | None = None
    open_low: bool = False
    open_high: bool = False
    dates: bool = False

    def check(self) -> None:
        """Raise `UsageError` where the range makes no sense."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise UsageError(
                f"--min and --max: the range does not ascend ({self.low:g} to {self.high:g}); "
                "give finite bounds, the low one first"
            )
        if self.zero is not None and (self.low <= self.zero <= self.high or not math.isfinite(self.zero)):
            raise UsageError(f"--zero-point lies inside the range ({self.zero:g}); Metaculus' lies outside it")

    def places(self) -> np.ndarray:
        """The 201 places (point,) at which the distribution is told, in the quantity's unit.

        Examples
        --------
        >>> Range(1.0, 100.0, zero=0.0).places()[[0, 100, 200]].round(9).tolist()
        [1.0, 10.0, 100.0]
        """
        x = np.linspace(0, 1, POINTS)
        low, high, zero = (_days(v) if self.dates and v is not None else v for v in (self.low, self.high, self.zero))
        assert low is not None and high is not None
        if zero is not None:
            ratio = (high - zero) / (low - zero)
            x = (ratio**x - 1) / (ratio - 1)
        places = low + (high - low) * x
        return np.array([_year(day) for day in places]) if self.dates else np.asarray(places)


def cdf_of(draws: np.ndarray, question: Range) -> np.ndarray:
    """Draws as a distribution that always validates.

    Parameters
    ----------
    draws : array (...)
        Equally weighted; infinite ones lie beyond the bounds.
    question : Range

    Returns
    -------
    ndarray (201,)
        P(value <= place). Mass beyond a closed bound is impossible to the question and is taken out.

    Raises
    ------
    UsageError
        The range makes no sense, or none of a closed range's mass lies in it.
    """
    question.check()
    ordered = np.sort(np.ravel(draws))
    places = question.places()
    # What lies on the lower bound belongs to the range, so below it counts what is smaller.
    below = np.searchsorted(ordered, places[0], side="left") / len(ordered)
    upto = np.searchsorted(ordered, places[1:], side="right") / len(ordered)
    mass = np.diff(upto, prepend=below)
    return allowed(mass, float(below), float(1 - upto[-1]), question.open_low, question.open_high)


def allowed(mass: np.ndarray, below: float, above: float, open_low: bool, open_high: bool) -> np.ndarray:
    """The nearest distribution within the rules: steps scaled alike, and cut where they are too small or too large.

    Parameters
    ----------
    mass : (200,) array
        Probability of each step.
    below, above : float
        Probability beyond the bounds.
    open_low, open_high : bool

    Returns
    -------
    ndarray (201,)
    """
    below, above = (below if open_low else 0.0), (above if open_high else 0.0)
    total = float(mass.sum()) + below + above
    if not total > 0:
        raise UsageError("the whole forecast lies beyond the question's closed bounds; widen the range or open a bound")
    mass, below, above = mass / total, below / total, above / total
    least, most = LEAST * _MARGIN, MOST / _MARGIN
    low = max(below, BEYOND * _MARGIN) if open_low else 0.0
    high = max(above, BEYOND * _MARGIN) if open_high else 0.0
    # The steps need room for their least part, however little of the forecast lies inside.
    room = 1 - BINS * least * _MARGIN
    if low + high > room:
        least_low, least_high = (BEYOND * _MARGIN if is_open else 0.0 for is_open in (open_low, open_high))
        keep = (room - least_low - least_high) / (low + high - least_low - least_high)
        low, high = least_low + keep * (low - least_low), least_high + keep * (high - least_high)
    inside = 1 - low - high
    if not mass.sum() > 0:
        mass = np.ones(BINS)

    def steps(scale: float) -> np.ndarray:
        return np.clip(scale * mass, least, most)

    # More than a few steps are full only where everything lies in one place: then its neighbours take the rest.
    first, last = 0.0, 1.0
    while steps(last).sum() < inside and last < 1e18:
        last *= 2
    for _ in range(200):
        middle = (first + last) / 2
        first, last = (middle, last) if steps(middle).sum() < inside else (first, middle)
    found = steps(last)
    for _ in range(BINS):
        missing = inside - float(found.sum())
        if abs(missing) < 1e-13:
            break
        free = (found < most) if missing > 0 else (found > least)
        near = free & _beside(~free if missing > 0 else np.zeros(BINS, dtype=bool))
        chosen = near if near.any() else free
        found = np.clip(found + chosen * missing / max(1, int(chosen.sum())), least, most)
    cdf = low + np.concatenate([[0.0], np.cumsum(found)])
    cdf = np.round(cdf, _DIGITS)
    cdf[0], cdf[-1] = (cdf[0] if open_low else 0.0), (cdf[-1] if open_high else 1.0)
    return np.asarray(cdf)


def _beside(full: np.ndarray) -> np.ndarray:
    """Steps next to full ones."""
    return np.asarray(np.concatenate([full[1:], [False]]) | np.concatenate([[False], full[:-1]]))


def problems(cdf: np.ndarray, open_low: bool, open_high: bool) -> list[str]:
    """What Metaculus would refuse in a distribution; empty for a good one.

    Parameters
    ----------
    cdf : (201,) array
    open_low, open_high : bool
    """
    found = []
    if len(cdf) != POINTS:
        return [f"has {len(cdf)} points, not {POINTS}"]
    steps = np.round(np.diff(cdf), _DIGITS)
    if (steps < round(LEAST, _DIGITS)).any():
        found.append(f"a step is below {LEAST:g}")
    if (steps > MOST).any():
        found.append(f"a step is above {MOST:g}")
    if (cdf[0] < BEYOND) if open_low else (cdf[0] != 0):
        found.append("its first value does not suit the lower bound")
    if (cdf[-1] > 1 - BEYOND) if open_high else (cdf[-1] != 1):
        found.append("its last value does not suit the upper bound")
    return found


def _days(year: float) -> float:
    """A decimal year as days since the beginning of the calendar."""
    whole = math.floor(year)
    start, end = (date(y, 1, 1).toordinal() for y in (whole, whole + 1))
    return start + (year - whole) * (end - start)


def _year(days: float) -> float:
    """The inverse of `_days`."""
    whole = date.fromordinal(math.floor(days)).year
    start, end = (date(y, 1, 1).toordinal() for y in (whole, whole + 1))
    return whole + (days - start) / (end - start)


def bound(text: str, unit: str) -> float | None:
    """A date such as 2030-01-01 as a decimal year, for a quantity whose unit is the year; None for any other text."""
    if unit != "year" or text.count("-") != 2:
        return None
    from forecast.trend.series import decimal_year

    return float(decimal_year(text))

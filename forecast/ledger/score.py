"""How good a forecast was, once it is known what happened: proper scores, calibration and sharpness.

All scores are losses (smaller is better) and proper: in expectation nothing scores better than what one believes
(Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecast.special import ndtr, ndtri

Array = np.ndarray

LEVELS = (0.5, 0.8, 0.9)
RATIO = 3.0  # an interval with ends further apart than this is interpolated in logarithms
_GRID = (np.arange(2000) + 0.5) / 2000
_FAR = 6.0  # normal scores to which the quantile function is continued


@dataclass(frozen=True, eq=False)
class Predictive:
    """A predictive distribution by its quantile function.

    Between the stored quantiles (of logarithms, where all are positive and far apart), a monotone cubic in the normal
    score of the probability: normal and lognormal forecasts are then exact. Equal quantiles are an atom; infinite ones
    are an outcome of their own (never, or already).

    Parameters
    ----------
    probs : ndarray (point,)
        Ascending, in (0, 1).
    values : ndarray (point,)
        Not descending; may be infinite.

    Examples
    --------
    >>> probs = (np.arange(199) + 1) / 200
    >>> forecast = Predictive(probs, 10 + 2 * ndtri(probs))
    >>> round(forecast.crps(10.0), 3), round(forecast.log_score(10.0), 3)
    (0.467, 1.612)
    """

    probs: Array
    values: Array

    @cached_property
    def never(self) -> float:
        """Probability of plus infinity."""
        return self._mass(np.isposinf(self.values))

    @cached_property
    def already(self) -> float:
        """Probability of minus infinity."""
        return self._mass(np.isneginf(self.values))

    def _mass(self, at: Array) -> float:
        """Probability of an atom at some of the points: up to halfway to the next."""
        places = np.flatnonzero(at)
        if not len(places):
            return 0.0
        first, last = places[0], places[-1]
        low = 0.0 if first == 0 else (self.probs[first - 1] + self.probs[first]) / 2
        high = 1.0 if last == len(self.probs) - 1 else (self.probs[last] + self.probs[last + 1]) / 2
        return float(high - low)

    @cached_property
    def logs(self) -> bool:
        """Whether interpolation is in logarithms."""
        finite = self.values[np.isfinite(self.values)]
        if not len(finite) or finite[0] <= 0:
            return False
        low, high = np.interp([0.05, 0.95], self.probs[np.isfinite(self.values)], finite)
        return bool(high > RATIO * low)

    @cached_property
    def _spline(self) -> tuple[Array, Array, Array]:
        """Knots, values and slopes of the quantile function in normal scores, of its finite part."""
        finite = np.isfinite(self.values)
        z, y = ndtri(self.probs[finite]), self.values[finite]
        y = np.log(y) if self.logs else y
        return z, y, _monotone_slopes(z, y) if len(z) > 1 else np.zeros(len(z))

    def quantile(self, prob: Array) -> Array:
        """Quantiles at probabilities in (0, 1)."""
        prob = np.asarray(prob, dtype=float)
        z, y, slopes = self._spline
        out = np.full(prob.shape, np.nan)
        low, high = self.already, 1 - self.never
        out[prob < low], out[prob > high] = -np.inf, np.inf
        inside = (prob >= low) & (prob <= high)
        if len(z):
            found = _cubic(np.clip(ndtri(prob[inside]), -_FAR, _FAR), z, y, slopes)
            out[inside] = np.exp(found) if self.logs else found
        return out

    def cdf(self, value: float) -> float:
        """Probability of at most a value; at an atom, half of its probability counts (mid-PIT)."""
        if math.isinf(value):
            return 1 - self.never / 2 if value > 0 else self.already / 2
        z, y, slopes = self._spline
        if not len(z):
            return self.already
        if self.logs and value <= 0:
            return self.already
        x = math.log(value) if self.logs else value
        same = np.isclose(y, x, rtol=1e-12, atol=0) if x else y == x
        if same.sum() > 1:
            at = np.zeros(len(self.values), dtype=bool)
            at[np.flatnonzero(np.isfinite(self.values))[same]] = True
            first = int(np.flatnonzero(at)[0])
            below = 0.0 if first == 0 else float(self.probs[first - 1] + self.probs[first]) / 2
            return below + self._mass(at) / 2
        score = min(max(_inverse(x, z, y, slopes), -_FAR), _FAR)
        return min(max(float(ndtr(np.array([score]))[0]), self.already), 1 - self.never)

    def log_score(self, value: float) -> float:
        """Minus the log density at what happened (nats); for an atom or infinity, minus the log of its probability.

        A probability that the quantiles cannot resolve counts as half their spacing, so that no score is infinite.
        """
        least = float(min(self.probs[0], 1 - self.probs[-1])) / 2
        if math.isinf(value):
            return -math.log(max(self.never if value > 0 else self.already, least))
        z, y, slopes = self._spline
        if len(z) < 2 or self.logs and value <= 0:
            return -math.log(least)
        x = math.log(value) if self.logs else value
        same = y == x
        if same.sum() > 1:
            return -math.log(
                max(
                    float(
                        self.probs[np.isfinite(self.values)][same][-1] - self.probs[np.isfinite(self.values)][same][0]
                    ),
                    least,
                )
            )
        score = float(ndtri(np.array([min(max(self.cdf(value), 1e-300), 1 - 1e-16)]))[0])
        slope = float(_cubic_slope(np.array([score]), z, y, slopes)[0])
        if slope <= 0:
            return -math.log(least)
        density = -0.5 * score * score - 0.5 * math.log(2 * math.pi) - math.log(slope)
        return -(density - (x if self.logs else 0.0))

    def crps(self, value: float, low: float = -math.inf, high: float = math.inf, log10: bool = False) -> float:
        """Continuous ranked probability score: twice the mean pinball loss over all probabilities.

        Parameters
        ----------
        value : float
            What happened.
        low, high : float
            Forecast and outcome are clipped to these first: for a crossing year, the ends of the year axis, so that
            never and already have a finite loss.
        log10 : bool
            Of logarithms to base ten: in OOM.
        """
        q = np.clip(self.quantile(_GRID), low, high)
        outcome = min(max(value, low), high)
        if log10:
            q, outcome = np.log10(q), math.log10(outcome)
        return float(2 * ((np.where(outcome < q, 1.0, 0.0) - _GRID) * (q - outcome)).mean())

    def interval_score(self, value: float, prob: float = 0.9, low: float = -math.inf, high: float = math.inf) -> float:
        """Width of the equal-tailed interval, plus 2 / (1 - prob) times the distance of what happened from it."""
        lower, upper = np.clip(self.quantile(np.array([0.5 - prob / 2, 0.5 + prob / 2])), low, high)
        value = min(max(value, low), high)
        return float(upper - lower + 2 / (1 - prob) * (max(lower - value, 0) + max(value - upper, 0)))

    def covers(self, value: float, prob: float) -> bool:
        """Whether what happened lies in the equal-tailed interval."""
        lower, upper = self.quantile(np.array([0.5 - prob / 2, 0.5 + prob / 2]))
        return bool(lower <= value <= upper)


def brier(prob: float, happened: bool) -> float:
    """Squared error of a probability."""
    return (prob - float(happened)) ** 2


def crps_ensemble(draws: Array, value: float) -> float:
    """CRPS of draws (draw,) in any order, as of the distribution that gives each the same probability.

    Examples
    --------
    >>> crps_ensemble(np.array([1.0, 3.0]), 2.0)
    0.5
    """
    ordered = np.sort(draws)
    count = len(ordered)
    weights = (2 * np.arange(1, count + 1) - count - 1) / count**2
    return float(np.abs(ordered - value).mean() - ordered @ weights)


@dataclass(frozen=True)
class Mean:
    """A mean over forecasts with its 90% bootstrap interval.

    Parameters
    ----------
    value, low, high : float
    count : int
    """

    value: float
    low: float
    high: float
    count: int


def bootstrapped(
    values: Sequence[float], groups: Sequence[str] | None = None, prob: float = 0.9, seed: int = 0
) -> Mean:
    """Mean of scores, with a percentile bootstrap interval over groups that share what happened.

    Forecasts of one outcome, made at different times, err together: they are drawn together.

    Parameters
    ----------
    values : sequence of float
    groups : sequence of str, optional
        One group a value where left out.
    prob : float
    seed : int
        The interval is the same for the same scores.

    Returns
    -------
    Mean
        NaN ends for a single group, which says nothing of how scores vary.
    """
    array = np.asarray(values, dtype=float)
    if not len(array):
        return Mean(math.nan, math.nan, math.nan, 0)
    labels = list(map(str, range(len(array)))) if groups is None else list(groups)
    names = sorted(set(labels))
    if len(names) < 2:
        return Mean(float(array.mean()), math.nan, math.nan, len(array))
    member = np.array([names.index(label) for label in labels])
    sums, counts = np.bincount(member, array, len(names)), np.bincount(member, minlength=len(names))
    chosen = np.random.default_rng(seed).integers(0, len(names), (2000, len(names)))
    means = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    low, high = np.quantile(means, [0.5 - prob / 2, 0.5 + prob / 2])
    return Mean(float(array.mean()), float(low), float(high), len(array))


def pit_histogram(pits: Sequence[float], bins: int = 10) -> list[int]:
    """Counts of probability integral transforms: even if the forecasts are calibrated, a U if they are too narrow."""
    return [int(count) for count in np.histogram(np.asarray(pits, dtype=float), bins=bins, range=(0.0, 1.0))[0]]


def _monotone_slopes(x: Array, y: Array) -> Array:
    """Slopes of a monotone cubic through points (Fritsch and Butland 1984); at the ends, those of the last chord."""
    steps, rises = np.diff(x), np.diff(y)
    chords = rises / steps
    slopes = np.empty(len(x))
    slopes[0], slopes[-1] = chords[0], chords[-1]
    one, two = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = (one + two) / (one / chords[:-1] + two / chords[1:])
    slopes[1:-1] = np.where((chords[:-1] > 0) & (chords[1:] > 0), inner, 0.0)
    return slopes


def _piece(at: Array, x: Array) -> Array:
    return np.clip(np.searchsorted(x, at, side="right") - 1, 0, max(len(x) - 2, 0))


def _cubic(at: Array, x: Array, y: Array, slopes: Array) -> Array:
    """The monotone cubic, continued as a straight line."""
    if len(x) == 1:
        return np.full(at.shape, y[0])
    i = _piece(at, x)
    step = x[i + 1] - x[i]
    t = np.clip((at - x[i]) / step, 0, 1)
    value = (
        (1 + 2 * t) * (1 - t) ** 2 * y[i]
        + t * (1 - t) ** 2 * step * slopes[i]
        + t**2 * (3 - 2 * t) * y[i + 1]
        + t**2 * (t - 1) * step * slopes[i + 1]
    )
    return np.asarray(value + np.minimum(at - x[0], 0) * slopes[0] + np.maximum(at - x[-1], 0) * slopes[-1])


def _inverse(value: float, x: Array, y: Array, slopes: Array) -> float:
    """Where the monotone cubic has a value."""
    if len(x) == 1 or value < y[0] or value >= y[-1]:
        end = 0 if value < y[0] else -1
        far = math.copysign(math.inf, value - y[end]) if value != y[end] else 0.0
        return float(x[end] + (value - y[end]) / slopes[end]) if slopes[end] > 0 else float(x[end]) + far
    i = int(np.searchsorted(y, value, side="right")) - 1
    step, rise = float(x[i + 1] - x[i]), float(y[i + 1] - y[i])
    one, two, wanted = float(slopes[i]) * step, float(slopes[i + 1]) * step, value - float(y[i])
    low, high = 0.0, 1.0
    for _ in range(54):
        t = (low + high) / 2
        at = t * (1 - t) ** 2 * one + t * t * (3 - 2 * t) * rise + t * t * (t - 1) * two
        low, high = (t, high) if at < wanted else (low, t)
    return float(x[i]) + step * (low + high) / 2


def _cubic_slope(at: Array, x: Array, y: Array, slopes: Array) -> Array:
    i = _piece(at, x)
    step = x[i + 1] - x[i]
    t = np.clip((at - x[i]) / step, 0, 1)
    slope = (
        6 * t * (1 - t) * (y[i + 1] - y[i]) / step + (1 - t) * (1 - 3 * t) * slopes[i] + t * (3 * t - 2) * slopes[i + 1]
    )
    return np.asarray(slope)

"""Numbers as they are printed: no digit that another seed would change, and the rule for when draws are enough.

A digit is shown if its unit is at least the Monte Carlo standard error (MCSE): the last digit is then good to two,
19 times in 20. Never more than `DIGITS` significant digits, for no forecast deserves them; but the whole part of a
number below 10,000 is not rounded for that reason alone, so a year stays a year.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from forecast.quantile.mcse import Estimate

DIGITS = 3
RATIO = 3.0  # an interval whose high end is more than this multiple of its low end is read as a multiple
_SUFFIXES = ((12, "T"), (9, "B"), (6, "M"), (3, "k"))


def round_to_error(value: float, mcse: float, digits: int = DIGITS) -> str:
    """A number with the digits that its Monte Carlo error supports, one at least.

    Parameters
    ----------
    value : float
        Any number; infinite ones are written ``inf`` and ``-inf``.
    mcse : float
        Its standard error; zero if exact, infinite or NaN if unknown (which supports one digit).
    digits : int
        Significant digits shown at most.

    Returns
    -------
    str
        Plain below 10,000, with k, M, B or T up to 1e15, else like ``2.1e25``.

    Examples
    --------
    >>> round_to_error(1.5432e9, 4e6), round_to_error(1.5432e9, 9e7), round_to_error(0.00421, 0.0002)
    ('1.54B', '1.5B', '0.004')
    """
    return _written(value, max(_shown(value, digits), _supported(value, mcse)), exact=mcse == 0)


def round_interval(values: Sequence[float], mcses: Sequence[float], unit: str = "") -> list[str]:
    """The numbers of one interval, on one scale, each with the digits that its own Monte Carlo error supports.

    Ends that are multiples of one another (a cost of 55M to 1.5B) have at most the same number of significant digits;
    others (2034.2 to 2055.7, -0.3 to 1.2) at most the same last decimal place, at least a four-hundredth of the
    interval's width.

    Parameters
    ----------
    values : sequence of float
        Low end, median, high end, or any ascending selection of them; infinite ones are written, not heeded.
    mcses : sequence of float
        Their standard errors.
    unit : str
        ``"year"`` marks calendar years, written without k.

    Returns
    -------
    list of str
        One for each value.

    Examples
    --------
    >>> round_interval([2034.21, 2039.98, 2055.73], [0.02, 0.01, 0.04], "year")
    ['2034.2', '2040.0', '2055.7']
    >>> round_interval([55.31e6, 288.4e6, 1.4972e9], [6e4, 2e5, 4e6])
    ['55.3M', '288M', '1.50B']
    >>> round_interval([55.31e6, 288.4e6, 1.4972e9], [6e4, 2e5, 8e7])
    ['55.3M', '288M', '1.5B']
    """
    finite = [(value, mcse) for value, mcse in zip(values, mcses, strict=True) if math.isfinite(value)]
    if not finite:
        return [_written(value, 0) for value in values]
    exact = all(mcse == 0 for _, mcse in finite)
    lowest, highest = min(finite)[0], max(finite)[0]
    if lowest > 0 and highest > RATIO * lowest or highest < 0 and lowest < RATIO * highest:
        places = [
            max(_shown(value, DIGITS), _supported(value, mcse)) for value, mcse in zip(values, mcses, strict=True)
        ]
        return [_written(value, place, exact=exact) for value, place in zip(values, places, strict=True)]
    size = max(highest - lowest, 0.0)
    # A point has no width to set the scale: it is shown like a single number.
    finest = math.ceil(math.log10(size / 400)) if size else _shown(highest, DIGITS)
    largest = max((abs(value) for value, _ in finite))  # a median near zero is on the scale of the ends
    return [
        _written(value, max(finest, _supported(largest, mcse)), calendar=unit == "year", exact=exact, fixed=True)
        for value, mcse in zip(values, mcses, strict=True)
    ]


def precise_enough(ends: Estimate, median: float, tolerance: float = 0.005) -> bool:
    """Whether both ends of an interval are known to a small part of its width.

    Parameters
    ----------
    ends : Estimate (2,)
        Low and high end.
    median : float
        Stands in for an end at infinity: the finite end is then measured by its distance to the median.
    tolerance : float
        Largest standard error, as a part of the width. An interval whose ends are multiples of one another must meet
        it in logarithms too, or its low end would be known to no digit.

    Returns
    -------
    bool
        An end that is infinite without doubt (error 0) is precise.

    Examples
    --------
    >>> precise_enough(Estimate(np.array([10.0, 20.0]), np.array([0.02, 0.04])), 14.0)
    True
    """
    low, high = (float(value) if math.isfinite(value) else median for value in ends.value)
    if not all(math.isfinite(number) for number in (low, high)):
        return bool((ends.mcse == 0).all())
    widths = [(high - low, np.ones(2))]
    if 0 < RATIO * low < high:
        widths.append((math.log(high / low), np.abs(np.where(np.isfinite(ends.value), ends.value, 1.0))))
    return all(bool((ends.mcse <= tolerance * width * scale).all()) for width, scale in widths)


def _place(value: float, digits: int) -> int:
    """Power of ten of the last of some significant digits."""
    return math.floor(math.log10(abs(value))) - digits + 1 if value and math.isfinite(value) else -digits


def _shown(value: float, digits: int) -> int:
    """As `_place`, sparing the whole part of numbers below 10,000."""
    return min(_place(value, digits), 0) if abs(value) < 10_000 else _place(value, digits)


def _supported(value: float, mcse: float) -> int:
    """Power of ten of the last digit that the error supports, that of the first digit at most."""
    first = _place(value, 1)
    if mcse == 0:
        return first - 20
    return min(first, math.ceil(math.log10(mcse) - 1e-9)) if math.isfinite(mcse) else first


def _written(value: float, place: int, *, calendar: bool = False, exact: bool = False, fixed: bool = False) -> str:
    """A number rounded to a power of ten; `exact` drops zeros at the end, `fixed` keeps the place come what may."""
    if not math.isfinite(value):
        return str(float(value))
    number = Decimal(float(value))
    rounded = number.quantize(Decimal(1).scaleb(place), ROUND_HALF_EVEN)
    if not rounded:
        return f"{Decimal(0):.{0 if exact else max(0, -place)}f}"
    if rounded.adjusted() > number.adjusted() and not fixed:
        place = max(place + 1, rounded.adjusted() - DIGITS + 1)  # 9.999 to three digits is 10.0, not 10.00
    size = rounded.adjusted()
    power, suffix = 0, ""
    if size >= 15 or size < -4:
        power, suffix = size, f"e{size}"
    elif size >= 4 and not calendar:
        power, suffix = next((p, s) for p, s in _SUFFIXES if size >= p)
    text = f"{rounded.scaleb(-power):.{max(0, power - place)}f}"
    if exact and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text + suffix

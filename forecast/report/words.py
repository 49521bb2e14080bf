"""Intervals and correlations as they stand in figures and tables."""

from __future__ import annotations

from collections.abc import Sequence

from forecast.report.blocks import Aside, Cell
from forecast.result import Interval
from forecast.text import ends


def signed(rho: float) -> str:
    """A correlation with its sign.

    Examples
    --------
    >>> signed(-1.0), signed(0.0), signed(0.5)
    ('−1', '0', '+0.5')
    """
    return f"{rho:+g}".replace("-", "−") if rho else "0"


def interval_words(interval: Interval, years: Sequence[float]) -> str:
    """Ends and median in words."""
    low, median, high = ends(interval, years)
    return f"{low} … {median} … {high}"


def interval_cell(interval: Interval, years: Sequence[float]) -> Cell:
    """The median with the interval below it; one figure where nothing is uncertain."""
    low, median, high = ends(interval, years)
    return median if low == median == high else (median, Aside(f"{low} … {high}"))

"""Published ways of getting a growth rate or a year out of dated costs, as functions of arrays.

Cottier, *Trends in the dollar training cost of machine learning systems* (2023), estimates the growth of cost in two
ways and mixes them; a forecast by end points is what its summary gives for the naive extrapolation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forecast.errors import UsageError
from forecast.trend.least_squares import pairs_bootstrap
from forecast.trend.series import Array, Series


def cost_growth_from_compute(compute: Series, price_performance_growth: Array, rng: np.random.Generator) -> Array:
    """Growth of cost by Method 1: growth of compute less growth of price-performance.

    Parameters
    ----------
    compute : Series
        log10 of training compute.
    price_performance_growth : (draw,) array
        Draws of the growth of FLOP per dollar, OOM/year; as many bootstrap samples are made.
    rng : numpy.random.Generator
        Of the bootstrap.

    Returns
    -------
    (draw,) array
        OOM/year: the slope of a pairs-bootstrap sample less a draw of price-performance growth. Its 5% to 95%
        range is the published kind of interval ("bootstrap with a price-performance draw").
    """
    slopes = pairs_bootstrap(compute, len(price_performance_growth), rng)
    return slopes[np.isfinite(slopes)] - price_performance_growth[np.isfinite(slopes)]


def growth_from_doubling(years: Array) -> Array:
    """Growth in OOM/year of something that doubles in so many years: ``log10(2) / years``; any shape."""
    return np.asarray(np.log10(2) / np.asarray(years, dtype=float))


def cost_from_compute(flop: Array, flop_per_dollar: Array) -> Array:
    """Cost of each system by Method 1: its compute over what a dollar bought at the time [dollars]; any shape."""
    return np.asarray(flop, dtype=float) / flop_per_dollar


def cost_from_hardware(units: Array, hours: Array, unit_price: Array, lifetime_hours: Array) -> Array:
    """Cost of each system by Method 2: the share of the hardware's life that its training took.

    Parameters
    ----------
    units : array
        Accelerators used.
    hours : array
        Time of training, in the unit of `lifetime_hours`.
    unit_price : array
        Price of an accelerator when the system was trained, dollars.
    lifetime_hours : array
        Time after which hardware is replaced.

    Returns
    -------
    array
        ``units * unit_price * hours / lifetime_hours``, dollars; shapes broadcast.

    Examples
    --------
    >>> float(cost_from_hardware(np.array(1000.0), np.array(876.0), np.array(10_000.0), np.array(17_520.0)))
    500000.0
    """
    return np.asarray(np.asarray(units, dtype=float) * unit_price * hours / lifetime_hours)


def mixture(parts: Sequence[Array], weights: Sequence[float], choice: Array) -> Array:
    """Weighted mixture: each world follows one of the parts (any of the estimates may be right).

    Parameters
    ----------
    parts : sequence of (world,) arrays
    weights : sequence of float
        Not negative; scaled to sum 1.
    choice : (world,) array
        Uniform coordinates in [0, 1].

    Returns
    -------
    (world,) array
        Wider than any `linear_average` of the same parts.

    Raises
    ------
    UsageError
        When weights and parts do not match.
    """
    share = _shares(parts, weights)
    # A coordinate of 1, or above a sum that rounding left below 1, belongs to the last part that has weight.
    which = np.minimum(np.searchsorted(np.cumsum(share), choice, side="right"), np.flatnonzero(share)[-1])
    return np.asarray(np.choose(which, list(parts)))


def linear_average(parts: Sequence[Array], weights: Sequence[float]) -> Array:
    """Weighted mean within each world (the estimates' errors average out), (world,)."""
    share = _shares(parts, weights)
    return np.asarray(np.einsum("p,pw->w", share, np.stack(list(parts))))


def end_points(start: float, start_year: float, growth: Sequence[float], threshold: float) -> tuple[float, ...]:
    """Year of reaching a threshold at each of a few growth rates, as papers extrapolate the ends of an interval.

    Parameters
    ----------
    start, threshold : float
        In one unit.
    start_year : float
        Decimal year of `start`.
    growth : sequence of float
        OOM/year: the middle and the ends of an interval, say.

    Returns
    -------
    tuple of float
        ``start_year + log10(threshold / start) / growth``; ``inf`` where it never grows there. Not a probability
        interval: it leaves the scatter and the doubt about `start` out.

    Examples
    --------
    >>> [round(year) for year in end_points(3.27e6, 2022.5, [0.49, 0.56, 0.37], 233e9)]
    [2032, 2031, 2036]
    """
    distance = np.log10(threshold / start)
    if distance <= 0:
        return tuple(start_year for _ in growth)
    return tuple(start_year + distance / rate if rate > 0 else np.inf for rate in growth)


def _shares(parts: Sequence[Array], weights: Sequence[float]) -> Array:
    share = np.asarray(weights, dtype=float)
    if len(share) != len(parts) or (share < 0).any() or not share.sum() > 0:
        raise UsageError(
            f"{len(share)} weights ({list(weights)}) for {len(parts)} parts; give one weight of 0 or more for each"
        )
    return np.asarray(share / share.sum())

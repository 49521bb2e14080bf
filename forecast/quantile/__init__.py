"""Quantiles of draws, each with its Monte Carlo standard error: which estimator, and when.

Infinities are ordered like any number (a year that never comes is ``+inf``). NaN must be caught before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from forecast.quantile.conditional import put_right
from forecast.quantile.direction import Normals
from forecast.quantile.mcse import Z_95, Estimate, mcse_of, posterior_mcse, student_factor
from forecast.quantile.mean import heavy_tailed, means, prob_above, prob_finite, prob_of
from forecast.quantile.order_statistics import by_chain, near_of, span_of, unseen

__all__ = [
    "Z_95", "Estimate", "card", "heavy_tailed", "mcse_of", "means", "posterior_mcse", "prob_above", "prob_finite",
    "prob_of", "quantiles", "quantiles_of_each", "student_factor",
]  # fmt: skip

TOGETHER = 1 << 18  # numbers that are looked at together; each call costs as much as some thousand numbers


def quantiles(
    draws: np.ndarray,
    probs: Sequence[float] | np.ndarray,
    weights: np.ndarray | None = None,
    normals: Normals | None = None,
) -> Estimate:
    """Quantiles with their Monte Carlo standard errors.

    Three estimators, chosen for each cell by tests on the draws near the quantile:

    - *smooth*: each chain's order statistics over the ranks ``prob`` plus or minus 0.03, as a quintic (of the
      logarithm, if all are positive) in the normal score of their Hazen plotting positions ``(rank - 1/2) / n``. It
      averages over many points, which on Sobol points of few telling dimensions gains a factor of 3 to 10. Refused
      where a polynomial of degree 7 or the order statistics differ from it by more than chance (kinks);
    - *order statistics* of each chain, interpolated at Hazen's positions, otherwise;
    - *pooled* order statistics of all chains, with Woodruff's interval for the error ("Confidence intervals for
      medians and other position measures", 1952), where there are ties, gaps, infinities or weights, or too few draws
      beyond the quantile. Beside an atom or an infinity nothing is interpolated: the nearer order statistic counts,
      so that a count stays whole.

    Parameters
    ----------
    draws : ndarray (..., chain, draw)
        Values in any order, without NaN.
    probs : sequence of float
        Probabilities in (0, 1).
    weights : ndarray (chain, draw), optional
        Non-negative weights of the worlds, relative to one another over all chains; need not sum to one.
    normals : Normals, optional
        Scores that the draws are functions of (one output for each leading index). Integrating along one direction of
        them (`forecast.quantile.conditional`) needs fewer worlds, often by a factor of 10 to 1,000; the result is taken
        where its stated error is below half of the other. For more than 32 quantiles at once, only where it is exact.

    Returns
    -------
    Estimate (prob, ...)
        Quantiles in the unit of the draws.

    Examples
    --------
    >>> from forecast.worlds import Design, scores
    >>> cost = np.exp(scores(Design(("cost",), seed=1), 0, 1024)[0])
    >>> found = quantiles(cost, [0.05, 0.5, 0.95])
    >>> found.value.round(3).tolist()
    [0.193, 1.0, 5.18]
    """
    chains, count = draws.shape[-2:]
    cells = draws.reshape(-1, chains, count)
    value, mcse = np.empty((2, len(probs), len(cells)))
    if weights is not None:
        for cell, one in enumerate(cells):
            value[:, cell], mcse[:, cell] = _pooled(one, probs, weights)
    else:
        pooled = np.zeros(value.shape, dtype=bool)
        near = near_of(cells, [span_of(count, prob) for prob in probs])
        for row, prob in enumerate(probs):
            value[row], mcse[row], pooled[row] = by_chain(near[row], count, prob)
        for cell in np.flatnonzero(pooled.any(axis=0)).tolist():
            rows = np.flatnonzero(pooled[:, cell]).tolist()
            value[rows, cell], mcse[rows, cell] = _pooled(cells[cell], [probs[row] for row in rows])
        mcse = np.where(pooled, mcse, np.maximum(mcse, [unseen(part) for part in near]))
        if normals is not None and chains > 1:
            put_right(cells, probs, near, ~pooled, normals, Estimate(value, mcse))
    shape = (len(probs), *draws.shape[:-2])
    return Estimate(value.reshape(shape), mcse.reshape(shape))


def quantiles_of_each(
    arrays: Sequence[np.ndarray], probs: Sequence[float], normals: Normals | None = None
) -> Iterator[Estimate]:
    """Quantiles of several quantities: as `quantiles` of each in turn, but several at a time while they are small.

    Parameters
    ----------
    arrays : sequence of ndarray (chain, draw)
        All of one shape.
    probs : sequence of float
    normals : Normals, optional
        As in `quantiles`, with one output for each array.

    Yields
    ------
    Estimate (prob,)
    """
    group = max(1, TOGETHER // max(1, arrays[0].size)) if arrays else 1
    for first in range(0, len(arrays), group):
        some = slice(first, first + group)
        together = arrays[first][None] if group == 1 else np.array(arrays[some])
        its = normals and normals.of(range(*some.indices(len(arrays))))
        found = quantiles(together, probs, normals=its)
        yield from (Estimate(value, mcse) for value, mcse in zip(found.value.T, found.mcse.T, strict=True))


def _pooled(draws: np.ndarray, probs: Sequence[float] | np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """From `draws` (chain, draw) taken together: quantiles and their MCSE by Woodruff's interval, (2, prob)."""
    chains, size = len(draws), draws.size
    if weights is None:
        ordered, places, unevenness = np.sort(draws, axis=None), (np.arange(size) + 0.5) / size, 1 / size
    else:
        share = np.broadcast_to(weights / weights.sum(), draws.shape).reshape(-1)
        order = np.argsort(draws, axis=None, kind="stable")
        order = order[share[order] > 0]
        ordered, sizes = draws.reshape(-1)[order], share[order]
        places, unevenness = np.cumsum(sizes) - sizes / 2, (share**2).sum()
    # Points in strata give a count that is off by a fraction of one in each chain, however alike the chains look.
    floor = math.sqrt(chains / 12) * unevenness
    found = []
    for prob in probs:
        value = _interpolate(ordered, places, prob)
        ends = []
        for sign, below in ((-1, draws < value), (1, draws <= value)):
            reach = Z_95 * max(floor, float(prob_of(below, weights, bound=False).mcse))
            end = _interpolate(ordered, places, prob + sign * reach)
            seen = places[0] <= prob + sign * reach <= places[-1] or ordered[0] == ordered[-1]
            ends.append(0.0 if seen and end == value else abs(end - value) if seen else math.inf)
        found.append((value, math.inf if chains < 2 and max(ends) > 0 else max(ends) / Z_95))
    return np.array(found).T


def _interpolate(ordered: np.ndarray, places: np.ndarray, prob: float) -> float:
    above = int(np.searchsorted(places, prob))
    if above == 0 or above == len(places):
        return float(ordered[min(above, len(places) - 1)])
    low, high = float(ordered[above - 1]), float(ordered[above])
    part = float((prob - places[above - 1]) / (places[above] - places[above - 1]))
    atom = above > 1 and ordered[above - 2] == low or above + 1 < len(ordered) and ordered[above + 1] == high
    if atom or math.isinf(low) or math.isinf(high):
        return low if part < 0.5 + 1e-9 else high  # the smallest value with at least the probability at or below it
    return low + part * (high - low)


def card(draws: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """The three numbers that Guesstimate shows on a card: mean, low and high, with their errors.

    Low is the 10th percentile of the draws below the mean, high the 90th percentile of those above it: not an
    interval of the distribution, but how published cards are to be read (Cottier, "Trends in the dollar training
    cost of machine learning systems", 2023, used them).

    Parameters
    ----------
    draws : ndarray (chain, draw)
        Values without NaN.
    weights : ndarray (chain, draw), optional
        As in `quantiles`.

    Returns
    -------
    Estimate (3,)
        Mean, low and high, in the unit of the draws.
    """
    value = _card(draws, weights)
    chains = len(draws)
    if not np.isfinite(value).all() or chains < 2:
        return Estimate(value, np.full(3, np.inf))
    # Jackknife over chains: the ends move with the mean, which their own quantile errors do not know.
    left = [np.arange(chains) != chain for chain in range(chains)]
    others = np.array([_card(draws[rest], None if weights is None else weights[rest]) for rest in left])
    return Estimate(value, (chains - 1) * mcse_of(others.T))


def _card(draws: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    mean = float(means(draws, weights).value)
    below, above = (float(prob_of(side, weights).value) for side in (draws < mean, draws > mean))
    if not math.isfinite(mean) or not below or not above:
        return np.full(3, mean)
    return np.array([mean, *quantiles(draws, [0.1 * below, 1 - 0.1 * above], weights).value])

"""What knowing an input is worth: how much narrower the interval and how much lower the score would be.

Expected value of partial perfect information from given draws (Strong, Oakley and Brennan, "Estimating multiparameter
partial expected value of perfect information from a probabilistic sensitivity analysis sample", 2014), with the width
of the interval and the continuous ranked probability score (CRPS) in the place of a decision's value. Worlds are sorted
by what would be known and cut into strata of like worlds, narrow in the tails too; inside a stratum the trend is taken
out, and what is left is the answer's distribution once the input is known. A measurement with an error is known in the
same way.

Worlds of a stratum are alike, not the same, so a little of what would be learned is missed. Strata twice as wide miss
more: the difference tells how much, corrects the gain (Richardson's extrapolation) and goes into its error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.quantile import mcse_of
from forecast.special import ndtr, ndtri

MOST_STRATA, IN_STRATUM = 64, 256  # at most so many strata, with at least so many worlds on average
_FURTHEST, _IN_TAIL = 3.0, 64  # where the last stratum begins: at that normal score, with so many worlds at least
_MISSED, _MISSED_SE = 2 / 3, 1 / 2  # of the difference: what is missed falls by 2 to 4 when strata are halved

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Gains:
    """What is gained on average, for each thing that could be known.

    Parameters
    ----------
    width, width_se : ndarray (known,)
        How much narrower the interval, in the unit of the draws. Below zero where the interval would be wider on
        average: an interval is no proper score (an answer that is nearly always never has an interval of no width).
    score, score_se : ndarray (known,)
        How much lower the expected CRPS, in the unit of the draws.
    width_now, score_now : float
        Without knowing anything.
    """

    width: Array
    width_se: Array
    score: Array
    score_se: Array
    width_now: float
    score_now: float


def gains(draws: Array, known: Array, prob: float = 0.9, *, independent: bool = False, event: bool = False) -> Gains:
    """Expected gains of knowing each of several things, one at a time.

    Parameters
    ----------
    draws : ndarray (chain, draw)
        The answer, finite.
    known : ndarray (known, chain, draw)
        What would be known, in the same worlds; only its order matters.
    prob : float
        Probability inside the equal-tailed interval.
    independent : bool
        Whether worlds are independent draws; if not, they are points that fill space evenly.
    event : bool
        Whether draws are 1 or 0, for what happens or not: no line fits these, and the CRPS is the Brier score.

    Returns
    -------
    Gains
        Estimates from all chains; standard errors from their spread and from what strata miss.

    Examples
    --------
    >>> from forecast.worlds import Design, scores
    >>> z = scores(Design(("a", "b"), seed=1), 0, 4096)
    >>> found = gains(3 * z[0] + 4 * z[1], z)
    >>> (found.width / found.width_now).round(2).tolist()
    [0.2, 0.4]
    """
    chains, size = draws.shape
    answer, chain = draws.reshape(-1), np.repeat(np.arange(chains), size)
    ends = (0.5 - prob / 2, 0.5 + prob / 2)
    now = _spread(answer, np.zeros(answer.size, dtype=np.intp), 1, ends)[:, 0]
    alone = _spread(answer, chain, chains, ends)
    score = ndtri((np.arange(answer.size) + 0.5) / answer.size)
    edges = _edges(answer.size)
    out = np.empty((4, len(known)))
    for row, values in enumerate(known):
        order = np.argsort(values, axis=None, kind="stable")
        y, own = answer[order], chain[order]
        levels = _levels(values.reshape(-1)[order], len(edges) + 1)
        fine = np.repeat(np.arange(len(edges) + 1), np.diff([0, *edges, y.size])) if levels is None else levels
        sloped = levels is None and not event
        left, missed, fitted = _left(y, score, fine, own, chains, ends, sloped, independent)
        if levels is None:
            wide = np.repeat(np.arange(len(edges) // 2 + 1), np.diff([0, *edges[1::2], y.size]))
            difference = _left(y, score, wide, None, 1, ends, sloped, independent)[0] - left
        else:
            difference = np.zeros(2)
        gain = now - (left - _MISSED * difference)
        error = np.sqrt(mcse_of(alone - missed) ** 2 + (_MISSED_SE * difference) ** 2 + fitted**2)
        out[:, row] = gain[0], error[0], gain[1], error[1]
    return Gains(out[0], out[1], out[2], out[3], float(now[0]), float(now[1]))


def _left(
    y: Array,
    score: Array,
    stratum: Array,
    chain: Array | None,
    chains: int,
    ends: tuple[float, float],
    sloped: bool,
    independent: bool,
) -> tuple[Array, Array, Array]:
    """Width and CRPS (2,) that are left in strata on average, those of each chain (2, chain), and what fitting did."""
    counts = np.bincount(stratum)
    strata, kept = len(counts), 0.0
    rest = y - (np.bincount(stratum, y) / counts)[stratum]
    if sloped:
        x = score - (np.bincount(stratum, score) / counts)[stratum]
        squares = np.bincount(stratum, x * x)
        slope = np.bincount(stratum, x * rest) / squares
        kept = _kept(slope, squares, np.bincount(stratum, rest * rest), counts)
        rest -= kept * slope[stratum] * x
    found = _spread(rest, stratum, strata, ends)
    # A mean and a slope take spread away from independent draws, half a draw's worth each, but hardly from even points;
    # likewise the mean difference of draws counts each with itself.
    taken = kept * (2 - kept)
    fitted = np.array([1 + taken, 3 + taken])[:, None] / 2 * found / counts
    share = counts / y.size
    if independent:
        found = found + fitted
    left, doubt = found @ share, fitted @ share / 2
    if chain is None:
        return left, left[:, None], doubt
    cell = chain * strata + stratum
    by_chain = _spread(rest, cell, chains * strata, ends) * np.bincount(cell, minlength=chains * strata)
    return left, by_chain.reshape(2, chains, strata).sum(axis=2) * chains / y.size, doubt


def _kept(slope: Array, squares: Array, total: Array, counts: Array) -> float:
    """How much of the slopes in strata is not noise, 0 to 1: shrunk together, after James and Stein.

    Where other inputs make most of the answer, slopes follow those, and to take them out would add spread.
    """
    noise = (total - slope**2 * squares) / np.maximum(counts - 2, 1)
    signal = float(np.mean(slope**2 * squares / np.maximum(noise, 1e-300)))
    return 1 - 1 / max(1.0, signal)


def _edges(count: int) -> Array:
    """Ranks at which strata end: equal steps of the normal score, so that no stratum is wide; an odd number of them."""
    strata = max(2, min(MOST_STRATA, count // IN_STRATUM)) // 2 * 2
    furthest = min(_FURTHEST, -float(ndtri(np.array([min(_IN_TAIL / count, 0.25)]))[0]))
    return np.round(ndtr(np.linspace(-furthest, furthest, strata - 1)) * count).astype(int)


def _levels(ordered: Array, most: int) -> Array | None:
    """The place of each value among the different ones, if these are few: what is known is a switch or a count."""
    place = np.concatenate([[0], np.cumsum(ordered[1:] != ordered[:-1])])
    return place if place[-1] < most else None


def _spread(values: Array, group: Array, groups: int, ends: tuple[float, float]) -> Array:
    """Width of the interval and expected CRPS of a forecast that is right (half the mean difference of two draws).

    Of each group of values: (2, group), zero for an empty one.
    """
    order = np.argsort(values)
    order = order[np.argsort(group[order].astype(np.uint16), kind="stable")]
    ordered, counts = values[order], np.bincount(group, minlength=groups)
    start = np.cumsum(counts) - counts
    full = np.maximum(counts, 1)

    def at(prob: float) -> Array:
        place = np.clip(prob * counts - 0.5, 0.0, full - 1.0)
        low = np.minimum(place.astype(int), np.maximum(counts - 2, 0))
        first = np.minimum(start + low, values.size - 1)
        second = np.minimum(start + np.minimum(low + 1, full - 1), values.size - 1)
        part = place - low
        return np.asarray((1 - part) * ordered[first] + part * ordered[second])

    width = np.where(counts > 0, at(ends[1]) - at(ends[0]), 0.0)
    rank = np.arange(values.size) - np.repeat(start, counts)
    sign = 2 * rank + 1 - np.repeat(counts, counts)
    crps = np.bincount(np.repeat(np.arange(groups), counts), sign * ordered, groups) / full.astype(float) ** 2
    return np.array([width, crps])

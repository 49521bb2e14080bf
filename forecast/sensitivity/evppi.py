"""What knowing an input is worth: how much narrower the interval and how much lower the score would be.

Expected value of partial perfect information from given draws (Strong, Oakley and Brennan, "Estimating multiparameter
partial expected value of perfect information from a probabilistic sensitivity analysis sample", 2014), with the width
of the interval and the continuous ranked probability score (CRPS) in the place of a decision's value. Worlds are sorted
by what would be known and cut into strata of like worlds; inside a stratum the trend is taken out, and what is left is
the answer's distribution once the input is known. A measurement with an error is known in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.quantile import mcse_of
from forecast.special import ndtri

Array = np.ndarray

MOST_STRATA, IN_STRATUM = 32, 512  # at most so many strata, with at least so many worlds


@dataclass(frozen=True, eq=False)
class Gains:
    """What is gained on average, for each thing that could be known.

    Parameters
    ----------
    width, width_se : ndarray (known,)
        How much narrower the interval, in the unit of the draws.
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


def gains(
    draws: Array,
    known: Array,
    prob: float = 0.9,
    *,
    independent: bool = False,
    event: bool = False,
    orders: Array | None = None,
) -> Gains:
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
    orders : ndarray (known, chain, draw) of int, optional
        Positions that sort each chain of `known`, if they are at hand.

    Returns
    -------
    Gains
        Estimates from all chains; standard errors from their spread.

    Examples
    --------
    >>> from forecast.worlds import Design, scores
    >>> z = scores(Design(("a", "b"), seed=1), 0, 4096)
    >>> found = gains(3 * z[0] + 4 * z[1], z)
    >>> (found.width / found.width_now).round(2).tolist()
    [0.2, 0.4]
    """
    chains, size = draws.shape
    strata = _strata(chains, size)
    each = size // strata
    kept = each * strata
    now = np.sort(draws.reshape(1, -1), axis=-1)
    alone = np.sort(draws, axis=-1)
    width_now, score_now = _width(now, prob)[0], _crps(now)[0]
    width_alone, score_alone = _width(alone, prob), _crps(alone)
    score = ndtri((np.arange(size) + 0.5) / size)[:kept].reshape(strata, each)
    score = score - score.mean(axis=1, keepdims=True)
    out = np.empty((4, len(known)))
    for row, values in enumerate(known):
        order = np.argsort(values, axis=-1, kind="stable") if orders is None else orders[row]
        y = np.take_along_axis(draws, order, axis=-1)[:, :kept].reshape(chains, strata, each)
        middle = y.mean(axis=(0, 2))
        y = y - middle[:, None]
        if not event:
            slope = np.einsum("cse,se->s", y, score) / (chains * (score**2).sum(axis=1))
            y = y - slope[:, None] * score
        count = chains * each
        whole = np.sort(np.swapaxes(y, 0, 1).reshape(strata, -1), axis=-1)
        parts = np.sort(y, axis=-1)
        wide, part_wide = _width(whole, prob).mean(), _width(parts, prob).mean(axis=-1)
        crps, part_crps = _crps(whole).mean(), _crps(parts).mean(axis=-1)
        # A mean and a slope were fitted, which takes spread away from independent draws, but hardly from even points.
        fitted = 1 / count
        if independent:
            wide, crps = wide * (1 + fitted), crps * (1 + 2 * fitted)
        width_se = np.hypot(mcse_of(width_alone - part_wide), fitted * wide / 2)
        score_se = np.hypot(mcse_of(score_alone - part_crps), fitted * crps)
        out[:, row] = width_now - wide, width_se, score_now - crps, score_se
    return Gains(out[0], out[1], out[2], out[3], float(width_now), float(score_now))


def _strata(chains: int, draws: int) -> int:
    most = max(1, min(MOST_STRATA, chains * draws // IN_STRATUM))
    return 1 << (most.bit_length() - 1)


def _width(ordered: Array, prob: float) -> Array:
    """Width (…) of the interval of sorted draws (…, draw)."""
    return np.asarray(_at(ordered, 0.5 + prob / 2) - _at(ordered, 0.5 - prob / 2))


def _at(ordered: Array, prob: float) -> Array:
    count = ordered.shape[-1]
    place = min(max(prob * count - 0.5, 0.0), count - 1.0)
    low = min(int(place), count - 2)
    part = place - low
    return np.asarray((1 - part) * ordered[..., low] + part * ordered[..., low + 1])


def _crps(ordered: Array) -> Array:
    """Expected CRPS (…) of a forecast that is right: half the mean difference of two draws, from sorted draws."""
    count = ordered.shape[-1]
    weights = (2 * np.arange(1, count + 1) - count - 1) / count**2
    return np.asarray(ordered @ weights)

"""Importance weights made trustworthy: Pareto-smoothed, with k-hat and the effective number of worlds.

Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto smoothed importance sampling" (2024); the generalised Pareto fit is
that of Zhang and Stephens, "A new and efficient estimation method for the generalized Pareto distribution" (2009).
Written out here because importing ArviZ's (which the tests compare it with) takes ten times as long as a whole run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
_FEWEST = 5  # draws in a tail, below which there is nothing to fit


@dataclass(frozen=True, eq=False)
class Weights:
    """Importance weights of worlds.

    Parameters
    ----------
    weight : ndarray (world,)
        Adding up to one.
    khat : float
        Shape of the weights' tail: below 0.7 they can be trusted. Minus infinity if all are alike, infinity if too few
        are not zero.
    effective : float
        How many equally weighted worlds they are worth.
    """

    weight: Array
    khat: float
    effective: float


def smoothed(log_ratio: Array) -> Weights:
    """Weights from the logarithms of importance ratios (for evidence: log likelihoods of prior worlds).

    Parameters
    ----------
    log_ratio : ndarray (world,)
        Up to a constant; minus infinity for impossible worlds. Mind that ArviZ's ``psislw`` takes the negative.

    Returns
    -------
    Weights

    Examples
    --------
    >>> found = smoothed(np.zeros(1000))
    >>> found.khat, round(found.effective)
    (-inf, 1000)
    """
    size = log_ratio.size
    top = float(log_ratio.max(initial=-np.inf))
    if not math.isfinite(top):
        return Weights(np.zeros(size), math.inf, 0.0)
    log = log_ratio - top
    khat = -math.inf
    count = int(3 * math.sqrt(size)) if size > 225 else size // 5
    if log.min() < -1e-12 and count >= _FEWEST:
        order = np.argpartition(log, size - count - 1)[size - count - 1 :]
        order = order[np.argsort(log[order], kind="stable")]
        cut, tail = max(float(log[order[0]]), math.log(np.finfo(float).tiny)), order[1:]
        tail = tail[log[tail] > cut]
        excess = np.exp(log[tail]) - math.exp(cut)
        if len(tail) < _FEWEST:
            # Either nothing stands out (ties at the top), or hardly any world is possible at all.
            khat = -math.inf if np.count_nonzero(log > cut - 1e-9) > count else math.inf
        else:
            shape, scale = pareto(excess)
            khat = shape
            if math.isfinite(shape):
                place = (np.arange(len(tail)) + 0.5) / len(tail)
                with np.errstate(over="ignore"):
                    spread = (
                        -scale * np.log1p(-place)
                        if abs(shape) < 1e-12
                        else scale * np.expm1(-shape * np.log1p(-place)) / shape
                    )
                log = log.copy()
                log[tail] = np.minimum(np.log(spread + math.exp(cut)), 0.0)
    weight = np.exp(log)
    weight /= weight.sum()
    return Weights(weight, khat, float(1 / np.sum(weight**2)))


def pareto(excess: Array) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution, with a weak prior that draws the shape to 0.5.

    Parameters
    ----------
    excess : ndarray (draw,)
        Ascending, positive.
    """
    count = len(excess)
    quarter = excess[int(count / 4 + 0.5) - 1]
    if quarter <= excess[0]:  # no Pareto tail: many are alike at its foot, and a few stand out or none does
        return (math.inf if excess[-1] > 100 * excess.mean() else -math.inf), math.nan
    grid = 30 + int(math.sqrt(count))
    theta = 1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    theta = theta / (3 * quarter) + 1 / excess[-1]
    shape = np.log1p(-theta[:, None] * excess).mean(axis=1)
    with np.errstate(all="ignore"):
        profile = count * (np.log(-theta / shape) - shape - 1)
    profile = np.where(np.isnan(profile), -np.inf, profile)
    weight = np.exp(profile - profile.max())
    weight /= weight.sum()
    best = float(
        (theta * weight)[weight >= 10 * np.finfo(float).eps].sum() / weight[weight >= 10 * np.finfo(float).eps].sum()
    )
    found = float(np.log1p(-best * excess).mean())
    scale = -found / best
    return (count * found + 5) / (count + 10), scale


def resampled(weight: Array, count: int, rng: np.random.Generator) -> Array:
    """Systematic resampling: positions, each about as often as its weight says, in random order.

    Parameters
    ----------
    weight : ndarray (world,)
    count : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray (count,) of int
    """
    total = np.cumsum(weight)
    places = (np.arange(count) + rng.random()) / count * total[-1]
    chosen = np.minimum(np.searchsorted(total, places, side="right"), weight.size - 1)
    return rng.permutation(chosen)

"""Monte Carlo standard errors (MCSE): how far a figure would stray with other draws.

Draws are (..., chain, draw): chains are independent replicates of one design, so the spread of their estimates is the
error of their mean, whatever correlation the points have inside a chain. With few chains that spread is itself
uncertain; every MCSE is therefore ``s / sqrt(chains) * t / 1.96``, with t the 97.5% point of Student's distribution
with chains - 1 degrees of freedom, so that the estimate plus or minus 1.96 MCSE covers 95%.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Z_95 = 1.959963984540054  # 97.5% point of the normal distribution


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimates and their Monte Carlo standard errors, of one shape.

    Parameters
    ----------
    value : ndarray
        The estimates.
    mcse : ndarray
        Their standard errors: 0 where the draws leave no doubt, ``inf`` where they cannot tell (a quantile at the
        edge of an infinite part, or beyond the draws; a single chain).
    """

    value: np.ndarray
    mcse: np.ndarray


def mcse_of(by_chain: np.ndarray) -> np.ndarray:
    """MCSE (...) of the mean of independent estimates (..., chain); ``inf`` if there is one alone."""
    chains = by_chain.shape[-1]
    if chains < 2:
        return np.full(by_chain.shape[:-1], np.inf)
    return by_chain.std(axis=-1, ddof=1) / math.sqrt(chains) * student_factor(chains)


@lru_cache
def student_factor(chains: int) -> float:
    """How much wider Student's 95% interval with chains - 1 degrees of freedom is than the normal one.

    Bisection on the closed form for whole degrees of freedom, Abramowitz and Stegun (1964) 26.7.3 and 26.7.4.
    """
    freedom = chains - 1

    def inside(angle: float) -> float:
        cosine2, term, total = math.cos(angle) ** 2, 1.0, 0.0
        if freedom % 2:
            term = math.cos(angle)
            for k in range(1, freedom - 1, 2):
                total += term
                term *= cosine2 * (k + 1) / (k + 2)
            return (angle + math.sin(angle) * total) * 2 / math.pi
        for k in range(0, freedom - 1, 2):
            total += term
            term *= cosine2 * (k + 1) / (k + 2)
        return math.sin(angle) * total

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < 0.95 else (low, middle)
    return math.tan(low) * math.sqrt(freedom) / Z_95


def posterior_mcse(
    draws: np.ndarray, probs: Sequence[float] | np.ndarray | None, batches: Sequence[np.ndarray]
) -> np.ndarray:
    """Standard errors that come from having finitely many posterior draws, whatever the number of worlds.

    Worlds choose among the draws of a fitted posterior. The draws are cut into runs; the quantiles of the worlds of
    each run differ by the error of a run, and the error of all is that over the root of their number (batch means:
    Flegal and Jones, "Batch means and spectral variance estimators in Markov chain Monte Carlo", 2010). Evidence
    favours some draws, so that a run counts by its share of the worlds.

    Parameters
    ----------
    draws : ndarray (chain, draw)
        Values without NaN.
    probs : sequence of float or None
        Probabilities in (0, 1) of quantiles; None for the mean.
    batches : sequence of ndarray (chain, draw) of int
        For each posterior, the run that each world's draw belongs to.

    Returns
    -------
    ndarray (prob,), of one entry for the mean
        0 where the runs agree (at an atom), ``inf`` where some of them are infinite.
    """
    total = np.zeros(1 if probs is None else len(probs))
    for runs in batches:
        names, counts = np.unique(runs, return_counts=True)
        by_run = np.array([_of_run(draws[runs == run], probs) for run in names])
        with np.errstate(invalid="ignore"):
            error = _mcse_of_unequal(by_run, counts / counts.sum())
        same = (by_run == by_run[0]).all(axis=0)
        total += np.where(same, 0.0, np.where(np.isnan(error), np.inf, error)) ** 2
    return np.sqrt(total)


def _of_run(draws: np.ndarray, probs: Sequence[float] | np.ndarray | None) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        if probs is None:
            return np.array([draws.mean()])
        return np.array(np.quantile(draws, probs, method="inverted_cdf"))


def _mcse_of_unequal(by_run: np.ndarray, share: np.ndarray) -> np.ndarray:
    """MCSE (prob,) of the mean of independent estimates (run, prob) with these shares: `mcse_of` if they are equal."""
    effective = 1 / float((share**2).sum())
    if effective < 1.5:
        return np.full(by_run.shape[1], np.inf)
    away = by_run - (share[:, None] * by_run).sum(axis=0)
    variance = ((share[:, None] * away) ** 2).sum(axis=0) * effective / (effective - 1)
    error: np.ndarray = np.sqrt(variance) * student_factor(max(2, round(effective)))
    return error

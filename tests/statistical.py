"""Assertions on random results, with both error rates under control.

A tolerance that someone chose by eye either fails by chance or lets errors pass. Here it follows from the Monte
Carlo error and a stated rate of false alarms, and a test that could not see the error it is there for fails too.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import stats


def assert_mean(
    draws: np.ndarray, expected: float, *, detects: float, false_alarm: float = 1e-6, power: float = 0.99
) -> None:
    """Assert that the mean of the draws' distribution is the expected one.

    Parameters
    ----------
    draws : ndarray (chain, draw) or (draw,)
        Independent chains (points inside a chain may be correlated, as Sobol points are), or independent draws.
    expected : float
        The mean by theory.
    detects : float
        The smallest error that matters. The assertion fails, whatever the mean, if an error of this size would be
        missed with a probability of more than ``1 - power``.
    false_alarm : float
        Probability that a correct mean fails.
    power : float
        Probability that an error of `detects` fails.
    """
    independent = draws.mean(axis=-1) if draws.ndim == 2 else draws
    error = float(independent.std(ddof=1)) / math.sqrt(independent.size)
    student = stats.t(independent.size - 1)
    tolerance = float(student.isf(false_alarm / 2)) * error
    seen = tolerance + float(student.ppf(power)) * error
    mean = float(draws.mean())
    assert seen <= detects, f"too few draws: they detect an error of {seen:.3g}, not one of {detects:.3g}"
    assert abs(mean - expected) <= tolerance, f"mean {mean:.6g}, expected {expected:.6g} within {tolerance:.3g}"


def over_chains(statistic: Callable[..., float], *draws: np.ndarray) -> tuple[float, float]:
    """A statistic of each chain of the draws ``(chain, draw)``: mean over chains, and its standard error from their spread."""
    each = np.array([statistic(*chains) for chains in zip(*draws, strict=True)])
    return float(each.mean()), float(each.std(ddof=1)) / math.sqrt(len(each))


def assert_share(hits: int, trials: int, low: float, high: float, false_alarm: float = 1e-6) -> None:
    """Assert that a probability, of which `hits` in independent `trials` were seen, may lie in low to high."""
    too_few = stats.binom.cdf(hits, trials, low)
    too_many = stats.binom.sf(hits - 1, trials, high)
    assert min(too_few, too_many) >= false_alarm, f"{hits} of {trials} is not a probability of {low} to {high}"

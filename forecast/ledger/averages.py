"""Many scores together: means and shares with intervals for what other outcomes would have made of them, PIT values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.special import ndtr, ndtri

Array = np.ndarray


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
    """Mean of scores, with an expanded percentile bootstrap interval over groups that share what happened.

    Forecasts of one outcome, made at different times, err together: they are drawn together. A percentile interval of
    few groups is too narrow; its levels are moved to what Student's distribution asks for (Hesterberg, "What teachers
    should know about the bootstrap", 2015, section 4.4).

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
    from forecast.trend.least_squares import t_quantile

    array = np.asarray(values, dtype=float)
    if not len(array):
        return Mean(math.nan, math.nan, math.nan, 0)
    member, count = _members(groups, len(array))
    if count < 2:
        return Mean(float(array.mean()), math.nan, math.nan, len(array))
    sums, counts = np.bincount(member, array, count), np.bincount(member, minlength=count)
    chosen = np.random.default_rng(seed).integers(0, count, (4000, count))
    means = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    tail = float(ndtr(np.array([-t_quantile(0.5 + prob / 2, count - 1) * math.sqrt(count / (count - 1))]))[0])
    low, high = np.quantile(means, [tail, 1 - tail])
    return Mean(float(array.mean()), float(low), float(high), len(array))


def share(hits: Sequence[bool], groups: Sequence[str] | None = None, prob: float = 0.9) -> Mean:
    """Share of hits with Wilson's interval ("Probable inference", 1927), groups of one outcome counting as one.

    Even if all are hits, the interval has a width.

    Examples
    --------
    >>> share([True] * 5)
    Mean(value=1.0, low=0.648..., high=1.0, count=5)
    """
    if not len(hits):
        return Mean(math.nan, math.nan, math.nan, 0)
    _, count = _members(groups, len(hits))
    value = float(np.mean(hits))
    z = float(ndtri(np.array([0.5 + prob / 2]))[0])
    middle = (value + z * z / 2 / count) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(value * (1 - value) / count + z * z / 4 / count**2)
    return Mean(value, max(0.0, middle - half), min(1.0, middle + half), len(hits))


def _members(groups: Sequence[str] | None, count: int) -> tuple[Array, int]:
    """The number of each value's group, and how many groups there are."""
    if groups is None:
        return np.arange(count), count
    names = {name: place for place, name in enumerate(sorted(set(groups)))}
    return np.array([names[name] for name in groups]), len(names)


def pit_histogram(reaches: Sequence[tuple[float, float]], bins: int = 10) -> list[float]:
    """Probability integral transforms by class: even if the forecasts are calibrated, a U if they are too narrow.

    An outcome that a forecast gave a probability of its own (never) is spread evenly over that probability (Czado,
    Gneiting and Held, "Predictive model assessment for count data", 2009).

    Parameters
    ----------
    reaches : sequence of (float, float)
        Of `Predictive.reach`, at what happened.
    bins : int

    Returns
    -------
    list of float
        Outcomes in each class; they sum to their number.

    Examples
    --------
    >>> pit_histogram([(0.05, 0.05), (0.7, 1.0)], bins=5)
    [1.0, 0.0, 0.0, 0.333, 0.667]
    """
    edges = np.arange(bins + 1) / bins
    counts = np.zeros(bins)
    for low, high in reaches:
        if high - low < 1e-9:
            counts[min(int(high * bins), bins - 1)] += 1
        else:
            counts += np.diff(np.clip((edges - low) / (high - low), 0, 1))
    return [round(float(count), 3) for count in counts]

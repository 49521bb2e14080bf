"""What drives a quantity: read off the run's own worlds, so that inputs which depend on each other stay together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.graph import ancestors
from forecast.quantile import mcse_of
from forecast.result import Forecast
from forecast.sampling import request_of, sample

DRAWN = 8192  # draws of each chain that are looked at
NEAR = 0.025  # half-width in probability of the worlds in which an input counts as being at its 5% or 95% point
CLASSES = 32  # slices of an input, for the share of variance


@dataclass(frozen=True)
class Driver:
    """How far one prior moves a quantity.

    Parameters
    ----------
    name : str
    rank_correlation, se_rank_correlation : float
        Spearman's, between the prior and the quantity.
    share, se_share : float
        Part of the variance of the quantity's ranks that goes when the prior becomes known (a first-order index; ranks,
        because costs have heavy tails and a crossing year may be never).
    at_low, at_high : float
        Median of the quantity in the worlds where the prior is near its 5% and near its 95% point, the others
        following as they depend on it.
    se_low, se_high : float
    """

    name: str
    rank_correlation: float
    se_rank_correlation: float
    share: float
    se_share: float
    at_low: float
    at_high: float
    se_low: float
    se_high: float


def drivers(forecast: Forecast, quantity: str) -> list[Driver]:
    """Priors that a quantity follows from, the strongest first.

    Parameters
    ----------
    forecast : Forecast
    quantity : str
        A name, or ``name@year``.

    Returns
    -------
    list of Driver
        Uncertain priors, and parameters of trends, that are ancestors of the quantity.
    """
    request = request_of(quantity)
    study = forecast.study
    needed = ancestors([request.name], study.functions) - {request.name}
    names = [name for name in study.priors if name in needed and name in forecast.design.inputs]
    names += [c.name for c in study.curves.values() if c.name in needed and c.part not in ("line", "new", "record")]
    if not names:
        return []
    draws = min(DRAWN, forecast.draws)
    output = _ranks(forecast.at(request.name, request.year)[:, :draws])
    original = forecast.at(request.name, request.year)[:, :draws]
    inputs = sample(study, forecast.design, names, forecast.years, 0, draws, forecast.block, forecast.threads)
    found = [_driver(name, inputs[name], output, original) for name in names]
    return sorted(found, key=lambda driver: (-driver.share, driver.name))


def _driver(name: str, values: np.ndarray, output: np.ndarray, original: np.ndarray) -> Driver:
    ranks = _ranks(values)
    by_chain = np.array([_correlation(a, b) for a, b in zip(ranks, output, strict=True)])
    shares = np.array([_share(a, b) for a, b in zip(ranks, output, strict=True)])
    ends = []
    for prob in (0.05, 0.95):
        near = np.abs(ranks - prob) <= NEAR
        medians = np.array([np.quantile(o[n], 0.5, method="inverted_cdf") if n.any() else np.nan for n, o in zip(near, original, strict=True)])
        pooled = original[near]
        value = float(np.quantile(pooled, 0.5, method="inverted_cdf")) if pooled.size else float(np.median(original))
        finite = np.isfinite(medians).all()
        ends.append((value, float(mcse_of(medians)) if finite else np.inf))
    (low, se_low), (high, se_high) = ends
    return Driver(
        name,
        _correlation(ranks.ravel(), output.ravel()),
        float(mcse_of(by_chain)),
        float(max(0.0, shares.mean())),
        float(mcse_of(shares)),
        low,
        high,
        se_low,
        se_high,
    )


def _ranks(values: np.ndarray) -> np.ndarray:
    """Mid-ranks over all chains as probabilities, of the values' shape; equal values share theirs."""
    flat = values.ravel()
    order = np.sort(flat)
    middle = (np.searchsorted(order, flat, "left") + np.searchsorted(order, flat, "right")) / 2
    return np.asarray(middle / flat.size).reshape(values.shape)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size else 0.0


def _share(a: np.ndarray, b: np.ndarray) -> float:
    """First-order index of b's variance from classes of a, corrected for what chance alone would explain."""
    classes = np.minimum((a * CLASSES).astype(int), CLASSES - 1)
    count = np.bincount(classes, minlength=CLASSES)
    used = count > 0
    total = float(((b - b.mean()) ** 2).sum())
    if not total or used.sum() < 2:
        return 0.0
    means = np.bincount(classes, b, CLASSES)[used] / count[used]
    between = float((count[used] * (means - b.mean()) ** 2).sum())
    within = total - between
    return (between - (used.sum() - 1) * within / max(1, b.size - used.sum())) / total

"""Made-up series with known truth, priors in text, and simulation-based calibration, for the tests of trends."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from forecast.distribution import parse
from forecast.trend.likelihood import line_and_slope, row_scale
from forecast.trend.series import Series, decimal_year, series
from forecast.trend.spec import TrendSpec

LEVEL_YEAR = 2018.0
PRIORS = {
    "level": "normal(mean=6, sd=1)",
    "growth": "normal(mean=0.5, sd=0.3)",
    "scatter": "lognormal(median=0.3, sigma=0.4)",
    "change": "normal(mean=0, sd=0.5)",
    "kink": "uniform(low=2012, high=2021)",
}


def spec(shape: str = "kinked", **changes: object) -> TrendSpec:
    """A declaration with everyday priors; texts among the changes are parsed."""
    read = {key: parse(text, key) for key, text in PRIORS.items()}
    words = ("shape", "noise", "route")
    changed = {
        key: parse(value, key) if isinstance(value, str) and key not in words else value
        for key, value in changes.items()
    }
    return replace(TrendSpec(shape, LEVEL_YEAR, **read, draws=4000), **changed)


def made_up(rng: np.random.Generator, rows: int = 60, change: float = -0.5, kink: float = 2016.5, scatter: float = 0.3,
            growth: float = 0.9, se: float = 0.0) -> Series:  # fmt: skip
    """A kinked series with known parameters."""
    t = np.sort(rng.uniform(2010, 2023, rows))
    bend = np.maximum(t - kink, 0) - max(LEVEL_YEAR - kink, 0)
    y = 6 + growth * (t - LEVEL_YEAR) + change * bend + np.hypot(scatter, se) * rng.standard_normal(rows)
    return series("made up", t, y, se)


def simulate(rng: np.random.Generator, declared: TrendSpec, frame: Series) -> tuple[dict[str, np.ndarray], Series]:
    """Parameters from the priors, and rows from them at the dates and errors of `frame`."""
    truth = {name: np.atleast_1d(prior.quantile(rng.random(1))) for name, prior in declared.priors().items()}
    truth.setdefault("change", np.zeros(1))
    line, slope = line_and_slope(truth, frame, declared.level_year)
    noise = rng.standard_normal(len(frame))
    if "dof" in truth:
        noise /= np.sqrt(rng.chisquare(truth["dof"], len(frame)) / truth["dof"])
    return truth, replace(frame, y=(line + row_scale(truth, slope, frame) * noise)[0])


@lru_cache
def least_chance(simulations: int, draws: int, false_alarm: float) -> float:
    """Smallest pointwise chance that uniform ranks reach anywhere, at a false-alarm rate; simulated once."""
    rng = np.random.default_rng(20231)
    counts = rng.multinomial(simulations, np.full(draws + 1, 1 / (draws + 1)), size=20_000)
    chances = _pointwise(np.cumsum(counts, axis=1)[:, :-1], simulations)
    return float(np.quantile(chances.min(1), false_alarm))


def _pointwise(below: np.ndarray, simulations: int) -> np.ndarray:
    points = below.shape[-1]
    p = np.arange(1, points + 1) / (points + 1)
    table = binom.cdf(np.arange(-1, simulations + 1)[:, None], simulations, p)
    column = np.arange(points)
    return 2 * np.minimum(table[below + 1, column], 1 - table[below, column])


def outside_band(ranks: np.ndarray, draws: int, false_alarm: float = 1e-3) -> bool:
    """Whether ranks in 0..draws leave the simultaneous band of the uniform's ECDF.

    The band of Säilynoja, Bürkner and Vehtari, "Graphical test for discrete uniformity" (2022): the pointwise binomial
    chance of the cumulative count at every rank, cut where a uniform sample gets anywhere with the false-alarm rate.
    """
    counts = np.bincount(ranks, minlength=draws + 1)
    chance = _pointwise(np.cumsum(counts)[None, :-1], len(ranks)).min()
    return bool(chance < least_chance(len(ranks), draws, false_alarm))


def epoch_rows() -> list[dict[str, str]]:
    """The rows of the Epoch file in FORECAST_DATA; skips the test where there is none."""
    folder = os.environ.get("FORECAST_DATA")
    path = Path(folder or "") / "epoch-notable-2024-07.csv"
    if not folder or not path.exists():
        pytest.skip("FORECAST_DATA is not set, or has no epoch-notable-2024-07.csv")
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [row for row in csv.DictReader(file) if row["Training compute (FLOP)"] and row["Publication date"]]


def epoch_series(rows: list[dict[str, str]]) -> Series:
    return series(
        "epoch",
        [decimal_year(row["Publication date"]) for row in rows],
        [np.log10(float(row["Training compute (FLOP)"])) for row in rows],
    )

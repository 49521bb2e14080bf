"""Mean line, new system, running record: their definitions, by brute force where there is no formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from forecast.trend.curve import Lines, mean_line, new_system, running_record
from forecast.trend.noise import noise_table
from tests.trend_support import LEVEL_YEAR

SCORES = stats.norm.ppf((np.arange(4001) + 0.5) / 4001)


def lines(worlds: int = len(SCORES), **changes: float | np.ndarray) -> Lines:
    """The same line in every world, unless told otherwise."""
    values = {"level": 6.0, "growth": 0.9, "change": -0.5, "kink": 2016.0, "scatter": 0.4, "rate": 6.0} | changes
    arrays = {key: np.broadcast_to(np.asarray(value, dtype=float), worlds).copy() for key, value in values.items()}
    return Lines(
        LEVEL_YEAR,
        **arrays,
        table=None,
        record_t=np.array([2015.0, 2020.0, 2022.5]),
        record_y=np.array([4.0, 7.1, 7.1]),
    )


def record_by_brute_force(
    line: Lines, years: list[float], rng: np.random.Generator, dof: float | None = None
) -> np.ndarray:
    """The process itself: Poisson arrivals, each a system around the line at its own date; (year, world)."""
    last, horizon = line.record_t[-1], max(years)
    counts = rng.poisson(line.rate * (horizon - last))
    world = np.repeat(np.arange(len(counts)), counts)
    when = last + (horizon - last) * rng.random(counts.sum())
    noise = rng.standard_normal(len(when)) if dof is None else rng.standard_t(dof, len(when))
    bend = np.maximum(when - line.kink[world], 0) - np.maximum(LEVEL_YEAR - line.kink[world], 0)
    mean = line.level[world] + line.growth[world] * (when - LEVEL_YEAR) + line.change[world] * bend
    value = mean + line.scatter[world] * noise
    record = np.full((len(years), len(counts)), line.record_y[-1])
    for i, year in enumerate(years):
        np.maximum.at(record[i], world[when <= year], value[when <= year])
    return record


def test_the_mean_line_passes_the_level_and_bends_at_the_kink():
    line = lines(1)
    assert mean_line(line, np.array([LEVEL_YEAR]))[0, 0] == 6.0
    heights = mean_line(line, np.array([2014.0, 2015.0, 2016.0, 2017.0, 2018.0]))[:, 0]
    np.testing.assert_allclose(np.diff(heights), [0.9, 0.9, 0.4, 0.4])
    straight = mean_line(lines(1, change=0.0), np.array([[2014.0], [2015.0]]))
    np.testing.assert_allclose(np.diff(straight[:, 0]), [0.9])


def test_a_new_system_is_scattered_around_the_mean_line():
    line, years = lines(), np.array([2025.0, 2030.0])
    value = new_system(line, years, SCORES)
    np.testing.assert_allclose(value - mean_line(line, years), np.broadcast_to(0.4 * SCORES, (2, len(SCORES))))
    # Scores may differ by year.
    other = new_system(line, years, np.stack([SCORES, -SCORES]))
    np.testing.assert_allclose(other[1] - mean_line(line, years)[1], -0.4 * SCORES)


def test_the_record_is_the_reported_one_up_to_the_last_date():
    record = running_record(lines(3), np.array([2014.0, 2015.0, 2019.0, 2020.0, 2022.5]), np.zeros(3))
    assert record[0].tolist() == [-np.inf] * 3
    assert record[1:, 0].tolist() == [4.0, 4.0, 7.1, 7.1]


@pytest.mark.parametrize(
    ("changes", "dof"),
    [
        ({}, None),
        ({"rate": 0.4}, None),
        ({"kink": 2026.0, "change": 1.0}, None),
        ({"growth": 0.5, "change": -0.6}, None),  # a falling line: records come from its beginning
        ({"growth": 0.0, "change": 0.0, "level": 7.0}, None),
        ({"scatter": 0.05}, None),
        ({}, 2.5),
        ({"rate": 12.0, "growth": 0.55}, 6.0),
    ],
)
def test_the_record_has_the_distribution_of_the_process(changes, dof):
    years = [2023.0, 2025.0, 2029.0, 2040.0]
    line = lines(**changes)
    table = None if dof is None else noise_table(np.full(len(SCORES), dof))
    record = running_record(replace(line, table=table), np.array(years), SCORES)
    worlds = 20_000
    brute = record_by_brute_force(lines(worlds, **changes), years, np.random.default_rng(7), dof)
    assert (np.diff(record, axis=0) >= 0).all()
    for mine, true in zip(record, brute, strict=True):
        # Kolmogorov distance; the deterministic grid of scores adds 1/8002, the bound is for one false alarm in 1e5.
        points = np.unique(np.concatenate([true, mine]))
        below = [np.searchsorted(np.sort(part), points, side="right") / len(part) for part in (mine, true)]
        assert np.abs(below[0] - below[1]).max() < np.sqrt(np.log(2e5) / (2 * worlds)) + 1 / len(SCORES)


def test_the_record_does_not_depend_on_the_years_asked_for():
    line = lines(change=np.where(np.arange(len(SCORES)) % 2, -0.5, 0.0))
    every = running_record(line, np.arange(2023.0, 2061.0), SCORES)
    some = running_record(line, np.array([2023.0, 2040.0, 2060.0]), SCORES)
    # What is cut off of the early arrivals is worth less than 2e-5 OOM.
    np.testing.assert_allclose(every[[0, 17, 37]], some, rtol=0, atol=2e-5)


def test_more_luck_and_more_systems_give_a_higher_record():
    years = np.array([2024.0, 2030.0])
    record = running_record(lines(), years, SCORES)
    assert (np.diff(record, axis=1) >= 0).all()
    assert (running_record(lines(rate=60.0), years, SCORES)[1] > record[1]).all()

from __future__ import annotations

import numpy as np
import pytest

from forecast.errors import UsageError
from forecast.trend.least_squares import straight_line
from forecast.trend.methods import (
    cost_from_compute,
    cost_from_hardware,
    cost_growth_from_compute,
    end_points,
    growth_from_doubling,
    linear_average,
    mixture,
)
from forecast.trend.series import dated_between, decimal_year
from tests.trend_support import epoch_rows, epoch_series, made_up

Z95 = 1.959963984540054


def price_performance(draws: int, rng: np.random.Generator) -> np.ndarray:
    """Hobbhahn and Besiroglu (2022): FLOP per dollar doubles in 2.24 to 2.72 years (95%)."""
    low, high = growth_from_doubling(np.array([2.72, 2.24]))
    return (low + high) / 2 + (high - low) / (2 * Z95) * rng.standard_normal(draws)


def test_method_1_on_the_vintage_of_july_2024():
    """n = 268, 0.6072 OOM/yr of compute, 0.485 (0.433 to 0.540) of cost."""
    data = epoch_series(epoch_rows())
    data = data.take(dated_between(data, decimal_year("2009-06-01"), decimal_year("2022-07-31")))
    assert len(data) == 268
    assert round(straight_line(data).growth_before, 4) == 0.6072
    rng = np.random.default_rng(1)
    growth = cost_growth_from_compute(data, price_performance(60_000, rng), rng)
    # A percentile of 60,000 draws has a standard error of 0.0003 here.
    for prob, published in ((0.05, 0.433), (0.5, 0.485), (0.95, 0.540)):
        assert np.quantile(growth, prob) == pytest.approx(published, abs=0.0017)


def test_method_1_takes_price_performance_off_draw_by_draw():
    data = made_up(np.random.default_rng(2), rows=300, change=0.0)
    rng = np.random.default_rng(3)
    alone = cost_growth_from_compute(data, np.zeros(4000), rng)
    less = cost_growth_from_compute(data, 0.12 + 0.1 * np.random.default_rng(4).standard_normal(4000), rng)
    assert less.mean() == pytest.approx(alone.mean() - 0.12, abs=4.4 * 0.1 / np.sqrt(4000))
    assert less.std() == pytest.approx(np.hypot(alone.std(), 0.1), rel=0.06)


def test_costs_of_single_systems():
    assert cost_from_compute(np.array([1e24]), np.array([1e17])).tolist() == [1e7]
    # A tenth of the life of 100 accelerators of $20,000.
    assert cost_from_hardware(np.array(100.0), np.array(1752.0), np.array(2e4), np.array(17520.0)) == pytest.approx(2e5)


def test_a_mixture_is_not_an_average():
    rng = np.random.default_rng(5)
    parts = [0.51 + 0.038 * rng.standard_normal(100_000), 0.2 + 0.09 * rng.standard_normal(100_000)]
    mixed = mixture(parts, [3, 1], rng.random(100_000))
    averaged = linear_average(parts, [3, 1])
    mean = 0.75 * 0.51 + 0.25 * 0.2
    between = 0.75 * (0.51 - mean) ** 2 + 0.25 * (0.2 - mean) ** 2
    assert mixed.mean() == pytest.approx(mean, abs=0.003) and averaged.mean() == pytest.approx(mean, abs=0.001)
    assert mixed.var() == pytest.approx(0.75 * 0.038**2 + 0.25 * 0.09**2 + between, rel=0.03)
    assert averaged.var() == pytest.approx((0.75 * 0.038) ** 2 + (0.25 * 0.09) ** 2, rel=0.03)
    assert set(mixture([np.zeros(9), np.ones(9)], [1, 0], np.linspace(0, 1, 9))) == {0.0}
    for weights in ([1], [1, -1], [0, 0]):
        with pytest.raises(UsageError, match="weights"):
            mixture(parts, weights, rng.random(100_000))


def test_cottiers_weighted_mixture_of_methods():
    """K5: Method 1 (0.45 to 0.57) and Method 2 (0.34 to 0.52), as a mixture of normals: 0.49 (0.37 to 0.56)."""
    rng = np.random.default_rng(6)
    z90 = 1.6448536269514722
    parts = [
        (low + high) / 2 + (high - low) / 2 / z90 * rng.standard_normal(400_000)
        for low, high in ((0.45, 0.57), (0.34, 0.52))
    ]
    mixed = mixture(parts, [0.7, 0.3], rng.random(400_000))
    assert np.mean(mixed) == pytest.approx(0.49, abs=0.01)
    np.testing.assert_allclose(np.quantile(mixed, [0.05, 0.95]), [0.37, 0.56], atol=0.01)


def test_end_points_of_the_naive_forecast():
    """K10: Minerva's $3.27M in mid-2022, growing by 0.49 (0.37 to 0.56) OOM/yr, exceeds $233B in 2032 (2031 to 2036)."""
    assert [int(year) for year in end_points(3.27e6, 2022.5, [0.49, 0.56, 0.37], 233e9)] == [2032, 2031, 2035]
    assert end_points(10.0, 2020.0, [0.0, -1.0], 100.0) == (np.inf, np.inf)
    assert end_points(10.0, 2020.0, [0.5], 5.0) == (2020.0,)

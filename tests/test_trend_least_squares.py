from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from forecast.errors import StudyError
from forecast.trend.least_squares import growth_less, kinked_line, pairs_bootstrap, straight_line
from forecast.trend.series import Series, decimal_year, near_record, series
from tests.trend_support import epoch_rows, epoch_series, made_up


def test_a_straight_line_has_the_textbook_figures():
    data = made_up(np.random.default_rng(1), change=0.0)
    line, book = straight_line(data), stats.linregress(data.t, data.y)
    assert line.growth_before == line.growth_after == pytest.approx(book.slope)
    half = stats.t.ppf(0.95, 58) * book.stderr
    np.testing.assert_allclose(line.growth_interval(0.9), [book.slope - half, book.slope + half])
    variance = line.rss / 60
    density = stats.norm.logpdf(data.y, line.line(data.t), np.sqrt(variance)).sum()
    assert line.log_likelihood == pytest.approx(density)
    assert line.aic == pytest.approx(2 * 3 - 2 * density) and line.bic == pytest.approx(3 * np.log(60) - 2 * density)


def test_textbook_intervals_cover_what_they_say():
    rng = np.random.default_rng(2)
    t = np.sort(rng.uniform(2010, 2023, 12))
    inside = predicted = 0
    for _ in range(2000):
        data = series("s", t, 0.7 * (t - 2015) + 0.4 * rng.standard_normal(12))
        line = straight_line(data)
        low, high = line.growth_interval(0.8)
        inside += low < 0.7 < high
        middle, scale = line.prediction(np.array([2026.0]))
        new = 0.7 * 11 + 0.4 * rng.standard_normal()
        predicted += abs(new - middle[0]) < stats.t.ppf(0.9, 10) * scale[0]
    # binomial(2000, 80%): 3.9 standard errors, one false alarm in 10,000.
    assert abs(inside / 2000 - 0.8) < 3.9 * 0.4 / np.sqrt(2000)
    assert abs(predicted / 2000 - 0.8) < 3.9 * 0.4 / np.sqrt(2000)


def test_a_kink_without_noise_is_found_exactly():
    t = np.linspace(2010, 2022, 40)
    data = series("s", t, 1.1 * (t - 2010) - 0.7 * np.maximum(t - 2016.123, 0) + 1e-9 * np.sin(40 * t))
    line = kinked_line(data)
    assert line.kink == pytest.approx(2016.123, abs=1e-5)
    assert (line.growth_before, line.growth_after) == (pytest.approx(1.1, abs=1e-6), pytest.approx(0.4, abs=1e-6))
    np.testing.assert_allclose(line.line(t), data.y, atol=1e-6)


def test_no_other_kink_fits_better():
    for seed in range(20):
        data = made_up(np.random.default_rng(seed), rows=25, change=-0.2)
        line = kinked_line(data)
        others = np.linspace(data.t[2], data.t[-3], 2000)
        residuals = [
            np.linalg.lstsq(
                np.stack([np.ones(25), data.t - 2016, np.maximum(data.t - kink, 0)], 1), data.y, rcond=None
            )[1]
            for kink in others
        ]
        assert line.rss <= np.min(residuals) + 1e-9
        assert data.t[2] <= line.kink <= data.t[-3]
        assert ((data.y - line.line(data.t)) ** 2).sum() == pytest.approx(line.rss)


def test_fits_refuse_what_they_cannot_fit():
    with pytest.raises(StudyError, match="2 rows are too few"):
        straight_line(series("s", [2018, 2019], [1, 2]))
    with pytest.raises(StudyError, match="all rows have the same date"):
        straight_line(series("s", [2018] * 5, [1, 2, 3, 4, 5]))
    with pytest.raises(StudyError, match="5 rows are too few"):
        kinked_line(series("s", [1, 2, 3, 4, 5] + np.full(5, 2010), [1, 2, 3, 4, 5]))


def test_the_bootstrap_spreads_like_its_theory():
    data = made_up(np.random.default_rng(3), rows=400, change=0.0)
    slopes = pairs_bootstrap(data, 4000, np.random.default_rng(4))
    line = straight_line(data)
    x, residual = data.t - line.center, data.y - line.line(data.t)
    sandwich = np.sqrt(((x * residual) ** 2).sum()) / line.spread  # White's standard error, what pairs estimate
    assert slopes.std() == pytest.approx(sandwich, rel=4.4 / np.sqrt(2 * 4000) + 0.02)
    assert slopes.mean() == pytest.approx(line.growth_before, abs=0.1 * sandwich)


def between(data: Series, first: str, last: str) -> Series:
    """The rows dated from one day to another, both included."""
    return data.take((data.t >= decimal_year(first)) & (data.t <= decimal_year(last)))


def test_the_kink_of_the_published_selection():
    """Notable models of at least 10% of the record, 2010-01-01 to 2023-11-07: n = 70, kink 2017.06, 1.025 then 0.362."""
    rows = [row for row in epoch_rows() if row["Notability criteria"].strip()]
    data = between(epoch_series(rows), "2010-01-01", "2023-11-07")
    data = data.take(near_record(data, 0.1))
    assert len(data) == 70
    straight, kinked = straight_line(data), kinked_line(data)
    assert round(straight.aic - kinked.aic, 1) == 37.3
    assert round(straight.bic - kinked.bic, 1) == 32.8
    # The sum of squares is flat in the kink: 2017.06 is 2e-6 of it worse than the optimum, 2017.066. So the published
    # place and slopes are met to a unit of their last digit.
    assert kinked.kink == pytest.approx(2017.06, abs=0.01)
    assert kinked.growth_before == pytest.approx(1.025, abs=0.001)
    assert kinked.growth_after == pytest.approx(0.362, abs=0.0015)


def test_growth_is_taken_off_draw_by_draw():
    data = made_up(np.random.default_rng(5), rows=300, change=0.0)
    rng = np.random.default_rng(6)
    alone = growth_less(data, np.zeros(4000), rng)
    less = growth_less(data, 0.12 + 0.1 * np.random.default_rng(7).standard_normal(4000), rng)
    # 4.4 standard errors of a mean, and of a spread: one false alarm in 100,000 each.
    assert less.mean() == pytest.approx(alone.mean() - 0.12, abs=4.4 * 0.1 / np.sqrt(4000))
    assert less.std() == pytest.approx(np.hypot(alone.std(), 0.1), rel=4.4 / np.sqrt(2 * 4000))


def test_samples_of_a_single_date_are_left_out():
    three = series("s", [2018, 2019, 2020], [1.0, 2.0, 3.0])
    kept = growth_less(three, np.zeros(9000), np.random.default_rng(8))
    assert np.isfinite(kept).all()
    # 3 of the 27 samples have one date: binomial(9000, 1/9), 4.4 standard errors.
    assert abs(len(kept) / 9000 - 8 / 9) < 4.4 * np.sqrt(8 / 81 / 9000)


def test_method_1_on_the_vintage_of_july_2024():
    """n = 268, 0.6072 OOM/yr of compute, 0.485 (0.433 to 0.540) of cost; FLOP per dollar doubles in 2.24 to 2.72 years."""
    data = between(epoch_series(epoch_rows()), "2009-06-01", "2022-07-31")
    assert len(data) == 268
    assert round(straight_line(data).growth_before, 4) == 0.6072
    rng = np.random.default_rng(1)
    low, high = np.log10(2) / 2.72, np.log10(2) / 2.24  # 95% interval
    less = (low + high) / 2 + (high - low) / (2 * stats.norm.ppf(0.975)) * rng.standard_normal(60_000)
    growth = growth_less(data, less, rng)
    # A percentile of 60,000 draws has a standard error of 0.0003 here.
    for prob, published in ((0.05, 0.433), (0.5, 0.485), (0.95, 0.540)):
        assert np.quantile(growth, prob) == pytest.approx(published, abs=0.0017)

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from forecast.errors import StudyError, UsageError
from forecast.trend.backtest import NAIVE, Prediction, backtest, crps_of_draws, predict, predict_naive
from forecast.trend.curve import running_record
from forecast.trend.fit import fit
from forecast.trend.series import series
from tests.trend_support import made_up, spec

DATA = made_up(np.random.default_rng(1), rows=120)


def fitter(shape, seed=1, **changes):
    return lambda past, when: fit(f"x {when}", past, spec(shape, **changes), seed)


def test_crps_of_an_ensemble_is_that_of_its_distribution():
    strata = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    values = np.array([-2.0, 0.0, 0.3, 1.7])
    # Gneiting and Raftery (2007), of a standard normal.
    exact = values * (2 * stats.norm.cdf(values) - 1) + 2 * stats.norm.pdf(values) - 1 / np.sqrt(np.pi)
    found = crps_of_draws(np.tile(strata, (4, 1)), values, fair=False)
    np.testing.assert_allclose(found, exact, atol=5e-4)
    rng = np.random.default_rng(2)
    fair = [crps_of_draws(rng.standard_normal((1, 5)), np.array([0.3]))[0] for _ in range(20_000)]
    assert np.mean(fair) == pytest.approx(exact[2], abs=4.4 * np.std(fair) / np.sqrt(20_000))


def test_a_known_distribution_gets_its_scores():
    """With every parameter a point the predictive is a normal that can be written down."""
    known = {"level": "6", "growth": "0.5", "scatter": "0.3"}
    later = series("later", [2024.0, 2025.0], [9.2, 9.0], se=[0.0, 0.4])
    found = predict(fit("x", DATA, spec("straight", **known), 1), later)
    mean, sd = np.array([9.0, 9.5]), np.array([0.3, 0.5])
    np.testing.assert_allclose(found.pit, stats.norm.cdf(later.y, mean, sd), rtol=1e-9)
    np.testing.assert_allclose(found.log_score, stats.norm.logpdf(later.y, mean, sd), rtol=1e-9)
    z = (later.y - mean) / sd
    crps = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(found.crps, crps, atol=0.02)


def test_the_naive_baseline_is_students_t():
    past, later = DATA.take(DATA.t < 2018), DATA.take(DATA.t >= 2018)
    found = predict_naive(past, later)
    book = stats.linregress(past.t, past.y)
    residual = past.y - book.intercept - book.slope * past.t
    n, x = len(past), past.t - past.t.mean()
    scale = np.sqrt((residual @ residual) / (n - 2) * (1 + 1 / n + (later.t - past.t.mean()) ** 2 / (x @ x)))
    t = stats.t(n - 2, book.intercept + book.slope * later.t, scale)
    np.testing.assert_allclose(found.pit, t.cdf(later.y), atol=1e-9)
    np.testing.assert_allclose(found.log_score, t.logpdf(later.y), atol=1e-9)
    ensemble = t.ppf(np.random.default_rng(3).random((20_000, len(later)))).T
    np.testing.assert_allclose(found.crps, crps_of_draws(ensemble, later.y), atol=0.02)


def test_coverage_counts_equal_tailed_intervals():
    found = Prediction(np.array([0.02, 0.1, 0.4, 0.6, 0.97]), np.zeros(5), np.zeros(5))
    assert [found.coverage(prob) for prob in (0.5, 0.8, 0.9)] == [0.4, 0.6, 0.6]
    assert found.coverage(0.96) == 1.0


def test_only_rows_of_the_past_are_fitted_and_only_later_ones_scored():
    seen = []

    def spy(past, when):
        seen.append((past.t.max(), when, len(past)))
        return fit("x", past, spec("straight"), 1)

    result = backtest(DATA, [2020.0, 2018.0], {"spy": spy}, horizon=1.5)
    assert result.as_of == (2018.0, 2020.0) and [item[1] for item in seen] == ["as of 2018-01-01", "as of 2020-01-01"]
    assert all(latest < when for (latest, _, _), when in zip(seen, result.as_of, strict=True))
    for when, known, scored, part in zip(
        result.as_of, result.rows_known, result.rows_scored, result.predictions["spy"], strict=True
    ):
        assert known == (DATA.t < when).sum()
        assert scored == ((DATA.t >= when) & (DATA.t < when + 1.5)).sum() == len(part.pit)
    # What comes later cannot change what was predicted then.
    other = series("x", DATA.t, np.where(DATA.t < 2018, DATA.y, 0.0))
    again = backtest(other, [2018.0], {"straight": fitter("straight")})
    first = backtest(DATA, [2018.0], {"straight": fitter("straight")})
    low, high = (item.predictions["straight"][0].crps for item in (first, again))
    assert (high > low).any() and first.rows_known == again.rows_known


def test_dates_that_cannot_be_used_are_all_told():
    with pytest.raises(UsageError) as caught:
        backtest(DATA, [2000.0, 2030.0, 2018.0], {"straight": fitter("straight")})
    early, late = str(caught.value).splitlines()
    assert early == "as of 2000-01-01: 0 rows of made up were known by then, of 5 that a fit needs; choose a later date"
    assert late.startswith("as of 2030-01-01: no row of made up comes after it (the last is of 20")
    assert late.endswith("; choose an earlier date")
    with pytest.raises(UsageError, match=r"comes after it within 0.001 years .*a longer horizon"):
        backtest(DATA, [float(DATA.t[60]) + 1e-4], {"straight": fitter("straight")}, horizon=0.001)
    for horizon in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="the horizon is not above 0 years"):
            backtest(DATA, [2018.0], {"straight": fitter("straight")}, horizon)


def test_what_was_known_may_differ_from_what_is_known():
    """Values that were believed then are fitted, today's are scored."""
    then = series("then", DATA.t, np.where(DATA.t < 2016, DATA.y - 1, DATA.y))
    known = lambda when: then.take(then.t < when)  # noqa: E731
    seen = []

    def spy(past, when):
        seen.append(past)
        return fit("x", past, spec("straight"), 1)

    found = backtest(DATA, [2016.0], {"spy": spy}, known=known)
    assert np.array_equal(seen[0].y, then.y[then.t < 2016])
    other = backtest(DATA, [2016.0], {"spy": spy})
    assert found.rows_scored == other.rows_scored and found.predictions["spy"][0].crps.mean() > 0.5


def test_a_date_given_twice_counts_once():
    assert backtest(DATA, [2018.0, 2018.0], {"straight": fitter("straight")}).as_of == (2018.0,)


def test_the_record_is_scored_where_the_last_row_is():
    """With every parameter a point, and so few arrivals that the record is the highest of a Poisson number of normals."""
    known = {"level": "6", "growth": "0", "scatter": "0.3"}
    past = DATA.take(DATA.t < 2016)
    found = fit("x", past, spec("straight", **known), 1)
    later = DATA.take(DATA.t >= 2016)
    low, middle, high, came = predict(found, later).record
    assert came == DATA.y.max()
    lines = found.posterior.lines()
    scores = stats.norm.ppf((np.arange(len(lines.level)) + 0.5) / len(lines.level))
    order = np.random.default_rng(3).permutation(len(scores))
    end = later.t[-1:] + (later.t[-1] - past.t[-1]) / len(later)
    path = running_record(lines, end, scores[order])[0]
    # Two pairings of the same draws and scores: 4.4 standard errors of a quantile of 4,000 of each.
    np.testing.assert_allclose([low, middle, high], np.quantile(path, [0.05, 0.5, 0.95]), atol=0.02)
    assert low >= past.y.max()


def test_records_forecast_from_simulations_cover():
    """What came lies below the middle as often as above, and in the 90% interval nine times in ten."""
    rng = np.random.default_rng(6)
    inside, below, n = 0, 0, 150
    for i in range(n):
        growth = 0.5 + 0.3 * rng.standard_normal()
        level, scatter = 6 + rng.standard_normal(), 0.3 * np.exp(0.4 * rng.standard_normal())
        t = np.sort(rng.uniform(2010, 2024, rng.poisson(84)))  # six a year, before and after
        data = series("s", t, level + growth * (t - 2018) + scatter * rng.standard_normal(len(t)))
        known, later = data.take(t < 2020), data.take(t >= 2020)
        low, middle, high, came = predict(fit("x", known, spec("straight", draws=400), i), later).record
        inside += low <= came <= high
        below += (came < middle) + 0.5 * (came == middle)
    # binomial(150): 3.9 standard errors, one false alarm in 10,000 each.
    assert abs(inside / n - 0.9) < 3.9 * np.sqrt(0.09 / n)
    assert abs(below / n - 0.5) < 3.9 * np.sqrt(0.25 / n)


def test_after_a_kink_the_kinked_trend_forecasts_better():
    """A sharp bend in 2015, forecasts made in 2018 and 2020: straight lines overshoot."""
    data = made_up(np.random.default_rng(4), rows=120, change=-0.8, kink=2015.0)
    shapes = ("straight", "kinked", "average")
    result = backtest(data, [2018.0, 2020.0], {shape: fitter(shape) for shape in shapes})
    scores = {name: result.total(name) for name in (*shapes, NAIVE)}
    for better in ("kinked", "average"):
        for worse in ("straight", NAIVE):
            assert scores[better].crps.mean() < 0.6 * scores[worse].crps.mean()
            assert scores[better].log_score.mean() > scores[worse].log_score.mean() + 0.3
    mean, se = result.gain("kinked")
    saved = scores[NAIVE].crps - scores["kinked"].crps
    assert mean == pytest.approx(saved.mean()) and se == pytest.approx(stats.sem(saved)) and mean > 3 * se


def coverage_of_simulations(count_inside, simulations=300):
    """Coverage of 50, 80, 90% intervals over series from the priors, one later row each, and the PIT values."""
    rng = np.random.default_rng(5)
    pit = np.empty(simulations)
    t = np.append(np.sort(rng.uniform(2010, 2021, 25)), 2023.0)
    for i in range(simulations):
        level, growth = 6 + rng.standard_normal(), 0.5 + 0.3 * rng.standard_normal()
        scatter = 0.3 * np.exp(0.4 * rng.standard_normal())
        y = level + growth * (t - 2018) + scatter * rng.standard_normal(26)
        past, later = series("p", t[:-1], y[:-1]), series("l", t[-1:], y[-1:])
        pit[i] = predict(fit("x", past, spec("straight", draws=400), i), later).pit[0]
    found = Prediction(pit, np.zeros(simulations), np.zeros(simulations))
    return [count_inside(found, prob) for prob in (0.5, 0.8, 0.9)], pit


def test_predictive_intervals_cover_and_a_swapped_level_is_detected():
    coverage, pit = coverage_of_simulations(Prediction.coverage)
    # Three binomials(300) and one Kolmogorov test, each with one false alarm in 10,000.
    for found, prob in zip(coverage, (0.5, 0.8, 0.9), strict=True):
        assert abs(found - prob) < 3.9 * np.sqrt(prob * (1 - prob) / 300), prob
    assert stats.kstest(pit, "uniform").pvalue > 1e-4
    # The mutant that takes the level for the tail: 10% where 90% is asked.
    swapped = [Prediction(pit, pit, pit).coverage(1 - prob) for prob in (0.8, 0.9)]
    assert all(
        abs(found - prob) > 3.9 * np.sqrt(prob * (1 - prob) / 300)
        for found, prob in zip(swapped, (0.8, 0.9), strict=True)
    )


def test_groups_that_were_unknown_then_are_refused():
    from dataclasses import replace

    base = fit("x", DATA, spec("straight"), 1)
    grouped = replace(base, posterior=replace(base.posterior, group_draws={"group_level": np.zeros((4000, 2))}))
    grouped = replace(grouped, data=replace(DATA, group=("a", "b") * 60))
    with pytest.raises(StudyError, match="group 'c' has no row before"):
        predict(grouped, series("later", [2024.0], [9.0], group=["c"]))
    known = predict(grouped, series("later", [2024.0], [9.0], group=["b"]))
    np.testing.assert_allclose(known.pit, predict(base, series("later", [2024.0], [9.0])).pit)

"""Scores: closed forms, propriety, calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from forecast.ledger.recording import PROBS, student_quantiles
from forecast.ledger.score import Predictive, bootstrapped, brier, crps_ensemble, pit_histogram
from forecast.special import ndtri
from tests.statistical import assert_mean, assert_share

P = np.array(PROBS)


def normal(mean: float, sd: float) -> Predictive:
    return Predictive(P, mean + sd * ndtri(P))


def lognormal(median: float, sigma: float) -> Predictive:
    return Predictive(P, median * np.exp(sigma * ndtri(P)))


@pytest.mark.parametrize("x", [2.0, 9.0, 10.0, 13.5, 19.0])
def test_closed_forms_of_the_normal_distribution(x):
    """CRPS: Gneiting and Raftery 2007, equation 21."""
    w = (x - 10) / 2
    belief = normal(10, 2)
    assert belief.crps(x) == pytest.approx(
        2 * (w * (2 * stats.norm.cdf(w) - 1) + 2 * stats.norm.pdf(w) - 1 / math.sqrt(math.pi)), abs=5e-4
    )
    assert belief.log_score(x) == pytest.approx(-stats.norm.logpdf(x, 10, 2), abs=1e-8)
    assert belief.cdf(x) == pytest.approx(stats.norm.cdf(w), abs=1e-9)
    low, high = 10 - 2 * 1.6448536269514722, 10 + 2 * 1.6448536269514722
    assert belief.interval_score(x) == pytest.approx(high - low + 20 * (max(low - x, 0) + max(x - high, 0)), abs=1e-6)
    assert belief.covers(x, 0.9) == (low <= x <= high)


@pytest.mark.parametrize("x", [0.02, 3.0, 90.0])
def test_closed_forms_of_the_lognormal_distribution(x):
    belief = lognormal(3.0, 1.2)
    assert belief.logs
    assert belief.log_score(x) == pytest.approx(-stats.lognorm.logpdf(x, 1.2, scale=3), abs=1e-8)
    assert belief.cdf(x) == pytest.approx(stats.lognorm.cdf(x, 1.2, scale=3), abs=1e-9)
    log = normal(math.log10(3), 1.2 / math.log(10))
    assert belief.crps(x, log10=True) == pytest.approx(log.crps(math.log10(x)), abs=1e-6)
    # Baran and Lerch 2015: CRPS of a lognormal distribution
    z = (math.log(x) - math.log(3)) / 1.2
    exact = x * (2 * stats.norm.cdf(z) - 1) - 2 * 3 * math.exp(0.72) * (
        stats.norm.cdf(z - 1.2) + stats.norm.cdf(1.2 / math.sqrt(2)) - 1
    )
    assert belief.crps(x) == pytest.approx(exact, rel=2e-3, abs=2e-3)


def test_crps_of_draws():
    draws = np.random.default_rng(1).standard_normal(500)
    naive = np.abs(draws - 0.3).mean() - np.abs(draws[:, None] - draws).mean() / 2
    assert crps_ensemble(draws, 0.3) == pytest.approx(naive, abs=1e-12)


def test_a_year_that_may_never_come():
    values = 2030 + 10 * ndtri(P)
    values[P > 0.7] = np.inf
    belief = Predictive(P, values)
    assert belief.never == pytest.approx(0.3, abs=0.003)
    assert belief.log_score(math.inf) == pytest.approx(-math.log(0.3), abs=0.01)
    assert belief.log_score(2031.0) == pytest.approx(-stats.norm.logpdf(2031, 2030, 10), abs=1e-6)
    assert belief.cdf(math.inf) == pytest.approx(0.85, abs=0.002)
    assert belief.covers(math.inf, 0.9) and not belief.covers(math.inf, 0.1)
    assert belief.crps(math.inf, 2020, 2100) > belief.crps(2030, 2020, 2100) > 0
    certain = Predictive(P, np.full(len(P), np.inf))
    assert certain.crps(math.inf, 2020, 2100) == 0
    assert math.isfinite(certain.log_score(2030.0))


def test_atoms_have_a_probability():
    belief = Predictive(P, np.where(P < 0.25, 0.0, 1.0))
    assert belief.log_score(1.0) == pytest.approx(-math.log(0.75), abs=0.02)
    assert belief.cdf(0.0) == pytest.approx(0.125, abs=0.005)
    assert belief.crps(1.0) == pytest.approx(0.0625, abs=0.002)
    assert math.isfinite(belief.log_score(0.5))


def test_brier():
    assert brier(0.8, True) == pytest.approx(0.04) and brier(0.8, False) == pytest.approx(0.64)


SCORES = {
    "crps": lambda belief, x: belief.crps(x),
    "log": lambda belief, x: belief.log_score(x),
    "interval": lambda belief, x: belief.interval_score(x),
}
TRUTH = normal(0, 1)
RIVALS = (normal(0.4, 1), normal(-0.4, 1), normal(0, 1.5), normal(0, 0.65))


@pytest.mark.parametrize("name", SCORES)
def test_a_proper_score_prefers_the_truth(name):
    """In simulation: the truth scores better by more than the simulation's error."""
    outcomes = np.random.default_rng(2).standard_normal(1200)
    score = SCORES[name]
    own = np.array([score(TRUTH, x) for x in outcomes])
    for rival in RIVALS:
        gap = np.array([score(rival, x) for x in outcomes]) - own
        assert gap.mean() > 3 * gap.std(ddof=1) / math.sqrt(len(gap))


def test_brier_prefers_the_truth():
    happened = np.random.default_rng(3).random(20_000) < 0.3
    at = {prob: np.array([brier(prob, h) for h in happened]) for prob in (0.2, 0.3, 0.4)}
    assert at[0.3].mean() < min(at[0.2].mean(), at[0.4].mean())


def test_calibrated_forecasts_look_calibrated():
    outcomes = np.random.default_rng(5).standard_normal(2000)
    pits = np.array([TRUTH.cdf(x) for x in outcomes])
    assert_mean(pits, 0.5, detects=0.05)
    assert sum(pit_histogram(pits)) == 2000
    assert stats.chisquare(pit_histogram(pits)).pvalue > 1e-6
    for level in (0.5, 0.9):
        assert_share(sum(TRUTH.covers(x, level) for x in outcomes), 2000, level, level)
    narrow = pit_histogram([RIVALS[3].cdf(x) for x in outcomes])
    assert narrow[0] + narrow[-1] > 1.5 * 400  # a U


def test_bootstrap_intervals():
    generator = np.random.default_rng(7)
    hits = 0
    for _ in range(300):
        found = bootstrapped(generator.standard_normal(40))
        hits += found.low <= 0 <= found.high
    assert_share(hits, 300, 0.85, 0.92)
    assert math.isnan(bootstrapped([1.0]).low)
    # Forecasts of the same outcome err together: as many as there are, they are one.
    values = np.repeat(generator.standard_normal(8), 10)
    alone, grouped = bootstrapped(values), bootstrapped(values, np.repeat(np.arange(8), 10).astype(str))
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("dof", [10, 40, 200])
def test_student_quantiles(dof):
    probs = np.array([0.0001, 0.01, 0.05, 0.5, 0.9, 0.999])
    assert student_quantiles(probs, dof) == pytest.approx(stats.t.ppf(probs, dof), rel=3e-3, abs=1e-12)

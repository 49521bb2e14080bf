"""Scores: closed forms, propriety, calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from forecast.ledger.averages import bootstrapped, pit_histogram, share
from forecast.ledger.recording import PROBS
from forecast.ledger.score import Predictive, brier, crps_ensemble
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
    exact = 2 * (w * (2 * stats.norm.cdf(w) - 1) + 2 * stats.norm.pdf(w) - 1 / math.sqrt(math.pi))
    assert belief.crps(x) == pytest.approx(exact, abs=1e-7)
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
    assert belief.crps(x, log10=True) == pytest.approx(log.crps(math.log10(x)), abs=1e-9)
    # Baran and Lerch 2015: CRPS of a lognormal distribution
    z = (math.log(x) - math.log(3)) / 1.2
    exact = x * (2 * stats.norm.cdf(z) - 1) - 2 * 3 * math.exp(0.72) * (
        stats.norm.cdf(z - 1.2) + stats.norm.cdf(1.2 / math.sqrt(2)) - 1
    )
    assert belief.crps(x) == pytest.approx(exact, rel=1e-6)


def test_another_implementation_agrees():
    """Constants from scoringrules 0.11.0, which takes longer to import than all tests here to run."""
    for x, crps, log in ((9.0, 0.6628070625097113, 1.737085713764618), (13.5, 2.4363160101638144, 3.143335713764618)):
        assert normal(10, 2).crps(x) == pytest.approx(crps, abs=1e-7)
        assert normal(10, 2).log_score(x) == pytest.approx(log, abs=1e-8)
    for x, crps, log in (
        (0.02, 2.4215537334394783, 5.906760018752105),
        (3.0, 1.0231358972210436, 2.199872378666737),
        (90.0, 80.3314823790193, 9.617786298184969),
    ):
        assert lognormal(3, 1.2).crps(x) == pytest.approx(crps, rel=1e-6)
        assert lognormal(3, 1.2).log_score(x) == pytest.approx(log, abs=1e-8)
    for x, score in ((9.0, 6.57941450780589), (13.5, 10.785269429746993), (19.0, 120.78526942974699)):
        assert normal(10, 2).interval_score(x) == pytest.approx(score, abs=1e-6)
    censored = Predictive(P, 2030 + 4 * ndtri(P), 2020, 2035)  # crps_cnormal
    for x, crps in ((2024.0, 3.9661026386704985), (2031.5, 1.1449983395459848), (math.inf, 3.136343235013284)):
        assert censored.crps(x) == pytest.approx(crps, abs=1e-6)
    assert crps_ensemble(np.array([1.0, 2.0, 4.0, 8.0]), 2.5) == pytest.approx(0.8125)
    assert brier(0.8, True) == pytest.approx(0.03999999999999998)


def test_crps_of_draws():
    draws = np.random.default_rng(1).standard_normal(500)
    naive = np.abs(draws - 0.3).mean() - np.abs(draws[:, None] - draws).mean() / 2
    assert crps_ensemble(draws, 0.3) == pytest.approx(naive, abs=1e-12)


def test_a_year_that_may_never_come():
    values = 2030 + 10 * ndtri(P)
    values[P > 0.7] = np.inf
    belief = Predictive(P, values, 2000, 2100)
    assert belief.never == pytest.approx(0.3, abs=0.003)
    assert belief.log_score(math.inf) == pytest.approx(-math.log(0.3), abs=0.01)
    assert belief.log_score(2031.0) == pytest.approx(-stats.norm.logpdf(2031, 2030, 10), abs=1e-6)
    assert belief.reach(math.inf) == (pytest.approx(0.7, abs=0.003), 1.0)
    assert belief.cdf(math.inf) == pytest.approx(0.85, abs=0.002)
    assert belief.covers(math.inf, 0.9) and not belief.covers(math.inf, 0.1)
    assert belief.crps(math.inf) > belief.crps(2030) > 0
    certain = Predictive(P, np.full(len(P), np.inf), 2020, 2100)
    assert certain.crps(math.inf) == 0 and certain.interval_score(math.inf) == 0
    assert math.isfinite(certain.log_score(2030.0))
    assert math.isinf(Predictive(P, values).crps(2030.0))  # nothing says what never counts as


@pytest.mark.parametrize("x", [2024.0, 2031.5, 2036.0, math.inf])
def test_a_year_is_scored_up_to_the_day_the_question_resolves(x):
    """A normal year of which no more is seen than up to 2035: closed form by integrating (F - 1{x <= t})²."""
    belief = Predictive(P, 2030 + 4 * ndtri(P), 2020, 2035)
    t = np.linspace(2020, 2035, 150_001)
    squares = (stats.norm.cdf(t, 2030, 4) - (t >= x)) ** 2
    assert belief.crps(x) == pytest.approx(np.trapezoid(squares, t), abs=1e-4)
    later = stats.norm.sf(2035, 2030, 4)
    exact = -math.log(later) if x > 2035 else -stats.norm.logpdf(x, 2030, 4)
    assert belief.log_score(x) == pytest.approx(exact, abs=1e-6)
    assert belief.log_score(2012.0) == pytest.approx(-stats.norm.logcdf(2020, 2030, 4), abs=1e-6)
    low, high = belief.interval(0.9)
    assert (low, high) == (pytest.approx(2030 - 4 * 1.6448536), 2035)
    assert belief.covers(x, 0.9) == (x >= low)
    assert belief.interval_score(x) == pytest.approx(high - low + 20 * max(low - x, 0), abs=1e-6)


@pytest.mark.parametrize("name", ["crps", "log_score", "interval_score"])
def test_scores_of_a_year_that_was_not_seen_to_the_end_are_proper(name):
    """Up to 2033 only, as 40% of the outcomes are later: believing what is true still scores best."""
    truth = Predictive(P, 2032 + 4 * ndtri(P), 2020, 2033)
    rivals = [Predictive(P, 2032 + shift + 4 * sd * ndtri(P), 2020, 2033) for shift, sd in ((2, 1), (-2, 1), (0, 1.6))]
    outcomes = 2032 + 4 * np.random.default_rng(2).standard_normal({"crps": 800, "log_score": 1200}.get(name, 4000))
    own = np.array([getattr(truth, name)(x) for x in outcomes])
    for rival in rivals:
        gap = np.array([getattr(rival, name)(x) for x in outcomes]) - own
        assert gap.mean() > 3 * gap.std(ddof=1) / math.sqrt(len(gap))


def test_pits_of_years_that_may_never_come_are_even():
    """Half of the outcomes are never: spread over that half, calibrated forecasts look calibrated."""
    values = np.where(P < 0.5, 2030 + 4 * ndtri(P), np.inf)
    belief = Predictive(P, values, 2000, 2100)
    chance = np.random.default_rng(8).random(2000)
    outcomes = np.where(chance < 0.5, 2030 + 4 * ndtri(chance), np.inf)
    counts = pit_histogram([belief.reach(x) for x in outcomes])
    assert sum(counts) == pytest.approx(2000, abs=0.1)
    assert stats.chisquare(counts[:5], np.full(5, sum(counts[:5]) / 5)).pvalue > 1e-6
    assert max(counts[5:]) < 1.05 * min(counts[5:]) and abs(sum(counts[5:]) - 1000) < 5 * math.sqrt(500)


def test_heavy_tails_count_in_full():
    """Three orders of magnitude: what lies beyond the last stored quantile is a fifth of the score."""
    belief = lognormal(1.0, 3.0)
    exact = 1.0 * (2 * 0.5 - 1) - 2 * math.exp(4.5) * (stats.norm.cdf(-3.0) + stats.norm.cdf(3.0 / math.sqrt(2)) - 1)
    assert belief.crps(1.0) == pytest.approx(exact, rel=2e-3)


@pytest.mark.filterwarnings("error")
def test_what_has_no_end_has_no_finite_crps():
    """A doubling time that may be infinite, where nothing says what infinite counts as."""
    endless = Predictive(P, np.where(P < 0.6, 10 + 2 * ndtri(P), np.inf))
    assert (
        math.isinf(endless.crps(9.0))
        and math.isinf(endless.crps(math.inf))
        and math.isinf(normal(10, 2).crps(math.inf))
    )
    # Beyond its last stored quantile (2.6), a normal forecast of something positive runs below zero.
    assert normal(10, 2).crps(9.0, log10=True) == pytest.approx(0.02965, abs=1e-4)  # of 4 million draws


def test_atoms_have_a_probability():
    belief = Predictive(P, np.where(P < 0.25, 0.0, 1.0))
    assert belief.log_score(1.0) == pytest.approx(-math.log(0.75), abs=0.02)
    assert belief.cdf(0.0) == pytest.approx(0.125, abs=0.005)
    assert belief.reach(1.0) == (pytest.approx(0.25, abs=0.005), 1.0)
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
    outcomes = np.random.default_rng(2).standard_normal({"crps": 600, "log": 1200}.get(name, 4000))
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
    assert_mean(np.array([TRUTH.cdf(x) for x in outcomes]), 0.5, detects=0.05)
    counts = pit_histogram([TRUTH.reach(x) for x in outcomes])
    assert sum(counts) == 2000
    assert stats.chisquare(counts).pvalue > 1e-6
    for level in (0.5, 0.9):
        assert_share(sum(TRUTH.covers(x, level) for x in outcomes), 2000, level, level)
    narrow = pit_histogram([RIVALS[3].reach(x) for x in outcomes])
    assert narrow[0] + narrow[-1] > 1.5 * 400  # a U


@pytest.mark.parametrize("count", [4, 10, 40])
def test_bootstrap_intervals(count):
    """90% intervals of normal scores, also of few."""
    generator = np.random.default_rng(7)
    hits = 0
    for _ in range(300):
        found = bootstrapped(generator.standard_normal(count))
        hits += found.low <= 0 <= found.high
    assert_share(hits, 300, 0.82, 0.94)


def test_bootstrap_intervals_of_forecasts_of_the_same_outcome():
    """They err together: as many as there are, they are one."""
    assert math.isnan(bootstrapped([1.0]).low)
    values = np.repeat(np.random.default_rng(7).standard_normal(8), 10)
    alone, grouped = bootstrapped(values), bootstrapped(values, np.repeat(np.arange(8), 10).astype(str))
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_shares_have_an_interval_even_if_all_are_hits():
    """Wilson's interval against statistics' own."""
    for hits in (0, 3, 10):
        found = share([True] * hits + [False] * (10 - hits))
        exact = stats.binomtest(hits, 10).proportion_ci(0.9, method="wilson")
        assert (found.low, found.high) == (pytest.approx(exact.low, abs=1e-9), pytest.approx(exact.high, abs=1e-9))
    twice = share([True] * 10, [str(k // 2) for k in range(10)])
    assert twice.low == pytest.approx(share([True] * 5).low)

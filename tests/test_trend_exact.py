"""The exact route against quadrature, on series whose answer is known, and its calibration."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

from forecast.trend import exact as trend_exact
from forecast.trend.exact import bend, fit_exact
from forecast.trend.fit import fit, kink_probability
from forecast.trend.likelihood import log_likelihood
from forecast.trend.series import series
from tests.trend_support import LEVEL_YEAR, made_up, outside_band, simulate, spec


def evidence_by_quadrature(data, declared, kinked):
    """The marginal likelihood: a multivariate normal for the rows, summed over a fine grid of kink and scatter."""
    priors = [declared.level, declared.growth] + ([declared.change] if kinked else [])
    mean, cov = np.array([p.mean() for p in priors]), np.diag([p.sd() ** 2 for p in priors])
    scatters = np.geomspace(0.05, 2, 60)
    kinks = 2012 + 9 * (np.arange(180) + 0.5) / 180 if kinked else [2015.0]
    total = []
    for kink in kinks:
        design = np.stack([np.ones(len(data)), data.t - LEVEL_YEAR, bend(data.t, np.array(kink), LEVEL_YEAR)], axis=1)
        design = design[:, : len(priors)]
        rows = (scatters[:, None] ** 2 + data.se**2)[:, :, None] * np.eye(len(data))
        whole = design @ cov @ design.T + rows
        off = data.y - design @ mean
        squares = (off * np.linalg.solve(whole, off[:, None])[..., 0]).sum(1)
        density = -0.5 * (squares + np.linalg.slogdet(whole)[1] + len(data) * np.log(2 * np.pi))
        total.append(density + declared.scatter.log_density(scatters) + np.log(scatters))
    return logsumexp(total) + np.log(np.log(scatters[1] / scatters[0])) - np.log(len(kinks))


@pytest.mark.parametrize("kinked", [False, True])
@pytest.mark.parametrize("se", [0.0, 0.25])
def test_the_evidence_is_that_of_numerical_quadrature(kinked, se):
    rng = np.random.default_rng(3)
    data = made_up(rng, rows=25, se=se)
    data = replace(data, se=data.se * rng.uniform(0.5, 2, 25))
    declared = spec(level="normal(mean=5, sd=2)", change="normal(mean=-0.2, sd=0.4)")
    found = fit_exact(data, declared, kinked, rng, 400).log_evidence
    # The grid's own error: a fraction of what any decision between models turns on.
    assert found == pytest.approx(evidence_by_quadrature(data, declared, kinked), abs=2e-3)


def test_the_posterior_is_that_of_importance_sampling():
    """Moments of the draws against draws from the priors weighted by the likelihood, which knows no algebra."""
    rng = np.random.default_rng(4)
    data = made_up(rng, rows=12, scatter=0.5, se=0.2)
    declared = spec()
    prior = {name: p.quantile(rng.random(400_000)) for name, p in declared.priors().items()}
    weight = log_likelihood(prior, data, declared).sum(1)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    effective = 1 / (weight**2).sum()
    assert effective > 300
    draws = fit_exact(data, declared, True, rng, 20_000).draws
    for name, values in prior.items():
        mean = weight @ values
        sd = np.sqrt(weight @ (values - mean) ** 2)
        # 4.4 standard errors: five parameters, two moments, one false alarm in 10,000.
        slack = 4.4 * sd * np.sqrt(1 / effective + 1 / 20_000)
        assert abs(draws[name].mean() - mean) < slack, name
        assert abs(draws[name].std() - sd) < 2 * slack, name


def test_a_clear_kink_is_recovered():
    data = made_up(np.random.default_rng(5), rows=100, change=-0.6, kink=2016.5)
    draws = fit("t", data, spec(), 1).posterior.draws
    for name, true in (("kink", 2016.5), ("growth_before", 0.9), ("growth_after", 0.3), ("scatter", 0.3)):
        low, high = np.quantile(draws[name], [0.005, 0.995])
        assert low < true < high, name
    assert draws["kink"].std() < 0.5
    average = fit("t", data, spec("average"), 1)
    assert average.kinked_prob > 0.999 and average.posterior.draws["kinked"].mean() > 0.999


def test_without_a_kink_the_answer_is_the_straight_one():
    data = made_up(np.random.default_rng(6), rows=100, change=0.0)
    straight, average = fit("t", data, spec("straight"), 1), fit("t", data, spec("average"), 1)
    assert average.kinked_prob < 0.3
    a, b = (item.posterior.draws["growth_after"] for item in (straight, average))
    assert abs(np.median(a) - np.median(b)) < 0.1 * a.std() + 0.01
    # The kink stays as uncertain as it was: its prior has sd 2.6 years.
    kinked = fit("t", data, spec("kinked"), 1).posterior.draws
    assert kinked["kink"].std() > 1.8
    assert abs(kinked["change"].mean()) < kinked["change"].std()


def test_a_weak_kink_shrinks_towards_the_straight_line():
    data = made_up(np.random.default_rng(7), rows=40, change=-0.12, scatter=0.5)
    average = fit("t", data, spec("average"), 1)
    kinked = fit("t", data, spec("kinked"), 1)
    straight = fit("t", data, spec("straight"), 1)
    middle = [np.mean(item.posterior.draws["growth_after"]) for item in (straight, average, kinked)]
    assert 0.02 < average.kinked_prob < 0.6
    assert min(middle[0], middle[2]) < middle[1] < max(middle[0], middle[2])
    share = (middle[1] - middle[0]) / (middle[2] - middle[0])
    assert share == pytest.approx(average.kinked_prob, abs=0.1)


def test_the_average_weighs_both_shapes_by_evidence_and_prior():
    data = made_up(np.random.default_rng(7), rows=40, change=-0.12, scatter=0.5)
    for prior in (0.2, 0.5, 0.8):
        average = fit("t", data, spec("average", kink_prob=prior), 1)
        ratio = np.exp(average.log_evidence["kinked"] - average.log_evidence["straight"])
        expected = prior * ratio / (prior * ratio + 1 - prior)
        assert average.kinked_prob == pytest.approx(expected, rel=1e-9)
        share = average.posterior.draws["kinked"].mean()
        assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)
    assert kink_probability({"straight": 0.0, "kinked": -2000.0}, 0.5) < 1e-300  # no overflow


def test_errors_of_rows_are_taken_out_of_the_scatter():
    rng = np.random.default_rng(8)
    data = made_up(rng, rows=300, change=0.0, scatter=0.2, se=0.4)
    known = fit("t", data, spec("straight"), 1).posterior.draws["scatter"]
    ignored = fit("t", replace(data, se=np.zeros(300)), spec("straight"), 1).posterior.draws["scatter"]
    assert abs(known.mean() - 0.2) < 3 * known.std() < 0.2
    assert abs(ignored.mean() - np.hypot(0.2, 0.4)) < 4 * ignored.std()


def test_points_among_the_priors_are_given_values():
    data = made_up(np.random.default_rng(9))
    draws = fit("t", data, spec(growth="0.9", kink="2016.5", scatter="0.3"), 1).posterior.draws
    assert set(draws["growth_before"]) == {0.9} and set(draws["kink"]) == {2016.5} and set(draws["scatter"]) == {0.3}
    assert draws["change"].std() > 0
    everything = spec("straight", level="6", growth="0.9", scatter="0.3")
    assert fit("t", data, everything, 1).posterior.draws["level"].tolist() == [6.0] * 4000


def test_far_dates_and_vague_priors_lose_no_digits():
    """The same problem in shifted years, and with priors a thousand times wider: the posterior stays."""
    data = made_up(np.random.default_rng(10), rows=80)
    wide = spec(level="normal(mean=0, sd=1000)", growth="normal(mean=0, sd=100)", scatter="0.001 to 100")
    near, far = (fit("t", data, replace(wide, level_year=year), 1).posterior.draws for year in (2018.0, 1975.0))
    for name in ("growth_after", "kink", "scatter"):
        assert abs(near[name].mean() - far[name].mean()) < 0.1 * near[name].std(), name
    least = np.polynomial.Polynomial.fit(data.t, data.y, 1).convert().coef[1]
    straight = fit("t", data, replace(wide, shape="straight"), 1).posterior.draws["growth_after"]
    assert abs(straight.mean() - least) < 4.4 * straight.std() / np.sqrt(4000) + 1e-3 * straight.std()


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    data = made_up(np.random.default_rng(11))
    first, again, other = (fit("t", data, spec("average"), seed) for seed in (1, 1, 2))
    for name, values in first.posterior.draws.items():
        assert np.array_equal(values, again.posterior.draws[name]), name
    assert not np.array_equal(first.posterior.draws["level"], other.posterior.draws["level"])
    assert first.log_evidence == other.log_evidence


def test_draws_are_independent():
    values = fit("t", made_up(np.random.default_rng(12)), spec(), 1).posterior.draws["growth_after"]
    centred = values - values.mean()
    lag = (centred[1:] @ centred[:-1]) / (centred @ centred)
    assert abs(lag) < 4.4 / np.sqrt(len(values))


# ---- calibration ----

DRAWS = 99
FRAME = made_up(np.random.default_rng(13), rows=40, se=0.15)
FRAME = replace(FRAME, se=FRAME.se * np.random.default_rng(14).uniform(0.2, 3, 40))
QUANTITIES = ("level", "growth", "change", "kink", "scatter", "fit")


def ranks(module: types.ModuleType, kinked: bool, simulations: int, seed: int) -> dict[str, np.ndarray]:
    """Rank of the true value among posterior draws, for each parameter and for the likelihood of the rows."""
    declared = spec("kinked" if kinked else "straight")
    names = [name for name in QUANTITIES if kinked or name not in ("change", "kink")]
    found = {name: np.empty(simulations, dtype=int) for name in names}
    rng = np.random.default_rng(seed)
    for i in range(simulations):
        truth, data = simulate(rng, declared, FRAME)
        draws = dict(module.fit_exact(data, declared, kinked, rng, DRAWS).draws)
        if not kinked:
            draws.pop("kink")
        draws["fit"] = log_likelihood(draws, data, declared).sum(1)
        truth["fit"] = log_likelihood(truth, data, declared).sum(1)
        for name in names:
            found[name][i] = int((draws[name] < truth[name]).sum())
    return found


@pytest.mark.parametrize("kinked", [False, True])
def test_a_hundred_simulations_are_calibrated(kinked):
    for name, values in ranks(trend_exact, kinked, 100, 1).items():
        assert not outside_band(values, DRAWS), name


@pytest.mark.slow
@pytest.mark.parametrize("kinked", [False, True])
def test_a_thousand_simulations_are_calibrated(kinked):
    for name, values in ranks(trend_exact, kinked, 1000, 2).items():
        assert not outside_band(values, DRAWS), name


MUTANTS = {
    "sd taken as variance": ("scatter[:, None] ** 2 + self.var", "scatter[:, None] + self.var"),
    "kink off by a year": ("return np.asarray(self.spec.kink.quantile(prob), dtype=float)", "return np.asarray(self.spec.kink.quantile(prob), dtype=float) + 1"),
    "wrong link": ("data.y - m0", "np.log(10.0) * data.y - m0"),
    "swapped slope sign": ("growth, \"change\"", "-growth, \"change\""),
    "ignored measurement error": ("data.se**2", "0 * data.se**2"),
    "bend not referred to the level's year": ("- np.maximum(level_year - kink, 0)", ""),
    "coefficients without their own spread": ("rng.standard_normal((3, len(kink)))", "0 * rng.standard_normal((3, len(kink)))"),
    "cells without their prior mass": (" + np.log(np.diff(scatter_edges))[None, :]", ""),
    "determinant forgotten": ("- np.log(l00 * l11 * l22)", "- 0"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_detected(name, monkeypatch):
    """A slip of the kind that looks right on a plot leaves the band within 500 simulations."""
    old, new = MUTANTS[name]
    text = Path(trend_exact.__file__).read_text(encoding="utf-8")
    assert old in text, "the mutant no longer applies"
    mutant = types.ModuleType("trend_exact_mutant")
    monkeypatch.setitem(sys.modules, mutant.__name__, mutant)  # dataclasses look their module up
    exec(compile(text.replace(old, new), mutant.__name__, "exec"), mutant.__dict__)
    assert any(outside_band(values, DRAWS) for values in ranks(mutant, True, 500, 3).values())


def test_the_band_passes_uniform_ranks_and_catches_a_tilt():
    rng = np.random.default_rng(15)
    alarms = sum(outside_band(rng.integers(0, DRAWS + 1, 100), DRAWS, 0.01) for _ in range(400))
    assert alarms < 14  # binomial(400, 1%): one false alarm in 10,000
    assert outside_band(rng.binomial(DRAWS, 0.5, 100), DRAWS)
    assert outside_band((DRAWS * rng.random(100) ** 2).astype(int), DRAWS)


def test_a_series_in_two_orders_is_one_series():
    rng = np.random.default_rng(16)
    data = made_up(rng)
    shuffled = rng.permutation(len(data))
    again = series("made up", data.t[shuffled], data.y[shuffled], data.se[shuffled])
    a, b = (fit("t", item, spec(), 1).posterior.draws["growth_after"] for item in (data, again))
    assert np.array_equal(a, b)

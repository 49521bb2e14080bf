"""The sampled route against closed forms and against sampling from the priors, and its calibration.

One compiled model (kinked, Student-t) serves nearly all of it: priors, rows and errors are data.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from forecast.errors import GateError
from forecast.trend import fit as trend
from forecast.trend import pymc as trend_pymc
from forecast.trend.bridge import log_evidence
from forecast.trend.fit import fit
from forecast.trend.likelihood import log_likelihood
from forecast.trend.pymc import sample, values_of_chains
from forecast.trend.record import tree_of
from forecast.trend.series import series
from tests.trend_support import LEVEL_YEAR, made_up, outside_band, simulate, spec

pytestmark = pytest.mark.slow

# So many degrees of freedom are a normal; the model stays the compiled one.
NORMAL = "1000000"
STUDENT = "lognormal(median=6, sigma=0.6) within 2 and inf"


def student(shape="kinked", dof=STUDENT, **changes):
    return spec(shape, noise="student_t", dof=dof, route="pymc", **changes)


@pytest.fixture(scope="session")
def compiled():
    """Compile once, so that no test pays for it unawares."""
    fit("warm up", made_up(np.random.default_rng(0)), student(draws=400, tune=300), 1, accept=True)


def agree(first, second, names, effective):
    """Means and spreads within Monte Carlo error: 4.4 standard errors, one false alarm in 100,000 each."""
    for name in names:
        a, b = first[name], second[name]
        error = b.std() * np.sqrt(1 / effective + 1 / len(b))
        assert abs(a.mean() - b.mean()) < 4.4 * error, name
        assert abs(a.std() - b.std()) < 2 * 4.4 * error, name
        for prob in (0.05, 0.95):
            assert abs((a < np.quantile(b, prob)).mean() - prob) < 4.4 * np.sqrt(
                prob * (1 - prob) * (1 / effective + 1 / len(b))
            )


@pytest.mark.parametrize("shape", ["straight", "kinked"])
def test_chains_and_the_closed_form_are_one_posterior(compiled, shape):
    data = made_up(np.random.default_rng(1), rows=70, se=0.1)
    sampled = fit("x", data, student(shape, NORMAL), 1)
    exact = fit("x", data, spec(shape), 1)
    assert sampled.route == "nutpie" and exact.route == "exact"
    names = ["level", "growth_before", "growth_after", "scatter"] + (["kink", "change"] if shape == "kinked" else [])
    assert ("kink" in sampled.posterior.draws) == (shape == "kinked")
    agree(sampled.posterior.draws, exact.posterior.draws, names, min(sampled.gate.ess_bulk, sampled.gate.ess_tail))
    error = sampled.log_evidence_mcse[shape]
    assert 0 < error < 0.05 and exact.log_evidence_mcse[shape] == 0
    assert sampled.log_evidence[shape] == pytest.approx(exact.log_evidence[shape], abs=4.4 * error)


def test_the_stated_error_of_an_evidence_is_what_it_varies_by(compiled):
    """Bridges from twenty pairs of seeds, against the evidence that the exact route integrates."""
    data, declared = made_up(np.random.default_rng(14), rows=40, change=-0.2), student("kinked", NORMAL)
    exact = fit("x", data, spec("kinked"), 1).log_evidence["kinked"]
    found = np.array([log_evidence(sample(data, declared, seed, 1000), data, declared, seed) for seed in range(20)])
    z = (found[:, 0] - exact) / found[:, 1]
    # Twenty standard normals: 3.9 standard errors of their mean; the spread between a half and double, 1 in 10,000.
    assert abs(z.mean()) < 3.9 / np.sqrt(20)
    assert 0.5 < z.std() < 2


def test_a_kink_nobody_can_see_is_sampled_as_wide_as_it_is(compiled):
    """Where the usual parametrisations diverge: no kink in the rows, so its posterior is nearly its prior."""
    data = made_up(np.random.default_rng(2), rows=80, change=0.0)
    sampled, exact = fit("x", data, student("average", NORMAL), 1), fit("x", data, spec("average"), 1)
    assert sampled.gate.failures() == []
    assert sampled.kinked_prob == pytest.approx(exact.kinked_prob, abs=0.03)
    agree(sampled.posterior.draws, exact.posterior.draws, ["growth_after", "scatter"], 400)
    assert fit("x", data, student("kinked", NORMAL), 1).posterior.draws["kink"].std() > 1.8


def test_students_errors_in_both_directions_are_those_of_importance_sampling(compiled):
    """Draws from the priors weighted by the likelihood written in numpy: priors, errors of y and t, tails."""
    rng = np.random.default_rng(3)
    base = made_up(rng, rows=10, scatter=0.4)
    data = series("x", base.t, base.y, rng.uniform(0.1, 0.5, 10), rng.uniform(0, 0.8, 10))
    declared = student(level="lognormal(median=6, sigma=0.15)", growth="0.2 to 1.5")
    prior = {name: p.quantile(rng.random(300_000)) for name, p in declared.priors().items()}
    log_weight = log_likelihood(prior, data, declared).sum(1)
    weight = np.exp(log_weight - log_weight.max())
    evidence = np.log(weight.mean()) + log_weight.max()
    weight /= weight.sum()
    effective = 1 / (weight**2).sum()
    assert effective > 400
    result = fit("x", data, declared, 1)
    values = result.values
    for name, draws in prior.items():
        mean = weight @ draws
        sd = np.sqrt(weight @ (draws - mean) ** 2)
        slack = 4.4 * sd * np.sqrt(1 / effective + 1 / min(result.gate.ess_bulk, result.gate.ess_tail))
        assert abs(values[name].mean() - mean) < slack, name
    assert result.log_evidence["kinked"] == pytest.approx(evidence, abs=4.4 / np.sqrt(effective) + 0.05)


def test_outliers_move_student_less_than_the_normal(compiled):
    data = made_up(np.random.default_rng(4), rows=60, change=0.0)
    wild = np.where(np.arange(60) % 15 == 7, 3.0, 0.0)
    spoilt = series("x", data.t, data.y + wild * (data.t > 2016))
    robust, normal = fit("x", spoilt, student("straight", "3"), 1), fit("x", spoilt, spec("straight"), 1)
    truth = fit("x", data, spec("straight"), 1)
    shift = [
        abs(item.posterior.draws["level"].mean() - truth.posterior.draws["level"].mean()) for item in (robust, normal)
    ]
    assert shift[0] < 0.5 * shift[1]
    assert robust.posterior.table is not None and normal.posterior.table is None


def test_the_same_seed_gives_the_same_chains_and_another_seed_others(compiled):
    data = made_up(np.random.default_rng(5), rows=33)  # another length than was compiled
    first, again, other = (fit("x", data, student(draws=400, tune=300), seed, accept=True) for seed in (1, 1, 2))
    for name, values in first.posterior.draws.items():
        assert np.array_equal(values, again.posterior.draws[name]), name
    assert not np.array_equal(first.posterior.draws["level"], other.posterior.draws["level"])


def test_the_tree_of_a_sampled_fit_has_the_same_groups_and_the_samplers_own(compiled):
    data = made_up(np.random.default_rng(6))
    sampled, exact = tree_of(fit("x", data, student(), 1)), tree_of(fit("x", data, spec(), 1))
    assert set(sampled.children) == set(exact.children) | {"sample_stats"}
    assert set(sampled["posterior"].data_vars) == set(exact["posterior"].data_vars) | {"dof"}
    assert sampled["sample_stats"]["diverging"].shape == (4, 1000)


def test_progress_is_told(compiled):
    told = []
    fit("x", made_up(np.random.default_rng(7)), student(), 1, progress=lambda text, share: told.append((text, share)))
    assert {text for text, _ in told} == {"sampling"} and told[-1][1] == 1.0
    assert all(0 <= share <= 1 for _, share in told)


def test_chains_that_are_too_short_are_refused(compiled, monkeypatch):
    monkeypatch.setattr(trend, "_ATTEMPTS", ((1, 0.9),))
    data, short = made_up(np.random.default_rng(8)), student(draws=400, tune=10)
    with pytest.raises(GateError, match=r"trend x \(kinked\) has not converged"):
        fit("x", data, short, 1)
    accepted = fit("x", data, short, 1, accept=True)
    assert accepted.accepted and accepted.gate.failures()


# ---- calibration ----

DRAWS = 99
FRAME = made_up(np.random.default_rng(9), rows=40, se=0.15)
FRAME = replace(FRAME, se=FRAME.se * np.random.default_rng(10).uniform(0.2, 3, 40), se_t=np.full(40, 0.3))


def ranks(simulations, seed, change=lambda data: data):
    """Rank of the truth among thinned draws; `change` is a mistake in what the sampler is given."""
    declared = student(draws=800, tune=300)
    found = {name: np.empty(simulations, dtype=int) for name in (*declared.priors(), "fit")}
    rng = np.random.default_rng(seed)
    for i in range(simulations):
        truth, data = simulate(rng, declared, FRAME)
        chains = sample(change(data), declared, i, 200)
        values = values_of_chains(chains, declared)
        kept = {name: value[np.linspace(0, len(value) - 1, DRAWS).astype(int)] for name, value in values.items()}
        kept["fit"] = log_likelihood(kept, data, declared).sum(1)
        truth["fit"] = log_likelihood(truth, data, declared).sum(1)
        for name in found:
            found[name][i] = int((kept[name] < truth[name]).sum())
    return found


def test_two_hundred_simulations_are_calibrated(compiled):
    for name, values in ranks(200, 1).items():
        assert not outside_band(values, DRAWS), name


def test_ignored_errors_are_detected(compiled):
    found = ranks(60, 2, lambda data: replace(data, se=np.zeros(40), se_t=np.zeros(40)))
    assert any(outside_band(values, DRAWS) for values in found.values())


# ---- shapes of their own ----


def test_groups_have_the_evidence_and_the_lines_of_the_closed_form():
    """Normal all through, so the hierarchy integrates to a multivariate normal but for three scales."""
    rng = np.random.default_rng(11)
    labels = ["games", "text", "vision", "speech", "other"]
    true = {"games": 0.6, "text": -0.5, "vision": 0.1, "speech": -0.3, "other": 0.2}
    t = rng.uniform(2012, 2022, 60)
    group = [labels[i % 5] for i in range(60)]
    y = 6 + 0.6 * (t - LEVEL_YEAR) + np.array([true[g] for g in group]) + 0.25 * rng.standard_normal(60)
    data = series("x", t, y, group=group)
    declared = spec(
        "straight", change=None, kink=None, group_level="lognormal(median=0.4, sigma=0.5)", group_growth="lognormal(median=0.1, sigma=0.5)"
    )  # fmt: skip
    result = fit("x", data, declared, 1)
    assert result.route == "nutpie" and result.gate.failures() == []

    x, member = data.t - LEVEL_YEAR, data.group_index()
    same = (member[:, None] == member).astype(float)
    mean = 6 + 0.5 * x
    fixed = 1.0 + 0.09 * np.outer(x, x)
    scores = np.linspace(-3.5, 3.5, 15)
    weight = np.exp(-0.5 * scores**2)
    weight /= weight.sum()
    total = []
    for s, ws in zip(0.3 * np.exp(0.4 * scores), weight, strict=True):
        for level_sd, wl in zip(0.4 * np.exp(0.5 * scores), weight, strict=True):
            growth_sd = 0.1 * np.exp(0.5 * scores)
            shared = fixed + level_sd**2 * same + s**2 * np.eye(60)
            whole = shared + growth_sd[:, None, None] ** 2 * (np.outer(x, x) * same)
            off = data.y - mean
            squares = (off * np.linalg.solve(whole, off[:, None])[..., 0]).sum(1)
            density = -0.5 * (squares + np.linalg.slogdet(whole)[1] + 60 * np.log(2 * np.pi))
            total.append(density + np.log(ws * wl * weight))
    exact = np.logaddexp.reduce(np.concatenate(total))
    assert result.log_evidence["straight"] == pytest.approx(exact, abs=0.1)

    posterior = result.posterior
    assert posterior.group_draws["group_level"].shape == (4000, 5) and data.groups == tuple(sorted(labels))
    for i, name in enumerate(data.groups):
        own = posterior.draws["level"] + posterior.group_draws["group_level"][:, i]
        assert abs(own.mean() - 6 - true[name]) < 4 * own.std() < 1
    tree = tree_of(result)
    assert tree["posterior"]["group_level"].dims == ("chain", "draw", "group")
    assert tuple(tree["posterior"]["group"].values) == data.groups


def test_without_nutpie_pymc_samples_itself(monkeypatch):
    monkeypatch.setitem(sys.modules, "nutpie", None)
    monkeypatch.setattr(trend_pymc, "_compiled", {})
    data = made_up(np.random.default_rng(12), rows=40, change=0.0)
    told = []
    result = fit(
        "x", data, spec("straight", change=None, kink=None, route="pymc"), 1, progress=lambda *a: told.append(a)
    )
    exact = fit("x", data, spec("straight"), 1)
    assert result.route == "pymc" and "install nutpie" in told[-1][0]
    agree(result.posterior.draws, exact.posterior.draws, ["level", "growth_after", "scatter"], result.gate.ess_bulk)


PROGRAM = """
import hashlib, pathlib, sys
import numpy as np
from forecast.trend.fit import fit
from tests.trend_support import made_up, spec
declared = spec("straight", change=None, kink=None, route="pymc", draws=400, tune=300)
result = fit("x", made_up(np.random.default_rng(1)), declared, 1, accept=True, cache=pathlib.Path(sys.argv[1]))
print(hashlib.sha256(b"".join(result.posterior.draws[key].tobytes() for key in sorted(result.posterior.draws))).hexdigest())
"""


def test_a_cold_and_a_warm_cache_give_the_same_chains(tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "PYTENSOR_FLAGS"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "compiled")]
    found = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=300).stdout.strip()
        for _ in range(2)
    ]
    assert found[0] == found[1] and len(found[0]) == len(hashlib.sha256().hexdigest())
    assert any((tmp_path / "compiled").iterdir())

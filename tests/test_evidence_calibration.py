"""Simulation-based calibration of whole updates: parameters from the prior, evidence from them, ranks in the posterior.

Talts, Betancourt, Simpson, Vehtari and Gelman, "Validating Bayesian inference algorithms with simulation-based calibration"
(2018). If the update is right, the true value's rank among posterior draws is uniform; each mutant below must be seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from forecast.evidence import ladder as evidence_ladder
from forecast.evidence import likelihood as evidence
from forecast.evidence import psis, smc
from forecast.evidence.files import fitted_all, in_order
from forecast.evidence.observation import Observation, statement
from forecast.evidence.observed import observed
from forecast.evidence.parts import parts_of
from forecast.sampling import copula, uncertain_inputs
from forecast.study import Study
from tests.evidence_support import SOURCE, gaussian_trend, line_seen, study_of, with_draws
from tests.studies import prior
from tests.trend_support import outside_band

DRAWS = 63  # posterior draws that a true value is ranked among
Truth = dict[str, float]
Observe = Callable[[Truth, np.random.Generator], list[Observation]]


def seen(text: str, id: str, error: float | None = None) -> Observation:
    return statement(text, id=id, error=error, **SOURCE)


def path(truth: Truth, rng: np.random.Generator) -> list[Observation]:
    cost = truth["start"] * 10 ** (truth["growth"] * 5)
    return [seen(f"path@2030 = lognormal(median={cost * math.exp(0.3 * rng.standard_normal())!r}, sigma=0.3)", "x")]


def choice(truth: Truth, rng: np.random.Generator) -> list[Observation]:
    value = truth["a"] if truth["flag"] else truth["b"]
    return [seen(f"c = normal(mean={value + 0.5 * rng.standard_normal()!r}, sd=0.5)", "x")]


def censored(truth: Truth, rng: np.random.Generator) -> list[Observation]:
    measured = truth["a"] * truth["b"] + 0.5 * rng.standard_normal()
    sign = ">=" if measured >= 3 else "<="
    return [
        seen(f"c {sign} 3", "x", error=0.5),
        seen(f"b = normal(mean={truth['b'] + 0.7 * rng.standard_normal()!r}, sd=0.7)", "y"),
    ]


GRAPHS: dict[str, tuple[str, str, Observe, str]] = {
    "path": (
        prior("start", "10 to 100") + prior("growth", "normal 0.05 to 0.35", "OOM/year") + prior("base", "2025", "year"),
        'def path(year, start, growth, base):\n    """Path []."""\n    return start * 10 ** (growth * (year - base))\n',
        path,
        "growth",
    ),
    "choice": (
        prior("flag", "bernoulli(p=40%)") + prior("a", "mixture(normal(mean=-2, sd=0.5), normal(mean=1, sd=1), weights=[0.5, 0.5])")
        + prior("b", "normal(mean=1, sd=2) within 0 and 4"),
        'def c(flag, a, b):\n    """Either []."""\n    return np.where(flag > 0, a, b)\n',
        choice,
        "b",
    ),
    "censored": (
        prior("a", "1 to 4") + prior("b", "gamma(shape=4, scale=0.4)")
        + '[[dependence]]\nbetween = ["a", "b"]\nrank_correlation = -0.5\n',
        'def c(a, b):\n    """Product []."""\n    return a * b\n',
        censored,
        "a",
    ),
}  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer worlds, as one posterior out of a thousand needs no precision; no file for each of them."""
    monkeypatch.setattr(evidence_ladder, "TRIAL", 1024)
    monkeypatch.setattr(evidence_ladder, "POOL", 1024)
    monkeypatch.setattr(evidence_ladder, "KEPT", 64)
    monkeypatch.setattr(evidence_ladder, "PARTICLES", 256)
    monkeypatch.setattr(evidence_ladder, "CHAINS", 2)
    monkeypatch.setattr(smc, "MOST", 15)
    monkeypatch.setattr(evidence_ladder, "RHAT", 1.5)
    monkeypatch.setattr(evidence_ladder, "save", lambda *_: None)


def study_for(folder: Path, name: str) -> Study:
    priors, models, _, _ = GRAPHS[name]
    return study_of(folder, priors, "import numpy as np\n\n\n" + models)


def ranks(
    study: Study,
    name: str,
    rung: str,
    replications: int,
    tamper: Callable[[list[Observation]], list[Observation]] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Ranks among posterior draws of the true value of a graph's parameter, and of the likelihood at the truth.

    A posterior that ignores the evidence is the prior, in which parameters have uniform ranks too; the likelihood has not
    (Modrák et al., "Simulation-based calibration checking for Bayesian computation", 2023).
    """
    _, _, observe, parameter = GRAPHS[name]
    rng = np.random.default_rng(11)
    inputs = uncertain_inputs(study)
    mixing = copula(study, inputs)
    found = []
    for seed in range(replications):
        z = mixing @ rng.standard_normal(len(inputs))
        truth = {n: float(study.priors[n].distribution.from_normal(z[i])) for i, n in enumerate(inputs)}
        items = observe(truth, rng)
        told, given = (
            replace(study, evidence=in_order(fitted_all(some, study.names, study.labels, lambda *_: 1.0)))
            for some in (items, tamper(items) if tamper else items)
        )
        (part,) = evidence_ladder.condition(given, seed, rung).parts
        scores = part.scores.reshape(len(part.inputs), -1)
        chosen = scores[:, rng.choice(scores.shape[1], DRAWS, replace=False)]
        both = np.column_stack([z[[inputs.index(n) for n in part.inputs]], chosen])
        seen = observed(told, parts_of(told)[0])
        values = seen.values(both)
        likelihood = sum(evidence.log_likelihood(term, values[term.target]) for term in seen.terms)
        found.append([_rank(row, rng) for row in (both[part.inputs.index(parameter)], likelihood)])
    one, other = np.array(found).T
    return one, other


def _rank(truth_first: np.ndarray, rng: np.random.Generator) -> int:
    truth, draws = truth_first[0], truth_first[1:]
    return int((draws < truth).sum() + rng.integers(0, int((draws == truth).sum()) + 1))


def calibrated(found: tuple[np.ndarray, np.ndarray]) -> bool:
    return not any(outside_band(one, DRAWS, 5e-4) for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("rung", ["auto", "smc"])
@pytest.mark.parametrize("name", GRAPHS)
def test_updates_are_calibrated(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, name: str, rung: str
) -> None:
    """By the ladder (weights wherever they stand, which is nearly always) and by sequential Monte Carlo throughout."""
    taken: list[str] = []
    condition = evidence_ladder.condition

    def told(*arguments: object) -> object:
        update = condition(*arguments)  # type: ignore[arg-type]
        taken.append(update.parts[0].rung)
        return update

    monkeypatch.setattr(evidence_ladder, "condition", told)
    assert calibrated(ranks(study_for(tmp_path, name), name, rung, 1000))
    assert taken.count("weights" if rung == "auto" else "smc") > 900


def ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_ladder, "log_likelihood", lambda term, x: np.where(x > -1e9, 1e-3 * np.tanh(x), 0))


def not_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    def resampled(weight: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        total = np.cumsum(weight)  # as if it ended at 1, in each chain
        return np.minimum(np.searchsorted(total, (np.arange(count) + rng.random()) / count), weight.size - 1)

    monkeypatch.setattr(evidence_ladder, "resampled", resampled)


def sd_for_variance(items: list[Observation]) -> list[Observation]:
    return [
        replace(
            s,
            value=replace(
                s.value, params=tuple((k, math.sqrt(v) if k in ("sd", "sigma") else v) for k, v in s.value.params)
            ),
        )
        if s.value is not None
        else s
        for s in items
    ]


def wrong_year(items: list[Observation]) -> list[Observation]:
    return [replace(s, year=s.year and 2025.0) for s in items]


def turned(items: list[Observation]) -> list[Observation]:
    """At least for at most."""
    out = []
    for s in items:
        if s.value is not None:
            out.append(s)
        elif math.isfinite(s.at_least):
            out.append(replace(s, at_least=-math.inf, at_most=s.at_least))
        else:
            out.append(replace(s, at_least=s.at_most, at_most=math.inf))
    return out


MUTANTS = [
    ("likelihood ignored", "censored", None, ignored),
    ("sd for variance", "choice", sd_for_variance, None),
    ("sd for variance", "path", sd_for_variance, None),
    ("wrong year", "path", wrong_year, None),
    ("weight not normalised", "path", None, not_normalised),
    ("censoring reversed", "censored", turned, None),
]


@pytest.mark.slow
@pytest.mark.parametrize(("mutant", "name", "tamper", "patch"), MUTANTS, ids=lambda v: v if isinstance(v, str) else "")
def test_mutants_are_seen(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch, mutant: str, name: str, tamper: object, patch: object
) -> None:
    if patch:
        patch(monkeypatch)  # type: ignore[operator]
    assert not calibrated(ranks(study_for(tmp_path, name), name, "auto", 500, tamper)), mutant  # type: ignore[arg-type]


def test_calibration_in_short(tmp_path: Path, small: None) -> None:
    """A hundred replications, and a mutant, in every run of the tests."""
    study = study_for(tmp_path, "censored")
    assert calibrated(ranks(study, "censored", "auto", 100))
    assert not calibrated(ranks(study, "censored", "auto", 200, turned))


@pytest.mark.slow
def test_nuts_is_calibrated(tmp_path: Path) -> None:
    """One compiled model, a hundred sets of evidence: only what was measured changes."""
    nutpie = pytest.importorskip("nutpie")
    import pymc as pm

    from forecast.evidence import symbolic_twins
    from forecast.evidence.nuts import model_of

    study = study_for(tmp_path, "path")
    rng = np.random.default_rng(5)
    inputs = uncertain_inputs(study)

    def likelihood(term: object, x: object) -> object:
        return symbolic_twins.log_likelihood(replace(term, centre=pm.Data("measured", 0.0)), x)  # type: ignore[type-var]

    given = replace(study, evidence=tuple(path({"start": 30.0, "growth": 0.2}, rng)))
    (part,) = parts_of(given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forecast.evidence.nuts.log_likelihood", likelihood)
        compiled = nutpie.compile_pymc_model(model_of(given, part, observed(given, part)))
    found = []
    for seed in range(100):
        z = rng.standard_normal(2)
        truth = {n: float(study.priors[n].distribution.from_normal(z[i])) for i, n in enumerate(inputs)}
        (item,) = path(truth, rng)
        tree = nutpie.sample(
            compiled.with_data(measured=np.array(math.log(item.value["median"]))),
            draws=200,
            tune=300,
            chains=4,
            cores=2,
            seed=seed,
            save_warmup=False,
            progress_bar=False,
        )
        v = tree["posterior"]["v"].values
        growth = part.scores(v.reshape(-1, v.shape[-1]).T)[part.inputs.index("growth")]
        some = rng.choice(growth, DRAWS, replace=False)
        found.append(int((some < z[inputs.index("growth")]).sum()))
    assert not outside_band(np.array(found), DRAWS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rung", "measured", "error"),
    [("weights", 20.0, 0.4), ("weights", 6.0, 0.03), ("smc", 20.0, 0.4), ("smc", 400.0, 0.1)],
)
def test_the_stated_monte_carlo_error_is_honest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rung: str, measured: float, error: float
) -> None:
    """Ends and medians lie within 1.96 stated standard errors of the exact ones as often as they should.

    A product of lognormals, measured; and what follows from it and from an input that nothing was seen of, so that
    resampled worlds, used again, must not pass for new ones.
    """
    monkeypatch.setattr(evidence_ladder, "save", lambda *_: None)
    models = 'def c(a, b):\n    """Product []."""\n    return a * b\n\n\ndef d(c, a, e):\n    """Down []."""\n    return c * a * e\n'
    scales = {"a": (2.0, 0.5), "b": (3.0, 1.0), "e": (1.0, 0.3)}
    priors = "".join(prior(name, f"lognormal(median={m}, sigma={s})") for name, (m, s) in scales.items())
    study = study_of(tmp_path, priors, models)
    study = study.observe("c", f"lognormal(median={measured}, sigma={error})", **SOURCE)
    mean, cov = np.log([m for m, _ in scales.values()]), np.diag([s**2 for _, s in scales.values()])
    h = np.array([1.0, 1.0, 0.0])
    gain = cov @ h / (h @ cov @ h + error**2)
    mean, cov = mean + gain * (math.log(measured) - h @ mean), cov - np.outer(gain, h @ cov)
    rows = {"a": [1, 0, 0], "b": [0, 1, 0], "c": [1, 1, 0], "d": [2, 1, 1]}
    levels, seeds = np.array([0.05, 0.5, 0.95]), 100
    inside = np.zeros((len(rows), 3))
    for seed in range(seeds):
        result = study.run(list(rows), rung=rung, seed=seed, draws=65_536)
        for i, (name, row) in enumerate(rows.items()):
            exact = np.exp(np.dot(row, mean) + math.sqrt(row @ cov @ row) * stats.norm.ppf(levels))
            found = result.quantile(name, levels)
            inside[i] += np.abs(found.value - exact) < 1.96 * found.mcse
    # One figure in ten thousand may be this far below 95% by chance; twelve of them are looked at.
    assert inside.min() >= stats.binom(seeds, 0.95).ppf(1e-4), inside / seeds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draws", "far", "error"), [(4000, 0.0, 1.0), (4000, 1.0, 0.3), (4000, 1.5, 0.1), (40_000, 2.5, 0.1)]
)
def test_the_stated_error_knows_how_few_draws_of_a_trend_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, draws: int, far: float, error: float
) -> None:
    """Many worlds can stand on few posterior draws of a fit; intervals must cover over fits with other draws."""
    monkeypatch.setattr(evidence_ladder, "save", lambda *_: None)
    seen, mean, cov = line_seen(gaussian_trend(tmp_path), far, error)
    rng = np.random.default_rng(2)
    levels, seeds, inside = stats.norm.ppf([0.05, 0.5, 0.95]), 100, np.zeros((2, 3))
    for seed in range(seeds):
        evidence_ladder._RECENT.clear()
        result = with_draws(seen, draws, rng).run(["cost_trend_growth", "cost_trend@2040"], seed=seed)
        for i, (name, row) in enumerate((("cost_trend_growth", [0, 1]), ("cost_trend@2040", [1, 22]))):
            exact = np.dot(row, mean) + math.sqrt(np.array(row) @ cov @ row) * levels
            exact = exact if i == 0 else 10**exact
            found = result.interval(name)
            gap = np.array([found.low, found.median, found.high]) - exact
            inside[i] += np.abs(gap) < 1.96 * np.array([found.mcse_low, found.mcse_median, found.mcse_high])
    assert inside.min() >= stats.binom(seeds, 0.95).ppf(1e-4), inside / seeds


def test_the_modules_are_those_under_test() -> None:
    assert evidence_ladder.resampled is psis.resampled and evidence_ladder.temper is smc.temper

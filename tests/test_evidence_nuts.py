"""The second reading: PyTensor twins of priors and of numpy's functions, and NUTS against the other rungs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from forecast.distribution import parse
from forecast.errors import StudyError
from forecast.evidence.likelihood import log_likelihood, term_of
from forecast.evidence.observation import statement
from tests.evidence_support import SMOOTH, SOURCE, graph, moments, posterior, study_of
from tests.statistical import over_chains
from tests.studies import prior
from tests.test_evidence import CHAIN

FAMILIES = [
    "normal(mean=1, sd=2)", "1 to 10", "uniform(low=-1, high=3)", "loguniform(low=1, high=30)", "triangular(low=0, mode=1, high=5)",
    "triangular(low=0, mode=0, high=5)", "pert(low=0, mode=1, high=5)", "beta(a=2, b=0.7)", "gamma(shape=0.8, scale=3)", "gamma(shape=9, scale=3)",
    "student_t(df=3, loc=1, scale=2)", "exponential(mean=2)", "pareto(low=1, alpha=2)", "quantiles(5%=1, 50%=3, 95%=20)",
    "quantiles(5%=-1, 50%=3, 95%=20)", "card(mean=387M, low=55M, high=1.5B)", "mixture(1 to 2, 5 to 9, weights=[0.3, 0.7])",
    "mixture(normal(mean=-3, sd=1), normal(mean=2, sd=0.5), weights=[0.5, 0.5])", "mixture(0, 1 to 3, weights=[0.3, 0.7])",
    "normal(mean=0, sd=1) within 0.5 and 2", "1 to 10 within 2 and inf", "gamma(shape=2, scale=1) within 1 and 3",
    "student_t(df=2, loc=0, scale=1) within -5 and 5", "normal(mean=0, sd=1) within 4 and 9",
    "bernoulli(p=30%)", "poisson(mean=3)", "binomial(n=10, p=30%)", "discrete({0: 0.3, 2: 0.5, 7: 0.2})", "poisson(mean=3) within 1 and 6",
    "point(3)",
]  # fmt: skip
FUNCTIONS = {
    "operators": lambda x, y: (x + 2 * y) / (3 - x) ** 2 - abs(-x) % 2,
    "exponentials": lambda x, y: np.exp(x) + np.log(y) + np.log10(y) + np.log1p(y) + np.expm1(x) + np.sqrt(y) + 2.0**x,
    "choices": lambda x, y: np.where(x > y, x, np.maximum(y, 1)) + np.minimum(x, 0) + np.clip(x, -0.5, 0.5),
    "logic": lambda x, y: np.where((x > 0) & (y > 1) | ~(x < 1), 1.0, 2.0) + np.logical_and(x > 0, y > 1),
    "floors": lambda x, y: np.floor(3 * x) + np.ceil(y) + x // 1 + x // 2 + np.sign(x),
    "reductions": lambda x, y: np.sum(x * y, axis=0) + np.max(x, axis=0) + (x * y).min(axis=0),
    "sums along": lambda x, y: np.cumsum(x, axis=0) + y,
    "stacks": lambda x, y: np.stack([x[0], y[0]]) + np.concatenate([x[:1], y[:1]]),
    "softer": lambda x, y: np.logaddexp(x, y) + np.tanh(x) + np.square(x) + np.arctan(x),
}


@pytest.fixture(scope="module", autouse=True)
def pytensor_without_compiling() -> object:
    pytensor = pytest.importorskip("pytensor")
    mode = pytensor.config.mode
    pytensor.config.mode = "FAST_COMPILE"
    yield
    pytensor.config.mode = mode


def evaluated(expression: object, inputs: dict[object, np.ndarray]) -> np.ndarray:
    import pytensor

    names = list(inputs)
    function = pytensor.function(names, expression, mode=pytensor.compile.mode.Mode(linker="py", optimizer=None))
    return np.asarray(function(*inputs.values()))


@pytest.mark.slow
@pytest.mark.parametrize("text", FAMILIES)
def test_every_family_has_its_twin(text: str) -> None:
    import pytensor.tensor as pt

    from forecast.evidence.symbolic_twins import from_normal

    distribution = parse(text, "here")
    z = np.concatenate([np.linspace(-6, 6, 401), np.random.default_rng(1).standard_normal(200)])
    s = pt.dvector("z")
    found = evaluated(from_normal(distribution, s), {s: z})
    expected = distribution.from_normal(z)
    if distribution.is_discrete:
        assert (found != expected).mean() < 0.01  # scores that stand on a step to the last bits
    else:
        assert found == pytest.approx(expected, rel=2e-9, abs=2e-9)


def test_no_family_is_left_out() -> None:
    """The table above has every family that a text can name, truncated ones and mixtures too."""
    from forecast.distribution.family import all_names

    assert {parse(text, "here").family for text in FAMILIES} == set(all_names())


@pytest.mark.slow
@pytest.mark.parametrize("text", [text for text in FAMILIES if not parse(text, "here").is_discrete])
def test_the_twin_has_the_density_of_the_family(text: str) -> None:
    """NUTS sees a prior through the slope of its twin: the density of x(z) is that of z over the slope."""
    import pytensor
    import pytensor.tensor as pt

    from forecast.evidence.symbolic_twins import from_normal

    distribution = parse(text, "here")
    z = np.random.default_rng(3).uniform(-3, 3, 300)
    s = pt.dvector("z")
    slope = evaluated(pytensor.grad(from_normal(distribution, s).sum(), s), {s: z})
    x = distribution.from_normal(z)
    inside = ~np.isin(x, distribution.marginal.atoms[0])
    assert (slope[~inside] == 0).all() and inside.any()
    found = (stats.norm.logpdf(z) - np.log(np.where(slope > 0, slope, np.nan)))[inside]
    # Where a table or an elicited curve has a corner the slope is either side's.
    gap = np.abs(found - distribution.log_density(x[inside]))
    assert np.mean(gap < 1e-4) > 0.97 and np.nanmedian(gap) < 1e-6


@pytest.mark.slow
def test_pymc_gives_the_same_densities() -> None:
    """The families that PyMC has too: its own log density, from its own parametrisation."""
    import pymc as pm

    twins = {
        "normal(mean=1, sd=2)": pm.Normal.dist(1, 2), "1 to 10": pm.LogNormal.dist(math.log(10) / 2, math.log(10) / 2 / stats.norm.ppf(0.95)),
        "uniform(low=-1, high=3)": pm.Uniform.dist(-1, 3), "triangular(low=0, mode=1, high=5)": pm.Triangular.dist(0, 5, 1),
        "beta(a=2, b=0.7)": pm.Beta.dist(2, 0.7), "gamma(shape=0.8, scale=3)": pm.Gamma.dist(0.8, 1 / 3),
        "student_t(df=3, loc=1, scale=2)": pm.StudentT.dist(nu=3, mu=1, sigma=2), "exponential(mean=2)": pm.Exponential.dist(0.5),
        "pareto(low=1, alpha=2)": pm.Pareto.dist(2, 1), "bernoulli(p=30%)": pm.Bernoulli.dist(0.3), "poisson(mean=3)": pm.Poisson.dist(3),
        "binomial(n=10, p=30%)": pm.Binomial.dist(10, 0.3),
        "normal(mean=0, sd=1) within 0.5 and 2": pm.Truncated.dist(pm.Normal.dist(0, 1), 0.5, 2),
        "mixture(normal(mean=-3, sd=1), normal(mean=2, sd=0.5), weights=[0.5, 0.5])":
            pm.Mixture.dist([0.5, 0.5], [pm.Normal.dist(-3, 1), pm.Normal.dist(2, 0.5)]),
    }  # fmt: skip
    for text, twin in twins.items():
        distribution = parse(text, "here")
        x = distribution.from_normal(np.linspace(-2.5, 2.5, 21))
        x = x.astype("int64") if distribution.is_discrete else x
        assert evaluated(pm.logp(twin, x), {}) == pytest.approx(distribution.log_density(x), rel=1e-6, abs=1e-7), text


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy_on_symbols_is_numpy(name: str) -> None:
    import pytensor.tensor as pt

    from forecast.evidence.symbolic import Symbol

    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((3, 1)), rng.uniform(0.5, 3, (3, 1))
    a, b = pt.dmatrix("a"), pt.dmatrix("b")
    found = evaluated(FUNCTIONS[name](Symbol(a), Symbol(b)).variable, {a: x, b: y})
    assert found == pytest.approx(FUNCTIONS[name](x, y), rel=1e-12)


@pytest.mark.slow
def test_what_has_no_twin_says_so() -> None:
    import pytensor.tensor as pt

    from forecast.evidence.symbolic import Symbol

    x = Symbol(pt.dvector("x"))
    for call in (
        lambda: np.sort(x),
        lambda: np.interp(x, [0, 1], [0, 1]),
        lambda: np.hypot(x, x),
        lambda: np.add.accumulate(x),
    ):
        with pytest.raises((NotImplementedError, TypeError)):
            call()
    for call in (lambda: bool(x > 0), lambda: max(x, 1), lambda: float(x), lambda: np.asarray(x), lambda: math.exp(x)):
        with pytest.raises(TypeError):
            call()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("q = normal(mean=3, sd=2)", {}), ("q = 2 to 8", {}), ("q >= 4", {"error": "2"}), ("q <= 4", {"error": "30%"}),
        ("q = beta(a=7, b=3)", {}), ("q = gamma(shape=4, scale=0.5)", {}), ("q = exponential(mean=2)", {}),
        ("q = student_t(df=4, loc=1, scale=2)", {}), ("q = mixture(1 to 2, 5 to 9, weights=[0.3, 0.7])", {}),
        ("q = mixture(normal(mean=-1, sd=1), 5 to 9, weights=[0.3, 0.7])", {}),
    ],
)  # fmt: skip
def test_every_smooth_likelihood_has_its_twin(text: str, fields: dict[str, str]) -> None:
    import pytensor.tensor as pt

    from forecast.evidence.symbolic_twins import log_likelihood as twin

    term = term_of(statement(text, **SOURCE, **fields))
    x = np.linspace(0.05, 0.95, 30) * (1 if "beta" in text else 9)
    s = pt.dvector("x")
    gap = evaluated(twin(term, s), {s: x}) - log_likelihood(term, x)
    assert np.ptp(gap) < 1e-9  # up to a constant


@pytest.mark.slow
@pytest.mark.parametrize("text", FAMILIES)
def test_every_family_as_a_measurement_has_a_twin_or_a_reason(text: str) -> None:
    import pytensor.tensor as pt

    from forecast.evidence.symbolic import _no_term_gradient
    from forecast.evidence.symbolic_twins import log_likelihood as twin

    term = term_of(statement(f"q = {text}", **SOURCE))
    reason = _no_term_gradient(term)
    if reason:
        assert reason.startswith(("the likelihood of q = ", "q takes separate values"))
        return
    x = np.array(parse(text, "here").quantile(np.linspace(0.02, 0.98, 25)))
    s = pt.dvector("x")
    assert np.ptp(evaluated(twin(term, s), {s: x}) - log_likelihood(term, x)) < 1e-8  # up to a constant


@pytest.mark.parametrize(
    ("priors", "models", "seen", "reason"),
    [
        (
            prior("n", "poisson(mean=3)"),
            'def c(n):\n    """Twice []."""\n    return 2 * n\n',
            {"value": "5 to 7"},
            "n takes separate values (poisson)",
        ),
        (prior("n", "1 to 3"), 'def c(n):\n    """Twice []."""\n    return 2 * n\n', {"at_least": 5}, "is sharp"),
        (
            prior("n", "1 to 3"),
            'def c(n):\n    """Twice []."""\n    return 2 * n\n',
            {"value": "uniform(low=1, high=5)"},
            "has no smooth twin",
        ),
    ],
)
def test_nuts_refuses_with_the_reason(
    tmp_path: Path, priors: str, models: str, seen: dict[str, object], reason: str
) -> None:
    study = study_of(tmp_path, priors, models).observe("c", **seen, **SOURCE)  # type: ignore[arg-type]
    with pytest.raises(StudyError) as caught:
        posterior(study, "nuts")
    assert reason in str(caught.value) and "smc" in str(caught.value)


@pytest.mark.slow
def test_a_model_that_cannot_be_read_so_names_the_line(tmp_path: Path) -> None:
    models = 'import numpy as np\n\n\ndef c(n):\n    """Odd []."""\n    return np.hypot(n, 1.0)\n'
    study = study_of(tmp_path, prior("n", "1 to 3"), models).observe("c", "1 to 2", **SOURCE)
    with pytest.raises(StudyError) as caught:
        posterior(study, "nuts")
    assert "models/model.py:6 c()" in str(caught.value) and "numpy.hypot has no symbolic twin" in str(caught.value)


def check(study: object, name: str, mean: float, sd: float, log: bool = False) -> None:
    draws = posterior(study, "nuts", draws=8192).at(name)
    for statistic, exact in ((np.mean, mean), (np.std, sd)):
        found, error = over_chains(statistic, np.log(draws) if log else draws)
        assert error < 0.05 * sd and abs(found - exact) < CHAIN * error


@pytest.mark.slow
def test_conjugate_forms_by_nuts(tmp_path: Path) -> None:
    """Normal mean, beta-binomial, gamma-Poisson and a derived observation: four independent parts of one study."""
    models = 'def c(x, y):\n    """Product []."""\n    return x * y\n'
    priors = prior("a", "normal(mean=1, sd=2)") + prior("p", "beta(a=2, b=3)") + prior("r", "gamma(shape=2, scale=3)")
    priors += prior("x", "lognormal(median=2, sigma=0.5)") + prior("y", "lognormal(median=3, sigma=1)")
    study = (
        study_of(tmp_path, priors, models)
        .observe("a", "normal(mean=3, sd=0.5)", **SOURCE)
        .observe("p", "beta(a=7, b=3)", **SOURCE)
    )
    study = study.observe("r", f"gamma(shape=12, scale={1 / 3!r})", **SOURCE).observe(
        "c", "lognormal(median=20, sigma=0.4)", **SOURCE
    )
    check(study, "a", (0.25 + 12) / 4.25, 4.25**-0.5)
    check(study, "p", stats.beta(9, 6).mean(), stats.beta(9, 6).std())
    check(study, "r", stats.gamma(14, scale=3 / 10).mean(), stats.gamma(14, scale=3 / 10).std())
    gain = 1.0 / (1.25 + 0.16)
    check(study, "y", math.log(3) + gain * math.log(20 / 6), math.sqrt(1 - gain), log=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMOOTH)
def test_nuts_agrees_with_the_other_rungs(tmp_path: Path, name: str) -> None:
    study = graph(tmp_path, name)
    nuts, smc = (posterior(study, rung, study.names, draws=n) for rung, n in (("nuts", 8192), ("smc", 16_384)))
    assert nuts.update.parts[0].details["divergences"] == 0
    for quantity in study.names:
        if quantity in ("path", "base"):
            continue
        one, other = moments(nuts, quantity), moments(smc, quantity)
        error = math.hypot(one[2], other[2])
        assert error < 0.1 * other[1] and abs(one[0] - other[0]) < CHAIN * error, quantity


@pytest.mark.slow
@pytest.mark.parametrize(("apart", "divergences", "told"), [(3.0, 0, "R-hat"), (0.0, 7, "7 divergences")])
def test_nuts_is_gated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    apart: float,
    divergences: int,
    told: str,
) -> None:
    """Chains that disagree, or diverge, are no result: exit code 4, and nothing is written."""
    from forecast.cli import main
    from forecast.evidence import nuts

    draws = np.random.default_rng(1).standard_normal((1, 8, 1000)) + apart * np.arange(8)[None, :, None]
    monkeypatch.setattr(nuts, "model_of", lambda *_: None)
    monkeypatch.setattr(nuts, "_sample", lambda *_: (draws, divergences, "none"))
    study = study_of(tmp_path, prior("a", "normal(mean=0, sd=1)"))
    arguments = ["--observe", "a = normal(mean=1, sd=1)", "--source", "s", "--date", "2024-01-01", "--rung", "nuts"]
    assert main(["update", str(study.path), *arguments]) == 4
    err = capsys.readouterr().err
    assert "NUTS has not converged on a" in err and told in err and "use the rung 'smc'" in err
    assert not (study.path / "priors" / "evidence").exists()

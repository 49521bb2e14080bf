"""Evidence: what can be said, the posterior against closed forms on every rung, and the laws of updating."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from forecast.errors import GateError, StudyError, UsageError
from forecast.evidence.likelihood import log_likelihood, term_of, together, violation
from forecast.evidence.observation import statement
from forecast.evidence.psis import pareto, resampled, smoothed
from forecast.evidence.smc import temper
from forecast.result import Forecast
from forecast.study import Study
from tests.evidence_support import (
    GRAPHS,
    SOURCE,
    gaussian_trend,
    graph,
    line_seen,
    moments,
    posterior,
    study_of,
    with_draws,
)
from tests.statistical import assert_mean, over_chains
from tests.studies import prior, write_study

RUNGS = ["weights", "smc"]
CHAIN = stats.t(7).isf(5e-7)  # eight chains; one false alarm in a million


def said(text: str, **fields: str) -> object:
    return statement(text, source="s", date="2024-01-01", **fields)


# --- what can be said -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fields", "x", "expected"),
    [
        ("q = normal(mean=3, sd=2)", {}, 4.0, stats.norm.logpdf(4, 3, 2)),
        ("q = lognormal(median=3, sigma=0.5)", {}, 4.0, stats.norm.logpdf(math.log(4), math.log(3), 0.5)),
        ("q = 2 to 8", {}, 4.0, stats.norm.logpdf(math.log(4), math.log(4), math.log(2) / 1.6448536269514722)),
        ("q = 4", {"error": "10%"}, 5.0, stats.norm.logpdf(math.log(5), math.log(4), math.log1p(0.1))),
        ("q = 4", {"error": "0.5"}, 5.0, stats.norm.logpdf(5, 4, 0.5)),
        ("q = beta(a=7, b=3)", {}, 0.4, stats.beta.logpdf(0.4, 7, 3) + math.log(0.4 * 0.6)),
        ("q = gamma(shape=4, scale=0.5)", {}, 3.0, stats.gamma.logpdf(3, 4, scale=0.5) + math.log(3)),
        ("q = uniform(low=1, high=3)", {}, 2.0, -math.log(2)),
        ("q = uniform(low=1, high=3)", {}, 4.0, -math.inf),
        ("q <= 4", {}, 4.0, 0.0),
        ("q < 4", {}, 4.1, -math.inf),
        ("q >= 4", {"error": "2"}, 3.0, stats.norm.logcdf(-0.5)),
        ("q <= 4", {"error": "2"}, 3.0, stats.norm.logcdf(0.5)),
        ("q <= 4", {}, math.inf, -math.inf),
        ("q >= 4", {}, math.inf, 0.0),
        ("q = 2 to 8", {}, math.inf, -math.inf),
        ("q = 2 to 8", {}, -1.0, -math.inf),
    ],
)
def test_likelihood(text: str, fields: dict[str, str], x: float, expected: float) -> None:
    found = log_likelihood(term_of(said(text, **fields)), np.array([x]))[0]
    assert found == pytest.approx(expected, rel=1e-9)


def test_bounds_on_both_sides_with_an_error_are_a_difference_of_probabilities(tmp_path: Path) -> None:
    study = study_of(tmp_path, prior("a", "normal(mean=0, sd=1)")).observe(
        "a", at_least=1, at_most=2, error=0.5, **SOURCE
    )
    x = np.array([-40.0, 0.0, 1.5, 3.0, 60.0])
    found = log_likelihood(term_of(study.evidence[0]), x)
    expected = np.log(stats.norm.cdf((2 - x[1:4]) / 0.5) - stats.norm.cdf((1 - x[1:4]) / 0.5))
    assert found[1:4] == pytest.approx(expected, rel=1e-9)
    assert (found[[0, 4]] < -1000).all() and np.isfinite(found).all()


def test_many_measurements_of_one_quantity_are_one() -> None:
    terms = [term_of(said(f"q = lognormal(median={m}, sigma={s})")) for m, s in ((2, 0.3), (3, 0.2), (2.5, 1))]
    x = np.array([1.0, 2.0, 3.0])
    joined = together(terms)
    assert len(joined) == 1
    assert log_likelihood(joined[0], x) == pytest.approx(sum(log_likelihood(t, x) for t in terms), rel=1e-12)


def test_violation_is_zero_just_where_the_likelihood_is_not() -> None:
    x = np.array([0.5, 1.0, 2.0, 5.0, math.inf])
    for text in ("q >= 2", "q <= 2", "q = uniform(low=1, high=3)"):
        term = term_of(said(text))
        assert ((violation(term, x) == 0) == np.isfinite(log_likelihood(term, x))).all()
    assert (np.diff(violation(term_of(said("q <= 1")), x)) >= 0).all()


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[x]\nvalue = "1 to 2"\ndate = 2024-01-01\nsource = "s"', "does not say of which quantity"),
        (
            '[x]\nquantity = "a"\ndate = 2024-01-01\nsource = "s"',
            "has a value, or at_least and at_most (found nothing)",
        ),
        ('[x]\nquantity = "a"\nvalue = 1\nat_least = 2\ndate = 2024-01-01\nsource = "s"', "(found value and at_least)"),
        (
            '[x]\nquantity = "a"\nvalue = "2 to 1"\ndate = 2024-01-01\nsource = "s"',
            "the interval runs downwards (2 to 1)",
        ),
        ('[x]\nquantity = "aa"\nvalue = "1 to 2"\ndate = 2024-01-01\nsource = "s"', "did you mean 'a'?"),
        ('[x]\nquantity = "a"\nvalue = "1 to 2"\nsource = "s"', "has no date"),
        ('[x]\nquantity = "a"\nvalue = "1 to 2"\ndate = "soon"\nsource = "s"', "date is not a date (soon)"),
        ('[x]\nquantity = "a"\nvalue = "1 to 2"\ndate = 2024-01-01', "has no source"),
        ('[x]\nquantity = "a"\nvalue = "1 to 2"\ndate = 2024-01-01\nsource = "s"\nunit = "kg"', "cannot be shown in"),
        (
            '[x]\nquantity = "a"\nvalue = "1 to 2"\nerror = "10%"\ndate = 2024-01-01\nsource = "s"',
            "an interval of its own, and an error",
        ),
        ('[x]\nquantity = "a"\nvalue = -1\nerror = "10%"\ndate = 2024-01-01\nsource = "s"', "needs a positive value"),
        (
            '[x]\nquantity = "a"\nat_least = 3\nat_most = 2\ndate = 2024-01-01\nsource = "s"',
            "at_least lies above at_most",
        ),
        ('[x]\nquantity = "a"\nvalues = 3\nvalue = "1 to 2"\ndate = 2024-01-01\nsource = "s"', "did you mean 'value'?"),
        ("x = 3", "stands outside any table"),
        ("[x", "is not TOML"),
    ],
)
def test_problems_of_evidence_files(tmp_path: Path, toml: str, message: str) -> None:
    from forecast.study import open_study

    write_study(tmp_path, prior("a", "normal(mean=0, sd=1)"), files={"priors/evidence/e.toml": toml})
    with pytest.raises(StudyError) as caught:
        open_study(tmp_path)
    assert message in str(caught.value) and "priors/evidence/e.toml" in str(caught.value)


def test_every_problem_at_once(tmp_path: Path) -> None:
    from forecast.study import open_study

    toml = '[x]\nquantity = "nope"\nvalue = "1 to 2"\ndate = 2024-01-01\nsource = "s"\n[y]\nvalue = "3 to 1"\n'
    write_study(tmp_path, prior("a", "normal(mean=0, sd=1)"), files={"priors/evidence/e.toml": toml})
    with pytest.raises(StudyError) as caught:
        open_study(tmp_path)
    assert len(caught.value.problems) == 5


def test_units_of_a_statement() -> None:
    for text, unit in (
        ("a = 3 to 4 [kg]", "kg"),
        ("a = 3 to 4[kg]", "kg"),
        ("a = mixture(1 to 2, 3 to 4, weights=[0.3, 0.7])", ""),
    ):
        assert said(text).unit == unit  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["a", "a = ", "= 3", "a == 3 to 4 = 5", "a@ = 3"])
def test_a_statement_that_is_none(text: str) -> None:
    with pytest.raises(StudyError):
        said(text)


# --- closed forms, on every rung ------------------------------------------------------------------------------------


def check(result: Forecast, name: str, mean: float, sd: float, log: bool = False) -> None:
    """Mean and sd within the chains' own errors, which must be small against the sd."""
    draws = np.log(result.at(name)) if log else result.at(name)
    for statistic, exact in ((np.mean, mean), (np.std, sd)):
        found, error = over_chains(statistic, draws)
        assert error < 0.02 * sd, "too few draws to tell"
        assert abs(found - exact) < CHAIN * error + 1e-9


@pytest.mark.parametrize("rung", RUNGS)
def test_normal_mean(tmp_path: Path, rung: str) -> None:
    study = study_of(tmp_path, prior("a", "normal(mean=1, sd=2)"))
    for i, y in enumerate((2.0, 4.0, 3.0)):
        study = study.observe("a", f"normal(mean={y}, sd=1)", id=f"y{i}", **SOURCE)
    precision = 1 / 4 + 3
    check(posterior(study, rung), "a", (1 / 4 + 9) / precision, precision**-0.5)


@pytest.mark.parametrize("rung", RUNGS)
def test_beta_binomial(tmp_path: Path, rung: str) -> None:
    study = study_of(tmp_path, prior("p", "beta(a=2, b=3)")).observe("p", "beta(a=7, b=3)", **SOURCE)
    exact = stats.beta(2 + 7, 3 + 3)
    check(posterior(study, rung), "p", exact.mean(), exact.std())


@pytest.mark.parametrize("rung", RUNGS)
def test_gamma_poisson(tmp_path: Path, rung: str) -> None:
    study = study_of(tmp_path, prior("r", "gamma(shape=2, scale=3)")).observe(
        "r", f"gamma(shape=12, scale={1 / 3!r})", **SOURCE
    )
    exact = stats.gamma(14, scale=1 / (1 / 3 + 3))
    check(posterior(study, rung), "r", exact.mean(), exact.std())


@pytest.mark.parametrize("rung", RUNGS)
def test_log_linear_graph_with_a_derived_observation(tmp_path: Path, rung: str) -> None:
    models = 'def c(a, b):\n    """Product []."""\n    return a * b\n\n\ndef d(c, a):\n    """Down the graph []."""\n    return c * a\n'
    study = study_of(
        tmp_path, prior("a", "lognormal(median=2, sigma=0.5)") + prior("b", "lognormal(median=3, sigma=1)"), models
    )
    study = study.observe("c", "lognormal(median=20, sigma=0.4)", **SOURCE)
    mean, cov = np.log([2.0, 3.0]), np.diag([0.25, 1.0])
    h = np.array([1.0, 1.0])
    gain = cov @ h / (h @ cov @ h + 0.16)
    mean, cov = mean + gain * (math.log(20) - h @ mean), cov - np.outer(gain, h @ cov)
    result = posterior(study, rung, ("a", "b", "c", "d"))
    for name, row in (("a", [1, 0]), ("b", [0, 1]), ("c", [1, 1]), ("d", [2, 1])):
        r = np.array(row)
        check(result, name, r @ mean, math.sqrt(r @ cov @ r), log=True)
    found, error = over_chains(lambda a, b: np.corrcoef(np.log([a, b]))[0, 1], result.values("a"), result.values("b"))
    assert abs(found - cov[0, 1] / math.sqrt(cov[0, 0] * cov[1, 1])) < CHAIN * error < 0.1
    assert result.update.parts[0].log_evidence == pytest.approx(
        stats.norm.logpdf(math.log(20), math.log(6), math.sqrt(1.25 + 0.16)), abs=0.05
    )


def test_exact_observations_are_solved(tmp_path: Path) -> None:
    dependence = '[[dependence]]\nbetween = ["a", "b"]\nrank_correlation = 0.5\n'
    study = study_of(
        tmp_path, prior("a", "normal(mean=1, sd=2)") + prior("b", "normal(mean=0, sd=1)"), extra=dependence
    )
    result = posterior(study.observe("a", 3, **SOURCE))
    assert np.ptp(result.values("a")) == 0 and result.values("a")[0, 0] == pytest.approx(3, rel=1e-12)
    rho = 2 * math.sin(math.pi * 0.5 / 6)
    assert result.values("b").mean() == pytest.approx(rho, abs=1e-3)
    assert result.values("b").std() == pytest.approx(math.sqrt(1 - rho**2), rel=2e-3)
    assert result.update.parts[0].rung == "exact"


@pytest.mark.parametrize("rung", RUNGS)
def test_an_exact_value_and_a_measured_sum_of_dependent_inputs(tmp_path: Path, rung: str) -> None:
    """What is left of three dependent inputs when one is known and their sum is measured: a Kalman update."""
    pairs = "".join(
        f'[[dependence]]\nbetween = ["{one}", "{other}"]\nrank_correlation = {rho}\n'
        for one, other, rho in (("a", "b", 0.5), ("b", "d", 0.4))
    )
    models = 'def c(a, b, d):\n    """Sum []."""\n    return a + b + d\n'
    priors = (
        prior("a", "normal(mean=1, sd=2)") + prior("b", "normal(mean=0, sd=1)") + prior("d", "normal(mean=0, sd=1)")
    )
    study = study_of(tmp_path, priors, models, pairs)
    study = study.observe("a", 3, **SOURCE).observe("c", "normal(mean=6, sd=0.3)", **SOURCE)
    one, other = (2 * math.sin(math.pi * rho / 6) for rho in (0.5, 0.4))
    cov, mean = np.array([[4, 2 * one, 0], [2 * one, 1, other], [0, other, 1]]), np.array([1.0, 0.0, 0.0])
    for row, seen, variance in (([1, 0, 0], 3.0, 0.0), ([1, 1, 1], 6.0, 0.09)):
        h = np.array(row)
        gain = cov @ h / (h @ cov @ h + variance)
        mean, cov = mean + gain * (seen - h @ mean), cov - np.outer(gain, h @ cov)
    result = posterior(study, rung, ("a", "b", "c", "d"))
    assert np.allclose(result.values("a"), 3)
    check(result, "b", mean[1], math.sqrt(cov[1, 1]))
    check(result, "d", mean[2], math.sqrt(cov[2, 2]))
    check(result, "c", 3 + mean[1] + mean[2], math.sqrt(cov[1, 1] + cov[2, 2] + 2 * cov[1, 2]))


def test_an_exact_value_of_a_discrete_prior_and_of_a_derived_choice(tmp_path: Path) -> None:
    models = 'import numpy as np\n\n\ndef c(n, m):\n    """Sum []."""\n    return n + m\n'
    study = study_of(tmp_path, prior("n", "poisson(mean=2)") + prior("m", "poisson(mean=3)"), models).observe(
        "c", 4, **SOURCE
    )
    result = posterior(study, names=("n", "c"))
    assert (result.values("c") == 4).all()
    found, error = over_chains(np.mean, result.values("n"))
    assert abs(found - 4 * 0.4) < CHAIN * error < 0.1  # binomial(4, 2/5)


def test_an_exact_value_of_a_continuous_derived_quantity_is_refused(tmp_path: Path) -> None:
    models = 'def c(a):\n    """Twice []."""\n    return 2 * a\n'
    study = study_of(tmp_path, prior("a", "normal(mean=1, sd=2)"), models).observe("c", 3, **SOURCE)
    with pytest.raises(StudyError, match="probability zero"):
        posterior(study)


def test_prior_predictive_p_values_have_closed_forms(tmp_path: Path) -> None:
    study = study_of(tmp_path, prior("a", "normal(mean=1, sd=2)") + prior("r", "gamma(shape=2, scale=3)"))
    spread = math.sqrt(4 + 0.25)
    counts = stats.nbinom(2, 1 / (1 + 3 * 3))  # events in three years at a gamma rate
    for quantity, fields, exact in (
        ("a", {"value": "normal(mean=4, sd=0.5)"}, 2 * stats.norm.sf(3 / spread)),
        ("a", {"at_least": 4, "error": 0.5}, stats.norm.sf(3 / spread)),
        ("a", {"at_most": 4}, stats.norm.cdf(1.5)),
        ("a", {"value": 4}, 2 * stats.norm.sf(1.5)),
        ("r", {"value": f"gamma(shape=60, scale={1 / 3!r})"}, 2 * counts.sf(59)),
    ):
        result = study.observe(quantity, **fields, id="x", **SOURCE).run(["a"], draws=4096)  # type: ignore[arg-type]
        assert result.update.p_values["x"] == pytest.approx(exact, rel=0.01), fields


# --- the rungs agree ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRAPHS)
def test_rungs_agree(tmp_path: Path, name: str) -> None:
    study = graph(tmp_path, name)
    results = [posterior(study, rung, study.names) for rung in RUNGS]
    assert [r.update.parts[0].rung for r in results] == RUNGS
    for quantity in study.names:
        if quantity in ("path", "base"):
            continue
        one, other = (moments(r, quantity) for r in results)
        error = math.hypot(one[2], other[2])
        assert error < 0.05 * one[1], "too few draws to tell"
        assert abs(one[0] - other[0]) < CHAIN * error, quantity
    evidence = [sum(p.log_evidence for p in r.update.parts) for r in results]
    assert evidence[0] == pytest.approx(evidence[1], abs=0.1)


def test_an_exact_value_is_judged_on_the_quantitys_own_scale(tmp_path: Path) -> None:
    study = study_of(tmp_path, prior("n", "discrete({1e-12: 0.5, 2e-12: 0.5})"))
    assert (posterior(study.observe("n", 1e-12, **SOURCE)).values("n") == 1e-12).all()


def test_a_measurement_with_separate_values(tmp_path: Path) -> None:
    """Of a quantity that takes separate values it is a likelihood; of one that takes any it has probability zero."""
    study = study_of(tmp_path, prior("n", "poisson(mean=2)") + prior("a", "normal(mean=0, sd=1)"))
    told = "discrete({1: 0.3, 2: 0.7})"
    result = posterior(study.observe("n", told, **SOURCE), names=("n",))
    one, two = 0.3 * stats.poisson(2).pmf(1), 0.7 * stats.poisson(2).pmf(2)
    assert (result.values("n") == 1).mean() == pytest.approx(one / (one + two), abs=0.01)
    with pytest.raises(StudyError, match="separate values"):
        posterior(study.observe("a", told, **SOURCE))


def test_an_atom_of_a_mixture_is_a_value_and_the_rest_is_solved(tmp_path: Path) -> None:
    study = study_of(tmp_path, prior("a", "mixture(0, 1 to 3, weights=[0.3, 0.7])"))
    for x, rung in ((0, "weights"), (2, "exact")):
        result = posterior(study.observe("a", x, **SOURCE))
        assert np.allclose(result.values("a"), x, rtol=1e-6) and result.update.parts[0].rung == rung


@pytest.mark.parametrize(
    ("toml", "fields", "message"),
    [
        ("bernoulli(p=30%)", {"value": 2}, "the prior of a has the values 0, 1"),
        ("beta(a=2, b=2)", {"at_least": 1.2}, "the prior of a runs from 0 to 1"),
        ("beta(a=2, b=2)", {"value": "uniform(low=2, high=3)"}, "the prior of a runs from 0 to 1"),
        ("point(3)", {"value": 4}, "the prior of a is 3"),
        ("point(3)", {"at_most": 2}, "the prior of a is 3"),
    ],
)
def test_what_a_prior_makes_impossible_is_told(
    tmp_path: Path, toml: str, fields: dict[str, object], message: str
) -> None:
    study = study_of(tmp_path, prior("a", toml))
    with pytest.raises(StudyError) as caught:
        posterior(study.observe("a", **fields, **SOURCE))  # type: ignore[arg-type]
    assert message in str(caught.value) and "is impossible" in str(caught.value)


def test_of_what_is_certain_there_is_nothing_to_learn(tmp_path: Path) -> None:
    from forecast.evidence.told import paths

    models = 'def c(a):\n    """Twice []."""\n    return 2 * a\n'
    study = study_of(tmp_path, prior("a", "3") + prior("b", "1 to 2"), models)
    result = posterior(study.observe("c", "5 to 6.5", **SOURCE), names=("b", "c"))
    (part,) = result.update.parts
    assert part.rung == "none" and "c is 6 in every world" in part.why and result.shift() == ()
    assert result.update.p_values["c"] == pytest.approx(
        2 * stats.norm.sf(math.log(6), math.log(32.5) / 2, math.log(6.5 / 5) / 2 / stats.norm.ppf(0.95)), rel=1e-6
    )
    with pytest.raises(StudyError, match="has no year axis"):
        posterior(study.observe("c@2025", "5 to 6.5", **SOURCE), names=("b",))
    # A scenario sets evidence on what it replaces aside.
    seen = study.observe("b", "1.2 to 1.3", **SOURCE)
    aside = seen.run(["b"], given={"b": 1.9}).update
    assert aside.parts == () and paths(aside) == ["b: set aside, since the scenario fixes all that it touches"]


# --- laws -----------------------------------------------------------------------------------------------------------


def chain(tmp_path: Path) -> Study:
    models = 'def c(a, b):\n    """Sum []."""\n    return a + b\n\n\ndef e(d):\n    """Twice []."""\n    return 2 * d\n'
    priors = "".join(prior(name, "normal(mean=0, sd=1)") for name in "abd")
    return study_of(tmp_path, priors, models)


@pytest.mark.parametrize("rung", RUNGS)
def test_two_updates_are_one_with_both_in_any_order(tmp_path: Path, rung: str) -> None:
    study = chain(tmp_path)
    one, other = ("c", "normal(mean=2, sd=0.5)"), ("a", "normal(mean=-1, sd=0.5)")
    first = study.observe(*one, id="one", **SOURCE).observe(*other, id="other", **SOURCE)
    second = study.observe(*other, id="other", **SOURCE).observe(*one, id="one", **SOURCE)
    assert first.digest == second.digest
    a, b = (posterior(s, rung).values("a") for s in (first, second))
    assert np.array_equal(a, b)


def test_an_unrelated_observation_changes_nothing(tmp_path: Path) -> None:
    study = chain(tmp_path)
    before = study.run(["e"], draws=4096)
    after = study.observe("c", "normal(mean=2, sd=0.5)", **SOURCE).run(["e"], draws=4096)
    assert np.array_equal(before.values("e"), after.values("e"))
    # Nor does it change a posterior, on any rung.
    for rung in ("auto", "smc"):
        seen = study.observe("e", "normal(mean=1, sd=1)", **SOURCE)
        one, other = (
            s.run(["e"], draws=4096, rung=rung).values("e")
            for s in (seen, seen.observe("c", "normal(mean=2, sd=0.5)", **SOURCE))
        )
        assert np.array_equal(one, other)


@pytest.mark.parametrize("rung", ["auto", "smc"])
def test_independent_parts_stay_independent(tmp_path: Path, rung: str) -> None:
    """Worlds of parts that share nothing must not go together, nor with inputs that nothing was seen of."""
    names = "bcdef"
    dependence = '[[dependence]]\nbetween = ["a", "b"]\nrank_correlation = 0.5\n'
    study = study_of(tmp_path, "".join(prior(name, "normal(mean=0, sd=1)") for name in "abcdef"), extra=dependence)
    for name in "cd":
        study = study.observe(name, "normal(mean=1, sd=0.7)", **SOURCE)
    if rung == "auto":
        study = study.observe("a", 1, **SOURCE)  # which leaves b one free coordinate
    result = study.run(list(names), rung=rung, draws=16_384)
    for chain in (slice(0, 1), slice(None)):
        draws = np.array([result.values(name)[chain].ravel() for name in names])
        off = np.corrcoef(draws)[~np.eye(len(names), dtype=bool)]
        assert np.abs(off).max() < 6 / math.sqrt(draws.shape[1])


def test_a_vague_observation_changes_nothing(tmp_path: Path) -> None:
    study = chain(tmp_path)
    before = study.run(["c"], draws=4096)
    after = study.observe("c", at_least=-1e6, **SOURCE).run(["c"], draws=4096)
    assert np.array_equal(before.values("c"), after.values("c"))
    wide = study.observe("c", "normal(mean=0, sd=1000)", **SOURCE).run(["c"], draws=65_536)
    check(wide, "c", 0.0, math.sqrt(2))


def test_the_posterior_of_what_is_derived_is_that_of_its_parents_pushed_through(tmp_path: Path) -> None:
    result = posterior(chain(tmp_path).observe("c", "normal(mean=2, sd=0.5)", **SOURCE), names=("a", "b", "c"))
    assert np.array_equal(result.values("c"), result.values("a") + result.values("b"))


def test_same_seed_same_bytes_whatever_the_blocks_and_threads(tmp_path: Path) -> None:
    study = chain(tmp_path).observe("c", "normal(mean=2, sd=0.5)", **SOURCE)
    one = study.run(["c"], draws=8192, block=1024, threads=2).values("c")
    assert np.array_equal(one, study.run(["c"], draws=8192).values("c"))


# --- hard cases -----------------------------------------------------------------------------------------------------


def test_far_outside_the_prior(tmp_path: Path) -> None:
    study = chain(tmp_path).observe("c", "normal(mean=12, sd=0.1)", **SOURCE)
    with pytest.raises(GateError, match="weights do not serve"):
        posterior(study, "weights")
    result = posterior(study)
    assert result.update.parts[0].rung == "smc"
    assert result.update.p_values["c"] < 1e-4
    check(result, "c", 12 * 2 / 2.01, math.sqrt(2 * 0.01 / 2.01))
    check(result, "a", 6 * 2 / 2.01, math.sqrt(1 - 1 / 2.01))


def test_a_sharp_bound_far_outside_the_prior(tmp_path: Path) -> None:
    result = posterior(study_of(tmp_path, prior("a", "normal(mean=0, sd=1)")).observe("a", at_least=6, **SOURCE))
    exact = stats.truncnorm(6, np.inf)
    assert result.update.parts[0].rung == "smc" and result.values("a").min() >= 6
    check(result, "a", exact.mean(), exact.std())
    assert result.update.parts[0].log_evidence == pytest.approx(stats.norm.logsf(6), abs=0.15)


def test_a_thousand_observations_at_once(tmp_path: Path) -> None:
    study = chain(tmp_path)
    rng = np.random.default_rng(3)
    measured = 1.5 + rng.standard_normal(1000)
    seen = [statement(f"c = normal(mean={y!r}, sd=1)", id=f"y{i}", **SOURCE) for i, y in enumerate(measured.tolist())]
    result = posterior(study.with_evidence(seen), names=("c", "a"))
    variance = 1 / (1000 + 1 / 2)
    check(result, "c", measured.sum() * variance, math.sqrt(variance))


def test_many_independent_parts(tmp_path: Path) -> None:
    from forecast.evidence.told import paths

    study = study_of(tmp_path, "".join(prior(f"a{i}", "normal(mean=0, sd=1)") for i in range(30)))
    seen = [statement(f"a{i} = normal(mean=1, sd=1)", id=f"y{i}", **SOURCE) for i in range(30)]
    result = study.with_evidence(seen).run(["a0", "a29"], draws=65_536)
    check(result, "a29", 0.5, math.sqrt(0.5))
    lines = paths(result.update)
    assert len(lines) == 11 and lines[-1].startswith("and 20 more independent parts")


def test_contradictions(tmp_path: Path) -> None:
    study = chain(tmp_path)
    with pytest.raises(StudyError, match="contradicts another exact observation"):
        posterior(study.observe("a", 1, id="x", **SOURCE).observe("a", 2, id="y", **SOURCE))
    with pytest.raises(GateError):
        posterior(study.observe("c", at_least=2, id="x", **SOURCE).observe("c", at_most=1, id="y", **SOURCE))
    both = study.observe("c", "normal(mean=3, sd=0.1)", id="x", **SOURCE).observe(
        "c", "normal(mean=-3, sd=0.1)", id="y", **SOURCE
    )
    check(posterior(both, names=("c",)), "c", 0.0, math.sqrt(1 / (200 + 0.5)))
    with pytest.raises(StudyError, match="is impossible"):
        posterior(study_of(tmp_path / "u", prior("u", "uniform(low=0, high=1)")).observe("u", 2, **SOURCE))


def test_observations_that_disagree_are_found(tmp_path: Path) -> None:
    """Leaving one out of a normal posterior has a closed form; ones that agree are not accused."""
    study = study_of(tmp_path, prior("a", "normal(mean=0, sd=10)"))
    measured = {"x": (2.0, 0.5), "y": (3.0, 0.8), "z": (7.0, 0.6)}
    for id, (y, e) in measured.items():
        study = study.observe("a", f"normal(mean={y}, sd={e})", id=id, **SOURCE)
    update = posterior(study, "smc").update
    for id, (y, e) in measured.items():
        others = [(0.0, 10.0), *(m for other, m in measured.items() if other != id)]
        precision = sum(s**-2 for _, s in others)
        mean = sum(m * s**-2 for m, s in others) / precision
        exact = 2 * stats.norm.sf(abs(y - mean) / math.sqrt(1 / precision + e * e))
        assert math.log(update.rest[id]) == pytest.approx(math.log(exact), rel=0.15)
    from forecast.evidence.told import conflicts

    assert [line.split()[1] for line in conflicts(update, study.evidence)] == ["z", "x"]
    rng = np.random.default_rng(1)
    agreeing = [
        statement(f"a = normal(mean={y!r}, sd=1)", id=f"y{i}", **SOURCE)
        for i, y in enumerate((2 + rng.standard_normal(200)).tolist())
    ]
    calm = study.with_evidence(agreeing)
    assert conflicts(posterior(calm).update, calm.evidence) == []


def test_a_model_that_overflows_far_out_does_not_stop_the_search(tmp_path: Path) -> None:
    models = 'def c(a, b):\n    """Product []."""\n    return a * b\n'  # zero times infinity, far enough out
    priors = prior("a", "lognormal(median=1, sigma=1)") + prior("b", "lognormal(median=1, sigma=1)")
    with pytest.raises(GateError, match="small steps"):
        posterior(study_of(tmp_path, priors, models).observe("c", "uniform(low=1e60, high=2e60)", **SOURCE))


CROSSING = """
from forecast import first_crossing


def path(year, start, growth, base):
    \"\"\"Path [].\"\"\"
    return start * 10 ** (growth * (year - base))


def crossing(year, path):
    \"\"\"When the path reaches 1000 [year].\"\"\"
    return first_crossing(year, path, 1000)
"""


def test_evidence_on_a_crossing_year(tmp_path: Path) -> None:
    report = 'title = "t"\nquantities = ["crossing"]\nyears = "2025 to 2045"\n'
    priors = (
        prior("start", "10 to 100") + prior("growth", "normal 0.05 to 0.3", "OOM/year") + prior("base", "2025", "year")
    )
    from forecast.study import open_study

    study = open_study(write_study(tmp_path, priors, CROSSING, report))
    before = study.run(draws=16_384)
    for fields, inside in (
        ({"at_least": 2040}, lambda x: x >= 2040),
        ({"value": "normal(mean=2031, sd=0.5)"}, lambda x: (x > 2028) & (x < 2034)),
    ):
        after = study.observe("crossing", **fields, **SOURCE).run(draws=16_384)
        assert inside(after.values("crossing")).all()
        assert (after.values("growth").mean() < before.values("growth").mean()) == ("at_least" in fields)
    assert np.isinf(study.observe("crossing", at_least=2040, **SOURCE).run(draws=16_384).values("crossing")).any()


def test_a_crossing_year_means_the_same_whatever_other_years_are_observed(tmp_path: Path) -> None:
    """Of a path at 2010 much can be seen; it does not let the path cross before the report's first year."""
    from forecast.evidence.observed import observed
    from forecast.evidence.parts import parts_of
    from forecast.study import open_study

    report = 'title = "t"\nquantities = ["crossing"]\nyears = "2025 to 2045"\n'
    priors = prior("start", "10 to 100") + prior("growth", "normal 0.05 to 0.3", "OOM/year")
    study = open_study(write_study(tmp_path, priors + prior("base", "2025", "year"), CROSSING, report))
    both = study.observe("crossing", at_least=2030, **SOURCE).observe("path@2010", at_most=1e9, **SOURCE)
    (part,) = parts_of(both)
    seen = observed(both, part)
    assert seen.axes == {(2010.0,): ("path@2010",), study.axis: ("crossing",)}
    alone = study.observe("crossing", at_least=2030, **SOURCE)
    one, other = (s.run(["growth"], rung="weights", draws=4096).values("growth") for s in (alone, both))
    assert np.array_equal(one, other)


def test_a_year_where_none_belongs_and_none_where_one_does(tmp_path: Path) -> None:
    study = graph(tmp_path, "path").with_evidence(())
    with pytest.raises(StudyError, match="has no year axis"):
        posterior(study.observe("start@2025", "10 to 20", **SOURCE), names=("start",))
    with pytest.raises(StudyError, match="has a year axis"):
        posterior(study.observe("path", "10 to 20", **SOURCE), names=("start",))


def test_a_censored_observation_on_the_starter_study() -> None:
    from forecast.study import open_study

    study = open_study(Path(__file__).parent.parent).observe(
        "projected_run_cost@2023", at_most="1B", unit="USD_2023", **SOURCE
    )
    result = study.run(["start_cost", "cost_growth"], draws=65_536)
    cost, growth = np.log(result.values("start_cost")), result.values("cost_growth")
    by_chain = np.array([np.corrcoef(c, g)[0, 1] for c, g in zip(cost, growth, strict=True)])
    assert by_chain.shape == (8,)
    error = by_chain.std(ddof=1) / math.sqrt(8)
    assert by_chain.mean() > stats.t(7).isf(1e-4) * error  # dear runs in 2025 must then have grown fast
    shifts = {s.name: s for s in result.shift(["start_cost", "cost_growth"])}
    assert shifts["start_cost"].shift < 0 < shifts["cost_growth"].shift


@pytest.mark.slow
def test_the_starter_study_agrees_with_brute_force() -> None:
    """Seven observations in five parts, against one weight for every prior world: each quantity, and how they go together."""
    from forecast.sampling import sample
    from forecast.study import open_study

    study = open_study(Path(__file__).parent.parent)
    seen = study
    for quantity, fields in (
        ("training_cost", {"value": "60M to 120M"}), ("projected_run_cost@2023", {"at_most": "300M", "unit": "USD_2023"}),
        ("inference_share", {"value": "80% to 90%"}), ("crossing_year", {"at_least": 2036}), ("largest_run_cost@2026", {"at_most": "3B"}),
        ("mixed_deployment_cost", {"value": "1M to 5M"}), ("compute_per_dollar", {"value": "1.5e17 to 3e17"}),
    ):  # fmt: skip
        seen = seen.observe(quantity, **fields, **SOURCE)  # type: ignore[arg-type]
    prior, posterior_ = (
        s.run(["training_cost"], draws=n, seed=k) for s, n, k in ((study, 131_072, 99), (seen, 65_536, 7))
    )
    assert len(posterior_.update.parts) == 5
    log = sum(log_likelihood(term_of(item), prior.at(item.quantity, item.year)) for item in seen.evidence)
    weight = np.exp(log - log.max())
    years, shown = (2026.0, 2030.0, 2045.0), {}
    for result in (prior, posterior_):
        shown[result] = sample(result.study, result.design, study.names, years, 0, result.draws)
    looked = 0
    for name in study.names:
        before, after = (shown[result][name] for result in (prior, posterior_))
        before, after = (before[1], after[1]) if before.ndim == 3 else (before, after)
        if np.ptp(before) == 0:
            continue
        for x in np.quantile(before[np.isfinite(before)], [0.05, 0.3, 0.7, 0.95]):
            one = (weight * (before <= x)).sum(axis=1) / weight.sum(axis=1)
            other = (after <= x).mean(axis=1)
            pooled = float((weight * (before <= x)).sum() / weight.sum())
            error = math.hypot(one.std(ddof=1), other.std(ddof=1)) / math.sqrt(8)
            looked += 1
            assert abs(pooled - other.mean()) < stats.t(7).isf(1e-7) * error + 2e-4, (name, x)
    assert looked > 700
    chosen = np.random.default_rng(0).choice(weight.size, 20_000, p=(weight / weight.sum()).ravel())
    names = [
        "training_cost",
        "inference_share",
        "largest_run_compute",
        "mixed_deployment_cost",
        "start_cost",
        "cost_growth",
    ]
    matrices = []
    for result, take in ((prior, chosen), (posterior_, slice(None))):
        arrays = (shown[result][name] for name in names)
        matrices.append(stats.spearmanr([(a[1] if a.ndim == 3 else a).ravel()[take] for a in arrays], axis=1).statistic)
    # The prior worlds are worth some 3,000 independent ones.
    assert np.abs(matrices[0] - matrices[1]).max() < 6 / math.sqrt(3000)


def test_few_draws_of_a_trend_are_told_and_too_few_refused(tmp_path: Path) -> None:
    base = gaussian_trend(tmp_path)
    rng = np.random.default_rng(1)
    seen, mean, cov = line_seen(base, 1.0, 0.3)
    result = with_draws(seen, 4000, rng).run(["cost_trend_growth"])
    (part,) = result.update.parts
    left, count = part.details["trend_draws"]["cost_trend"]
    assert count == 4000 and 600 < left < 1600 and part.left == pytest.approx(left, rel=0.01)
    found = result.interval("cost_trend_growth")
    assert abs(found.median - mean[1]) < 4 * found.mcse_median
    assert found.mcse_median > 0.8 * 1.25 * math.sqrt(cov[1, 1] / left)  # a median of so many independent draws
    far, _, _ = line_seen(base, 2.0, 0.1)
    with pytest.raises(GateError, match="of the 4,000 posterior draws of the trend cost_trend only"):
        with_draws(far, 4000, rng).run(["cost_trend_growth"])
    assert with_draws(far, 40_000, rng).run(["cost_trend_growth"]).update.parts[0].rung in ("weights", "smc")


# --- the machinery --------------------------------------------------------------------------------------------------


def test_psis_is_arviz() -> None:
    from arviz_stats.base import array_stats

    rng = np.random.default_rng(0)
    for spread, size in ((0.3, 20_000), (1, 4000), (2, 1000), (4, 20_000)):
        log = spread * rng.standard_normal(size)
        weights = smoothed(log)
        other, khat = array_stats.psislw(-log)
        assert weights.khat == pytest.approx(float(khat), abs=1e-12)
        expected = np.exp(np.asarray(other))
        assert weights.weight == pytest.approx(expected / expected.sum(), rel=1e-9, abs=1e-15)


def test_weights_at_the_edge() -> None:
    assert smoothed(np.full(1000, -np.inf)).effective == 0
    few = np.full(10_000, -np.inf)
    few[:5] = 0.0
    assert smoothed(few).effective < 10
    steep = np.where(np.arange(10_000) < 20, 0.0, -800.0)
    assert smoothed(steep).effective < 30
    half = np.where(np.arange(10_000) % 2, 0.0, -np.inf)
    assert smoothed(half).khat == -math.inf and smoothed(half).effective == pytest.approx(5000)
    assert pareto(np.sort(stats.genpareto.rvs(0.4, size=20_000, random_state=1)))[0] == pytest.approx(0.4, abs=0.05)
    counts = np.bincount(resampled(np.array([0.5, 0.25, 0.25]), 8, np.random.default_rng(1)), minlength=3)
    assert counts.tolist() == [4, 2, 2]


def test_sequential_monte_carlo_finds_both_modes() -> None:
    def target(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.logaddexp(-0.5 * ((v[0] - 3) / 0.1) ** 2, -0.5 * ((v[0] + 3) / 0.1) ** 2), np.zeros(v.shape[1])

    shares = [float((temper(target, 2, 1024, np.random.default_rng(seed)).v[0] > 0).mean()) for seed in range(12)]
    assert_mean(np.array(shares), 0.5, detects=0.1)


def test_shift_and_bits(tmp_path: Path) -> None:
    study = study_of(tmp_path, prior("a", "normal(mean=0, sd=1)")).observe("a", "normal(mean=4, sd=1)", **SOURCE)
    (shift,) = study.run(["a"], draws=65_536).shift()
    assert shift.shift == pytest.approx(2, abs=0.02)
    exact = 0.5 * (0.5 + 4 - 1 + math.log(2)) / math.log(2)
    assert shift.bits == pytest.approx(exact, abs=0.03)
    assert shift.because == ("a",)


def test_what_one_observation_moves(tmp_path: Path) -> None:
    """A normal prior and normal measurements: both posteriors, the shift and the bits between them in closed form."""
    priors = prior("a", "normal(mean=0, sd=1)") + prior("b", "normal(mean=0, sd=1)")
    one = study_of(tmp_path, priors).observe("a", "normal(mean=1, sd=1)", **SOURCE)  # mean 1/2, variance 1/2
    two = one.observe("a", "normal(mean=2, sd=1)", **SOURCE)  # mean 1, variance 1/3
    names = ["a", "b"]
    before, after = (study.run(names, draws=65_536, seed=3) for study in (one, two))
    (moved,) = after.shift(before=before)
    assert (moved.name, moved.because) == ("a", ("a-2",))
    for interval, mean, variance in ((moved.prior, 0.5, 1 / 2), (moved.posterior, 1, 1 / 3)):
        assert interval.median == pytest.approx(mean, abs=5 * interval.mcse_median)
        assert interval.high == pytest.approx(mean + 1.6449 * math.sqrt(variance), abs=5 * interval.mcse_high)
    assert moved.shift == pytest.approx(0.5 / math.sqrt(0.5), abs=5 * moved.mcse) and 0 < moved.mcse < 0.02
    kl = 0.5 * (2 / 3 + 0.25 * 2 - 1 - math.log(2 / 3)) / math.log(2)
    assert moved.bits == pytest.approx(kl, abs=0.02)
    # To drop it moves the other way, from the posterior with it.
    (back,) = before.shift(before=after)
    assert back.because == ("a-2",) and back.shift == pytest.approx(-0.5 / math.sqrt(1 / 3), abs=5 * back.mcse)
    # Beside nothing at all it is prior against posterior, and to drop all is that turned round.
    plain, alone = before.shift(names), before.shift(names, before=before.before())
    assert [(s.name, s.shift, s.bits) for s in plain] == [(s.name, s.shift, s.bits) for s in alone]
    (all_of_it,) = before.before().shift(before=before)
    assert all_of_it.because == ("a",) and all_of_it.shift == pytest.approx(-0.5 / math.sqrt(0.5), abs=0.02)


def test_what_moves_nothing_is_told_to_move_nothing(tmp_path: Path) -> None:
    priors = "".join(prior(name, "normal(mean=0, sd=1)") for name in "ab")
    models = 'def c(a, b):\n    """Sum []."""\n    return a + b\n'
    one = study_of(tmp_path, priors, models).observe("c", "normal(mean=2, sd=0.5)", **SOURCE)
    before = one.run(["a", "b", "c"], seed=1)
    assert one.observe("c", at_most=50, **SOURCE).run(["a", "b", "c"], seed=1).shift(before=before) == ()
    # Of one posterior with other random numbers nothing has moved either, though the two differ.
    again = one.observe("a", "normal(mean=0, sd=1e6)", **SOURCE)
    for seed in range(2, 12):
        result = again.run(["a", "b", "c"], seed=seed)
        assert result.interval("c").median != before.interval("c").median
        assert result.shift(before=before) == ()
    (named,) = result.shift(["c"], before=before)  # what is asked for is told all the same
    assert abs(named.shift) < 5 * named.mcse


def test_the_error_of_a_shift_is_that_of_other_seeds(tmp_path: Path) -> None:
    one = study_of(tmp_path, prior("a", "normal(mean=0, sd=1)")).observe("a", "normal(mean=1, sd=1)", **SOURCE)
    two = one.observe("a", "normal(mean=1.5, sd=3)", **SOURCE)
    told = [two.run(["a"], seed=seed).shift(["a"], before=one.run(["a"], seed=seed))[0] for seed in range(24)]
    spread = float(np.std([moved.shift for moved in told], ddof=1))
    stated = float(np.sqrt(np.mean([moved.mcse**2 for moved in told])))
    # The stated one is student_factor(8) = 1.21 too large on purpose; F(23, 168) beyond 2.3 has probability 1e-3.
    assert spread / stated < math.sqrt(2.3) and stated < 4 * spread
    # The same random numbers on both sides: nearer than two runs that have none in common.
    apart = two.run(["a"], seed=99).shift(["a"], before=one.run(["a"], seed=7))[0]
    assert stated < apart.mcse


def test_what_is_printed_of_a_study_and_of_an_update(tmp_path: Path) -> None:
    study = study_of(tmp_path / "mine", prior("a", "1 to 10") + prior("b", "0.5 to 2"))
    assert repr(study) == f"<Study mine: 2 priors; hash {study.digest[:12]}>"
    assert "; scenario: a = 3, b = 1; hash" in repr(study.given({"a": 3, "b": 1}))
    seen = study.observe("a", "2 to 4", **SOURCE).observe("b", 1, **SOURCE)
    assert (
        repr(seen) == f"<Study mine: 2 priors, 2 observations; hash {seen.digest[:12]}>" and seen.digest != study.digest
    )
    update = seen.run(["a"], draws=1024).update
    head, *parts = repr(update).splitlines()
    assert head == "<Update: 2 observations, 2 independent parts>" and [f"  {part!r}" for part in update.parts] == parts
    one, other = sorted(parts)
    assert one.startswith("  <Conditioned on a: 1 input, rung weights, k-hat ") and "of 32,768 worlds effective" in one
    assert other.startswith("  <Conditioned on b: 1 input, rung exact, worth") and len(max(parts, key=len)) < 150
    many = study.with_evidence([seen.with_evidence(seen.evidence[:1]).evidence[0]])
    for _ in range(8):
        many = many.observe("a", "1 to 8", **SOURCE)
    assert "and 5 more: 1 input" in repr(many.run(["a"], draws=1024).update.parts[0])


def test_an_observation_without_source_and_date_is_refused_in_words(tmp_path: Path) -> None:
    study = study_of(tmp_path, prior("a", "1 to 10"))
    with pytest.raises(StudyError) as caught:
        study.observe("a", "2 to 4")
    assert str(caught.value).splitlines() == [
        "observe a: an observation has no date; write the day on which it was seen or published, such as 2024-03-01",
        'observe a: an observation has no source; write source = "who says so, and where"',
    ]


def test_a_shift_between_different_studies_is_refused(tmp_path: Path) -> None:
    study = study_of(tmp_path / "one", prior("a", "normal(mean=0, sd=1)"))
    other = study_of(tmp_path / "two", prior("a", "normal(mean=1, sd=1)"))
    seen = study.observe("a", "normal(mean=1, sd=1)", **SOURCE).run(["a"], draws=1024)
    for before in (other.run(["a"], draws=1024), study.run(["a"], given={"a": 2}, draws=1024)):
        with pytest.raises(UsageError, match="another study or scenario"):
            seen.shift(before=before)
    with pytest.raises(UsageError, match="another year axis"):
        seen.shift(before=study.run(["a"], years=[2050], draws=1024))


def test_no_quantity_learns_more_than_its_inputs(tmp_path: Path) -> None:
    """The reciprocal of what may be nearly zero has draws so far out that nothing can be told from them."""
    models = 'def c(a):\n    """Reciprocal []."""\n    return 1 / a\n'
    study = study_of(tmp_path, prior("a", "normal(mean=3, sd=1) within 0 and inf"), models)
    result = study.observe("a", at_most=0.3, **SOURCE).run(["a", "c"], draws=65_536)
    exact = -math.log2((stats.norm.cdf(0.3, 3) - stats.norm.cdf(0, 3)) / stats.norm.cdf(3))
    for shift in result.shift(["a", "c"]):
        assert shift.bits == pytest.approx(exact, rel=0.1)
    assert result.update.parts[0].bits == pytest.approx(exact, abs=0.2)


def test_bits_of_what_is_partly_a_single_value() -> None:
    """A largest value so far: most worlds stand at it. Only the change of that probability tells anything."""
    from forecast.evidence.shift import moved

    def draws(at_zero: float, sd: float) -> np.ndarray:
        z = stats.norm.ppf((np.arange(40_000) + 0.5) / 40_000)
        return np.concatenate([np.zeros(int(40_000 * at_zero / (1 - at_zero))), np.exp(sd * z)])

    for p, q, sd in ((0.97, 0.95, 1.0), (0.5, 0.9, 1.0), (0.5, 0.5, 0.5)):
        kl = math.log(1 / sd) + sd**2 / 2 - 0.5
        exact = (p * math.log(p / q) + (1 - p) * (math.log((1 - p) / (1 - q)) + kl)) / math.log(2)
        assert moved(draws(q, 1.0), draws(p, sd))[1] == pytest.approx(exact, abs=0.01 + 0.02 * exact)


def test_everything_that_evidence_touches_is_told(tmp_path: Path) -> None:
    models = (
        'def c(a, b):\n    """Sum []."""\n    return a + b\n\n\ndef e(c):\n    """Twice []."""\n    return 2 * c\n'
        '\n\ndef path(year, e):\n    """Path []."""\n    return e * (year / year)\n'
    )
    priors = "".join(prior(name, "normal(mean=0, sd=1)") for name in "abd")
    study = study_of(tmp_path, priors, models).observe("c", "normal(mean=2, sd=0.5)", **SOURCE)
    assert {s.name for s in study.run(["a"], draws=4096).shift()} == {"a", "b", "c", "e", "path@2030"}
    # An observation at a year that the axis does not have is told at that year.
    seen = study.observe("path@2010", "normal(mean=4, sd=1)", **SOURCE).run(["a"], draws=4096)
    assert "path@2010" in {s.name for s in seen.shift()}


def test_a_scenario_meets_the_evidence(tmp_path: Path) -> None:
    study = chain(tmp_path).observe("c", "normal(mean=2, sd=0.5)", **SOURCE)
    result = study.run(["c", "b"], given={"a": 1.0}, draws=65_536)
    check(result, "b", (2 - 1) / 1.25, math.sqrt(0.2))


def test_sensitivity_tells_what_rests_on_the_prior(tmp_path: Path) -> None:
    from forecast.evidence.sensitivity import sensitivity

    study = chain(tmp_path).observe("c", "normal(mean=2, sd=0.5)", **SOURCE)
    found = {s.name: s for s in sensitivity(study.run(["c", "e"], draws=65_536))}
    assert found["c"].each["c"] > 0.05
    assert found["e"].verdict == "rests on the priors alone"


def test_trends_take_part() -> None:
    """An observation of a trend's line selects among the posterior draws of its fit, as weights on the draws do."""
    from forecast.fits import posterior_of
    from forecast.study import open_study
    from forecast.trend.curve import mean_line

    study = open_study(Path(__file__).parent.parent)
    draws = posterior_of(study, "training_compute_trend")
    line = mean_line(draws.lines(), np.array([2025.0]))[0]
    centre, error = float(np.quantile(line, 0.8)), float(line.std())
    value = f"lognormal(median={10**centre!r}, sigma={error * math.log(10)!r})"
    growth = draws.draws["growth_after"]
    weight = np.exp(-0.5 * ((line - centre) / error) ** 2)
    weight /= weight.sum()
    for rung in RUNGS:
        seen = study.observe("training_compute_trend@2025", value, **SOURCE)
        result = seen.run(["training_compute_trend_growth"], rung=rung, draws=16_384)
        found, spread, error_of_mean = moments(result, "training_compute_trend_growth")
        assert error_of_mean < 0.05 * growth.std()
        assert abs(found - weight @ growth) < CHAIN * error_of_mean
        assert spread == pytest.approx(math.sqrt(weight @ (growth - weight @ growth) ** 2), rel=0.08)

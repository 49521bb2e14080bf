"""What drives an answer: closed forms, second opinions, coverage of the errors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

import forecast
from forecast.cli import main
from forecast.errors import UsageError
from forecast.fits import posterior_of
from forecast.sensitivity.chaos import Inputs
from forecast.sensitivity.dedicated import sobol_indices
from forecast.sensitivity.evppi import gains
from forecast.sensitivity.posterior import Sample
from forecast.sensitivity.shapley import Indices, indices
from forecast.sensitivity.surrogate import Surrogate, fit
from forecast.sensitivity.years import by_year
from forecast.special import ndtr
from forecast.worlds import Design, scores
from tests.statistical import assert_share
from tests.studies import prior, spending, write_study

SE = 5.0  # standard errors: a false alarm once in 1.7 million figures
Z = 1.6448536269514722


def found(
    function: Callable[[np.ndarray], np.ndarray],
    count: int,
    correlation=None,
    draws: int = 4096,
    seed: int = 3,
    method="qmc",
) -> Indices:
    names = tuple(f"x{i}" for i in range(count))
    mixing = None
    if correlation is not None:
        values, vectors = np.linalg.eigh(correlation)
        mixing = vectors * np.sqrt(np.maximum(values, 0))
    z = scores(Design(names, seed, method, mixing=mixing), 0, draws)
    return indices(fit(function(z), z, Inputs.plain(names, correlation)))


def shapley_of(count: int, worth: Callable[[tuple[int, ...]], float]) -> np.ndarray:
    """Shapley values by their definition."""
    out = np.zeros(count)
    for i in range(count):
        others = [j for j in range(count) if j != i]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for known in combinations(others, size):
                out[i] += weight * (worth(tuple(sorted((*known, i)))) - worth(known))
    return out


def explained_by(loads: np.ndarray, correlation: np.ndarray) -> Callable[[tuple[int, ...]], float]:
    """Var E[loads · z | z_S] of normal inputs."""

    def worth(known: tuple[int, ...]) -> float:
        s = list(known)
        if not s:
            return 0.0
        cross = correlation[s] @ loads
        return float(cross @ np.linalg.pinv(correlation[np.ix_(s, s)], rcond=1e-10) @ cross)

    return worth


def assert_close(value: np.ndarray, error: np.ndarray, exact: np.ndarray, worst: float = 0.01) -> None:
    assert (error < worst).all(), f"errors too large to tell anything: {error}"
    assert (np.abs(value - exact) <= SE * error + 1e-9).all(), f"{(value - exact) / error} standard errors"


def ishigami(z: np.ndarray) -> np.ndarray:
    x = np.pi * (2 * ndtr(z) - 1)
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])


V1, V2, V13 = 0.5 * (1 + 0.1 * np.pi**4 / 5) ** 2, 49 / 8, 0.01 * np.pi**8 * 8 / 225
V = V1 + V2 + V13


@pytest.mark.parametrize("method", ["qmc", "mc"])
def test_ishigami(method):
    result = found(ishigami, 3, method=method)
    assert_close(result.first, result.first_se, np.array([V1, V2, 0]) / V)
    assert_close(result.total, result.total_se, np.array([V1 + V13, V2, V13]) / V)
    assert_close(result.shapley, result.shapley_se, np.array([V1 + V13 / 2, V2, V13 / 2]) / V)


A = np.array([0, 1, 4.5, 9, 99, 99])


def sobol_g(z: np.ndarray) -> np.ndarray:
    return np.prod([(np.abs(4 * ndtr(z[j]) - 2) + a) / (1 + a) for j, a in enumerate(A)], axis=0)


def test_sobol_g():
    alone = 1 / 3 / (1 + A) ** 2
    whole = np.prod(1 + alone) - 1
    result = found(sobol_g, len(A), draws=2048)
    assert_close(result.first, result.first_se, alone / whole)
    assert_close(result.total, result.total_se, alone * np.prod(1 + alone) / (1 + alone) / whole)

    def worth(known: tuple[int, ...]) -> float:
        return float(np.prod(1 + alone[list(known)]) - 1) / whole

    assert_close(result.shapley, result.shapley_se, shapley_of(len(A), worth))
    assert abs(result.shapley.sum() + result.unexplained - 1) < 1e-9


@pytest.mark.parametrize("count", [2, 4, 7])
def test_shapley_effects_of_correlated_normal_inputs(count):
    generator = np.random.default_rng(count)
    factor = generator.standard_normal((count, count + 2))
    covariance = factor @ factor.T
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    loads = generator.standard_normal(count)
    result = found(lambda z: np.tensordot(loads, z, 1), count, correlation)
    worth = explained_by(loads, correlation)
    whole = worth(tuple(range(count)))
    everyone = range(count)
    assert_close(result.shapley, result.shapley_se, shapley_of(count, worth) / whole)
    assert_close(result.first, result.first_se, np.array([worth((i,)) for i in everyone]) / whole)
    assert_close(
        result.total,
        result.total_se,
        np.array([1 - worth(tuple(j for j in everyone if j != i)) / whole for i in everyone]),
    )


def test_many_correlated_inputs_go_by_random_orders():
    count = 12
    correlation = 0.6 ** np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    loads = np.linspace(-1, 2, count)
    result = found(lambda z: np.tensordot(loads, z, 1), count, correlation, draws=1024)
    worth = explained_by(loads, correlation)
    table = {s: worth(s) for k in range(count + 1) for s in combinations(range(count), k)}
    exact = shapley_of(count, table.__getitem__) / worth(tuple(range(count)))
    assert_close(result.shapley, result.shapley_se, exact, worst=0.02)


@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_inputs_that_move_as_one_share_their_effect(rho):
    correlation = np.array([[1.0, rho, 0], [rho, 1.0, 0], [0, 0, 1.0]])
    result = found(lambda z: 2 * z[0] + z[2], 3, correlation)
    assert_close(result.shapley, result.shapley_se, np.array([0.4, 0.4, 0.2]))
    assert_close(result.first, result.first_se, np.array([0.8, 0.8, 0.2]))


@pytest.mark.parametrize("rho", [-0.8, 0.3])
def test_a_product_of_correlated_inputs_and_one_with_an_independent_input(rho):
    correlation = np.array([[1, rho, 0], [rho, 1, 0], [0, 0, 1.0]])
    result = found(lambda z: z[0] * z[1], 3, correlation)
    first = 2 * rho**2 / (1 + rho**2)
    assert_close(result.first, result.first_se, np.array([first, first, 0]))
    assert_close(result.shapley, result.shapley_se, np.array([0.5, 0.5, 0]))
    # z0 z2 + z1: E[z0 | z1] = rho z1.
    result = found(lambda z: z[0] * z[2] + z[1], 3, correlation)
    linear = {
        0: explained_by(np.array([1.0, 0]), correlation[:2, :2]),
        1: explained_by(np.array([0, 1.0]), correlation[:2, :2]),
    }

    def worth(known: tuple[int, ...]) -> float:
        inside = tuple(i for i in known if i < 2)
        return ((2 in known) * linear[0](inside) + linear[1](inside)) / 2

    assert_close(result.shapley, result.shapley_se, shapley_of(3, worth))
    assert_close(result.total, result.total_se, np.array([1 - worth((1, 2)), 1 - worth((0, 2)), 1 - worth((0, 1))]))


def test_salib_and_scipy_agree():
    from SALib.analyze import sobol as analyse
    from SALib.sample import sobol as sampling

    result = found(ishigami, 3)
    second = stats.sobol_indices(
        func=lambda u: ishigami(stats.norm.ppf(u)),
        n=4096,
        dists=[stats.uniform(0, 1)] * 3,
        rng=np.random.default_rng(1),
    )
    assert np.abs(result.first - second.first_order).max() < 0.02
    assert np.abs(result.total - second.total_order).max() < 0.02
    problem = {"num_vars": len(A), "names": [f"x{i}" for i in range(len(A))], "bounds": [[0, 1]] * len(A)}
    u = np.clip(sampling.sample(problem, 1024, calc_second_order=False, seed=1), 1e-9, 1 - 1e-9)
    third = analyse.analyze(problem, sobol_g(stats.norm.ppf(u).T), calc_second_order=False, seed=1)
    result = found(sobol_g, len(A), draws=2048)
    assert np.abs(result.first - third["S1"]).max() < 0.05
    assert np.abs(result.total - third["ST"]).max() < 0.05


def test_an_irrelevant_input_is_noise_and_no_number():
    result = found(lambda z: z[0] + np.abs(z[1]) * z[0], 4, draws=1024)
    assert (np.abs(result.shapley[2:]) <= 1.96 * result.shapley_se[2:]).all()
    assert (result.shapley[:2] > 10 * result.shapley_se[:2]).all()


def test_errors_cover_at_their_rate():
    """Coefficients with known noise in each chain, 300 times: index plus or minus 1.96 se covers 95%."""
    generator = np.random.default_rng(4)
    true = np.array([1.0, -0.7, 0.5])
    inputs = Inputs.plain(["a", "b"])
    terms = (((0, 0),), ((1, 0),), ((0, 0), (1, 0)))
    exact_total = np.array([true[0] ** 2 + true[2] ** 2, true[1] ** 2 + true[2] ** 2]) / (true @ true)
    hits = 0
    for _ in range(300):
        coefficients = true + 0.05 * generator.standard_normal((8, 3))
        surrogate = Surrogate(inputs, (), None, terms, coefficients, np.zeros(8), 0.0, 1 << 16)
        result = indices(surrogate)
        hits += int((np.abs(result.total - exact_total) <= 1.96 * result.total_se)[0])
    assert_share(hits, 300, 0.93, 0.97)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["qmc", "mc"])
def test_errors_cover_from_worlds_to_indices(method):
    """Ishigami's function over 300 seeds, with few worlds: search, fit and all."""
    exact = {
        "first": np.array([V1, V2, 0]) / V,
        "total": np.array([V1 + V13, V2, V13]) / V,
        "shapley": np.array([V1 + V13 / 2, V2, V13 / 2]) / V,
    }
    hits, errors = dict.fromkeys(exact, np.zeros(3)), []
    for seed in range(300):
        result = found(ishigami, 3, draws=2048, seed=seed, method=method)
        for kind, share in exact.items():
            error = getattr(result, f"{kind}_se")
            errors.append(error)
            hits[kind] = hits[kind] + (np.abs(getattr(result, kind) - share) <= 1.96 * error)
    assert (np.mean(errors, axis=0) < 0.01).all()
    for counts in hits.values():
        for count in counts.astype(int).tolist():
            assert_share(count, 300, 0.93, 1.0)


@pytest.mark.parametrize("draws", [512, 4096])
def test_shapley_effects_of_a_lognormal_answer_with_correlated_inputs(draws):
    """E[exp(L) | S] is lognormal: Var E[Y | S] / Var Y = (exp(c(S)) - 1) / (exp(c) - 1), c(S) that of L."""
    loads = np.array([0.8, -0.5, 0.6, 0.3])
    correlation = np.array([[1, 0.6, 0, 0.2], [0.6, 1, 0.3, 0], [0, 0.3, 1, 0], [0.2, 0, 0, 1.0]])
    linear = explained_by(loads, correlation)
    whole = math.expm1(linear((0, 1, 2, 3)))
    exact = shapley_of(4, lambda known: math.expm1(linear(known)) / whole)
    result = found(lambda z: np.exp(np.tensordot(loads, z, 1)), 4, correlation, draws)
    assert_close(result.shapley, result.shapley_se, exact, worst=0.03)


def test_what_cannot_be_seen_is_in_the_errors():
    """A product of four inputs about zero has no effects of up to three: nothing is found, and nothing is claimed."""
    result = found(lambda z: np.prod(z, axis=0), 4)
    assert result.unexplained > 0.9
    assert (np.abs(result.shapley - 0.25) <= 1.96 * result.shapley_se).all()
    assert (np.abs(result.total - 1) <= 2.5 * result.total_se).all()


@pytest.mark.slow
def test_errors_cover_when_not_all_can_be_explained():
    """The surrogate cannot see the fast wave: the share it explains is still right within its errors, or better."""
    hits = np.zeros(2)
    exact = np.array([1.0, 0.36]) / (1.36 + 0.32)
    for seed in range(300):
        result = found(lambda z: z[0] + 0.6 * z[1] + 0.8 * np.sin(60 * z[2]), 3, draws=256, seed=seed, method="mc")
        hits += np.abs(result.shapley[:2] - exact) <= 1.96 * result.shapley_se[:2]
    assert_share(int(hits[0]), 300, 0.93, 1.0)
    assert_share(int(hits[1]), 300, 0.93, 1.0)


# ------------------------------------------------------------------------------------------------ whole studies

MODEL = '''
import numpy as np

from forecast import first_crossing


def speed(peak, use):
    """Speed []."""
    return peak * use


def hours(work, speed):
    """Hours []."""
    return work / speed


def cost(hours, price, use):
    """Cost, in which use enters twice []."""
    return hours * price * use**3


def path(year, cost, growth, start):
    """Path []."""
    return cost * 10 ** (growth * (year - start))


def when(year, path, goal):
    """When the path crosses [year]."""
    return first_crossing(year, path, goal)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(
        tmp_path_factory.mktemp("study"),
        prior("peak", "2") + prior("use", "lognormal(median=0.4, sigma=0.3)") + prior("work", "lognormal(median=1000, sigma=1)")
        + prior("price", "lognormal(median=3, sigma=0.5)") + prior("growth", "normal -0.1 to 0.3", "OOM/year") + prior("start", "2020", "year") + prior("goal", "1e5") + prior("switch", "bernoulli(p=0.3)")
        + '[[dependence]]\nbetween = ["work", "price"]\nrank_correlation = 0.4\nsource = "made up"\n',
        MODEL + '''

def switched(cost, switch):
    """Cost with a switch []."""
    return cost * 10**switch


def capped(work, price):
    """A product with a cap []."""
    return np.minimum(work * price, 4000)
''',
        'quantities = ["cost", "when"]\nyears = "2020 to 2060"',
    )  # fmt: skip


@pytest.fixture(scope="module")
def result(folder):
    return forecast.open_study(folder).run(["cost", "when", "switched"], draws=32768)


def test_effects_belong_to_priors_through_shared_parents(result):
    """cost = work price use² / peak: use has a load of 2, the dependence joins work and price."""
    answer = result.sensitivity("cost")
    rho = 2 * math.sin(math.pi * 0.4 / 6)
    loads = np.array([0.6, 1.0, 0.5])
    correlation = np.array([[1, 0, 0], [0, 1, rho], [0, rho, 1.0]])
    worth = explained_by(loads, correlation)
    exact = shapley_of(3, worth) / worth((0, 1, 2))
    assert answer.scale == "log"
    assert {effect.name for effect in answer.effects} == {"use", "work", "price"}
    for name, share in zip(("use", "work", "price"), exact, strict=True):
        effect = answer[name]
        assert abs(effect.shapley.value - share) <= SE * effect.shapley.se + 1e-9
    assert answer["work"].dependent and not answer["use"].dependent
    sd = math.sqrt(worth((0, 1, 2)))
    for name, load in (("use", 0.6), ("work", 1.0 + 0.5 * rho), ("price", 0.5 + rho)):
        swing, rank = answer[name].swing, answer[name].rank
        for sign, end in ((-1, swing.low), (1, swing.high)):
            exact_median = 1000 * 3 * 0.4**2 / 2 * math.exp(sign * Z * load)
            assert abs(end.value - exact_median) <= SE * end.se
            assert end.se < 0.05 * exact_median
        assert abs(rank.value - 6 / math.pi * math.asin(load / sd / 2)) <= SE * rank.se + 1e-4
    slope = 0.5 * 2 * math.pi / 6 * math.cos(math.pi * 0.4 / 6) / sd * 2 * Z / math.log(10) * 0.1  # d width / d rank
    (declared,) = answer.dependences
    assert abs(declared.width.value - slope) <= SE * declared.width.se
    assert declared.width.se < 0.2 * slope


def test_what_is_learned_has_a_closed_form(result):
    """Interval and CRPS are proportional to the sd that is left."""
    answer = result.sensitivity("cost", measure=["use ± 20%", "use ± 0.1 OOM (80%)", "speed +- 20%"])
    rho = 2 * math.sin(math.pi * 0.4 / 6)
    covariance = np.array([[0.36, 0, 0], [0, 1, 0.5 * rho], [0, 0.5 * rho, 0.25]])
    whole = covariance.sum()
    for i, name in enumerate(("use", "work", "price")):
        scale = np.sqrt(np.diag(covariance))[i]
        left = whole - (covariance[i].sum() / scale) ** 2
        _assert_learned(answer[name].learning, 1 - math.sqrt(left / whole))
    errors = (math.log(1.2) / Z, 0.1 * math.log(10) / 1.2815515655446004, math.log(1.2) / Z)
    for (_, learning), error in zip(answer.measurements, errors, strict=True):
        left = whole - 0.36 * 0.09 / (0.09 + error**2)
        _assert_learned(learning, 1 - math.sqrt(left / whole))
    assert answer.gain_unit == "OOM"
    assert abs(answer.width - 2 * Z * math.sqrt(whole) / math.log(10)) < 0.01 * answer.width


def _assert_learned(learning, exact):
    for figure in (learning.width_percent, learning.score_percent):
        assert figure.se < 1.0
        assert abs(figure.value - 100 * exact) <= SE * figure.se, (figure, 100 * exact)


def test_a_year_that_may_never_come_goes_by_ranks(result):
    answer = result.sensitivity("when")
    assert answer.scale == "rank" and answer.gain_unit == "year"
    assert answer["growth"].shapley.value > 0.5
    assert answer["growth"].swing.low.value == math.inf and answer["growth"].swing.low.se == 0
    assert answer.width <= 40
    event = result.sensitivity("when", above=2040)
    assert event.scale == "above" and event.effects[0].learning.width is None
    assert 0 <= event["growth"].swing.high.value < event["growth"].swing.low.value <= 1
    share = float((result.at("when") > 2040).mean())
    assert abs(event.score - share * (1 - share)) < 1e-6


def test_the_tornado_of_an_answer_with_a_cap(result):
    """The other input follows its dependence: at the 95% point of either, the median is the cap itself."""
    rho = 2 * math.sin(math.pi * 0.4 / 6)
    answer = result.sensitivity("capped")
    for name, load in (("work", 1 + 0.5 * rho), ("price", 0.5 + rho)):
        swing = answer[name].swing
        low = 3000 * math.exp(-Z * load)
        assert abs(swing.low.value - low) <= SE * swing.low.se and swing.low.se < 0.03 * low
        assert abs(swing.high.value - 4000) <= 2 * swing.high.se + 1e-6 and swing.high.se < 40


def test_what_drives_a_path_year_by_year(result):
    """log10 of the path is linear in normal scores: shares by their closed form, from no growth to much of it."""
    found = by_year(result, "path", [2020, 2030, 2060])
    rho, growth = 2 * math.sin(math.pi * 0.4 / 6), 0.4 / (2 * Z) * math.log(10)
    correlation = np.eye(4)
    correlation[1, 2] = correlation[2, 1] = rho
    names = ("use", "work", "price", "growth")
    for one in found.years:
        worth = explained_by(np.array([0.6, 1.0, 0.5, growth * (one.year - 2020)]), correlation)
        exact = shapley_of(4, worth) / worth((0, 1, 2, 3))
        for name, share in zip(names, exact, strict=True):
            assert abs(one.shapley[name].value - share) <= SE * one.shapley[name].se + 1e-6
    assert result.interval("path@2030") == found.years[1].interval
    text = repr(found)
    assert "2020" in text and "95% point" in text and "What to learn next: path@2060" in text
    # certain at its start, if nothing but growth is uncertain
    study = result.study.given({"use": "0.4", "work": "1000", "price": "3"})
    early = by_year(study.run(["path"], draws=8192), "path", [2020, 2030])
    assert "certain" in repr(early) and not early.years[0].shapley
    with pytest.raises(UsageError, match="is certain"):
        by_year(study.run(["path"], draws=8192), "path", [2020])


def test_never_is_told(result):
    text = repr(result.sensitivity("when"))
    share = float(np.isposinf(result.at("when")).mean())
    assert f"{100 * share:.2g}% not by 2060" in text and "Never counts as 2060." in text
    assert "<pre>" in result.sensitivity("when")._repr_html_()


def test_the_parts_of_a_trend_are_told(tmp_path):
    spending(
        tmp_path,
        'def mean(spend):\n    """Mean [USD]."""\n    return spend * 1\n',
        'quantities = ["mean"]\nyears = "2020 to 2060"',
    )
    result = forecast.open_study(tmp_path).run(["mean@2060"], draws=32768)
    (effect,) = result.sensitivity("mean@2060").effects
    parts = dict(effect.parts)
    assert {"spend_growth", "spend_level", "spend_scatter"} <= set(parts)
    # The mean line is level + growth times 45 years: what is left once growth is known is what it does not explain.
    line, slope = np.log10(result.at("mean", 2060)).ravel(), result.at("spend_growth").ravel()
    left = math.sqrt(1 - np.corrcoef(line, slope)[0, 1] ** 2)
    assert parts["spend_growth"].score_percent.value == pytest.approx(100 * (1 - left), abs=3)
    assert "  spend_growth" in repr(result.sensitivity("mean@2060"))


def test_shares_of_a_trend_know_that_its_posterior_has_draws(tmp_path):
    """A variance from n draws has a relative error of sqrt(2 / n), which no number of worlds makes smaller."""
    spending(
        tmp_path,
        'def scaled(spend, factor):\n    """Scaled [USD]."""\n    return spend * factor\n',
        'quantities = ["scaled"]\nyears = "2020 to 2060"',
    )
    (tmp_path / "priors" / "factor.toml").write_text(prior("factor", "lognormal(median=1, sigma=1)"))
    result = forecast.open_study(tmp_path).run(["scaled@2040"], draws=65536)
    answer = result.sensitivity("scaled@2040")
    draws = len(posterior_of(result.study, "spend"))
    share, other = answer["spend"].shapley, answer["factor"].shapley
    expected = share.value * (1 - share.value) * math.sqrt(2 / draws)
    assert 0.05 < share.value < 0.95
    assert 0.4 * expected < share.se < 6 * expected  # draws that follow one another are worth fewer
    assert other.se == pytest.approx(share.se, rel=0.2)
    (year,) = by_year(result, "scaled", [2040]).years
    assert year.shapley["spend"].se == pytest.approx(share.se)


def test_a_variance_that_a_few_worlds_decide_is_told(result):
    text = repr(result.sensitivity("path@2060", scale="linear"))
    assert "--scale rank is safer" in text
    assert "--scale rank is safer" not in repr(result.sensitivity("path@2060"))


@pytest.mark.parametrize("text", ["price ± 200%", "price ± 0.5 (95%)", "price +- 0.5 (95%)", "growth ± 0.1 OOM/year (80%)", "growth +- 0.0001 OOM/day", "growth +/- 0.1"])  # fmt: skip
def test_sizes_of_measurements(result, text):
    ((measurement, _),) = result.sensitivity("path@2060", measure=[text]).measurements
    exact = {
        "price ± 200%": math.log10(3) / Z,
        "growth +- 0.0001 OOM/day": 0.036525 / Z,
        "growth ± 0.1 OOM/year (80%)": 0.1 / 1.2815515655446004,
    }
    level = 1.959963984540054 if "95" in text else Z
    assert measurement.sd == pytest.approx(exact.get(text, (0.5 if "price" in text else 0.1) / level))


def test_a_switch_is_seen_at_its_levels(result):
    answer = result.sensitivity("switched")
    variance = 0.36 + 1 + 0.25 + 2 * 0.5 * 2 * math.sin(math.pi * 0.4 / 6)
    own = 0.3 * 0.7 * math.log(10) ** 2
    effect = answer["switch"]
    assert abs(effect.first.value - own / (own + variance)) <= SE * effect.first.se + 1e-3
    assert (effect.swing.input_low, effect.swing.input_high) == (0, 1)
    assert effect.swing.high.value / effect.swing.low.value == pytest.approx(10, rel=0.1)


def test_a_posterior_has_dependent_inputs(tmp_path):
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("a", "normal(mean=0, sd=1)") + prior("b", "normal(mean=0, sd=2)"),
            '''
            def total(a, b):
                """Sum []."""
                return a + b


            def gap(a, b):
                """Difference []."""
                return a - b
            ''',
            'quantities = ["gap"]',
            {"priors/evidence/seen.toml": '[seen]\nquantity = "total"\nvalue = "normal(mean=1, sd=0.5)"\nunit = ""\ndate = "2024-01-01"\nsource = "made up"\n'},
        )
    )  # fmt: skip
    answer = study.run(["gap"], draws=32768).sensitivity("gap")
    prior_sd = np.diag([1.0, 4.0])
    pull = prior_sd.sum(axis=1) / 5.25
    covariance = prior_sd - np.outer(prior_sd.sum(axis=1), pull)
    sd = np.sqrt(np.diag(covariance))
    worth = explained_by(np.array([sd[0], -sd[1]]), covariance / np.outer(sd, sd))
    exact = shapley_of(2, worth) / worth((0, 1))
    for name, share in zip("ab", exact, strict=True):
        assert answer[name].dependent
        assert abs(answer[name].shapley.value - share) <= SE * answer[name].shapley.se
        assert answer[name].shapley.se < 0.01
    # Without the only observation the gap has its prior: sd sqrt(5) and median 0.
    (seen,) = answer.observations
    before, after = 2 * Z * math.sqrt(5), 2 * Z * math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert abs(seen.width.value - (after - before)) <= SE * seen.width.se
    assert abs(seen.median.value - (pull[0] - pull[1])) <= SE * seen.median.se
    assert seen.width.se < 0.05 and seen.median.se < 0.05


@pytest.mark.slow
def test_errors_of_a_posterior_cover(tmp_path):
    """b near a² (a banana), over 40 seeds, against the posterior's density on a grid."""
    write_study(
        tmp_path,
        prior("a", "normal(mean=0, sd=1)") + prior("b", "normal(mean=0, sd=1)"),
        'def bent(a, b):\n    """Bent []."""\n    return b - a**2\n\n\ndef gap(a, b):\n    """Gap []."""\n    return a + 2 * b\n',
        'quantities = ["gap"]',
    )
    study = forecast.open_study(tmp_path).observe("bent", "normal(mean=0, sd=0.3)", source="s", date="2024-01-01")
    a, b = np.meshgrid(np.linspace(-6, 6, 2001), np.linspace(-6, 6, 2001), indexing="ij")
    weight = np.exp(-(a**2 + b**2) / 2 - ((b - a**2) / 0.3) ** 2 / 2)
    weight /= weight.sum()
    gap = a + 2 * b - (weight * (a + 2 * b)).sum()
    variance = (weight * gap**2).sum()

    def alone(axis):
        chance = weight.sum(axis=axis)
        return float(((weight * gap).sum(axis=axis) ** 2 / np.maximum(chance, 1e-300)).sum() / variance)

    first = {"a": alone(1), "b": alone(0)}
    exact = {
        ("a", "first"): first["a"],
        ("b", "first"): first["b"],
        ("a", "shapley"): (first["a"] + 1 - first["b"]) / 2,
    }
    hits = dict.fromkeys(exact, 0)
    for seed in range(40):
        answer = study.run(["gap"], draws=65536, seed=seed).sensitivity("gap")
        for (name, kind), value in exact.items():
            figure = getattr(answer[name], kind)
            assert figure.se < 0.03
            hits[name, kind] += abs(figure.value - value) <= 1.96 * figure.se
    for count in hits.values():
        assert_share(count, 40, 0.92, 1.0)


def test_what_a_dependence_does_beside_evidence(tmp_path):
    """The declared correlation is the priors'. Gaussian: the posterior for a correlation of the priors is known."""
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("a", "normal(mean=0, sd=1)")
            + prior("b", "normal(mean=0, sd=1)")
            + '[[dependence]]\nbetween = ["a", "b"]\nrank_correlation = 0.2\nsource = "made up"\n',
            'def total(a, b):\n    """Sum []."""\n    return a + b\n',
            'quantities = ["total"]',
        )
    )
    seen = study.observe("a", "normal(mean=1, sd=1)", source="s", date="2024-01-01")
    (found,) = seen.run(["total"], draws=65536).sensitivity("total").dependences

    def posterior(rank):
        rho = 2 * math.sin(math.pi * rank / 6)
        # a has mean 0.5 and variance 0.5; b follows with rho.
        return 2 * Z * math.sqrt(0.5 * (1 + rho) ** 2 + 1 - rho**2), 0.5 * (1 + rho)

    for figure, one, other in zip((found.width, found.median), posterior(0.15), posterior(0.25), strict=True):
        assert abs(figure.value - (other - one)) <= SE * figure.se + 1e-4
        assert figure.se < 0.2 * abs(other - one)


@pytest.mark.parametrize(
    ("quantity", "says"),
    [
        ("product", 'value = "normal(mean=1, sd=0.3)"'),  # two clouds
        ("bent", 'value = "normal(mean=0, sd=0.3)"'),  # a banana: dependent without any correlation
        ("total", 'at_least = "1.5"'),  # a corner cut off
    ],
)
def test_a_posterior_of_any_shape(quantity, says, tmp_path):
    """Two inputs: Shapley effects are the mean of first and total, and these are strata's own variances."""
    observation = f'[seen]\nquantity = "{quantity}"\n{says}\nunit = ""\ndate = "2024-01-01"\nsource = "made up"\n'
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("a", "normal(mean=0, sd=1)") + prior("b", "normal(mean=0, sd=1)"),
            '''
            def total(a, b):
                """Sum []."""
                return a + b


            def product(a, b):
                """Product []."""
                return a * b


            def bent(a, b):
                """Difference []."""
                return b - a**2


            def gap(a, b):
                """What is asked for []."""
                return a + 2 * b
            ''',
            'quantities = ["gap"]',
            {"priors/evidence/seen.toml": observation},
        )
    )
    result = study.run(["gap"], draws=65536)
    answer, gap = result.sensitivity("gap"), result.at("gap").ravel()

    def alone(name):
        strata = gap[np.argsort(result.at(name).ravel())].reshape(256, -1)
        return float((strata.mean(axis=1).var() - strata.var(axis=1, ddof=1).mean() / strata.shape[1]) / gap.var())

    first = {name: alone(name) for name in "ab"}
    for name, other in ("ab", "ba"):
        assert answer[name].dependent
        exact = {"first": first[name], "total": 1 - first[other], "shapley": (first[name] + 1 - first[other]) / 2}
        for kind, value in exact.items():
            figure = getattr(answer[name], kind)
            assert abs(figure.value - value) <= SE * figure.se + 0.01, kind
            assert figure.se < 0.02


def test_what_an_observation_does(tmp_path):
    """Precisions add, so what one observation does beside another is known."""
    study = forecast.open_study(
        write_study(
            tmp_path,
            prior("a", "normal(mean=0, sd=2)"),
            'def b(a):\n    """B []."""\n    return 2 * a\n',
            'quantities = ["b"]',
        )
    )
    seen = study.observe("b", "normal(mean=2, sd=4)", source="s", date="2024-01-01", id="high").observe(
        "a", "normal(mean=-1, sd=2)", source="s", date="2024-01-01", id="low"
    )
    answer = seen.run(["b"], draws=32768).sensitivity("b")
    found = {one.id: one for one in answer.observations}

    def exact(*terms):
        precision = 0.25 + sum(p for p, _ in terms)
        return 2 * sum(p * x for p, x in terms) / precision, 4 * Z / math.sqrt(precision)

    high, low = (0.25, 1.0), (0.25, -1.0)
    both = exact(high, low)
    for name, other in (("high", low), ("low", high)):
        without = exact(other)
        one = found[name]
        for figure, change in ((one.median, both[0] - without[0]), (one.width, both[1] - without[1])):
            assert figure is not None and figure.se < 0.8
            assert abs(figure.value - change) <= SE * figure.se


def test_expected_gains_cover_at_their_rate():
    """Linear-Gaussian, 300 seeds of independent worlds: gain plus or minus 1.96 se covers the closed form."""
    loads = np.array([1.0, 0.6])
    left = 1 - np.sqrt(1 - loads**2 / 1.36)
    exact_width, exact_score = 2 * Z * math.sqrt(1.36) * left, math.sqrt(1.36 / math.pi) * left
    hits = np.zeros((2, 2))
    for seed in range(300):
        z = np.random.default_rng(seed).standard_normal((2, 8, 1024))
        gained = gains(np.tensordot(loads, z, 1), z, independent=True)
        hits[0] += np.abs(gained.width - exact_width) <= 1.96 * gained.width_se
        hits[1] += np.abs(gained.score - exact_score) <= 1.96 * gained.score_se
        assert (gained.width_se < 0.2 * gained.width_now).all()
    for count in hits.ravel():
        assert_share(int(count), 300, 0.92, 0.99)


SHAPES = {
    "square": lambda z: z**2,
    "wave": lambda z: np.sin(3 * z),
    "exponential": np.exp,
    "step": lambda z: 2.0 * (z > 0.1),
    "nothing": np.zeros_like,
}


@pytest.mark.parametrize("method", ["qmc", "mc"])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_gained_does_not_depend_on_the_shape_of_what_is_known(shape, method):
    """answer = shape(known) + 0.5 noise: what is left is normal with sd 0.5, and the errors cover over 40 seeds."""
    z = scores(Design(("known", "noise"), 1_000), 0, 1 << 16)
    answer = np.sort(SHAPES[shape](z[0]) + 0.5 * z[1], axis=None)
    count = answer.size
    ranks = np.arange(count)
    exact = (
        answer[round(0.95 * count)] - answer[round(0.05 * count)] - Z,
        float(((2 * ranks + 1 - count) * answer).sum()) / count**2 - 0.5 / math.sqrt(math.pi),
    )
    hits = np.zeros(2)
    for seed in range(40):
        z = scores(Design(("known", "noise"), seed, method), 0, 1024)
        gained = gains(SHAPES[shape](z[0]) + 0.5 * z[1], z[:1], independent=method == "mc")
        hits[0] += abs(gained.width[0] - exact[0]) <= 1.96 * gained.width_se[0]
        hits[1] += abs(gained.score[0] - exact[1]) <= 1.96 * gained.score_se[0]
        # A heavy tail's width now is itself uncertain, with independent draws.
        most = 0.1 if (shape, method) == ("exponential", "mc") else 0.05
        assert gained.width_se[0] < most * gained.width_now and gained.score_se[0] < most * gained.score_now
    for count in hits:
        assert_share(int(count), 40, 0.92, 1.0)


def test_slopes_that_follow_other_inputs_are_not_taken_out():
    """A switch makes most of the answer: its scatter is no slope of the input that is known."""
    rare = ndtr(-1.0)

    def quantile(prob):
        return brentq(lambda x: (1 - rare) * ndtr(x / 0.2) + rare * ndtr(x - 5) - prob, -9, 20)

    exact = quantile(0.95) - quantile(0.05) - 5  # if the input is z, the interval is 0.2 z to 5 + z
    hits = 0
    for seed in range(40):
        z = scores(Design(("switch", "known"), seed), 0, 4096)
        gained = gains(np.where(z[0] > 1.0, 5 + z[1], 0.2 * z[1]), z[1:])
        hits += abs(gained.width[0] - exact) <= 1.96 * gained.width_se[0]
    assert_share(hits, 40, 0.92, 1.0)


def test_a_switch_that_is_known_is_known_exactly():
    z = scores(Design(("switch", "noise"), 1), 0, 1024)
    gained = gains(3.0 * (z[0] > 0.5) + z[1], (z[:1] > 0.5).astype(float))
    assert gained.width_now - gained.width[0] == pytest.approx(2 * Z, abs=5 * gained.width_se[0])
    assert gained.width_se[0] < 0.02


def test_knowing_can_widen_an_interval_but_worsens_no_score():
    """An atom of 96%: the 90% interval has no width, until the input tells when the answer is uncertain."""
    z = scores(Design(("switch", "noise"), 1), 0, 2048)
    rare = z[0] > 1.7506860712521692
    gained = gains(np.where(rare, z[1], 0.0), rare[None].astype(float))
    assert gained.width[0] < 0 < gained.score[0]
    assert gained.width[0] == pytest.approx(-0.04 * 2 * Z, rel=0.05)


def test_dedicated_runs_agree(result):
    answer = result.sensitivity("cost")
    for index in sobol_indices(result, "cost"):
        for own, other in ((answer[index.name].first, index.first), (answer[index.name].total, index.total)):
            assert abs(own.value - other.value) <= SE * math.hypot(own.se, other.se)
            assert other.se < 0.02
    ranks = result.sensitivity("when")
    for index in sobol_indices(result, "when"):
        own = ranks[index.name].total
        assert abs(own.value - index.total.value) <= SE * math.hypot(own.se, index.total.se)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda r: r.sensitivity("peak"), "is certain"),
        (lambda r: r.sensitivity("path@2020", scale="up"), "unknown scale"),
        (lambda r: r.sensitivity("when", scale="log"), "rank"),
        (lambda r: r.sensitivity("cost", above=1e12), "never above"),
        (lambda r: r.sensitivity("cost", measure=["use 10%"]), "NAME ± SIZE"),
        (lambda r: r.sensitivity("cost", measure=["growth ± 10%"]), "not positive"),
        (lambda r: r.sensitivity("cost", measure=["usage ± 10%"]), "--measure: .*did you mean 'use'"),
        (lambda r: r.sensitivity("cost", measure=["use ± 10"]), "tell nothing; did you mean use ± 10%"),
        (lambda r: r.sensitivity("cost", measure=["use ± 9 OOM"]), "tell nothing"),
        (lambda r: r.study.run(["cost"], draws=256).sensitivity("cost"), "too few"),
    ],
)
def test_what_cannot_be_answered_is_told(result, call, says):
    with pytest.raises(UsageError, match=says):
        call(result)


def test_table_and_json(folder, capsys):
    assert main(["sensitivity", "switched", str(folder), "--measure", "use ± 10%", "--draws", "8192"]) == 0
    text = capsys.readouterr().out
    assert "What drives switched" in text and "use ± 10%" in text and "rank correlation 0.4" in text
    assert (
        main(["sensitivity", "when", str(folder), "--above", "2040", "--json", "--dedicated", "--draws", "8192"]) == 0
    )
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == "forecast.sensitivity/1" and data["above"] == 2040
    assert main(["sensitivity", "path", str(folder), "--top", "1", "--draws", "8192"]) == 0
    assert "What drives path by year" in capsys.readouterr().out
    assert main(["sensitivity", "path", str(folder), "--years", "2020:2022", "--json", "--draws", "8192"]) == 0
    assert [one["quantity"] for one in json.loads(capsys.readouterr().out)] == ["path@2020", "path@2021", "path@2022"]
    assert main(["sensitivity", "path", str(folder), "--measure", "use ± 10%", "--draws", "8192"]) == 2
    assert "ask for path@2060" in capsys.readouterr().err
    assert main(["sensitivity", "cost", str(folder), "--top", "none"]) == 2


def test_the_same_run_gives_the_same_bytes(folder):
    from forecast.sensitivity.text import to_json

    study = forecast.open_study(folder)
    one, other = (study.run(["cost"], draws=8192, block=block) for block in (16384, 1024))
    assert json.dumps(to_json(one.sensitivity("cost"))) == json.dumps(to_json(other.sensitivity("cost")))


@pytest.mark.slow
def test_thirty_inputs_are_all_told(tmp_path):
    names = [f"x{i}" for i in range(30)]
    write_study(
        tmp_path,
        "".join(prior(name, f"lognormal(median=1, sigma={0.05 + 0.03 * i:.2f})") for i, name in enumerate(names))
        + '[[dependence]]\nbetween = ["x28", "x29"]\nrank_correlation = 0.5\nsource = "made up"\n',
        f'''
import numpy as np


def answer({", ".join(names)}):
    """Sums of products, and a choice []."""
    return {" * ".join(names[:15])} + {" * ".join(names[15:])} + np.minimum(x3 * x29, x28)
''',
        'quantities = ["answer"]',
    )
    result = forecast.open_study(tmp_path).run(["answer"], draws=65536)
    found = result.sensitivity("answer")
    assert found.worlds == 65536 and len(found.effects) == 30
    total = sum(effect.shapley.value for effect in found.effects) + found.unexplained.value
    assert total == pytest.approx(1, abs=0.01)


def test_chains_that_are_not_orthonormal_each_take_nothing_from_a_share():
    """A function of one score is worth its variance, given that score; it was worth 2.6% less."""
    found = []
    for seed in range(30):
        z = np.random.default_rng(seed).standard_normal((2, 8, 2048))
        known = (z[0] ** 2).reshape(1, -1)
        sample = Sample(z, known, [0])
        worth = sample.worth(np.ones((8, 1)), [0])[0, 1]
        found.append(worth / known.var())
    assert abs(np.mean(found) - 1) < 0.015

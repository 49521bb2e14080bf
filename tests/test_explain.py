"""An answer in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

import forecast
from forecast.cli import main
from forecast.sensitivity.explain import explain, formula_of
from tests.studies import prior, spending, write_study

MODEL = '''
from forecast import first_crossing


def product(hours, price):
    """Product []."""
    return hours * price


def answer(product, fixed):
    """The answer []."""
    part = product / fixed
    return part * 2


def branchy(product):
    """With a branch in Python []."""
    for _ in range(2):
        product = product * 1
    return product


def path(year, answer, growth, start):
    """Path []."""
    return answer * 10 ** (growth * (year - start))


def when(year, path, goal):
    """When [year]."""
    return first_crossing(year, path, goal)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(
        tmp_path_factory.mktemp("study"),
        prior("hours", "lognormal(median=100, sigma=0.8)") + prior("price", "lognormal(median=3, sigma=0.1)") + prior("fixed", "4")
        + prior("growth", "normal 0.1 to 0.3", "OOM/year") + prior("start", "2020", "year") + prior("goal", "1e5"),
        MODEL,
        'quantities = ["answer"]\nyears = "2020 to 2060"',
    )  # fmt: skip


def test_what_would_halve_and_double_it(folder):
    found = explain(forecast.open_study(folder).run(["answer"], draws=32768), "answer")
    assert [effect.name for effect in found.sensitivity.effects] == ["hours", "price"]
    levers = {(lever.name, lever.change): lever for lever in found.levers}
    for change, factor in (("halve", 0.5), ("double", 2.0)):
        lever = levers["hours", change]
        assert lever.value == pytest.approx(100 * factor, rel=0.02)
        assert lever.prob == pytest.approx(0.5 * math.erfc(math.log(2) / 0.8 / math.sqrt(2)), rel=0.03)
        assert levers["price", change].value is None  # seven standard deviations away
    assert found.interval.median == pytest.approx(150, rel=0.01)
    assert [step.name for step in found.steps if not step.prior] == ["answer", "product"]


def test_never_is_told_as_a_chance(folder, capsys):
    assert main(["explain", "when", str(folder), "--set", "goal=1e8", "--draws", "8192"]) == 0
    text = capsys.readouterr().out
    assert "probability it is never: not on the year axis, up to 2060" in text
    assert "already" not in text


def test_a_trend_is_a_lever_by_its_probability(tmp_path, capsys):
    spending(
        tmp_path,
        'def largest(spend_new):\n    """Largest [USD]."""\n    return spend_new * 1\n',
        'quantities = ["largest"]\nyears = "2020 to 2030"',
    )
    result = forecast.open_study(tmp_path).run(["largest@2027"], draws=32768)
    found = explain(result, "largest@2027")
    draws = result.at("largest", 2027)
    for lever, limit in zip(found.levers, (0.5, 2.0), strict=True):
        ratio = draws / np.median(draws)
        assert lever.value is None
        assert lever.prob == pytest.approx(float((ratio <= 0.5 if limit < 1 else ratio >= 2).mean()), abs=0.02)
    assert main(["explain", "largest@2027", str(tmp_path), "--draws", "8192"]) == 0
    assert "100%  spend: trend fitted to priors/evidence/spend.csv" in capsys.readouterr().out


def test_formulas_are_read_not_run(folder):
    functions = forecast.open_study(folder).functions
    assert formula_of(functions["product"]) == "hours * price"
    assert formula_of(functions["answer"]) == "part * 2, where part = product / fixed"
    assert formula_of(functions["branchy"]) == "branchy(product)"


def test_words(folder, capsys):
    assert main(["explain", "answer", str(folder), "--draws", "8192"]) == 0
    text = capsys.readouterr().out
    assert "The median is 150" in text and "taken as certain: fixed 4" in text
    assert "For half the median, hours would have to be" in text and "no plausible price alone is enough" in text
    assert main(["explain", "when", str(folder), "--draws", "8192"]) == 0
    text = capsys.readouterr().out
    # 150 grows to 100,000 with a median of 0.2 OOM a year in 14.1 years: what goes by year is told at that year.
    assert "5 years earlier" in text and "medians; at 2034 where it goes by year" in text
    assert main(["explain", "path", str(folder), "--draws", "8192"]) == 0
    assert "path@" in capsys.readouterr().out
    assert main(["explain", "nothing", str(folder)]) == 2
    assert main(["explain", "fixed", str(folder)]) == 2


def test_a_belief_has_one_median_wherever_it_is_told(tmp_path):
    """At the edge of an atom of 50%, where one estimator would say this and another that."""
    others = "bcdefg"
    priors = prior("x", "mixture(1e15, 2e15 to 9e15)") + "".join(prior(name, "1 to 2") for name in others)
    model = f'def y(x, {", ".join(others)}):\n    """Y []."""\n    return x * {" * ".join(others)}\n'
    study = forecast.open_study(write_study(tmp_path / "atom", priors, model))
    for seed in range(6):
        result = study.run(["y"], draws=8192, seed=seed)
        median = result.interval("x").median
        found = explain(result, "y")
        assert next(step for step in found.steps if step.name == "x").median == median
        assert {lever.median for lever in found.levers if lever.name == "x"} <= {median}

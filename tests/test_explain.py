"""An answer in words."""

from __future__ import annotations

import math

import pytest

import forecast
from forecast.cli import main
from forecast.sensitivity.explain import explain, formula_of
from tests.studies import prior, write_study

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
    assert found.median == pytest.approx(150, rel=0.01)
    assert [step.name for step in found.steps if not step.prior] == ["answer", "product"]


def test_formulas_are_read_not_run(folder):
    functions = forecast.open_study(folder).functions
    assert formula_of(functions["product"]) == "hours * price"
    assert formula_of(functions["answer"]) == "part * 2, where part = product / fixed"
    assert formula_of(functions["branchy"]) == "branchy(product)"


def test_words(folder, capsys):
    assert main(["explain", "answer", str(folder), "--draws", "8192"]) == 0
    text = capsys.readouterr().out
    assert "The median is 150" in text and "taken as certain: fixed 4" in text
    assert "For half, hours would have to be" in text and "no plausible price alone is enough" in text
    assert main(["explain", "when", str(folder), "--draws", "8192"]) == 0
    assert "5 years earlier" in capsys.readouterr().out
    assert main(["explain", "path", str(folder), "--draws", "8192"]) == 0
    assert "path@" in capsys.readouterr().out
    assert main(["explain", "nothing", str(folder)]) == 2
    assert main(["explain", "fixed", str(folder)]) == 2

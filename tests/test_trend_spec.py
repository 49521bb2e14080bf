from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecast.distribution import parse
from forecast.errors import StudyError
from forecast.trend.series import series
from forecast.trend.spec import check, choose_route
from tests.trend_support import made_up, spec

DATA = made_up(np.random.default_rng(1))


def problem(declared, data=DATA):
    with pytest.raises(StudyError) as caught:
        check(declared, data, "priors/a.toml [trend]")
    return str(caught.value)


def test_a_good_declaration_passes():
    for shape in ("straight", "kinked", "average"):
        check(spec(shape), DATA, "here")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shape": "kinkd"}, "trend is 'kinkd'; write one of straight, kinked, average (did you mean 'kinked'?)"),
        ({"noise": "cauchy"}, "noise is 'cauchy'; write one of normal, student_t"),
        ({"kink": None}, "no prior of 'kink'"),
        ({"noise": "student_t"}, "no prior of 'dof'"),
        ({"scatter": "normal(mean=0.3, sd=0.1)"}, "the prior of scatter reaches below 0"),
        ({"noise": "student_t", "dof": "1 to 30"}, "the prior of dof reaches below 2"),
        ({"kink_prob": 1.0}, "kink_prob is not between 0 and 1"),
        ({"rate_years": 0.0}, "rate_years is not above 0"),
        ({"draws": 100}, "100 draws in 4 chains; ask for at least 400"),
        ({"draws": 1001}, "1001 draws in 4 chains"),
        ({"level_year": 1900.0}, "level_year is 1900"),
        ({"route": "exact", "noise": "student_t", "dof": "4"}, 'normal scatter only; write route = "pymc"'),
        ({"route": "exact", "growth": "0.1 to 1"}, "the exact route needs a normal prior of growth (0.1 to 1); write it as 'normal LOW to HIGH'"),
        ({"route": "exact", "group_level": "0.1 to 1"}, "a hierarchy over 0 groups; name a column"),
    ],
)  # fmt: skip
def test_a_bad_declaration_is_told(changes, told):
    message = problem(spec(**changes))
    assert message.startswith("priors/a.toml [trend]") and told in message, message


def test_rows_that_cannot_be_fitted_are_told():
    t, y = DATA.t, DATA.y
    assert "4 rows are left for a kinked trend; select at least 5" in problem(spec(), DATA.take(np.arange(4)))
    assert "2 rows are left for a straight trend" in problem(spec("straight"), DATA.take(np.arange(2)))
    assert "all 60 rows have the same date (2015.00)" in problem(spec(), series("s", np.full(60, 2015.0), y))
    assert "all rows have the same value" in problem(spec(), series("s", t, np.full(60, 3.0)))
    assert "all rows lie exactly on a line" in problem(spec(), series("s", t, 3 + 0.5 * (t - 2015)))
    # With stated errors, or a scatter that is given, a perfect line can be fitted.
    check(spec(), series("s", t, 3 + 0.5 * (t - 2015), 0.1), "here")
    check(spec(scatter="0.3"), series("s", t, 3 + 0.5 * (t - 2015)), "here")


def test_the_exact_route_is_taken_wherever_it_can_be():
    assert choose_route(spec(), DATA) == "exact"
    assert choose_route(spec(growth="0.5"), DATA) == "exact"
    assert choose_route(spec(growth="0.1 to 1"), DATA) == "pymc"
    assert choose_route(spec(noise="student_t", dof="4"), DATA) == "pymc"
    assert choose_route(spec(), replace(DATA, se_t=np.full(60, 0.1))) == "pymc"
    assert choose_route(spec("straight", change="0.1 to 1"), DATA) == "exact"  # a straight line has no change
    assert choose_route(spec(route="pymc"), DATA) == "pymc"


def test_a_description_tells_specs_apart():
    assert spec().describe() != spec(growth="normal(mean=0.4, sd=0.3)").describe()
    assert spec().describe()["kink"] == parse("uniform(low=2012, high=2021)", "x").canonical()

"""Claim files, printed figures, and verdicts on a small study with closed forms."""

from __future__ import annotations

import math

import pytest
from scipy import stats

import forecast
from forecast.claims import evaluate_claims
from forecast.claims.files import read_claims
from forecast.claims.printed import printed, say
from forecast.cli import main
from forecast.errors import StudyError
from tests.studies import prior, write_study

MODEL = '''
    def area(width, height):
        """Area [meter**2]."""
        return width * height
    def later_area(width, height, growth):
        """Area later [meter**2]."""
        return width * height * growth
'''
HEAD = '[document]\ntitle = "A Paper"\nauthor = "An Author"\nyear = 2020\n'


def claim(**fields):
    base = {
        "id": "A1",
        "sentence": "It is so",
        "place": "p. 1",
        "quantity": "area",
        "published": "12",
        "reading": "point",
        "expected": "holds",
    }
    lines = []
    for key, value in {**base, **fields}.items():
        if value is not None:
            lines.append(
                f"{key} = {value if not isinstance(value, str) or value.startswith(('[', '{')) else repr(value).replace(chr(39), chr(34))}"
            )
    return "[[claim]]\n" + "\n".join(lines) + "\n"


def small(folder, *claims, head=HEAD):
    priors = prior("width", "3", "meter") + prior("height", "2 to 8", "meter") + prior("growth", "2 to 3")
    text = head + "\n".join(claims)
    write_study(folder, priors, MODEL, files={"reports/claims/paper.toml": text})
    return folder


def evaluated(folder, *claims):
    study = forecast.open_study(small(folder, *claims))
    return evaluate_claims(study, read_claims(folder))


def problems(folder, *claims, head=HEAD):
    with pytest.raises(StudyError) as error:
        read_claims(small(folder, *claims, head=head))
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "value", "half"),
    [
        ("$649M", 649e6, 0.5e6),
        ("about $3M", 3e6, 0.5e6),
        ("about $3 million", 3e6, 0.5e6),
        ("1.43E25", 1.43e25, 0.005e25),
        ("2.35e-5", 2.35e-5, 0.005e-5),
        ("12%", 0.12, 0.005),
        ("1.3%", 0.013, 0.0005),
        ("$240", 240, 0.5),
        ("~250,200", 250_200, 50),
        ("about 5,000", 5000, 500),
        ("44,626,861", 44_626_861, 0.5),
        ("0.50", 0.5, 0.005),
        ("-0.2", -0.2, 0.05),
        ("10x", 10, 0.5),
        ("over $1 quadrillion", 1e15, 0.5e15),
        ("0", 0, 0.5),
    ],
)
def test_printed_figures_promise_half_their_last_digit(text, value, half):
    found = printed(text)
    assert (found.value, found.half) == pytest.approx((value, half))


def test_zeros_at_the_end_of_a_rounded_figure_do_not_count():
    assert printed("$100M", rounded=True).half == pytest.approx(50e6)
    assert printed("2,040", rounded=True).half == 5
    assert printed("1.50M", rounded=True).half == 0.005e6


@pytest.mark.parametrize("text", ["half", "", "12 apples", "1.2.3", "$", "1,00"])
def test_what_is_no_printed_figure(text):
    with pytest.raises(StudyError, match="not a printed figure"):
        printed(text, place="here")


def test_figures_are_told_in_the_printed_style():
    assert say(886_428_571, printed("$649M")) == "$886.4M"
    assert say(0.02365, printed("2.35e-5")) == "0.02365"
    assert say(0.6873, printed("70%", rounded=True)) == "69%"
    assert say(math.inf, None, "year") == "never"


@pytest.mark.parametrize(
    ("published", "reading", "verdict"),
    [
        ("12", "point", "holds"),
        ("12.0", "point", "holds"),
        ("12.1", "point", "flagged"),
        ("11.6", "point", "flagged"),
        ("10", "rounded point", "holds"),
        ("10", "point", "flagged"),
        ("20", "rounded point", "flagged"),
        ("about 12.4", "rounded point", "flagged"),
        ("11", "more than", "holds"),
        ("12", "more than", "flagged"),
        ("13", "less than", "holds"),
        ('["10", "12"]', "between", "holds"),
        ('["12.1", "14"]', "between", "flagged"),
    ],
)
def test_verdict_takes_its_precision_from_the_printed_digits(tmp_path, published, reading, verdict):
    (found,) = evaluated(tmp_path, claim(published=published, reading=reading, given='{ height = "4 meter" }'))
    assert found.verdict == verdict
    assert found.ours == pytest.approx((12,))


@pytest.mark.parametrize(
    ("tolerance", "published", "verdict"),
    [
        ("10%", "13.2", "holds"),
        ("5%", "13.2", "flagged"),
        ("1.3", "13.2", "holds"),
        ("1.1", "13.2", "flagged"),
        ("0.1%", "12", "holds"),
        ("0.1%", "12.1", "flagged"),
        ("factor 2", "23", "holds"),
        ("factor 2", "25", "flagged"),
    ],
)
def test_stated_tolerance(tmp_path, tolerance, published, verdict):
    (found,) = evaluated(
        tmp_path, claim(published=published, given="{ height = 4 }", tolerance=tolerance, because="a reason")
    )
    assert found.verdict == verdict


@pytest.mark.parametrize("value", ['"400 centimeter"', '"8/2"', '"2*2 meter"', '"0.004 kilometer"', "4", '"4"'])
def test_inputs_have_their_own_units_and_arithmetic(tmp_path, value):
    (found,) = evaluated(tmp_path, claim(given=f"{{ height = {value} }}"))
    assert found.ours == pytest.approx((12,))


def test_dates_are_read_as_years(tmp_path):
    model = 'def gap(start, end):\n    """Time between [day]."""\n    return end - start\n'
    priors = prior("start", "2000", "year") + prior("end", "2001", "year")
    given = '{ start = "2019-02-14", end = "2020-05-28" }'
    text = HEAD + claim(quantity="gap", published="469", given=given)
    write_study(tmp_path, priors, model, files={"reports/claims/paper.toml": "\ufeff" + text})
    (found,) = evaluate_claims(forecast.open_study(tmp_path), read_claims(tmp_path))
    assert found.ours == pytest.approx((469,), abs=1) and found.verdict == "holds"
    wrong = text.replace("2020-05-28", "2020-15-28")
    (tmp_path / "reports/claims/paper.toml").write_text(wrong)
    with pytest.raises(StudyError, match="paper.toml A1"):
        evaluate_claims(forecast.open_study(tmp_path), read_claims(tmp_path))


def test_published_figure_in_another_unit(tmp_path):
    (found,) = evaluated(tmp_path, claim(given="{ height = 4 }", published="120,000", unit="centimeter**2"))
    assert found.ours == pytest.approx((120_000,))
    assert found.verdict == "holds"


def test_readings_of_an_uncertain_scenario(tmp_path):
    """Height is lognormal: every figure has a closed form."""
    sigma = math.log(4) / 2 / stats.norm.ppf(0.95)
    mean = 12 * math.exp(sigma**2 / 2)
    ends = [
        12 * math.exp(sigma * stats.norm.ppf(p))
        for p in (0.1 * stats.norm.cdf(sigma / 2), 0.9 + 0.1 * stats.norm.cdf(sigma / 2))
    ]
    found = evaluated(
        tmp_path,
        claim(id="A1", reading="5% to 95%", published='["12.00", "6.00", "24.00"]'),
        claim(
            id="A2",
            reading="mean and 5% to 95%",
            published=f'["{mean:.2f}", "6.00", "24.00"]',
            tolerance="0.2%",
            because="draws",
        ),
        claim(
            id="A3",
            reading="Guesstimate card",
            published=f'["{mean:.2f}", "{ends[0]:.2f}", "{ends[1]:.2f}"]',
            tolerance="0.2%",
            because="draws",
        ),
        claim(id="A4", reading="mean", published=f"{mean:.2f}", tolerance="0.2%", because="draws"),
        claim(id="A5", reading="median", published="12.00"),
        claim(id="A6", reading="5% to 95%", published='["12.0", "6.0", "27"]', expected="flagged"),
        claim(id="A7", reading="consistent", published="20"),
        claim(id="A8", reading="consistent", published="30", expected="flagged"),
        claim(id="A9", reading="consistent", published='["22", "40"]'),
        claim(id="A10", reading="consistent", published='["15", "13", "40"]', expected="flagged"),
    )
    assert [result.claim.id for result in found if not result.as_expected] == []


def test_an_interval_is_not_met_by_a_scenario_without_uncertainty(tmp_path):
    (found,) = evaluated(
        tmp_path,
        claim(given="{ height = 4 }", reading="5% to 95%", published='["12", "6", "24"]', expected="flagged"),
    )
    assert found.ours == pytest.approx((12, 12, 12)) and found.verdict == "flagged"


def test_end_points(tmp_path):
    (found,) = evaluated(
        tmp_path, claim(reading="end points", published='["12", "6", "24"]', ends="{ height = [4, 2, 8] }")
    )
    assert found.ours == pytest.approx((12, 6, 24))
    assert found.verdict == "holds"


def test_superseded_where_what_came_later_excludes_it(tmp_path):
    later = '{{ quantity = "later_area", source = "A later paper", given = {{ height = 4, growth = "{growth}" }} }}'
    found = evaluated(
        tmp_path,
        claim(id="A1", given="{ height = 4 }", later=later.format(growth="2 to 3"), expected="superseded"),
        claim(id="A2", given="{ height = 4 }", later=later.format(growth="0.5 to 3")),
        claim(id="A3", given="{ height = 5 }", later=later.format(growth="2 to 3"), expected="superseded"),
    )
    assert [result.as_expected for result in found] == [True] * 3
    assert [result.follows for result in found] == [True, True, False]


def test_a_verdict_that_is_not_expected_is_a_gate(tmp_path, capsys):
    small(tmp_path, claim(given="{ height = 5 }"))
    assert main(["claims", "--study", str(tmp_path)]) == 4
    told = capsys.readouterr()
    assert "flagged (expected: holds)" in told.out
    assert "NOT as expected: A1" in told.err


def test_everything_wrong_is_told_at_once(tmp_path):
    told = problems(
        tmp_path,
        claim(reading="pont"),
        claim(id="A2", expected="true"),
        claim(id="A3", tolerance="5%"),
        claim(id="A4", published="many"),
        claim(id="A5", reading="5% to 95%"),
        claim(id="A6", quantity=None),
        claim(id="A7", givn="{}"),
        claim(id="A8", reading="end points", published='["1", "2", "3"]'),
        claim(id="A9", later='{ quantity = "area" }'),
    )
    for part in (
        "unknown reading 'pont'; did you mean 'point'?", "unknown expected 'true'", "tolerance without a reason", "not a printed figure",
        "'5% to 95%' does not go with", "either a quantity or a fit", "unknown field 'givn'; did you mean 'given'?", "'end points' and ends go together",
        "later is not complete",
    ):  # fmt: skip
        assert part in told


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"given": 3}, "given is not a table (3)"),
        ({"given": "{ height = true }"}, "given height: is no text or number"),
        ({"given": "{ height = [4] }"}, "given height: is no text or number"),
        ({"published": 12}, "does not go with 12"),
        ({"published": "[12]"}, "does not go with [12]"),
        ({"sentence": 3}, "sentence is not a text (3)"),
        ({"tolerance": 3, "because": "x"}, "tolerance is not a text (3)"),
        ({"ends": "{ height = 4 }"}, "ends height: is no list"),
        ({"also": '["area", 3]'}, "also is no list of quantities"),
        ({"later": "[]"}, "later is not a table"),
        ({"dependence": '{ between = ["a"] }'}, "its dependence is not complete"),
        ({"id": "A 1"}, "the id has a space or mark in it"),
        ({"quantity": None, "fit": '{ kind = "curve" }'}, "unknown kind 'curve'"),
        ({"quantity": None, "fit": '{ kind = "kink", statistic = "AIC" }'}, "has no statistic 'AIC'"),
        (
            {"quantity": None, "fit": '{ kind = "line", statistic = "slope", record_fraction = "a" }'},
            "record_fraction is no number",
        ),
        ({"quantity": None, "fit": '{ kind = "line", statistic = "slope", where = 3 }'}, "where and data are tables"),
    ],
)
def test_fields_of_the_wrong_kind(tmp_path, fields, message):
    assert message in problems(tmp_path, claim(**fields))


def test_addresses_are_of_the_web(tmp_path):
    assert "its url is no address" in problems(tmp_path, claim(), head=HEAD + 'url = "javascript:alert(1)"\n')


def test_files_that_cannot_be_claims(tmp_path):
    assert "has no title and year" in problems(tmp_path / "a", claim(), head="")
    assert "is not TOML" in problems(tmp_path / "b", "x = [")
    assert "stands in reports/claims/paper.toml A1 too" in problems(tmp_path / "c", claim(), claim())
    folder = write_study(tmp_path / "d", prior("width", "3", "meter"), "")
    with pytest.raises(StudyError, match="holds no claims"):
        read_claims(folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"quantity": "aera"}, "no quantity 'aera'; did you mean 'area'?"),
        ({"given": "{ heigth = 4 }"}, "did you mean 'height'?"),
        ({"given": '{ height = "4 second" }'}, "height"),
        ({"given": '{ height = "2 two 3" }'}, "given height"),
        ({"given": '{ height = "4/0" }'}, "divides by 0"),
        ({}, "uncertain: height"),
    ],
)
def test_claims_that_the_study_cannot_evaluate(tmp_path, fields, message):
    with pytest.raises(StudyError) as error:
        evaluated(tmp_path, claim(**fields))
    assert message in str(error.value) and "paper.toml A1" in str(error.value)


def test_five_mistakes_in_one_file_are_told_at_once_and_no_input_is_code(tmp_path, capsys):
    """Mistakes of the file, of the quantity, of an input's name, unit and text: all in one go, each where it stands."""
    trap = "__import__('pathlib').Path('trap').touch()"
    given = f'{{ heigth = 4, width = "3 second", growth = "{trap}" }}'
    small(tmp_path, claim(id="A1", quantity="aera", given=given), claim(id="A2", reading="meadian"))
    assert main(["claims", "--study", str(tmp_path)]) == 3
    told = capsys.readouterr().err
    for part in (
        "A2: unknown reading 'meadian'; did you mean 'median'?",
        "A1: the study has no quantity 'aera'; did you mean 'area'?",
        "A1 given heigth: the study has no quantity 'heigth'; did you mean 'height'?",
        "A1 given width: ",
        "A1 given growth: cannot read",
    ):
        assert part in told, told
    assert len(told.splitlines()) == 5
    assert not (tmp_path / "trap").exists() and "Traceback" not in told


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{ format = "epoch", fille = "x.csv" }', "unknown field 'fille'; did you mean 'file'?"),
        ('{ preset = "x" }', "names no format and file"),
    ],
)
def test_data_of_a_fit(tmp_path, data, message):
    fit = f'{{ kind = "growth", statistic = "growth", table = "evidence/made.csv", data = {data} }}'
    assert message in problems(tmp_path, claim(quantity=None, fit=fit))


def test_rows_of_one_system_are_averaged(tmp_path):
    """Two estimates of each year count as one row, at their mean."""
    rows = [
        (f"{year}-01-01", 10 ** (0.5 * (year - 2010) + off), 1, f"system {year}")
        for year in range(2010, 2020)
        for off in (-0.3, 0.3)
    ]
    rest = 'value = "x", unit = "meter", average = "group"'
    fields = {"published": '["0.50", "0.50", "0.50"]', "reading": "mean and 5% to 95%"}
    found = fitted(tmp_path, rows, "growth", "growth", rest, **fields)
    assert found.ours == pytest.approx((0.5, 0.5, 0.5), abs=1e-3) and "10 rows" in found.data


FIT = '{{ kind = "{kind}", statistic = "{statistic}", table = "evidence/made.csv", {rest} }}'


def fitted(folder, rows, kind, statistic, rest, **fields):
    fit = FIT.format(kind=kind, statistic=statistic, rest=rest)
    small(folder, claim(quantity=None, fit=fit, **fields))
    path = folder / "priors" / "evidence" / "made.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "date,x [meter],y [meter],group,source\n" + "".join(f"{d},{x},{y},{g},made up\n" for d, x, y, g in rows)
    )
    (found,) = evaluate_claims(forecast.open_study(folder), read_claims(folder))
    return found


def test_fit_of_a_line_and_its_level_per_something(tmp_path):
    rows = [("2020-01-01", 10.0**i, 10 ** (2 + 0.5 * i), "a") for i in range(5)]
    found = fitted(tmp_path / "a", rows, "line", "slope", 'x = "x", y = "y"', published="0.5")
    assert found.ours == pytest.approx((0.5,))
    found = fitted(
        tmp_path / "b",
        rows,
        "line",
        "level",
        'x = "x", y = "y", x_per = "width"',
        given="{ width = 100 }",
        published="3.0",
    )
    assert found.ours == pytest.approx((3.0,)) and found.verdict == "holds"
    assert found.data == "priors/evidence/made.csv, 5 rows"


def test_fit_of_a_growth_rate_less_another(tmp_path):
    rows = [(f"{year}-01-01", 10 ** (0.5 * (year - 2010)), 1, "a") for year in range(2010, 2020)]
    rest = 'value = "x", unit = "meter", minus = "growth"'
    found = fitted(
        tmp_path,
        rows,
        "growth",
        "growth",
        rest,
        given="{ growth = 0.2 }",
        published='["0.30", "0.30", "0.30"]',
        reading="mean and 5% to 95%",
    )
    assert found.ours == pytest.approx((0.3, 0.3, 0.3), abs=1e-3) and found.verdict == "holds"


def test_fit_of_a_kink(tmp_path):
    rows = [
        (f"{2000 + i}-01-01", 10 ** (i if i < 10 else 10 + 0.2 * (i - 10) + 0.01 * (i % 3)), 1, "a") for i in range(20)
    ]
    found = fitted(
        tmp_path, rows, "kink", "BIC difference", 'value = "x", unit = "meter"', published="10", reading="more than"
    )
    assert found.verdict == "holds"


def test_fit_of_power_laws_counts_the_exponents_that_are_not_told_from_zero(tmp_path):
    exact = [("2020-01-01", x, 5 - 4 * x**-0.5, "told") for x in (1, 4, 16, 64)]
    noisy = [("2020-01-01", x, y, "untold") for x, y in ((1, 1.0), (4, 3.0), (16, 2.5), (64, 4.5))]
    found = fitted(
        tmp_path,
        exact + noisy,
        "power law",
        "exponents not told from 0",
        'x = "x", y = "y", group = "group"',
        published="0.5",
    )
    assert found.ours == pytest.approx((0.5,))

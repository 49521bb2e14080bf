"""What a user can get wrong, and the exact message each gets: no traceback, all problems at once, a way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from forecast.cli import main
from tests.studies import prior

UNITS = '[count]\nchip = "accelerator"\n[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "BLS"\n'
GOOD = {
    "priors/units.toml": UNITS,
    "priors/cpi.csv": "year,index\n2020,258.811\n2023,304.702\n",
    "priors/a.toml": prior("hours", "1M to 5M", "chip*hour") + prior("price", "1 to 4", "USD_2023/(chip*hour)"),
    "models/m.py": 'def cost(hours, price):\n    """Cost [USD]."""\n    return hours * price\n',
    "reports/main.md": '+++\nquantities = ["cost"]\nyears = "2020 to 2030"\n+++\n',
}


def replaced(**files: str) -> dict[str, str]:
    """The good study with files replaced; a file's name is given as priors__a_toml."""
    names = {key.replace("/", "__").replace(".", "_"): key for key in GOOD}
    return GOOD | {names.get(key, key): text for key, text in files.items()}


def priors(text: str) -> dict[str, str]:
    return replaced(priors__a_toml=GOOD["priors/a.toml"] + text)


def dist(text: str) -> dict[str, str]:
    return replaced(priors__a_toml=prior("hours", text, "chip*hour") + prior("price", "1 to 4", "USD_2023/(chip*hour)"))


def model(text: str) -> dict[str, str]:
    return replaced(models__m_py=GOOD["models/m.py"] + "\n\n" + text)


def report(text: str) -> dict[str, str]:
    return replaced(reports__main_md=f"+++\n{text}\n+++\n")


HEADER = 'quantities = ["cost"]\nyears = "2020 to 2030"\n'

STUDIES: dict[str, tuple[dict[str, str], str]] = {
    # texts of distributions
    "downwards": (
        dist("5M to 1M"),
        "priors/a.toml [hours]: the interval runs downwards (5M to 1M); write the low end first",
    ),
    "no width": (
        dist("5M to 5M"),
        "priors/a.toml [hours]: the interval has no width (5M to 5M); write point(5M) for a fixed value",
    ),
    "positional": (
        dist("normal(0, 2)"),
        "priors/a.toml [hours]: normal takes its parameters by keyword (normal(0, 2)); write normal(mean=0, sd=2)",
    ),
    "unknown family": (
        dist("lognormel(median=2, sigma=1)"),
        "priors/a.toml [hours]: unknown family 'lognormel'; did you mean 'lognormal'?",
    ),
    "unknown parameter": (
        dist("normal(mean=0, stdev=2)"),
        "priors/a.toml [hours]: normal has no parameter 'stdev'; it takes mean, sd",
    ),
    "missing parameter": (
        dist("normal(mean=0)"),
        "priors/a.toml [hours]: normal is given by mean, sd (found mean); write normal(mean=0, sd=1)",
    ),
    "European number": (
        dist("1.000,5 to 2.000,5"),
        "priors/a.toml [hours]: cannot read the number '1.000,5': a point or a comma too many; write the decimals after a point, and thousands as 1_000 or 1,000",
    ),
    "unknown suffix": (
        dist("1mio to 5mio"),
        "priors/a.toml [hours]: cannot read the number '1mio': unknown suffix 'mio'; use k, M, B, T or %, and put the unit into 'unit'",
    ),
    "empty text": (
        dist(""),
        "priors/a.toml [hours]: the text of a distribution is empty; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)",
    ),
    "code": (
        dist("__import__('os').system('true')"),
        "priors/a.toml [hours]: cannot read '__import__('os').system('true')' at ''os').system('true')'; write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)",
    ),
    "weights": (
        dist("mixture(1, 2 to 3, weights=[0.5, 0.6])"),
        "priors/a.toml [hours]: the weights add up to 1.1; make them add up to 1",
    ),
    "number of weights": (
        dist("mixture(1, 2 to 3, weights=[1])"),
        "priors/a.toml [hours]: mixture has 2 parts and 1 weights; give one weight for each part",
    ),
    "negative sd": (
        dist("normal(mean=1, sd=-1)"),
        "priors/a.toml [hours]: sd must be above 0 (-1); write a positive number",
    ),
    "lognormal below zero": (
        dist("lognormal -1 to 5"),
        "priors/a.toml [hours]: the low end of a lognormal must be above 0 (-1); write a positive low end, or normal LOW to HIGH",
    ),
    "beta beyond one": (
        dist("beta 20% to 120%"),
        "priors/a.toml [hours]: an interval of a beta lies between 0 and 1 (0.2 to 1.2); write shares such as 20% to 60%",
    ),
    "bounds without mass": (
        dist("normal(mean=0, sd=1) within 50 and 60"),
        "priors/a.toml [hours]: the bounds 50 and 60 hold no probability of the normal (90% interval -1.64 to 1.64); widen the bounds",
    ),
    "bounds downwards": (
        dist("1 to 5 within 3 and 2"),
        "priors/a.toml [hours]: the bounds run downwards (3 and 2); write the low bound first",
    ),
    "level": (
        dist("1 to 5 (130%)"),
        "priors/a.toml [hours]: an interval's level must lie between 0% and 100% (1.3); write (80%) or (0.8)",
    ),
    "quantiles not rising": (
        dist("quantiles(5%=3, 50%=2, 95%=9)"),
        "priors/a.toml [hours]: the quantiles do not rise (5% is 3, 50% is 2); write a higher value for a higher level",
    ),
    "probability": (
        dist("bernoulli(p=1.5)"),
        "priors/a.toml [hours]: p must lie between 0 and 1 (1.5); write a probability such as 30%",
    ),
    "number for infinity": (
        dist("inf"),
        "priors/a.toml [hours]: not a finite number (inf); infinity only stands in 'within LOW and HIGH'",
    ),
    # tables of priors
    "no label": (
        priors('[x]\ndist = "1 to 2"\nunit = ""\nsource = "s"\n'),
        'priors/a.toml [x]: has no label; write label = "what it is, in a few words"',
    ),
    "no unit": (
        priors('[x]\nlabel = "x"\ndist = "1 to 2"\nsource = "s"\n'),
        'priors/a.toml [x]: has no unit; write unit = "…", or unit = "" for a pure number',
    ),
    "no source": (
        priors('[x]\nlabel = "x"\ndist = "1 to 2"\nunit = ""\n'),
        'priors/a.toml [x]: has no source; write source = "who says so, and where"; for your own judgement say that',
    ),
    "no dist": (
        priors('[x]\nlabel = "x"\nunit = ""\nsource = "s"\n'),
        'priors/a.toml [x]: has no dist; write dist = "LOW to HIGH" (a 90% credible interval), a family or a number',
    ),
    "misspelt field": (
        priors('[x]\nlabel = "x"\ndist = "1 to 2"\nunit = ""\nsource = "s"\nunits = ""\n'),
        "priors/a.toml [x]: unknown field 'units'; did you mean 'unit'?",
    ),
    "dist is a list": (
        priors('[x]\nlabel = "x"\ndist = [1, 2]\nunit = ""\nsource = "s"\n'),
        'priors/a.toml [x]: its dist is neither a text nor a number ([1, 2]); write dist = "LOW to HIGH" (a 90% credible interval), a family or a number',
    ),
    "not a table": (
        replaced(priors__a_toml="x = 3\n" + GOOD["priors/a.toml"]),
        "priors/a.toml: x: stands outside any table; write a table [x] with label, dist, unit and source",
    ),
    "a name with a dash": (
        priors('["my-x"]\nlabel = "x"\ndist = "1 to 2"\nunit = ""\nsource = "s"\n'),
        "priors/a.toml [my-x]: its name cannot be a function's parameter; use lower-case letters, digits and underscores",
    ),
    "two definitions in priors": (
        GOOD | {"priors/b.toml": prior("price", "1 to 2", "USD_2023/(chip*hour)")},
        "priors/b.toml [price]: a quantity has one definition, and this one stands in priors/a.toml [price] too; rename or delete one",
    ),
    "prior and function": (
        priors(prior("cost", "1 to 2", "USD_2023")),
        "priors/a.toml [cost]: a quantity has one definition, and models/m.py:1 cost() defines this one too; rename or delete one; a scenario replaces a quantity with --set",
    ),
    "year as a prior": (
        priors(prior("year", "2025", "year")),
        "priors/a.toml [year]: 'year' is supplied by the engine; rename the prior",
    ),
    "TOML syntax": (
        replaced(priors__a_toml='[price\nlabel = "x"'),
        "priors/a.toml: is not TOML (Expected ']' at the end of a table declaration (at line 1, column 7)); correct the line (texts stand in quotes)",
    ),
    "alternative without source": (
        priors(prior("x", "1 to 2") + '[x.alternative.other]\ndist = "2 to 3"\n'),
        'priors/a.toml [x.alternative.other]: has no source; write source = "who says so, and where"; for your own judgement say that',
    ),
    "dependence of one": (
        priors('[[dependence]]\nbetween = ["price"]\nrank_correlation = 0.5\n'),
        'priors/a.toml [[dependence]] 1: between does not name two different priors ([\'price\']); write between = ["one", "other"]',
    ),
    "dependence beyond one": (
        priors('[[dependence]]\nbetween = ["price", "hours"]\nrank_correlation = 1.5\n'),
        "priors/a.toml [[dependence]] 1: rank_correlation is not a number from -1 to 1 (1.5); write rank_correlation = 0.5, say",
    ),
    "dependence of a stranger": (
        priors('[[dependence]]\nbetween = ["price", "hour"]\nrank_correlation = 0.5\n'),
        "priors/a.toml [[dependence]] 1: there is no prior 'hour'; did you mean 'hours'?",
    ),
    "dependence twice": (
        priors('[[dependence]]\nbetween = ["price", "hours"]\nrank_correlation = 0.5\n' * 2),
        "priors/a.toml [[dependence]] 2: price and hours are related in priors/a.toml [[dependence]] 1 too; delete one",
    ),
    "two bands": (
        priors(
            prior("x", "1 to 2")
            + '[[dependence]]\nbetween = ["price", "hours"]\nrank_correlation = 0\nband = true\n'
            + '[[dependence]]\nbetween = ["price", "x"]\nrank_correlation = 0\nband = true\n'
        ),
        "priors/a.toml [[dependence]] 2: has band = true, as priors/a.toml [[dependence]] 1 has; show the band of one dependence only",
    ),
    # units
    "unknown unit": (
        priors(prior("x", "1 to 2", "chips*hours*foo")),
        "priors/a.toml [x]: there is no unit 'foo'; declare it under [count] in priors/units.toml",
    ),
    "unit with another case": (
        priors(prior("x", "1 to 2", "Chip")),
        "priors/a.toml [x]: there is no unit 'Chip'; did you mean 'chip'? Else declare it under [count] in priors/units.toml",
    ),
    "ambiguous division": (
        priors(prior("x", "1 to 2", "chip/hour*hour")),
        "priors/a.toml [x]: [chip/hour*hour] multiplies after a division, which can be read in two ways; put what is divided by in brackets, as in USD/(chip*hour)",
    ),
    "no such dollar year": (
        priors(prior("x", "1 to 2", "USD_1999")),
        "priors/a.toml [x]: there is no USD_1999 (the price index has 2020 to 2023); add the year to the price index",
    ),
    "offset unit": (
        priors(prior("x", "1 to 2", "degC")),
        "priors/a.toml [x]: degC starts from a zero of its own, so no factor converts it; use kelvin",
    ),
    "wrong result": (
        model('def speed(hours, price):\n    """Speed [chip/hour]."""\n    return hours * price\n'),
        "models/m.py:6 speed(): gives USD, its docstring says [chip/hour] (too much by a factor of USD*year/chip); correct the formula, the docstring's unit or the unit of a prior it uses",
    ),
    "unlike units added": (
        model('def total(hours, price):\n    """Total [USD]."""\n    return hours + price\n'),
        "models/m.py:8 total(): adds chip*year and USD/(chip*year) in `hours + price`; correct the formula or the unit of one of them",
    ),
    "logarithm of dollars": (
        model('import numpy as np\n\n\ndef size(cost):\n    """Size []."""\n    return np.log10(cost)\n'),
        "models/m.py:11 size(): takes np.log10 of USD in `np.log10(cost)`; divide by a reference of the same unit first",
    ),
    "years beside hours": (
        model('def late(year, hours):\n    """Late [year]."""\n    return year + hours\n'),
        "models/m.py:8 late(): adds year and chip*year in `year + hours`; correct the formula or the unit of one of them",
    ),
    # models
    "misspelt parameter": (
        model('def total(ours, price):\n    """Total [USD]."""\n    return ours * price\n'),
        "models/m.py:6 total(): nothing defines its parameter 'ours'; did you mean 'hours'?",
    ),
    "circle": (
        model('def x(y):\n    """X []."""\n    return y\n\n\ndef y(x):\n    """Y []."""\n    return x\n'),
        "models/m.py:6: quantities define each other (x -> y -> x); break the circle",
    ),
    "no docstring": (
        model("def total(hours, price):\n    return hours * price\n"),
        'models/m.py:6 total(): has no docstring; write one sentence that ends in its unit: """Cost of a run [USD]."""',
    ),
    "no unit in the docstring": (
        model('def total(hours, price):\n    """Total."""\n    return hours * price\n'),
        "models/m.py:6 total(): its docstring does not end in a unit ('Total.'); end the first sentence with [unit], or [] for a pure number",
    ),
    "Python syntax": (
        model("def total(hours, price:\n    return hours * price\n"),
        "models/m.py:6: is not Python ('(' was never closed); correct the line",
    ),
    "failing import": (
        model("import no_such_library\n"),
        "models/m.py:6: fails when it is run (ModuleNotFoundError: No module named 'no_such_library'); a model file only imports and defines functions; see that it runs by itself",
    ),
    "importing a model": (
        model("from models.other import thing\n"),
        "models/m.py:6: fails when it is run (ModuleNotFoundError: No module named 'models.other'); model files do not import one another: name the quantity as a parameter",
    ),
    "defaults": (
        model('def total(hours, price=2):\n    """Total [chip*hour]."""\n    return hours * price\n'),
        "models/m.py:6 total(): has *args, **kwargs, keyword-only parameters or defaults; name each quantity it needs, plainly",
    ),
    "the same function twice": (
        GOOD | {"models/n.py": GOOD["models/m.py"]},
        "models/n.py:1 cost(): a quantity has one definition, and this one stands in models/m.py:1 too; rename or delete one",
    ),
    "a decision": (
        model('def total(cost):\n    """Total [USD]."""\n    return cost if cost > 0 else 0 * cost\n'),
        "models/m.py:8 total(): decides with 'if', 'and' or max() on an uncertain value in `cost > 0`; use np.where, np.maximum, np.minimum or &",
    ),
    # reports
    "no header": (
        replaced(reports__main_md="# Report\n"),
        "reports/main.md: has no header; begin it with a line +++, TOML, and a line +++",
    ),
    "unknown quantity in a report": (
        report('quantities = ["costs"]\nyears = "2020 to 2030"'),
        "reports/main.md header: there is no quantity 'costs'; did you mean 'cost'?",
    ),
    "unknown field in a report": (
        report(HEADER + "horizon = 3"),
        "reports/main.md header: unknown field 'horizon'; known fields: date, figures, headline, notes, prob, quantities, seed, thresholds, title, years",
    ),
    "a year beyond the axis": (
        report('quantities = ["cost@2040"]\nyears = "2020 to 2030"'),
        "reports/main.md header: the year of 'cost@2040' is not among the report's years (2020 to 2030); widen years",
    ),
    "years downwards": (
        report('quantities = ["cost"]\nyears = "2030 to 2020"'),
        "reports/main.md header: the years do not ascend ('2030 to 2020'); write \"2022 to 2100\", or numbers that ascend",
    ),
    "prob": (
        report(HEADER + "prob = 90"),
        "reports/main.md header: prob is not a number between 0 and 1 (90); write prob = 0.9",
    ),
    "threshold of another kind": (
        report(HEADER + 'thresholds = { cost = ["1B chip"] }'),
        "reports/main.md header thresholds: [chip] cannot be shown in [USD_2023] (chip is not USD); choose a unit of the same kind",
    ),
    "no quantities": (
        report("quantities = []"),
        'reports/main.md header: quantities is not a list of names ([]); write quantities = ["training_cost", "largest_run_cost@2030"]',
    ),
}

COMMANDS: dict[str, tuple[list[str], int, str]] = {
    "no such folder": (
        ["run", "{tmp}/nowhere"],
        3,
        "{tmp}/nowhere: is not a folder; name a study's folder, or make one with 'forecast new DIR'",
    ),
    "no study": (
        ["run", "{tmp}"],
        3,
        "{tmp}: is not a study: it has no priors/ and no models/; make one with 'forecast new DIR'",
    ),
    "unknown quantity": (
        ["run", "{good}", "-q", "costt"],
        2,
        "the study has no quantity 'costt'; did you mean 'cost'?",
    ),
    "year of a quantity without years": (
        ["run", "{good}", "-q", "cost@2025"],
        2,
        "cost has no year axis; ask for cost without @2025",
    ),
    "year off the axis": (
        ["run", "{good}", "-q", "cost@1999"],
        2,
        "cost@1999: 1999 is not on the year axis (2020 to 2030); ask for another year, or for other years of the axis (--years)",
    ),
    "year that is none": (
        ["run", "{good}", "-q", "cost@soon"],
        2,
        "'cost@soon' does not name a year (soon); write cost@2030",
    ),
    "set without a value": (
        ["run", "{good}", "--set", "price"],
        2,
        "--set: is not NAME=DIST (price); write --set utilisation=0.4 or --set 'cost=1M to 5M'",
    ),
    "set a stranger": (
        ["run", "{good}", "--set", "prices=3"],
        2,
        "--set prices: the study has no quantity 'prices'; did you mean 'price'?",
    ),
    "set a bad text": (
        ["run", "{good}", "--set", "price=4 to 1"],
        2,
        "--set price: the interval runs downwards (4 to 1); write the low end first",
    ),
    "prob of 90": (["run", "{good}", "--prob", "90"], 2, "prob is not between 0 and 1 (90.0); write 0.9 for 90%"),
    "draws": (
        ["run", "{good}", "--draws", "many"],
        2,
        "--draws: cannot read the number 'many'; write it like 55M, 1.5B, 30%, 1e26 or 1_000_000",
    ),
    "too few draws": (
        ["run", "{good}", "--draws", "3"],
        2,
        "draws is not from 64 to 134,217,728 (3); 65,536 is a good number",
    ),
    "half a draw": (
        ["run", "{good}", "--draws", "100.5"],
        2,
        "--draws: is not a whole number (100.5); write 65536, say",
    ),
    "negative seed": (["run", "{good}", "--seed", "-1"], 2, "seed is negative (-1); give a whole number from 0 up"),
    "years": (
        ["run", "{good}", "--years", "soon"],
        2,
        "--years: these are not years ('soon'); write \"2022 to 2100\", or numbers that ascend",
    ),
    "years that descend": (
        ["run", "{good}", "--years", "2030:2020"],
        2,
        "--years: the years do not ascend ('2030:2020'); write \"2022 to 2100\", or numbers that ascend",
    ),
    "precision": (
        ["run", "{good}", "--precision", "2"],
        2,
        "precision is not between 0 and 1 (2.0); 0.005 is the default",
    ),
    "show a stranger": (["show", "pricee", "{good}"], 2, "the study has no quantity 'pricee'; did you mean 'price'?"),
    "new on top": (["new", "{good}"], 2, "{good} exists and is not empty; name a new folder"),
    "unwritable out": (
        ["run", "{good}", "--out", "{good}/models/m.py"],
        1,
        "{good}/models/m.py: cannot be written (File exists); choose another folder",
    ),
}


def shown(capsys, *folders: Path) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    text = captured.err
    for i, folder in enumerate(folders):
        text = text.replace(str(folder), ("{good}", "{tmp}")[i])
    return re.sub(r"^error: ", "", text.rstrip("\n"), flags=re.MULTILINE)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("good"), GOOD)


def write_files(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_the_good_study_is_good(good, capsys):
    assert main(["check", str(good)]) == 0
    assert "No problems found" in capsys.readouterr().out


@pytest.mark.parametrize("case", STUDIES)
def test_a_study_that_is_wrong(case, tmp_path, capsys):
    files, message = STUDIES[case]
    write_files(tmp_path, files)
    assert main(["check", str(tmp_path)]) == 3
    assert shown(capsys, tmp_path) == message


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_that_is_wrong(case, good, tmp_path, capsys):
    words, code, message = COMMANDS[case]
    assert main([word.format(good=good, tmp=tmp_path) for word in words]) == code
    assert shown(capsys, good, tmp_path) == message


def test_every_problem_is_told_at_once(tmp_path, capsys):
    write_files(
        tmp_path,
        GOOD
        | {
            "priors/b.toml": prior("x", "5 to 1") + prior("y", "1 to 2", "foo"),
            "models/n.py": 'def z(hourss):\n    """Z."""\n    return hourss\n',
            "reports/main.md": '+++\nquantities = ["kost"]\n+++\n',
        },
    )
    assert main(["run", str(tmp_path)]) == 3
    assert len(shown(capsys, tmp_path).splitlines()) == 5


def test_nothing_is_written_by_a_run_that_fails(good, tmp_path, capsys):
    assert main(["run", str(good), "--out", str(tmp_path / "out"), "--set", "price=oops"]) == 2
    assert not (tmp_path / "out").exists()


def test_an_unknown_command_or_option_is_a_usage_error(capsys):
    for words in (["rum"], ["run", "--drawz", "3"], []):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
        assert "Traceback" not in capsys.readouterr().err

"""What a user can get wrong, and the exact message each gets: no traceback, all problems at once, a way out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
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
        "priors/a.toml:1: is not TOML (Expected ']' at the end of a table declaration, column 7); correct the line (texts stand in quotes)",
    ),
    "a text without quotes": (
        priors('[x]\nlabel = "x"\ndist = 1 to 2\nunit = ""\nsource = "s"\n'),
        "priors/a.toml:13: is not TOML (Expected newline or end of document after a statement, column 10); correct the line (texts stand in quotes)",
    ),
    "a table twice": (
        priors(prior("x", "1 to 2") * 2),
        "priors/a.toml:16: declares [x] twice; rename or delete one",
    ),
    "a field twice": (
        priors(prior("x", "1 to 2") + 'unit = ""\n'),
        "priors/a.toml:16: gives a field twice; delete one",
    ),
    "fields by other names": (
        priors('[x]\nname = "x"\nvalue = "1 to 2"\nunits = ""\nreference = "s"\n'),
        "priors/a.toml [x]: unknown field 'name'; did you mean 'label'?\n"
        "priors/a.toml [x]: unknown field 'value'; did you mean 'dist'?\n"
        "priors/a.toml [x]: unknown field 'units'; did you mean 'unit'?\n"
        "priors/a.toml [x]: unknown field 'reference'; did you mean 'source'?",
    ),
    "a word of Python as a name": (
        priors(prior("lambda", "1 to 2")),
        "priors/a.toml [lambda]: its name cannot be a function's parameter; use lower-case letters, digits and underscores",
    ),
    "a name with a point": (
        priors(prior("a.b", "1 to 2")),
        "priors/a.toml [a.b]: has a point in its name; write [a_b], say",
    ),
    "a list of tables": (
        priors("[" + prior("x", "1 to 2").replace("[x]", "[x]]", 1)),
        "priors/a.toml [[x]]: is a list of tables; write [x], once",
    ),
    "a unit that is a number": (
        priors('[x]\nlabel = "x"\ndist = "1 to 2"\nunit = 3\nsource = "s"\n'),
        'priors/a.toml [x]: its unit is not a text (3); write unit = "…"',
    ),
    "a source that is empty": (
        priors('[x]\nlabel = "x"\ndist = "1 to 2"\nunit = ""\nsource = " "\n'),
        'priors/a.toml [x]: its source is empty; write source = "who says so, and where"; for your own judgement say that',
    ),
    "an alternative without a name": (
        priors(prior("x", "1 to 2") + '[x.alternative]\ndist = "1 to 3"\nsource = "s"\n'),
        "priors/a.toml [x.alternative]: has no name; write [x.alternative.NAME]",
    ),
    "alternatives that are a text": (
        priors(prior("x", "1 to 2") + 'alternative = "low"\n'),
        "priors/a.toml [x] alternative: is not a table ('low'); write it as a TOML table",
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
    "dependence on what follows": (
        priors('[[dependence]]\nbetween = ["price", "cost"]\nrank_correlation = 0.5\n'),
        "priors/a.toml [[dependence]] 1: there is no prior 'cost'; only priors can be related; relate those that a quantity follows from",
    ),
    "dependence of what is certain": (
        priors(prior("x", "3") + '[[dependence]]\nbetween = ["price", "x"]\nrank_correlation = 0.5\n'),
        "priors/a.toml [[dependence]] 1: 'x' is certain (3), so that nothing depends on it; give it an interval, or delete the dependence",
    ),
    "dependence without a number": (
        priors('[[dependence]]\nbetween = ["price", "hours"]\n'),
        "priors/a.toml [[dependence]] 1: has no rank_correlation; write rank_correlation = 0.5, say",
    ),
    "dependence by another name": (
        priors('[[dependence]]\nbetween = ["price", "hours"]\ncorrelation = 0.5\n'),
        "priors/a.toml [[dependence]] 1: unknown field 'correlation'; did you mean 'rank_correlation'?",
    ),
    "dependences": (
        priors('[[dependences]]\nbetween = ["price", "hours"]\nrank_correlation = 0.5\n'),
        "priors/a.toml [[dependences]]: is no list that a study has; did you mean [[dependence]]?",
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
    "a currency that is not declared": (
        replaced(
            priors__units_toml='[count]\nchip = "accelerator"\n',
            priors__a_toml=prior("hours", "1 to 5", "chip*hour") + prior("price", "1 to 4", "EUR_2024/(chip*hour)"),
            models__m_py='def cost(hours, price):\n    """Cost [EUR_2024]."""\n    return hours * price\n',
        ),
        "priors/a.toml [price]: there is no unit 'EUR_2024'; declare the currency in priors/units.toml: [currency.EUR] with index, year and source; or EUR_2024 under [count], if money of one year is all there is\n"
        "models/m.py:1 cost(): there is no unit 'EUR_2024'; declare the currency in priors/units.toml: [currency.EUR] with index, year and source; or EUR_2024 under [count], if money of one year is all there is",
    ),
    "a price index that is missing": (
        {key: text for key, text in GOOD.items() if key != "priors/cpi.csv"} | {"priors/cpi2.csv": ""},
        "priors/units.toml [currency.USD] index: cannot be read (cpi.csv: No such file or directory); did you mean 'cpi2.csv'?",
    ),
    "a price index of another form": (
        replaced(priors__cpi_csv="Year;CPI\n2020;258.811\n"),
        "priors/cpi.csv:1: is not the header of a price index ('Year;CPI'); begin with 'year,index'",
    ),
    "units with a broken line": (
        replaced(priors__units_toml="[count\n"),
        "priors/units.toml:1: is not TOML (Expected ']' at the end of a table declaration, column 7); correct the line (texts stand in quotes)",
    ),
    "a number added to a quantity": (
        model('def total(hours):\n    """Total [chip*hour]."""\n    return hours + 5\n'),
        "models/m.py:8 total(): adds chip*year and a pure number in `hours + 5`; give the number a unit by making it a prior, or divide by a reference",
    ),
    "years from a number": (
        model('def late(year, hours):\n    """Late [chip*hour]."""\n    return hours * 10 ** (0.2 * (year - 2025))\n'),
        "models/m.py:8 late(): subtracts year and a pure number in `year - 2025`; give the number a unit by making it a prior, or divide by a reference",
    ),
    "years as an exponent": (
        replaced(
            models__m_py=GOOD["models/m.py"]
            + '\n\ndef later(year, cost, start):\n    """Later [USD]."""\n    return cost * 1.3 ** (year - start)\n',
            priors__a_toml=GOOD["priors/a.toml"] + prior("start", "2025", "year"),
        ),
        "models/m.py:8 later(): raises to or by an uncertain year in `1.3 ** (year - start)`; divide by a reference of the same unit first, a prior of one year; or write growth in OOM/year, as 10 ** (growth * (year - start))",
    ),
    "growth with a unit beside one": (
        replaced(
            models__m_py=GOOD["models/m.py"]
            + '\n\ndef later(cost, growth):\n    """Later [USD]."""\n    return cost * (1 + growth)\n',
            priors__a_toml=GOOD["priors/a.toml"] + prior("growth", "10% to 30%", "1/year"),
        ),
        "models/m.py:8 later(): adds 1/year and a pure number in `1 + growth`; write growth in OOM/year, as 10 ** (growth * (year - start)), or as a share without a unit",
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
    "nothing returned": (
        model('def total(hours):\n    """Total [chip*hour]."""\n    hours * 2\n'),
        "models/m.py:6 total(): gives nothing instead of numbers; return the quantity's value",
    ),
    "the mean over worlds": (
        model('def total(hours):\n    """Total [chip*hour]."""\n    return hours.mean()\n'),
        "models/m.py:6 total(): gives one number for all worlds; reduce over years with axis=0, and leave the last axis alone",
    ),
    "a function of the standard library": (
        model('import math\n\n\ndef total(hours):\n    """Total []."""\n    return math.log(hours / hours)\n'),
        "models/m.py:11 total(): makes an uncertain value a single number in `math.log(hours / hours)`; use numpy's functions: np.exp, not math.exp",
    ),
    "max": (
        model('def total(hours):\n    """Total [chip*hour]."""\n    return max(hours, 0 * hours)\n'),
        "models/m.py:8 total(): decides with 'if', 'and' or max() on an uncertain value in `max(hours, 0 * hours)`; use np.where, np.maximum, np.minimum or &",
    ),
    "a lambda": (
        model("total = lambda hours: hours\n"),
        "models/m.py:6 total(): is a second name of <lambda>(); define it with def, once\n"
        'models/m.py:6 total(): has no docstring; write one sentence that ends in its unit: """Cost of a run [USD]."""',
    ),
    "a decorator": (
        model(
            'import functools\n\n\n@functools.cache\ndef total(hours):\n    """Total [chip*hour]."""\n    return hours\n'
        ),
        "models/m.py:9 total(): is wrapped by a decorator; define it plainly; the engine runs it once",
    ),
    "tabs and spaces": (
        model('def total(hours):\n\t"""Total [chip*hour]."""\n        return hours\n'),
        "models/m.py:8: is not Python (inconsistent use of tabs and spaces in indentation); correct the line",
    ),
    "a null byte": (
        model("\0"),
        "models/m.py: is not Python (source code string cannot contain null bytes); correct the line",
    ),
    "a quantity of itself": (
        model('def total(total):\n    """Total [chip*hour]."""\n    return total\n'),
        "models/m.py:6: quantities define each other (total -> total); break the circle",
    ),
    "leaving": (
        model("import sys\n\nsys.exit(3)\n"),
        "models/m.py:8: fails when it is run (SystemExit: 3); a model file only imports and defines functions; see that it runs by itself",
    ),
    "the same function twice": (
        GOOD | {"models/n.py": GOOD["models/m.py"]},
        "models/n.py:1 cost(): a quantity has one definition, and this one stands in models/m.py:1 too; rename or delete one",
    ),
    "a decision": (
        model('def total(cost):\n    """Total [USD]."""\n    return cost if cost > 0 else 0 * cost\n'),
        "models/m.py:8 total(): decides with 'if', 'and' or max() on an uncertain value in `cost > 0`; use np.where, np.maximum, np.minimum or &",
    ),
    "random numbers of Python": (
        model(
            'import random\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return hours * random.random()\n'
        ),
        "models/m.py:9 total(): gives another result each time it is called with the same inputs; a world's randomness comes from priors: give the random part a prior; keep no state, read no clock",
    ),
    "random numbers of numpy": (
        model(
            'import numpy as np\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return hours * np.random.rand()\n'
        ),
        "models/m.py:9 total(): gives another result each time it is called with the same inputs; a world's randomness comes from priors: give the random part a prior; keep no state, read no clock",
    ),
    "random numbers of a shared generator": (
        model(
            'import numpy as np\nrng = np.random.default_rng(1)\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return hours * rng.random()\n'
        ),
        "models/m.py:10 total(): gives another result each time it is called with the same inputs; a world's randomness comes from priors: give the random part a prior; keep no state, read no clock",
    ),
    "random numbers made with the file": (
        model(
            'import random\nSCALE = random.random()\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return hours * SCALE\n'
        ),
        "models/m.py:10 total(): gives another result each time its file is run; a world's randomness comes from priors: give the random part a prior; keep no state, read no clock",
    ),
    "random numbers with a seed": (
        model(
            'import numpy as np\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return hours * np.random.default_rng(1).random(np.shape(hours))\n'
        ),
        "models/m.py:9 total(): gives a world another result when other worlds stand beside it; compute each world by itself: reduce over years with axis=0 and never over draws, and give what is random a prior",
    ),
    "a counter": (
        model(
            'calls = []\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    calls.append(1)\n    return hours * len(calls)\n'
        ),
        "models/m.py:9 total(): gives another result each time it is called with the same inputs; a world's randomness comes from priors: give the random part a prior; keep no state, read no clock",
    ),
    "a clock": (
        model('import time\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return hours * time.time()\n'),
        "models/m.py:9 total(): gives another result each time it is called with the same inputs; a world's randomness comes from priors: give the random part a prior; keep no state, read no clock",
    ),
    "the largest of all worlds": (
        model('import numpy as np\n\n\ndef total(hours):\n    """Total []."""\n    return hours / np.max(hours)\n'),
        "models/m.py:9 total(): gives a world another result when other worlds stand beside it; compute each world by itself: reduce over years with axis=0 and never over draws, and give what is random a prior",
    ),
    "a change in place": (
        model('def total(hours):\n    """Total [chip*hour]."""\n    hours *= 2\n    return hours\n'),
        "models/m.py:8 total(): changes a quantity in place in `hours *= 2`; write x = x + 1 instead of x += 1, or change a copy",
    ),
    "a change of an item": (
        model('def total(hours, price):\n    """Total [chip*hour]."""\n    hours[0] = hours[1]\n    return hours\n'),
        "models/m.py:8 total(): changes a quantity in place in `hours[0]`; write x = x + 1 instead of x += 1, or change a copy",
    ),
    "a change by out": (
        model(
            'import numpy as np\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return np.add(hours, hours, out=hours)\n'
        ),
        "models/m.py:11 total(): changes a quantity in place in `np.add(hours, hours, out=hours)`; write x = x + 1 instead of x += 1, or change a copy",
    ),
    "out": (
        model(
            'import numpy as np\n\n\ndef total(hours):\n    """Total [chip*hour]."""\n    return np.add(hours, hours, out=hours.copy())\n'
        ),
        "models/m.py:11 total(): uses a function that cannot be read with units in `np.add(hours, hours, out=hours.copy())`; write it with operators, np.where, np.maximum, np.clip, np.sum, np.cumsum or np.stack",
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
        replaced(
            models__m_py='def cost(hours, price, year):\n    """Cost [USD*year]."""\n    return hours * price * year\n',
            reports__main_md='+++\nquantities = ["cost@2040"]\nyears = "2020 to 2030"\n+++\n',
        ),
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
    "a header that is not TOML": (
        report("quantities = [cost]"),
        "reports/main.md:2: is not TOML (Invalid value, column 15); correct the line (texts stand in quotes)",
    ),
    "a year of a quantity without years": (
        report('quantities = ["cost@2025"]\nyears = "2020 to 2030"'),
        "reports/main.md header: 'cost' has no year axis (cost@2025); write 'cost'",
    ),
    "years that are none": (
        report('quantities = ["cost"]\nyears = [2020, "x"]'),
        "reports/main.md header: these are not years ([2020, 'x']); write \"2022 to 2100\", or numbers that ascend",
    ),
    "fields that are none": (
        replaced(
            reports__main_md=f"+++\n{HEADER}+++\nIt is {{{{ cost.intervall }}}}.\n\nOr {{{{ costs.low }}}} by {{{{ last_yaer }}}}, {{{{ prob }}}}, {{{{ cost.prob_above 1M USD }}}}.\n"
        ),
        "reports/main.md:5: there is no field 'cost.intervall'; did you mean 'interval'?\n"
        "reports/main.md:7: field 'costs.low' is of no reported quantity; did you mean 'cost'?\n"
        "reports/main.md:7: there is no field 'last_yaer'; did you mean 'last_year'?",
    ),
    "claims that cannot be read": (
        GOOD | {"reports/claims/a.toml": "[document\n"},
        "reports/claims/a.toml:1: is not TOML (Expected ']' at the end of a table declaration, column 10); correct the line (texts stand in quotes)",
    ),
    "a headline of something else": (
        report(HEADER + 'headline = ["coast"]'),
        "reports/main.md header: the headline 'coast' is not among the quantities; did you mean 'cost'?",
    ),
    "a threshold that is no number": (
        report(HEADER + 'thresholds = { cost = ["one USD"] }'),
        "reports/main.md header thresholds: cannot read the number 'one'; write it like 55M, 1.5B, 30%, 1e26 or 1_000_000",
    ),
    "a seed that is a text": (
        report(HEADER + 'seed = "abc"'),
        "reports/main.md header: seed is not a whole number from 0 up ('abc'); write seed = 1",
    ),
    "no quantities": (
        report("quantities = []"),
        'reports/main.md header: quantities is not a list of names ([]); write quantities = ["training_cost", "largest_run_cost@2030"]',
    ),
}

FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "another encoding": (
        lambda study: (study / "priors/a.toml").write_bytes((GOOD["priors/a.toml"] + "# café\n").encode("latin-1")),
        "priors/a.toml: is not UTF-8 text (byte 196); save it as UTF-8",
    ),
    "UTF-16": (
        lambda study: (study / "models/m.py").write_bytes(GOOD["models/m.py"].encode("utf-16")),
        "models/m.py: is not UTF-8 text (byte 0); save it as UTF-8",
    ),
    "units in another encoding": (
        lambda study: (study / "priors/units.toml").write_bytes((UNITS + "# café\n").encode("latin-1")),
        "priors/units.toml: is not UTF-8 text (byte 94); save it as UTF-8",
    ),
    "a price index in another encoding": (
        lambda study: (study / "priors/cpi.csv").write_bytes(GOOD["priors/cpi.csv"].encode("utf-16")),
        "priors/cpi.csv: is not UTF-8 text (byte 0); save it as UTF-8",
    ),
    "a folder for a file": (
        lambda study: (study / "priors/b.toml").mkdir(),
        "priors/b.toml: cannot be read (Is a directory); make it readable",
    ),
    "a folder for the units": (
        lambda study: ((study / "priors/units.toml").unlink(), (study / "priors/units.toml").mkdir()),
        "priors/units.toml: cannot be read (Is a directory); make it readable",
    ),
    "a link to nowhere": (
        lambda study: (study / "priors/b.toml").symlink_to("nowhere"),
        "priors/b.toml: cannot be read (No such file or directory); make it readable",
    ),
    "a link to itself": (
        lambda study: (study / "priors/b.toml").symlink_to("b.toml"),
        "priors/b.toml: cannot be read (Too many levels of symbolic links); make it readable",
    ),
    "a report that is empty": (
        lambda study: (study / "reports/b.md").write_text(""),
        "reports/b.md: has no header; begin it with a line +++, TOML, and a line +++",
    ),
    "a file for a folder": (
        lambda study: (shutil.rmtree(study / "priors"), (study / "priors").write_text("")),
        "{good}: is not a study: it has no priors/; make one with 'forecast new DIR'",
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
    "two quantities in one": (
        ["run", "{good}", "-q", "cost,price"],
        2,
        "the study has no quantity 'cost,price'; name one at a time, as in -q cost -q price",
    ),
    "the year as a quantity": (
        ["run", "{good}", "-q", "year"],
        2,
        "'year' is the axis itself, not a quantity; --years sets it",
    ),
    "set the year": (
        ["run", "{good}", "--set", "year=2030"],
        2,
        "--set year: 'year' is the axis itself, not a quantity; --years sets it",
    ),
    "set twice": (
        ["run", "{good}", "--set", "price=1", "--set", "price=2"],
        2,
        "--set price: is set twice; leave one out",
    ),
    "set with a unit": (
        ["run", "{good}", "--set", "cost=1M USD"],
        2,
        "--set cost: cannot read '1M USD' at 'USD'; leave the unit out: a prior names it in 'unit', and everywhere else it is the quantity's own",
    ),
    "a file of the study": (
        ["check", "{good}/models/m.py"],
        3,
        "{good}/models/m.py: is not a folder; name its study, {good}",
    ),
    "a folder of the study": (
        ["check", "{good}/models"],
        3,
        "{good}/models: is not a study: it has no priors/ and no models/; name its study, {good}",
    ),
    "show with the folder first": (
        ["show", "{good}", "cost"],
        2,
        "'{good}' is a folder; name the quantity first: forecast show QUANTITY DIR",
    ),
    "a huge seed": (
        ["run", "{good}", "--seed", "1e20"],
        2,
        "seed has more than 63 bits (100000000000000000000); give a whole number from 0 up to 9e18",
    ),
    "a seed that is none": (
        ["run", "{good}", "--seed", "abc", "--draws", "x"],
        2,
        "--draws: cannot read the number 'x'; write it like 55M, 1.5B, 30%, 1e26 or 1_000_000\n"
        "--seed: cannot read the number 'abc'; write it like 55M, 1.5B, 30%, 1e26 or 1_000_000",
    ),
    "out to nowhere": (["run", "{good}", "--out", ""], 2, "--out: names no folder; write --out build/result, say"),
    "new on a file": (["new", "{good}/models/m.py"], 2, "{good}/models/m.py is a file; name a new folder"),
    "new without a name": (["new", ""], 2, "the folder's name is empty; name a new folder"),
    "new below a file": (
        ["new", "{good}/models/m.py/study"],
        1,
        "{good}/models/m.py/study cannot be made (File exists); choose a folder you can write to",
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
    "negative seed": (
        ["run", "{good}", "--seed", "-1"],
        2,
        "seed is negative (-1); give a whole number from 0 up to 9e18",
    ),
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


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_wrong(case, tmp_path, capsys):
    damage, message = FILES[case]
    damage(write_files(tmp_path, GOOD))
    assert main(["check", str(tmp_path)]) == 3
    assert shown(capsys, tmp_path) == message


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_marks_and_line_ends_make_no_difference(ending, mark, tmp_path, good, capsys):
    for name, text in GOOD.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((mark + text.replace("\n", ending)).encode())
    assert main(["run", str(tmp_path)]) == 0
    found = capsys.readouterr()
    assert main(["run", str(good)]) == 0
    wanted = capsys.readouterr()
    assert found.err == "" and found.out.replace(tmp_path.name, "") == wanted.out.replace(good.name, "")


@pytest.mark.parametrize(
    ("files", "note"),
    [
        ({"priors/b.yaml": "x: 1"}, "priors/b.yaml is not read; priors are TOML"),
        ({"priors/more/b.toml": "junk"}, "priors/more/b.toml is not read; priors stand in priors/*.toml"),
        ({"models/more/b.py": "junk"}, "models/more/b.py is not read; models stand in models/*.py"),
        ({"priors/a.toml~": "junk", "models/m.py.orig": "junk", "notes.txt": "junk"}, ""),
        (
            priors(
                prior("x", "1 to 2")
                + "".join(
                    f'[[dependence]]\nbetween = ["{one}", "{other}"]\nrank_correlation = {rho}\n'
                    for one, other, rho in (("price", "x", 1), ("x", "hours", 1), ("price", "hours", 0.5))
                )
            ),
            "the rank correlations cannot all hold at once: that of price and hours is 1.00, not 0.5",
        ),
        (
            priors(prior("x", "normal 0.3 to 0.8 within 5 and 6")),
            "priors/a.toml [x]: its bounds leave 1e-188 of the probability (normal 0.3 to 0.8 within 5 and 6), all of it close to one of them; correct the interval or the bounds",
        ),
        (priors(prior("x", "normal 0.3 to 0.8 within 0.7 and 6")), ""),
    ],
)
def test_what_is_odd_but_no_error_is_noted(files, note, tmp_path, capsys):
    assert main(["run", str(write_files(tmp_path, GOOD | files))]) == 0
    assert capsys.readouterr().err == (f"note: {note}\n" if note else "")


def test_a_study_without_functions_says_what_to_do(tmp_path, capsys):
    write_files(tmp_path, {"priors/a.toml": prior("x", "1 to 2"), "models/m.py": ""})
    assert main(["run", str(tmp_path)]) == 2
    message = "no function follows from the priors yet; write one in models/, or name a prior with -q"
    assert shown(capsys, tmp_path) == message
    assert main(["run", str(tmp_path), "-q", "x"]) == 0


def test_a_result_that_is_no_number_tells_its_inputs_in_their_units(tmp_path, capsys):
    write_files(
        tmp_path,
        model(
            'import numpy as np\n\n\ndef root(price, hours):\n    """Root []."""\n    return np.log(price / price - 2) + 0 * (hours / hours)\n'
        )
        | {"priors/a.toml": prior("hours", "3", "chip*hour") + prior("price", "2", "USD_2023/(chip*hour)")},
    )
    assert main(["run", str(tmp_path), "-q", "root"]) == 3
    assert shown(capsys, tmp_path) == (
        "models/m.py:9 root(): gives NaN in world 0 (price = 2 USD_2023/(chip*hour), hours = 3 chip*hour); "
        "keep its inputs where it is defined, for example with 'within' in a prior"
    )


def test_a_study_with_a_similar_name_is_suggested(tmp_path, capsys):
    write_files(tmp_path / "my-study", GOOD)
    assert main(["run", str(tmp_path / "my-studdy")]) == 3
    assert shown(capsys, tmp_path) == "{good}/my-studdy: is not a folder; did you mean 'my-study'?"


def test_an_alternative_that_does_not_exist(tmp_path, capsys):
    write_files(tmp_path, priors(prior("x", "1 to 2") + '[x.alternative.low]\ndist = "0.1 to 1"\nsource = "s"\n'))
    assert main(["run", str(tmp_path), "-q", "x", "--set", "x=high"]) == 2
    assert shown(capsys, tmp_path).endswith("; its alternatives are low")
    assert main(["run", str(tmp_path), "-q", "x", "--set", "x=loww"]) == 2
    assert shown(capsys, tmp_path).endswith("; did you mean 'low'?")


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

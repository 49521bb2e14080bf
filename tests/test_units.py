"""Units: what each text means, what is refused and how, unit files, and the third reading of models."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.crossing import first_crossing
from forecast.errors import StudyError
from forecast.graph import Function
from forecast.units import Currency, UnitSystem, conversion, quantity, registry, undated_note, unit
from forecast.units.check import check
from forecast.units.files import read_units
from forecast.units.text import UnreadableUnit, terms

STARTER = Path(__file__).parent.parent / "priors"
INDEX = ((2020, 100.0), (2021, 105.0), (2023, 120.0))
COUNTS = tuple((name, "a thing") for name in ("FLOP", "chip", "token", "word", "parameter", "developer"))
SYSTEM = UnitSystem(COUNTS, (Currency("USD", 2023, INDEX, "made up"), Currency("EUR", 2021, INDEX, "made up")))


# --- what a text means ----------------------------------------------------------------------------------------------

SECOND = 1 / 31557600  # the year is the unit of time, and has 365.25 days


@pytest.mark.parametrize(
    ("text", "factor", "dimension"),
    [
        ("", 1, ""),
        ("1", 1, ""),
        ("year", 1, "time"),
        ("yr", 1, "time"),
        ("hour", 1 / 8766, "time"),
        ("hours", 1 / 8766, "time"),
        ("h", 1 / 8766, "time"),
        ("min", 60 * SECOND, "time"),  # not a milli-inch
        ("ms", 1e-3 * SECOND, "time"),  # not metres
        ("week", 7 / 365.25, "time"),
        ("month", 1 / 12, "time"),
        ("1/year", 1, "1/time"),
        ("OOM/year", 1, "1/time"),
        ("doubling/year", np.log10(2), "1/time"),
        ("%", 0.01, ""),
        ("percent/yr", 0.01, "1/time"),
        ("FLOP", 1, "FLOP"),
        ("PFLOP", 1e15, "FLOP"),
        ("FLOP/s", 31557600, "FLOP/time"),
        ("FLOP/s/chip", 31557600, "FLOP/(chip*time)"),
        ("FLOP/(chip*s)", 31557600, "FLOP/(chip*time)"),
        ("TFLOP/(s*chip)", 31557600e12, "FLOP/(chip*time)"),
        ("Mtoken", 1e6, "token"),
        ("tokens", 1, "token"),
        ("kilochip*hour", 1e3 / 8766, "chip*time"),
        ("byte", 1, "data"),
        ("bit", 1 / 8, "data"),
        ("GB", 1e9, "data"),
        ("GiB", 2**30, "data"),
        ("TB/s", 1e12 * 31557600, "data/time"),
        ("USD", 1, "USD"),
        ("USD_2023", 1, "USD"),
        ("USD_2020", 1.2, "USD"),
        ("MUSD_2020", 1.2e6, "USD"),
        ("EUR", 1, "EUR"),
        ("EUR_2023", 105 / 120, "EUR"),
        ("USD/(chip*hour)", 8766, "USD/(chip*time)"),
        ("USD_2020/(chip*hour)", 1.2 * 8766, "USD/(chip*time)"),
        ("W", 1000 / SECOND**3, "length**2*mass/time**3"),
        ("kWh", 3.6e9 / SECOND**2, "length**2*mass/time**2"),
        ("cm**2", 1e-4, "length**2"),
        ("cm^2", 1e-4, "length**2"),
        ("(USD/chip)**0.5", 1, "USD**0.5/chip**0.5"),
        ("chip**-1", 1, "1/chip"),
        ("chip/chip", 1, ""),
        (" chip * hour ", 1 / 8766, "chip*time"),
    ],
)
def test_meaning(text: str, factor: float, dimension: str) -> None:
    read = unit(SYSTEM, text)
    assert read.factor == pytest.approx(factor, rel=1e-12)
    assert read.dimension == dimension


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FLOP", "FLOP/s"),
        ("token", "word"),
        ("byte", "bit/s"),
        ("USD", "EUR"),
        ("chip", "chip*hour"),
        ("OOM", "OOM/year"),
    ],
)
def test_unlike_things_do_not_convert(one: str, other: str) -> None:
    assert unit(SYSTEM, one).dimension != unit(SYSTEM, other).dimension
    with pytest.raises(StudyError, match=r"cannot be shown in \[.*choose a unit of the same kind"):
        conversion(SYSTEM, one, other, "--unit")


def test_conversion_of_bytes_and_binary_bytes() -> None:
    assert 176e9 * 2 * conversion(SYSTEM, "byte", "GiB") == pytest.approx(352e9 / 2**30)


def test_labels_give_money_its_year() -> None:
    read = unit(SYSTEM, "USD/(chip*hour)")
    assert (read.label, read.undated) == ("USD_2023/(chip*hour)", ("USD",))
    assert undated_note(SYSTEM, read) == "USD without a year is USD_2023"
    assert unit(SYSTEM, "MEUR/year").label == "MEUR_2021/year"
    dated = unit(SYSTEM, "USD_2020/(chip*hour)")
    assert (dated.label, dated.undated) == ("USD_2020/(chip*hour)", ())
    assert undated_note(SYSTEM, dated) == ""


def test_one_registry_for_equal_systems() -> None:
    again = UnitSystem(COUNTS, (Currency("USD", 2023, INDEX, "made up"), Currency("EUR", 2021, INDEX, "made up")))
    assert registry(again) is registry(SYSTEM)
    assert again.signature == SYSTEM.signature
    assert UnitSystem(COUNTS[1:], SYSTEM.currencies).signature != SYSTEM.signature
    dearer = (Currency("USD", 2023, ((2020, 101.0), *INDEX[1:]), "made up"), SYSTEM.currencies[1])
    assert UnitSystem(COUNTS, dearer).signature != SYSTEM.signature


NAMES = ["chip", "hour", "USD_2020", "GB", "GiB", "kWh", "%", "OOM", "Mtoken", "TFLOP", "m"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(-3, 3)), min_size=1, max_size=5))
def test_factors_multiply(parts: list[tuple[str, int]]) -> None:
    text = "*".join(f"{name}**{power}" for name, power in parts)
    expected = np.prod([unit(SYSTEM, name).factor ** float(power) for name, power in parts])
    assert unit(SYSTEM, text).factor == pytest.approx(expected, rel=1e-9)
    assert unit(SYSTEM, f"1/({text})").factor == pytest.approx(1 / expected, rel=1e-9)
    assert conversion(SYSTEM, text, unit(SYSTEM, text).label) == pytest.approx(1)


@given(st.text(alphabet="chipUSD_2023 */()^1.%$-é\n", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert all(np.isfinite(power) for _, power in terms(text))
    except UnreadableUnit as refused:
        what, remedy = refused.args
        assert what and remedy


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hou", "there is no unit 'hou'; did you mean 'hour'? Else declare it under [count] in priors/units.toml"),
        ("gb", "there is no unit 'gb'; did you mean 'GB'? Else declare it under [count] in priors/units.toml"),
        ("kwh", "there is no unit 'kwh'; did you mean 'kWh'? Else declare it under [count] in priors/units.toml"),
        (
            "USD2020",
            "there is no unit 'USD2020'; did you mean 'USD_2020'? Else declare it under [count] in priors/units.toml",
        ),
        ("GPU", "there is no unit 'GPU'; declare it under [count] in priors/units.toml"),
        ("USD_2031", "there is no USD_2031 (the price index has 2020 to 2023); add the year to the price index"),
        ("MUSD_2022", "there is no MUSD_2022 (the price index has 2020 to 2023); add the year to the price index"),
        (
            "mUSD",
            "there is no unit 'mUSD'; did you mean 'MUSD'? Else declare it under [count] in priors/units.toml",
        ),  # a thousandth or a million?
        ("a", "there is no unit 'a'; declare it under [count] in priors/units.toml"),  # pint: a year
        ("count", 'count is not a unit; leave the unit of a pure number empty: ""'),  # pint: a pure number
        ("dimensionless", 'dimensionless is not a unit; leave the unit of a pure number empty: ""'),
        (
            "cd",
            "there is no unit 'cd'; did you mean 'd'? Else declare it under [count] in priors/units.toml",
        ),  # no prefixes on days: a hundredth of one?
        (
            "GBP",
            "there is no unit 'GBP'; declare the currency in priors/units.toml: [currency.GBP] with index, year and source; "
            "or GBP under [count], if money of one year is all there is",
        ),
        ("FLOPs", "FLOPs could mean FLOP or FLOP/s; write which of the two"),
        ("TFLOPS", "TFLOPS could mean TFLOP or TFLOP/s; write which of the two"),
        ("degC", "degC starts from a zero of its own, so no factor converts it; use kelvin"),
        ("dB", "dB is logarithmic, so no factor converts it; use the ratio itself, or OOM for orders of magnitude"),
        (
            "USD/chip*hour",
            "[USD/chip*hour] multiplies after a division, which can be read in two ways; "
            "put what is divided by in brackets, as in USD/(chip*hour)",
        ),
        ("chip hour", "[chip hour] has 'hour' where * or / should stand; join units by * and /"),
        ("USD per hour", "[USD per hour] has 'per' where * or / should stand; write / instead of per"),
        ("$/hour", "[$/hour] has a '$' in it, which is no part of a unit; write the currency's name"),
        ("chip-hour", "[chip-hour] has a '-' in it, which is no part of a unit; join units by * and /"),
        ("2*chip", "[2*chip] has a number in it (2); put numbers into the value, and only names into the unit"),
        ("1e12 FLOP", "[1e12 FLOP] has 'e12' where * or / should stand; join units by * and /"),
        ("9**9**9", "[9**9**9] has a number in it (9); put numbers into the value, and only names into the unit"),
        ("chip**99", "[chip**99] has a power that is not a small number (99); write for example meter**2"),
        ("chip**", "[chip**] has a power that is not a small number (nothing); write for example meter**2"),
        ("chip**hour", "[chip**hour] has a power that is not a small number (hour); write for example meter**2"),
        ("(chip", "[(chip] has a bracket that is not closed; close it with )"),
        ("chip)", "[chip)] has ')' where * or / should stand; join units by * and /"),
        ("chip/", "[chip/] lacks a unit at its end; write for example USD/(chip*hour)"),
        ("*chip", "[*chip] lacks a unit before '*'; write for example USD/(chip*hour)"),
        ("(" * 300, f"[{'(' * 30}…] is too long for a unit (300 characters); shorten it"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        unit(SYSTEM, text, "priors/a.toml [x] unit")
    assert str(caught.value) == f"priors/a.toml [x] unit: {message}"


# --- unit files -----------------------------------------------------------------------------------------------------


def test_starter_units() -> None:
    system = read_units(STARTER / "units.toml")
    assert conversion(system, "USD_2009", "USD") == pytest.approx(304.702 / 214.537)
    assert conversion(system, "USD_2023", "USD_2024") == pytest.approx(313.689 / 304.702)
    assert [year for year, _ in system.currencies[0].index] == list(range(2000, 2025))
    assert {"FLOP", "chip", "token", "word"} <= {name for name, _ in system.counts}


def test_without_a_file_the_engine_knows_neither_chips_nor_dollars(tmp_path: Path) -> None:
    system = read_units(tmp_path / "units.toml")
    assert unit(system, "kWh/day").dimension == "length**2*mass/time**3"
    for name in ("chip", "USD", "FLOP", "token"):
        with pytest.raises(StudyError, match="there is no unit"):
            unit(system, name)


def write(folder: Path, text: str, index: str = "year,index\n2020,100\n2023,120\n") -> Path:
    (folder / "index.csv").write_text(index)
    (folder / "units.toml").write_text(text)
    return folder / "units.toml"


def test_multiples(tmp_path: Path) -> None:
    text = '[count]\nchip = "accelerator"\n[unit]\nnode = "8 chip"\npod = "512 * node"\nworkday = "8 h"\nGPU = "chip"\n'
    system = read_units(write(tmp_path, text))
    assert unit(system, "pod").factor == 4096
    assert unit(system, "node*workday").dimension == "chip*time"
    assert unit(system, "GPU").dimension == unit(system, "chip").dimension


CURRENCY = '[currency.USD]\nindex = "index.csv"\nyear = 2023\nsource = "somebody"\n'


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("[counts]\n", ["units.toml [counts]: is not a kind of unit; did you mean 'count'?"]),
        ("count = 3\n", ["units.toml count: is not a table; write [count] on a line of its own"]),
        ("[count]\nchip = 3\n", ["units.toml [count] chip: is not a text (3); say in a few words what is counted"]),
        ('[count]\nhour = "x"\n', ["units.toml [count] hour: 'hour' already means hour; choose another name"]),
        ('[count]\nkW = "x"\n', ["units.toml [count] kW: 'kW' already means k W; choose another name"]),
        (
            '[count]\ntime = "x"\n',
            ["units.toml [count] time: is what the engine calls a dimension ('time'); choose another name"],
        ),
        (
            '[count]\n"GPU h" = "x"\n',
            ["units.toml [count] GPU h: is not a name for a unit ('GPU h'); use letters, digits and _, a letter first"],
        ),
        (
            '[count]\nktoken = "x"\ntoken = "x"\n',
            ["units.toml [count] token: 'token' with a prefix would mean 'ktoken'; choose another name"],
        ),
        (
            CURRENCY + '[count]\nUSD_2020 = "x"\n',
            ["units.toml [count] USD_2020: 'USD_2020' already means USD_2020; choose another name"],
        ),
        ("[currency]\nUSD = 1\n", ["units.toml [currency.USD]: is not a table; give it index, year and source"]),
        (
            "[currency.USD]\nyeer = 2023\n",
            [
                "units.toml [currency.USD]: has no field 'yeer'; did you mean 'year'?",
                "units.toml [currency.USD] source: is missing; cite where the price index comes from",
                "units.toml [currency.USD] index: is missing; name a CSV file with the columns year,index",
                "units.toml [currency.USD] year: is not a year (None); give the year that USD alone means",
            ],
        ),
        (
            CURRENCY.replace("2023", "2022"),
            ["units.toml [currency.USD] year: is not in the price index (2022); choose one from 2020 to 2023"],
        ),
        (
            CURRENCY.replace("index.csv", "no.csv"),
            [
                "units.toml [currency.USD] index: cannot be read (no.csv: No such file or directory); did you mean 'index.csv'?"
            ],
        ),
        (
            '[unit]\nnode = "8 chip"\n',
            ["units.toml [unit] node: there is no unit 'chip'; declare it under [count] in priors/units.toml"],
        ),
        (
            '[unit]\nnode = "0 hour"\n',
            ["units.toml [unit] node: is not a positive multiple (0); write for example '8 chip'"],
        ),
        (
            "[unit]\nnode = 8\n",
            ["units.toml [unit] node: is not a text (8); write a number and a unit, for example '8 chip'"],
        ),
    ],
)
def test_bad_unit_files(tmp_path: Path, text: str, messages: list[str]) -> None:
    with pytest.raises(StudyError) as caught:
        read_units(write(tmp_path, text), "units.toml")
    assert str(caught.value).splitlines() == messages


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(
        StudyError, match=r"^units.toml:1: is not TOML \(.*column 7\); correct the line \(texts stand in quotes\)$"
    ):
        read_units(write(tmp_path, "[count\n"), "units.toml")


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("", "index.csv:1: is not the header of a price index; begin with 'year,index'"),
        ("2020,100\n", "index.csv:1: is not the header of a price index ('2020,100'); begin with 'year,index'"),
        ("year,index\n", "index.csv: has no years; add lines such as 2023,304.702"),
        (
            "year,index\n2023,1\n2023,2\n",
            "index.csv:3: is not a new year and a positive price level ('2023,2'); write for example 2023,304.702",
        ),
        (
            "year,index\n2023,1\n2022,-2\n",
            "index.csv:3: is not a new year and a positive price level ('2022,-2'); write for example 2023,304.702",
        ),
        (
            "year,index\n2023,1\n2022,nan\n",
            "index.csv:3: is not a new year and a positive price level ('2022,nan'); write for example 2023,304.702",
        ),
    ],
)
def test_bad_price_indices(tmp_path: Path, index: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_units(write(tmp_path, CURRENCY, index))
    assert str(caught.value).splitlines()[0] == f"priors/{message}"


# --- the third reading ----------------------------------------------------------------------------------------------

INPUTS = {
    "cost": (3.0, "USD"),
    "price": (5.0, "USD_2020/(chip*hour)"),
    "compute": (7.0, "FLOP"),
    "peak": (11.0, "FLOP/(s*chip)"),
    "share": (0.4, ""),
    "growth": (0.2, "OOM/year"),
    "start": (2020.0, "year"),
    "memory": (2.0, "GiB"),
}
PATH = "cost * 10 ** (growth * (year - start))"


def function_of(expression: str, declared: str, name: str = "result") -> Function:
    names = {*INPUTS, "year", "earlier"}
    code = compile(expression, "<model>", "eval")
    parameters = tuple(sorted(names & set(code.co_names)))
    call = eval(f"lambda {', '.join(parameters)}: {expression}", {"np": np, "first_crossing": first_crossing})
    return Function(name, call, parameters, "Something", declared, place="models/a.py:7")


def problems_of(expression: str, declared: str) -> list[str]:
    found = check(SYSTEM, [function_of(expression, declared)], INPUTS, [2020.0, 2021.0, 2030.0])
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("expression", "declared", "wrong"),
    [
        # expression, a right unit written in other than base units, a wrong unit
        ("compute / peak", "chip*hour", "chip"),  # chip-hours are a time
        ("price * compute / peak", "USD_2020", "USD*hour"),
        (PATH, "MUSD", "USD/year"),
        ("np.where(cost > 2 * cost, cost, 3 * cost)", "USD", ""),
        ("np.where(cost > 0, cost, 0)", "USD", ""),
        ("np.where(cost < np.inf, start, np.inf)", "year", ""),
        ("np.where(share > 0.3, 1, 0)", "", "USD"),
        ("np.where(share > 0.5, share, 1.0)", "%", "USD"),
        ("np.maximum(cost, 2 * cost)", "USD", ""),
        ("np.maximum(0, cost)", "USD", ""),
        ("np.minimum(cost, np.inf)", "USD", ""),
        ("np.fmax(cost, 0)", "USD", ""),
        ("np.clip(share, 0, 1)", "", "USD"),
        ("np.clip(cost, 0, None)", "USD", ""),
        ("np.clip(cost, 0 * cost, np.inf)", "USD", ""),
        ("np.exp(share)", "", "USD"),
        ("np.expm1(share) + np.log1p(share)", "", "USD"),
        ("np.log(cost / (2 * cost)) + np.log10(share) + np.log2(share)", "", "USD"),
        ("np.tanh(share) + np.arctan(share)", "", "USD"),
        ("np.logaddexp(share, 0.5)", "", "USD"),
        ("np.sqrt(cost * cost)", "USD", "USD**2"),
        ("np.sqrt(cost) * np.power(cost, 0.5)", "USD", "USD**0.5"),
        ("np.power(10, share)", "", "OOM/year"),
        ("np.power(cost / (2 * cost), share)", "", "USD"),
        ("np.square(cost)", "USD**2", "USD"),
        ("np.abs(-cost) * np.sign(cost)", "USD", ""),
        ("np.floor(share) + np.round(share) + np.ceil(share)", "", "USD"),
        ("np.isfinite(cost)", "", "USD"),
        ("np.heaviside(cost, 0.5)", "", "USD"),
        ("np.select([share > 1, share > 0], [cost, 2 * cost], 0)", "USD", ""),
        (f"np.sum({PATH}, axis=0)", "USD", "USD*year"),
        (f"np.cumsum({PATH}, axis=0)", "USD", "USD*year"),
        (f"np.cumulative_sum({PATH}, axis=0)", "USD", "USD*year"),
        (f"np.trapezoid({PATH}, year, axis=0)", "USD*year", "USD"),
        (f"np.max({PATH}, axis=0)", "USD", ""),
        (f"np.maximum.accumulate({PATH}, axis=0)", "USD", ""),
        (f"np.add.reduce({PATH}, axis=0)", "USD", ""),
        (f"np.diff({PATH}, axis=0) / np.diff(year, axis=0)", "USD/hour", "USD"),
        (f"np.take({PATH}, [0], axis=0)", "USD", ""),
        (f"({PATH})[-1]", "USD", ""),
        (f"np.argmax({PATH}, axis=0)", "", "USD"),
        ("np.sum(np.stack([cost, 2 * cost]), axis=0)", "USD", ""),
        ("np.concatenate([cost, 2 * cost])", "USD", ""),
        ("np.prod(np.stack([share, share]), axis=0)", "", "USD"),
        ("np.ones_like(year) * cost", "USD", "USD*year"),
        ("np.interp(share, [0.0, 1.0], [2.0, 3.0])", "", "USD"),
        (f"first_crossing(year, {PATH}, 4 * cost)", "year", "USD"),
        ("memory", "GB", "GB/s"),
        ("(1 - share) ** 2 * cost", "USD", ""),
        ("start + 2 * share / growth", "year", "1/year"),
    ],
)
def test_numpy_with_units(expression: str, declared: str, wrong: str) -> None:
    assert problems_of(expression, declared) == []
    (message,) = problems_of(expression, wrong)
    assert message.startswith("models/a.py:7 result(): gives ") and f"its docstring says [{wrong}]" in message


def models(tmp_path: Path, body: str, *, declared: str = "USD") -> list[str]:
    """Problems of a model file with one function, whose body's first line is line 5."""
    file = tmp_path / "a.py"
    file.write_text(
        f"import math\nimport numpy as np\n\ndef result(cost, share, start, growth, compute, year):\n{body}\n"
    )
    names: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    call = names["result"]
    parameters = ("cost", "share", "start", "growth", "compute", "year")
    made = Function("result", call, parameters, "Something", declared, place="models/a.py:4")  # type: ignore[arg-type]
    found = check(SYSTEM, [made], INPUTS, [2020.0, 2021.0, 2030.0])
    return [str(problem) for problem in found]


REFERENCE = "divide by a reference of the same unit first"
NUMBER = "give the number a unit by making it a prior, or divide by a reference"
CORRECT = "correct the formula or the unit of one of them"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("cost + compute", f":5 result(): adds USD and FLOP in `cost + compute`; {CORRECT}"),
        ("cost * share - compute", f":5 result(): subtracts USD and FLOP in `cost * share - compute`; {CORRECT}"),
        ("cost + 5", f":5 result(): adds USD and a pure number in `cost + 5`; {NUMBER}"),
        ("1 + cost", f":5 result(): adds USD and a pure number in `1 + cost`; {NUMBER}"),
        ("cost - share", f":5 result(): subtracts USD and a pure number in `cost - share`; {NUMBER}"),
        ("np.where(cost > 1e9, cost, 0)", f":5 result(): compares USD with a pure number in `cost > 1e9`; {NUMBER}"),
        ("np.where(cost > compute, cost, 0)", f":5 result(): compares USD with FLOP in `cost > compute`; {CORRECT}"),
        ("np.maximum(cost, compute)", f":5 result(): combines USD with FLOP in `np.maximum(cost, compute)`; {CORRECT}"),
        ("np.minimum(cost, 1e9)", f":5 result(): combines USD with a pure number in `np.minimum(cost, 1e9)`; {NUMBER}"),
        (
            "np.where(share > 1, cost, 5)",
            f":5 result(): combines USD with a pure number in `np.where(share > 1, cost, 5)`; {NUMBER}",
        ),
        ("np.log10(cost)", f":5 result(): takes np.log10 of USD in `np.log10(cost)`; {REFERENCE}"),
        ("np.exp(growth)", f":5 result(): takes np.exp of 1/year in `np.exp(growth)`; {REFERENCE}"),
        ("cost * 10 ** growth", f":5 result(): raises to or by an uncertain 1/year in `10 ** growth`; {REFERENCE}"),
        ("cost ** share", f":5 result(): raises to or by an uncertain USD in `cost ** share`; {REFERENCE}"),
        (
            "cost if share > 0.5 else 2 * cost",
            ":5 result(): decides with 'if', 'and' or max() on an uncertain value in `share > 0.5`; "
            "use np.where, np.maximum, np.minimum or &",
        ),
        (
            "max(cost, 2 * cost)",
            ":5 result(): decides with 'if', 'and' or max() on an uncertain value in `max(cost, 2 * cost)`; "
            "use np.where, np.maximum, np.minimum or &",
        ),
        (
            "math.exp(share) * cost",
            ":5 result(): makes an uncertain value a single number in `math.exp(share)`; use numpy's functions: np.exp, not math.exp",
        ),
        (
            "np.array([cost, cost])",
            ":5 result(): uses a function that cannot be read with units in `np.array([cost, cost])`; "
            "write it with operators, np.where, np.maximum, np.clip, np.sum, np.cumsum or np.stack",
        ),
        (
            "np.sum(cost)",
            ":4 result(): gives one number for all worlds; reduce over years with axis=0, and leave the last axis alone",
        ),
        ("None", ":4 result(): gives nothing instead of numbers; return the quantity's value"),
        ("'x'", ":4 result(): gives a str instead of numbers; return the quantity's value"),
        ("(cost, cost)", ":4 result(): gives a tuple instead of numbers; return the quantity's value"),
        (
            "cost.nonsense",
            ":5 result(): fails on quantities with units in `cost.nonsense` "
            "(AttributeError: Neither Quantity object nor its magnitude ([3. 3.]) has attribute 'nonsense'); see the model's line",
        ),
        (
            "1 / 0",
            ":5 result(): fails on quantities with units in `1 / 0` (ZeroDivisionError: division by zero); see the model's line",
        ),
        (
            "cost * (year - start)",
            ":4 result(): gives USD*year, its docstring says [USD] (too much by a factor of year); "
            "correct the formula, the docstring's unit or the unit of a prior it uses",
        ),
        (
            "share",
            ":4 result(): gives a pure number, its docstring says [USD]; "
            "correct the formula, the docstring's unit or the unit of a prior it uses",
        ),
    ],
)
def test_what_is_said_of_a_wrong_formula(tmp_path: Path, expression: str, message: str) -> None:
    assert models(tmp_path, f"    return {expression}") == [f"models/a.py{message}"]


def test_lines_over_several_lines_and_in_helpers(tmp_path: Path) -> None:
    body = "    total = (\n        cost\n        + compute\n    )\n    return total"
    assert models(tmp_path, body) == [f"models/a.py:6 result(): combines USD with FLOP; {CORRECT}"]
    body = "    return _helper(cost)\n\ndef _helper(x):\n    é = x; return np.log(é)"
    assert models(tmp_path, body) == [f"models/a.py:8 result(): takes np.log of USD in `np.log(é)`; {REFERENCE}"]


def test_every_problem_is_told_and_none_cascades() -> None:
    functions = [
        function_of("cost + compute", "USD", "earlier"),  # wrong: goes on as USD
        function_of("earlier / price * share", "chip*hour", "second"),  # right
        function_of("earlier * cost", "USD", "third"),  # wrong again
        function_of("np.log10(earlier / cost)", "", "fourth"),  # right
        function_of("cost", "USD/hou", "fifth"),  # a unit that is none
        function_of("cost / earlier", "furlong", "sixth"),
    ]
    found = [str(problem) for problem in check(SYSTEM, functions, INPUTS, [2020.0, 2021.0])]
    assert [line.split("()")[0].split()[-1] for line in found] == ["earlier", "third", "fifth", "sixth"]
    assert found[2].endswith(
        "there is no unit 'hou'; did you mean 'hour'? Else declare it under [count] in priors/units.toml"
    )


def test_a_parameter_that_nothing_defines_is_left_to_the_graph() -> None:
    lost = Function("lost", lambda nothing: nothing, ("nothing",), "Lost", "USD", place="models/a.py:1")
    heir = Function("heir", lambda lost: lost, ("lost",), "Heir", "FLOP", place="models/a.py:4")
    assert [problem.place for problem in check(SYSTEM, [lost, heir], INPUTS, [2020, 2021])] == ["models/a.py:4 heir()"]


def test_the_readings_agree_in_value() -> None:
    """The quantities of the unit check hold the very numbers of the ordinary reading."""
    seen = []

    def spy(cost: object, growth: object, year: object, start: object) -> object:
        seen.append(cost * 10 ** (growth * (year - start)))  # type: ignore[operator]
        return seen[-1]

    function = Function("spy", spy, ("cost", "growth", "year", "start"), "Cost", "USD", place="models/a.py:1")
    years = np.array([2020.0, 2025.0])
    inputs = {"cost": (3.0, "USD"), "growth": (0.2, "OOM/year"), "start": (2020.0, "year")}
    assert check(SYSTEM, [function], inputs, years.tolist()) == ()
    np.testing.assert_allclose(seen[0].magnitude, np.repeat(3.0 * 10 ** (0.2 * (years[:, None] - 2020)), 2, axis=1))


@pytest.mark.parametrize("unlike", list(itertools.combinations(["USD", "EUR", "chip", "year", "GB", ""], 2)))
def test_unlike_quantities_never_pass(unlike: tuple[str, str]) -> None:
    one, other = (quantity(SYSTEM, np.array([1.0, 2.0]), text) for text in unlike)
    for operation in (np.add, np.subtract, np.maximum, np.less):
        with pytest.raises(Exception, match="Cannot convert"):
            operation(one, other)

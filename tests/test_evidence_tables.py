"""The starter study's evidence tables: their form, their arithmetic, and Epoch AI's files where these are at hand.

``python tests/test_evidence_tables.py`` with ``FORECAST_DATA`` set lists every disagreement beyond 0.3 OOM and every
row that found no partner.
"""

from __future__ import annotations

import ast
import csv
import math
import operator
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

EVIDENCE = Path(__file__).resolve().parent.parent / "priors" / "evidence"
LIMIT = 0.3  # OOM; a factor of two

FLOP = "training_compute [FLOP]"
COST = "cost [USD]"
RELEASE_PRICE = "release_price [USD/chip]"
RENTAL_PRICE = "price [USD/(chip*hour)]"


@dataclass(frozen=True)
class Table:
    """What a table must look like."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    positive: tuple[str, ...]  # numbers, one in each row
    optional: tuple[str, ...]  # numbers, or blank
    rows: tuple[int, int]
    years: tuple[int, int]


TABLES = (
    Table(
        "training_runs.csv",
        ("system", "organisation", "date", FLOP, "log10_se", "domain", "arithmetic", "source", "note"),
        ("system",),
        (FLOP, "log10_se"),
        (),
        (80, 120),
        (2009, 2023),
    ),
    Table(
        "training_costs.csv",
        ("system", "date", COST, "dollar_year", "log10_se", "basis", "scope", "estimator", "estimate_year")
        + ("arithmetic", "source", "note"),
        ("system", "basis", "scope", "estimator", "source"),
        (COST, "dollar_year", "log10_se", "estimate_year"),
        (),
        (80, 200),
        (2009, 2023),
    ),
    Table(
        "accelerators.csv",
        ("chip", "vendor", "market", "date", RELEASE_PRICE, "dollar_year")
        + ("fp32 [FLOP/s/chip]", "fp16_dense [FLOP/s/chip]", "memory [byte/chip]")
        + ("bandwidth [byte/s/chip]", "power [W/chip]", "source", "note"),
        ("chip",),
        ("memory [byte/chip]", "bandwidth [byte/s/chip]"),
        (RELEASE_PRICE, "dollar_year", "fp32 [FLOP/s/chip]", "fp16_dense [FLOP/s/chip]", "power [W/chip]"),
        (30, 80),
        (2009, 2023),
    ),
    Table(
        "rental_prices.csv",
        ("vendor", "chip", "date", RENTAL_PRICE, "dollar_year", "term", "arithmetic", "source", "note"),
        ("vendor", "chip", "date", "term", "source"),
        (RENTAL_PRICE, "dollar_year"),
        (),
        (40, 120),
        (2009, 2023),
    ),
)
each_table = pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def evidence(name: str) -> list[dict[str, str]]:
    return read(EVIDENCE / name)


def years(row: dict[str, str]) -> float:
    return date.fromisoformat(row["date"]).toordinal() / 365.2425


def slope(x: list[float], y: list[float]) -> float:
    return float(np.polyfit(np.array(x) - np.mean(x), y, 1)[0])


_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def arithmetic(text: str) -> float:
    """Value of a sum of products in numbers only; anything else is a ValueError."""

    def value(node: ast.AST) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        raise ValueError(f"not arithmetic: {text}")

    return value(ast.parse(text, mode="eval").body)


# --- form -----------------------------------------------------------------------------------------------------------


@each_table
def test_header_and_number_of_rows(table: Table) -> None:
    rows = evidence(table.name)
    assert tuple(rows[0]) == table.columns
    assert table.rows[0] <= len(rows) <= table.rows[1]


@each_table
def test_file_is_utf8_with_unix_line_ends_and_one_length_of_row(table: Table) -> None:
    raw = (EVIDENCE / table.name).read_bytes()
    raw.decode("utf-8")
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    with (EVIDENCE / table.name).open(encoding="utf-8", newline="") as file:
        assert {len(row) for row in csv.reader(file, strict=True)} == {len(table.columns)}


@each_table
def test_cells_have_no_stray_space(table: Table) -> None:
    assert [(row, cell) for row in evidence(table.name) for cell in row.values() if cell != cell.strip()] == []


@each_table
def test_dates_are_iso_and_rows_are_in_order_of_date(table: Table) -> None:
    dates = [row["date"] for row in evidence(table.name)]
    for text in dates:
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", text), text
        assert table.years[0] <= date.fromisoformat(text).year <= table.years[1], text
    assert dates == sorted(dates)


@each_table
def test_numbers_are_finite_and_positive(table: Table) -> None:
    for row in evidence(table.name):
        for column in table.positive + table.optional:
            if column in table.optional and row[column] == "":
                continue
            assert 0 < float(row[column]) < math.inf, (column, row)


@each_table
def test_key_is_unique(table: Table) -> None:
    keys = Counter(tuple(row[column] for column in table.key) for row in evidence(table.name))
    assert [key for key, count in keys.items() if count > 1] == []


@each_table
def test_every_row_has_a_source_of_its_own(table: Table) -> None:
    for row in evidence(table.name):
        assert len(row["source"]) > 10, row
    sources = Counter(row["source"] for row in evidence(table.name))
    assert len(sources) > len(evidence(table.name)) / 3


@each_table
def test_database_is_a_source_of_few_rows_and_they_say_why(table: Table) -> None:
    rows = [row for row in evidence(table.name) if row["source"].startswith("Epoch AI, Notable AI Models")]
    assert len(rows) <= 10
    assert all("Only the database" in row["note"] or "only the database" in row["note"] for row in rows)


@pytest.mark.parametrize(
    ("name", "column"), [("training_runs.csv", FLOP), ("training_costs.csv", COST), ("rental_prices.csv", RENTAL_PRICE)]
)
def test_arithmetic_gives_the_value(name: str, column: str) -> None:
    rows = [row for row in evidence(name) if row["arithmetic"]]
    assert len(rows) >= 20
    for row in rows:
        assert math.isclose(arithmetic(row["arithmetic"]), float(row[column]), rel_tol=0.006), row


@pytest.mark.parametrize("name", ["training_runs.csv", "training_costs.csv"])
def test_computed_rows_show_their_arithmetic(name: str) -> None:
    for row in evidence(name):
        if row["source"].startswith(("Computed", "6ND")):
            assert row["arithmetic"], row


@pytest.mark.parametrize("text", ["__import__('os')", "2 if 1 else 3", "f(2)", "x * 2", "'a' * 3"])
def test_arithmetic_reads_numbers_only(text: str) -> None:
    with pytest.raises(ValueError, match="not arithmetic"):
        arithmetic(text)


def test_words_in_group_columns_are_known() -> None:
    costs, runs, prices = evidence("training_costs.csv"), evidence("training_runs.csv"), evidence("rental_prices.csv")
    assert {row["basis"] for row in costs} == {"rented", "owned", "acquired", "reported"}
    assert {row["scope"] for row in costs} == {"final run", "project"}
    assert {row["term"] for row in prices} == {"on-demand", "3-month", "1-year", "3-year", "spot"}
    assert {row["market"] for row in evidence("accelerators.csv")} == {"consumer", "workstation", "data centre"}
    domains = {"Language", "Vision", "Games", "Speech", "Multimodal", "Image generation", "Biology", "Other"}
    assert {row["domain"] for row in runs} == domains


def test_standard_errors_are_of_a_believable_size() -> None:
    for name in ("training_runs.csv", "training_costs.csv"):
        assert all(0.03 <= float(row["log10_se"]) <= 0.5 for row in evidence(name))


def test_dollar_years_are_years_near_the_date() -> None:
    for row in evidence("training_costs.csv"):
        published, dollars, estimated = int(row["date"][:4]), int(row["dollar_year"]), int(row["estimate_year"])
        assert 2009 <= dollars <= 2024, row
        assert published <= estimated <= 2024, row
        assert dollars <= estimated, row
    for name in ("rental_prices.csv", "accelerators.csv"):
        for row in evidence(name):
            if row["dollar_year"]:
                assert abs(int(row["dollar_year"]) - int(row["date"][:4])) <= 1, row


def test_accelerator_price_and_dollar_year_come_together() -> None:
    rows = evidence("accelerators.csv")
    assert all(bool(row[RELEASE_PRICE]) == bool(row["dollar_year"]) for row in rows)
    assert sum(bool(row[RELEASE_PRICE]) for row in rows) >= 25
    assert all(row["fp32 [FLOP/s/chip]"] or row["fp16_dense [FLOP/s/chip]"] for row in rows)


def test_many_systems_have_several_estimates_on_several_bases() -> None:
    costs = evidence("training_costs.csv")
    count = Counter(row["system"] for row in costs)
    bases = {system: {row["basis"] for row in costs if row["system"] == system} for system in count}
    assert sum(n >= 2 for n in count.values()) >= 25
    assert sum(len(b) >= 2 for b in bases.values()) >= 12
    assert len({row["estimator"] for row in costs}) >= 12


def test_costs_and_runs_name_the_same_system_on_the_same_date() -> None:
    runs = {row["system"]: row["date"] for row in evidence("training_runs.csv")}
    costs = {row["system"]: row["date"] for row in evidence("training_costs.csv")}
    shared = runs.keys() & costs.keys()
    assert len(shared) >= 50
    assert {system for system in shared if runs[system] != costs[system]} == set()


def test_final_run_costs_are_a_believable_price_of_compute() -> None:
    # A dollar of rent bought about 1e16 FLOP in 2012 (GPU of 1.5 TFLOP/s at a dollar an hour) and 1e18 in 2023.
    runs = {row["system"]: float(row[FLOP]) for row in evidence("training_runs.csv")}
    for row in evidence("training_costs.csv"):
        if row["basis"] == "rented" and row["scope"] == "final run" and row["system"] in runs:
            assert 1e14 < runs[row["system"]] / float(row[COST]) < 3e18, row


def test_growth_rates_are_plausible() -> None:
    runs = evidence("training_runs.csv")
    compute = slope([years(row) for row in runs], [math.log10(float(row[FLOP])) for row in runs])
    assert 0.5 < compute < 0.9  # OOM/year; Epoch's files give 0.6 to 0.7 with other choices of systems
    chips = [row for row in evidence("accelerators.csv") if row[RELEASE_PRICE] and row["fp32 [FLOP/s/chip]"]]
    price_performance = slope(
        [years(row) for row in chips],
        [math.log10(float(row["fp32 [FLOP/s/chip]"]) / float(row[RELEASE_PRICE])) for row in chips],
    )
    assert 0.0 < price_performance < 0.25  # Hobbhahn and Besiroglu 2022: 0.12


# --- against Epoch AI's files ---------------------------------------------------------------------------------------

NOTABLE = "epoch-notable-2024-07.csv"
HARDWARE = "epoch-hardware-prices-2024-06.csv"

# Names that differ by more than letters and digits.
ALIASES = {
    "gpt1": "gpt",
    "gpt3175b": "gpt3175bdavinci",
    "resnet152": "resnet152imagenet",
    "googlenet": "googlenetinceptionv1",
    "convs2s": "convs2sensembleof8models",
    "electralarge": "electra",
    "wav2vec20large": "wave2vec20large",
    "stablediffusionv1": "stablediffusionldmkl8g",
}
# US consumer price index (CPI-U, annual average): dollars of different years are compared in dollars of 2023.
CPI_FROM_2009 = "214.5 218.1 224.9 229.6 233.0 236.7 237.0 240.0 245.1 251.1 255.7 258.8 271.0 292.7 304.7 313.7"
CPI = {2009 + i: float(index) for i, index in enumerate(CPI_FROM_2009.split())}


@dataclass(frozen=True)
class Match:
    """A row of ours beside a figure of theirs."""

    table: str
    name: str
    ours: float
    theirs: float
    note: str

    @property
    def difference(self) -> float:
        return math.log10(self.ours / self.theirs)

    @property
    def disagrees(self) -> bool:
        return abs(self.difference) > LIMIT

    @property
    def explained(self) -> bool:
        return "Epoch" in self.note

    def __str__(self) -> str:
        why = self.note if self.explained else "NOT EXPLAINED"
        figures = f"{self.ours:.3g} against {self.theirs:.3g} ({self.difference:+.2f} OOM)"
        return f"{self.table} {self.name}: {figures}; {why}"


def normal(name: str) -> str:
    key = re.sub(r"[^a-z0-9]", "", name.lower())
    return ALIASES.get(key, key)


def chip_key(name: str) -> str:
    """Family and, where it tells prices apart, memory or form of an accelerator's name."""
    key = re.sub(r"nvidia|google|tesla|geforce|[^a-z0-9]", "", name.lower())
    for pattern, family in (
        (r"v100.*32", "v100 32"),
        (r"v100", "v100"),
        (r"a100.*80", "a100 80"),
        (r"a100", "a100"),
        (r"h100pcie", "h100 pcie"),
        (r"h100", "h100"),
        (r"p100pcie", "p100 pcie"),
        (r"p100", "p100"),
        (r"k40", "k40"),
    ):
        if re.search(pattern, key):
            return family
    return key


def nearest_in_time(row: dict[str, str], others: list[dict[str, str]], days: int) -> dict[str, str] | None:
    def gap(other: dict[str, str]) -> int:
        return abs((date.fromisoformat(row["date"]) - date.fromisoformat(other["Price date"])).days)

    near = [other for other in others if gap(other) <= days]
    return min(near, key=gap) if near else None


def compare(data: Path) -> tuple[list[Match], list[str]]:
    """Every pair that joins, and a line for every row that does not."""
    notable = {normal(row["System"]): row for row in read(data / NOTABLE)}
    hardware = read(data / HARDWARE)
    matches: list[Match] = []
    alone: list[str] = []

    def pair(table: str, name: str, ours: float, theirs: float | None, note: str) -> None:
        if theirs is None:
            alone.append(f"{table} {name}")
        else:
            matches.append(Match(table, name, ours, theirs, note))

    def notable_figure(system: str, column: str) -> float | None:
        row = notable.get(normal(system))
        return float(row[column]) if row and row[column] else None

    for row in evidence("training_runs.csv"):
        theirs = notable_figure(row["system"], "Training compute (FLOP)")
        pair("training_runs.csv", row["system"], float(row[FLOP]), theirs, row["note"])
    for row in evidence("training_costs.csv"):
        theirs = notable_figure(row["system"], "Training compute cost (2023 USD)")
        ours = float(row[COST]) * CPI[2023] / CPI[int(row["dollar_year"])]
        name = f"{row['system']} ({row['basis']}, {row['scope']}, {row['estimator']})"
        pair("training_costs.csv", name, ours, theirs, row["note"])
    terms = {"on-demand": "on-demand", "1-year": "1-year CUD", "3-year": "3-year CUD"}
    for row in evidence("rental_prices.csv"):
        name = f"{row['vendor']} {row['chip']} {row['date']} {row['term']}"
        column = f"Price per chip-hour ({terms.get(row['term'], '')})"
        same = [
            other
            for other in hardware
            if other["Vendor"].startswith(row["vendor"])
            and chip_key(other["Hardware model"]) == chip_key(row["chip"])
            and other.get(column)
        ]
        near = nearest_in_time(row, same, 800)
        pair("rental_prices.csv", name, float(row[RENTAL_PRICE]), float(near[column]) if near else None, row["note"])
    purchase = "Price (hardware purchase)"
    for row in evidence("accelerators.csv"):
        if row[RELEASE_PRICE]:
            key = chip_key(row["chip"])
            same = [other for other in hardware if chip_key(other["Hardware model"]) == key and other[purchase]]
            near = nearest_in_time(row, same, 500)
            theirs = float(near[purchase]) if near else None
            pair("accelerators.csv", row["chip"], float(row[RELEASE_PRICE]), theirs, row["note"])
    return matches, alone


@pytest.fixture(scope="module")
def comparison() -> tuple[list[Match], list[str]]:
    folder = os.environ.get("FORECAST_DATA")
    if not folder:
        pytest.skip("FORECAST_DATA is not set: the tables are not compared with Epoch AI's files")
    return compare(Path(folder))


def test_disagreements_with_epoch_are_explained(comparison: tuple[list[Match], list[str]]) -> None:
    matches, _ = comparison
    assert [str(match) for match in matches if match.disagrees and not match.explained] == []


def test_most_rows_join_with_epoch(comparison: tuple[list[Match], list[str]]) -> None:
    matches, _ = comparison
    joined = Counter(match.table for match in matches)
    assert joined["training_runs.csv"] >= 80
    assert joined["training_costs.csv"] >= 100
    assert joined["rental_prices.csv"] >= 25
    assert joined["accelerators.csv"] >= 8


def test_owned_basis_agrees_with_epoch(comparison: tuple[list[Match], list[str]]) -> None:
    # Epoch's cost column counts owned hardware and energy, so rows on that basis must agree without excuses.
    matches, _ = comparison
    owned = [match for match in matches if match.table == "training_costs.csv" and "(owned, " in match.name]
    assert len(owned) >= 12
    assert abs(float(np.median([match.difference for match in owned]))) < 0.1


def test_rent_alone_explains_a_difference_of_rent_and_no_more(comparison: tuple[list[Match], list[str]]) -> None:
    # Rent is two to fifteen times the owned cost; more than that is an error or has a reason of its own.
    matches, _ = comparison
    rent = ("this is rent on demand", "this is rent at a three-year price", "this estimate is of rent")
    excused = [match for match in matches if match.note.endswith(rent)]
    assert len(excused) >= 40
    assert [str(match) for match in excused if not LIMIT < match.difference < 1.2] == []


def test_a_wrong_figure_would_be_found(comparison: tuple[list[Match], list[str]]) -> None:
    matches, _ = comparison
    agreeing = next(match for match in matches if match.name == "PaLM (540B)" and not match.disagrees)
    wrong = Match(agreeing.table, agreeing.name, agreeing.ours * 10, agreeing.theirs, agreeing.note)
    assert wrong.disagrees
    assert not wrong.explained


def _lines(matches: list[Match], alone: list[str]) -> Iterator[str]:
    yield f"{len(matches)} rows joined, {sum(match.disagrees for match in matches)} beyond {LIMIT} OOM:"
    yield from (f"  {match}" for match in matches if match.disagrees)
    yield f"{len(alone)} rows without a partner:"
    yield from (f"  {line}" for line in alone)


if __name__ == "__main__":
    print("\n".join(_lines(*compare(Path(os.environ["FORECAST_DATA"])))))

"""Evidence tables (``priors/evidence/*.csv``) as text, and their cells as dates, numbers and errors."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import Problem, StudyError, nearest
from forecast.trend.series import Array, decimal_year
from forecast.units import UnitSystem, conversion

_VALUE = re.compile(r"(.+?)\s*\[([^\[\]]*)\]")


@dataclass(frozen=True)
class Table:
    """An evidence table as text.

    Parameters
    ----------
    place : str
        Path relative to the study.
    columns : mapping of str to tuple of str
        Cells by column name (without its unit).
    units : mapping of str to str
        Unit of each value column.
    lines : tuple of int
        Line of the file on which each row begins.
    """

    place: str
    columns: Mapping[str, tuple[str, ...]]
    units: Mapping[str, str]
    lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def row(self, i: int) -> str:
        """Where a row stands, for messages."""
        return f"{self.place} row {self.lines[i]}"


def read_table(place: str, text: str) -> Table:
    """Read an evidence table.

    Parameters
    ----------
    place : str
    text : str
        CSV with one header row: see docs/evidence.md.

    Raises
    ------
    StudyError
        No date, no source, no value column, rows of another length or that repeat another, a quote that is not closed.
    """
    lines = list(_lines(place, text))
    if not lines:
        raise StudyError.at(place, "is empty", "write a header row: date,cost [USD_2023],source")
    (_, header), body = lines[0], lines[1:]
    names, units = [], {}
    for cell in header:
        match = _VALUE.fullmatch(cell)
        names.append(match.group(1) if match else cell)
        if match:
            units[match.group(1)] = match.group(2).strip()
    problems = [
        Problem(place, f"has no column '{name}'", nearest(name, names) or f"add it to the header ({', '.join(names)})")
        for name in ("date", "source")
        if name not in names
    ]
    if not units:
        problems.append(Problem(place, "has no value column", "name its unit in square brackets: cost [USD_2023]"))
    problems += [
        Problem(place, f"has the column '{name}' twice", "rename one")
        for name, times in Counter(names).items()
        if times > 1
    ]
    problems += [
        Problem(
            f"{place} row {line}",
            f"has {len(row)} cells, the header {len(names)}",
            "quote cells that have a comma in them",
        )
        for line, row in body
        if len(row) != len(names)
    ][:5]
    first: dict[tuple[str, ...], int] = {}
    for line, row in body:
        if first.setdefault(row, line) != line:
            what = f"repeats row {first[row]} in every cell"
            problems.append(Problem(f"{place} row {line}", what, "remove it, or say in a cell what tells them apart"))
    if problems:
        raise StudyError(problems)
    columns = {name: tuple(row[i] for _, row in body) for i, name in enumerate(names)}
    return Table(place, columns, units, tuple(line for line, _ in body))


def _lines(place: str, text: str) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Rows that are not blank, each with the line on which it begins."""
    # strict: an unclosed quote would otherwise swallow the rest of the file without a word.
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            cells = tuple(cell.strip() for cell in row)
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise StudyError.at(f"{place} row {line}", f"is not CSV ({error})", "close its quotes") from None


def dates(table: Table, rows: Sequence[int] | np.ndarray) -> list[float]:
    """Decimal years of rows.

    Raises
    ------
    StudyError
        Every row without an ISO date.
    """
    problems, found = [], []
    for i in rows:
        cell = table.columns["date"][i]
        try:
            found.append(decimal_year(cell))
        except StudyError:
            problems.append(Problem(table.row(i), f"is not dated ({cell!r})", "write 2022-07-31"))
    if problems:
        raise StudyError(problems)
    return found


def values(
    table: Table,
    rows: Sequence[int] | np.ndarray,
    columns: Sequence[str],
    unit: str,
    units: UnitSystem,
    place: str,
) -> Array:
    """Values of rows, of one column or the ratio of two, in `unit`; money is of each row's ``dollar_year``.

    Raises
    ------
    StudyError
        Every row with a value that is not a positive number or without a source; units of another kind.
    """
    problems: list[Problem] = []
    found = []
    factors: dict[str, float] = {}
    for i in rows:
        where = table.row(i)
        if not table.columns["source"][i]:
            problems.append(Problem(where, "has no source", "name the paper, price list or model card"))
        written = " / ".join(f"({_dated(table, i, column, units)})" for column in columns)
        numbers = [_positive(table.columns[column][i], column, where, problems) for column in columns]
        try:
            if written not in factors:
                factors[written] = conversion(units, written, unit, f"{place} value")
            found.append(numbers[0] / (numbers[1] if len(numbers) > 1 else 1.0) * factors[written])
        except StudyError as error:
            problems.extend(error.problems)
    if problems:
        raise StudyError(problems)
    return np.array(found)


def errors(table: Table, rows: Sequence[int] | np.ndarray, column: str, unit: str) -> Array | None:
    """Standard errors of rows in an optional column, 0 where a cell is blank; None without the column.

    Raises
    ------
    StudyError
        Every row whose error is not a number of 0 or more.
    """
    return _cells(table, rows, column, lambda error: 0 <= error < math.inf, f"write it in {unit}, such as 0.2")


def years(table: Table, rows: Sequence[int] | np.ndarray, column: str) -> Array | None:
    """Years of rows in an optional column, 0 where a cell is blank; None without the column.

    Raises
    ------
    StudyError
        Every row whose year is none.
    """
    return _cells(table, rows, column, lambda year: 1900 <= year <= 2200 and year == int(year), "write 2022, say")


def _cells(
    table: Table, rows: Sequence[int] | np.ndarray, column: str, good: Callable[[float], bool], remedy: str
) -> Array | None:
    if column not in table.columns:
        return None
    problems, found = [], []
    for i in rows:
        cell = table.columns[column][i]
        try:
            number = float(cell) if cell else 0.0
        except ValueError:
            number = math.nan
        if cell and not good(number):
            problems.append(Problem(table.row(i), f"{column} is {cell!r}", remedy))
        found.append(number)
    if problems:
        raise StudyError(problems)
    return np.array(found)


def _dated(table: Table, row: int, column: str, units: UnitSystem) -> str:
    """The unit of a cell: money of the row's ``dollar_year``, where there is one."""
    unit, year = table.units[column], table.columns["dollar_year"][row] if "dollar_year" in table.columns else ""
    for currency in units.currencies if year else ():
        unit = re.sub(rf"\b{re.escape(currency.name)}\b(?!_)", f"{currency.name}_{year}", unit)
    return unit or "1"  # a pure number


def _positive(cell: str, column: str, place: str, problems: list[Problem]) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not 0 < value < np.inf:
        problems.append(
            Problem(place, f"{column} is not a positive number ({cell!r})", "correct it, or leave the cell empty")
        )
        return 1.0
    return value

"""Evidence tables (``priors/evidence/*.csv``) to checked columns: dated rows, each with its unit and its source."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import Problem, StudyError, nearest
from forecast.trend.series import Series, decimal_year, near_record, series, top_per_year
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
    """

    place: str
    columns: Mapping[str, tuple[str, ...]]
    units: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.columns["date"])


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
        No date, no source, no value column, or rows of another length.
    """
    rows = list(csv.reader(text.removeprefix("\ufeff").splitlines(keepends=True)))
    if not rows:
        raise StudyError.at(place, "is empty", "write a header row: date,cost [USD_2023],source")
    header, body = [cell.strip() for cell in rows[0]], [row for row in rows[1:] if any(cell.strip() for cell in row)]
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
        for name in {n for n in names if names.count(n) > 1}
    ]
    problems += [
        Problem(
            f"{place} row {number}",
            f"has {len(row)} cells, the header {len(names)}",
            "quote cells that have a comma in them",
        )
        for number, row in enumerate(body, 2)
        if len(row) != len(names)
    ][:5]
    if problems:
        raise StudyError(problems)
    return Table(place, {name: tuple(row[i].strip() for row in body) for i, name in enumerate(names)}, units)


@dataclass(frozen=True)
class Selection:
    """Which rows of a table, and which of its columns.

    Parameters
    ----------
    value : str
        A value column, or a ratio of two (``fp32 / release_price``); the only one where left empty.
    where : mapping of str to tuple of str
        For each column of words, the words that are kept.
    start, end : str
        ISO dates, both included.
    record_fraction : float or None
        Keep rows of at least this part of the highest value before them.
    top_per_year : int or None
    group : str
        Column that groups the rows of a hierarchy.
    average : str
        Column that names what several rows are estimates of: they become one row, see `averaged`.
    """

    value: str = ""
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    start: str = ""
    end: str = ""
    record_fraction: float | None = None
    top_per_year: int | None = None
    group: str = ""
    average: str = ""


def select(table: Table, choice: Selection, unit: str, units: UnitSystem, place: str) -> Series:
    """The selected rows of a table as a series of log10 values in `unit`.

    Parameters
    ----------
    table : Table
    choice : Selection
    unit : str
        What the values are converted to; money is converted from each row's ``dollar_year``.
    units : UnitSystem
    place : str
        Where the selection is declared, for messages.

    Raises
    ------
    StudyError
        Columns, words or dates that do not exist, values that are not positive numbers, units of another kind.
    """
    known = list(table.units)
    over, _, under = (choice.value or (known[0] if len(known) == 1 else "")).partition("/")
    columns = [column.strip() for column in (over, under) if column.strip() or column is over]
    for column in columns:
        if column not in table.units:
            what = (
                f"{table.place} has no value column '{column}'"
                if column
                else f"{table.place} has several value columns"
            )
            raise StudyError.at(place, what, nearest(column, known) or f"write value = one of {', '.join(known)}")
    keep = np.array([all(cells) for cells in zip(*(table.columns[column] for column in columns), strict=True)])
    for name, words in choice.where:
        if name not in table.columns:
            raise StudyError.at(
                place,
                f"{table.place} has no column '{name}'",
                nearest(name, table.columns) or f"it has {', '.join(table.columns)}",
            )
        present = set(table.columns[name])
        for word in words:
            if word not in present:
                hint = nearest(word, present) or f"it has {', '.join(sorted(present)[:8])}"
                raise StudyError.at(place, f"no row of {table.place} has {name} '{word}'", hint)
        keep &= np.array([cell in words for cell in table.columns[name]])
    if choice.group and choice.group not in table.columns:
        raise StudyError.at(
            place, f"{table.place} has no column '{choice.group}'", nearest(choice.group, table.columns)
        )
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise StudyError.at(place, f"no row of {table.place} is selected", "select fewer of them away")
    label = next((name for name in ("system", "name", "model", "chip") if name in table.columns), "source")
    found = series(
        table.place,
        _dates(table, rows),
        np.log10(_values(table, rows, columns, unit, units, place)),
        _errors(table, rows),
        group=[table.columns[choice.group][i] for i in rows] if choice.group else (),
        label=[table.columns[label][i] for i in rows],
        source=table.place,
    )
    if choice.average:
        if choice.average not in table.columns:
            raise StudyError.at(
                place, f"{table.place} has no column '{choice.average}'", nearest(choice.average, table.columns)
            )
        dated = np.argsort(_dates(table, rows), kind="stable")  # as `series` orders them
        found = averaged(found, [table.columns[choice.average][rows[i]] for i in dated])
    # The record is one of all systems, whenever they came; only then are dates selected.
    if choice.record_fraction is not None:
        found = found.take(near_record(found, choice.record_fraction))
    start = decimal_year(choice.start) if choice.start else -np.inf
    end = decimal_year(choice.end) if choice.end else np.inf
    found = found.take((found.t >= start) & (found.t <= end))
    if choice.top_per_year is not None:
        found = found.take(top_per_year(found, choice.top_per_year))
    return found


def averaged(data: Series, names: Sequence[str]) -> Series:
    """One row for all rows of a name: the mean of their log10 values at their mean date.

    Its standard error is the larger of two: what the rows' own errors make of the mean, and what the spread of the
    rows says of it. Estimates that disagree by more than they admit are so taken at their disagreement.

    Parameters
    ----------
    data : Series
    names : sequence of str
        One for each row.

    Returns
    -------
    Series

    Examples
    --------
    >>> two = series("costs", [2020.0, 2020.0, 2022.0], [6.0, 7.0, 7.5], se=0.1, label=["GPT-3", "GPT-3", "PaLM"])
    >>> one = averaged(two, two.label)
    >>> one.y.tolist(), one.se.round(3).tolist()
    ([6.5, 7.5], [0.5, 0.1])
    """
    first: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        first.setdefault(name, []).append(i)
    rows = list(first.values())
    stated = [float(np.sqrt((data.se[own] ** 2).sum())) / len(own) for own in rows]
    spread = [float(np.std(data.y[own], ddof=1)) / np.sqrt(len(own)) if len(own) > 1 else 0.0 for own in rows]
    return series(
        data.name,
        [float(data.t[own].mean()) for own in rows],
        [float(data.y[own].mean()) for own in rows],
        np.maximum(stated, spread),
        group=[data.group[own[0]] for own in rows] if data.group else (),
        label=list(first),
        source=data.source,
    )


def _dates(table: Table, rows: Sequence[int] | np.ndarray) -> list[float]:
    problems, dates = [], []
    for i in rows:
        try:
            dates.append(decimal_year(table.columns["date"][i]))
        except StudyError:
            problems.append(
                Problem(
                    f"{table.place} row {i + 2}", f"is not dated ({table.columns['date'][i]!r})", "write 2022-07-31"
                )
            )
    if problems:
        raise StudyError(problems)
    return dates


def _values(
    table: Table,
    rows: Sequence[int] | np.ndarray,
    columns: Sequence[str],
    unit: str,
    units: UnitSystem,
    place: str,
) -> np.ndarray:
    problems: list[Problem] = []
    values = []
    factors: dict[str, float] = {}
    for i in rows:
        where = f"{table.place} row {i + 2}"
        if not table.columns["source"][i]:
            problems.append(Problem(where, "has no source", "name the paper, price list or model card"))
        written = " / ".join(f"({_dated(table, i, column, units)})" for column in columns)
        numbers = [_positive(table.columns[column][i], column, where, problems) for column in columns]
        try:
            if written not in factors:
                factors[written] = conversion(units, written, unit, f"{place} value")
            values.append(numbers[0] / (numbers[1] if len(numbers) > 1 else 1.0) * factors[written])
        except StudyError as error:
            problems.extend(error.problems)
    if problems:
        raise StudyError(problems)
    return np.array(values)


def _dated(table: Table, row: int, column: str, units: UnitSystem) -> str:
    """The unit of a cell: money of the row's ``dollar_year``, where there is one."""
    unit, year = table.units[column], table.columns["dollar_year"][row] if "dollar_year" in table.columns else ""
    for currency in units.currencies if year else ():
        unit = re.sub(rf"\b{re.escape(currency.name)}\b(?!_)", f"{currency.name}_{year}", unit)
    return unit


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


def _errors(table: Table, rows: Sequence[int] | np.ndarray) -> np.ndarray | None:
    if "log10_se" not in table.columns:
        return None
    problems, errors = [], []
    for i in rows:
        cell = table.columns["log10_se"][i]
        try:
            errors.append(float(cell) if cell else 0.0)
        except ValueError:
            problems.append(
                Problem(
                    f"{table.place} row {i + 2}", f"log10_se is not a number ({cell!r})", "write it in OOM, such as 0.2"
                )
            )
    if problems:
        raise StudyError(problems)
    return np.array(errors)

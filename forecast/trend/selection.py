"""Which rows of an evidence table make a trend's series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import StudyError, nearest
from forecast.trend.series import Mask, Series, decimal_year, near_record, series, top_per_year
from forecast.trend.tables import Table, dates, errors, values, years
from forecast.units import UnitSystem

_NAMES = ("system", "name", "model", "chip")  # columns that may say what a row is of


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


def select(
    table: Table, choice: Selection, unit: str, units: UnitSystem, place: str, known_by: float = np.inf
) -> Series:
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
    known_by : float
        Decimal year: only rows dated before it, and estimated in a year that was over by then (``estimate_year``).

    Returns
    -------
    Series
        Without rows where `known_by` leaves none.

    Raises
    ------
    StudyError
        Columns, words or dates that do not exist, values that are not positive numbers, units of another kind.
    """
    columns = _value_columns(table, choice, place)
    for column in (choice.group, choice.average):
        if column and column not in table.columns:
            hint = nearest(column, table.columns) or f"it has {', '.join(table.columns)}"
            raise StudyError.at(place, f"{table.place} has no column '{column}'", hint)
    rows = np.flatnonzero(_kept(table, choice, columns, place))
    if not len(rows):
        raise StudyError.at(place, f"no row of {table.place} is selected", "select fewer of them away")
    when, estimated = np.array(dates(table, rows)), years(table, rows, "estimate_year")
    known = (when < known_by) & (True if estimated is None else estimated + 1 <= known_by)
    rows, when = rows[known], when[known]
    label = next((name for name in _NAMES if name in table.columns), "source")
    found = series(
        table.place,
        when,
        np.log10(values(table, rows, columns, unit, units, place)),
        errors(table, rows, "log10_se", "OOM"),
        errors(table, rows, "date_se", "years"),
        group=[table.columns[choice.group][i] for i in rows] if choice.group else (),
        label=[table.columns[label][i] for i in rows],
        source=table.place,
    )
    if choice.average:
        dated = np.argsort(when, kind="stable")  # as `series` orders them
        found = averaged(found, [table.columns[choice.average][rows[i]] for i in dated])
    if not len(found):
        return found
    # The record is one of all systems, whenever they came; only then are dates selected.
    if choice.record_fraction is not None:
        found = found.take(near_record(found, choice.record_fraction))
    start = decimal_year(choice.start) if choice.start else -np.inf
    end = decimal_year(choice.end) if choice.end else np.inf
    found = found.take((found.t >= start) & (found.t <= end))
    if choice.top_per_year is not None:
        found = found.take(top_per_year(found, choice.top_per_year))
    return found


def _value_columns(table: Table, choice: Selection, place: str) -> list[str]:
    """The value column, or the two of a ratio."""
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
    return columns


def _kept(table: Table, choice: Selection, columns: Sequence[str], place: str) -> Mask:
    """Rows that have a value and the words asked for."""
    keep = np.array(
        [all(cells) for cells in zip(*(table.columns[column] for column in columns), strict=True)], dtype=bool
    )
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
        keep &= np.array([cell in words for cell in table.columns[name]], dtype=bool)
    return keep


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
    of_date = [float(np.sqrt((data.se_t[own] ** 2).sum())) / len(own) for own in rows]
    spread = [float(np.std(data.y[own], ddof=1)) / np.sqrt(len(own)) if len(own) > 1 else 0.0 for own in rows]
    return series(
        data.name,
        [float(data.t[own].mean()) for own in rows],
        [float(data.y[own].mean()) for own in rows],
        np.maximum(stated, spread),
        of_date,
        group=[data.group[own[0]] for own in rows] if data.group else (),
        label=list(first),
        source=data.source,
    )

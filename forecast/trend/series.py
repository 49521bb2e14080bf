"""A dated series of log10 values, and the named rules that select its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.errors import Problem, StudyError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ISO = re.compile(r"\d{4}(-\d{1,2}){0,2}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1900.0, 2200.0


@dataclass(frozen=True, eq=False)
class Series:
    """Rows of a dated series, in order of date; made by `series`, which checks them.

    Parameters
    ----------
    name : str
        What errors call it: the file it came from.
    t : (row,) array
        Date in decimal years.
    y : (row,) array
        log10 of the value in the series' base unit.
    se : (row,) array
        Standard error of `y` in orders of magnitude (OOM); 0 where none is known.
    se_t : (row,) array
        Standard error of the date in years; 0 where none is known.
    group, label : tuple of str
        Group of each row (domain, accounting basis), name of each row; empty where there are none.
    source : str
        Where the series comes from.
    """

    name: str
    t: Array
    y: Array
    se: Array
    se_t: Array
    group: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    source: str = ""

    def __len__(self) -> int:
        return len(self.t)

    def take(self, rows: Mask | NDArray[np.intp]) -> Series:
        """The rows that a mask of shape (row,) or an array of positions picks."""
        where = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        t, y, se, se_t = (column[where] for column in (self.t, self.y, self.se, self.se_t))
        group, label = (tuple(texts[i] for i in where) if texts else () for texts in (self.group, self.label))
        return Series(self.name, t, y, se, se_t, group, label, self.source)

    @property
    def groups(self) -> tuple[str, ...]:
        """The distinct groups in alphabetical order."""
        return tuple(sorted(set(self.group)))

    def group_index(self) -> NDArray[np.intp]:
        """Position of each row's group in `groups`, shape (row,)."""
        position = {label: i for i, label in enumerate(self.groups)}
        return np.array([position[label] for label in self.group], dtype=np.intp)


def series(
    name: str,
    t: ArrayLike,
    y: ArrayLike,
    se: ArrayLike | None = None,
    se_t: ArrayLike | None = None,
    group: Sequence[str] = (),
    label: Sequence[str] = (),
    source: str = "",
) -> Series:
    """A checked series, sorted by date (rows of one date keep their order).

    Parameters
    ----------
    name : str
        What errors call it.
    t, y : (row,) array-like
        Date in decimal years, and log10 of the value.
    se, se_t : (row,) array-like or number, optional
        Standard errors of `y` (OOM) and `t` (years); none is 0.
    group, label : sequence of str, optional
        One for each row, or none at all.
    source : str, optional
        Where the series comes from.

    Returns
    -------
    Series

    Raises
    ------
    StudyError
        For anything that is not finite, dates outside 1900 to 2200, negative standard errors, unequal lengths; all
        problems at once, each with its row.

    Examples
    --------
    >>> costs = series("costs", [2020.5, 2018.0], [6.6, 5.0])
    >>> costs.t.tolist(), costs.y.tolist()
    ([2018.0, 2020.5], [5.0, 6.6])
    """
    dates, values = np.atleast_1d(np.asarray(t, dtype=float)), np.atleast_1d(np.asarray(y, dtype=float))
    rows = len(dates)
    columns = {"t": dates, "y": values}
    for key, column in (("se", se), ("se_t", se_t)):
        filled = np.zeros(rows) if column is None else np.asarray(column, dtype=float)
        columns[key] = np.full(rows, float(filled)) if filled.ndim == 0 else filled
    lengths = {"y": len(values), "se": len(columns["se"]), "se_t": len(columns["se_t"])}
    lengths |= {key: len(texts) for key, texts in (("group", group), ("label", label)) if texts}
    problems = [
        Problem(name, f"{key} has {length} rows, the dates {rows}", "give one for each row")
        for key, length in lengths.items()
        if length != rows
    ]
    if problems:
        raise StudyError(problems)
    for key, column in columns.items():
        problems += [
            Problem(
                f"{name} row {i + 1}", f"{key} is not a finite number ({column[i]})", "correct or leave out the row"
            )
            for i in np.flatnonzero(~np.isfinite(column))[:5]
        ]
    problems += [
        Problem(f"{name} row {i + 1}", f"the date is not a plausible year ({dates[i]:g})", "give decimal years")
        for i in np.flatnonzero((dates < _FIRST_YEAR) | (dates > _LAST_YEAR))[:5]
    ]
    problems += [
        Problem(f"{name} row {i + 1}", f"{key} is negative ({columns[key][i]:g})", "write 0 where none is known")
        for key in ("se", "se_t")
        for i in np.flatnonzero(columns[key] < 0)[:5]
    ]
    if problems:
        raise StudyError(problems)
    order = np.argsort(dates, kind="stable")
    ordered = {key: column[order] for key, column in columns.items()}
    for column in ordered.values():
        column.setflags(write=False)
    groups, labels = (tuple(map(str, np.asarray(texts)[order])) if len(texts) else () for texts in (group, label))
    return Series(name, group=groups, label=labels, source=source, **ordered)


def decimal_year(date: str) -> float:
    """A date as a decimal year: the year and the part of it that has passed when the day begins.

    Parameters
    ----------
    date : str
        ISO date, ``2022-07-31``; ``2022-07`` and ``2022`` mean their first day.

    Returns
    -------
    float

    Raises
    ------
    StudyError
        When it is not an ISO date.

    Examples
    --------
    >>> decimal_year("2022-01-01"), round(decimal_year("2022-07-31"), 4)
    (2022.0, 2022.5781)
    """
    from datetime import date as calendar

    try:
        if not _ISO.fullmatch(date.strip()):
            raise ValueError
        year, month, day = (int(part) for part in (*date.strip().split("-"), "1", "1")[:3])
        passed = calendar(year, month, day).toordinal() - calendar(year, 1, 1).toordinal()
    except ValueError:
        raise StudyError.at("date", f"not an ISO date ({date!r})", "write it as 2022-07-31") from None
    return year + passed / _days(year)


def iso_date(year: float) -> str:
    """The day that a decimal year falls on: the inverse of `decimal_year`.

    Examples
    --------
    >>> iso_date(decimal_year("2022-07-31"))
    '2022-07-31'
    """
    from datetime import date as calendar

    day = min(round((year - int(year)) * _days(int(year))), _days(int(year)) - 1)
    return calendar.fromordinal(calendar(int(year), 1, 1).toordinal() + day).isoformat()


def _days(year: int) -> int:
    return 365 + (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


def near_record(data: Series, fraction: float = 0.1) -> Mask:
    """Rows with at least `fraction` of the highest value dated before them; shape (row,).

    The first date has no record before it and is kept. "Before" means an earlier date: rows of the same day do not
    compete. With 0.1 this is the "at least 10% of the record at the time" of Lohn, *Scaling AI* (2023).

    Raises
    ------
    StudyError
        When `fraction` is not above 0.

    Examples
    --------
    >>> near_record(series("x", [2018.0, 2019.0, 2020.0], [3.0, 1.9, 2.1]), 0.1).tolist()
    [True, False, True]
    """
    if not fraction > 0:
        raise StudyError.at(data.name, f"the share of the record must be above 0 ({fraction})", "write 0.1 for 10%")
    running = np.concatenate([[-np.inf], np.maximum.accumulate(data.y)])
    record = running[np.searchsorted(data.t, data.t, side="left")]
    return np.asarray(data.y >= record + np.log10(fraction))


def top_per_year(data: Series, n: int) -> Mask:
    """The `n` highest rows of each calendar year (the earlier of two equal ones); shape (row,).

    Examples
    --------
    >>> top_per_year(series("x", [2018.0, 2018.5, 2019.0], [1.0, 3.0, 2.0]), 1).tolist()
    [False, True, True]
    """
    keep = np.zeros(len(data), dtype=bool)
    years = np.floor(data.t)
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        keep[rows[np.argsort(-data.y[rows], kind="stable")[:n]]] = True
    return keep

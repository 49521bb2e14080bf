"""Rows of a recognised file: named, dated, with the numbers that are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice

from forecast.errors import StudyError, UsageError, nearest
from forecast.importer.cells import Sheet, day, month_first, number, tidy
from forecast.importer.format import Field, Format
from forecast.importer.layout import Layout


@dataclass(frozen=True)
class Reading:
    """How one number is read from a file: its columns (two for a ratio), its unit, the year of its prices."""

    field: Field
    columns: tuple[int, ...]
    unit: str
    year: int | None = None

    @property
    def header(self) -> str:
        """The column of the series: ``training_cost [USD_2023]``."""
        return f"{self.field.column} [{self.unit}]"

    @property
    def label(self) -> str:
        """The number in words: ``training cost``."""
        return self.field.column.replace("_", " ")


@dataclass(frozen=True)
class Row:
    """One row: where it stands, what it is called, its date, every known cell as tidied text, and its numbers.

    A number is None where the file states none, or an unreadable one.
    """

    line: int
    name: str
    date: date
    cells: Mapping[str, str]
    numbers: Mapping[str, float | None]
    unreadable: frozenset[str] = frozenset()


def reading(layout: Layout, name: str, price_year: int | None, place: str) -> Reading:
    """How the field `name` is read from this file.

    Raises
    ------
    UsageError
        There is no such number, or the year of the prices asked for is not one this file can give.
    StudyError
        The file states no such number, or leaves open in the prices of which year.
    """
    kind = layout.kind
    if name not in kind.values:
        hint = nearest(name, kind.values) or f"choose one of {', '.join(kind.values)}"
        raise UsageError(f"{place}: {kind.label} have no number {name!r}; {hint}")
    item = kind.fields[name]
    if name not in layout.columns:
        looked = [header for part in (item.ratio or (name,)) for header in kind.fields[part].headers]
        there = ", ".join(value for value in kind.values if value in layout.columns)
        what = f"this version ({layout.version}) has no column for {name!r} (looked for {', '.join(map(repr, looked))})"
        raise StudyError.at(place, what, f"choose one of {there}" if there else "use another file")
    columns = layout.columns[name]
    year = None
    if item.price_year == "header":
        years = sorted({column.year for column in columns if column.year})
        if price_year is None and len(years) > 1:
            what = f"{name!r} is stated in the prices of several years ({', '.join(map(str, years))})"
            raise StudyError.at(place, what, "choose one with the option price_year")
        year = price_year or years[0]
        columns = tuple(column for column in columns if column.year == year)
        if not columns:
            stated = " and ".join(map(str, years))
            raise UsageError(
                f"{place}: {name!r} is stated in prices of {stated}, not of {year}; import it as it is: the study's "
                "units convert between years"
            )
    elif item.price_year == "ask":
        if price_year is None:
            what = f"the header {columns[0].header!r} does not say in the prices of which year"
            raise StudyError.at(place, what, "find out and name it with the option price_year")
        year = price_year
    elif price_year is not None and item.price_year == "date":
        raise UsageError(f"{place}: {name!r} is in prices of each row's own year; leave the option price_year out")
    indices = tuple(layout.columns[part][0].index for part in item.ratio) or (columns[0].index,)
    return Reading(item, indices, item.unit.replace("{year}", str(year)), year)


def read_rows(
    sheet: Sheet, layout: Layout, form: Format, readings: Iterable[Reading], place: str
) -> tuple[tuple[Row, ...], Counter[str], tuple[str, ...]]:
    """Rows that have a name and a date; the others are counted by reason.

    Returns
    -------
    rows : tuple of Row
        In the order of the file.
    dropped : Counter of str
        Number of rows by the reason they were left out.
    notes : tuple of str
        Examples of cells that could not be read.

    Raises
    ------
    StudyError
        Days stand with the month first, so that some of them could be misread in silence.
    """
    readings = tuple(readings)
    texts = {name: columns[0].index for name, columns in layout.columns.items() if not layout.kind.fields[name].ratio}
    dropped: Counter[str] = Counter()
    strange: dict[str, list[str]] = {}
    rows = []
    for line, cells in sheet.rows:
        text = {name: tidy(cells[index]) for name, index in texts.items()}
        if not text["name"]:
            dropped["no name"] += 1
            continue
        try:
            when = day(text["date"], layout.dates, form.blank)
        except ValueError:
            if "dd/mm/yyyy" in layout.dates and month_first(text["date"]):
                what = f"the day has the month first ({text['date']!r}), where version {layout.version} has it second"
                raise StudyError.at(f"{place}:{line}", what, "export the file again with days as yyyy-mm-dd") from None
            strange.setdefault("date", []).append(f"line {line}: {text['date']!r}")
            dropped["date not readable"] += 1
            continue
        if when is None:
            dropped["no date"] += 1
            continue
        numbers: dict[str, float | None] = {}
        unreadable = set()
        for item in readings:
            try:
                numbers[item.field.name] = _value(item, cells, form)
            except ValueError as error:
                numbers[item.field.name] = None
                unreadable.add(item.field.name)
                strange.setdefault(item.label, []).append(f"line {line}: {str(error)!r}")
        rows.append(Row(line, text["name"], when, text, numbers, frozenset(unreadable)))
    notes = tuple(
        f"{label} not readable in {len(found)} rows ({', '.join(islice(found, 3))}{', …' if len(found) > 3 else ''})"
        for label, found in strange.items()
    )
    return tuple(rows), dropped, notes


def _value(item: Reading, cells: tuple[str, ...], form: Format) -> float | None:
    above, *below = (number(cells[index], form.blank, form.prefix) for index in item.columns)
    if not below or above is None:
        return above
    # A ratio to nothing or to a credit states no ratio.
    return above / below[0] if below[0] and below[0] > 0 else None

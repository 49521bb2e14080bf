"""Which version of a format's files a header is, and where each field stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from forecast.errors import StudyError, nearest
from forecast.importer.cells import tidy
from forecast.importer.format import Field, Format, Kind

_YEAR = "{year}"


@dataclass(frozen=True)
class Column:
    """A column of a file that states a field; ``year`` is the year of the prices where the header names it."""

    index: int
    header: str
    year: int | None = None


@dataclass(frozen=True)
class Layout:
    """A header understood: which version it is and where each field stands.

    Fields of several columns (two price years) keep all of them, in the order of preference.
    """

    version: str
    kind: Kind
    columns: Mapping[str, tuple[Column, ...]]
    dates: tuple[str, ...]
    notes: tuple[str, ...] = ()


def recognise(form: Format, header: tuple[str, ...], place: str) -> Layout:
    """Which version a header is, and where each field stands in it.

    Parameters
    ----------
    form : Format
        The family of files.
    header : tuple of str
        Tidied column names, in any order; unknown ones are ignored.
    place : str
        The file, for messages.

    Raises
    ------
    StudyError
        A required column is missing (the message names the nearest headers), or a column stands twice.
    """
    present = {text.casefold() for text in header}
    for version in form.versions:
        if {h.casefold() for h in version.has} <= present and not {h.casefold() for h in version.lacks} & present:
            kind = form.kinds[version.kind]
            name, dates, notes = version.name, version.dates, []
            if version.columns and version.columns != len(header):
                notes.append(
                    f"the header has {len(header)} columns; version {name} was published with more or fewer "
                    f"({version.columns})"
                )
            break
    else:
        # No known version: the kind whose columns it has most of, and days in the one unambiguous notation.
        kind = max(form.kinds.values(), key=lambda kind: len(_columns(kind, header, place)))
        name, dates = f"unlisted version of {kind.label}", ("yyyy-mm-dd",)
        notes = ["the header is none of the known versions; columns are matched by name"]
    columns = _columns(kind, header, place)
    for item in kind.fields.values():
        if item.required and item.name not in columns:
            accepted = ", ".join(repr(alias) for alias in item.headers)
            guesses = filter(None, (nearest(alias, header) for alias in item.headers))
            raise StudyError.at(
                place,
                f"no column for {item.name!r} of {kind.label} (accepted: {accepted}; found: {_some(header)})",
                next(guesses, f"is this one of the files of {form.title!r}?"),
            )
        used = columns.get(item.name, ())
        if len(used) > 1 and item.price_year != "header" and not item.ratio:
            also = " and ".join(repr(column.header) for column in used[1:])
            notes.append(f"{item.name!r} is read from {used[0].header!r}; {also} is there too")
    return Layout(name, kind, columns, dates, tuple(notes))


def _columns(kind: Kind, header: tuple[str, ...], place: str) -> dict[str, tuple[Column, ...]]:
    found = {item.name: _field_columns(item, header, place) for item in kind.fields.values() if item.headers}
    found = {name: columns for name, columns in found.items() if columns}
    for item in kind.fields.values():
        if item.ratio and all(part in found for part in item.ratio):
            found[item.name] = found[item.ratio[0]]
    return found


def _field_columns(item: Field, header: tuple[str, ...], place: str) -> tuple[Column, ...]:
    found = []
    for alias in item.headers:
        pattern = re.escape(tidy(alias)).replace(re.escape(_YEAR), r"(?P<year>\d{4})")
        matches = [(index, re.fullmatch(pattern, text, re.IGNORECASE)) for index, text in enumerate(header)]
        columns = [
            Column(index, header[index], int(match["year"]) if _YEAR in alias else None)
            for index, match in matches
            if match
        ]
        if len({column.header.casefold() for column in columns}) < len(columns):
            raise StudyError.at(place, f"two columns are called {columns[0].header!r}", "keep one of them")
        found += sorted(columns, key=lambda column: column.year or 0)
    return tuple(found)


def _some(header: tuple[str, ...], most: int = 6) -> str:
    return ", ".join(map(repr, header[:most])) + (f" and {len(header) - most} more" if len(header) > most else "")

"""The cells of a CSV file: text, numbers and days, read strictly and never evaluated."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from forecast.errors import StudyError

# A thousands comma must stand where a thousands comma stands: `1,234` and `1,234,567.8`, not `1,5` or `12,34`.
_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_DAYS = {
    "yyyy-mm-dd": re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII),
    "dd/mm/yyyy": re.compile(r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})", re.ASCII),
    "mm/dd/yyyy": re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})", re.ASCII),
}
DAY_PATTERNS = tuple(_DAYS)
# Notes in published files run to tens of thousands of characters; the csv module stops at 131,072.
_LONGEST_CELL = 1 << 24


@dataclass(frozen=True)
class Sheet:
    """A CSV file as text.

    Parameters
    ----------
    header : tuple of str
        The first row that is not blank, tidied.
    rows : tuple of (int, tuple of str)
        Line on which the row starts, and its cells as they stand, as many as the header has.
    notes : tuple of str
        What a reader should know about the shape of the file.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()


def tidy(text: str) -> str:
    """Text on one line: runs of white space (line breaks and no-break spaces too) become one space.

    Examples
    --------
    >>> tidy("  Model   A (large) ")
    'Model A (large)'
    """
    return " ".join(text.split())


def same(text: str) -> str:
    """The key under which two spellings of a name are the same: case, spacing, kind of dash and apostrophe aside."""
    text = re.sub("[\u2010-\u2015\u2212]", "-", tidy(text))
    return text.replace("\u2019", "'").casefold()


def read_sheet(path: Path) -> Sheet:
    """Read a CSV file with a header row.

    Raises
    ------
    StudyError
        The file is missing, not UTF-8 text, not separated by commas, or breaks off inside a quoted cell.
    """
    place = str(path)
    text = _decode(path)
    rows: list[tuple[int, list[str]]] = []
    limit = csv.field_size_limit(_LONGEST_CELL)
    try:
        # strict: an unclosed quote would otherwise swallow the rest of the file without a word.
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        line = 1
        for row in reader:
            if row:
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise StudyError.at(
            f"{place}:{line}", f"the row that starts here is not CSV ({error})", "download or export the file again"
        ) from None
    finally:
        csv.field_size_limit(limit)
    rows = rows[next((i for i, (_, row) in enumerate(rows) if any(map(str.strip, row))), len(rows)) :]
    if not rows:
        raise StudyError.at(place, "the file is empty", "download or export it again")
    header = tuple(tidy(cell) for cell in rows[0][1])
    if len(header) == 1 and (mark := next((mark for mark in ";\t|" if mark in rows[0][1][0]), "")):
        raise StudyError.at(place, f"the columns are separated by {mark!r}", "export the file with commas")
    return _squared(place, header, rows[1:])


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StudyError.at(str(path), f"cannot be read ({error.strerror})", "check the path") from None
    if data.startswith(b"PK\x03\x04"):
        raise StudyError.at(str(path), "this is a spreadsheet or an archive, not text", "export it as CSV")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"not UTF-8 text (byte {data[error.start]:#04x} at position {error.start})"
        raise StudyError.at(str(path), what, "export it as CSV in UTF-8") from None


def _squared(place: str, header: tuple[str, ...], rows: Iterable[tuple[int, list[str]]]) -> Sheet:
    """Every row as wide as the header: blank cells are added or cut, filled ones are never cut."""
    width, short, out = len(header), 0, []
    for line, row in rows:
        if any(map(str.strip, row[width:])):
            raise StudyError.at(
                f"{place}:{line}", f"{len(row)} cells under {width} headers", "quote the cells that hold commas"
            )
        short += len(row) < width and any(map(str.strip, row))
        out.append((line, tuple(row[:width]) + ("",) * (width - len(row))))
    notes = (f"{short} rows have fewer cells than the header; the missing ones are read as blank",) if short else ()
    return Sheet(header, tuple(out), notes)


def number(text: str, blank: Collection[str], prefix: Iterable[str] = ()) -> float | None:
    """A number, or None for a blank cell.

    Parameters
    ----------
    text : str
        The cell.
    blank : collection of str
        What stands for "not stated", in lower case; the empty cell always does.
    prefix : iterable of str
        Marks that may stand before the number (a currency sign).

    Raises
    ------
    ValueError
        The cell is neither: ``about 5``, ``1.000,5``, ``1e20-1e21``, or too large for a float.

    Examples
    --------
    >>> number("$2,166.22", {"n/a"}, ["$"]), number("6.30000000001e+24", ()), number("N/A", {"n/a"})
    (2166.22, 6.30000000001e+24, None)
    """
    text = tidy(text)
    if not text or text.casefold() in blank:
        return None
    for mark in prefix:
        text = text.removeprefix(mark).lstrip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    value = float(text.replace(",", ""))  # refuses what is left: "", ".", "e5"
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def day(text: str, patterns: Iterable[str], blank: Collection[str] = ()) -> date | None:
    """A day, or None for a blank cell.

    Parameters
    ----------
    text : str
        The cell.
    patterns : iterable of str
        ``yyyy-mm-dd``, ``dd/mm/yyyy`` or ``mm/dd/yyyy``; the first that fits is taken.
    blank : collection of str
        What stands for "not stated", in lower case.

    Raises
    ------
    ValueError
        The cell fits none of the patterns, or there is no such day.

    Examples
    --------
    >>> day("28/05/2020", ["dd/mm/yyyy"])
    datetime.date(2020, 5, 28)
    """
    text = tidy(text)
    if not text or text.casefold() in blank:
        return None
    for pattern in patterns:
        if match := _DAYS[pattern].fullmatch(text):
            return date(**{part: int(digits) for part, digits in match.groupdict().items()})
    raise ValueError(text)


def month_first(text: str) -> bool:
    """Whether a day can only be read with the month first: ``05/28/2020``."""
    match = _DAYS["mm/dd/yyyy"].fullmatch(tidy(text))
    return match is not None and int(match["month"]) <= 12 < int(match["day"]) <= 31

"""What a report consists of: blocks of text, tables and pictures, which each renderer writes in its own way.

Text is plain everywhere: a renderer escapes it. What needs another face is wrapped in `Code` or `Strong`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forecast.report.prose import Prose


@dataclass(frozen=True)
class Code:
    """Text in the face of a name or a formula."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Text that stands out."""

    text: str


@dataclass(frozen=True)
class Aside:
    """Text that stands on a line of its own below what it goes with, smaller."""

    text: str


Span = str | Code | Strong | Aside
Cell = str | Code | Strong | tuple[Span, ...]


@dataclass(frozen=True)
class Heading:
    """A heading; `name` is its anchor."""

    level: int
    text: str
    name: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; the `lead` is the answer, in larger type."""

    spans: tuple[Span, ...]
    lead: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a header row; cells of the first column are headers of their rows.

    Parameters
    ----------
    caption : str
    header : tuple of str
    rows : tuple of tuple of Cell
    numbers : tuple of int
        Columns aligned to the right.
    number : int
        Its number in the report; 0 for none.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: tuple[int, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Picture:
    """A figure.

    Parameters
    ----------
    name : str
        Unique in the report; of its file, where it gets one.
    svg : str
    alt : str
        What it shows, in words that do without it.
    caption : str
        How to read it.
    number : int
        Its number in the report; 0 for none.
    """

    name: str
    svg: str
    alt: str
    caption: str
    number: int = 0


@dataclass(frozen=True)
class Entry:
    """One of a list of definitions: a term with the gist of it, and paragraphs or code about it.

    A page may fold it: what is needed to pass over it is in the term.
    """

    term: tuple[Span, ...]
    about: tuple[tuple[Span, ...] | Code, ...]


@dataclass(frozen=True)
class Entries:
    """A list of definitions."""

    entries: tuple[Entry, ...]


Block = Heading | Paragraph | Table | Picture | Entries | Prose


def plain(cell: Cell) -> str:
    """A cell's text without faces, and without what stands below it."""
    spans: Sequence[Span] = cell if isinstance(cell, tuple) else (cell,)
    return "".join(span if isinstance(span, str) else span.text for span in spans if not isinstance(span, Aside))


def spans_of(cell: Cell) -> tuple[Span, ...]:
    """A cell as spans."""
    return cell if isinstance(cell, tuple) else (cell,)

"""Text in the columns of a terminal: how wide it is, broken into lines, lined up in tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence


def width_of(text: str) -> int:
    """Columns that a text takes: East Asian characters take two, combining marks none.

    Examples
    --------
    >>> width_of("cost"), width_of("費用")
    (4, 4)
    """
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int, left: bool = True) -> str:
    """A text with spaces behind it, or before it, so that it takes so many columns."""
    spaces = " " * (width - width_of(text))
    return text + spaces if left else spaces + text


def broken(text: str, columns: int) -> list[str]:
    """A text in lines of at most so many columns, broken between words where they are shorter.

    Where there are several, each leaves room for an indent of two, as those after the first may be given; runs of
    spaces are kept.

    Examples
    --------
    >>> broken("what it costs to train", 14)
    ['what it', 'costs to', 'train']
    """
    lines: list[str] = []
    while width_of(text) > columns - (2 if lines else 0):
        room = next(i for i in range(len(text), 0, -1) if i == 1 or width_of(text[:i]) <= columns - 2)
        end = text.rfind(" ", 0, room + 1)
        end = end if end > 0 else room
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*lines, text] if text else lines


def wrapped(text: str, columns: int) -> list[str]:
    """An indented text in lines of at most so many columns, those after the first indented by two more.

    Examples
    --------
    >>> wrapped("  price: what it costs", 16)
    ['  price: what', '    it costs']
    """
    margin = " " * (len(text) - len(text.lstrip()))
    first, *more = broken(text.strip(), columns - len(margin)) or [""]
    return [margin + first, *(f"{margin}  {part}" for part in more)]


def lined_up(rows: Sequence[Sequence[str]], left: Collection[int] = (0,), gap: int = 3) -> list[str]:
    """Rows of cells as lines.

    Parameters
    ----------
    rows : sequence of sequence of str
        As many cells in each.
    left : collection of int
        The columns of words; numbers, in all others, stand to the right.
    gap : int
        Spaces between columns.

    Examples
    --------
    >>> lined_up([("cost", "1.5"), ("growth", "10")])
    ['cost     1.5', 'growth    10']
    """
    widths = [max(width_of(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [(" " * gap).join(padded(cell, widths[i], i in left) for i, cell in enumerate(row)).rstrip() for row in rows]

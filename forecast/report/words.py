"""Intervals, correlations, counts and texts of others as they stand in figures and tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from forecast.report.blocks import Aside, Cell
from forecast.result import Interval
from forecast.text import ends

LONGEST = 400  # characters of a text that somebody else wrote, such as a question or a source
_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # marks that turn text


def signed(rho: float) -> str:
    """A correlation with its sign.

    Examples
    --------
    >>> signed(-1.0), signed(0.0), signed(0.5)
    ('−1', '0', '+0.5')
    """
    return f"{rho:+g}".replace("-", "−") if rho else "0"


def interval_words(interval: Interval, years: Sequence[float]) -> str:
    """Ends and median in words."""
    low, median, high = ends(interval, years)
    return f"{low} … {median} … {high}"


def interval_cell(interval: Interval, years: Sequence[float]) -> Cell:
    """The median with the interval below it; one figure where nothing is uncertain."""
    low, median, high = ends(interval, years)
    return median if low == median == high else (median, Aside(f"{low} … {high}"))


def counted(number: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "entry"), counted(2, "entry"), counted(3, "outcome")
    ('1 entry', '2 entries', '3 outcomes')
    """
    many = f"{noun[:-1]}ies" if noun.endswith(("ry", "ty")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def clean(text: str) -> str:
    """A text of others in one line, without what could turn the text around it, and not too long.

    Examples
    --------
    >>> clean("What\\x07 is\\n\\u202eit?")
    'What is it?'
    """
    kept = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text if c not in _DIRECTIONS)
    words = " ".join(kept.split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"

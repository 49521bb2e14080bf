"""The figures as CSV (RFC 4180): raw numbers with a unit column, and no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FIGURES = ("low", "median", "high", "mean")
HEADER = (
    "quantity",
    "year",
    "label",
    "unit",
    "prob",
    *FIGURES,
    *(f"mcse_{name}" for name in FIGURES),
    "never",
    "already",
    "threshold",
    "prob_above",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(record: Mapping[str, Any]) -> str:
    """The JSON of a run as CSV, a line for each quantity, year and threshold.

    Parameters
    ----------
    record : mapping
        `forecast.export.to_json`.

    Returns
    -------
    str
        Lines end in CR LF. Numbers are written in full; infinity is ``inf``.
    """
    lines = [",".join(HEADER)]
    lines += [",".join(_cell(value) for value in row) for row in _rows(record)]
    return "\r\n".join(lines) + "\r\n"


def _rows(record: Mapping[str, Any]) -> Iterator[list[Any]]:
    for name, entry in record["quantities"].items():
        by_year = entry.get("by_year")
        for year, figures in by_year.items() if by_year is not None else (("", entry),):
            common = [name, _Number(year) if year else "", entry["label"], entry["unit"], entry["prob"]]
            common += [_number(figures[key]) for key in FIGURES]
            common += [_number(figures["mcse"][key]) for key in FIGURES]
            common += [figures["never"], figures["already"]]
            above = figures.get("prob_above", {})
            yield from ([*common, text, prob] for text, prob in above.items())
            if not above:
                yield [*common, "", ""]


class _Number(str):
    """Text that is a number, whatever it begins with."""


def _number(value: float | str | None) -> Any:
    return "" if value is None else _Number(value) if isinstance(value, str) else value


def _cell(value: Any) -> str:
    """One cell.

    Examples
    --------
    >>> _cell("=1+1"), _cell(-2.5), _cell('say "cost", say'), _cell("plain")
    ("'=1+1", '-2.5', '"say ""cost"", say"', 'plain')
    """
    if isinstance(value, (_Number, float, int)):
        return str(value) if isinstance(value, _Number) else repr(value)
    text = str(value)
    if text.lstrip(" ").startswith(_FORMULA):
        text = "'" + text
    if any(c in text for c in ',"\r\n') or text != text.strip():
        text = '"' + text.replace('"', '""') + '"'
    return text

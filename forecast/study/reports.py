"""Report definitions: ``reports/*.md``, Markdown with a TOML header that says what is told."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from forecast.errors import Problem, nearest
from forecast.toml import read_toml

_FIELDS = {"title", "quantities", "years", "prob", "seed", "thresholds", "headline", "figures", "date", "notes"}
_HEADER = re.compile(r"\A\+\+\+\s*\n(.*?)^\+\+\+\s*$\n?(.*)\Z", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Report:
    """What a report tells.

    Parameters
    ----------
    name : str
        File name without ending.
    title : str
    quantities : tuple of str
        What its table shows: ``crossing_year``, or ``largest_run_cost@2025`` for one year.
    years : tuple of float
        The year axis of every quantity, ascending; a crossing later than its end is "never by" it.
    prob : float
        Probability of the equal-tailed credible intervals.
    seed : int
    thresholds : mapping of str to tuple of str
        For a quantity, values with units: the probability of exceeding each is told.
    text : str
        The Markdown below the header.
    place : str
    headline : tuple of str
        What the first sentences answer: some of `quantities`; the first one where left out.
    figures : tuple of str or None
        ``KIND``, ``KIND QUANTITY`` or ``dots QUANTITY THRESHOLD``; every figure that suits a quantity where left out.
    date : str
        Of the report, as it is to be printed; nothing is printed where left out.
    notes : tuple of str
        Sentences that stand below the main table.
    line : int
        Of the file, on which `text` begins.
    """

    name: str
    title: str = ""
    quantities: tuple[str, ...] = ()
    years: tuple[float, ...] = ()
    prob: float = 0.9
    seed: int = 0
    thresholds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""
    place: str = ""
    headline: tuple[str, ...] = ()
    figures: tuple[str, ...] | None = None
    date: str = ""
    notes: tuple[str, ...] = ()
    line: int = 1


def read_report(relative: str, text: str, problems: list[Problem]) -> Report | None:
    """Read a report definition.

    Parameters
    ----------
    relative : str
        Path relative to the study.
    text : str
    problems : list of Problem
        What is wrong is added to it.
    """
    match = _HEADER.match(text)
    if match is None:
        what = "its header has no end" if text.startswith("+++") else "has no header"
        problems.append(Problem(relative, what, "begin it with a line +++, TOML, and a line +++"))
        return None
    unread: list[Problem] = []
    header = read_toml(relative, match.group(1), unread, first=2)
    if unread:  # nothing else in a study follows from a report
        problems.extend(replace(problem, hides=False) for problem in unread)
        return None
    place = f"{relative} header"
    for key in header:
        if key not in _FIELDS:
            problems.append(
                Problem(
                    place,
                    f"unknown field '{key}'",
                    nearest(key, _FIELDS) or f"known fields: {', '.join(sorted(_FIELDS))}",
                )
            )
    quantities = header.get("quantities", [])
    if not (isinstance(quantities, list) and quantities and all(isinstance(q, str) for q in quantities)):
        problems.append(
            Problem(
                place,
                f"quantities is not a list of names ({quantities!r})",
                'write quantities = ["training_cost", "largest_run_cost@2030"]',
            )
        )
        quantities = []
    thresholds: dict[str, tuple[str, ...]] = {}
    for name, values in _table(header.get("thresholds", {}), place, problems).items():
        if "@" in name:
            bare = name.partition("@")[0]
            problems.append(Problem(place, f"a threshold counts in every year ('{name}')", f"write '{bare}'"))
        thresholds[name] = tuple(map(str, values if isinstance(values, list) else [values]))
    prob = header.get("prob", 0.9)
    if isinstance(prob, bool) or not isinstance(prob, (int, float)) or not 0 < prob < 1:
        problems.append(Problem(place, f"prob is not a number between 0 and 1 ({prob!r})", "write prob = 0.9"))
        prob = 0.9
    notes = header.get("notes", [])
    if not (isinstance(notes, list) and all(isinstance(note, str) for note in notes)):
        problems.append(Problem(place, f"notes is not a list of sentences ({notes!r})", 'write notes = ["…"]'))
        notes = []
    seed = header.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        problems.append(Problem(place, f"seed is not a whole number from 0 up ({seed!r})", "write seed = 1"))
        seed = 0
    headline = _texts(header, "headline", 'write headline = ["training_cost"]', place, problems)
    for name in headline:
        if name not in quantities:
            problems.append(
                Problem(
                    place,
                    f"the headline '{name}' is not among the quantities",
                    nearest(name, quantities) or "add it to quantities",
                )
            )
    return Report(
        name=relative.rsplit("/", 1)[-1].removesuffix(".md"),
        title=str(header.get("title", "")),
        quantities=tuple(quantities),
        years=read_years(header.get("years", []), place, problems),
        prob=float(prob),
        seed=seed,
        thresholds=thresholds,
        notes=tuple(notes),
        text=match.group(2),
        place=place,
        headline=headline,
        figures=_texts(header, "figures", 'write figures = ["fan largest_run_cost", "tornado"]', place, problems)
        if "figures" in header
        else None,
        date=str(header.get("date", "")),
        line=1 + text[: match.start(2)].count("\n"),
    )


def read_years(value: Any, place: str, problems: list[Problem]) -> tuple[float, ...]:
    """Years from a list of numbers or a text such as ``"2022 to 2100"``, ascending.

    Examples
    --------
    >>> read_years("2024 to 2026", "--years", [])
    (2024.0, 2025.0, 2026.0)
    """
    remedy = 'write "2022 to 2100", or numbers that ascend'
    written: Any = value
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{4})\s*(?:to|-|:|\.\.|–)\s*(\d{4})\s*", value)
        if match:
            first, last = int(match.group(1)), int(match.group(2))
            value = list(range(first, last + 1)) or [first, last]
        else:
            value = value.replace(",", " ").split() or None
    try:
        years = tuple(float(year) for year in value)
    except (TypeError, ValueError):
        problems.append(Problem(place, f"these are not years ({written!r})", remedy))
        return ()
    if not all(math.isfinite(year) and abs(year) < 1e5 for year in years):
        problems.append(Problem(place, f"these are not years ({written!r})", remedy))
        return ()
    if any(b <= a for a, b in zip(years, years[1:], strict=False)):
        problems.append(Problem(place, f"the years do not ascend ({written!r})", remedy))
        return ()
    return years


def _texts(header: Mapping[str, Any], key: str, remedy: str, place: str, problems: list[Problem]) -> tuple[str, ...]:
    """A list of texts, or one text."""
    value = header.get(key, [])
    value = [value] if isinstance(value, str) else value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    problems.append(Problem(place, f"{key} is not a list of texts ({value!r})", remedy))
    return ()


def _table(value: Any, place: str, problems: list[Problem]) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    problems.append(
        Problem(
            place, f"thresholds is not a table ({value!r})", 'write thresholds = { training_cost = ["1B USD_2023"] }'
        )
    )
    return {}

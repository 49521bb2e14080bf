"""Trend tables in prior files: which series, which rows, which curve, and what is believed of it beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forecast.distribution import Distribution
from forecast.errors import Problem, StudyError, nearest
from forecast.trend.selection import Selection
from forecast.trend.series import Series, decimal_year
from forecast.trend.spec import SHAPES, TrendSpec, check

_PRIORS = ("level", "growth", "change", "kink", "scatter", "dof", "group_level", "group_growth")
_ROWS = ("series", "value", "where", "from", "to", "record_fraction", "top_per_year", "group", "of_group", "average")
_TEXTS = ("label", "unit", "source", "note")
_FIT = ("trend", "noise", "route", "level_year", "kink_prob", "rate_years", "draws", "chains", "tune", "seed")
_WORDS = ("noise", "route", "value", "group", "of_group", "average")
# Least value and an example; whole numbers have a whole one.
_NUMBERS: dict[str, tuple[float, float | int]] = {
    "level_year": (-math.inf, 2018.0),
    "kink_prob": (-math.inf, 0.5),
    "rate_years": (0.1, 3.0),
    "draws": (400, 32000),
    "chains": (0, 4),
    "tune": (1, 1000),
    "seed": (0, 0),
    "top_per_year": (1, 10),
}
_OWN = ("level_year", "seed", "top_per_year")  # numbers that are not passed on to the spec by name
_FIELDS = {*_PRIORS, *_ROWS, *_TEXTS, *_FIT}
Parse = Callable[[Any, str], Distribution]

# What a trend defines besides its mean line: suffix, label, unit (empty: the trend's own).
PARTS = (
    ("new", "{label}: a new system (posterior predictive)", None),
    ("record", "{label}: the running record", None),
    ("growth", "Growth of {name}", "OOM/year"),
    ("growth_before", "Growth of {name} before its kink", "OOM/year"),
    ("change", "Change of the growth of {name} at its kink", "OOM/year"),
    ("kink", "Year of the kink of {name}", "year"),
    ("kinked", "Whether {name} has a kink (1) or not (0)", ""),
    ("level", "Level of {name} in its reference year, log10 of its unit", "OOM"),
    ("scatter", "Scatter of systems around {name}", "OOM"),
    ("rate", "New systems a year of {name}", "1/year"),
)


@dataclass(frozen=True)
class Trend:
    """A trend declared in a study.

    Parameters
    ----------
    name, label, unit, source, note, place : str
    series : str
        Path of the evidence table below ``priors/``.
    selection : Selection
    spec : TrendSpec
    seed : int
        Of the fit.
    of_group : str
        The group that a hierarchy's quantities are of; those between the groups where left empty.
    """

    name: str
    label: str
    unit: str
    source: str
    series: str
    selection: Selection
    spec: TrendSpec
    seed: int = 0
    note: str = ""
    place: str = ""
    of_group: str = ""

    @property
    def grouped(self) -> bool:
        """Whether it is a hierarchy over groups."""
        return self.spec.group_level is not None or self.spec.group_growth is not None


@dataclass(frozen=True)
class Curve:
    """One of the quantities that a trend defines: a curve with a year axis, or a parameter.

    Parameters
    ----------
    name, label, unit, source, place, note : str
    trend : str
        The trend's name.
    part : str
        ``line``, ``new``, ``record`` or a parameter's name.
    """

    name: str
    label: str
    unit: str
    source: str
    trend: str
    part: str
    place: str = ""
    note: str = ""


def curves(trend: Trend) -> tuple[Curve, ...]:
    """Every quantity that a trend defines.

    A hierarchy between whose groups the curve lies has no new system and no running record: these are of some group.
    """
    common = {"source": trend.source, "trend": trend.name, "place": trend.place, "note": trend.note}
    name = f"{trend.label}, {trend.of_group}" if trend.of_group else trend.label
    made = [Curve(trend.name, f"{name}: mean line", trend.unit, part="line", **common)]
    for part, label, unit in PARTS:
        if part in ("growth_before", "change", "kink", "kinked") and not trend.spec.kinked:
            continue
        if part == "kinked" and trend.spec.shape != "average":
            continue
        if part in ("new", "record") and trend.grouped and not trend.of_group:
            continue
        text = label.format(label=name, name=trend.name)
        if part == "growth" and trend.spec.kinked:
            text += ", as it is now"
        made.append(Curve(f"{trend.name}_{part}", text, trend.unit if unit is None else unit, part=part, **common))
    return tuple(made)


def read_trend(name: str, table: Mapping[str, Any], place: str, parse: Parse, problems: list[Problem]) -> Trend | None:
    """Read a table that has ``trend = "straight" | "kinked" | "average"``.

    Parameters
    ----------
    name : str
    table : mapping
    place : str
    parse : callable
        Text and place to `Distribution`.
    problems : list of Problem
        What is wrong is added to it.
    """
    before = len(problems)
    for key in table:
        if key not in _FIELDS:
            problems.append(
                Problem(
                    place,
                    f"unknown field '{key}' of a trend",
                    nearest(key, _FIELDS) or f"known fields: {', '.join(sorted(_FIELDS))}",
                )
            )
    for key in ("label", "unit", "source", "series"):
        if not isinstance(table.get(key), str) or (key != "unit" and not table[key].strip()):
            problems.append(Problem(place, f"a trend has no {key}", f'write {key} = "…"'))
    if table["trend"] not in SHAPES:
        problems.append(
            Problem(
                place,
                f"unknown trend '{table['trend']}'",
                nearest(str(table["trend"]), SHAPES) or f"use {', '.join(SHAPES)}",
            )
        )
    priors: dict[str, Any] = {}  # fields of a TrendSpec by name
    for key in _PRIORS:
        if key in table:
            try:
                priors[key] = parse(table[key], f"{place} {key}")
            except StudyError as error:
                problems.extend(error.problems)
    for key in ("level", "growth", "scatter"):
        if key not in table:
            problems.append(
                Problem(
                    place,
                    f"a trend has no prior of its {key}",
                    f'write {key} = "normal LOW to HIGH" in {"OOM/year" if key == "growth" else "OOM"}',
                )
            )
    settings = {key: table[key] for key in ("noise", "route", *_NUMBERS) if key in table and key not in _OWN}
    _check_fields(table, place, problems)
    if "level_year" not in table:
        problems.append(
            Problem(place, "a trend has no level_year", "name the year that the prior of its level refers to")
        )
    if len(problems) > before:
        return None
    selection = _selection(table, place, problems)
    if len(problems) > before or selection is None:
        return None
    settings |= {key: int(settings[key]) for key in ("draws", "chains", "tune") if key in settings}
    spec = TrendSpec(str(table["trend"]), float(table["level_year"]), **priors, **settings)
    return Trend(
        name,
        table["label"].strip(),
        table["unit"].strip(),
        " ".join(table["source"].split()),
        table["series"],
        selection,
        spec,
        int(table.get("seed", 0)),
        " ".join(str(table.get("note", "")).split()),
        place,
        str(table.get("of_group", "")),
    )


def _check_fields(table: Mapping[str, Any], place: str, problems: list[Problem]) -> None:
    """Words that are words, and numbers within their bounds."""
    for key in _WORDS:
        if not isinstance(table.get(key, ""), str):
            problems.append(Problem(place, f"{key} is not a text ({table[key]!r})", f'write {key} = "…"'))
    for key, (least, example) in _NUMBERS.items():
        value = table.get(key, example)
        if not _is_number(value) or not math.isfinite(value):
            problems.append(Problem(place, f"{key} is not a number ({value!r})", f"write {key} = {example}, say"))
        elif isinstance(example, int) and value != int(value):
            problems.append(Problem(place, f"{key} is not a whole number ({value})", f"write {key} = {example}, say"))
        elif value < least:
            problems.append(Problem(place, f"{key} is below {least:g} ({value})", f"write {key} = {example}, say"))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_trend(trend: Trend, data: Series) -> None:
    """Refuse a trend that cannot be fitted to its series, or is to be of a group that the series has not.

    Raises
    ------
    StudyError
        See `forecast.trend.spec.check`.
    """
    check(trend.spec, data, trend.place)
    if trend.of_group and not trend.grouped:
        raise StudyError.at(trend.place, "of_group without a hierarchy", 'add group_level = "…", or leave it out')
    if trend.of_group and trend.of_group not in data.groups:
        what = f"no row of {data.name} is in group '{trend.of_group}'"
        raise StudyError.at(trend.place, what, nearest(trend.of_group, data.groups) or f"name {', '.join(data.groups)}")


def _selection(table: Mapping[str, Any], place: str, problems: list[Problem]) -> Selection | None:
    where = table.get("where", {})
    if not isinstance(where, dict):
        problems.append(Problem(place, f"where is not a table ({where!r})", 'write where = { basis = "rented" }'))
        return None
    words = tuple((key, tuple(map(str, value if isinstance(value, list) else [value]))) for key, value in where.items())
    for key in ("from", "to"):
        try:
            decimal_year(str(table.get(key, "2022")))
        except StudyError as error:
            problems += [Problem(f"{place} {key}", problem.what, problem.remedy) for problem in error.problems]
    fraction = table.get("record_fraction")
    if fraction is not None and not (_is_number(fraction) and 0 < fraction < math.inf):
        what = f"record_fraction is not a positive number ({fraction!r})"
        problems.append(Problem(place, what, "write record_fraction = 0.1 for 10%"))
    return Selection(
        str(table.get("value", "")),
        words,
        str(table.get("from", "")),
        str(table.get("to", "")),
        table.get("record_fraction"),
        None if "top_per_year" not in table else int(table["top_per_year"]),
        str(table.get("group", "")),
        str(table.get("average", "")),
    )

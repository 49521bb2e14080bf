"""What must hold of a study as a whole: one definition each, units that fit, reports and trends that exist."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.distribution.number import parse_number
from forecast.errors import Problem, StudyError, nearest
from forecast.graph import YEAR, Function, ancestors
from forecast.memo import Memo
from forecast.study.models import model_files, read_models
from forecast.study.priors import Dependence, Prior, little_left
from forecast.study.purity import WORLDS, check_purity
from forecast.study.reports import Report
from forecast.units import UnitSystem, conversion, undated_note, unit

if TYPE_CHECKING:
    from forecast.trend.files import Curve, Trend

CHECK_YEARS = (2025.0, 2026.0, 2030.0)  # at which the unit check runs the functions
_TRIED = "tried/2"  # under which what a study was found to be is remembered: to be raised when other things are checked


def no_second_definition(
    priors: Mapping[str, Prior | Curve], functions: Mapping[str, Function], problems: list[Problem]
) -> None:
    for name in priors:
        if name in functions:
            problems.append(
                Problem(
                    priors[name].place,
                    f"a quantity has one definition, and {functions[name].place} {name}() defines this one too",
                    "rename or delete one; a scenario replaces a quantity with --set",
                )
            )
        if name == YEAR:
            problems.append(Problem(priors[name].place, "'year' is supplied by the engine", "rename the prior"))


def check_dependences(
    dependences: tuple[Dependence, ...], priors: Mapping[str, Prior], declared: frozenset[str], problems: list[Problem]
) -> None:
    names = {*priors, *declared}
    seen: dict[frozenset[str], str] = {}
    banded = [dependence for dependence in dependences if dependence.band]
    problems.extend(
        Problem(other.place, f"has band = true, as {banded[0].place} has", "show the band of one dependence only")
        for other in banded[1:]
    )
    for dependence in dependences:
        pair = frozenset(dependence.between)
        if pair in seen:
            problems.append(
                Problem(
                    dependence.place,
                    f"{' and '.join(dependence.between)} are related in {seen[pair]} too",
                    "delete one",
                )
            )
        seen[pair] = dependence.place
        for name in dependence.between:
            if name not in names:
                hint = nearest(name, names) or "only priors can be related; relate those that a quantity follows from"
                problems.append(Problem(dependence.place, f"there is no prior '{name}'", hint))
            elif name in priors and priors[name].distribution.family == "point" and not priors[name].alternatives:
                problems.append(
                    Problem(
                        dependence.place,
                        f"'{name}' is certain ({priors[name].distribution.text}), so that nothing depends on it",
                        "give it an interval, or delete the dependence",
                    )
                )


def repairs(dependences: tuple[Dependence, ...]) -> list[str]:
    """What is changed in rank correlations that cannot all hold at once, a sentence a pair."""
    if len(dependences) < 2:
        return []
    from forecast.dependence import factor

    pairs = {d.between: d.rank_correlation for d in dependences}
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    return [
        f"the rank correlations cannot all hold at once: that of {one} and {other} is {after:.2f}, not {before:g}"
        for (one, other), (before, after) in factor(names, pairs).changes.items()
    ]


def check_reports(reports: Mapping[str, Report], names: Sequence[str], problems: list[Problem]) -> None:
    for report in reports.values():
        for request in (*report.quantities, *report.thresholds):
            name, _, year = request.partition("@")
            if name not in names:
                problems.append(
                    Problem(
                        report.place,
                        f"there is no quantity '{name}'",
                        nearest(name, names) or "'forecast check' lists them",
                    )
                )
            if year and not _is_number(year):
                problems.append(
                    Problem(report.place, f"'{request}' does not name a year ({year})", f"write {name}@2030")
                )
            elif year and report.years and float(year) not in report.years:
                problems.append(
                    Problem(
                        report.place,
                        f"the year of '{request}' is not among the report's years "
                        f"({report.years[0]:g} to {report.years[-1]:g})",
                        "widen years",
                    )
                )


def check_years(
    reports: Mapping[str, Report],
    priors: Mapping[str, Prior],
    functions: Mapping[str, Function],
    problems: list[Problem],
) -> None:
    """No report asks for a year of a quantity that does not follow from the year."""
    for report in reports.values():
        for request in report.quantities:
            name, _, year = request.partition("@")
            timeless = name in priors or name in functions and ancestors([name], functions) <= {*priors, *functions}
            if year and timeless:
                problems.append(Problem(report.place, f"'{name}' has no year axis ({request})", f"write '{name}'"))


@dataclass(frozen=True)
class Parts:
    """What a study was read into, before it is known to be sound."""

    root: Path
    files: Mapping[str, str]
    units: UnitSystem
    priors: Mapping[str, Prior]
    trends: Mapping[str, Trend]
    curves: Mapping[str, Curve]
    functions: Mapping[str, Function]
    sequence: Sequence[str] | None  # None: the functions do not hang together
    reports: Mapping[str, Report]


def check_units(parts: Parts, memo: Memo, digest: str, problems: list[Problem]) -> dict[str, Any]:
    """Factors, labels, thresholds, fit keys, notes; tries the functions, unless that is remembered."""
    known = memo.get(_TRIED, digest)
    if known is not None and not problems:
        return dict(known)
    units = parts.units
    factors, labels, notes = {YEAR: 1.0}, {YEAR: YEAR}, []
    for place, name, text in (
        *((prior.place, prior.name, prior.unit) for prior in parts.priors.values()),
        *((curve.place, curve.name, curve.unit) for curve in parts.curves.values()),
        *(
            (f"{function.place} {function.name}()", function.name, function.unit)
            for function in parts.functions.values()
        ),
    ):
        try:
            read = unit(units, text, place)
        except StudyError as error:
            problems.extend(error.problems)
            continue
        factors[name], labels[name] = read.factor, read.label
        if name not in parts.functions and read.undated:
            notes.append(f"{place}: {undated_note(units, read)}; write the year to say so")
        if name in parts.priors and (text := _percentage_of_oom(parts.priors[name])):
            notes.append(f"{place}: {text}")
        if name in parts.priors:
            prior = parts.priors[name]
            each = [prior.distribution, *(other.distribution for other in prior.alternatives)]
            notes += [f"{place}: {text}" for found in each if (text := little_left(found))]
    thresholds: dict[str, dict[str, float]] = {}
    for report in parts.reports.values():
        for name, texts in report.thresholds.items():
            for text in texts if name in labels else ():
                try:
                    thresholds.setdefault(name, {})[text] = threshold(
                        units, text, labels[name], f"{report.place} thresholds"
                    )
                except StudyError as error:
                    problems.extend(error.problems)
    fits = _check_trends(parts, problems)
    if not problems and parts.sequence is not None:
        typical: dict[str, tuple[Any, str]] = {
            p.name: (float(p.distribution.quantile(0.5)) * factors[p.name], p.unit) for p in parts.priors.values()
        }
        typical |= {curve.name: (_typical(curve) * factors[curve.name], curve.unit) for curve in parts.curves.values()}
        from forecast.units.check import check

        functions = [parts.functions[name] for name in parts.sequence]
        problems.extend(check(units, functions, typical, CHECK_YEARS))
        if not problems:
            afresh = read_models(model_files(parts.files), parts.root, [])
            problems.extend(check_purity(functions, _few_worlds(parts, factors), afresh))
    checked = {
        "factors": factors,
        "labels": labels,
        "thresholds": thresholds,
        "fits": fits,
        "notes": list(dict.fromkeys(notes)),
    }
    if not problems:
        memo.put(_TRIED, digest, checked)
    return checked


def _percentage_of_oom(prior: Prior) -> str:
    """What is odd about a percentage in orders of magnitude: 30% growth a year is 0.11 OOM/year, and not 0.3."""
    written = re.search(r"[\d.]+%(?!\s*[=)])", prior.distribution.text)  # no level: (80%), 5%=1
    logarithmic = re.search(r"\b(OOM|doubling)\b", prior.unit)
    if not (written and logarithmic):
        return ""
    return (
        f"{written[0]} is a part of one {logarithmic[0]}, not growth by {written[0]}; write a decimal number to say so"
    )


def _few_worlds(parts: Parts, factors: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Values of everything that is not a function in a few worlds, in base units."""
    levels = (np.arange(WORLDS) + 0.5) / WORLDS
    values = {YEAR: np.array(CHECK_YEARS)[:, None]}
    for prior in parts.priors.values():
        certain = prior.distribution.family == "point"
        values[prior.name] = np.asarray(prior.distribution.quantile(levels[:1] if certain else levels))
    values |= {curve.name: _typical(curve) + levels for curve in parts.curves.values()}
    return {name: value * factors[name] for name, value in values.items()}


def _check_trends(parts: Parts, problems: list[Problem]) -> dict[str, str]:
    """Read each trend's series and declaration, and give the hash of what its fit depends on."""
    if not parts.trends:
        return {}
    from forecast.trend.files import check_trend
    from forecast.trend.record import fit_key
    from forecast.trend.selection import select
    from forecast.trend.tables import read_table

    keys = {}
    for trend in parts.trends.values():
        path = f"priors/{trend.series}"
        try:
            if path not in parts.files:
                tables = [file.removeprefix("priors/") for file in parts.files if file.startswith("priors/evidence/")]
                raise StudyError.at(
                    trend.place,
                    f"there is no series '{trend.series}'",
                    nearest(trend.series, tables) or "name a table such as evidence/costs.csv",
                )
            data = select(read_table(path, parts.files[path]), trend.selection, trend.unit, parts.units, trend.place)
            check_trend(trend, data)
            keys[trend.name] = fit_key(data, trend.spec, trend.seed)
        except StudyError as error:
            problems.extend(error.problems)
    return keys


def _typical(curve: Curve) -> np.ndarray:
    """A value of a trend's quantity at which the unit check runs the functions."""
    if curve.part in ("line", "new", "record"):
        return np.ones((len(CHECK_YEARS), 1))
    return np.array(CHECK_YEARS[0] if curve.part == "kink" else 0.5)


def threshold(units: UnitSystem, text: str, target: str, place: str) -> float:
    """A value with a unit, such as ``1B USD_2023``, in another unit; a bare number is already in it.

    Raises
    ------
    StudyError
        The text is no number, or its unit is of another kind.
    """
    number, _, written = text.strip().partition(" ")
    value = parse_number(number, place)
    return value * conversion(units, written, target, place) if written.strip() else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

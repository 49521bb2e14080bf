"""Whether a report's definition can be told: its fields and its figures, without running the study."""

from __future__ import annotations

import re
from collections.abc import Collection

from forecast.errors import Problem, StudyError, nearest
from forecast.graph import YEAR
from forecast.report.fields import OF_QUANTITY, OF_REPORT
from forecast.report.plots import KINDS, threshold_value
from forecast.report.prose import fields_of
from forecast.sampling import request_of
from forecast.study import Study
from forecast.study.reports import Report

FIGURES = (*KINDS, "trend", "shift", "scenarios", "calibration")

_OF_ALL = {"shift": "that the evidence moved", "calibration": "forecasts of the ledger"}


def problems_of(study: Study, report: Report, names: Collection[str] | None = None) -> list[Problem]:
    """Everything that is wrong with a report's figures and fields.

    Parameters
    ----------
    study : Study
    report : Report
    names : collection of str, optional
        What the run reports, ``name`` or ``name@year``; what the header may come to where left out.

    Returns
    -------
    list of Problem
        With the line of each field.
    """
    found = [problem for text in report.figures or () for problem in _figure(study, report, text)]
    known = _names(report) if names is None else names
    place = report.place.removesuffix(" header")
    for field, line in fields_of(report.text):
        try:
            check_field(study, known, field)
        except StudyError as error:
            found += [Problem(f"{place}:{report.line + line}", p.what, p.remedy) for p in error.problems]
    return found


def _names(report: Report) -> list[str]:
    """What a header may come to: a quantity without a year has one figure, or one for each year."""
    years = [f"{quantity}@{year:g}" for quantity in report.quantities if "@" not in quantity for year in report.years]
    return [*report.quantities, *years]


def _figure(study: Study, report: Report, text: str) -> list[Problem]:
    kind, _, rest = text.strip().partition(" ")
    quantity, _, limit = rest.strip().partition(" ")
    name = quantity.partition("@")[0]
    if kind not in FIGURES:
        hint = nearest(kind, FIGURES) or f"use {', '.join(FIGURES)}"
        return [Problem(report.place, f"there is no figure '{kind}'", hint)]
    known = study.trends if kind == "trend" else study.names
    if name and name not in known:
        what, hint = ("trend" if kind == "trend" else "quantity"), nearest(name, known) or "'forecast check' lists them"
        return [Problem(report.place, f"figure '{text}': there is no {what} '{name}'", hint)]
    if name and kind in _OF_ALL:
        return [Problem(report.place, f"figure '{text}': one figure shows all {_OF_ALL[kind]}", f"write '{kind}'")]
    if name and kind == "crossing" and study.labels[name] != YEAR:
        return [Problem(report.place, f"figure '{text}': {name} is no crossing year", "write 'dots' or 'histogram'")]
    if name and kind in ("band", "scenarios") and quantity not in _names(report):
        what = f"figure '{text}': '{quantity}' is not among the quantities"
        return [Problem(report.place, what, nearest(quantity, _names(report)) or "add it to quantities")]
    if kind == "dots" and limit.strip():
        try:
            threshold_value(study, name, limit.strip())
        except StudyError as error:
            return [Problem(report.place, f"figure '{text}': {p.what}", p.remedy) for p in error.problems]
    return []


def check_field(study: Study, names: Collection[str], field: str) -> None:
    """Raise `StudyError` for a field that does not exist, or belongs to no reported quantity.

    Parameters
    ----------
    study : Study
    names : collection of str
        Reported quantities, ``name`` or ``name@year``.
    field : str
    """
    if field in OF_REPORT:
        return
    name, point, what = (part.strip() for part in field.partition("."))
    if not point:
        hint = nearest(field, [*OF_REPORT, *names]) or "write {{ quantity.interval }}, say"
        raise StudyError.at("", f"there is no field '{field}'", hint)
    if name not in names:
        hint = nearest(name, names) or "a template can place what the header lists under quantities"
        raise StudyError.at("", f"field '{field}' is of no reported quantity", hint)
    request = request_of(name)
    word, _, argument = what.partition(" ")
    if word == "prob_above" and argument.strip():
        threshold_value(study, request.name, argument.strip())
    elif word == "by" and argument.strip():
        if study.labels[request.name] != YEAR or request.year is not None:
            raise StudyError.at(
                "", f"field '{field}': {request.name} is no crossing year", "use {{ quantity.prob_above VALUE }}"
            )
        if not re.fullmatch(r"\d{1,4}(\.\d+)?", argument.strip()):
            remedy = "write {{ crossing_year.by 2040 }}"
            raise StudyError.at("", f"field '{field}' names no year ({argument})", remedy)
    elif what not in OF_QUANTITY or " " in what:
        hint = nearest(what, OF_QUANTITY) or f"use one of {', '.join(OF_QUANTITY)}"
        raise StudyError.at("", f"there is no field '{field}'", hint)

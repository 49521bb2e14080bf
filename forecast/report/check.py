"""Fields of a report's text that can be seen to be wrong before anything is run."""

from __future__ import annotations

from forecast.errors import Problem, nearest
from forecast.report.fields import OF_QUANTITY, OF_REPORT
from forecast.report.prose import fields_of
from forecast.study.reports import Report


def field_problems(report: Report) -> list[Problem]:
    """Fields that name neither a figure of a reported quantity nor a fact of the report, with their lines.

    Values in them (a threshold, a year) are looked at when the report is written, which knows the units.

    Parameters
    ----------
    report : Report

    Returns
    -------
    list of Problem

    Examples
    --------
    >>> text = "It costs {{ cost.intervall }}."
    >>> print(*field_problems(Report("main", quantities=("cost",), text=text, place="reports/main.md header", line=4)))
    reports/main.md:4: there is no field 'cost.intervall'; did you mean 'interval'?
    """
    found = []
    file = report.place.removesuffix(" header")
    names = [*report.quantities, *(text.partition("@")[0] for text in report.quantities)]
    words = [word.partition(" ")[0] for word in OF_QUANTITY]
    for field, line in fields_of(report.text):
        name, point, what = (part.strip() for part in field.partition("."))
        place = f"{file}:{report.line + line}"
        if not point and field not in OF_REPORT:
            hint = nearest(field, [*OF_REPORT, *names]) or "write {{ quantity.interval }}, say"
            found.append(Problem(place, f"there is no field '{field}'", hint))
        elif point and name not in names:
            hint = nearest(name, names) or "a template can place what the header lists under quantities"
            found.append(Problem(place, f"field '{field}' is of no reported quantity", hint))
        elif point and what.partition(" ")[0] not in words:
            hint = nearest(what, words) or f"use one of {', '.join(OF_QUANTITY)}"
            found.append(Problem(place, f"there is no field '{field}'", hint))
    return found

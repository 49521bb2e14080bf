"""Scenarios: a study with quantities replaced, whatever defined them before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from forecast.distribution.belief import Distribution
from forecast.errors import Problem, StudyError, nearest
from forecast.graph import YEAR
from forecast.study.priors import Alternative, Prior, little_left

if TYPE_CHECKING:
    from forecast.study.record import Study


def replaced(study: Study, values: Mapping[str, Any], place: str) -> Study:
    """The study with each named quantity given by a prior: see `Study.given`."""
    priors, functions, curves = dict(study.priors), dict(study.functions), dict(study.curves)
    given, problems, notes = dict(study.replaced), [], list(study.notes)
    for name, value in values.items():
        where = f"{place} {name}"
        if name not in study.names:
            problems.append(Problem(where, *no_quantity(name, study.names)))
            continue
        old = study.definition(name)
        alternatives = old.alternatives if isinstance(old, Prior) else ()
        try:
            chosen = _chosen(value, alternatives, where)
        except StudyError as error:
            problems.extend(error.problems)
            continue
        if isinstance(old, Prior) and (note := _outside(chosen.distribution, old.distribution)):
            notes.append(f"{where}: {note}")
        if note := little_left(chosen.distribution):
            notes.append(f"{where}: {note}")
        functions.pop(name, None)
        curves.pop(name, None)
        priors[name] = Prior(
            name, old.label, chosen.distribution, old.unit, chosen.source, chosen.note, alternatives, where
        )
        given[name] = str(value) if isinstance(value, (str, int, float)) else chosen.distribution.canonical()
    if problems:
        raise StudyError(problems)
    sequence = tuple(name for name in study.sequence if name in functions)
    return replace(
        study, priors=priors, functions=functions, curves=curves, sequence=sequence, replaced=given, notes=tuple(notes)
    )


def _outside(chosen: Distribution, prior: Distribution) -> str:
    """What is odd about a scenario in which a prior is more likely than not where it cannot be (40 for 40%)."""
    low, high = prior.support
    median = float(chosen.quantile(0.5))
    if prior.is_discrete or low <= median <= high:
        return ""
    return f"{median:g} lies outside what its prior allows ({low:g} to {high:g}); is the unit right?"


def _chosen(value: Any, alternatives: Sequence[Alternative], place: str) -> Alternative:
    """One of a prior's alternatives, by its name, or what a text or an object says."""
    for alternative in alternatives:
        if alternative.name == value:
            return alternative
    from forecast.distribution import parse

    try:
        distribution: Distribution = parse(value, place)
    except StudyError as error:
        names = [alternative.name for alternative in alternatives]
        hint = nearest(str(value), names)
        if names and not hint and str(value).isidentifier():
            hint = f"its alternatives are {', '.join(names)}"
        raise StudyError(replace(problem, remedy=hint or problem.remedy) for problem in error.problems) from None
    return Alternative("", distribution, "scenario")


def no_quantity(name: str, names: Sequence[str]) -> tuple[str, str]:
    """What is wrong with a name that is no quantity's, and what to do."""
    what = f"the study has no quantity '{name}'"
    if name == YEAR:
        return "'year' is the axis itself, not a quantity", "--years sets it"
    if any(mark in name for mark in ", "):
        parts = [part for part in name.replace(",", " ").split() if part in names]
        if len(parts) > 1:
            return what, f"name one at a time, as in {' '.join(f'-q {part}' for part in parts)}"
    return what, nearest(name, names) or "'forecast check' lists them"

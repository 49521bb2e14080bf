"""Evidence files (``priors/evidence/*.toml``) to observations that fit a study: its quantities, and their units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from forecast.errors import Problem, StudyError, nearest
from forecast.evidence.observation import Observation, Parse, read_observation
from forecast.graph import YEAR
from forecast.toml import read_toml

Convert = Callable[[str, str, str], float]


def read_evidence(
    files: Mapping[str, str],
    names: Sequence[str],
    labels: Mapping[str, str],
    convert: Convert,
    parse_text: Parse,
    problems: list[Problem],
) -> tuple[Observation, ...]:
    """Read evidence files.

    Parameters
    ----------
    files : mapping of str to str
        Text of each file by its path relative to the study.
    names : sequence of str
        The study's quantities.
    labels : mapping of str to str
        Their units.
    convert : callable
        Two units and a place to how many of the second make one of the first (a study remembers it).
    parse_text : callable
        Text of a distribution and its place to `Distribution`.
    problems : list of Problem
        Everything that is wrong is added to it.

    Returns
    -------
    tuple of Observation
        In an order that does not depend on where they stand.
    """
    found: dict[str, Observation] = {}
    for relative, text in files.items():
        for name, table in read_toml(relative, text, problems).items():
            place = f"{relative} [{name}]"
            if not isinstance(table, dict):
                problems.append(
                    Problem(
                        f"{relative}: {name}",
                        "stands outside any table",
                        "give each observation a table [id] with quantity, value, date and source",
                    )
                )
            elif name in found:
                problems.append(
                    Problem(
                        place, f"an observation with this id stands in {found[name].place} too", "rename or delete one"
                    )
                )
            elif (made := read_observation(name, table, place, parse_text, problems)) is not None:
                found[name] = made
    checked = []
    for item in found.values():
        try:
            checked.append(fitted(item, names, labels, convert))
        except StudyError as error:
            problems.extend(error.problems)
    return in_order(checked)


def fitted_all(
    items: Sequence[Observation], names: Sequence[str], labels: Mapping[str, str], convert: Convert
) -> tuple[Observation, ...]:
    """`fitted` for each, with every problem at once; an id that stands twice is one."""
    problems, made = [], []
    seen: dict[str, str] = {}
    for item in items:
        if item.id in seen:
            problems.append(
                Problem(
                    item.place, f"an observation with the id '{item.id}' exists ({seen[item.id]})", "choose another id"
                )
            )
        seen[item.id] = item.text
        try:
            made.append(fitted(item, names, labels, convert))
        except StudyError as error:
            problems.extend(error.problems)
    if problems:
        raise StudyError(problems)
    return tuple(made)


def fitted(item: Observation, names: Sequence[str], labels: Mapping[str, str], convert: Convert) -> Observation:
    """The observation with its unit converted to that of a quantity of the study.

    Raises
    ------
    StudyError
        There is no such quantity, or its unit is of another kind.
    """
    if item.quantity == YEAR or item.quantity not in names:
        hint = nearest(item.quantity, names) or "'forecast check' lists the quantities"
        raise StudyError.at(item.place, f"there is no quantity '{item.quantity}'", hint)
    if not item.unit or item.quantity not in labels:  # a quantity without a unit is told of elsewhere
        return item
    return replace(item, factor=convert(item.unit, labels[item.quantity], item.place))


def in_order(observations: Sequence[Observation]) -> tuple[Observation, ...]:
    """The observations in the one order in which they are used."""
    return tuple(sorted(observations, key=Observation.key))

"""Scenarios side by side: the same worlds with some quantities replaced, so that differences are exact in each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from forecast.errors import Problem, StudyError
from forecast.result import Forecast, Interval, interval_of
from forecast.sampling import Request
from forecast.study import Study
from forecast.worlds import Design


@dataclass(frozen=True)
class Scenario:
    """Quantities replaced under one name.

    Parameters
    ----------
    name : str
    given : mapping of str to text or number
    """

    name: str
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """One quantity in one scenario, beside the study as it stands.

    Parameters
    ----------
    request : Request
    scenario : str
    base, found : Interval
    difference : Interval
        Scenario less base, world by world.
    ratio : Interval or None
        Scenario over base, world by world; None where the base is not positive throughout.
    """

    request: Request
    scenario: str
    base: Interval
    found: Interval
    difference: Interval
    ratio: Interval | None


def read_scenario(path: str | Path) -> Scenario:
    """A scenario from a TOML file: ``title`` (optional) and a table ``[set]`` of quantities and distributions.

    Raises
    ------
    StudyError
        The file is missing or not of that form.
    """
    file = Path(path)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError.at(
            str(path), f"cannot be read ({error.strerror})", "name a TOML file with a table [set]"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError.at(
            str(path), f"is not TOML ({error})", "write [set] and a line such as utilisation = 0.4"
        ) from None
    given = table.get("set")
    if not isinstance(given, dict) or not given or set(table) - {"set", "title"}:
        raise StudyError.at(
            str(path),
            "is not a scenario",
            "write a table [set] with lines such as utilisation = 0.4, and a title if you like",
        )
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise StudyError.at(
                f"{path} [set]",
                f"{name} is neither a number nor a distribution ({value!r})",
                'write utilisation = "20% to 50%"',
            )
    return Scenario(str(table.get("title") or file.stem), given)


def read_scenarios(paths: Sequence[str | Path]) -> tuple[Scenario, ...]:
    """Read scenarios; every problem of every file at once, two of one name included."""
    found: list[Scenario] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            scenario = read_scenario(path)
        except StudyError as error:
            problems += error.problems
            continue
        if scenario.name in [other.name for other in found]:
            problems.append(Problem(str(path), f"another scenario is called '{scenario.name}' too", "give it a title"))
        found.append(scenario)
    if problems:
        raise StudyError(problems)
    return tuple(found)


def compared(forecast: Forecast, scenarios: Sequence[Scenario]) -> list[Compared]:
    """Every reported quantity in every scenario, on the same random numbers.

    Parameters
    ----------
    forecast : Forecast
    scenarios : sequence of Scenario

    Returns
    -------
    list of Compared
        By request, then by scenario.
    """
    studies = [forecast.study.given(scenario.given, f"scenario '{scenario.name}'") for scenario in scenarios]
    design = forecast.design
    # What a scenario makes uncertain anew gets coordinates behind those that there are: the others keep theirs.
    new = [
        p.name
        for study in studies
        for p in study.priors.values()
        if p.name not in design.inputs and p.distribution.family != "point"
    ]
    new = list(dict.fromkeys(new))
    if new:
        assert design.mixing is not None
        count, extra = len(design.inputs), len(new)
        mixing = np.zeros((count + extra, design.mixing.shape[1] + extra))
        mixing[:count, : design.mixing.shape[1]] = design.mixing
        mixing[count:, design.mixing.shape[1] :] = np.eye(extra)
        design = replace(design, inputs=(*design.inputs, *new), mixing=mixing)
    others = [replace(forecast, study=study, design=_informed(design, study), _kept={}) for study in studies]
    return [
        _compared(forecast, other, request, scenario)
        for request in _each(forecast)
        for scenario, other in zip(scenarios, others, strict=True)
    ]


def _informed(design: Design, study: Study) -> Design:
    """The design with what the study's evidence says of its inputs, which is not the same in every scenario."""
    if not study.evidence:
        return design
    from forecast.evidence.ladder import condition

    return replace(design, given=condition(study, design.seed, "auto").given)


def _each(forecast: Forecast) -> list[Request]:
    requests: list[Request] = []
    for request in forecast.requests:
        if request.year is None and forecast.has_years(request.name):
            requests += [Request(request.name, year) for year in forecast.years]
        else:
            requests.append(request)
    return requests


def _compared(base: Forecast, other: Forecast, request: Request, scenario: Scenario) -> Compared:
    unit = base.study.labels[request.name]
    before, after = base.at(request.name, request.year), other.at(request.name, request.year)
    with np.errstate(invalid="ignore", over="ignore"):
        # Never in both is no difference; never in one of them is an infinite one.
        difference = np.where(before == after, 0.0, after - before)
        positive = bool((before > 0).all()) and bool(np.isfinite(before).all()) and unit != "year"
        ratio = after / before if positive else None
    return Compared(
        request,
        scenario.name,
        base.interval(str(request)),
        other.interval(str(request)),
        interval_of(difference, base.prob, "years" if unit == "year" else unit),
        None if ratio is None else interval_of(ratio, base.prob, ""),
    )

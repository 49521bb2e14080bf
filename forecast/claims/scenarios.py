"""A claim's scenario: the study with the inputs that a document states, and a quantity in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from forecast.distribution import Distribution, parse
from forecast.distribution.number import NUMBER, parse_number
from forecast.errors import Problem, StudyError
from forecast.graph import YEAR, ancestors, evaluate
from forecast.result import Forecast
from forecast.run import run
from forecast.sampling import Request
from forecast.study import Study
from forecast.units import conversion

DRAWS = 1 << 15  # worlds of a scenario that leaves something uncertain: the error is far below the printed digits
SEED = 20231
_ARITHMETIC = re.compile(rf"(?P<sum>{NUMBER}(?:\s*[*/]\s*{NUMBER})*)(?:\s+(?P<unit>[A-Za-z(1%]\S*))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_STEP = re.compile(rf"([*/]?)\s*({NUMBER})\s*")


def scenario(study: Study, given: Mapping[str, Any], dependence: Mapping[str, Any], place: str) -> Study:
    """The study with a claim's inputs: numbers with units (``32.77/8 USD/(chip*hour)``), or texts of distributions."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        try:
            values[name] = _input(study, name, value, f"{place} given {name}")
        except StudyError as error:
            problems.extend(error.problems)
    try:
        varied = study.given(values, f"{place} given") if values else study
    except StudyError as error:
        problems.extend(error.problems)
    if problems:
        raise StudyError(problems)
    if dependence:
        between = tuple(dependence.get("between", ()))
        if between not in [d.between for d in study.dependences]:
            known = ", ".join(" and ".join(d.between) for d in study.dependences)
            raise StudyError.at(
                place,
                f"the study declares no dependence between {' and '.join(between)}",
                f"there is {known or 'none'}",
            )
        varied = varied.with_dependence((between[0], between[1]), float(dependence["rank_correlation"]))
    return varied


def _input(study: Study, name: str, value: Any, place: str) -> Any:
    """An input's value in the quantity's own unit, or the text of its distribution."""
    if not isinstance(value, str):
        return value
    if _DATE.fullmatch(value.strip()) and study.labels.get(name) == YEAR:
        from forecast.trend.series import decimal_year

        return decimal_year(value.strip())
    match = _ARITHMETIC.fullmatch(value.strip())
    if name not in study.names:
        return value  # the scenario says so, with the nearest name
    if match is None:
        old = study.priors.get(name)
        return value if old and any(a.name == value for a in old.alternatives) else _belief(value, place)
    number = 1.0
    for mark, text in _STEP.findall(match["sum"]):
        factor = parse_number(text, place)
        if mark == "/" and not factor:
            raise StudyError.at(place, f"divides by 0 ({value})", "write a divisor that is not 0")
        number = number / factor if mark == "/" else number * factor
    return number * (conversion(study.units, match["unit"], study.labels[name], place) if match["unit"] else 1.0)


def _belief(text: str, place: str) -> Distribution:
    try:
        return _parsed(text)
    except StudyError as error:
        raise StudyError(replace(problem, place=place) for problem in error.problems) from None


@lru_cache(maxsize=256)
def _parsed(text: str) -> Distribution:
    """Claims share inputs, and what a distribution has computed for one it need not compute for the next."""
    return parse(text, "claim")


def worlds_of(varied: Study, request: Request, dependence: Mapping[str, Any], runs: dict[Any, Forecast]) -> np.ndarray:
    key = (str(request), tuple(sorted(varied.replaced.items())), str(dependence))
    if key not in runs:
        runs[key] = run(varied, [str(request)], draws=DRAWS, seed=SEED)
    return runs[key].at(request.name, request.year)


def uncertain(study: Study, request: Request) -> list[str]:
    """The uncertain priors and fitted curves that a quantity follows from."""
    needed = ancestors([request.name], study.functions)
    return [
        name
        for name in needed
        if name in study.curves or (name in study.priors and study.priors[name].distribution.family != "point")
    ]


def point(study: Study, request: Request, place: str) -> float:
    """A quantity in a scenario that leaves nothing uncertain: the graph evaluated once."""
    study.definition(request.name)
    if wide := uncertain(study, request):
        names = ", ".join(sorted(wide))
        raise StudyError.at(
            place,
            f"reads {request} as a point, but these are uncertain: {names}",
            "set them in given, or choose another reading",
        )
    needed = ancestors([request.name], study.functions)
    axis = study.main.years or tuple(map(float, range(2020, 2051)))
    values: dict[str, np.ndarray] = {YEAR: np.array(axis).reshape(-1, 1)}
    for name in needed & study.priors.keys():
        values[name] = np.array([study.priors[name].distribution["x"] * study.factors[name]])
    evaluate(study.functions, [name for name in study.sequence if name in needed], values, 1)
    array = np.atleast_1d(values[request.name] / study.factors[request.name])
    if array.ndim == 2 and array.shape[0] > 1:
        if request.year not in axis:
            raise StudyError.at(
                place,
                f"{request.name} has a year axis",
                f"name a year from {axis[0]:g} to {axis[-1]:g}, such as {request.name}@{axis[-1]:g}",
            )
        return float(array[axis.index(request.year), 0])
    return float(array.ravel()[0])

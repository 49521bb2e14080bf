"""How an answer comes about: formulas with medians, the inputs that matter, and what would halve or double it."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from dataclasses import dataclass

import numpy as np

from forecast.graph import YEAR, Function, ancestors
from forecast.quantile import quantiles
from forecast.result import Forecast, Interval
from forecast.sampling import request_of
from forecast.sensitivity import Effect, Sensitivity, sensitivity
from forecast.sensitivity.prepared import Prepared, prepare
from forecast.special import ndtr

MOST = 3.0  # normal scores up to which an input is followed
SHIFT = 5.0  # years by which a year is asked to move
_LONGEST = 160


@dataclass(frozen=True)
class Step:
    """One link of the chain.

    Parameters
    ----------
    name, label, unit : str
    formula : str
        The expression it is computed by; the belief's text for a prior.
    median, mcse : float
        And its Monte Carlo standard error; at `year`, if it has a year axis.
    year : float or None
    prior : bool
    """

    name: str
    label: str
    unit: str
    formula: str
    median: float
    mcse: float
    year: float | None
    prior: bool


@dataclass(frozen=True)
class Lever:
    """What one input would have to be for the answer's median to change.

    Parameters
    ----------
    name, unit : str
    median : float or None
        The input's median; None for a trend, which is no single number.
    change : str
        ``halve``, ``double``, ``earlier`` or ``later``.
    value : float or None
        What the input would have to be; None if no plausible value is enough, and for a trend.
    prob : float or None
        Probability that it is there or beyond (of a trend, that it turns out so); None if it cannot be.
    """

    name: str
    unit: str
    median: float | None
    change: str
    value: float | None
    prob: float | None


@dataclass(frozen=True)
class Explanation:
    """How an answer comes about.

    Parameters
    ----------
    sensitivity : Sensitivity
    interval : Interval
        The answer's.
    steps : tuple of Step
        From the answer down to the beliefs.
    levers : tuple of Lever
        Of the two inputs that matter most.
    """

    sensitivity: Sensitivity
    interval: Interval
    steps: tuple[Step, ...]
    levers: tuple[Lever, ...]


def explain(forecast: Forecast, quantity: str) -> Explanation:
    """Explain a quantity of a forecast.

    Parameters
    ----------
    forecast : Forecast
    quantity : str
        ``name`` or ``name@year``.

    Returns
    -------
    Explanation

    Raises
    ------
    UsageError
        A quantity that is certain or unknown, or one with a year axis and no year.
    """
    request = request_of(quantity)
    found = sensitivity(forecast, quantity)
    prepared = prepare(forecast, quantity, None, None, "auto")
    interval = forecast.interval(quantity)
    study = forecast.study
    needed = ancestors([request.name], study.functions) - {YEAR}
    names = [name for name in reversed(study.sequence) if name in needed]
    names += [name for name in (*study.curves, *study.priors) if name in needed]
    # What is on the way to a date is told at that date: that is where it decides.
    date = found.unit == YEAR and math.isfinite(interval.median) and interval.median > 1000
    wanted = request.year if request.year is not None else interval.median if date else forecast.years[-1]
    year = min(forecast.years, key=lambda one: abs(one - wanted))
    steps = tuple(_step(forecast, name, year) for name in names)
    levers: list[Lever] = []
    for effect in found.effects[:2]:
        if not effect.shapley.in_noise:
            levers += _levers(forecast, prepared, effect, interval.median, date)
    return Explanation(found, interval, steps, tuple(levers))


def _step(forecast: Forecast, name: str, year: float) -> Step:
    study = forecast.study
    definition = study.definition(name)
    prior = study.priors.get(name)
    if prior is not None:
        formula = prior.distribution.text or prior.distribution.canonical()
    else:
        formula = formula_of(definition) if isinstance(definition, Function) else "a trend fitted to data"
    when = year if forecast.has_years(name) else None
    found = forecast.interval(name, year=when)
    unit = study.labels[name]
    return Step(name, definition.label, unit, formula, found.median, found.mcse_median, when, prior is not None)


def formula_of(function: Function) -> str:
    """The expression that a function returns, with what it assigns before put into words by name; else its call."""
    call = f"{function.name}({', '.join(function.parameters)})"
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function.call))).body[0]
    except (OSError, SyntaxError, IndexError):
        return call
    assert isinstance(tree, ast.FunctionDef)
    lines = [node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    if not lines or not isinstance(lines[-1], ast.Return) or lines[-1].value is None:
        return call
    if not all(isinstance(node, ast.Assign) for node in lines[:-1]):
        return call
    text = ast.unparse(lines[-1].value)
    if lines[:-1]:
        text += ", where " + ", ".join(ast.unparse(node) for node in lines[:-1])
    return text if len(text) <= _LONGEST else call


def _levers(forecast: Forecast, prepared: Prepared, effect: Effect, median: float, date: bool) -> list[Lever]:
    """Where the answer's conditional median reaches half and double (or five years off), along one input."""
    if not math.isfinite(median) or median == 0:
        return []
    player = prepared.inputs.players.index(effect.name)
    ordered = np.sort(prepared.draws, axis=None)
    goals = (
        {"earlier": median - SHIFT, "later": median + SHIFT} if date else {"halve": median / 2, "double": median * 2}
    )
    prior = effect.name in forecast.study.priors
    belief = forecast.at(effect.name) if prior else None
    middle = None if belief is None else forecast.interval(effect.name).median
    grid = np.linspace(-MOST, MOST, 601)
    own = prepared.of_player(player)
    curve = prepared.surrogate.curve(player, grid[None] if prior else own.reshape(len(own), -1))
    now = _on_scale(prepared, median, ordered)
    found = []
    for change, goal in goals.items():
        wanted = _on_scale(prepared, goal, ordered)
        value = prob = None
        if wanted is not None and now is not None and belief is not None:
            z = _reached(grid, curve, wanted - now)
            if z is not None:
                value = float(quantiles(belief, ndtr(np.array([z]))).value[0])
                prob = float(((belief >= value) if z > 0 else (belief <= value)).mean())
        elif wanted is not None and now is not None:  # a trend: how often its effect on the answer is as large
            moved = curve - np.median(curve)
            prob = float((moved >= wanted - now if wanted > now else moved <= wanted - now).mean()) or None
        found.append(Lever(effect.name, effect.unit, middle, change, value, prob))
    return found


def _on_scale(prepared: Prepared, value: float, ordered: np.ndarray) -> float | None:
    if prepared.scale == "log":
        return math.log10(value) if value > 0 else None
    if prepared.scale == "rank":
        return float(np.searchsorted(ordered, value) / ordered.size)
    return value


def _reached(grid: np.ndarray, curve: np.ndarray, change: float) -> float | None:
    """The score nearest to zero where the curve has moved so far from its value at zero."""
    middle = len(grid) // 2
    moved = (curve - curve[middle]) - change
    crossings = np.flatnonzero(np.diff(np.sign(moved)) != 0)
    if not len(crossings):
        return None
    nearest = crossings[np.argmin(np.abs(grid[crossings]))]
    low, high = moved[nearest], moved[nearest + 1]
    part = 0.0 if high == low else float(-low / (high - low))
    return float(grid[nearest] + part * (grid[nearest + 1] - grid[nearest]))

"""An answer in words: the chain of formulas with medians, the inputs that matter, and what would halve or double it."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from dataclasses import dataclass

import numpy as np

from forecast.distribution import format_number
from forecast.errors import UsageError
from forecast.graph import YEAR, Function, ancestors
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.sensitivity import Effect, Sensitivity, sensitivity
from forecast.sensitivity.prepared import Prepared, prepare
from forecast.special import ndtr
from forecast.study import Study

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
    median : float
        At the year asked for, if it has a year axis.
    prior : bool
    """

    name: str
    label: str
    unit: str
    formula: str
    median: float
    prior: bool


@dataclass(frozen=True)
class Lever:
    """What one input would have to be for the answer's median to change.

    Parameters
    ----------
    name, unit : str
    median : float
        The input's median.
    change : str
        ``halve``, ``double``, ``earlier`` or ``later``.
    value : float or None
        What the input would have to be; None if no plausible value is enough.
    prob : float or None
        Probability that it is there or beyond.
    """

    name: str
    unit: str
    median: float
    change: str
    value: float | None
    prob: float | None


@dataclass(frozen=True)
class Explanation:
    """How an answer comes about.

    Parameters
    ----------
    sensitivity : Sensitivity
    low, median, high : float
        The answer's interval.
    steps : tuple of Step
        From the answer down to the beliefs.
    levers : tuple of Lever
        Of the two inputs that matter most.
    """

    sensitivity: Sensitivity
    low: float
    median: float
    high: float
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
    year = request.year if request.year is not None else None
    steps = tuple(_step(forecast, name, year) for name in names)
    levers: list[Lever] = []
    for effect in found.effects[:2]:
        if effect.name in study.priors and not effect.shapley.in_noise:
            levers += _levers(forecast, prepared, effect, interval.median, found.unit == YEAR)
    return Explanation(found, interval.low, interval.median, interval.high, steps, tuple(levers))


def _step(forecast: Forecast, name: str, year: float | None) -> Step:
    study = forecast.study
    definition = study.definition(name)
    prior = study.priors.get(name)
    if prior is not None:
        formula = prior.distribution.text or prior.distribution.canonical()
    else:
        formula = formula_of(definition) if isinstance(definition, Function) else "a trend fitted to data"
    when = year if year is not None else forecast.years[len(forecast.years) // 2]
    draws = forecast.at(name, when if forecast.has_years(name) else None)
    return Step(
        name,
        definition.label,
        study.labels[name],
        formula,
        float(np.quantile(draws, 0.5, method="inverted_cdf")),
        prior is not None,
    )


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


def _levers(forecast: Forecast, prepared: Prepared, effect: Effect, median: float, year: bool) -> list[Lever]:
    """Where the answer's conditional median reaches half and double (or five years off), along one input."""
    player = prepared.inputs.players.index(effect.name)
    grid = np.linspace(-MOST, MOST, 601)
    curve = prepared.surrogate.curve(player, grid[None])
    ordered = np.sort(prepared.draws, axis=None)
    goals = (
        {"earlier": median - SHIFT, "later": median + SHIFT} if year else {"halve": median / 2, "double": median * 2}
    )
    if not math.isfinite(median) or median == 0:
        return []
    belief = forecast.at(effect.name)
    middle = float(np.quantile(belief, 0.5))
    found = []
    now = _on_scale(prepared, median, ordered)
    for change, goal in goals.items():
        wanted = _on_scale(prepared, goal, ordered)
        value = prob = None
        if wanted is not None and now is not None:
            z = _reached(grid, curve, wanted - now)
            if z is not None:
                value = float(np.quantile(belief, float(ndtr(np.array([z]))[0])))
                prob = float(ndtr(np.array([-abs(z)]))[0])
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


def in_words(explanation: Explanation, study: Study) -> str:
    """An explanation as text."""
    found = explanation.sensitivity
    year = found.unit == YEAR

    def say(value: float, unit: str) -> str:
        if math.isinf(value):
            return "never" if value > 0 else "already"
        text = f"{value:.0f}" if unit == YEAR else format_number(value, 3)
        return f"{text} {unit}" if unit and unit != YEAR else text

    lines = [f"{found.quantity}: {found.label}", ""]
    lines.append(
        f"The median is {say(explanation.median, found.unit)}; with {100 * found.prob:g}% probability it lies between "
        f"{say(explanation.low, found.unit)} and {say(explanation.high, found.unit)}."
    )
    lines += ["", "How it is computed (medians):"]
    for step in explanation.steps:
        if not step.prior:
            lines.append(f"  {step.name} = {step.formula}")
            lines.append(f"      {step.label}: {say(step.median, step.unit)}")
    uncertain = {effect.name for effect in found.effects}
    lines += ["", "From beliefs:"]
    for step in explanation.steps:
        if step.prior and step.name in uncertain:
            lines.append(f"  {step.name}: {step.formula}, median {say(step.median, step.unit)}")
    for name in study.trends:
        if name in uncertain:
            lines.append(f"  {name}: trend fitted to priors/{study.trends[name].series}")
    certain = [step for step in explanation.steps if step.prior and step.name not in uncertain]
    if certain:
        lines.append(
            "  taken as certain: " + ", ".join(f"{step.name} {say(step.median, step.unit)}" for step in certain)
        )
    told = [effect for effect in found.effects[:2] if not effect.shapley.in_noise]
    lines.append("")
    if not told:
        lines.append("No input stands out.")
    names = " and ".join(
        f"{effect.name} ({100 * effect.shapley.value:.0f}% of the variance{_of(found.scale)})" for effect in told
    )
    if told:
        lines.append(f"What matters most: {names}.")
    for lever in explanation.levers:
        what = {
            "halve": "For half",
            "double": "For double",
            "earlier": f"To come {SHIFT:g} years earlier",
            "later": f"To come {SHIFT:g} years later",
        }[lever.change]
        if lever.value is None:
            lines.append(f"  {what}, no plausible {lever.name} alone is enough.")
        else:
            side = "more" if lever.value > lever.median else "less"
            lines.append(
                f"  {what}, {lever.name} would have to be {say(lever.value, lever.unit)} instead of "
                f"{say(lever.median, lever.unit)}; it is that or {side} with {_chance(lever.prob or 0)} probability."
            )
    if year and any(math.isinf(x) for x in (explanation.low, explanation.median, explanation.high)):
        lines.append("Never means: not on the year axis.")
    return "\n".join(lines)


def _of(scale: str) -> str:
    return {"log": " of its logarithm", "rank": " of its rank"}.get(scale, "")


def _chance(prob: float) -> str:
    return f"{100 * prob:.0f}%" if prob >= 0.015 else f"{100 * prob:.1f}%"


def of(forecast: Forecast, quantity: str) -> str:
    """Explain a quantity as text; with a year axis, at the last year asked of the run or the middle of the axis."""
    request = request_of(quantity)
    if request.year is None and forecast.has_years(request.name):
        raise UsageError(
            f"{request.name} has a year axis; ask for one year, such as {request.name}@{forecast.years[-1]:g}"
        )
    return in_words(explain(forecast, quantity), forecast.study)

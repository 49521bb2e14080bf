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
from forecast.result import Forecast, Interval
from forecast.sampling import request_of
from forecast.sensitivity import Effect, Sensitivity, sensitivity
from forecast.sensitivity.prepared import Prepared, prepare
from forecast.special import ndtr
from forecast.study import Study
from forecast.summary import round_interval, round_to_error

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
    middle = None if belief is None else float(np.quantile(belief, 0.5, method="inverted_cdf"))
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
                value = float(np.quantile(belief, float(ndtr(np.array([z]))[0])))
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


def in_words(explanation: Explanation, study: Study) -> str:
    """An explanation as text."""
    found, interval = explanation.sensitivity, explanation.interval
    lines = [f"{found.quantity}: {found.label}", ""]
    ends = (interval.low, interval.median, interval.high)
    shown = round_interval(ends, (interval.mcse_low, interval.mcse_median, interval.mcse_high), found.unit)
    low, median, high = (
        _infinite(value) or _with_unit(text, found.unit) for value, text in zip(ends, shown, strict=True)
    )
    lines.append(f"The median is {median}; with {100 * found.prob:g}% probability it lies between {low} and {high}.")
    if found.never:
        lines.append(
            f"With {_chance(found.never)} probability it is never: not on the year axis, up to {found.last:g}."
        )
    if found.already:
        lines.append(f"With {_chance(found.already)} probability it has been already, before the year axis.")
    years = {step.year for step in explanation.steps if step.year is not None}
    at = f"; at {years.pop():g} where it goes by year" if years else ""
    lines += ["", f"How it is computed (medians{at}):"]
    for step in explanation.steps:
        if not step.prior:
            lines.append(f"  {step.name} = {step.formula}")
            lines.append(f"      {step.label}: {_median(step)}")
    effects = {effect.name: effect for effect in found.effects}
    beliefs = {step.name: step for step in explanation.steps if step.prior}
    lines += ["", "From beliefs, with their shares of the variance:"]
    for name, effect in effects.items():
        share = "noise" if effect.shapley.in_noise else _share(effect.shapley.value)
        if name in beliefs:
            lines.append(f"  {share:>5}  {name}: {beliefs[name].formula}, median {_median(beliefs[name])}")
        else:
            lines.append(f"  {share:>5}  {name}: trend fitted to priors/{study.trends[name].series}")
    certain = [step for name, step in beliefs.items() if name not in effects]
    if certain:
        lines.append("  taken as certain: " + ", ".join(f"{step.name} {_median(step)}" for step in certain))
    told = [effect for effect in found.effects[:2] if not effect.shapley.in_noise]
    lines.append("")
    if not told:
        lines.append("No input stands out.")
    names = " and ".join(f"{effect.name} ({_share(effect.shapley.value)})" for effect in told)
    if told:
        lines.append(f"What matters most, by shares of the variance{_of(found.scale)}: {names}.")
    lines += [f"  {_lever(lever)}" for lever in explanation.levers]
    return "\n".join(lines)


def _lever(lever: Lever) -> str:
    what = {
        "halve": "For half the median",
        "double": "For double the median",
        "earlier": f"For a median {SHIFT:g} years earlier",
        "later": f"For a median {SHIFT:g} years later",
    }[lever.change]
    if lever.prob is None:
        return f"{what}, no plausible {lever.name} alone is enough."
    if lever.value is None or lever.median is None:
        return (
            f"{what}, {lever.name} would have to turn out accordingly: it does with {_chance(lever.prob)} probability."
        )
    side = "more" if lever.value > lever.median else "less"
    value, median = (_with_unit(format_number(x, 3), lever.unit) for x in (lever.value, lever.median))
    chance = f"that or {side} has {_chance(lever.prob)} probability"
    return f"{what}, {lever.name} would have to be {value} instead of {median}: {chance}."


def _median(step: Step) -> str:
    return _infinite(step.median) or _with_unit(_shown(step), step.unit)


def _shown(step: Step) -> str:
    if step.unit == YEAR and step.median > 1000:
        return f"{step.median:.1f}".removesuffix(".0")
    return round_to_error(step.median, step.mcse)


def _infinite(value: float) -> str:
    return ("never" if value > 0 else "already") if math.isinf(value) else ""


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit and not (unit == YEAR and _number_of(text) > 1000) else text


def _number_of(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _of(scale: str) -> str:
    return {"log": " of its logarithm", "rank": " of its rank"}.get(scale, "")


def _share(value: float) -> str:
    return f"{100 * value:.0f}%" if value >= 0.095 else f"{100 * value:.1f}%" if value >= 0.0005 else "<0.1%"


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

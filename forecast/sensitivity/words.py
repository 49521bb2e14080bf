"""An explanation in words."""

from __future__ import annotations

import math

from forecast.distribution import format_number
from forecast.errors import UsageError
from forecast.graph import YEAR
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.sensitivity.explain import SHIFT, Explanation, Lever, Step, explain
from forecast.study import Study
from forecast.summary import round_interval, round_to_error


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
        lines.append(
            f"With {_chance(found.already)} probability it has happened already, in the first year of the axis."
        )
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
    return f"{100 * prob:.0f}%" if prob >= 0.015 else f"{100 * prob:.1g}%"


def of(forecast: Forecast, quantity: str) -> str:
    """Explain a quantity as text; with a year axis, at the last year asked of the run or the middle of the axis."""
    request = request_of(quantity)
    if request.year is None and forecast.has_years(request.name):
        raise UsageError(
            f"{request.name} has a year axis; ask for one year, such as {request.name}@{forecast.years[-1]:g}"
        )
    return in_words(explain(forecast, quantity), forecast.study)

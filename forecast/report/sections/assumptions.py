"""What a forecast rests on: every prior, trend and function with its source."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from forecast.graph import YEAR, Function, ancestors
from forecast.report.blocks import Aside, Block, Code, Entries, Entry, Heading, Paragraph, Span, Strong, Table
from forecast.result import Forecast
from forecast.study.priors import Prior


def assumptions(forecast: Forecast) -> Iterator[Block]:
    """Every prior, trend and function that the reported quantities follow from."""
    study = forecast.study
    needed = ancestors((request.name for request in forecast.requests), study.functions)
    priors = [prior for prior in study.priors.values() if prior.name in needed]
    trends = {curve.trend for curve in study.curves.values() if curve.name in needed}
    functions = [study.functions[name] for name in study.sequence if name in needed]
    yield Heading(2, "Assumptions", "assumptions")
    others = len(study.priors) + len(study.functions) - len(priors) - len(functions)
    more = f" {others} further ones of the study have no part in them." if others else ""
    yield Paragraph(
        (
            f"The figures above follow from {len(priors)} priors"
            + (f", {len(trends)} fitted trend{'s' if len(trends) > 1 else ''}" if trends else "")
            + f" and {len(functions)} formulas, all of them here with their sources.{more}",
        )
    )
    if priors:
        yield Heading(3, f"What is believed: {len(priors)} priors", "priors")
        yield Entries(tuple(_prior(forecast, prior) for prior in priors))
    if trends:
        yield Heading(3, "Trends", "trends")
        yield Entries(tuple(_trend(forecast, name) for name in study.trends if name in trends))
    if functions:
        yield Heading(3, f"How it follows: {len(functions)} formulas", "functions")
        yield Entries(tuple(_function(forecast, function) for function in functions))
    related = [d for d in study.dependences if set(d.between) <= needed]
    if related:
        rows = tuple(
            (
                Code(d.between[0]),
                Code(d.between[1]),
                f"{d.rank_correlation:g}",
                " ".join(filter(None, (d.note, d.source))),
            )
            for d in related
        )
        yield Table(
            "Declared dependence (rank correlation of a Gaussian copula).",
            ("Prior", "Prior", "Correlation", "Note and source"),
            rows,
            (2,),
        )


def _prior(forecast: Forecast, prior: Prior) -> Entry:
    unit = forecast.study.labels[prior.name]
    read_as = prior.distribution.describe()
    about: list[tuple[Span, ...] | Code] = [
        (f"Read as {read_as}", *((", in ", Code(unit)) if unit else ()), "; defined in ", Code(prior.place), "."),
        ("Source: ", prior.source),
    ]
    if prior.note:
        about.append(("Note: ", prior.note))
    about += [
        (f"Alternative '{other.name}': ", Code(other.distribution.text), f" ({other.source})")
        for other in prior.alternatives
    ]
    belief = prior.distribution.text or prior.distribution.canonical()
    return Entry((Strong(prior.label), " ", Code(prior.name), Aside(f"{belief} {unit}".strip())), tuple(about))


def _trend(forecast: Forecast, name: str) -> Entry:
    trend = forecast.study.trends[name]
    spec = trend.spec
    beliefs = ((key, getattr(spec, key, None)) for key in ("level", "growth", "change", "kink", "scatter", "dof"))
    told = "; ".join(f"{key} {belief.text or belief.canonical()}" for key, belief in beliefs if belief is not None)
    about: list[tuple[Span, ...] | Code] = [
        (
            f"{spec.shape} trend, {spec.noise} scatter, fitted to ",
            Code(trend.series),
            f" [{trend.unit}]; level in {spec.level_year:g}",
        ),
        ("Priors: ", Code(told)),
        ("Source: ", trend.source),
    ]
    if trend.note:
        about.append(("Note: ", trend.note))
    gist = Aside(f"{spec.shape} trend [{trend.unit}]")
    return Entry((Strong(trend.label), " ", Code(name), gist), tuple(about))


def _function(forecast: Forecast, function: Function) -> Entry:
    unit = forecast.study.labels[function.name]
    try:
        formula = inspect.getsource(function.call).rstrip()
    except OSError:
        formula = "(the file has gone)"
    parents = [
        part for name in function.parameters for part in (", " if name != function.parameters[0] else "", Code(name))
    ]
    about: list[tuple[Span, ...] | Code] = [("Follows from ", *parents)] if function.parameters else []
    about += [Code(formula), ("Defined in ", Code(function.place), ".")]
    if function.source:
        about.append(("Source: ", function.source))
    return Entry(
        (
            Strong(function.label),
            " ",
            Code(function.name),
            Aside(f"{'calendar year' if unit == YEAR else unit or 'a pure number'}"),
        ),
        tuple(about),
    )

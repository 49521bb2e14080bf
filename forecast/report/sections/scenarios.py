"""Scenarios beside the study as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from forecast.report import figures
from forecast.report.blocks import Aside, Block, Cell, Code, Heading, Paragraph, Strong, Table
from forecast.report.fields import Told
from forecast.report.figures.svg import picture
from forecast.report.scenarios import Compared, compared
from forecast.report.subject import Chosen, Subject
from forecast.report.words import interval_cell, interval_words
from forecast.result import Forecast
from forecast.text import ends, percent

_YEARS = {"inf": "never", "-inf": "no longer never"}


def scenarios(subject: Subject, chosen: Chosen) -> Iterator[Block]:
    """Each reported quantity in each scenario, with difference and ratio, world by world."""
    if not subject.scenarios:
        return
    forecast = subject.forecast
    found = compared(forecast, subject.scenarios)
    yield Heading(2, "Scenarios", "scenarios")
    for scenario in subject.scenarios:
        sets = "; ".join(f"{name} = {value}" for name, value in scenario.given.items())
        yield Paragraph((Strong(scenario.name), ": ", Code(sets)))
    yield Paragraph(
        ("The same random numbers run through each scenario, so differences and ratios are taken world by world.",)
    )
    rows: list[tuple[Cell, ...]] = []
    still = []
    for text, base in subject.pictured.items():
        ones = [one for one in found if str(one.request) == text]
        if all(one.found == one.base for one in ones):
            still.append(base.label)
            continue
        unit = f", in {base.unit}" if base.shown_unit else ""
        rows.append(
            ((Strong(base.label), Aside(f"as it stands{unit}")), interval_cell(base.interval, forecast.years), "", "")
        )
        rows += [_row(one, forecast) for one in ones]
        if chosen.wants("scenarios", text):
            yield picture(
                f"scenarios-{text.replace('@', '-')}",
                _scenario_figure(forecast, base, ones),
                _scenario_alt(forecast, base, ones),
                "Lines are intervals, circles medians; the first is the study as it stands.",
            )
    if rows:
        yield Table(
            f"Scenarios: medians, with {percent(forecast.prob)} intervals below them, and what changes in each world.",
            ("Quantity and scenario", "Value", "Difference", "Ratio"),
            tuple(rows),
            (1, 2, 3),
        )
    if still:
        yield Paragraph((f"The same in every scenario: {'; '.join(still)}.",))


def _row(one: Compared, forecast: Forecast) -> tuple[Cell, ...]:
    name, value = one.scenario, interval_cell(one.found, forecast.years)
    if one.found == one.base:
        return name, value, "none", ""
    difference = interval_cell(one.difference, ())
    if one.difference.unit == "years":  # an infinite one is that of something that no longer happens, or now does
        low, median, high = (_YEARS.get(text, text) for text in ends(one.difference, ()))
        difference = (median, Aside(f"{low} … {high}"))
    return name, value, difference, interval_cell(one.ratio, ()) if one.ratio else ""


def _scenario_figure(forecast: Forecast, base: Told, ones: Sequence[Compared]) -> Any:
    rows = [
        figures.Row(
            "as it stands",
            base.interval.low,
            base.interval.median,
            base.interval.high,
            f"{base.low} … {base.median} … {base.high}",
        )
    ]
    rows += [
        figures.Row(
            one.scenario,
            one.found.low,
            one.found.median,
            one.found.high,
            interval_words(one.found, forecast.years),
            True,
        )
        for one in ones
    ]
    return figures.intervals(
        rows,
        title=base.label,
        unit=base.unit,
        thresholds=list(forecast.study.thresholds.get(base.request.name, {}).items()),
    )


def _scenario_alt(forecast: Forecast, base: Told, ones: Sequence[Compared]) -> str:
    parts = [f"as it stands {base.interval_text}"]
    for one in ones:
        low, _, high = ends(one.found, forecast.years)
        parts.append(f"{one.scenario} {low} to {high}{base.shown_unit}")
    return f"Intervals of {base.label} by scenario: {'; '.join(parts)}."

"""Scenarios beside the study as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from forecast.report import figures
from forecast.report.blocks import Block, Code, Heading, Paragraph, Strong, Table
from forecast.report.fields import Told
from forecast.report.figures.svg import picture
from forecast.report.plots import interval_words
from forecast.report.scenarios import Compared, compared
from forecast.report.subject import Chosen, Subject
from forecast.result import Forecast
from forecast.text import ends, percent


def scenarios(subject: Subject, chosen: Chosen) -> Iterator[Block]:
    """Each reported quantity in each scenario, with difference and ratio, world by world."""
    if not subject.scenarios:
        return
    forecast, said = subject.forecast, subject.said
    found = compared(forecast, subject.scenarios)
    yield Heading(2, "Scenarios", "scenarios")
    for scenario in subject.scenarios:
        sets = "; ".join(f"{name} = {value}" for name, value in scenario.given.items())
        yield Paragraph((Strong(scenario.name), ": ", Code(sets)))
    yield Paragraph(
        ("The same random numbers run through each scenario, so differences and ratios are taken world by world.",)
    )
    rows = []
    for text in said:
        ones = [one for one in found if str(one.request) == text]
        base = said[text]
        rows.append((base.label, "as it stands", f"{base.low} … {base.median} … {base.high}{base.shown_unit}", "", ""))
        for one in ones:
            rows.append(
                (
                    base.label,
                    one.scenario,
                    interval_words(one.found, forecast.years) + base.shown_unit,
                    interval_words(one.difference, ()),
                    interval_words(one.ratio, ()) if one.ratio else "",
                )
            )
        if chosen.wants("scenarios", text) and any(one.found != one.base for one in ones):
            yield picture(
                f"scenarios-{text.replace('@', '-')}",
                _scenario_figure(forecast, base, ones),
                _scenario_alt(forecast, base, ones),
                "Lines are intervals, circles medians; the first is the study as it stands.",
            )
    yield Table(
        f"Scenarios: {percent(forecast.prob)} intervals with their medians, and what changes in each world.",
        ("Quantity", "Scenario", "Interval", "Difference", "Ratio"),
        tuple(rows),
        (2, 3, 4),
    )


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

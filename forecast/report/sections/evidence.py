"""Evidence in a report: what was observed, and prior against posterior of what it moved."""

from __future__ import annotations

import math
from collections.abc import Iterator

from forecast.graph import YEAR
from forecast.report import figures
from forecast.report.blocks import Aside, Block, Code, Heading, Paragraph, Strong, Table
from forecast.report.figures.svg import picture
from forecast.report.words import interval_cell, interval_words
from forecast.result import Forecast, Interval
from forecast.text import percent

MOST = 8  # quantities drawn; the table has all


def evidence_section(forecast: Forecast, draw: bool) -> Iterator[Block]:
    """Observations, and what they moved; nothing where the study has none."""
    evidence = forecast.study.evidence
    if not evidence:
        return
    found = forecast.shift()
    yield Heading(2, "What the evidence changed", "evidence")
    rows = tuple(
        (
            Code(seen.id),
            (Code(seen.text or seen.target),),
            seen.date,
            " ".join(filter(None, (seen.source, seen.note))),
            ", ".join(s.name for s in found if seen.id in s.because)[:200],
        )
        for seen in evidence
    )
    yield Table("What was observed.", ("Id", "What was seen", "Date", "Source and note", "What it moved"), rows)
    if not found:
        yield Paragraph(("The evidence moved none of the reported quantities by more than the draws can tell.",))
        return
    if draw:
        shown = [(s.label, _row(s.prior, forecast), _row(s.posterior, forecast)) for s in found[:MOST]]
        alt = (
            "Prior against posterior: "
            + "; ".join(
                f"{s.label} from {_row(s.prior, forecast).text} to {_row(s.posterior, forecast).text}"
                for s in found[:3]
            )
            + "."
        )
        figure = figures.pairs(shown, title="What the evidence changed", names=("before the evidence", "with it"))
        caption = "Intervals before the evidence and with it, each quantity on its own scale."
        yield picture("shift", figure, alt, f"{caption} Square and circle are medians.")
    table = tuple(
        (
            (s.label, Aside(s.unit)) if s.unit and s.unit != YEAR else s.label,
            interval_cell(s.prior, forecast.years),
            interval_cell(s.posterior, forecast.years),
            f"{s.shift:+.1f}",
            f"{s.bits:.2f}" if math.isfinite(s.bits) else "exact",
            ", ".join(s.because),
        )
        for s in found
    )
    yield Table(
        f"Prior against posterior: medians before the evidence and with it, with {percent(forecast.prob)} intervals "
        "below them.",
        ("Quantity", "Before", "After", "Shift", "Bits", "Because of"),
        table,
        (1, 2, 3, 4),
    )
    yield Paragraph(
        (
            Strong("Shift"),
            ": of the median, in standard deviations of the prior. ",
            Strong("Bits"),
            ": information gained; 1 bit halves a range of equally probable values.",
        )
    )


def _row(interval: Interval, forecast: Forecast) -> figures.Row:
    return figures.Row("", interval.low, interval.median, interval.high, interval_words(interval, forecast.years))

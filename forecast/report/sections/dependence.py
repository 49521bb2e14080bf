"""What hangs on a dependence that nobody knows: intervals over a rank correlation of -1, 0 and +1."""

from __future__ import annotations

import math
from collections.abc import Iterator

from forecast.report.blocks import Aside, Block, Cell, Code, Heading, Paragraph, Table
from forecast.report.fields import Told
from forecast.report.figures.svg import picture
from forecast.report.plots import band_of
from forecast.report.subject import Chosen, Subject
from forecast.report.words import interval_cell, interval_words, signed
from forecast.result import Forecast
from forecast.text import percent


def dependence(subject: Subject, chosen: Chosen) -> Iterator[Block]:
    """Intervals over a dependence, of each reported quantity that one declared with ``band = true`` bears on."""
    forecast, said = subject.forecast, subject.said
    banded = {text: one for text, one in said.items() if one.band}
    if not banded:
        return
    yield Heading(2, "Dependence", "dependence")
    for declared in forecast.study.dependences:
        if declared.band:
            note = f" Note: {declared.note}" if declared.note else ""
            yield Paragraph(
                (
                    Code(declared.between[0]),
                    " and ",
                    Code(declared.between[1]),
                    f" have rank correlation {declared.rank_correlation:g} in this run. "
                    f"What would another one change?{note}",
                )
            )
    rows: list[tuple[Cell, ...]] = []
    for text, one in banded.items():
        band = {rho: interval_words(found, forecast.years) for rho, found in sorted(one.band.items())}
        name: Cell = (one.label, Aside(one.unit)) if one.shown_unit else one.label
        rows.append((name, *(interval_cell(found, forecast.years) for _, found in sorted(one.band.items()))))
        # Where the ends do not move by a twentieth of the width, a picture would show nothing.
        if chosen.wants("band", text) and _moves(one):
            alt = f"Interval of {one.label} by the rank correlation of {' and '.join(_pair(forecast))}: " + "; ".join(
                f"at {signed(rho)} {words}" for rho, words in band.items()
            )
            yield picture(
                f"band-{text.replace('@', '-')}",
                band_of(forecast, text, one.band),
                alt + ".",
                "Interval (line) and median (circle) if the inputs ran opposed, independently, and together.",
            )
    levels = sorted({rho for one in banded.values() for rho in one.band})
    yield Table(
        f"Medians by rank correlation, with {percent(forecast.prob)} intervals below them.",
        ("Quantity", *(signed(rho) for rho in levels)),
        tuple(rows),
        tuple(range(1, 1 + len(levels))),
    )


def _pair(forecast: Forecast) -> tuple[str, str]:
    return next(d.between for d in forecast.study.dependences if d.band)


def _moves(one: Told) -> bool:
    def place(value: float) -> float:
        return math.log(value) if one.interval.low > 0 and value > 0 else value

    low, high = place(one.interval.low), place(one.interval.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return True
    return any(abs(place(i.low) - low) + abs(place(i.high) - high) > 0.05 * (high - low) for i in one.band.values())

"""Intervals under one another on one axis: scenarios, a band over a dependence, a tornado."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.columns import width_of
from forecast.report.figures.frame import (
    COLUMNS,
    Line,
    axis_range,
    draw_legend,
    frame,
    legend_rows,
    threshold_texts,
    value_axis,
)
from forecast.report.figures.style import BLUE, DASHES, MUTED, PALE, PAPER, SMALL, VERMILION, style
from forecast.report.figures.ticks import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Row:
    """A row of a chart of intervals.

    Parameters
    ----------
    label : str
    low, median, high : float
    text : str
        The figures in words, at the right end of the label's line.
    accent : bool
        In the second colour.
    """

    label: str
    low: float
    median: float
    high: float
    text: str = ""
    accent: bool = False


def intervals(
    rows: Sequence[Row],
    *,
    title: str = "",
    subtitle: str = "",
    unit: str = "",
    thresholds: Sequence[Line] = (),
    base: float | None = None,
    caps: bool = True,
) -> Figure:
    """Intervals under one another on one axis: scenarios, a band over a dependence, a tornado.

    Parameters
    ----------
    rows : sequence of Row
        From the top; infinite ends run out of the figure.
    title, subtitle, unit : str
    thresholds : sequence of (text, value)
    base : float, optional
        A thin line at a value that all are compared with.
    caps : bool
        Thin lines with the median as a dot; without, bars from end to end.

    Returns
    -------
    matplotlib.figure.Figure
    """
    ends = [value for row in rows for value in (row.low, row.median, row.high)] + [value for _, value in thresholds]
    low, high, log = axis_range(np.array(ends + ([base] if base is not None else [])), years=unit == "year")
    texts = [_row_text(row) for row in rows]
    limits = threshold_texts(thresholds)
    heights = [10.5 * len(label) + 20 for label, _ in texts]
    with style():
        figure, axes = frame(
            title,
            subtitle,
            plot=sum(heights),
            x_label=unit if unit != "year" else "",
            legend=legend_rows(limits),
            left=14,
            right=18,
        )
        axes.set_ylim(sum(heights), 0)
        value_axis(axes.xaxis, low, high, log, calendar=unit == "year")
        first, last = axes.get_xlim()
        top, crossed = 0.0, []
        for row, (label, text), height in zip(rows, texts, heights, strict=True):
            colour = VERMILION if row.accent else BLUE
            place = top + height - 9
            # Lines across the rows stop at the marks: they would run through the labels.
            if base is not None:
                axes.plot([base, base], [place - 5.5, place + 5.5], color=MUTED, linewidth=0.9)
            crossed = [
                axes.plot(
                    [value, value],
                    [place - 5.5, place + 5.5],
                    color=VERMILION,
                    linewidth=1.2,
                    linestyle=DASHES[number % len(DASHES)],
                )[0]
                for number, (_, value) in enumerate(thresholds)
            ]
            start, end = (
                float(np.clip(np.nan_to_num(v, posinf=last, neginf=first), first, last)) for v in (row.low, row.high)
            )
            if caps:
                axes.plot([start, end], [place, place], color=colour, linewidth=3, solid_capstyle="butt")
                if math.isfinite(row.median):
                    axes.plot(
                        [row.median],
                        [place],
                        "o",
                        color=PAPER,
                        markeredgecolor=colour,
                        markersize=6.5,
                        markeredgewidth=1.8,
                    )
            else:
                middle = float(np.clip(np.nan_to_num(row.median, posinf=last, neginf=first), first, last))
                for side, shade in ((start, PALE), (end, BLUE)):
                    axes.plot([side, middle], [place, place], color=shade, linewidth=8, solid_capstyle="butt")
            for value, edge, marker in ((row.low, first, "<"), (row.high, last, ">")):
                if math.isinf(value):
                    axes.plot([edge], [place], marker, color=colour, markersize=6, markeredgewidth=0, clip_on=False)
            transform = axes.get_yaxis_transform()
            axes.text(
                0, top + 2, "\n".join(label), transform=transform, ha="left", va="top", fontsize=SMALL, linespacing=1.1
            )
            axes.text(1, top + 2, text, transform=transform, ha="right", va="top", fontsize=SMALL, color=MUTED)
            top += height
        axes.grid(visible=False)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        draw_legend(figure, crossed, limits)
    return figure


def _row_text(row: Row) -> tuple[list[str], str]:
    """Label and figures of a row so that they share a line."""
    text = wrapped(row.text, COLUMNS // 2, 1)[0]
    return wrapped(row.label, COLUMNS - 3 - width_of(text), 3), text

"""Two intervals of each quantity: prior against posterior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast.report.figures.frame import COLUMNS, axis_range, draw_legend, frame
from forecast.report.figures.intervals import Row
from forecast.report.figures.style import BLUE, MUTED, PAPER, SMALL, style
from forecast.report.figures.ticks import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pairs(
    rows: Sequence[tuple[str, Row, Row]], *, title: str = "", names: tuple[str, str] = ("before", "after")
) -> Figure:
    """Two intervals a quantity, each quantity on its own scale: prior against posterior.

    Parameters
    ----------
    rows : sequence of (label, Row, Row)
        The rows' labels are not shown, their texts are.
    title : str
    names : tuple of str
        What the first and the second interval are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    labels = [wrapped(label, COLUMNS) for label, _, _ in rows]
    heights = [11.5 * (len(label) + 2) + 18 for label in labels]
    with style():
        figure, axes = frame(title, "", plot=sum(heights), legend=1, left=14, right=18)
        axes.set_ylim(sum(heights), 0)
        axes.set_xlim(0, 1)
        top, handles = 0.0, []
        for (_, *two), label, height in zip(rows, labels, heights, strict=True):
            low, high, log = axis_range(np.array([v for row in two for v in (row.low, row.median, row.high)]))
            scale = (lambda v: math.log10(v)) if log else (lambda v: v)
            first, last = scale(low), scale(high)
            axes.text(
                0, top + 2, "\n".join(label), ha="left", va="top", fontsize=SMALL, linespacing=1.1, fontweight="bold"
            )
            for i, (row, colour, shape) in enumerate(zip(two, (MUTED, BLUE), ("s", "o"), strict=True)):
                place = top + 11.5 * len(label) + 8 + 15 * i
                values = [
                    0.0 if v == -math.inf else 1.0 if v == math.inf else (scale(v) - first) / (last - first)
                    for v in (row.low, row.median, row.high)
                ]
                x = [0.46 * v for v in values]
                handles += axes.plot([x[0], x[2]], [place, place], color=colour, linewidth=3, solid_capstyle="butt")
                axes.plot(
                    [x[1]], [place], shape, color=PAPER, markeredgecolor=colour, markersize=6, markeredgewidth=1.6
                )
                axes.text(0.5, place, row.text, ha="left", va="center", fontsize=SMALL, color=colour)
            top += height
        axes.set_yticks([])
        axes.set_xticks([])
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        draw_legend(figure, handles[:2], names)
    return figure

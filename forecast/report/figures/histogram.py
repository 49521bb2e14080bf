"""Histograms: how draws are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast.report.figures.frame import (
    Line,
    axis_range,
    draw_legend,
    draw_thresholds,
    frame,
    legend_rows,
    threshold_texts,
    value_axis,
)
from forecast.report.figures.style import PALE, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 48


def histogram(draws: np.ndarray, *, title: str = "", unit: str = "", thresholds: Sequence[Line] = ()) -> Figure:
    """How the draws are spread: a histogram, which shows no mass where there is none (a kernel estimate would).

    Parameters
    ----------
    draws : (world,) array
    title, unit : str
    thresholds : sequence of (text, value)

    Returns
    -------
    matplotlib.figure.Figure
        Half a percent at either end lies beyond the axis; how much is infinite is written above it.
    """
    flat = np.ravel(draws)
    finite = flat[np.isfinite(flat)]
    inner = np.quantile(finite, [0.005, 0.995], method="inverted_cdf") if len(finite) else np.array([0.0, 1.0])
    low, high, log = axis_range(np.append(inner, [value for _, value in thresholds]), unit == "year", margin=0.02)
    limits = threshold_texts(thresholds)
    infinite = 100 * (1 - len(finite) / max(1, len(flat)))
    with style():
        figure, axes = frame(
            title,
            f"{infinite:.3g}% infinite, not drawn" if infinite else "",
            x_label=unit if unit != "year" else "",
            legend=legend_rows(limits),
            left=14,
        )
        value_axis(axes.xaxis, low, high, log, calendar=unit == "year")
        edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
        counts, _ = np.histogram(finite, edges)
        axes.stairs(counts / max(1, len(flat)), edges, fill=True, color=PALE)
        axes.set_ylim(bottom=0)
        draw_thresholds(axes, thresholds, horizontal=False)
        draw_legend(figure, axes.lines, limits)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False)
    return figure

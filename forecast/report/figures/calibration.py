"""Calibration: how often intervals held against how often they should, and where in the forecasts the outcomes fell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast.report.figures.frame import draw_legend, frame
from forecast.report.figures.style import BLUE, DASHES, MUTED, PALE, PALER, PAPER, style
from forecast.report.figures.ticks import labels_of, linear_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 190.0  # points of the axes
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def calibration(
    levels: Sequence[float], shares: Sequence[float], low: Sequence[float], high: Sequence[float], *, title: str = ""
) -> Figure:
    """How often intervals held what happened, against the probability that they were said to have.

    Parameters
    ----------
    levels : sequence of float
        Probabilities of the intervals (level,), ascending.
    shares, low, high : sequence of float
        The share of each that held (level,), and the ends of its interval.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        On the diagonal, intervals hold as often as they should; below it they are too narrow.
    """
    with style():
        figure, axes = frame(
            title,
            "Share that held",
            x_label="Probability of the interval",
            legend=1,
            labels=[f"{100 * tick:.0f}%" for tick in _TICKS],
            plot=HEIGHT,
        )
        ideal = axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=DASHES[0])[0]
        for level, start, end in zip(levels, low, high, strict=True):
            axes.plot([level, level], [start, end], color=BLUE, linewidth=3, solid_capstyle="butt", clip_on=False)
        marks = axes.plot(
            levels,
            shares,
            "o",
            color=PAPER,
            markeredgecolor=BLUE,
            markersize=7,
            markeredgewidth=1.8,
            clip_on=False,
            zorder=3,
        )[0]
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xticks(list(levels), [f"{100 * level:.0f}%" for level in levels])
        axes.set_yticks(_TICKS, [f"{100 * tick:.0f}%" for tick in _TICKS])
        axes.grid(visible=False, axis="x")
        draw_legend(figure, [marks, ideal], ["held, 90% interval", "as often as it should"])
    return figure


def pits(counts: Sequence[float], outcomes: int, *, title: str = "") -> Figure:
    """A histogram of probability integral transforms, with what calibrated forecasts would show.

    Parameters
    ----------
    counts : sequence of float
        Forecasts in each class (class,), which are of one width.
    outcomes : int
        How many of them are independent: forecasts of one outcome stand together.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
        The band behind holds the count of one class with at least 90% probability, if the forecasts are calibrated.
    """
    total = float(sum(counts))
    low, high = binomial_band(outcomes, 1 / len(counts))
    scale = total / outcomes
    edges = np.linspace(0, 1, len(counts) + 1)
    with style():
        figure, axes = frame(
            title,
            "Forecasts",
            x_label="Probability that the forecast gave to less than what happened",
            legend=1,
            labels=[f"{max(counts):.0f}"],
            left=30,
            plot=140,
        )
        band = axes.fill_between([0, 1], low * scale, high * scale, color=PALER, linewidth=0)
        bars = axes.stairs(counts, edges, fill=True, color=PALE)
        axes.stairs(counts, edges, color=BLUE, linewidth=1.2)
        axes.hlines([low * scale, high * scale], 0, 1, color=MUTED, linewidth=0.6)  # the bars hide the lower edge
        axes.axhline(total / len(counts), color=MUTED, linewidth=1.2, linestyle=DASHES[0])
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.08 * max(max(counts), high * scale))
        axes.set_xticks([0, 0.5, 1], ["0%", "50%", "100%"])
        ticks = linear_ticks(0, axes.get_ylim()[1], 5, whole=True)
        axes.set_yticks(ticks, labels_of(ticks))
        axes.grid(visible=False, axis="x")
        draw_legend(figure, [bars, band], ["resolved", "if calibrated (90%)"])
    return figure


def binomial_band(count: int, prob: float, inner: float = 0.9) -> tuple[int, int]:
    """Equal-tailed ends of a binomial number, with at least so much probability between them.

    Examples
    --------
    >>> binomial_band(20, 0.1)
    (0, 4)
    """
    ways = [math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(count + 1)]
    hits = np.arange(count + 1)
    below = np.cumsum(np.exp(np.array(ways) + hits * math.log(prob) + (count - hits) * math.log1p(-prob)))
    return int(np.searchsorted(below, 0.5 - inner / 2)), int(np.searchsorted(below, 0.5 + inner / 2))

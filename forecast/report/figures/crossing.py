"""The probability that something has happened by each year, and that it never does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast.report.figures.frame import WIDTH, frame, year_axis
from forecast.report.figures.style import BLUE, GRID, INK, PALER, PAPER, SMALL, VERMILION, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLAT = 0.002  # probability that the curve still gains where the axis may end
SHORTER = 0.7  # part of the years up to which it is worth ending the axis early
BESIDE, BAR = 34.0, 26.0  # points between the curve and the bar, and the bar's width


def crossing(
    years: Sequence[float],
    by: np.ndarray,
    never: float,
    *,
    title: str = "",
    never_text: str = "",
    marks: Sequence[tuple[str, float, float]] = (),
) -> Figure:
    """Probability that something has happened by each year, with what never happens drawn beside it.

    Parameters
    ----------
    years : sequence of float
    by : (year,) array
        P(happened in or before the year); its first value includes what had happened already.
    never : float
        P(not by the last year).
    title, never_text : str
    marks : sequence of (text, year, prob)
        Points of the curve that are named.

    Returns
    -------
    matplotlib.figure.Figure
        Its axis ends early where hardly anything happens later; the bar beside it still counts to the last year.
    """
    at = np.asarray(years, dtype=float)
    last = _settled(at, by)
    with style():
        figure, axes = frame(title, "probability of having happened", labels=["100% "], right=92)
        if len(at) == 1:
            axes.bar(at, by, 0.3, color=PALER, edgecolor=BLUE, linewidth=1.8)
        else:
            axes.fill_between(at, 0, by, color=PALER, linewidth=0)
            axes.plot(at, by, color=BLUE, linewidth=1.8)
        axes.set_ylim(0, 1)
        axes.yaxis.set_ticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
        year_axis(axes.xaxis, *((at[0], last) if len(at) > 1 else (at[0] - 1, at[0] + 1)))
        for text, year, prob in marks:
            if at[0] <= year <= last:
                # The curve rises, so there is room below it to the right, and above it to the left.
                right = (year - at[0]) < 0.75 * (last - at[0])
                axes.plot([year], [prob], "o", color=PAPER, markeredgecolor=BLUE, markersize=5.5, markeredgewidth=1.6)
                axes.annotate(
                    text,
                    (year, prob),
                    (8, -3) if right else (-8, 3),
                    textcoords="offset points",
                    ha="left" if right else "right",
                    va="center",
                    fontsize=SMALL,
                    color=INK,
                )
        box = axes.get_position()
        beside = figure.add_axes((box.x1 + BESIDE / WIDTH, box.y0, BAR / WIDTH, box.height))
        beside.set_ylim(0, 1)
        beside.set_xlim(0, 1)
        beside.set_yticks([])
        beside.set_xticks([])
        beside.grid(visible=False)
        for side in ("top", "right", "left", "bottom"):
            beside.spines[side].set_visible(True)
            beside.spines[side].set_color(GRID)
        # From the top: the never mass is what the curve leaves open at its end.
        beside.bar(0.5, never, 1, 1 - never, facecolor="none", edgecolor=VERMILION, hatch="////", linewidth=1)
        beside.text(0.5, 1.03, f"not by {at[-1]:g}", ha="center", va="bottom", fontsize=SMALL, color=INK)
        text = never_text or f"{100 * never:.3g}%"
        below = never > 0.5
        plate = {"facecolor": PAPER, "edgecolor": "none", "pad": 1} if below else None
        place, align = (1 - never / 2, "center") if below else (1 - never - 0.02, "top")
        beside.text(0.5, place, text, ha="center", va=align, fontsize=SMALL, color=VERMILION, bbox=plate)
    return figure


def _settled(at: np.ndarray, by: np.ndarray) -> float:
    """Where the axis ends: a while after the curve has become flat, or at its end."""
    start, end = float(at[0]), float(at[-1])
    flat = float(at[int(np.argmax(np.asarray(by) >= by[-1] - FLAT))])
    if not 0 < by[-1] or flat == start:
        return end
    shown = 5 * math.ceil((flat + 0.1 * (flat - start)) / 5)
    return float(shown) if shown - start < SHORTER * (end - start) else end

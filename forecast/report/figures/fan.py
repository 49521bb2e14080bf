"""Fan charts: nested credible bands by year."""

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
    value_labels,
    year_axis,
)
from forecast.report.figures.style import BLUE, INK, PALE, PALER, VERMILION, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADES = ((PALER, 1.0), (PALE, 1.0), (BLUE, 0.75))  # from the widest band inwards


def fan(
    years: Sequence[float],
    bands: Sequence[tuple[float, np.ndarray, np.ndarray]],
    median: np.ndarray,
    *,
    title: str = "",
    unit: str = "",
    thresholds: Sequence[Line] = (),
    points: tuple[np.ndarray, np.ndarray] | None = None,
) -> Figure:
    """Nested credible bands by year, the median, thresholds, and data where there are any.

    Parameters
    ----------
    years : sequence of float
    bands : sequence of (prob, low (year,), high (year,))
        Widest first or last, as you like; infinite ends run out of the figure.
    median : (year,) array
    title, unit : str
    thresholds : sequence of (text, value)
    points : ((point,) array of years, (point,) array of values), optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    bands = sorted(bands, key=lambda band: -band[0])
    at = np.asarray(years, dtype=float)
    shown = [
        median,
        *(end for _, low, high in bands for end in (low, high)),
        np.array([value for _, value in thresholds], dtype=float),
    ]
    shown += [points[1]] if points is not None else []
    low, high, log = axis_range(np.concatenate([np.ravel(part) for part in shown]))
    names = [*(f"{100 * prob:g}%" for prob, _, _ in bands[: len(SHADES)]), "median"]
    names += ["data"] if points is not None and len(points[0]) else []
    limits = threshold_texts(thresholds)
    with style():
        figure, axes = frame(
            title, unit, legend=legend_rows(names) + legend_rows(limits), labels=value_labels(low, high, log)
        )
        value_axis(axes.yaxis, low, high, log)
        lowest, highest = axes.get_ylim()
        for (_, below, above), (colour, alpha) in zip(bands, SHADES, strict=False):
            ends = [
                np.clip(np.nan_to_num(end, posinf=highest, neginf=lowest), lowest, highest) for end in (below, above)
            ]
            if len(at) == 1:
                axes.bar(at, ends[1] - ends[0], 0.3, ends[0], color=colour, alpha=alpha, linewidth=0)
            else:
                axes.fill_between(at, *ends, color=colour, alpha=alpha, linewidth=0)
        handles = [*axes.collections, *axes.containers]
        middle = np.where(np.isfinite(median), median, np.nan)
        handles += axes.plot(at, middle, color=INK, linewidth=1.6, marker="o" if len(at) == 1 else None)
        first, last = (at[0], at[-1]) if len(at) > 1 else (at[0] - 1, at[0] + 1)
        if points is not None and len(points[0]):
            handles += axes.plot(*points, "o", color=VERMILION, markersize=3.2, markeredgewidth=0)
            first, last = min(first, float(np.min(points[0]))), max(last, float(np.max(points[0])))
        draw_legend(figure, handles, names, above=legend_rows(limits))
        lines = len(axes.lines)
        draw_thresholds(axes, thresholds, horizontal=True)
        draw_legend(figure, axes.lines[lines:], limits)
        year_axis(axes.xaxis, first, last)
    return figure

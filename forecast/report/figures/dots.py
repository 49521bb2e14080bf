"""Quantile dot plots: chances that can be counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast.report.figures.frame import WIDTH, Line, axis_range, draw_legend, frame, threshold_texts
from forecast.report.figures.style import BLUE, DASHES, INK, SMALL, VERMILION, style
from forecast.report.figures.ticks import labels_of, linear_ticks, log_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 24  # of dots across the axis
TALLEST, LEAST = 170.0, 60.0  # points that a stack of dots may take, and that the axes take at least
SHARED = 2  # dots of the very same value, more than which are an atom
FEW = 12  # distinct values that are shown where they are, not in columns
HIGH = 5  # dots in a column of those that stand apart, unless others are higher


def dots(
    values: Sequence[float],
    *,
    title: str = "",
    unit: str = "",
    threshold: Line | None = None,
    infinite: tuple[str, str] = ("-inf", "inf"),
) -> Figure:
    """A quantile dot plot: each dot stands for the same probability, so that chances can be counted.

    Parameters
    ----------
    values : sequence of float
        Quantiles at (i + 1/2) / n; infinite ones stand in a block at the side.
    title, unit : str
    threshold : (text, value), optional
        Dots above it take the second colour.
    infinite : tuple of str
        What minus and plus infinity mean: ``("by 2022", "after 2100")``.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Kay, Kola, Hullman and Munson, "When (ish) is my bus?", 2016.
    """
    array = np.sort(np.asarray(values, dtype=float))
    finite = array[np.isfinite(array)]
    limits = np.append(finite, [threshold[1]] if threshold else [])
    low, high, log = axis_range(limits if len(limits) else np.array([0.0, 1.0]), years=unit == "year")
    scale = np.log10 if log else np.asarray
    left, right = float(scale(low)), float(scale(high))
    step = (right - left) / COLUMNS
    marks = _stacked(np.asarray(scale(finite), dtype=float), step, float(scale(threshold[1])) if threshold else left)
    if len(marks):
        left, right = min(left, float(marks[:, 0].min()) - step / 2), max(right, float(marks[:, 0].max()) + step / 2)
    tallest = max(HIGH, math.ceil(float(marks[:, 1].max()))) if len(marks) else HIGH
    sides = []
    for text, side in zip(infinite, (-math.inf, math.inf), strict=True):
        count = int((array == side).sum())
        if not count:
            continue
        block = _block(count, tallest)
        width = block[:, 0].max() + 0.5
        start = left - (2 + width) * step if side < 0 else right + 2 * step
        block[:, 0] = start + block[:, 0] * step
        sides.append((text, start + width * step / 2))
        if side < 0:
            left, marks = start - 1.5 * step, np.concatenate([block, marks])
        else:
            right, marks = start + (width + 1.5) * step, np.concatenate([marks, block])
    tallest = math.ceil(float(marks[:, 1].max())) if len(marks) else 1
    size = min((WIDTH - 26) * step / (right - left), TALLEST / (tallest + 0.5))
    beyond = array > threshold[1] if threshold is not None else np.zeros(len(array), dtype=bool)
    with style():
        figure, axes = frame(
            title,
            "",
            x_label=unit if unit != "year" else "",
            legend=1 if threshold else 0,
            left=14,
            plot=max(size * (tallest + 0.5), LEAST),
        )
        axes.set_xlim(left, right)
        axes.set_ylim(0, max(tallest + 0.5, LEAST / size))
        for chosen, colour, marker, part in ((~beyond, BLUE, "o", 0.86), (beyond, VERMILION, "D", 0.7)):
            if chosen.any():
                axes.plot(*marks[chosen].T, marker, color=colour, markersize=size * part, markeredgewidth=0)
        for text, place in sides:
            axes.annotate(
                text,
                (place, 0),
                (0, -6),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=SMALL,
                annotation_clip=False,
            )
        if threshold is not None:
            line = axes.axvline(float(scale(threshold[1])), color=INK, linewidth=1.2, linestyle=DASHES[0])
            draw_legend(figure, [line], threshold_texts([threshold]))
        ticks = log_ticks(low, high) if log else linear_ticks(low, high, 6 - len(sides), whole=unit == "year")
        ticks = ticks if len(finite) else []
        axes.set_xticks([float(scale(t)) for t in ticks], labels_of(ticks, unit == "year"))
        axes.set_xticks([], minor=True)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False)
    return figure


def _stacked(places: np.ndarray, step: float, edge: float) -> np.ndarray:
    """Where dots stand, (dot, 2): in columns of a width, one of whose borders is `edge`, so that none sits across it.

    A few distinct values, and values that several dots share, stand where they are; a single one as a block around it.
    """
    kinds, which, counts = np.unique(places, return_inverse=True, return_counts=True)
    if len(kinds) == 1 and len(places) > HIGH:
        block = _block(len(places), HIGH)
        block[:, 0] = places[0] + (block[:, 0] - (block[:, 0].max() + 0.5) / 2) * step
        return block
    if len(kinds) > FEW:
        columns = edge + (np.ceil((places - edge) / step - 1e-9) - 0.5) * step
        places = np.where(counts[which] > SHARED, places, columns)
    marks = np.empty((len(places), 2))
    stacked: dict[float, int] = {}
    for number, place in enumerate(places):
        column = float(f"{place:.9g}")
        marks[number] = column, stacked.get(column, 0) + 0.5
        stacked[column] = stacked.get(column, 0) + 1
    return marks


def _block(count: int, tallest: int) -> np.ndarray:
    """So many dots in columns of one height, (dot, 2) in dots from its lower left corner.

    Examples
    --------
    >>> _block(3, 2).tolist()
    [[0.5, 0.5], [0.5, 1.5], [1.5, 0.5]]
    """
    places = np.arange(count)
    return np.column_stack([places // tallest + 0.5, places % tallest + 0.5])

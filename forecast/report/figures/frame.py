"""What stands around the marks of a figure: title, axes with their ticks, thresholds, legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.columns import width_of
from forecast.report.figures.style import DASHES, MUTED, SIZE, SMALL, VERMILION, blank
from forecast.report.figures.ticks import is_wide, labels_of, linear_ticks, log_ticks, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 400.0, 232.0  # points; on a phone of 360 pixels 10-point text is still 9 pixels high
COLUMNS = 66  # of small text across a figure
TITLE_COLUMNS = 56  # of a title's bold text
ROW = 14.0  # points of a legend's line
Line = tuple[str, float]


def frame(
    title: str,
    top_label: str,
    *,
    legend: int = 0,
    labels: Sequence[str] = (),
    x_label: str = "",
    left: float = 0.0,
    right: float = 12.0,
    plot: float = 0.0,
) -> tuple[Figure, Axes]:
    """Axes with room for what stands around them: title and unit above, tick labels beside, legend below.

    Parameters
    ----------
    title, top_label, x_label : str
    legend : int
        Lines of it.
    labels : sequence of str
        Of the ticks to the left; the widest decides the room.
    left, right : float
        Room in points; `left` instead of what `labels` need.
    plot : float
        Height of the axes in points; the figure's usual height decides where it is zero.
    """
    heading = wrapped(title, TITLE_COLUMNS, 3) if title else []
    above = 13.5 * len(heading) + (19 if top_label else 4) + 4
    below = 22 + (13 if x_label else 0) + ROW * legend
    height = above + below + plot if plot else HEIGHT + 13.5 * max(0, len(heading) - 1) + ROW * max(0, legend - 1)
    left = left or 12 + 6.3 * max((width_of(text) for text in labels), default=0)
    figure = blank(WIDTH, height)
    axes = figure.add_axes(
        (left / WIDTH, below / height, (WIDTH - left - right) / WIDTH, (height - above - below) / height)
    )
    if heading:
        figure.text(
            8 / WIDTH,
            1 - 3 / height,
            "\n".join(heading),
            ha="left",
            va="top",
            fontsize=SIZE,
            fontweight="bold",
            linespacing=1.15,
        )
    if top_label:
        figure.text(
            8 / WIDTH,
            1 - (13.5 * len(heading) + 5) / height,
            wrapped(top_label, COLUMNS, 1)[0],
            ha="left",
            va="top",
            fontsize=SMALL,
            color=MUTED,
        )
    if x_label:
        figure.text(
            (left + (WIDTH - left - right) / 2) / WIDTH,
            (below - 20) / height,
            wrapped(x_label, COLUMNS, 1)[0],
            ha="center",
            va="top",
            fontsize=SMALL,
            color=MUTED,
        )
    return figure, axes


def axis_range(values: np.ndarray, years: bool = False, margin: float = 0.04) -> tuple[float, float, bool]:
    """Ends of an axis that shows finite values with a little room, and whether it is a log axis."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return 0.0, 1.0, False
    low, high = float(finite.min()), float(finite.max())
    if is_wide(low, high) and not years:
        room = (high / low) ** margin
        return low / room, high * room, True
    if high <= low:
        size = abs(high) or 1.0
        return (low - 1, high + 1, False) if years else (low - 0.5 * size, high + 0.5 * size, False)
    room = margin * (high - low)
    # An axis of something that cannot be negative does not run below zero.
    return (0.0 if 0 <= low < 2 * room else low - room), high + room, False


def value_labels(low: float, high: float, log: bool) -> list[str]:
    """Labels of the ticks that `value_axis` will draw: what they need decides the room beside the axes."""
    return labels_of(log_ticks(low, high) if log else linear_ticks(low, high))


def value_axis(axis: Any, low: float, high: float, log: bool, calendar: bool = False) -> None:
    """Limits, scale and ticks of an axis of values."""
    ticks = log_ticks(low, high, 6) if log else linear_ticks(low, high, 6, whole=calendar)
    if log:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.axes.set(**{f"{axis.axis_name}lim": (low, high)})
    axis.set_ticks(ticks, labels_of(ticks, calendar))
    axis.set_ticks([], minor=True)


def year_axis(axis: Any, first: float, last: float) -> None:
    """Limits and ticks of an axis of years: whole ones."""
    room = 0.01 * (last - first)
    axis.axes.set_xlim(first - room, last + room)
    ticks = linear_ticks(first, last, 8, whole=True)
    axis.set_ticks(ticks, labels_of(ticks, calendar=True))


def draw_thresholds(axes: Axes, thresholds: Sequence[Line], *, horizontal: bool) -> None:
    """A dashed line across the axes for each threshold, named in the legend."""
    for number, (_, value) in enumerate(thresholds):
        draw = axes.axhline if horizontal else axes.axvline
        draw(value, color=VERMILION, linewidth=1.2, linestyle=DASHES[number % len(DASHES)])


def threshold_texts(thresholds: Sequence[Line]) -> list[str]:
    """Their names as a legend has room for them."""
    return [wrapped(text, COLUMNS - 8, 1)[0] for text, _ in thresholds]


def legend_rows(texts: Sequence[str]) -> int:
    """Lines that a legend of these entries takes."""
    return -(-len(texts) // _legend_columns(texts)) if texts else 0


def _legend_columns(texts: Sequence[str]) -> int:
    longest = max((width_of(text) for text in texts), default=0)
    return 1 if longest > 28 else 2 if longest > 16 else 3 if longest > 11 else 4 if longest > 7 else 6


def draw_legend(figure: Figure, handles: Sequence[Any], texts: Sequence[str], above: int = 0) -> None:
    """A legend at the foot of a figure, so many lines above its edge."""
    if not texts:
        return
    figure.legend(
        handles,
        texts,
        loc="lower left",
        bbox_to_anchor=(0.005, above * ROW / (figure.get_figheight() * 72)),
        ncols=_legend_columns(texts),
        handlelength=2.2,
        columnspacing=1.2,
        borderaxespad=0.1,
        borderpad=0.2,
        labelspacing=0.25,
    )

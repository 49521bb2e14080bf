"""Figures: pure functions from data to a matplotlib figure. Nothing else in the engine imports matplotlib.

Rules they share: no smoothing that shows mass where there is none; a log axis for wide positive quantities; whole
years; text is text, never mathematics; two hues (blue and vermilion of Okabe and Ito, 2008) that colour-blind readers
tell apart, and differences of lightness or shape beside them. Names of rows stand above their marks and names of lines
below the axes, so that no label can meet another.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.errors import ForecastError
from forecast.report.ticks import is_wide, labels_of, linear_ticks, log_ticks, width_of, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 446.0  # points; on a phone of 360 pixels 10-point text is still 8 pixels high
HEIGHT = 250.0
SIZE, SMALL = 10.0, 9.0
DOT_COLUMNS = 26
TALLEST = 170.0  # points that a stack of dots may take
SHARED = 2  # dots of the very same value, more than which are an atom
FEW = 12  # distinct values that a dot plot shows where they are, not in columns
COLUMNS = 74  # of small text across a figure
INK, MUTED, GRID = "#1b1f24", "#59636e", "#d8dee4"
BLUE, PALE, PALER, VERMILION = "#0b5fa5", "#7fb2dd", "#c9dff2", "#c8500a"
DASHES = ((0, (5, 2)), (0, (1, 1.5)), (0, (7, 2, 1, 2)), (0, (3, 1)), (0, (9, 3)))
FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Arial Unicode MS",
)
HINT = "figures need matplotlib; install it with: pip install 'ai-cost-forecast[plots]'"
Line = tuple[str, float]


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
    low, high, log = _range(np.concatenate([np.ravel(part) for part in shown]))
    entries = len(bands) + 1 + len(thresholds) + (points is not None)
    with _style():
        figure, axes = _axes(
            title,
            unit,
            legend=_legend_rows([text for text, _ in thresholds], entries),
            labels=_value_labels(low, high, log),
        )
        _value_axis(axes.yaxis, low, high, log)
        lowest, highest = axes.get_ylim()
        for (prob, below, above), colour in zip(bands, (PALER, PALE, BLUE)[: len(bands)], strict=False):
            ends = [
                np.clip(np.nan_to_num(end, posinf=highest, neginf=lowest), lowest, highest) for end in (below, above)
            ]
            if len(at) == 1:
                axes.bar(
                    at,
                    ends[1] - ends[0],
                    0.3,
                    ends[0],
                    color=colour,
                    alpha=1 if colour != BLUE else 0.75,
                    label=f"{100 * prob:g}%",
                )
            else:
                axes.fill_between(
                    at, *ends, color=colour, alpha=1 if colour != BLUE else 0.75, linewidth=0, label=f"{100 * prob:g}%"
                )
        middle = np.where(np.isfinite(median), median, np.nan)
        axes.plot(at, middle, color=INK, linewidth=1.6, label="median", marker="o" if len(at) == 1 else None)
        _thresholds(axes, thresholds, horizontal=True)
        first, last = (at[0], at[-1]) if len(at) > 1 else (at[0] - 1, at[0] + 1)
        if points is not None and len(points[0]):
            axes.plot(*points, "o", color=VERMILION, markersize=3.2, markeredgewidth=0, label="data")
            first = min(first, float(np.min(points[0])))
        _year_axis(axes.xaxis, first, last)
        _legend(figure, axes)
    return figure


def crossing(years: Sequence[float], by: np.ndarray, never: float, *, title: str = "", never_text: str = "") -> Figure:
    """Probability that something has happened by each year, with what never happens drawn beside it.

    Parameters
    ----------
    years : sequence of float
    by : (year,) array
        P(happened in or before the year); its first value includes what had happened already.
    never : float
        P(not by the last year).
    title, never_text : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    at = np.asarray(years, dtype=float)
    with _style():
        figure, axes = _axes(title, "probability of having happened", labels=["100% "], right=86)
        axes.fill_between(at, 0, by, color=PALER, linewidth=0)
        axes.plot(at, by, color=BLUE, linewidth=1.8, marker="o" if len(at) == 1 else None)
        axes.set_ylim(0, 1)
        axes.yaxis.set_ticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
        _year_axis(axes.xaxis, at[0], at[-1] if len(at) > 1 else at[0] + 1)
        box = axes.get_position()
        beside = figure.add_axes((box.x1 + 30 / WIDTH, box.y0, 26 / WIDTH, box.height))
        beside.set_ylim(0, 1)
        beside.set_xlim(0, 1)
        beside.set_yticks([])
        beside.set_xticks([0.5], ["never"])
        beside.tick_params(axis="x", color="none")
        beside.grid(visible=False)
        for side in ("top", "right", "left", "bottom"):
            beside.spines[side].set_visible(True)
            beside.spines[side].set_color(GRID)
        # From the top: the never mass is what the curve leaves open at its end.
        beside.bar(0.5, never, 1, 1 - never, facecolor="none", edgecolor=VERMILION, hatch="////", linewidth=1)
        text = never_text or f"{100 * never:.3g}%"
        below = never > 0.5
        plate = {"facecolor": "#ffffff", "edgecolor": "none", "pad": 1} if below else None
        place, align = (1 - never / 2, "center") if below else (1 - never - 0.02, "top")
        beside.text(0.5, place, text, ha="center", va=align, fontsize=SMALL, color=VERMILION, bbox=plate)
    return figure


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
        Quantiles at (i + 1/2) / n; infinite ones are stacked at the side.
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
    low, high, log = _range(limits if len(limits) else np.array([0.0, 1.0]), years=unit == "year")
    scale = np.log10 if log else np.asarray
    left, right = float(scale(low)), float(scale(high))
    step = (right - left) / DOT_COLUMNS
    marks = _stacked(np.asarray(scale(finite), dtype=float), step, float(scale(threshold[1])) if threshold else left)
    if len(marks):
        left, right = min(left, float(marks[:, 0].min()) - step / 2), max(right, float(marks[:, 0].max()) + step / 2)
    sides = []
    for text, side in zip(infinite, (-math.inf, math.inf), strict=True):
        count = int((array == side).sum())
        if count:
            place = left - 2.5 * step if side < 0 else right + 2.5 * step
            left, right = min(left, place - 1.5 * step), max(right, place + 1.5 * step)
            marks = (
                np.concatenate([marks, np.column_stack([np.full(count, place), np.arange(count) + 0.5])])
                if side > 0
                else np.concatenate([np.column_stack([np.full(count, place), np.arange(count) + 0.5]), marks])
            )
            sides.append((text, place))
    tallest = float(marks[:, 1].max()) + 1.0
    size = min((WIDTH - 26) * step / (right - left), TALLEST / tallest)
    beyond = array > threshold[1] if threshold is not None else np.zeros(len(array), dtype=bool)
    with _style():
        figure, axes = _axes(
            title,
            "",
            x_label=unit if unit != "year" else "",
            legend=1 if threshold else 0,
            left=14,
            plot=max(size * tallest, 60),
        )
        axes.set_xlim(left, right)
        axes.set_ylim(0, max(tallest, 60 / size))
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
            axes.axvline(
                float(scale(threshold[1])),
                color=INK,
                linewidth=1.2,
                linestyle=DASHES[0],
                label=wrapped(threshold[0], COLUMNS - 8, 1)[0],
            )
            _legend(figure, axes)
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

    A few distinct values, and values that several dots share, stand where they are.
    """
    kinds, which, counts = np.unique(places, return_inverse=True, return_counts=True)
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
    low, high, log = _range(np.array(ends + ([base] if base is not None else [])), years=unit == "year")
    texts = [_row_text(row) for row in rows]
    heights = [10.5 * len(label) + 18 for label, _ in texts]
    with _style():
        figure, axes = _axes(
            title,
            subtitle,
            plot=sum(heights),
            x_label=unit if unit != "year" else "",
            legend=_legend_rows([t for t, _ in thresholds], len(thresholds)),
            left=14,
            right=18,
        )
        axes.set_ylim(sum(heights), 0)
        _value_axis(axes.xaxis, low, high, log, calendar=unit == "year")
        first, last = axes.get_xlim()
        top = 0.0
        for row, (label, text), height in zip(rows, texts, heights, strict=True):
            colour = VERMILION if row.accent else BLUE
            place = top + height - 9
            # Lines across the rows stop at the marks: they would run through the labels.
            if base is not None:
                axes.plot([base, base], [place - 5.5, place + 5.5], color=MUTED, linewidth=0.9)
            for number, (name, value) in enumerate(thresholds):
                axes.plot(
                    [value, value],
                    [place - 5.5, place + 5.5],
                    color=VERMILION,
                    linewidth=1.2,
                    linestyle=DASHES[number % len(DASHES)],
                    label=wrapped(name, COLUMNS - 8, 1)[0] if not top else None,
                )
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
                        color="#ffffff",
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
        _legend(figure, axes)
    return figure


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
    with _style():
        figure, axes = _axes(title, "", plot=sum(heights), legend=1, left=14, right=18)
        axes.set_ylim(sum(heights), 0)
        axes.set_xlim(0, 1)
        top = 0.0
        for number, ((_, *two), label, height) in enumerate(zip(rows, labels, heights, strict=True)):
            low, high, log = _range(np.array([v for row in two for v in (row.low, row.median, row.high)]))
            scale = (lambda v: math.log10(v)) if log else (lambda v: v)
            first, last = scale(low), scale(high)
            axes.text(
                0, top + 2, "\n".join(label), ha="left", va="top", fontsize=SMALL, linespacing=1.1, fontweight="bold"
            )
            for i, (row, colour, style) in enumerate(zip(two, (MUTED, BLUE), ("s", "o"), strict=True)):
                place = top + 11.5 * len(label) + 8 + 15 * i
                values = [
                    0.0 if v == -math.inf else 1.0 if v == math.inf else (scale(v) - first) / (last - first)
                    for v in (row.low, row.median, row.high)
                ]
                x = [0.46 * v for v in values]
                axes.plot(
                    [x[0], x[2]],
                    [place, place],
                    color=colour,
                    linewidth=3,
                    solid_capstyle="butt",
                    label=names[i] if not number else None,
                )
                axes.plot(
                    [x[1]], [place], style, color="#ffffff", markeredgecolor=colour, markersize=6, markeredgewidth=1.6
                )
                axes.text(0.5, place, row.text, ha="left", va="center", fontsize=SMALL, color=colour)
            top += height
        axes.set_yticks([])
        axes.set_xticks([])
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        _legend(figure, axes)
    return figure


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
    """
    flat = np.ravel(draws)
    finite = flat[np.isfinite(flat)]
    inner = np.quantile(finite, [0.005, 0.995], method="inverted_cdf") if len(finite) else np.array([0.0, 1.0])
    low, high, log = _range(np.append(inner, [value for _, value in thresholds]), years=unit == "year", margin=0.02)
    with _style():
        figure, axes = _axes(
            title,
            "",
            x_label=unit if unit != "year" else "",
            legend=_legend_rows([t for t, _ in thresholds], len(thresholds)),
            left=14,
        )
        _value_axis(axes.xaxis, low, high, log, calendar=unit == "year")
        edges = np.geomspace(low, high, 49) if log else np.linspace(low, high, 49)
        counts, _ = np.histogram(finite, edges)
        axes.stairs(counts / max(1, len(flat)), edges, fill=True, color=PALE)
        axes.set_ylim(bottom=0)
        _thresholds(axes, thresholds, horizontal=False)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(visible=False)
        _legend(figure, axes)
    return figure


@contextmanager
def _style() -> Iterator[None]:
    """Settings of every figure; the caller's own matplotlib settings are neither used nor changed."""
    try:
        import matplotlib
        from matplotlib import font_manager
    except ImportError:
        raise ForecastError(HINT) from None
    wanted = _settings(tuple(sorted({font.name for font in font_manager.fontManager.ttflist} & set(FAMILIES))))
    now: Any = matplotlib.rcParams
    changed: Any = {key: value for key, value in wanted.items() if now[key] != value}
    with matplotlib.rc_context(changed), warnings.catch_warnings():
        # A script that no installed font has is drawn by the reader's own fonts in SVG; matplotlib would warn.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


@lru_cache(maxsize=4)
def _settings(known: tuple[str, ...]) -> dict[str, Any]:
    import matplotlib

    settings = {
        "text.parse_math": False,
        "text.usetex": False,
        "font.family": [name for name in FAMILIES if name in known] or ["sans-serif"],
        "font.size": SIZE,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "axes.linewidth": 0.8,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": False,
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
        "legend.fontsize": SMALL,
        "hatch.linewidth": 0.8,
        "svg.fonttype": "none",
        "svg.hashsalt": "forecast",
        "figure.dpi": 100,
        "path.simplify": True,
        "axes.titlesize": SIZE,
    }
    # To ask for the backend would load the interactive part of matplotlib, which no figure here needs.
    return {
        **{
            key: value
            for key, value in matplotlib.rcParamsDefault.items()
            if not key.startswith(("backend", "interactive"))
        },
        **settings,
    }


def save(figure: Figure, target: Any, kind: str) -> None:
    """Write a figure; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    target : path or binary file
    kind : {"svg", "png", "pdf"}
    """
    metadata: dict[str, Any] = {
        "svg": {"Date": None},
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    }[kind]
    with _style():
        figure.savefig(target, format=kind, metadata=metadata, transparent=kind == "svg", facecolor="#ffffff", dpi=200)


def font_folder() -> str:
    """Where matplotlib keeps the fonts that figures are measured with."""
    try:
        import matplotlib
    except ImportError:
        raise ForecastError(HINT) from None
    return str(matplotlib.get_data_path()) + "/fonts/ttf"


def _axes(
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
    """Axes with room, in points, for what stands around them: title and unit above, ticks beside, legend below."""
    from matplotlib.figure import Figure

    heading = wrapped(title, COLUMNS - 10, 3) if title else []
    above = 13.5 * len(heading) + (19 if top_label else 4) + 4
    below = 22 + (13 if x_label else 0) + 14 * legend
    height = above + below + plot if plot else HEIGHT + 13.5 * max(0, len(heading) - 1) + 14 * max(0, legend - 1)
    left = left or 12 + 6.3 * max((width_of(text) for text in labels), default=0)
    figure = Figure(figsize=(WIDTH / 72, height / 72))
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


def _range(values: np.ndarray, years: bool = False, margin: float = 0.04) -> tuple[float, float, bool]:
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


def _value_labels(low: float, high: float, log: bool) -> list[str]:
    return labels_of(log_ticks(low, high) if log else linear_ticks(low, high))


def _value_axis(axis: Any, low: float, high: float, log: bool, calendar: bool = False) -> None:
    ticks = log_ticks(low, high, 6) if log else linear_ticks(low, high, 6, whole=calendar)
    if log:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.axes.set(**{f"{axis.axis_name}lim": (low, high)})
    axis.set_ticks(ticks, labels_of(ticks, calendar))
    axis.set_ticks([], minor=True)


def _year_axis(axis: Any, first: float, last: float) -> None:
    room = 0.01 * (last - first)
    axis.axes.set_xlim(first - room, last + room)
    ticks = linear_ticks(first, last, 8, whole=True)
    axis.set_ticks(ticks, labels_of(ticks, calendar=True))


def _thresholds(axes: Axes, thresholds: Sequence[Line], *, horizontal: bool) -> None:
    for number, (text, value) in enumerate(thresholds):
        draw = axes.axhline if horizontal else axes.axvline
        draw(
            value,
            color=VERMILION,
            linewidth=1.2,
            linestyle=DASHES[number % len(DASHES)],
            label=wrapped(text, COLUMNS - 8, 1)[0],
        )


def _row_text(row: Row) -> tuple[list[str], str]:
    """Label and figures of a row so that they share a line."""
    text = wrapped(row.text, COLUMNS // 2, 1)[0]
    return wrapped(row.label, COLUMNS - 3 - width_of(text), 3), text


def _legend_rows(texts: Sequence[str], entries: int) -> int:
    """Lines that a legend takes: four short entries a line, or one long one."""
    return -(-entries // _legend_columns([*texts])) if entries else 0


def _legend_columns(texts: Sequence[str]) -> int:
    longest = max((width_of(text) for text in texts), default=0)
    return 1 if longest > 32 else 2 if longest > 18 else 3 if longest > 11 else 4 if longest > 8 else 6


def _legend(figure: Figure, axes: Axes) -> None:
    handles, texts = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            texts,
            loc="lower left",
            bbox_to_anchor=(0.005, 0.0),
            ncols=_legend_columns(texts),
            handlelength=2.2,
            columnspacing=1.4,
            borderaxespad=0.1,
            borderpad=0.2,
            labelspacing=0.25,
        )

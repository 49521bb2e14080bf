"""Figures of ordinary and of nasty data: nothing overlaps, nothing leaves the page, the same data give the same bytes."""

from __future__ import annotations

import io
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="figures need matplotlib (extra 'plots')")

from forecast.columns import width_of
from forecast.report import figures
from forecast.report.figures import Row
from forecast.report.figures.style import style
from forecast.report.figures.svg import to_svg
from forecast.report.figures.ticks import is_wide, labels_of, linear_ticks, log_ticks, wrapped

YEARS = np.arange(2022, 2101.0)
LONG = "A quantity whose label goes on and on, since somebody could not stop explaining it, until it fills several lines of any figure"
NASTY = '<script>alert(1)</script> & $\\frac{x^2}{y}$ "quoted" =1+1'
NON_LATIN = "訓練の費用 и стоимость, κόστος"
Z = {0.5: 0.674, 0.8: 1.282, 0.9: 1.645}


def bands(middle, spread):
    return [(prob, middle - z * spread, middle + z * spread) for prob, z in Z.items()]


def log_bands(middle, spread):
    return [(prob, middle * 10.0 ** (-z * spread), middle * 10.0 ** (z * spread)) for prob, z in Z.items()]


def normal_dots(n=50):
    from statistics import NormalDist

    return np.array([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])


def rows(count, label="Input", text="1.2M … 3.4M", low=1.0, step=1.0):
    return [
        Row(f"{label} {i}", low + step * i, low + step * (i + 1), low + step * (i + 2.5), text) for i in range(count)
    ]


GROWTH = 2e8 * 10 ** (0.2 * (YEARS - 2025))
ONE = np.array([1.0])
CASES = {
    "fan": lambda: figures.fan(
        YEARS, log_bands(GROWTH, 0.5), GROWTH, title="Cost", unit="USD_2021", thresholds=[("233B USD_2021", 233e9)]
    ),
    "fan, data": lambda: figures.fan(
        YEARS, log_bands(GROWTH, 0.5), GROWTH, title=LONG, points=(np.array([2012.5, 2020]), np.array([1e3, 4e6]))
    ),
    "fan, negative": lambda: figures.fan(YEARS, bands(0 * YEARS - 3, 2.0), 0 * YEARS - 3, title=NASTY, unit="°C"),
    "fan, one year": lambda: figures.fan([2030.0], log_bands(5 * ONE, 0.3), 5 * ONE, title="One year", unit="x"),
    "fan, enormous": lambda: figures.fan(
        YEARS, [(0.9, 1e-9 + 0 * YEARS, 1e26 + 0 * YEARS)], 1 + 0 * YEARS, title=NON_LATIN, unit="単位"
    ),
    "fan, infinite": lambda: figures.fan(
        YEARS, [(0.9, -np.inf + 0 * YEARS, np.inf + 0 * YEARS)], 1 + 0 * YEARS, title="Infinite"
    ),
    "fan, all the same": lambda: figures.fan(YEARS, bands(0 * YEARS, 0.0), 0 * YEARS, title="Zero"),
    "fan, thresholds": lambda: figures.fan(
        YEARS,
        log_bands(GROWTH, 0.5),
        GROWTH,
        title=LONG,
        unit=LONG,
        thresholds=[(f"{LONG} {i}", 10.0 ** (9 + i / 20)) for i in range(5)],
    ),
    "crossing": lambda: figures.crossing(
        YEARS, 1 / (1 + np.exp(-(YEARS - 2040) / 5)), 0.0045, title=LONG, never_text="0.45%"
    ),
    "crossing, named": lambda: figures.crossing(
        YEARS,
        1 / (1 + np.exp(-(YEARS - 2040) / 5)),
        0.0045,
        marks=[("5% by 2025.3", 2025.3, 0.05), ("50% by 2040.0", 2040.0, 0.5), ("95% by 2054.7", 2054.7, 0.95)],
    ),
    "crossing, steep": lambda: figures.crossing(
        YEARS,
        np.where(YEARS < 2030, 0.0, 0.97),
        0.03,
        marks=[("5% by 2029.1", 2029.1, 0.05), ("50% by 2029.5", 2029.5, 0.5), ("95% by 2029.9", 2029.9, 0.95)],
    ),
    "crossing, late": lambda: figures.crossing(
        YEARS, np.clip((YEARS - 2060) / 45, 0, 1), 0.1, marks=[("50% by 2082.5", 2082.5, 0.5)]
    ),
    "crossing, never": lambda: figures.crossing(YEARS, 0 * YEARS, 1.0, title="Never"),
    "crossing, always": lambda: figures.crossing(YEARS, 1 + 0 * YEARS, 0.0, title="Always"),
    "crossing, half": lambda: figures.crossing(YEARS, 0.5 + 0 * YEARS, 0.5, title="Half"),
    "crossing, one year": lambda: figures.crossing([2030.0], np.array([0.4]), 0.6, title="One year"),
    "dots": lambda: figures.dots(
        np.exp(normal_dots()), title="Cost: 8 of 50 exceed 3", unit="USD_2023", threshold=("3 USD_2023", 3.0)
    ),
    "dots, negative": lambda: figures.dots(normal_dots(), title=NASTY, unit="OOM/year", threshold=("0", 0.0)),
    "dots, enormous": lambda: figures.dots(
        10.0 ** np.linspace(-9, 26, 50), title=NON_LATIN, unit="USD", threshold=(LONG, 3.0)
    ),
    "dots, years": lambda: figures.dots(
        np.r_[np.linspace(2031.4, 2090, 30), [np.inf] * 20],
        title="Year",
        unit="year",
        infinite=("by 2022", "after 2100"),
    ),
    "dots, both sides": lambda: figures.dots(
        np.r_[[-np.inf] * 9, np.linspace(2031.4, 2050, 30), [np.inf] * 11],
        title="Year",
        unit="year",
        infinite=("by 2022", "after 2100"),
    ),
    "dots, never": lambda: figures.dots(
        np.full(50, np.inf), title="Never", unit="year", infinite=("by 2022", "after 2100")
    ),
    "dots, one value": lambda: figures.dots(np.full(50, 3.0), title="Point", threshold=("3", 3.0)),
    "dots, half zero": lambda: figures.dots(
        np.r_[np.zeros(25), np.linspace(1, 9, 25)], title="Atom", threshold=("2", 2.0)
    ),
    "tornado": lambda: figures.intervals(
        rows(8), title=LONG, subtitle="its median", unit="USD_2023", base=4.0, caps=False
    ),
    "intervals, thirty": lambda: figures.intervals(
        [Row(f"{LONG} {i}", 10.0 ** (i - 9), 10.0 ** (i - 8), 10.0 ** (i - 4), "1e-9 … 1e26") for i in range(30)],
        title="30",
        unit="USD",
    ),
    "intervals, infinite": lambda: figures.intervals(
        [Row(NASTY, 2030, 2040, np.inf, "2030 … after 2100"), Row(NON_LATIN, -np.inf, 2035, 2040, "", True)],
        unit="year",
        thresholds=[("2033", 2033)],
    ),
    "intervals, negative": lambda: figures.intervals(
        rows(3, low=-5.0), title="Negative", thresholds=[(LONG, -2.0), ("b", 0.0)]
    ),
    "intervals, one point": lambda: figures.intervals([Row("point", 3.0, 3.0, 3.0, "3")], title="Point"),
    "pairs": lambda: figures.pairs(
        [(LONG, rows(1)[0], rows(2)[1]), (NASTY, Row("", -1, 0, np.inf, "-1 … inf"), Row("", 0, 1, 2, "0 … 2"))],
        title=NON_LATIN,
    ),
    "histogram": lambda: figures.histogram(
        np.exp(np.random.default_rng(1).normal(0, 1, 4000)), title=LONG, unit="x", thresholds=[("5", 5.0)]
    ),
    "histogram, point": lambda: figures.histogram(np.full(100, 2.0), title="Point"),
    "histogram, infinite": lambda: figures.histogram(np.full(100, np.inf), title="Infinite"),
}


@pytest.mark.parametrize("case", CASES)
def test_no_label_meets_another_or_leaves_the_figure(case):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="(?!Glyph)")
        figure = CASES[case]()
        with style():
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            renderer = canvas.get_renderer()
            page = figure.bbox
            boxes = []
            for text in figure.findobj(Text):
                if text.get_visible() and text.get_text().strip() and (text.axes is None or _shown(text)):
                    boxes.append((text.get_text(), text.get_window_extent(renderer)))
    assert boxes or "histogram" in case
    for words, box in boxes:
        assert page.x0 - 1 <= box.x0 and box.x1 <= page.x1 + 1, f"{words!r} leaves the figure sideways"
        assert page.y0 - 1 <= box.y0 and box.y1 <= page.y1 + 1, f"{words!r} leaves the figure"
    for i, (words, box) in enumerate(boxes):
        for other, beside in boxes[i + 1 :]:
            across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
            down = min(box.y1, beside.y1) - max(box.y0, beside.y0)
            assert across < 1 or down < 1.5, f"{words!r} meets {other!r}"


def _shown(text) -> bool:
    """Whether a text of axes is drawn: matplotlib keeps tick labels beyond the limits."""
    for axis in (text.axes.xaxis, text.axes.yaxis):
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if text in (tick.label1, tick.label2):
                low, high = sorted(axis.get_view_interval())
                return text is tick.label1 and low <= tick.get_loc() <= high
    return True


@pytest.mark.parametrize("case", CASES)
def test_the_same_data_give_the_same_svg_that_is_whole_and_small(case):
    first, second = (to_svg(CASES[case](), "name", NASTY) for _ in range(2))
    assert first == second
    root = ElementTree.fromstring(first)
    assert root.get("role") == "img" and root.get("aria-label") == NASTY
    assert len(first) < 60_000
    assert (
        "style=" not in first
        and "<metadata" not in first
        and "http" not in first.replace("http://www.w3.org/2000/svg", "")
    )
    used = set(re.findall(r"(?:url\(|href=\")#([\w-]+)", first))
    assert all(name.startswith("name-") for name in used)
    assert used == {element.get("id") for element in root.iter() if element.get("id")}


def test_text_in_a_figure_stays_text():
    svg = to_svg(figures.intervals([Row(NASTY, 1, 2, 3)], title="$x_1$"), "a", "b")
    words = " ".join("".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text"))
    assert "$x_1$" in words and "<script>alert(1)</script>" in words and "\\frac{x^2}{y}" in words


def test_figures_do_not_heed_or_change_the_users_settings():
    import matplotlib

    plain = to_svg(CASES["fan"](), "a", "b")
    before = matplotlib.rcParams["font.size"]
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "text.parse_math": True}):
        assert to_svg(CASES["fan"](), "a", "b") == plain
        assert matplotlib.rcParams["font.size"] == 30
    assert matplotlib.rcParams["font.size"] == before


def test_dots_beyond_a_threshold_are_counted_and_kept_apart():
    values = np.exp(normal_dots())
    figure = figures.dots(values, threshold=("3", 3.0))
    (axes,) = figure.axes
    below, above = [line for line in axes.lines if line.get_marker() in ("o", "D")]
    assert len(above.get_xdata()) == (values > 3).sum() and len(below.get_xdata()) == (values <= 3).sum()
    scale = (
        np.log10
        if axes.get_xlim()[1] < np.log10(values.max()) + 2 and is_wide(values.min(), values.max())
        else np.asarray
    )
    assert max(below.get_xdata()) < scale(3.0) < min(above.get_xdata())


def test_an_atom_is_a_column_where_it_is():
    figure = figures.dots(np.r_[np.zeros(25), np.linspace(1, 9, 25)], threshold=("2", 2.0))
    line = figure.axes[0].lines[0]
    assert (np.asarray(line.get_xdata()) == 0).sum() == 25
    left, right = figure.axes[0].get_xlim()
    assert all(left <= x <= right for found in figure.axes[0].lines[:2] for x in found.get_xdata())


def test_nothing_positive_is_shown_below_zero():
    draws = np.random.default_rng(2).gamma(0.5, size=20_000)
    assert figures.histogram(draws).axes[0].get_xlim()[0] >= 0
    assert figures.dots(np.quantile(draws, (np.arange(50) + 0.5) / 50)).axes[0].lines[
        0
    ].get_xdata().min() >= 0 or is_wide(*np.quantile(draws, [0.01, 0.99]))


def test_the_never_mass_is_drawn_from_the_top():
    bar = figures.crossing(YEARS, 0.3 + 0 * YEARS, 0.7).axes[1].patches[0]
    assert (bar.get_y(), bar.get_height()) == pytest.approx((0.3, 0.7))


def test_years_are_whole_on_every_axis():
    for case in ("fan", "fan, data", "fan, one year", "crossing", "crossing, one year"):
        texts = [label.get_text() for label in CASES[case]().axes[0].get_xticklabels()]
        assert texts and all(re.fullmatch(r"\d{4}", text) for text in texts)


@pytest.mark.parametrize(
    ("low", "high"), [(1e-9, 1e26), (15, 400), (1, 25), (3e6, 4e9), (1e-300, 1e300), (0.0142, 1.03), (1.0, 21.0)]
)
def test_log_ticks_are_few_round_and_inside(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 8 and all(low <= tick <= high for tick in ticks)
    assert len(set(labels_of(ticks))) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high"), [(-0.3, 1.1), (2022, 2100), (-1e9, 1e9), (5, 5.001), (0, 1e-12), (1e15, 1.1e15)]
)
def test_linear_ticks_are_few_round_and_inside(low, high):
    ticks = linear_ticks(low, high)
    span = high - low
    assert 2 <= len(ticks) <= 7 and all(low - 1e-9 * span <= tick <= high + 1e-9 * span for tick in ticks)
    assert len(set(labels_of(ticks))) == len(ticks)


def test_labels_are_broken_between_words_and_cut_at_the_end():
    parts = wrapped(LONG, 30, 2)
    assert len(parts) == 2 and all(width_of(part) <= 30 for part in parts) and parts[1].endswith("…")
    assert all(width_of(part) <= 20 for part in wrapped("費" * 40, 20, 3))
    assert wrapped("a\x00b\nc", 20) == ["a b c"]


def test_png_and_pdf_have_the_same_bytes_each_time():
    for kind in ("png", "pdf"):
        made = []
        for _ in range(2):
            buffer = io.BytesIO()
            figures.save(CASES["dots"](), buffer, kind)
            made.append(buffer.getvalue())
        assert made[0] == made[1] and len(made[0]) > 1000


def test_a_block_of_what_never_happens_is_no_higher_than_it_need_be():
    figure = figures.dots(np.r_[np.linspace(2031, 2090, 30), [np.inf] * 20], unit="year", infinite=("", "after 2100"))
    marks = np.column_stack(figure.axes[0].lines[0].get_data())
    beside = marks[30:]
    assert len(beside) == 20 and len({tuple(mark) for mark in beside}) == 20 and beside[:, 1].max() < 6
    assert beside[:, 0].min() > marks[:30, 0].max()


def test_the_axis_ends_early_where_nothing_happens_later_and_the_bar_counts_to_the_end():
    by = 0.9 / (1 + np.exp(-(YEARS - 2032)))
    curve, bar = figures.crossing(YEARS, by, 0.1, marks=[("50% by 2032", 2032.0, 0.45)]).axes
    assert 2038 < curve.get_xlim()[1] < 2060
    assert [text.get_text() for text in bar.texts][0] == "not by 2100"
    assert figures.crossing(YEARS, 0 * YEARS, 1.0).axes[0].get_xlim()[1] > 2100
    slow = figures.crossing(YEARS, (YEARS - 2022) / 100, 0.22).axes[0]
    assert slow.get_xlim()[1] > 2100


def test_a_histogram_says_how_much_it_does_not_show():
    draws = np.r_[np.linspace(1, 2, 800), np.full(200, np.inf)]
    assert "20% infinite, not drawn" in [text.get_text() for text in figures.histogram(draws).texts]


def test_characters_that_no_font_has_are_told():
    figure = figures.intervals([Row("\U0001331a", 1, 2, 3)], title="Cost")  # a hieroglyph
    assert figures.save(figure, io.BytesIO(), "png") == "\U0001331a"
    assert figures.save(figure, io.BytesIO(), "svg") == "" == figures.save(CASES["dots"](), io.BytesIO(), "png")

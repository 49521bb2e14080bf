"""The look of every figure, and the one door to matplotlib."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from forecast.errors import ForecastError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE, SMALL = 10.0, 9.0
INK, MUTED, GRID, PAPER = "#1b1f24", "#59636e", "#d8dee4", "#ffffff"
BLUE, PALE, PALER, VERMILION = "#0b5fa5", "#7fb2dd", "#c9dff2", "#c8500a"
DASHES = ((0, (5, 2)), (0, (1, 1.5)), (0, (7, 2, 1, 2)), (0, (3, 1)), (0, (9, 3)))
# matplotlib asks the first family that is installed, then the next for what that one cannot draw.
FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "Nirmala UI",
    "Arial Unicode MS",
    "WenQuanYi Zen Hei",
    "IPAGothic",
    "Droid Sans Fallback",
)
HINT = "figures need matplotlib; install it with: pip install 'ai-cost-forecast[plots]'"


@contextmanager
def style() -> Iterator[None]:
    """Settings of every figure; the caller's own matplotlib settings are neither used nor changed."""
    try:
        import matplotlib
        from matplotlib import font_manager
    except ImportError:
        raise ForecastError(HINT) from None
    wanted = _settings(tuple(sorted({font.name for font in font_manager.fontManager.ttflist} & set(FAMILIES))))
    now: Any = matplotlib.rcParams
    changed: Any = {key: value for key, value in wanted.items() if now[key] != value}
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    with matplotlib.rc_context(changed), warnings.catch_warnings():
        # A script that no installed font has is drawn by the reader's own fonts in SVG; matplotlib would warn.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        log.setLevel(logging.ERROR)  # a font of a rare script may have no bold face
        try:
            yield
        finally:
            log.setLevel(level)


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


def blank(width: float, height: float) -> Figure:
    """An empty figure of so many points; inside `style` only."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / 72, height / 72))


def save(figure: Figure, target: Any, kind: str) -> str:
    """Write a figure; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    target : path or binary file
    kind : {"svg", "png", "pdf"}

    Returns
    -------
    str
        Characters that no installed font has, which PNG and PDF show as boxes; SVG leaves them to the reader's fonts.
    """
    metadata: dict[str, Any] = {
        "svg": {"Date": None},
        "png": {"Software": None},
        "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    }[kind]
    with style(), warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message="Glyph .* missing")
        figure.savefig(target, format=kind, metadata=metadata, transparent=kind == "svg", facecolor=PAPER, dpi=200)
    missing = [re.match(r"Glyph (\d+) ", str(warning.message)) for warning in caught]
    return "" if kind == "svg" else "".join(dict.fromkeys(chr(int(match[1])) for match in missing if match))


def font_folder() -> str:
    """Where matplotlib keeps the fonts that figures are measured with."""
    try:
        import matplotlib
    except ImportError:
        raise ForecastError(HINT) from None
    return str(matplotlib.get_data_path()) + "/fonts/ttf"

"""What drives the answer, and what it would gain to know it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forecast.errors import UsageError
from forecast.graph import YEAR
from forecast.report.blocks import Block, Heading, Paragraph, Strong, Table
from forecast.report.figures.svg import picture
from forecast.report.plots import MOST_DRIVERS, drivers, swing_ends, title_of, tornado_of
from forecast.report.subject import Chosen, Subject
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.summary import round_to_error

if TYPE_CHECKING:
    from forecast.sensitivity import Sensitivity
    from forecast.sensitivity.swings import Figure


def what_drives(subject: Subject, chosen: Chosen) -> Iterator[Block]:
    """What drives the headline: a tornado and a table of each of its quantities."""
    forecast = subject.forecast
    names = [text for text in subject.headline if chosen.wants("tornado", text)]
    names += chosen.more("tornado", names)
    found = {}
    for text in names:
        try:
            found[text] = drivers(forecast, text)
        except UsageError:  # certain, or too few worlds to tell
            continue
    if not found:
        return
    yield Heading(2, "What drives it", "drivers")
    yield Paragraph(
        (
            "Which inputs the uncertainty comes from. An input's ",
            Strong("share"),
            " is its part of the variance (its Shapley effect: inputs that depend on each other share fairly); its ",
            Strong("rank correlation"),
            " says how closely, and in which direction, the answer follows it; its ",
            Strong("gain"),
            " is how much narrower the interval would be on average if the input were known. A dash: cannot be told "
            "from chance in these worlds.",
        )
    )
    for number, (text, some) in enumerate(found.items()):
        shown = some.effects[:MOST_DRIVERS]
        label = title_of(forecast, request_of(text))
        if any(len(set(swing_ends(effect, forecast, some.unit))) > 1 for effect in shown):
            caption = (
                "How far the median moves as each input alone goes from its 5% point (pale) to its 95% point (dark)."
            )
            caption = "Bars as above." if number else caption
            yield picture(
                f"tornado-{text.replace('@', '-')}",
                tornado_of(forecast, some),
                _tornado_alt(forecast, label, some),
                caption,
            )
        yield _table(forecast, label, some)


def _table(forecast: Forecast, label: str, some: Sensitivity) -> Table:
    scale = {"log": "its logarithm", "rank": "its rank", "linear": "its value"}.get(some.scale, "it")
    unit = f" [{some.unit}]" if some.unit and some.unit != YEAR else ""
    rows = tuple(
        (
            effect.label,
            _figure(effect.shapley, 100, "%"),
            "" if effect.rank is None else _figure(effect.rank),
            " → ".join(swing_ends(effect, forecast, some.unit)),
            "" if effect.learning.width_percent is None else _figure(effect.learning.width_percent, 1, "%"),
        )
        for effect in some.effects[:MOST_DRIVERS]
    )
    more = len(some.effects) - len(rows)
    caption = f"What drives it: {label}{unit}. Shares are of the variance of {scale}; the median moves from its value "
    caption += "where the input is at its 5% point to where it is at its 95% point."
    caption += f" {more} weaker input{'s are' if more > 1 else ' is'} left out." if more > 0 else ""
    return Table(caption, ("Input", "Share", "Rank correlation", "Median moves", "Gain"), rows, (1, 2, 3, 4))


def _figure(figure: Figure, factor: float = 1.0, unit: str = "") -> str:
    """A figure with the digits that its standard error supports; a dash where it cannot be told from zero."""
    return "–" if figure.in_noise else f"{round_to_error(factor * figure.value, factor * figure.se)}{unit}"


def _tornado_alt(forecast: Forecast, label: str, found: Sensitivity) -> str:
    parts = []
    for effect in found.effects[:3]:
        low, high = swing_ends(effect, forecast, found.unit)
        parts.append(f"{low} to {high} as {effect.label} goes from its 5% to its 95% point")
    return f"Tornado chart of {label}, strongest input first; its median is {'; '.join(parts)}."

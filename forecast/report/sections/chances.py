"""Chances that can be counted: fifty dots of equal probability for each threshold."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.errors import StudyError, UsageError
from forecast.report.blocks import Block, Heading
from forecast.report.fields import Told
from forecast.report.figures.svg import picture
from forecast.report.plots import DOTS, Plots, dot_values, dots_above, threshold_value, title_of
from forecast.report.subject import Chosen, Subject
from forecast.report.words import interval_words
from forecast.result import Forecast
from forecast.sampling import request_of


def chances(subject: Subject, plots: Plots, chosen: Chosen) -> Iterator[Block]:
    """Fifty dots for each threshold of each reported quantity, and for what else the header names."""
    forecast, said = subject.forecast, subject.said
    wanted: list[tuple[str, str | None]] = []
    for text, one in subject.pictured.items():
        if chosen.wants("dots", text):
            limits = chosen.thresholds(text) or list(one.above)
            # Beyond the first, a threshold that all dots or none exceed would show nothing new.
            wanted += [(text, limit) for limit in limits if limit == limits[0] or _splits(forecast, one, limit)]
    for text in dict.fromkeys(chosen.more("dots", [text for text, _ in wanted])):
        try:
            forecast.interval(text)
        except UsageError as error:
            raise StudyError.at(subject.report.place, f"figure 'dots {text}': {error}", "") from None
        wanted += [(text, limit) for limit in chosen.thresholds(text) or (None,)]
    if wanted:
        yield Heading(2, "Chances that can be counted", "chances")
    for number, (text, limit) in enumerate(wanted):
        known = said.get(text)
        request = known.request if known else request_of(text)
        label = known.label if known else text
        values = dot_values(forecast, request)
        if limit is None:
            alt, note = f"{DOTS} dots of equal probability of {label}.", ""
        else:
            count = dots_above(values, threshold_value(forecast.study, request.name, limit))
            exact = known.above.get(limit) if known else None
            alt = f"{DOTS} dots of equal probability of {label}: {count} of {DOTS} exceed {limit}" + (
                f" (probability {exact})." if exact else "."
            )
            note = f" {count} of {DOTS} exceed {limit}" + (f"; the probability is {exact}." if exact else ".")
        caption = f"{f'Each dot is one chance in {DOTS}.' if not number else ''}{note}".strip() or "As above."
        yield picture(f"dots-{text.replace('@', '-')}-{number}", plots.dots(text, limit), alt, caption)


def histograms(subject: Subject, plots: Plots, chosen: Chosen) -> Iterator[Block]:
    """How the draws of each quantity are spread for which the header names a histogram."""
    forecast = subject.forecast
    names = list(dict.fromkeys(chosen.more("histogram", ())))
    if names:
        yield Heading(2, "How it is spread", "spread")
    for name in names:
        try:
            found, label = forecast.interval(name), title_of(forecast, request_of(name))
        except UsageError as error:
            raise StudyError.at(subject.report.place, f"figure 'histogram {name}': {error}", "") from None
        alt = f"Histogram of {label}: {interval_words(found, forecast.years)} (low end, median, high end)."
        caption = "Heights are shares of the worlds that were drawn."
        yield picture(f"histogram-{name.replace('@', '-')}", plots.histogram(name), alt, caption)


def _splits(forecast: Forecast, one: Told, limit: str) -> bool:
    beyond = dots_above(dot_values(forecast, one.request), threshold_value(forecast.study, one.request.name, limit))
    return 0 < beyond < DOTS

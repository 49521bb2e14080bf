"""What changes over the years: fan charts, and the years in which something happens."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.errors import StudyError
from forecast.report.blocks import Block, Heading
from forecast.report.figures.svg import picture
from forecast.report.plots import Plots, data_of, is_crossing
from forecast.report.subject import Chosen, Subject
from forecast.text import percent


def fans(subject: Subject, plots: Plots, chosen: Chosen) -> Iterator[Block]:
    """A fan chart of each reported quantity that has a year axis."""
    forecast, said = subject.forecast, subject.said
    names = list(dict.fromkeys(one.request.name for one in said.values() if one.request.year is not None))
    for name in chosen.more("fan", names):
        if not forecast.has_years(name):
            raise StudyError.at(
                subject.report.place,
                f"figure 'fan {name}': {name} has no year axis",
                "name a quantity that has one, or another figure",
            )
        names.append(name)
    names = [name for name in names if chosen.wants("fan", name)]
    if names:
        yield Heading(2, "Over the years", "years")
    for number, name in enumerate(names):
        shown = [one for one in said.values() if one.request.name == name]
        label = forecast.study.definition(name).label
        told_years = "; ".join(
            f"in {one.request.year:g} {one.interval_text}, median {one.median}"
            for one in shown[:: max(1, -(-len(shown) // 6))]
            if one.request.year is not None
        )
        limits = forecast.study.thresholds.get(name, {})
        alt = (
            f"Fan chart of {label} by year from {forecast.years[0]:g}: credible bands of 50, 80 and 90%, and the median"
        )
        alt += f"; {percent(forecast.prob)} intervals: {told_years}" if told_years else ""
        alt += f"; thresholds at {', '.join(limits)}" if limits else ""
        caption = "Bands and line as above."
        if not number:
            caption = (
                "In each year the true value lies in the inner band with 50% probability, within the middle one with "
                "80%, and within the outer one with 90%. The line is the median."
            )
        data = data_of(forecast, name)
        if data is not None:
            alt += f"; {len(data[0])} data points from {int(data[0].min())} to {int(data[0].max())}"
            caption += " Dots are the data that the trend was fitted to."
        yield picture(f"fan-{name}", plots.fan(name), alt + ".", caption)


def crossings(subject: Subject, plots: Plots, chosen: Chosen) -> Iterator[Block]:
    """The probability of having happened by each year, of each reported year in which something happens."""
    forecast, said = subject.forecast, subject.said
    names = [text for text in said if is_crossing(forecast, text)]
    names += [name for name in chosen.more("crossing", names) if is_crossing(forecast, name)]
    names = [name for name in names if chosen.wants("crossing", name)]
    if names:
        yield Heading(2, "When", "when")
    last = f"{forecast.years[-1]:g}"
    low, high = percent(0.5 - forecast.prob / 2), percent(0.5 + forecast.prob / 2)
    for number, name in enumerate(names):
        one = said.get(name)
        label = forecast.study.definition(name).label
        alt = f"Probability of {label} being that year or earlier, rising over the years"
        if one is not None:
            alt += f": {low}, 50% and {high} are reached in {one.low}, {one.median} and {one.high}"
            alt += f"; with probability {one.never or '0%'} not by {last}"
        caption = "Curve and bar as above."
        if not number:
            caption = (
                "The curve is the probability of having happened by each year; the bar beside it is the probability "
                f"of not happening by {last}."
            )
        yield picture(f"crossing-{name}", plots.crossing(name), alt + ".", caption)

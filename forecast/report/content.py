"""What a report says, in its order: the answer, the figures behind it, what they rest on, how to run it again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forecast.errors import StudyError, UsageError, nearest
from forecast.graph import YEAR
from forecast.report.assumptions import assumptions, provenance_of
from forecast.report.blocks import Block, Cell, Code, Heading, Paragraph, Picture, Span, Strong, Table
from forecast.report.evidence import evidence_section
from forecast.report.fields import Fields, Told, told
from forecast.report.figures.svg import to_svg
from forecast.report.plots import (
    DOTS,
    KINDS,
    MOST_DRIVERS,
    Plots,
    band_of,
    dot_values,
    dots_above,
    drivers,
    interval_words,
    is_crossing,
    swing_ends,
    threshold_value,
    title_of,
    tornado_of,
)
from forecast.report.prose import read_prose, without_title
from forecast.report.scenarios import Compared, Scenario, compared
from forecast.report.trends import trend_section
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.study.reports import Report
from forecast.summary import round_to_error
from forecast.text import chance, ends, percent

if TYPE_CHECKING:
    from forecast.sensitivity import Sensitivity
    from forecast.sensitivity.swings import Figure

MOST_YEARS = 12  # rows of one quantity in the key table


@dataclass(frozen=True)
class Content:
    """A report's content.

    Parameters
    ----------
    title, subtitle : str
    blocks : tuple of Block
    """

    title: str
    subtitle: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Subject:
    """What a report is made of.

    Parameters
    ----------
    forecast : Forecast
    report : Report
    record : mapping
        The run's JSON: what is told is what stands there, rounded.
    scenarios : tuple of Scenario
    date : str
        As it is to be printed; empty for none.
    compare_trends : bool
        Whether to tell every measure of straight against kinked trends.
    """

    forecast: Forecast
    report: Report
    record: Mapping[str, Any]
    scenarios: tuple[Scenario, ...] = ()
    date: str = ""
    compare_trends: bool = False


def content(subject: Subject) -> Content:
    """Everything that a report says.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    Content

    Raises
    ------
    StudyError
        A field or a figure of the report's definition does not exist.
    """
    forecast, report = subject.forecast, subject.report
    said = told(forecast, subject.record)
    fields = Fields(forecast, report, said, subject.record, subject.date)
    fields.check(report)
    title = report.title or report.name
    parts = [percent(forecast.prob) + " credible intervals, equal-tailed"]
    parts += [subject.date] if subject.date else []
    chosen = _Chosen(report, forecast)
    blocks: list[Block] = [*_answer(subject, said), _key_table(subject, said), *_remarks(subject)]
    text = without_title(report.text, title)
    if text:
        blocks.append(read_prose(text, fields))
    plots = Plots(forecast)
    for part in (
        _fans(subject, said, plots, chosen),
        _crossings(subject, said, plots, chosen),
        _dots(subject, said, plots, chosen),
        _drivers(subject, said, chosen),
        trend_section(forecast, chosen.wants("trend"), subject.compare_trends),
        evidence_section(forecast, chosen.wants("shift")),
        _scenarios(subject, said, chosen),
        _bands(subject, said, chosen),
        assumptions(forecast),
        provenance_of(forecast, subject.record, report.name, subject.date),
    ):
        blocks.extend(part)
    return Content(title, ", ".join(parts), tuple(blocks))


class _Chosen:
    """Which figures the report's header asks for; without a list, every one that suits."""

    def __init__(self, report: Report, forecast: Forecast) -> None:
        self._entries: list[tuple[str, str, str]] | None = None
        kinds = (*KINDS, "trend", "shift", "scenarios")
        if report.figures is not None:
            self._entries = []
            for text in report.figures:
                kind, _, rest = text.strip().partition(" ")
                quantity, _, threshold = rest.strip().partition(" ")
                if kind not in kinds:
                    raise StudyError.at(
                        report.place, f"there is no figure '{kind}'", nearest(kind, kinds) or f"use {', '.join(kinds)}"
                    )
                name = quantity.partition("@")[0]
                if name and name not in forecast.study.names:
                    raise StudyError.at(
                        report.place,
                        f"figure '{text}': there is no quantity '{name}'",
                        nearest(name, forecast.study.names) or "'forecast check' lists them",
                    )
                self._entries.append((kind, quantity, threshold))

    def wants(self, kind: str, quantity: str = "") -> bool:
        """Whether a figure of a kind is wanted, of a quantity."""
        return self._entries is None or any(k == kind and q in ("", quantity) for k, q, _ in self._entries)

    def more(self, kind: str, known: Sequence[str]) -> list[str]:
        """Quantities named for a kind beyond the known ones."""
        return [] if self._entries is None else [q for k, q, _ in self._entries if k == kind and q and q not in known]

    def thresholds(self, quantity: str) -> list[str]:
        """Thresholds named for the dots of a quantity."""
        return [] if self._entries is None else [t for k, q, t in self._entries if k == "dots" and q == quantity and t]


def _answer(subject: Subject, said: Mapping[str, Told]) -> Iterator[Block]:
    """The first sentence: what it is, how sure that is, and what may not happen at all."""
    names = subject.report.headline or tuple(said)[:1]
    for name in names:
        for text, one in said.items():
            if text == name or text.partition("@")[0] == name and name not in said:
                yield Paragraph(sentence(subject.forecast, one), lead=name == names[0])
                break


def sentence(forecast: Forecast, one: Told) -> tuple[Span, ...]:
    """A quantity's answer in a sentence."""
    ending = f" with {percent(one.interval.prob)} probability; the median is {one.median}{one.shown_unit}."
    spans: list[Span] = [f"{one.label}: ", Strong(one.interval_text), ending]
    first, last = forecast.years[0], forecast.years[-1]
    if one.unit == YEAR and one.request.year is None and is_crossing(forecast, one.request.name):
        spans.append(f" Not by {last:g}: ")
        spans.append(Strong(one.never or "0%"))
        spans.append(f"; already by {first:g}: {one.already}." if one.already else ".")
    elif one.above:
        spans.append(
            f" Probability of more than {'; than '.join(f'{text}: {prob}' for text, prob in one.above.items())}."
        )
    return tuple(spans)


def _key_table(subject: Subject, said: Mapping[str, Told]) -> Table:
    prob = subject.forecast.prob
    rows = []
    count: dict[str, int] = {}
    for one in said.values():
        count[one.request.name] = count.get(one.request.name, 0) + 1
    step = {name: -(-n // MOST_YEARS) for name, n in count.items()}
    seen: dict[str, int] = {}
    for one in said.values():
        place = seen[one.request.name] = seen.get(one.request.name, -1) + 1
        if place % step[one.request.name] and place != count[one.request.name] - 1:
            continue
        notes = [f"not by {subject.forecast.years[-1]:g}: {one.never}"] if one.never else []
        notes += [f"already by {subject.forecast.years[0]:g}: {one.already}"] if one.already else []
        notes += [chance(f"P(> {text})", prob_text) for text, prob_text in one.above.items()]
        rows.append((one.label, one.low, one.median, one.high, one.unit, "; ".join(notes)))
    header = ("Quantity", *(percent(p) for p in (0.5 - prob / 2, 0.5, 0.5 + prob / 2)), "Unit", "Also")
    caption = "Key figures: both ends of the interval and the median"
    if not any(row[-1] for row in rows):
        return Table(caption, header[:-1], tuple(row[:-1] for row in rows), (1, 2, 3))
    return Table(caption, header, tuple(rows), (1, 2, 3))


def _remarks(subject: Subject) -> Iterator[Block]:
    forecast = subject.forecast
    for name, text in forecast.study.replaced.items():
        yield Paragraph((Strong("Scenario: "), Code(name), f" is replaced by {text}."))
    if not forecast.met:
        yield Paragraph(
            (
                Strong("Precision: "),
                "the Monte Carlo error is larger than was asked for; the number of worlds is at its limit.",
            )
        )
    for note in (*subject.report.notes, *forecast.study.notes):
        yield Paragraph(("Note: ", note))


def _fans(subject: Subject, said: Mapping[str, Told], plots: Plots, chosen: _Chosen) -> Iterator[Block]:
    forecast = subject.forecast
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
    for name in names:
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
        caption = (
            "From the inside out, 50, 80 and 90% of the worlds lie in the bands at each year. The line is the median."
        )
        yield _picture(f"fan-{name}", plots.fan(name), alt + ".", caption)


def _crossings(subject: Subject, said: Mapping[str, Told], plots: Plots, chosen: _Chosen) -> Iterator[Block]:
    forecast = subject.forecast
    names = [text for text in said if is_crossing(forecast, text)]
    names += [name for name in chosen.more("crossing", names) if is_crossing(forecast, name)]
    names = [name for name in names if chosen.wants("crossing", name)]
    if names:
        yield Heading(2, "When", "when")
    last = f"{forecast.years[-1]:g}"
    for name in names:
        one = said.get(name)
        alt = (
            f"Probability of {forecast.study.definition(name).label} being that year or earlier, rising over the years"
        )
        if one is not None:
            alt += (
                f": 5, 50 and 95% are reached in {one.low}, {one.median} and {one.high}"
                if abs(forecast.prob - 0.9) < 1e-9
                else f": the interval is {one.low} to {one.high}, the median {one.median}"
            )
            alt += f"; with probability {one.never or '0%'} not by {last}"
        caption = (
            "The curve is the probability of having happened by each year; the hatched part beside it is the "
            f"probability of not happening by {last}."
        )
        yield _picture(f"crossing-{name}", plots.crossing(name), alt + ".", caption)


def _dots(subject: Subject, said: Mapping[str, Told], plots: Plots, chosen: _Chosen) -> Iterator[Block]:
    forecast = subject.forecast
    wanted: list[tuple[str, str | None]] = []
    for text, one in said.items():
        named = chosen.thresholds(text)
        limits = [*named, *(limit for limit in one.above if not named)]
        if chosen.wants("dots", text):
            wanted += [(text, limit) for limit in limits[:1] or []]
            wanted += [
                (text, limit)
                for limit in limits[1:]
                if 0
                < dots_above(dot_values(forecast, one.request), threshold_value(forecast, one.request.name, limit))
                < DOTS
            ]
    if chosen.more("dots", ()):
        for text in chosen.more("dots", [text for text, _ in wanted]):
            try:
                plots.forecast.interval(text)
            except UsageError as error:
                raise StudyError.at(subject.report.place, f"figure 'dots {text}': {error}", "") from None
            limits = chosen.thresholds(text)
            wanted += [(text, limit) for limit in limits] if limits else [(text, None)]
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
            count = dots_above(values, threshold_value(forecast, request.name, limit))
            exact = known.above.get(limit) if known else None
            alt = f"{DOTS} dots of equal probability of {label}: {count} of {DOTS} exceed {limit}" + (
                f" (probability {exact})." if exact else "."
            )
            note = f" {count} of {DOTS} exceed {limit}" + (f"; the probability is {exact}." if exact else ".")
        caption = f"Each dot is one chance in {DOTS}.{note}"
        yield _picture(f"dots-{text.replace('@', '-')}-{number}", plots.dots(text, limit), alt, caption)


def _drivers(subject: Subject, said: Mapping[str, Told], chosen: _Chosen) -> Iterator[Block]:
    forecast = subject.forecast
    names = [text for text in _headline(subject.report, said) if chosen.wants("tornado", text)]
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
            "Read off the worlds of this run; inputs that depend on each other stay together. The share is an input's "
            "part of the variance (its Shapley effect); the gain is how much narrower the interval would be on average "
            "if the input were known. What cannot be told from chance is a dash. ",
            Code("forecast sensitivity QUANTITY"),
            " tells the same of any quantity.",
        )
    )
    for text, some in found.items():
        shown = some.effects[:MOST_DRIVERS]
        unit = f" [{some.unit}]" if some.unit and some.unit != YEAR else ""
        label = title_of(forecast, request_of(text))
        if any(len(set(swing_ends(effect, forecast, some.unit))) > 1 for effect in shown):
            caption = "Faint: the input is at its 5% point. Strong: at its 95% point. The line is the median."
            yield _picture(
                f"tornado-{text.replace('@', '-')}",
                tornado_of(forecast, some),
                _tornado_alt(forecast, label, some),
                caption,
            )
        scale = {"log": "of its logarithm", "rank": "of its rank", "linear": "of its value"}.get(some.scale, "")
        rows = tuple(
            (
                (effect.label,),
                _figure(effect.shapley, 100, "%"),
                "" if effect.rank is None else _figure(effect.rank),
                *swing_ends(effect, forecast, some.unit),
                "" if effect.learning.width_percent is None else _figure(effect.learning.width_percent, 1, "%"),
            )
            for effect in shown
        )
        header = (
            "Input",
            f"Share of variance {scale}",
            "Rank correlation",
            "Median at its 5%",
            "Median at its 95%",
            "Gain if known",
        )
        yield Table(f"What drives: {label}{unit}", header, rows, (1, 2, 3, 4, 5))


def _figure(figure: Figure, factor: float = 1.0, unit: str = "") -> str:
    """A figure with the digits that its standard error supports; a dash where it cannot be told from zero."""
    return "–" if figure.in_noise else f"{round_to_error(factor * figure.value, factor * figure.se)}{unit}"


def _headline(report: Report, said: Mapping[str, Told]) -> list[str]:
    """The quantities that the report answers first, those with a year axis at their last reported year."""
    last = {one.request.name: text for text, one in said.items()}
    return [name if name in said else last[name] for name in report.headline or tuple(said)[:1]]


def _tornado_alt(forecast: Forecast, label: str, found: Sensitivity) -> str:
    parts = []
    for effect in found.effects[:3]:
        low, high = swing_ends(effect, forecast, found.unit)
        parts.append(f"{low} to {high} as {effect.label} goes from its 5% to its 95% point")
    return f"Tornado chart of {label}, strongest input first; its median is {'; '.join(parts)}."


def _scenarios(subject: Subject, said: Mapping[str, Told], chosen: _Chosen) -> Iterator[Block]:
    if not subject.scenarios:
        return
    forecast = subject.forecast
    found = compared(forecast, subject.scenarios)
    yield Heading(2, "Scenarios", "scenarios")
    for scenario in subject.scenarios:
        sets = "; ".join(f"{name} = {value}" for name, value in scenario.given.items())
        yield Paragraph((Strong(scenario.name), ": ", Code(sets)))
    yield Paragraph(
        ("The same random numbers run through each scenario, so differences and ratios are taken world by world.",)
    )
    rows = []
    for text in said:
        ones = [one for one in found if str(one.request) == text]
        base = said[text]
        rows.append(
            ((base.label,), "as it stands", f"{base.low} … {base.median} … {base.high}{base.shown_unit}", "", "")
        )
        for one in ones:
            rows.append(
                (
                    (base.label,),
                    one.scenario,
                    interval_words(one.found, forecast.years) + base.shown_unit,
                    interval_words(one.difference, ()),
                    interval_words(one.ratio, ()) if one.ratio else "",
                )
            )
        if chosen.wants("scenarios", text) and any(one.found != one.base for one in ones):
            yield _picture(
                f"scenarios-{text.replace('@', '-')}",
                _scenario_figure(forecast, base, ones),
                _scenario_alt(forecast, base, ones),
                "Line: the interval. Circle: the median. The first row is the study as it stands.",
            )
    yield Table(
        f"Scenarios: {percent(forecast.prob)} intervals and medians",
        ("Quantity", "Scenario", "Interval", "Difference", "Ratio"),
        tuple(rows),
        (2, 3, 4),
    )


def _scenario_figure(forecast: Forecast, base: Told, ones: Sequence[Compared]) -> Any:
    from forecast.report import figures

    rows = [
        figures.Row(
            "as it stands",
            base.interval.low,
            base.interval.median,
            base.interval.high,
            f"{base.low} … {base.median} … {base.high}",
        )
    ]
    rows += [
        figures.Row(
            one.scenario,
            one.found.low,
            one.found.median,
            one.found.high,
            interval_words(one.found, forecast.years),
            True,
        )
        for one in ones
    ]
    return figures.intervals(
        rows,
        title=base.label,
        unit=base.unit,
        thresholds=list(forecast.study.thresholds.get(base.request.name, {}).items()),
    )


def _scenario_alt(forecast: Forecast, base: Told, ones: Sequence[Compared]) -> str:
    parts = [f"as it stands {base.interval_text}"]
    for one in ones:
        low, _, high = ends(one.found, forecast.years)
        parts.append(f"{one.scenario} {low} to {high}{base.shown_unit}")
    return f"Intervals of {base.label} by scenario: {'; '.join(parts)}."


def _bands(subject: Subject, said: Mapping[str, Told], chosen: _Chosen) -> Iterator[Block]:
    forecast = subject.forecast
    banded = {text: one for text, one in said.items() if one.band}
    if not banded:
        return
    yield Heading(2, "Dependence", "dependence")
    for declared in forecast.study.dependences:
        if declared.band:
            note = f" {declared.note}" if declared.note else ""
            yield Paragraph(
                (
                    Code(declared.between[0]),
                    " and ",
                    Code(declared.between[1]),
                    f" have rank correlation {declared.rank_correlation:g} here.{note}",
                )
            )
    rows: list[tuple[Cell, ...]] = []
    for text, one in banded.items():
        band = {rho: interval_words(found, forecast.years) for rho, found in sorted(one.band.items())}
        rows.append(((one.label,), *band.values(), one.unit))
        # Where the ends do not move by a twentieth of the width, a picture would show nothing.
        if chosen.wants("band", text) and _moves(one):
            alt = f"Interval of {one.label} by the rank correlation of {' and '.join(_pair(forecast))}: " + "; ".join(
                f"at {rho:+g} {words}" for rho, words in band.items()
            )
            yield _picture(
                f"band-{text.replace('@', '-')}",
                band_of(forecast, text, one.band),
                alt + ".",
                "The interval if the two inputs ran against each other, independently, and together.",
            )
    levels = sorted({rho for one in banded.values() for rho in one.band})
    yield Table(
        "Intervals and medians by rank correlation",
        ("Quantity", *(f"{rho:+g}".replace("+0", "0") for rho in levels), "Unit"),
        tuple(rows),
        tuple(range(1, 1 + len(levels))),
    )


def _pair(forecast: Forecast) -> tuple[str, str]:
    return next(d.between for d in forecast.study.dependences if d.band)


def _moves(one: Told) -> bool:
    def place(value: float) -> float:
        return math.log(value) if one.interval.low > 0 and value > 0 else value

    low, high = place(one.interval.low), place(one.interval.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        return True
    return any(abs(place(i.low) - low) + abs(place(i.high) - high) > 0.05 * (high - low) for i in one.band.values())


def _picture(name: str, figure: Any, alt: str, caption: str) -> Picture:
    return Picture(name, to_svg(figure, name, alt), alt, caption)

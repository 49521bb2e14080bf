"""The answer: first in a sentence, then in a table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from forecast.graph import YEAR
from forecast.report.blocks import Aside, Block, Cell, Code, Paragraph, Span, Strong, Table
from forecast.report.fields import Told
from forecast.report.plots import is_crossing
from forecast.report.subject import Subject
from forecast.result import Forecast
from forecast.text import percent

MOST_YEARS = 12  # rows of one quantity in the key table
_WORDS = {"k": "thousand", "M": "million", "B": "billion", "T": "trillion"}


def answer(subject: Subject) -> Iterator[Block]:
    """The first sentences: what it is, how sure that is, and what may not happen at all."""
    for number, name in enumerate(subject.headline):
        yield Paragraph(sentence(subject.forecast, subject.said[name]), lead=number == 0)


def sentence(forecast: Forecast, one: Told) -> tuple[Span, ...]:
    """A quantity's answer in a sentence that can be read out."""
    unit = f" {in_words(one.unit)}" if one.shown_unit else ""
    first, last = forecast.years[0], forecast.years[-1]
    crossing = one.unit == YEAR and one.request.year is None and is_crossing(forecast, one.request.name)
    spans: list[Span] = [f"{one.label}: "]
    prob = percent(one.interval.prob)
    if one.interval.low == one.interval.high and math.isinf(one.interval.low) and crossing:
        gone = one.interval.low < 0
        told = f" probability it had happened by {first:g}." if gone else _not_by(last)
        return (*spans, "with ", Strong(chance_in_words(one.already if gone else one.never)), told)
    if one.interval.low == one.interval.high:
        draws = forecast.at(one.request.name, one.request.year)
        same = (
            ", the same in every world that was drawn"
            if draws.min() == draws.max()
            else f" with at least {prob} probability"
        )
        spans += [Strong(f"{in_words(one.median)}{unit}"), f"{same}."]
    else:
        spans += [Strong(f"{_both(one.low, one.high)}{unit}")]
        spans += [f" with {prob} probability; the median is {in_words(one.median)}."]
    if crossing:
        spans += [" With ", Strong(chance_in_words(one.never)), _not_by(last)]
        spans += [f" With {chance_in_words(one.already)} it had happened by {first:g}."] if one.already else []
    elif one.above:
        limits = [f"{_limit(text, one.unit)} with {chance_in_words(prob)}" for text, prob in one.above.items()]
        limits[0] += " probability"
        spans.append(f" It exceeds {', '.join(limits[:-1])}{' and ' if limits[1:] else ''}{limits[-1]}.")
    return tuple(spans)


def _not_by(last: float) -> str:
    return f" probability it does not happen by {last:g}."


def in_words(text: str) -> str:
    """A number or a unit as it is read out.

    Examples
    --------
    >>> in_words("42.2M"), in_words("0.115"), in_words("USD_2023"), in_words("USD_2023/chip")
    ('42.2 million', '0.115', 'USD (prices of 2023)', 'USD_2023/chip')
    """
    number = re.fullmatch(r"(-?[\d.]+)([kMBT])", text)
    if number:
        return f"{number[1]} {_WORDS[number[2]]}"
    money = re.fullmatch(r"([A-Z]{3})_(\d{4})", text)
    return f"{money[1]} (prices of {money[2]})" if money else text


def chance_in_words(prob: str) -> str:
    """A probability as it is read out.

    Examples
    --------
    >>> chance_in_words("5.2%"), chance_in_words("< 0.02%")
    ('5.2%', 'less than 0.02%')
    """
    return prob.replace("< ", "less than ").replace("> ", "more than ")


def _limit(text: str, unit: str) -> str:
    """A threshold as it is read out; its unit is told only if it is another than the quantity's."""
    number, _, own = text.partition(" ")
    return f"{in_words(number)}{'' if own in ('', unit) else f' {in_words(own)}'}"


def _both(low: str, high: str) -> str:
    """Both ends: `42.2 to 253 million`, `46.9 million to 1.21 billion`."""
    if low[-1:] == high[-1:] and low[-1:] in _WORDS:
        return f"{low[:-1]} to {in_words(high)}"
    return f"{in_words(low)} to {in_words(high)}"


def key_table(subject: Subject) -> Table:
    """Every reported quantity: the interval's ends and the median, with its unit and its chances below its name."""
    prob = subject.forecast.prob
    rows: list[tuple[Cell, ...]] = []
    count: dict[str, int] = {}
    for one in subject.said.values():
        count[one.request.name] = count.get(one.request.name, 0) + 1
    step = {name: -(-n // MOST_YEARS) for name, n in count.items()}
    seen: dict[str, int] = {}
    for one in subject.said.values():
        place = seen[one.request.name] = seen.get(one.request.name, -1) + 1
        if place % step[one.request.name] and place != count[one.request.name] - 1:
            continue
        notes = [one.unit] if one.shown_unit else []
        notes += [f"not by {subject.forecast.years[-1]:g}: {one.never}"] if one.never else []
        notes += [f"already by {subject.forecast.years[0]:g}: {one.already}"] if one.already else []
        notes += [f"more than {text}: {prob_text}" for text, prob_text in one.above.items()]
        name: tuple[Span, ...] = (one.label, Aside("; ".join(notes))) if notes else (one.label,)
        rows.append((name, one.low, one.median, one.high))
    low, high = percent(0.5 - prob / 2), percent(0.5 + prob / 2)
    caption = (
        f"Key figures. The true value lies between the outer columns with {percent(prob)} probability, as far as the "
        "study goes; it is as likely above the median as below."
    )
    return Table(caption, ("Quantity", f"Low ({low})", "Median", f"High ({high})"), tuple(rows), (1, 2, 3))


def remarks(subject: Subject) -> Iterator[Block]:
    """What a reader must know of this run: replaced quantities, missed precision, notes."""
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
        yield Paragraph((Strong("Note: "), note))

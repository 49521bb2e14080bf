"""Was it right: the ledger of forecasts, what happened, and the scores of what has resolved."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from forecast.distribution import format_number
from forecast.errors import StudyError
from forecast.ledger import FILE, Entry, Verdict, entries_in, examine, resolutions
from forecast.ledger.averages import Mean
from forecast.ledger.schema import understood
from forecast.ledger.score import Predictive
from forecast.ledger.scoring import BASELINES, Card, Group, Scored, predictive, score_ledger
from forecast.ledger.text import BASELINE_NAMES, NAMES, verdict
from forecast.mcse import Z_95, Estimate
from forecast.report import figures
from forecast.report.blocks import Aside, Block, Cell, Code, Heading, Paragraph, Strong, Table
from forecast.report.figures.svg import picture
from forecast.result import Interval
from forecast.summary import round_to_error
from forecast.text import ROUNDING, ends, percent, probability

PROB = 0.9  # of the intervals that are told
MOST = 40  # forecasts told, the latest
MOST_GROUPS = 8  # quantities whose scores are told, those with the most outcomes
FEW, SOME = (
    5,
    20,
)  # outcomes below which nothing is better or worse, and below which there is no histogram of ten classes
LONGEST = 400  # characters of a question or a source
DIGITS = 2  # of a score of one outcome
Z_90 = 1.6448536269514722  # 95% point of the normal distribution


def record_section(ledger: bytes, draw: bool) -> Iterator[Block]:
    """Recorded forecasts with what happened, their scores, and whether the ledger is whole; nothing without entries.

    Parameters
    ----------
    ledger : bytes
        What the ledger's file holds, broken or not.
    draw : bool
        Whether calibration is drawn.
    """
    found = examine(ledger, FILE.as_posix())
    if not found.entries and not found.problems:
        return
    yield Heading(2, "Was it right", "record")
    entries = entries_in(ledger, found.entries)
    try:
        understood(entries)
    except StudyError as error:
        yield from _chain(found)
        told = "; ".join(str(problem) for problem in error.problems[:3])
        more = f" ({len(error.problems) - 3} more)" if len(error.problems) > 3 else ""
        yield Paragraph((Strong("The ledger cannot be read: "), f"{told}{more}. None of its forecasts is told here."))
        return
    card = score_ledger(entries)
    count = len(card.scored) + card.open
    if found.broken:
        yield from _chain(found)
    if count:
        yield Paragraph(
            (
                f"{_count(count, 'forecast')} of this study {'is' if count == 1 else 'are'} in its ledger, as recorded "
                f"at the time, whatever the study says now: {len(card.scored)} resolved, {card.open} open.",
            )
        )
    if not found.broken:
        yield from _chain(found)
    if count:
        yield _forecasts(entries, card)
    if card.scored and not found.broken:
        yield from _scores(entries, card, draw)


def _chain(found: Verdict) -> Iterator[Block]:
    """Whether the ledger is as it was written."""
    if found.broken:
        first, *others = found.broken
        kept = (
            f"The first {found.entries} entries are sound and told here" if found.entries else "No entry is told here"
        )
        if found.entries == 1:
            kept = "The first entry is sound and told here"
        more = f" ({_count(len(others), 'more problem')})" if others else ""
        yield Paragraph(
            (
                Strong("The ledger is broken: "),
                f"{first.place}: {first.what}{more}. {kept}; the rest is in doubt, and nothing is scored. ",
                "The file has to be restored from a copy.",
            )
        )
        return
    yield Paragraph(
        (
            "The ledger is only ever added to, and its chain of hashes is unbroken: "
            f"{_count(found.entries, 'entry')}, head ",
            Code(found.head),
            ". Entries removed from its end show only against a head that was noted elsewhere.",
        )
    )
    if found.problems:
        yield Paragraph(
            (Strong("Note: "), "the ledger's last line is incomplete: it was never acknowledged, and is passed over.")
        )


def _forecasts(entries: Sequence[Entry], card: Card) -> Block:
    """Every forecast, those of one question together."""
    known, scored = resolutions(list(entries)), {one.id: one for one in card.scored}
    forecasts = [entry for entry in entries if entry["kind"] == "forecast"]
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in forecasts[-MOST:]:
        key = (entry["question"], entry["quantity"], entry["year"], entry["resolves"])
        groups.setdefault(key, []).append(entry)
    rows: list[tuple[Cell, ...]] = []
    for group in groups.values():
        for number, entry in enumerate(group):
            made = f"recorded {entry['time'][:10]}, {entry['id']}"
            question: Cell = ("The same question", Aside(made))
            if not number:
                unit = f" [{clean(entry['unit'])}]" if entry["unit"] and not entry["axis"] else ""
                about = f"{_title(entry)}{unit}; resolves {entry['resolves']}; {made}"
                question = (clean(entry["question"]), Aside(about))
            happened = _outcome(entry, known.get(entry["id"]), scored.get(entry["id"]))
            rows.append((question, _forecast(entry), happened))
    left = len(forecasts) - len(rows)
    caption = f"What was forecast, by question: the median with the {percent(PROB)} interval below it"
    caption += "; before them the probability of yes" if any("above" in entry for entry in forecasts) else ""
    caption += "; and what happened."
    caption += f" The latest {len(rows)}; the ledger has {_count(left, 'earlier one')}." if left else ""
    return Table(caption, ("Question", "Forecast", "What happened"), tuple(rows), (1,))


def _forecast(entry: Entry) -> Cell:
    """The median and the interval, with the digits that so many draws support; the probability of yes."""
    belief, draws = predictive(entry["probs"], entry["quantiles"]), _draws(entry)
    probs = (0.5 - PROB / 2, 0.5, 0.5 + PROB / 2)
    low, median, high = (float(belief.quantile(np.array([prob]))[0]) for prob in probs)
    one, two, three = (_mcse(belief, prob, draws) for prob in probs)
    texts = ends(Interval(low, median, high, PROB, one, two, three, entry["unit"]), entry["axis"] or ())
    interval = [f"{texts[0]} … {texts[2]}"] if texts[0] != texts[2] else []
    above = entry.get("above")
    if above is None:
        return texts[1], *map(Aside, interval)
    prob = min(max(float(above["prob"]), 0.0), 1.0)
    limit = 3 / draws / Z_95  # the rule of three, as in `forecast.mean.prob_of`
    told = probability(Estimate(np.array(prob), np.array(max(math.sqrt(prob * (1 - prob) / draws), limit))))
    return told, *map(Aside, (f"above {clean(above['text'])}", texts[1], *interval))


def _mcse(belief: Predictive, prob: float, draws: float) -> float:
    """Standard error of a quantile of so many independent draws (Woodruff 1952), more than that of other draws."""
    spread = math.sqrt(prob * (1 - prob) / draws)
    low, high = belief.quantile(np.clip([prob - spread, prob + spread], 1e-9, 1 - 1e-9)).tolist()
    if not (math.isfinite(low) and math.isfinite(high)):
        return math.inf if low != high else 0.0
    return (high - low) / 2 if high - low > ROUNDING * abs(high) else 0.0


def _draws(entry: Entry) -> float:
    """How many draws a forecast was made from; an entry of another program may not say."""
    draws = entry.get("draws")
    return float(draws) if isinstance(draws, int | float) and 1 <= draws < math.inf else 1e4


def _outcome(entry: Entry, found: Entry | None, scored: Scored | None) -> Cell:
    """What happened, whether the forecast's intervals held it, and where that is written."""
    if found is None or scored is None:
        return "open"
    bound, happened = entry.get("above"), found["happened"]
    answer = "" if happened is None or bound is None else "yes" if happened else "no"
    if found["value"] is None:
        first, given = answer or "not told", ""
    else:
        value, given = float(found["value"]), str(found.get("text", ""))
        first = f"{_value(value, entry)}{f' ({answer})' if answer else ''}"
        given = given if given.partition(" ")[2].strip() not in ("", entry["unit"]) else ""
    notes = [_where(scored)] if scored.reach is not None else []
    notes += [f"known {found['on']}{f', given as {clean(given)}' if given else ''}"]
    return (first, *(Aside(note) for note in notes), Aside(clean(found["source"])))


def _value(value: float, entry: Entry) -> str:
    if math.isinf(value):
        return f"not by {entry['resolves']}" if value > 0 else f"already by {(entry['axis'] or [0])[0]:g}"
    if entry["axis"]:
        return f"{value:.1f}"
    return format_number(value, 4)


def _where(scored: Scored) -> str:
    """The narrowest interval that held, or on which side all were missed."""
    held = [level for level, hit in sorted(scored.covered.items()) if hit]
    if held:
        return f"inside the {percent(held[0])} interval"
    less, most = scored.reach or (0.0, 1.0)
    return f"{'below' if less + most < 1 else 'above'} the {percent(max(scored.covered))} interval"


def _scores(entries: Sequence[Entry], card: Card, draw: bool) -> Iterator[Block]:
    """Means of scores, calibration, and how little they say while outcomes are few."""
    outcomes = len({one.outcome for one in card.scored})
    yield Heading(3, "How good the forecasts were", "scores")
    yield Paragraph((Strong(f"{_count(outcomes, 'outcome')}. "), _caution(outcomes)))
    yield _score_table(entries, card)
    yield Paragraph(
        (
            "Smaller scores are better; a difference below zero is better than what it is compared with. Small figures "
            f"are {percent(PROB)} intervals: of means by bootstrap over outcomes, of shares by Wilson's formula. CRPS "
            "(continuous ranked probability score) is the distance of the forecast from the outcome, in its unit or in "
            "orders of magnitude (OOM); the interval score is the interval's width and what missing it costs; the "
            "Brier score is a probability's squared error.",
        )
    )
    coverage = card.total.coverage
    if coverage:
        yield _coverage(coverage)
        if draw:
            yield _calibration(coverage, outcomes)
        valued = len({one.outcome for one in card.scored if one.reach is not None})
        if draw and valued >= SOME:
            yield _pits(card.total, valued)
    if card.total.said:
        rows = tuple((percent_of(prob), str(count), str(happened)) for prob, count, happened in card.total.said)
        caption = (
            "Questions of yes or no, by the probability that was given, in tenths: how many, and how many happened."
        )
        yield Table(caption, ("Probability given (mean)", "Forecasts", "Happened"), rows, (1, 2))


def _caution(outcomes: int) -> str:
    if outcomes == 1:
        return (
            "A single outcome says next to nothing about how good forecasts are; there is no interval for its scores."
        )
    if outcomes < FEW:
        return "Far too few to tell whether the forecasts are calibrated, or better than anything else."
    if outcomes < SOME:
        return "Few: what counts is what the intervals rule out, not the means."
    return "Forecasts of one outcome count as one in every interval."


def _score_table(entries: Sequence[Entry], card: Card) -> Block:
    titles = {_name(entry): _title(entry) for entry in entries if entry["kind"] == "forecast"}
    quantities = sorted(card.by_quantity, key=lambda group: -_outcomes(card, group, "quantity"))[:MOST_GROUPS]
    groups = [(card.total, "All quantities", "")] if len(card.by_quantity) > 1 else []
    if len(card.by_horizon) > 1 and len({one.outcome for one in card.scored}) >= FEW:
        groups += [(group, f"Horizon {group.name}", "horizon") for group in card.by_horizon]
    groups += [(group, titles[group.name], "quantity") for group in quantities]
    against = [b for b in BASELINES if any(b == other for group, *_ in groups for other, _ in group.differences)]
    rows: list[tuple[Cell, ...]] = []
    for group, title, by in groups:
        members = [one for one in card.scored if not by or getattr(one, by) == group.name]
        scores = list(_score_rows(group, members, against))
        if scores:  # nothing that has a unit is averaged over quantities
            rows += [(_headed(title, members), *([""] * (1 + len(against)))), *scores]
    left = len(card.by_quantity) - len(quantities)
    caption = "Scores: means over resolved forecasts, and how much they differ from those of what there was to beat."
    caption += f" ‘forecast score’ tells {_count(left, 'more quantity')}." if left else ""
    header = ("Score", "Mean", *(f"Less that of {BASELINE_NAMES[b]}" for b in against))
    return Table(caption, header, tuple(rows), tuple(range(1, len(header))))


def _headed(title: str, members: Sequence[Scored]) -> Cell:
    outcomes = len({one.outcome for one in members})
    told = _count(len(members), "forecast") + (f" of {_count(outcomes, 'outcome')}" if outcomes < len(members) else "")
    return Strong(title), Aside(told)


def _score_rows(group: Group, members: Sequence[Scored], against: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    units = {one.unit for one in members}
    unit = _unit(units.pop()) if len(units) == 1 else ""
    for kind, mean in group.scores.items():
        told = f", {unit}" if unit and kind in ("crps", "interval_score") else ""
        name = NAMES[kind]
        cells: list[Cell] = [f"{name[0].upper()}{name[1:]}{told}", _mean(mean)]
        for baseline in against:
            less = group.differences.get((baseline, kind))
            both = {one.outcome for one in members if kind in one.scores and kind in one.baselines.get(baseline, {})}
            cells.append("" if less is None else _mean(less, verdict(less) if len(both) >= FEW else ""))
        yield tuple(cells)
    if group.width.count:
        width = f"Width of the 90% interval{f', {_unit(group.width_unit)}' if group.width_unit else ''}"
        yield width, _mean(group.width), *([""] * len(against))


def _mean(found: Mean, more: str = "") -> Cell:
    """A mean and its interval, with the digits that this supports."""
    if math.isnan(found.low):
        return format_number(found.value, DIGITS)
    error = (found.high - found.low) / 2 / Z_90 / 100  # which shows two digits of the standard error
    low, value, high = (round_to_error(figure, error) for figure in (found.low, found.value, found.high))
    return value, Aside(f"{low} to {high}{more}")


def _coverage(coverage: dict[float, Mean]) -> Block:
    rows = tuple(
        (
            f"{percent(level)} interval",
            f"{round(found.value * found.count)} of {found.count}",
            (percent_of(found.value), Aside(f"{percent_of(found.low)} to {percent_of(found.high)}")),
        )
        for level, found in coverage.items()
    )
    caption = "Calibration: how often each interval held what happened; it should be as often as its probability says."
    return Table(caption, ("Interval", "Held", "Share"), rows, (1, 2))


def _calibration(coverage: dict[float, Mean], outcomes: int) -> Block:
    told = "; ".join(
        f"the {percent(level)} interval held {percent_of(found.value)} ({percent_of(found.low)} to "
        f"{percent_of(found.high)})"
        for level, found in coverage.items()
    )
    means = list(coverage.values())
    figure = figures.calibration(
        list(coverage),
        [mean.value for mean in means],
        [mean.low for mean in means],
        [mean.high for mean in means],
        title=f"How often intervals held, of {_count(means[0].count, 'forecast')}",
    )
    caption = "Below the dashed line intervals are too narrow, above it too wide."
    caption += " With so few outcomes either may be chance." if outcomes < SOME else ""
    return picture("calibration", figure, f"Calibration of {_count(means[0].count, 'forecast')}: {told}.", caption)


def _pits(total: Group, outcomes: int) -> Block:
    told = ", ".join(f"{count:.3g}" for count in total.pits)
    figure = figures.pits(total.pits, outcomes, title="Where in the forecasts the outcomes fell")
    alt = f"Histogram of where in the forecasts the outcomes fell, in tenths of probability from the lowest: {told}."
    caption = (
        "Even bars are what calibrated forecasts give; a U says that they were too narrow, a hill too wide. If they "
        "are calibrated, each bar ends in the band with at least 90% probability."
    )
    return picture("pit", figure, alt, caption)


def _outcomes(card: Card, group: Group, by: str) -> int:
    return len({one.outcome for one in card.scored if getattr(one, by) == group.name})


def _name(entry: Entry) -> str:
    return str(entry["quantity"]) if entry["year"] is None else f"{entry['quantity']}@{entry['year']:g}"


def _title(entry: Entry) -> str:
    label = clean(str(entry.get("label") or entry["quantity"]))
    return label if entry["year"] is None else f"{label}, {entry['year']:g}"


def _unit(unit: str) -> str:
    return "in years" if unit == "year" else f"in {clean(unit)}" if unit else ""


def _count(number: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> _count(1, "entry"), _count(2, "entry"), _count(3, "outcome")
    ('1 entry', '2 entries', '3 outcomes')
    """
    many = f"{noun[:-1]}ies" if noun.endswith(("ry", "ty")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else many}"


def percent_of(share: float) -> str:
    """A share of outcomes as whole percents: more digits would need ten thousand of them."""
    return f"{100 * share:.0f}%"


def clean(text: str) -> str:
    """A text of the ledger in one line, without what could turn the text around it, and not too long.

    Examples
    --------
    >>> clean("What\\x07 is\\n\\u202eit?")
    'What is it?'
    """
    kept = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text if c not in _DIRECTIONS)
    words = " ".join(kept.split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"


_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

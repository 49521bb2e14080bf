"""Was it right: the ledger of forecasts, what happened, and whether the ledger is whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from forecast.distribution import format_number
from forecast.errors import StudyError
from forecast.ledger import FILE, Entry, Verdict, entries_in, examine, resolutions
from forecast.ledger.schema import understood
from forecast.ledger.score import Predictive
from forecast.ledger.scoring import Card, Scored, predictive, score_ledger
from forecast.quantile.mcse import Z_95, Estimate
from forecast.report.blocks import Aside, Block, Cell, Code, Heading, Paragraph, Strong, Table
from forecast.report.sections.scores import score_blocks
from forecast.report.words import clean, counted
from forecast.result import Interval
from forecast.text import ROUNDING, ends, percent, probability

PROB = 0.9  # of the intervals that are told
MOST = 40  # forecasts told, the latest


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
                f"{counted(count, 'forecast')} of this study {'is' if count == 1 else 'are'} in its ledger, told as "
                f"recorded, whatever the study says now: {len(card.scored)} resolved, {card.open} open.",
            )
        )
    if not found.broken:
        yield from _chain(found)
    if count:
        yield _forecasts(entries, card)
    if card.scored and not found.broken:
        titles = {_name(entry): _title(entry) for entry in entries if entry["kind"] == "forecast"}
        yield from score_blocks(card, titles, draw)


def _chain(found: Verdict) -> Iterator[Block]:
    """Whether the ledger is as it was written."""
    if found.broken:
        first, *others = found.broken
        kept = f"The first {found.entries} entries are sound and told here"
        if found.entries < 2:
            kept = "The first entry is sound and told here" if found.entries else "No entry is told here"
        more = f" ({counted(len(others), 'more problem')})" if others else ""
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
            f"{counted(found.entries, 'entry')}, head ",
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
    caption += f" The latest {len(rows)}; the ledger has {counted(left, 'earlier one')}." if left else ""
    return Table(caption, ("Question", "Forecast", "What happened"), tuple(rows))


def _forecast(entry: Entry) -> Cell:
    """The median and the interval, with the digits that so many draws support; the probability of yes."""
    belief, draws = predictive(entry["probs"], entry["quantiles"]), _draws(entry)
    probs = (0.5 - PROB / 2, 0.5, 0.5 + PROB / 2)
    low, median, high = (float(belief.quantile(np.array([prob]))[0]) for prob in probs)
    one, two, three = (_mcse(belief, prob, draws) for prob in probs)
    texts = ends(Interval(low, median, high, PROB, one, two, three, entry["unit"]), entry["axis"] or ())
    # What happened is to be seen on a phone too: the column breaks between figures, never within an interval.
    interval = [f"{texts[0]}\u00a0…\u00a0{texts[2]}"] if texts[0] != texts[2] else []
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


def _name(entry: Entry) -> str:
    return str(entry["quantity"]) if entry["year"] is None else f"{entry['quantity']}@{entry['year']:g}"


def _title(entry: Entry) -> str:
    label = clean(str(entry.get("label") or entry["quantity"]))
    return label if entry["year"] is None else f"{label}, {entry['year']:g}"

"""The ledger and its scores, as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from forecast.distribution import format_number
from forecast.ledger import Entry, resolutions
from forecast.ledger.averages import Mean
from forecast.ledger.schema import understood
from forecast.ledger.scoring import Card, Group, predictive

_ATOM = 0.005  # probability of one value, from which on it is told as such
NAMES = {
    "crps": "CRPS",
    "crps_oom": "CRPS in OOM",
    "log_score": "log score (nats)",
    "interval_score": "interval score (90%)",
    "brier": "Brier score",
}
BASELINE_NAMES = {"prior": "the prior", "previous": "the previous forecast", "trend": "the trend's textbook interval"}


def listing(entries: Sequence[Entry], today: date | None = None) -> str:
    """Every recorded forecast with its 90% interval, what happened, and whether it is due."""
    understood(entries)
    known = resolutions(list(entries))
    now = (date.today() if today is None else today).isoformat()
    lines = []
    for entry in entries:
        if entry["kind"] != "forecast":
            continue
        lines.append(f"{entry['id']}  {entry['time'][:10]}  {_forecast(entry)}")
        due = (
            ""
            if entry["id"] in known or entry["resolves"] > now
            else " It is due: 'forecast resolve' says what happened."
        )
        lines.append(f"          {entry['question']} Resolves {entry['resolves']}.{due}")
        if "above" in entry:
            lines.append(f"          {_prob_above(entry)}")
        found = known.get(entry["id"])
        if found is not None:
            lines.append(f"          {found['on']}: {_outcome(found, entry)} ({found['source']})")
    return "\n".join(lines) or "The ledger is empty; 'forecast record' adds a forecast."


def recorded(entry: Entry) -> str:
    """What a forecast that was just recorded says."""
    lines = [entry["question"], f"  {_forecast(entry)}"]
    if "above" in entry:
        lines.append(f"  {_prob_above(entry)}")
    return "\n".join([*lines, f"  Resolves {entry['resolves']}."])


def resolved(found: Entry, entry: Entry) -> str:
    """What was just said to have happened, and where that falls in the forecast."""
    lines = [entry["question"], f"  {_forecast(entry)}"]
    if "above" in entry:
        lines.append(f"  {_prob_above(entry)}: {'yes' if found['happened'] else 'no'}")
    if found["value"] is None:
        return "\n".join(lines)
    value = float(found["value"])
    less, most = predictive(entry["probs"], entry["quantiles"]).reach(value)
    unit = "" if entry["axis"] or not entry["unit"] else f" {entry['unit']}"
    if most - less > _ATOM:
        place = f"which had a probability of {_percent(most - less)}"
    else:
        place = f"at the {_percent((less + most) / 2)} point of the forecast"
    first, last = (float(entry["quantiles"][i]) for i in (0, -1))
    beyond = value < first or value > last
    if beyond:
        end = entry["probs"][0 if value < first else -1]
        place = f"{'below' if value < first else 'above'} the {100 * end:g}% point of the forecast"
    lines.append(f"  Outcome: {_number(value, entry)}{unit}, {place}.")
    if beyond:
        hint = " a yes or no is told by --yes or --no;" if "above" in entry and value in (0, 1, 2) else ""
        told = f"in {entry['unit']}" if entry["unit"] else "a pure number"
        lines.append(
            f"  note: that was all but ruled out. Is the unit right (it was taken as {told})?{hint} "
            "another 'forecast resolve' corrects it."
        )
    return "\n".join(lines)


def _forecast(entry: Entry) -> str:
    """A recorded forecast's median and 90% interval, with its unit."""
    belief = predictive(entry["probs"], entry["quantiles"])
    low, middle, high = (_number(belief.quantile([p]).item(), entry) for p in (0.05, 0.5, 0.95))  # type: ignore[arg-type]
    name = entry["quantity"] if entry["year"] is None else f"{entry['quantity']}@{entry['year']:g}"
    unit = "" if entry["axis"] or not entry["unit"] else f" [{entry['unit']}]"
    return f"{name}: {middle} (90%: {low} to {high}){unit}"


def _prob_above(entry: Entry) -> str:
    return f"P(> {entry['above']['text']}) = {100 * entry['above']['prob']:.3g}%"


def _outcome(found: Entry, entry: Entry) -> str:
    if found["value"] is None:
        return "yes" if found["happened"] else "no"
    return _number(float(found["value"]), entry)


def _percent(prob: float) -> str:
    """A probability that is never told as 0 or 1: 43%, 0.02%, 99.97%."""
    digits = 0 if 0.01 <= prob <= 0.99 else 2
    return f"{100 * prob:.{digits}f}%"


def card_text(card: Card) -> str:
    """The scores of a ledger."""
    if not card.scored:
        return f"No forecast has resolved yet ({card.open} open); 'forecast resolve' says what happened."
    lines = [
        f"{_count(len(card.scored), 'forecast')} resolved, {card.open} open. Smaller scores are better.",
        "In brackets 90% intervals: of scores by bootstrap over outcomes, of shares by Wilson's formula.",
        "",
    ]
    if len(card.by_quantity) > 1:
        lines += ["All quantities", *_group(card.total, ""), ""]
    if len(card.by_horizon) > 1:
        for group in card.by_horizon:
            lines += [f"Horizon {group.name}", *_group(group, ""), ""]
    for group in card.by_quantity:
        units = {one.unit for one in card.scored if one.quantity == group.name}
        lines += [group.name, *_group(group, units.pop() if len(units) == 1 else ""), ""]
    return "\n".join(lines[:-1])


def _group(group: Group, unit: str) -> list[str]:
    lines = [f"  {group.count} resolved"]
    for kind, value in group.scores.items():
        told = f" [{unit}]" if unit and kind in ("crps", "interval_score") else ""
        lines.append(f"  {NAMES[kind]}{told}: {_mean(value)}")
        for (baseline, of), less in group.differences.items():
            if of == kind:
                lines.append(f"    less that of {BASELINE_NAMES[baseline]}: {_mean(less)}{verdict(less)}")
    if group.width.count:
        of = f" [{group.width_unit}]" if group.width_unit else ""
        lines.append(f"  sharpness: mean width of the 90% interval{of}: {_mean(group.width)}")
    if group.coverage:
        held = [f"  the {100 * level:g}% interval held {_share(value)}" for level, value in group.coverage.items()]
        lines += ["  calibration:", *(f"  {line}" for line in held)]
        lines.append(f"    PIT in tenths: {' '.join(f'{count:.3g}' for count in group.pits)}  {_bars(group.pits)}")
    if group.said:
        lines.append("  questions of yes or no:")
        for prob, count, happened in group.said:
            lines.append(f"    said {100 * prob:.0f}%: happened {happened} of {count}")
    return lines


def verdict(less: Mean) -> str:
    """Whether a difference of scores can be told from none."""
    if math.isnan(less.low) or less.low <= 0 <= less.high:
        return ", not to be told apart"
    return ", better" if less.high < 0 else ", worse"


def _share(found: Mean) -> str:
    return f"{100 * found.value:.0f}% ({100 * found.low:.0f} to {100 * found.high:.0f}%)"


def _bars(counts: Sequence[float]) -> str:
    most = max(counts, default=0.0)
    return "".join(_BARS[math.ceil(len(_BARS[1:]) * count / most)] for count in counts) if most else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


_BARS = " ▁▂▃▄▅▆▇█"


def _mean(found: Mean) -> str:
    text = format_number(found.value, 3)
    return (
        text if math.isnan(found.low) else f"{text} ({format_number(found.low, 3)} to {format_number(found.high, 3)})"
    )


def _number(value: float, entry: Entry) -> str:
    if math.isinf(value):
        return "never" if value > 0 else "already"
    return f"{value:.1f}" if entry["axis"] else format_number(value, 3)


def to_json(card: Card) -> dict[str, Any]:
    """The scores as plain values (schema forecast.ledger.score/1, docs/ledger.md)."""

    def mean(found: Mean) -> dict[str, Any]:
        return {"mean": _plain(found.value), "low": _plain(found.low), "high": _plain(found.high), "count": found.count}

    def group(found: Group) -> dict[str, Any]:
        return {
            "name": found.name,
            "count": found.count,
            "scores": {kind: mean(value) for kind, value in found.scores.items()},
            "against": {
                b: {k: mean(v) for (other, k), v in found.differences.items() if other == b}
                for b in dict.fromkeys(b for b, _ in found.differences)
            },
            "coverage": {f"{level:g}": mean(value) for level, value in found.coverage.items()},
            "pit": found.pits,
            "width": {**mean(found.width), "unit": found.width_unit},
            "said": [{"prob": p, "count": n, "happened": h} for p, n, h in found.said],
        }

    return {
        "schema": "forecast.ledger.score/1",
        "open": card.open,
        "total": group(card.total),
        "by_quantity": [group(g) for g in card.by_quantity],
        "by_horizon": [group(g) for g in card.by_horizon],
        "forecasts": [
            {
                "id": s.id,
                "quantity": s.quantity,
                "horizon": s.horizon,
                "pit": None if s.reach is None else list(s.reach),
                "scores": s.scores,
                "baselines": s.baselines,
            }
            for s in card.scored
        ],
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None

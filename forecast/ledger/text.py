"""The ledger and its scores, as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forecast.distribution import format_number
from forecast.graph import YEAR
from forecast.ledger import Entry, resolutions
from forecast.ledger.score import Mean
from forecast.ledger.scoring import Card, Group, predictive

_NAMES = {
    "crps": "CRPS",
    "crps_oom": "CRPS in OOM",
    "log_score": "log score (nats)",
    "interval_score": "interval score (90%)",
    "brier": "Brier score",
}


def listing(entries: Sequence[Entry]) -> str:
    """Every recorded forecast with its interval and what happened."""
    known = resolutions(list(entries))
    lines = []
    for entry in entries:
        if entry["kind"] != "forecast":
            continue
        belief = predictive(entry["probs"], entry["quantiles"])
        low, middle, high = (_number(belief.quantile([p]).item(), entry["unit"]) for p in (0.05, 0.5, 0.95))  # type: ignore[arg-type]
        name = entry["quantity"] if entry["year"] is None else f"{entry['quantity']}@{entry['year']:g}"
        lines.append(f"{entry['id']}  {entry['time'][:10]}  {name}: {middle} ({low} to {high}) [{entry['unit']}]")
        lines.append(f"          {entry['question']} Resolves {entry['resolves']}.")
        if "above" in entry:
            lines.append(f"          P(> {entry['above']['text']}) = {100 * entry['above']['prob']:.3g}%")
        found = known.get(entry["id"])
        if found is not None:
            what = (
                ("yes" if found["happened"] else "no")
                if found["value"] is None
                else _number(float(found["value"]), entry["unit"])
            )
            lines.append(f"          {found['on']}: {what} ({found['source']})")
    return "\n".join(lines) or "The ledger is empty; 'forecast record' adds a forecast."


def card_text(card: Card) -> str:
    """The scores of a ledger."""
    if not card.scored:
        return f"No forecast has resolved yet ({card.open} open); 'forecast resolve' says what happened."
    lines = [
        f"{len(card.scored)} forecasts resolved, {card.open} open. Smaller is better; in brackets 90% intervals.",
        "",
    ]
    lines += ["All", *_group(card.total)]
    if len(card.by_horizon) > 1:
        lines.append("")
        for group in card.by_horizon:
            lines += [f"Horizon {group.name}", *_group(group)]
    lines.append("")
    for group in card.by_quantity:
        lines += [group.name, *_group(group)]
    return "\n".join(lines)


def _group(group: Group) -> list[str]:
    lines = [f"  {group.count} resolved"]
    lines += [f"  {_NAMES[kind]}: {_mean(value)}" for kind, value in group.scores.items()]
    for (baseline, kind), value in group.differences.items():
        verdict = (
            "" if math.isnan(value.low) or value.low <= 0 <= value.high else ", better" if value.high < 0 else ", worse"
        )
        lines.append(f"  {_NAMES[kind]} less that of the {_BASELINES[baseline]}: {_mean(value)}{verdict}")
    if group.coverage:
        lines.append(
            "  coverage: "
            + ", ".join(
                f"{100 * level:g}% interval {100 * value.value:.0f}%" for level, value in group.coverage.items()
            )
        )
        lines.append(f"  PIT in tenths: {' '.join(map(str, group.pits))}")
    return lines


_BASELINES = {"prior": "prior", "previous": "previous forecast", "trend": "trend's textbook interval"}


def _mean(found: Mean) -> str:
    text = format_number(found.value, 3)
    return (
        text if math.isnan(found.low) else f"{text} ({format_number(found.low, 3)} to {format_number(found.high, 3)})"
    )


def _number(value: float, unit: str) -> str:
    if math.isinf(value):
        return "never" if value > 0 else "already"
    return f"{value:.1f}" if unit == YEAR else format_number(value, 3)

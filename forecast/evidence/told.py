"""How evidence was brought in and what it is at odds with, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forecast.evidence.observation import Observation
from forecast.evidence.record import Conditioned, Update

CONFLICT = 0.01  # p-value below which belief and evidence, or observations, disagree
MOST = 10  # parts, observations and conflicts that are told one by one
NAMES = {
    "none": "nothing to learn", "exact": "solved exactly", "weights": "Pareto-smoothed weights",
    "smc": "sequential Monte Carlo", "nuts": "NUTS (PyMC)",
}  # fmt: skip


def paths(update: Update) -> list[str]:
    """How each part of the evidence was brought in: rung, k-hat, effective worlds."""
    worst = sorted(update.parts, key=lambda part: part.left)[:MOST]  # of many parts those that are least certain
    lines = [f"{_ids(part.ids)}: {_path(part)}" for part in update.parts if part in worst]
    if more := len(update.parts) - len(lines):
        lines.append(f"and {more:,} more independent parts, worth more worlds each")
    aside = tuple(id for id in update.p_values if update.part_of(id) is None)
    return [*lines, f"{_ids(aside)}: set aside, since the scenario fixes all that it touches"] if aside else lines


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(ids) if len(ids) <= MOST else f"{', '.join(ids[:3])} and {len(ids) - 3:,} more"


def _path(part: Conditioned) -> str:
    text = f"{NAMES[part.rung]}; {part.why}"
    if part.rung in ("weights", "smc", "nuts"):
        text += f"; worth {part.left:,.0f} independent worlds"
    if "rhat" in part.details:
        text += f"; R-hat {part.details['rhat']:.3f}"
    for trend, (left, count) in part.details.get("trend_draws", {}).items():
        if left < count / 2:
            text += f"; {left:,} of {count:,} draws of the fit of {trend} left"
    return text


def conflicts(update: Update, evidence: Sequence[Observation]) -> list[str]:
    """Observations that the priors had made improbable, and ones that the rest of the evidence makes so."""
    found: list[tuple[float, str]] = []
    rest = update.rest
    told = sum(not math.isnan(p) for p in rest.values())
    for seen in evidence:
        p = update.p_values.get(seen.id, math.nan)
        if p < CONFLICT:
            what = f"was improbable beforehand (prior predictive p {_p(p)}); doubt the prior, the model or the source"
            found.append((p, f"conflict: {seen.id} ({seen.text}) {what}"))
        other = rest.get(seen.id, math.nan)
        if other < CONFLICT / max(told, 1):  # the more there are, the likelier it is that one is far off by chance
            what = f"disagrees with the rest of the evidence (p {_p(other)} given it); doubt one of the sources"
            found.append((other, f"conflict: {seen.id} ({seen.text}) {what}"))
    found.sort()
    more = len(found) - MOST
    return [text for _, text in found[:MOST]] + ([f"conflict: {more:,} more like these"] if more > 0 else [])


def _p(p: float) -> str:
    return f"{p:.2g}" if p > 1e-4 else "below 0.0001"

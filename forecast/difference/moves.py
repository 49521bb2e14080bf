"""What moved between two runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecast.result import Interval


@dataclass(frozen=True)
class Move:
    """An output, before and after.

    Parameters
    ----------
    quantity, label, unit : str
    before, after : Interval
    parts : tuple of (name, part, error)
        Share of the move of the median that each change explains: in log10 where both medians are positive, else in the
        unit. Empty where none was worked out.
    log : bool
        Whether parts are in log10.
    never : tuple of float
        Probability of never, before and after.
    """

    quantity: str
    label: str
    unit: str
    before: Interval
    after: Interval
    parts: tuple[tuple[str, float, float], ...] = ()
    log: bool = False
    never: tuple[float, float] = (0.0, 0.0)

    @property
    def moved(self) -> bool:
        """Whether an end or the median has moved by more than the draws can tell."""
        return any(
            a != b and not abs(a - b) <= 4 * math.hypot(e, f)
            for a, b, e, f in (
                (self.before.low, self.after.low, self.before.mcse_low, self.after.mcse_low),
                (self.before.median, self.after.median, self.before.mcse_median, self.after.mcse_median),
                (self.before.high, self.after.high, self.before.mcse_high, self.after.mcse_high),
            )
        )


def moves_of(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Move]:
    found = []
    for name, entry in new["quantities"].items():
        other = old["quantities"].get(name)
        if other is None:
            continue
        years = entry.get("by_year")
        pairs = (
            [(None, other, entry)]
            if years is None
            else [(y, other.get("by_year", {}).get(y), f) for y, f in years.items()]
        )
        for year, a, b in pairs:
            if a is not None and "low" in a:
                quantity = name if year is None else f"{name}@{year}"
                label = entry["label"] if year is None else f"{entry['label']}, {year}"
                never = float(a.get("never", 0.0)), float(b.get("never", 0.0))
                found.append(
                    Move(quantity, label, entry["unit"], _interval(a, other), _interval(b, entry), never=never)
                )
    return found


def _interval(figures: Mapping[str, Any], entry: Mapping[str, Any]) -> Interval:
    values = [float(figures[key]) for key in ("low", "median", "high")]
    errors = [
        math.inf if figures["mcse"][key] is None else float(figures["mcse"][key]) for key in ("low", "median", "high")
    ]
    return Interval(values[0], values[1], values[2], entry["prob"], errors[0], errors[1], errors[2], entry["unit"])

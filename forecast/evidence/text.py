"""What the terminal shows of an update: prior against posterior, how it was computed, and the log of the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forecast.evidence.files import Observation
from forecast.evidence.ladder import CONFLICT
from forecast.evidence.record import Conditioned, Update
from forecast.evidence.shift import Shift
from forecast.result import Forecast, Interval
from forecast.summary import round_interval

_NAMES = {
    "none": "nothing to learn", "exact": "solved exactly", "weights": "Pareto-smoothed weights",
    "smc": "sequential Monte Carlo", "nuts": "NUTS (PyMC)",
}  # fmt: skip


def update_table(result: Forecast, shifts: Sequence[Shift] | None = None) -> str:
    """Prior against posterior of each quantity that moved, most first, and the path taken.

    Parameters
    ----------
    result : Forecast
        Of a study with evidence.
    shifts : sequence of Shift, optional
        ``result.shift()`` where left out.
    """
    shifts = result.shift() if shifts is None else shifts
    lines = ["Prior against posterior: median and equal-tailed interval", ""]
    rows = [("", "prior", "posterior", "shift (prior sd)", "bits", "because of")]
    for s in shifts:
        unit = f" [{s.unit}]" if s.unit else ""
        rows.append(
            (
                f"{s.name}{unit}",
                _interval(s.prior),
                _interval(s.posterior),
                f"{s.shift:+.2f}",
                f"{s.bits:.2f}",
                ", ".join(s.because),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    lines += [
        "   ".join([row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in range(1, 5)), row[5]]).rstrip()
        for row in rows
    ]
    if not shifts:
        lines.append("Nothing moved.")
    assert result.update is not None
    lines += ["", *paths(result.update), *conflicts(result.update, result.study.evidence)]
    return "\n".join(lines)


def paths(update: Update) -> list[str]:
    """How each part of the evidence was brought in: rung, k-hat, effective worlds."""
    return [f"{', '.join(part.ids)}: {_path(part)}" for part in update.parts]


def _path(part: Conditioned) -> str:
    text = f"{_NAMES[part.rung]}; {part.why}"
    if part.rung in ("weights", "smc", "nuts"):
        text += f"; worth {part.left:,.0f} independent worlds"
    if "rhat" in part.details:
        text += f"; R-hat {part.details['rhat']:.3f}"
    return text


def conflicts(update: Update, evidence: Sequence[Observation]) -> list[str]:
    """Observations that the priors had made improbable."""
    found = []
    for seen in evidence:
        p = update.p_values.get(seen.id, math.nan)
        if p < CONFLICT:
            size = f"{p:.2g}" if p > 1e-4 else "below 0.0001"
            found.append(
                f"conflict: {seen.id} ({seen.text}) was improbable beforehand (prior predictive p {size}); "
                "doubt the prior, the model or the source"
            )
    return found


def _interval(interval: Interval) -> str:
    values = (interval.low, interval.median, interval.high)
    errors = (interval.mcse_low, interval.mcse_median, interval.mcse_high)
    finite = [i for i in range(3) if math.isfinite(values[i])]
    texts = dict(
        zip(
            finite, round_interval([values[i] for i in finite], [errors[i] for i in finite], interval.unit), strict=True
        )
    )
    low, median, high = (texts.get(i) or ("inf" if values[i] > 0 else "-inf") for i in range(3))
    return f"{median} ({low} to {high})"


def log(result: Forecast, alone: dict[str, tuple[Shift, ...]]) -> str:
    """The evidence by date: what was seen, who says so, and what each item does by itself.

    Parameters
    ----------
    result : Forecast
        Of the study with all its evidence.
    alone : dict of str to tuple of Shift
        For each observation, what it alone would move.
    """
    update = result.update
    if update is None:
        return "No evidence. Add some: forecast update --observe 'cost = 60M to 120M' --source '…' --date 2024-03-01"
    lines = []
    for seen in sorted(result.study.evidence, key=lambda s: (s.date, s.id)):
        lines.append(f"{seen.date}  {seen.id}: {seen.text}")
        lines.append(f"            source: {seen.source}{'; ' + seen.note if seen.note else ''}")
        part, p = update.part_of(seen.id), update.p_values.get(seen.id, math.nan)
        if part is None:
            lines.append("            touches nothing uncertain")
        else:
            lines.append(f"            prior predictive p {p:.2g}; by {_NAMES[part.rung]}")
            moved = [f"{s.name} {s.shift:+.2f} sd, {s.bits:.2f} bits" for s in alone.get(seen.id, ())[:3]]
            if seen.id in alone:
                lines.append(f"            by itself: {'; '.join(moved) or 'moves nothing'}")
    return "\n".join([*lines, "", *conflicts(update, result.study.evidence)]).rstrip()

"""What the terminal shows of an update: what moved, how it was computed, and the log of the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forecast.columns import lined_up
from forecast.evidence.shift import Shift, changed
from forecast.evidence.told import NAMES, conflicts, paths
from forecast.result import Forecast, Interval
from forecast.summary import round_to_error
from forecast.text import ends, percent

ROWS = 30  # quantities of a table that nobody chose
_BITS = "bits: information gained, 1 bit halves a range of equally probable values"


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
    update = result.update
    assert update is not None
    lines = ["Nothing moved.", ""]
    if shifts:
        heading = f"Prior against posterior: {_interval_kind(result)}; most informed first"
        rows: list[tuple[str, ...]] = [("", "prior", "posterior", "shift", "bits", "because of")]
        rows += [(*_row(shift, result), _because(shift.because)) for shift in shifts[:ROWS]]
        legend = f"shift: of the median, in prior standard deviations; {_BITS}"
        lines = _table(heading, rows, len(shifts), legend)
    return "\n".join([*lines, *paths(update), *conflicts(update, result.study.evidence)])


def change_table(result: Forecast, before: Forecast, shifts: Sequence[Shift]) -> str:
    """What the observations changed that only one of two forecasts has, most first.

    Parameters
    ----------
    result, before : Forecast
        Of one study, with the change and without it.
    shifts : sequence of Shift
        ``result.shift(before=before)``.
    """
    told = changed(before, result)
    dropped = all(id not in {seen.id for seen in result.study.evidence} for id in told)
    what = f"{'dropping ' if dropped else ''}{_because(told) or 'nothing'}"
    if not shifts:
        return f"{what[0].upper() if dropped else what[0]}{what[1:]} moves nothing beyond Monte Carlo error."
    heading = f"What {what} moves: {_interval_kind(result)}; most moved first"
    names = ("with it", "without it") if dropped else ("before it", "with it")
    rows = [("", *names, "shift", "bits"), *(_row(shift, result) for shift in shifts[:ROWS])]
    error = max(shift.mcse for shift in shifts)
    sure = f", Monte Carlo error at most {round_to_error(error, error, 1)}" if 0 < error < math.inf else ""
    legend = f"shift: of the median, in standard deviations of what was before{sure}; {_BITS}"
    return "\n".join(_table(heading, rows, len(shifts), legend)).rstrip()


def _interval_kind(result: Forecast) -> str:
    return f"median and {percent(result.prob)} credible interval, equal-tailed"


def _table(heading: str, rows: Sequence[tuple[str, ...]], count: int, legend: str) -> list[str]:
    """Lines of a table whose first column is names and whose sixth, where there is one, is text."""
    lines = [heading, "", *lined_up(rows, left=(0, 5))]
    if count > ROWS:
        lines.append(f"and {count - ROWS} more, by less; -q NAME shows one")
    return [*lines, "", legend]


def _row(shift: Shift, result: Forecast) -> tuple[str, ...]:
    unit = f" [{shift.unit}]" if shift.unit else ""
    bits, texts = f"{shift.bits:.2f}", [_interval(shift.prior, result), _interval(shift.posterior, result)]
    if not math.isfinite(shift.bits):
        bits = "exact" if shift.posterior.low == shift.posterior.high else "all"
        for i, one in enumerate((shift.prior, shift.posterior)):
            texts[i] = f"exactly {ends(one, result.years)[1]}" if one.low == one.high else texts[i]
    away = f"{round(shift.shift, 2) + 0.0:+.2f}" if math.isfinite(shift.shift) else "—"
    return (f"{shift.name}{unit}", *texts, away, bits)


def _because(ids: Sequence[str]) -> str:
    return ", ".join(ids) if len(ids) <= 4 else f"{', '.join(ids[:3])} and {len(ids) - 3:,} more"


def _interval(interval: Interval, result: Forecast) -> str:
    low, median, high = ends(interval, result.years)
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
            lines.append("            set aside by the scenario")
            continue
        rest = update.rest.get(seen.id, math.nan)
        beside = "" if math.isnan(rest) else f"; given the rest of the evidence p {rest:.2g}"
        lines.append(f"            prior predictive p {p:.2g}{beside}; {NAMES[part.rung]}")
        moved = [f"{s.name} {s.shift:+.2f} sd, {_bits(s)}" for s in alone.get(seen.id, ())[:3]]
        if seen.id in alone:
            lines.append(f"            by itself: {'; '.join(moved) or 'moves nothing'}")
    return "\n".join([*lines, "", *paths(update), *conflicts(update, result.study.evidence)]).rstrip()


def _bits(shift: Shift) -> str:
    return f"{shift.bits:.2f} bits" if math.isfinite(shift.bits) else "exactly known"

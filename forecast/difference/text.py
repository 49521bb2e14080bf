"""What the terminal shows of a difference."""

from __future__ import annotations

import math

from forecast.columns import wrapped
from forecast.difference import Difference
from forecast.difference.moves import Move
from forecast.difference.sides import Side
from forecast.graph import YEAR
from forecast.summary import round_to_error
from forecast.text import ends

TELLING = 0.0005  # a change of a probability that is worth a line
SLACK = 0.1  # of a move: what a part may be below nothing, or above all of it, by chance


def table(found: Difference, columns: int = 110) -> str:
    """What changed, what moved and why, as text."""
    lines = [
        f"A  {found.before.name}  ({_digest(found.before)})",
        f"B  {found.after.name}  ({_digest(found.after)})",
        "",
    ]
    lines.append("Changed inputs" if found.changes else "No input has changed")
    for change in found.changes:
        lines += wrapped(f"  {change.kind} {change.name}: {change.what}", columns)
    if found.still and not found.moves:
        outputs = "outputs follow" if len(found.still) > 1 else "output follows"
        lines += ["", f"Nothing that the {outputs} from has changed: nothing was run."]
        return "\n".join([*lines, *(["", *found.notes] if found.notes else [])])
    lines += ["", "Outputs: low end … median … high end, A -> B"]
    years = [one.record.get("years") or [] for one in (found.before, found.after)]
    still = 0
    for move in found.moves:
        if not move.moved:
            still += 1
            continue
        unit = f" [{move.unit}]" if move.unit else ""
        before, after = (" … ".join(ends(one, at)) for one, at in zip((move.before, move.after), years, strict=True))
        lines += wrapped(f"  {move.label}{unit}", columns)
        lines += wrapped(f"    {before} -> {after}{_size(move)}", columns)
        if move.unit == YEAR and years[1] and abs(move.never[1] - move.never[0]) > TELLING:
            lines.append(f"    not by {years[1][-1]:g}: {' -> '.join(f'{100 * prob:.3g}%' for prob in move.never)}")
        total = (
            math.log10(move.after.median / move.before.median) if move.log else move.after.median - move.before.median
        )
        nothing = []
        # Where parts undo one another, or chance decides their sum, a percentage of the sum says nothing.
        shares = all(-SLACK <= part / total <= 1 + SLACK for _, part, _ in move.parts) if total else False
        for name, part, error in move.parts:
            if abs(part) <= 4 * error or abs(part) <= 0.002 * abs(total):
                nothing.append(name)
                continue
            share = f" ({100 * part / total:.0f}% of the move)" if shares else ""
            lines.append(f"      {name}: {_part_words(move, part, error)}{share}")
        if nothing:
            lines += wrapped(f"      no part that the draws can tell: {', '.join(nothing)}", columns)
    if still == len(found.moves):
        lines.append("  None has moved by more than the draws can tell.")
    elif still:
        lines.append(f"  {still} other{'s have' if still > 1 else ' has'} not moved by more than the draws can tell.")
    if found.still:
        count = len(found.still)
        lines.append(f"  {count} other{'s follow' if count > 1 else ' follows'} from nothing that has changed.")
    return "\n".join([*lines, *(["", *found.notes] if found.notes else [])])


def _digest(side: Side) -> str:
    return str(side.record.get("study_hash") or (side.study.digest if side.study is not None else ""))[:12]


def _size(move: Move) -> str:
    a, b = move.before.median, move.after.median
    if not (math.isfinite(a) and math.isfinite(b)):
        return ""
    if a > 0 and b > 0 and move.unit != YEAR:
        relative = math.hypot(move.before.mcse_median / a, move.after.mcse_median / b)
        return f"   median {_factor(b / a, (b / a) * relative)}"
    error = math.hypot(move.before.mcse_median, move.after.mcse_median)
    return f"   median {'+' if b > a else ''}{round_to_error(b - a, error)}"


def _factor(value: float, error: float) -> str:
    """A factor; one close to 1 with two digits of what it is away from 1, if its error has as many."""
    if not 1e-6 < abs(value - 1) < 0.1:
        return f"x{round_to_error(value, error)}"
    places = 1 - math.floor(math.log10(abs(value - 1)))
    if error > 0:
        places = min(places, max(2, -math.floor(math.log10(error))))
    return f"x{value:.{places}f}"


def _part_words(move: Move, part: float, error: float) -> str:
    if move.log:
        factor = 10**part
        return _factor(factor, factor * math.log(10) * error)
    return f"{'+' if part > 0 else ''}{round_to_error(part, error)}"

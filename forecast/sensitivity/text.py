"""What drives an answer, as a table and as JSON."""

from __future__ import annotations

import math
from typing import Any

from forecast.distribution import format_number
from forecast.graph import YEAR
from forecast.sensitivity import Learning, Sensitivity
from forecast.sensitivity.swings import Figure
from forecast.summary import round_to_error

NOISE = "noise"  # stands where a figure cannot be told from zero
SCHEMA = "forecast.sensitivity/1"
_SCALES = {
    "log": "of the variance of its logarithm",
    "linear": "of its variance",
    "rank": "of the variance of its rank",
    "above": "of the variance of whether it is exceeded",
}


def table(found: Sensitivity, top: int | None = None) -> str:
    """What drives an answer, as text.

    Parameters
    ----------
    found : Sensitivity
    top : int, optional
        Inputs shown at most.

    Returns
    -------
    str
    """
    what = found.quantity if found.above is None else f"{found.quantity} > {format_number(found.above, 4)}"
    lines = [
        f"What drives {what}: {found.label}" + (f" [{found.unit}]" if found.unit and found.unit != YEAR else ""),
        "",
    ]
    middle = "probability" if found.scale == "above" else "median"
    lines.append(f"Shares {_SCALES[found.scale]}, and its {middle} with the input at its 5% and 95% points")
    rows: list[tuple[str, ...]] = [("", "Shapley", "first", "total", "rank corr.", "at 5%", "at 95%")]
    shown = found.effects[:top]
    for effect in shown:
        rank = "" if effect.rank is None else _signed(effect.rank)
        ends = (_ends(effect.swing.low, found), _ends(effect.swing.high, found))
        star = " *" if effect.dependent else ""
        rows.append(
            (effect.name + star, _percent(effect.shapley), _percent(effect.first), _percent(effect.total), rank, *ends)
        )
    lines += _columns(rows)
    if any(effect.dependent for effect in shown):
        lines.append("* depends on other inputs: only the Shapley shares add up")
    if len(shown) < len(found.effects):
        lines.append(f"and {len(found.effects) - len(shown)} more")
    lines.append(f"Not attributed: {_missing(found.unexplained)} (contained in the errors of the shares)")
    lines += ["", *_learning(found, top)]
    for declared in found.dependences:
        both = f"{' and '.join(declared.between)} (rank correlation {declared.rank_correlation:g})"
        lines += ["", f"Dependence of {both}: 0.1 more changes"]
        width, median = (_amount(figure, found.gain_unit) for figure in (declared.width, declared.median))
        lines.append(f"the interval's width by {width}, the median by {median}")
    if found.observations:
        lines += ["", "What each observation does, beside the others (with it, less without it)"]
        rows = [("", "median", "interval's width")]
        for seen in found.observations:
            told = [
                _amount(figure, found.gain_unit) if figure else "cannot be told" for figure in (seen.median, seen.width)
            ]
            rows.append((seen.id, *told))
        lines += _columns(rows)
    lines += ["", f"From the run's own {found.worlds:,} worlds. '{NOISE}': not to be told from zero."]
    return "\n".join(lines)


def _learning(found: Sensitivity, top: int | None) -> list[str]:
    score = "Brier score" if found.scale == "above" else "expected CRPS"
    unit = f" [{found.gain_unit}]" if found.gain_unit else ""
    rows: list[tuple[str, ...]]
    if found.scale == "above":
        head = f"What to learn next: how much lower the {score} (now {found.score:.3g})"
        rows = [("if known", score, "in %")]
    else:
        now = format_number(found.score, 3)
        interval = f"{100 * found.prob:g}% interval (now {format_number(found.width, 3)}{unit})"
        head = f"What to learn next: how much narrower the {interval} and how much lower the {score} (now {now})"
        rows = [("if known", "width", "in %", score, "in %")]
    worth = [(effect.name, effect.learning) for effect in found.effects]
    worth.sort(key=lambda pair: -pair[1].score.value)
    rows += [_gain_row(name, learning) for name, learning in worth[:top]]
    proposed = sorted(found.measurements, key=lambda pair: -pair[1].score.value)
    rows += [_gain_row(measurement.text, learning) for measurement, learning in proposed]
    return [head, *_columns(rows)]


def _gain_row(name: str, learning: Learning) -> tuple[str, ...]:
    score = (_plain(learning.score), _in_percent(learning.score_percent))
    if learning.width is None or learning.width_percent is None:
        return (name, *score)
    return (name, _plain(learning.width), _in_percent(learning.width_percent), *score)


def _percent(share: Figure) -> str:
    return _in_percent(Figure(100 * share.value, 100 * share.se))


def _missing(share: Figure) -> str:
    return "less than 0.1%" if share.value < 0.001 else f"{100 * share.value:.2g}%"


def _in_percent(share: Figure) -> str:
    return NOISE if share.in_noise else f"{round_to_error(share.value, max(share.se, 0.05))}% ±{_error(share.se)}"


def _plain(figure: Figure) -> str:
    return NOISE if figure.in_noise else round_to_error(figure.value, figure.se)


def _signed(figure: Figure) -> str:
    return NOISE if figure.in_noise else f"{figure.value:+.2f}"


def _amount(figure: Figure, unit: str) -> str:
    if figure.in_noise:
        return NOISE
    return f"{'+' if figure.value > 0 else ''}{round_to_error(figure.value, figure.se)} {unit}".rstrip()


def _error(se: float) -> str:
    return format_number(se, 1) if se >= 0.005 else "0.00"


def _ends(figure: Figure, found: Sensitivity) -> str:
    if math.isinf(figure.value):
        return "never" if figure.value > 0 else "already"
    if found.scale == "above":
        return f"{round_to_error(100 * figure.value, 100 * figure.se)}%"
    if found.unit == YEAR:
        return f"{figure.value:.1f}"
    return round_to_error(figure.value, figure.se)


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "   ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]


def to_json(found: Sensitivity) -> dict[str, Any]:
    """What drives an answer, as plain values (docs/sensitivity.md).

    A figure that cannot be told from zero has ``null`` for its value.
    """
    return {
        "schema": SCHEMA,
        "quantity": found.quantity,
        "label": found.label,
        "unit": found.unit,
        "scale": found.scale,
        "above": found.above,
        "prob": found.prob,
        "gain_unit": found.gain_unit,
        "width": _number(found.width),
        "score": _number(found.score),
        "unexplained": {"value": found.unexplained.value, "se": found.unexplained.se},
        "worlds": found.worlds,
        "inputs": [
            {
                "name": effect.name,
                "label": effect.label,
                "unit": effect.unit,
                "dependent": effect.dependent,
                "shapley": _figure(effect.shapley),
                "first": _figure(effect.first),
                "total": _figure(effect.total),
                "rank_correlation": None if effect.rank is None else _figure(effect.rank),
                "tornado": {
                    "input_low": effect.swing.input_low,
                    "input_high": effect.swing.input_high,
                    "low": {"value": _number(effect.swing.low.value), "se": _number(effect.swing.low.se)},
                    "high": {"value": _number(effect.swing.high.value), "se": _number(effect.swing.high.se)},
                },
                "if_known": _learning_json(effect.learning),
            }
            for effect in found.effects
        ],
        "dependences": [
            {
                "between": list(d.between),
                "rank_correlation": d.rank_correlation,
                "width": _figure(d.width),
                "median": _figure(d.median),
            }
            for d in found.dependences
        ],
        "observations": [
            {
                "id": seen.id,
                "width": None if seen.width is None else _figure(seen.width),
                "median": None if seen.median is None else _figure(seen.median),
            }
            for seen in found.observations
        ],
        "measurements": [
            {
                "text": m.text,
                "quantity": m.quantity,
                "sd": m.sd,
                "relative": m.relative,
                "if_made": _learning_json(gain),
            }
            for m, gain in found.measurements
        ],
    }


def _learning_json(gain: Learning) -> dict[str, Any]:
    return {key: None if value is None else _figure(value) for key, value in vars(gain).items()}


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": None if figure.in_noise else _number(figure.value), "se": _number(figure.se)}


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else "inf" if value > 0 else "-inf"

"""What drives an answer, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from forecast.columns import lined_up
from forecast.distribution import format_number
from forecast.distribution.number import json_number
from forecast.graph import YEAR
from forecast.sensitivity import Learning, Sensitivity
from forecast.sensitivity.dedicated import SobolIndices
from forecast.sensitivity.swings import Figure
from forecast.sensitivity.years import ByYear
from forecast.summary import round_interval, round_to_error

NOISE = "noise"  # stands where a figure cannot be told from zero
_MARKS = f"± is the Monte Carlo standard error; '{NOISE}': not to be told from zero."
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
    lines = [f"What drives {what}: {found.label}{_in_unit(found.unit)}"]
    if found.never or found.already:
        parts = [(found.never, f"not by {found.last:g}"), (found.already, "already in the first year")]
        told = ", ".join(f"{100 * share:.2g}% {words}" for share, words in parts if share)
        lines.append(
            f"Of its worlds {told if found.unit == YEAR else told.replace(f'not by {found.last:g}', 'infinite')}."
        )
    lines.append("")
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
    lines += lined_up(rows)
    if any(effect.dependent for effect in shown):
        lines.append("* depends on other inputs: only the Shapley shares add up")
    if len(shown) < len(found.effects):
        lines.append(f"and {len(found.effects) - len(shown)} more")
    lines.append(f"Not attributed: {_missing(found.unexplained)} (contained in the errors of the shares)")
    if found.heavy:
        lines.append("A few worlds decide this variance, and so the shares: --scale rank is safer.")
    if found.nearest:
        lines.append(
            "Evidence made many inputs depend on one another: their shares are those of the nearest Gaussian copula."
        )
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
            told_of = [
                _amount(figure, found.gain_unit) if figure else "cannot be told" for figure in (seen.median, seen.width)
            ]
            rows.append((seen.id, *told_of))
        lines += lined_up(rows)
    lines += [
        "",
        f"From the run's own {found.worlds:,} worlds. {_MARKS}",
    ]
    return "\n".join(lines)


def table_by_year(found: ByYear, top: int | None = None) -> str:
    """What drives a quantity at several years, as text: a column for each."""
    names = list(dict.fromkeys(name for one in found.years for name in one.shapley))
    weight = {n: max(one.shapley[n].value for one in found.years if n in one.shapley) for n in names}
    rows: list[tuple[str, ...]] = [("", *(f"{one.year:g}" for one in found.years))]
    for name in sorted(names, key=lambda n: -weight[n])[:top]:
        rows.append((name, *(_percent(one.shapley[name]) if one.shapley else "certain" for one in found.years)))
    missing = [one.unexplained for one in found.years]
    rows.append(("not attributed", *("" if figure is None else _missing(figure) for figure in missing)))
    ends = [
        round_interval([i.low, i.median, i.high], [i.mcse_low, i.mcse_median, i.mcse_high], found.unit)
        for i in (one.interval for one in found.years)
    ]
    prob = found.years[0].interval.prob
    for place, words in enumerate((f"{50 - 50 * prob:g}% point", "median", f"{50 + 50 * prob:g}% point")):
        rows.append((words, *(texts[place] for texts in ends)))
    scales = list(dict.fromkeys(_SCALES[one.scale] for one in found.years if one.scale))
    uncertain = next(one.year for one in reversed(found.years) if one.scale)
    return "\n".join(
        [
            f"What drives {found.quantity} by year: {found.label}{_in_unit(found.unit)}",
            "",
            f"Shapley shares {' or '.join(scales)}",
            *lined_up(rows),
            "",
            _MARKS,
            f"Other years: --years 2024:2030, say. What to learn next: {found.quantity}@{uncertain:g}",
        ]
    )


def dedicated_table(found: Sequence[SobolIndices], top: int | None = None) -> str:
    """Sobol indices by dedicated runs, as text."""
    rows: list[tuple[str, ...]] = [("by dedicated runs", "first", "total")]
    rows += [(one.name, _percent(one.first), _percent(one.total)) for one in found[:top]]
    return "\n".join(lined_up(rows))


def _in_unit(unit: str) -> str:
    return f" [{unit}]" if unit and unit != YEAR else ""


def _learning(found: Sensitivity, top: int | None) -> list[str]:
    score = "Brier score" if found.scale == "above" else "expected CRPS"
    unit = f" {found.gain_unit}" if found.gain_unit else ""
    event = found.scale == "above"
    now = f"{format_number(found.score, 3)}{unit}"
    if event:
        head = f"What to learn next: how much lower the {score} (now {now}) would be on average"
    else:
        interval = f"{100 * found.prob:g}% interval (now {format_number(found.width, 3)}{unit})"
        head = (
            f"What to learn next: how much narrower the {interval} and how much lower the {score} (now {now}) would be"
        )
    rows: list[tuple[str, ...]] = [
        ("if known", score, "in %") if event else ("if known", "width", "in %", score, "in %")
    ]
    worth = [(effect.name, effect.learning, effect.parts) for effect in found.effects]
    worth.sort(key=lambda row: -row[1].score.value)
    for name, learning, parts in worth[:top]:
        rows.append(_gain_row(name, learning))
        rows += [_gain_row(f"  {part}", gain) for part, gain in sorted(parts, key=lambda part: -part[1].score.value)]
    if found.measurements:
        rows.append(("if measured", *("" for _ in rows[0][1:])))
    proposed = sorted(found.measurements, key=lambda pair: -pair[1].score.value)
    rows += [_gain_row(measurement.text, learning) for measurement, learning in proposed]
    lines = [head, *lined_up(rows)]
    if found.never and not event:
        lines.append(
            f"Never counts as {found.last:g}." if found.unit == YEAR else f"Infinity counts as {found.last:.3g}."
        )
    return lines


def _gain_row(name: str, learning: Learning) -> tuple[str, ...]:
    score = (_plain(learning.score), _in_percent(learning.score_percent))
    if learning.width is None or learning.width_percent is None:
        return (name, *score)
    return (name, _plain(learning.width), _in_percent(learning.width_percent), *score)


def _percent(share: Figure) -> str:
    return _in_percent(Figure(100 * share.value, 100 * share.se))


def _missing(share: Figure) -> str:
    return "<0.1%" if share.value < 0.001 else f"{100 * share.value:.2g}%"


def _in_percent(share: Figure) -> str:
    """A percentage and its error to the same place: that of the error's first digit, a tenth at most."""
    if share.in_noise:
        return NOISE
    if share.se < 0.05:
        return f"{share.value:.1f}% ±<0.1" if share.value >= 0.05 else "<0.1% ±<0.1"
    places = 1 if share.se < 0.95 else 0
    return f"{share.value:.{places}f}% ±{share.se:.{places}f}"


def _plain(figure: Figure) -> str:
    return NOISE if figure.in_noise else _rounded(figure)


def _rounded(figure: Figure) -> str:
    """A number to the place of its error's first digit, and no more than three digits."""
    if not 0 < figure.se < abs(figure.value) or abs(figure.value) >= 1000:
        return round_to_error(figure.value, figure.se)
    places = min(-math.floor(math.log10(figure.se)), 2 - math.floor(math.log10(abs(figure.value))))
    return f"{figure.value:.{max(0, places)}f}"


def _signed(figure: Figure) -> str:
    return NOISE if figure.in_noise else f"{figure.value:+.2f}"


def _amount(figure: Figure, unit: str) -> str:
    if figure.in_noise:
        return NOISE
    return f"{'+' if figure.value > 0 else ''}{_rounded(figure)} {unit}".rstrip()


def _ends(figure: Figure, found: Sensitivity) -> str:
    if math.isinf(figure.value):
        return "never" if figure.value > 0 else "already"
    if found.scale == "above":
        return f"{round_to_error(100 * figure.value, 100 * figure.se)}%"
    if found.unit == YEAR and abs(figure.value) > 1000:
        return f"{figure.value:.0f}" if figure.se > 0.3 else f"{figure.value:.1f}"
    return round_to_error(figure.value, figure.se)


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
        "width": json_number(found.width),
        "score": json_number(found.score),
        "unexplained": {"value": found.unexplained.value, "se": found.unexplained.se},
        "worlds": found.worlds,
        "never": found.never,
        "already": found.already,
        "nearest_copula": found.nearest,
        "heavy_tailed": found.heavy,
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
                    "low": {"value": json_number(effect.swing.low.value), "se": json_number(effect.swing.low.se)},
                    "high": {"value": json_number(effect.swing.high.value), "se": json_number(effect.swing.high.se)},
                },
                "if_known": _learning_json(effect.learning),
                "parts": [{"name": name, "if_known": _learning_json(gain)} for name, gain in effect.parts],
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
    return {"value": None if figure.in_noise else json_number(figure.value), "se": json_number(figure.se)}

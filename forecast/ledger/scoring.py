"""Scores of the forecasts in a ledger, by quantity and horizon, against baselines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from forecast.ledger import Entry, resolutions
from forecast.ledger.score import LEVELS, Mean, Predictive, bootstrapped, brier, pit_histogram

HORIZONS = ((1.0, "up to 1 year"), (2.0, "1 to 2 years"), (5.0, "2 to 5 years"), (math.inf, "over 5 years"))
SCORES = ("crps", "crps_oom", "log_score", "interval_score", "brier")
BASELINES = ("prior", "previous", "trend")


@dataclass(frozen=True)
class Scored:
    """One resolved forecast.

    Parameters
    ----------
    id, quantity, unit : str
        The quantity with its year, if it has one.
    outcome : str
        What is scored: forecasts of the same outcome err together.
    horizon : str
        Time from the forecast to the day it was known.
    scores : dict of str to float
        Those of `SCORES` that apply: CRPS in the unit and in OOM, log score in nats, interval score of the 90%
        interval, Brier score of a question of yes or no.
    pit : float or None
        Probability that the forecast gave to at most what happened.
    covered : dict of float to bool
        By level, whether the interval held.
    width : float or None
        Of the 90% interval, in OOM if the forecast is positive, else in its unit.
    baselines : dict of str to dict of str to float
        The scores of what there was to beat.
    """

    id: str
    quantity: str
    unit: str
    outcome: str
    horizon: str
    scores: dict[str, float]
    pit: float | None
    covered: dict[float, bool]
    width: float | None
    baselines: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Group:
    """Scores of several forecasts.

    Parameters
    ----------
    name : str
    count : int
    scores : dict of str to Mean
    differences : dict of (str, str) to Mean
        Mean of score less baseline's score, where both exist: negative is better than the baseline.
    coverage : dict of float to Mean
        By level.
    pits : list of int
        Histogram in ten classes.
    width : Mean
        Sharpness.
    """

    name: str
    count: int
    scores: dict[str, Mean]
    differences: dict[tuple[str, str], Mean]
    coverage: dict[float, Mean]
    pits: list[int]
    width: Mean


@dataclass(frozen=True)
class Card:
    """The scores of a ledger.

    Parameters
    ----------
    scored : list of Scored
    total : Group
        Only scores that can be compared between units: CRPS in OOM, Brier, coverage.
    by_quantity, by_horizon : list of Group
    open : int
        Forecasts that are not resolved.
    """

    scored: list[Scored]
    total: Group
    by_quantity: list[Group] = field(default_factory=list)
    by_horizon: list[Group] = field(default_factory=list)
    open: int = 0


def score_ledger(entries: Sequence[Entry], quantity: str = "") -> Card:
    """Score every resolved forecast.

    Parameters
    ----------
    entries : sequence of dict
        Of `forecast.ledger.read_ledger`.
    quantity : str
        Only these (``name`` or ``name@year``).

    Returns
    -------
    Card
    """
    known = resolutions(list(entries))
    forecasts = [
        e for e in entries if e["kind"] == "forecast" and (not quantity or quantity in (e["quantity"], _name(e)))
    ]
    scored = []
    for place, entry in enumerate(forecasts):
        if entry["id"] in known:
            earlier = [e for e in forecasts[:place] if _outcome(e) == _outcome(entry)]
            scored.append(_scored(entry, known[entry["id"]], earlier[-1] if earlier else None))
    groups = _grouped(scored, lambda s: s.quantity)
    horizons = _grouped(scored, lambda s: s.horizon)
    order = [name for _, name in HORIZONS]
    horizons.sort(key=lambda group: order.index(group.name))
    comparable = ("crps_oom", "brier")
    total = group_of("all", scored, comparable)
    return Card(
        scored,
        total,
        groups,
        [group_of(g.name, [s for s in scored if s.horizon == g.name], comparable) for g in horizons],
        len(forecasts) - len(scored),
    )


def _name(entry: Entry) -> str:
    return str(entry["quantity"]) if entry["year"] is None else f"{entry['quantity']}@{entry['year']:g}"


def _outcome(entry: Entry) -> str:
    bound = entry.get("above")
    return f"{_name(entry)} on {entry['resolves']}" + (f" above {bound['value']:g}" if bound else "")


def _scored(entry: Entry, resolution: Entry, previous: Entry | None) -> Scored:
    days = (date.fromisoformat(resolution["on"]) - date.fromisoformat(entry["time"][:10])).days
    horizon = next(name for years, name in HORIZONS if days / 365.25 <= years)
    value = None if resolution["value"] is None else float(resolution["value"])
    happened = resolution["happened"]
    belief = predictive(entry["probs"], entry["quantiles"])
    axis = entry["axis"] or (-math.inf, math.inf)
    bound = entry.get("above")
    scores = _scores(belief, value, axis) | (
        {"brier": brier(bound["prob"], happened)} if bound and happened is not None else {}
    )
    others = {
        name: (predictive(entry["probs"], q), (bound or {}).get("baselines", {}).get(name))
        for name, q in entry["baselines"].items()
    }
    if previous is not None:
        others["previous"] = (
            predictive(previous["probs"], previous["quantiles"]),
            (previous.get("above") or {}).get("prob"),
        )
    baselines = {
        name: _scores(other, value, axis)
        | ({"brier": brier(prob, happened)} if bound and prob is not None and happened is not None else {})
        for name, (other, prob) in others.items()
    }
    low, high = (float(x) for x in np.clip(belief.quantile(np.array([0.05, 0.95])), *axis))
    width = math.log10(high / low) if belief.logs else high - low
    covered = {} if value is None else {level: belief.covers(value, level) for level in LEVELS}
    pit = None if value is None else belief.cdf(value)
    return Scored(
        entry["id"],
        _name(entry),
        entry["unit"],
        _outcome(entry),
        horizon,
        scores,
        pit,
        covered,
        width if math.isfinite(width) else None,
        baselines,
    )


def predictive(probs: Sequence[float], values: Sequence[float | str]) -> Predictive:
    """A recorded quantile function as a distribution."""
    return Predictive(np.array(probs, dtype=float), np.array([float(value) for value in values]))


def _scores(belief: Predictive, value: float | None, axis: Sequence[float]) -> dict[str, float]:
    if value is None:
        return {}
    found = {
        "crps": belief.crps(value, axis[0], axis[1]),
        "log_score": belief.log_score(value),
        "interval_score": belief.interval_score(value, 0.9, axis[0], axis[1]),
    }
    if belief.logs and value > 0 and math.isfinite(value):
        found["crps_oom"] = belief.crps(value, log10=True)
    return found


def _grouped(scored: Sequence[Scored], key: Callable[[Scored], str]) -> list[Group]:
    names = sorted({key(one) for one in scored})
    return [group_of(name, [one for one in scored if key(one) == name], SCORES) for name in names]


def group_of(name: str, scored: Sequence[Scored], kinds: Sequence[str]) -> Group:
    """Means of a group of scored forecasts."""

    def mean(values: Callable[[Scored], float | None]) -> Mean:
        pairs = [(v, one.outcome) for one in scored if (v := values(one)) is not None]
        return bootstrapped([v for v, _ in pairs], [outcome for _, outcome in pairs])

    scores = {kind: found for kind in kinds if (found := mean(lambda s, k=kind: s.scores.get(k))).count}  # type: ignore[misc]
    differences = {}
    for baseline in BASELINES:
        for kind in kinds:
            found = mean(lambda s, b=baseline, k=kind: _difference(s, b, k))  # type: ignore[misc]
            if found.count:
                differences[baseline, kind] = found
    coverage = {level: mean(lambda s, x=level: float(s.covered[x]) if x in s.covered else None) for level in LEVELS}  # type: ignore[misc]
    pits = pit_histogram([one.pit for one in scored if one.pit is not None])
    return Group(
        name,
        len(scored),
        scores,
        differences,
        {k: v for k, v in coverage.items() if v.count},
        pits,
        mean(lambda s: s.width),
    )


def _difference(one: Scored, baseline: str, kind: str) -> float | None:
    other = one.baselines.get(baseline, {}).get(kind)
    own = one.scores.get(kind)
    return None if own is None or other is None else own - other


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
            "width": mean(found.width),
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
                "pit": s.pit,
                "scores": s.scores,
                "baselines": s.baselines,
            }
            for s in card.scored
        ],
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None

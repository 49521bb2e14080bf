"""Scores of the forecasts in a ledger, by quantity and horizon, against baselines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from forecast.errors import UsageError, nearest
from forecast.ledger import Entry, resolutions
from forecast.ledger.averages import Mean, bootstrapped, pit_histogram, share
from forecast.ledger.schema import understood
from forecast.ledger.score import LEVELS, Predictive, brier

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
        What is scored: forecasts of the same outcome err together, also where one asks for a value and another whether
        it exceeds a threshold.
    horizon : str
        Time from the forecast to the day it was known.
    scores : dict of str to float
        Those of `SCORES` that apply: CRPS in the unit and in OOM, log score in nats, interval score of the 90%
        interval, Brier score of a question of yes or no.
    reach : (float, float) or None
        Probability that the forecast gave to less than what happened, and to at most that.
    covered : dict of float to bool
        By level, whether the interval held.
    width : float or None
        Of the 90% interval, in OOM if `oom`, else in its unit.
    oom : bool
    said : (float, bool) or None
        Of a question of yes or no: the probability of yes, and whether it happened.
    baselines : dict of str to dict of str to float
        The scores of what there was to beat.
    """

    id: str
    quantity: str
    unit: str
    outcome: str
    horizon: str
    scores: dict[str, float]
    reach: tuple[float, float] | None
    covered: dict[float, bool]
    width: float | None
    oom: bool
    said: tuple[float, bool] | None
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
    pits : list of float
        Histogram in ten classes.
    width : Mean
        Sharpness: mean width of the 90% interval.
    width_unit : str
        ``"OOM"``, the quantity's unit, or nothing where units differ (and there is no width).
    said : list of (float, int, int)
        Calibration of questions of yes or no, by tenths of the probability that was given: its mean, how many there
        are, how many happened.
    """

    name: str
    count: int
    scores: dict[str, Mean]
    differences: dict[tuple[str, str], Mean]
    coverage: dict[float, Mean]
    pits: list[float]
    width: Mean
    width_unit: str = ""
    said: list[tuple[float, int, int]] = field(default_factory=list)


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

    Raises
    ------
    StudyError
        An entry is not of this schema.
    UsageError
        No forecast of that quantity.
    """
    understood(entries)
    known = resolutions(list(entries))
    forecasts = [
        e for e in entries if e["kind"] == "forecast" and (not quantity or quantity in (e["quantity"], _name(e)))
    ]
    if quantity and not forecasts:
        names = {str(e["quantity"]) for e in entries if e["kind"] == "forecast"}
        hint = nearest(quantity.partition("@")[0], sorted(names)) or "'forecast ledger' lists what there is"
        raise UsageError(f"--quantity: the ledger has no forecast of {quantity}; {hint}")
    scored = []
    for place, entry in enumerate(forecasts):
        if entry["id"] in known:
            earlier = [e for e in forecasts[:place] if _asked(e) == _asked(entry)]
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
    return f"{_name(entry)} on {entry['resolves']}"


def _asked(entry: Entry) -> tuple[str, float | None]:
    """What is asked of an outcome: its value, or whether it exceeds a threshold."""
    return _outcome(entry), entry["above"]["value"] if entry.get("above") else None


def _scored(entry: Entry, resolution: Entry, previous: Entry | None) -> Scored:
    days = (date.fromisoformat(resolution["on"]) - date.fromisoformat(entry["time"][:10])).days
    horizon = next(name for years, name in HORIZONS if days / 365.25 <= years)
    value = None if resolution["value"] is None else float(resolution["value"])
    happened = resolution["happened"]
    low, high = span(entry)
    if value is not None and entry["axis"]:
        value = -math.inf if value <= low else math.inf if value > high else value
    belief = predictive(entry["probs"], entry["quantiles"], low, high)
    bound = entry.get("above")
    scores = _scores(belief, value, belief.logs) | (
        {"brier": brier(bound["prob"], happened)} if bound and happened is not None else {}
    )
    others = {
        name: (predictive(entry["probs"], q, low, high), (bound or {}).get("baselines", {}).get(name))
        for name, q in entry["baselines"].items()
    }
    if previous is not None:
        others["previous"] = (
            predictive(previous["probs"], previous["quantiles"], low, high),
            (previous.get("above") or {}).get("prob"),
        )
    baselines = {
        name: _scores(other, value, belief.logs)
        | ({"brier": brier(prob, happened)} if bound and prob is not None and happened is not None else {})
        for name, (other, prob) in others.items()
    }
    lower, upper = belief.interval(0.9)
    width = math.log10(upper / lower) if belief.logs and lower > 0 else upper - lower
    return Scored(
        entry["id"],
        _name(entry),
        entry["unit"],
        _outcome(entry),
        horizon,
        scores,
        None if value is None else belief.reach(value),
        {} if value is None else {level: belief.covers(value, level) for level in LEVELS},
        width if math.isfinite(width) else None,
        belief.logs,
        None if bound is None or happened is None else (float(bound["prob"]), bool(happened)),
        baselines,
    )


def span(entry: Entry) -> tuple[float, float]:
    """Between which years a forecast of a date is scored; without end for anything else.

    A date that has not come when the question resolves has not been seen: all that is known is that it comes later, if
    ever. So forecast and outcome are both clipped to that day (and to the year axis): a loss of clipped numbers is
    proper, since the day is fixed before (Gneiting and Ranjan, "Comparing density forecasts using threshold- and
    quantile-weighted scoring rules", 2011), and the log score of what is censored is that of its probability.
    """
    if not entry["axis"]:
        return -math.inf, math.inf
    return float(entry["axis"][0]), min(float(entry["axis"][1]), end_of_day(date.fromisoformat(entry["resolves"])))


def end_of_day(day: date) -> float:
    """The end of a day as a decimal year."""
    from forecast.trend.series import decimal_year

    return decimal_year((day + timedelta(days=1)).isoformat())


def predictive(
    probs: Sequence[float], values: Sequence[float | str], low: float = -math.inf, high: float = math.inf
) -> Predictive:
    """A recorded quantile function as a distribution."""
    return Predictive(np.array(probs, dtype=float), np.array([float(value) for value in values]), low, high)


def _scores(belief: Predictive, value: float | None, oom: bool) -> dict[str, float]:
    if value is None:
        return {}
    found = {
        "crps": belief.crps(value),
        "log_score": belief.log_score(value),
        "interval_score": belief.interval_score(value),
    }
    if oom and value > 0 and belief.values[0] > 0:
        found["crps_oom"] = belief.crps(value, log10=True)
    return {kind: score for kind, score in found.items() if math.isfinite(score)}


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
    held = {level: [(s.covered[level], s.outcome) for s in scored if level in s.covered] for level in LEVELS}
    coverage = {level: share([hit for hit, _ in pairs], [o for _, o in pairs]) for level, pairs in held.items()}
    units = {"OOM" if one.oom else one.unit for one in scored if one.width is not None}
    unit = units.pop() if len(units) == 1 else None
    return Group(
        name,
        len(scored),
        scores,
        differences,
        {k: v for k, v in coverage.items() if v.count},
        pit_histogram([one.reach for one in scored if one.reach is not None]),
        mean(lambda s: None if unit is None else s.width),
        unit or "",
        _said([one.said for one in scored if one.said is not None]),
    )


def _said(said: Sequence[tuple[float, bool]]) -> list[tuple[float, int, int]]:
    tenths: dict[int, list[tuple[float, bool]]] = {}
    for prob, happened in said:
        tenths.setdefault(min(int(prob * 10), 9), []).append((prob, happened))
    return [
        (sum(p for p, _ in pairs) / len(pairs), len(pairs), sum(h for _, h in pairs))
        for _, pairs in sorted(tenths.items())
    ]


def _difference(one: Scored, baseline: str, kind: str) -> float | None:
    other = one.baselines.get(baseline, {}).get(kind)
    own = one.scores.get(kind)
    return None if own is None or other is None else own - other

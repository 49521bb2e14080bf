"""How much of each move each change explains.

Each change is switched from old to new in some order; what its switch moves, averaged over the orders, is what it
explains (Shapley, "A value for n-person games", 1953). Parts do not depend on an order and add up to the move. Up to
`EXACT` changes every order counts; with more, orders are drawn, each together with its reverse, and parts still add up.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from forecast.difference.changes import UNITS, Change, converted_otherwise
from forecast.difference.moves import Move
from forecast.fits import record_of
from forecast.graph import YEAR, ancestors, order
from forecast.quantile import mcse_of
from forecast.sampling import request_of
from forecast.study import Study

EXACT = 6  # changes up to which every order counts: 64 runs
RUNS = 160  # about so many runs where orders are drawn
WORLDS = 16384  # of each run
_NOT_SPLIT = "its move cannot be split;"
Progress = Callable[[str, float], None]


def explained(
    old: Study,
    new: Study,
    changes: Sequence[Change],
    moves: Sequence[Move],
    arguments: Mapping[str, Any],
    progress: Progress | None = None,
) -> tuple[list[Move], list[str]]:
    """Moves with the part that each change explains.

    Parameters
    ----------
    old, new : Study
    changes : sequence of Change
        Those that can move a figure.
    moves : sequence of Move
    arguments : mapping
        Of `Study.run`.
    progress : callable, optional
        Told what is done, and which part of it.

    Returns
    -------
    moves : list of Move
    notes : list of str
        Why a move has no parts.
    """
    targets = [m for m in moves if m.moved and math.isfinite(m.before.median) and math.isfinite(m.after.median)]
    notes = [f"{m.label}: {_NOT_SPLIT} on one side it is infinite." for m in moves if m.moved and m not in targets]
    # What has the same key is switched together: a prior whose words and values changed is one change.
    keys = list(
        dict.fromkeys(key for move in targets for key in touching(old, new, changes, request_of(move.quantity).name))
    )
    if not targets or not keys:
        return list(moves), notes
    wanted = [move.quantity for move in targets]
    logs = [move.before.median > 0 and move.after.median > 0 and move.unit != YEAR for move in targets]
    known: dict[frozenset[str], np.ndarray] = {}
    expected = 2 ** len(keys) if len(keys) <= EXACT else 2 * (len(keys) - 1) * _pairs(len(keys)) + 2

    def medians(switched: frozenset[str]) -> np.ndarray:
        """Medians (target, chain) with some changes made."""
        if switched not in known:
            if progress is not None:
                progress("explaining the moves", min(0.99, len(known) / expected))
            result = hybrid(old, new, changes, switched).run(wanted, **{**arguments, "draws": WORLDS})
            rows = []
            for text, log in zip(wanted, logs, strict=True):
                request = request_of(text)
                middle = np.quantile(result.at(request.name, request.year), 0.5, axis=-1, method="inverted_cdf")
                with np.errstate(invalid="ignore", divide="ignore"):
                    rows.append(np.log10(middle) if log else middle)
            known[switched] = np.array(rows)
        return known[switched]

    with np.errstate(invalid="ignore"):
        parts = shapley(keys, medians)
    if progress is not None:
        progress("explaining the moves", 1.0)
    found = []
    for move in moves:
        if move in targets:
            row = targets.index(move)
            told = [(key, value[row], error[row]) for key, (value, error) in parts.items()]
            if all(math.isfinite(value) for _, value, _ in told):
                told = [(key, float(value), float(error)) for key, value, error in told]
                move = replace(move, parts=tuple(sorted(told, key=lambda part: -abs(part[1]))), log=logs[row])
            else:
                notes.append(
                    f"{move.label}: its move cannot be split, for with some of the changes alone it is infinite."
                )
        found.append(move)
    return found, notes


def shapley(
    keys: Sequence[str], value: Callable[[frozenset[str]], np.ndarray]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What each key adds to a value, averaged over the orders of adding them.

    Parameters
    ----------
    keys : sequence of str
    value : callable
        Keys added so far to the value, ``(target, chain)``.

    Returns
    -------
    dict of str to (part (target,), standard error (target,))
        Parts add up to the value of all less that of none. Errors come from the chains, and from the orders where not
        every one counts.
    """
    if len(keys) <= EXACT:
        return {key: _told(_exact(key, keys, value)) for key in keys}
    rng = np.random.default_rng(len(keys))  # the same changes give the same orders
    gains: dict[str, list[np.ndarray]] = {key: [] for key in keys}
    for _ in range(_pairs(len(keys))):
        drawn = [keys[i] for i in rng.permutation(len(keys))]
        pair: dict[str, np.ndarray] = {}
        for sequence in (drawn, drawn[::-1]):
            for position, key in enumerate(sequence):
                before = frozenset(sequence[:position])
                gain = (value(before | {key}) - value(before)) / 2
                pair[key] = pair[key] + gain if key in pair else gain
        for key, gain in pair.items():
            gains[key].append(gain)
    return {key: _told(np.mean(found, axis=0), np.array(found)) for key, found in gains.items()}


def _pairs(count: int) -> int:
    """Orders drawn, each with its reverse, of so many changes."""
    return max(4, RUNS // (2 * count))


def _told(part: np.ndarray, orders: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A part (target, chain) and its standard error; `orders` is (order, target, chain)."""
    error = np.array([float(mcse_of(row)) for row in part])
    if orders is not None:
        error = np.hypot(error, mcse_of(orders.mean(axis=-1).T))
    return part.mean(axis=-1), error


def _exact(key: str, keys: Sequence[str], value: Callable[[frozenset[str]], np.ndarray]) -> np.ndarray:
    others = [other for other in keys if other != key]
    total = np.zeros_like(value(frozenset()))
    for size in range(len(others) + 1):
        weight = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(keys))
        for chosen in combinations(others, size):
            total = total + weight * (value(frozenset([*chosen, key])) - value(frozenset(chosen)))
    return total


def touching(old: Study, new: Study, changes: Sequence[Change], name: str) -> list[str]:
    """Keys of the changes, of those that can move a figure, that bear on a quantity in either study."""
    needed = _reached(old, name) | _reached(new, name)
    trends = {curve.trend for study in (old, new) for curve in study.curves.values() if curve.name in needed}
    seen = {item.id for study in (old, new) for item in study.evidence if item.quantity in needed}
    return list(dict.fromkeys(c.key for c in changes if c.counts and _touches(c, needed, trends, seen)))


def _touches(change: Change, needed: set[str], trends: set[str], seen: set[str]) -> bool:
    if change.kind == "dependence":
        return set(change.name.split(" ~ ")) <= needed
    among = {"trend": trends, "observation": seen, UNITS: {UNITS}}.get(change.kind, needed)
    return change.name in among


def _reached(study: Study, name: str) -> set[str]:
    """What a quantity follows from, and whatever evidence has to do with that."""
    found = set(ancestors([name], study.functions))
    if not study.evidence:
        return found
    linked = [set(ancestors([item.quantity], study.functions)) for item in study.evidence]
    linked += [set(declared.between) for declared in study.dependences]
    linked += [{c.name for c in study.curves.values() if c.trend == trend} for trend in study.trends]
    while True:
        more = [own for own in linked if own & found and not own <= found]
        if not more:
            return found
        found.update(*more)


def hybrid(old: Study, new: Study, changes: Sequence[Change], switched: frozenset[str]) -> Study:
    """The new study with some of its changes undone; what only one of the two has is in it, and does no harm."""
    undone = [change for change in changes if change.key not in switched]
    priors = {**{n: p for n, p in old.priors.items() if n not in new.names}, **new.priors}
    functions = {**{n: f for n, f in old.functions.items() if n not in new.names}, **new.functions}
    curves = {**{n: c for n, c in old.curves.items() if n not in new.names}, **new.curves}
    factors, labels = {**old.factors, **new.factors}, {**old.labels, **new.labels}
    trends, fit_keys = {**old.trends, **new.trends}, {**old.fit_keys, **new.fit_keys}
    units, back = new.units, {change.name for change in undone if change.kind == "trend"}
    for name in back:
        trends[name], fit_keys[name] = old.trends[name], old.fit_keys[name]
        curves |= {n: c for n, c in old.curves.items() if c.trend == name}
    for name in (change.name for change in undone if change.kind in ("prior", "function", "definition")):
        for table in (priors, functions, curves):
            table.pop(name, None)
        if name in old.priors:
            priors[name] = old.priors[name]
        elif name in old.functions:
            functions[name] = old.functions[name]
        else:
            curves[name] = old.curves[name]
        factors[name], labels[name] = old.factors[name], old.labels[name]
    if any(change.kind == UNITS for change in undone):
        units = old.units
        factors |= {name: old.factors[name] for name in converted_otherwise(old, new)}
    posteriors = {
        name: record_of(old if name not in new.trends or name in back else new, name)
        for name in trends
        if any(curve.trend == name for curve in curves.values())
    }
    pairs = {frozenset(d.between): d for d in new.dependences}
    older = {frozenset(d.between): d for d in old.dependences}
    for pair in (frozenset(change.name.split(" ~ ")) for change in undone if change.kind == "dependence"):
        pairs.pop(pair, None)
        if pair in older:
            pairs[pair] = older[pair]
    seen = {item.id: item for item in new.evidence}
    was = {item.id: item for item in old.evidence}
    for name in (change.name for change in undone if change.kind == "observation"):
        seen.pop(name, None)
        if name in was:
            seen[name] = was[name]
    digest = hashlib.blake2b("|".join([old.digest, new.digest, *sorted(switched)]).encode(), digest_size=16).hexdigest()
    mixed = replace(
        new,
        priors=priors,
        functions=functions,
        curves=curves,
        factors=factors,
        labels=labels,
        units=units,
        trends=trends,
        fit_keys=fit_keys,
        dependences=tuple(d for d in pairs.values() if all(name in priors for name in d.between)),
        sequence=order(functions, {*priors, *curves, YEAR}),
        digest=digest,
        base=digest,
        posteriors=posteriors,
    )
    return mixed.with_evidence(tuple(seen.values()))

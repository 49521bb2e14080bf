"""Two runs, studies or revisions side by side: what changed, what moved, and how much of it each change explains.

Each changed input is switched from its old to its new definition while the others are old, new, or in between; the mean
over all orders of switching (Shapley 1953) is what it explains, and the parts add up to the move. With more than a few
changes, the mean of switching it first and switching it last stands in, and what is left over is told.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from forecast.errors import ForecastError, StudyError, UsageError
from forecast.graph import YEAR, Function, ancestors, order
from forecast.quantile import mcse_of
from forecast.result import Interval
from forecast.sampling import request_of
from forecast.study import FOLDERS, Study, open_study
from forecast.study.priors import Prior
from forecast.summary import round_to_error
from forecast.text import ends

EXACT = 4  # changes up to which every order is tried
WORLDS = 16384  # of each run that attributes a move


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two things compared.

    Parameters
    ----------
    name : str
        As it was named.
    record : mapping
        The run's JSON.
    study : Study or None
        None where only a run's JSON is known.
    arguments : mapping
        Of the run.
    """

    name: str
    record: Mapping[str, Any]
    study: Study | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Something that is not as it was.

    Parameters
    ----------
    kind, name, what : str
        ``prior``, ``training_cost``, ``1.4 to 4.1 -> 2 to 5``.
    counts : bool
        Whether it can move a figure; a new note cannot.
    """

    kind: str
    name: str
    what: str
    counts: bool = True

    @property
    def key(self) -> str:
        """What it is called when a move is explained."""
        return self.name


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
    rest : float
        What no single change explains.
    """

    quantity: str
    label: str
    unit: str
    before: Interval
    after: Interval
    parts: tuple[tuple[str, float, float], ...] = ()
    log: bool = False
    rest: float = 0.0

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


@dataclass(frozen=True, eq=False)
class Difference:
    """What `difference` found."""

    before: Side
    after: Side
    changes: tuple[Change, ...]
    moves: tuple[Move, ...]
    notes: tuple[str, ...] = ()


def side(name: str, home: str | Path, quantities: Sequence[str] | None, keep: ExitStack) -> Side:
    """What a text names: a study's folder, an HTML report, a run's JSON, or a git revision of the study at home.

    Parameters
    ----------
    name : str
    home : path
        The study that revisions are of.
    quantities : sequence of str, optional
        What is compared; the main report's where left out.
    keep : contextlib.ExitStack
        Closes what was unpacked.
    """
    path = Path(name)
    if name.lower().endswith((".html", ".htm")):
        from forecast.report.embedded import read, unpacked
        from forecast.report.write import Call, arguments_of, report_of

        carried = read(path)
        study = open_study(keep.enter_context(unpacked(carried)))
        call = Call.from_json(carried.report, carried.call)
        return _side(name, study, arguments_of(report_of(study, call.report), call), quantities)
    if path.is_file() and path.suffix == ".json":
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not str(record["schema"]).startswith("forecast.run/"):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise UsageError(f"{name}: is not the JSON of a run; write one with 'forecast run --out FOLDER'") from None
        return Side(name, record)
    if path.is_dir():
        return _side(name, open_study(path), {}, quantities)
    return _side(name, open_study(keep.enter_context(_revision(name, Path(home)))), {}, quantities)


def _side(name: str, study: Study, arguments: Mapping[str, Any], quantities: Sequence[str] | None) -> Side:
    arguments = dict(arguments)
    study = study.given(arguments.pop("given", None) or {})
    if quantities is not None:
        arguments["quantities"] = [q for q in quantities if q.partition("@")[0] in study.names]
        if not arguments["quantities"]:
            raise UsageError(f"{name}: has none of the quantities {', '.join(quantities)}; 'forecast check' lists them")
    return Side(name, {}, study, arguments)


def _revision(name: str, home: Path) -> Any:
    """A git revision of a study, unpacked to a folder of the same name for a while."""
    import io
    import subprocess
    import tarfile
    import tempfile
    from contextlib import contextmanager

    def git(*words: str) -> bytes:
        try:
            done = subprocess.run(["git", "-C", str(home), *words], capture_output=True, check=True)
        except FileNotFoundError:
            raise ForecastError(f"{name}: git is needed for a revision, and is not installed") from None
        return done.stdout

    @contextmanager
    def unpacked() -> Any:
        try:
            commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
            present = [folder for folder in FOLDERS if git("ls-tree", commit, "--", f"{folder}/")]
            archive = git("archive", "--format=tar", commit, "--", *present) if present else b""
        except subprocess.CalledProcessError:
            raise UsageError(
                f"{name}: is neither a study, an HTML report, a run's JSON nor a git revision of {home}; "
                "see forecast diff --help"
            ) from None
        if not archive:
            raise UsageError(f"{name}: that revision has no study in {home}; name another")
        with tempfile.TemporaryDirectory(prefix="forecast-") as temporary:
            folder = Path(temporary) / (home.resolve().name or "study")
            folder.mkdir()
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
            yield folder

    return unpacked()


def difference(before: Side, after: Side) -> Difference:
    """Compare two sides.

    Parameters
    ----------
    before, after : Side
        From `side`.

    Returns
    -------
    Difference
        With changes and explained moves where both sides have a study, else with the moves alone.
    """
    if before.study is None or after.study is None:
        records = [_record(one) for one in (before, after)]
        known = [replace(one, record=record) for one, record in zip((before, after), records, strict=True)]
        return Difference(
            known[0],
            known[1],
            tuple(_of_runs(*records)),
            tuple(_moves(*records)),
            ("Only runs are known on one side: changed inputs cannot explain moves.",),
        )
    old, new = before.study, after.study
    changes = tuple(_changes(old, new))
    arguments = {**dict(after.arguments)}
    wanted = arguments.pop("quantities", None) or list(new.main.quantities)
    wanted = [text for text in wanted if text.partition("@")[0] in old.names]
    if not wanted:
        raise UsageError("the two sides have no reported quantity in common; name one with -q")
    arguments.setdefault("seed", new.main.seed)
    arguments.setdefault("years", list(new.main.years) or None)
    arguments.setdefault("prob", new.main.prob)
    arguments.pop("draws", None)
    from forecast.export import to_json

    results = [study.run(wanted, **arguments) for study in (old, new)]
    sides = [replace(one, record=to_json(result)) for one, result in zip((before, after), results, strict=True)]
    moves = _moves(sides[0].record, sides[1].record)
    counting = [change for change in changes if change.counts]
    notes: list[str] = []
    if counting and any(move.moved for move in moves):
        try:
            moves = _explained(old, new, counting, moves, arguments)
        except StudyError as error:
            notes.append(
                "Moves cannot be attributed: old and new definitions do not go together "
                f"({str(error).splitlines()[0]})."
            )
    return Difference(sides[0], sides[1], changes, tuple(moves), tuple(notes))


def _record(one: Side) -> Mapping[str, Any]:
    if one.study is None:
        return one.record
    from forecast.export import to_json

    arguments = dict(one.arguments)
    return to_json(one.study.run(arguments.pop("quantities", None), **arguments))


def _of_runs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Change]:
    """What the provenance of two runs says has changed."""
    for key in ("study", "study_hash", "seed", "draws", "method", "years", "given", "dependence", "versions"):
        if old.get(key) != new.get(key):
            brief = [
                f"{value[0]:g} to {value[-1]:g}" if key == "years" and value else str(value)
                for value in (old.get(key), new.get(key))
            ]
            yield Change("run", key, f"{brief[0]} -> {brief[1]}")


def _changes(old: Study, new: Study) -> Iterable[Change]:
    """Definitions that differ, are new or have gone."""
    for name in dict.fromkeys([*old.priors, *new.priors, *old.functions, *new.functions]):
        kinds = [_kind(study, name) for study in (old, new)]
        if kinds[0] == kinds[1] == "prior":
            yield from _prior_changes(old.priors[name], new.priors[name])
        elif kinds[0] == kinds[1] == "function":
            yield from _function_changes(old, new, name)
        elif not kinds[0]:
            yield Change(kinds[1], name, "new", counts=False)
        elif not kinds[1]:
            yield Change(kinds[0], name, "gone", counts=False)
        else:
            yield Change("definition", name, f"was a {kinds[0]}, is a {kinds[1]}")
    for name in dict.fromkeys([*old.trends, *new.trends]):
        if name not in old.trends or name not in new.trends:
            yield Change("trend", name, "new" if name in new.trends else "gone", counts=False)
        elif old.fit_keys[name] != new.fit_keys[name]:
            yield Change("trend", name, "fitted to other rows or with other priors")
    pairs = [{frozenset(d.between): d.rank_correlation for d in study.dependences} for study in (old, new)]
    for pair in dict.fromkeys([*pairs[0], *pairs[1]]):
        a, b = (found.get(pair, 0.0) for found in pairs)
        if a != b:
            yield Change("dependence", " ~ ".join(sorted(pair)), f"{a:g} -> {b:g}")
    seen = [{item.id: item for item in study.evidence} for study in (old, new)]
    for name in dict.fromkeys([*seen[0], *seen[1]]):
        if name not in seen[0] or name not in seen[1]:
            yield Change(
                "observation",
                name,
                f"{'added' if name in seen[1] else 'dropped'}: {(seen[1].get(name) or seen[0][name]).text}",
            )
        elif seen[0][name].key() != seen[1][name].key():
            yield Change("observation", name, f"{seen[0][name].text} -> {seen[1][name].text}")


def _kind(study: Study, name: str) -> str:
    return (
        "prior"
        if name in study.priors
        else "function"
        if name in study.functions
        else "trend's quantity"
        if name in study.curves
        else ""
    )


def _prior_changes(old: Prior, new: Prior) -> Iterable[Change]:
    if old.distribution != new.distribution or old.unit != new.unit:
        texts = [
            f"{p.distribution.text or p.distribution.canonical()}{f' {p.unit}' if old.unit != new.unit else ''}"
            for p in (old, new)
        ]
        yield Change(
            "prior",
            new.name,
            f"{texts[0]} -> {texts[1]}" + (f" [{new.unit}]" if new.unit and old.unit == new.unit else ""),
        )
    words = [key for key in ("label", "source", "note") if getattr(old, key) != getattr(new, key)]
    if words:
        yield Change("prior", new.name, f"other {' and '.join(words)}", counts=False)


def _function_changes(old: Study, new: Study, name: str) -> Iterable[Change]:
    a, b = old.functions[name], new.functions[name]
    if a.unit != b.unit:
        yield Change("function", name, f"unit {a.unit or 'none'} -> {b.unit or 'none'}")
    elif _formula(a) != _formula(b):
        yield Change("function", name, "other formula")
    elif (a.label, a.source) != (b.label, b.source):
        yield Change("function", name, "other words", counts=False)


def _formula(function: Function) -> str:
    """A function's code without its docstring, with what its file holds besides quantities: helpers and constants."""
    import ast
    import inspect

    try:
        module = ast.parse(Path(inspect.getfile(function.call)).read_text(encoding="utf-8"))
    except (OSError, TypeError, SyntaxError):
        return repr(function.call)
    kept = []
    for node in module.body:
        public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        told = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not told and (not public or isinstance(node, ast.FunctionDef) and node.name == function.name):
            kept.append(ast.dump(node))
    return "\n".join(kept)


def _moves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Move]:
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
                found.append(Move(quantity, label, entry["unit"], _interval(a, other), _interval(b, entry)))
    return found


def _interval(figures: Mapping[str, Any], entry: Mapping[str, Any]) -> Interval:
    values = [float(figures[key]) for key in ("low", "median", "high")]
    errors = [
        math.inf if figures["mcse"][key] is None else float(figures["mcse"][key]) for key in ("low", "median", "high")
    ]
    return Interval(values[0], values[1], values[2], entry["prob"], errors[0], errors[1], errors[2], entry["unit"])


def _explained(
    old: Study, new: Study, changes: Sequence[Change], moves: Sequence[Move], arguments: Mapping[str, Any]
) -> list[Move]:
    """Moves with the part that each change explains."""
    # Changes that belong together are switched together: a prior whose words and values changed is one.
    keys = list(dict.fromkeys(change.key for change in changes))
    targets = [
        move for move in moves if move.moved and math.isfinite(move.before.median) and math.isfinite(move.after.median)
    ]
    if not targets:
        return list(moves)
    needed = _reach(old, new, [move.quantity for move in targets])
    keys = [key for key in keys if _touches(key, needed, changes)]
    wanted = [move.quantity for move in targets]
    logs = [move.before.median > 0 and move.after.median > 0 and move.unit != YEAR for move in targets]
    known: dict[frozenset[str], np.ndarray] = {}

    def medians(switched: frozenset[str]) -> np.ndarray:
        """Medians (target, chain) with some changes made."""
        if switched not in known:
            study = _hybrid(old, new, changes, switched)
            result = study.run(wanted, **{**arguments, "draws": WORLDS})
            rows = []
            for text, log in zip(wanted, logs, strict=True):
                request = request_of(text)
                middle = np.quantile(result.at(request.name, request.year), 0.5, axis=-1, method="inverted_cdf")
                with np.errstate(invalid="ignore", divide="ignore"):
                    rows.append(np.log10(middle) if log else middle)
            known[switched] = np.array(rows)
        return known[switched]

    parts = {key: _part(key, keys, medians) for key in keys}
    total = medians(frozenset(keys)) - medians(frozenset())
    found = []
    for move in moves:
        if move in targets:
            row = targets.index(move)
            told = sorted(
                ((key, float(part[row].mean()), float(mcse_of(part[row]))) for key, part in parts.items()),
                key=lambda p: -abs(p[1]),
            )
            left = float(total[row].mean()) - sum(part for _, part, _ in told)
            move = replace(move, parts=tuple(told), log=logs[row], rest=left if len(keys) > EXACT else 0.0)
        found.append(move)
    return found


def _part(key: str, keys: Sequence[str], medians: Callable[[frozenset[str]], np.ndarray]) -> np.ndarray:
    """What switching one change brings, (target, chain): the mean over all orders, or over first and last."""
    others = [other for other in keys if other != key]
    if len(keys) > EXACT:
        first = medians(frozenset([key])) - medians(frozenset())
        last = medians(frozenset(keys)) - medians(frozenset(others))
        return np.asarray((first + last) / 2)
    total = np.zeros_like(medians(frozenset()))
    for size in range(len(others) + 1):
        weight = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(keys))
        for chosen in combinations(others, size):
            total = total + weight * (medians(frozenset([*chosen, key])) - medians(frozenset(chosen)))
    return np.asarray(total)


def _reach(old: Study, new: Study, quantities: Iterable[str]) -> set[str]:
    names = [request_of(text).name for text in quantities]
    return {name for study in (old, new) for name in ancestors([n for n in names if n in study.names], study.functions)}


def _touches(key: str, needed: set[str], changes: Sequence[Change]) -> bool:
    kinds = {change.kind for change in changes if change.key == key}
    if kinds & {"trend", "observation"}:
        return True
    if "dependence" in kinds:
        return set(key.split(" ~ ")) <= needed
    return key in needed


def _hybrid(old: Study, new: Study, changes: Sequence[Change], switched: frozenset[str]) -> Study:
    """The new study with some of its changes undone; what only one of the two has is in it, and does no harm."""
    import hashlib

    from forecast.fits import record_of

    back = {change.key: change.kind for change in changes if change.key not in switched}
    priors = {**{n: p for n, p in old.priors.items() if n not in new.names}, **new.priors}
    functions = {**{n: f for n, f in old.functions.items() if n not in new.names}, **new.functions}
    curves = {**{n: c for n, c in old.curves.items() if n not in new.names}, **new.curves}
    factors, labels = {**old.factors, **new.factors}, {**old.labels, **new.labels}
    trends, fit_keys = {**old.trends, **new.trends}, {**old.fit_keys, **new.fit_keys}
    posteriors = {}
    for name, kind in back.items():
        if kind == "trend":
            trends[name], fit_keys[name] = old.trends[name], old.fit_keys[name]
            curves |= {n: c for n, c in old.curves.items() if c.trend == name}
        elif kind in ("prior", "function", "definition"):
            for table in (priors, functions, curves):
                table.pop(name, None)
            if name in old.priors:
                priors[name] = old.priors[name]
            elif name in old.functions:
                functions[name] = old.functions[name]
            else:
                curves[name] = old.curves[name]
            factors[name], labels[name] = old.factors[name], old.labels[name]
    for name in trends:
        origin = old if name not in new.trends or back.get(name) == "trend" else new
        if any(curve.trend == name for curve in curves.values()):
            posteriors[name] = record_of(origin, name)
    pairs = {frozenset(d.between): d for d in new.dependences}
    older = {frozenset(d.between): d for d in old.dependences}
    for pair in [*pairs, *older]:
        if back.get(" ~ ".join(sorted(pair))) == "dependence":
            pairs.pop(pair, None)
            if pair in older:
                pairs[pair] = older[pair]
    dependences = tuple(d for d in pairs.values() if all(name in priors for name in d.between))
    seen = {item.id: item for item in new.evidence}
    was = {item.id: item for item in old.evidence}
    for name, kind in back.items():
        if kind == "observation":
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
        trends=trends,
        fit_keys=fit_keys,
        dependences=dependences,
        sequence=order(functions, {*priors, *curves, YEAR}),
        digest=digest,
        base=digest,
        posteriors=posteriors,
    )
    return mixed.with_evidence(tuple(seen.values()))


def table(found: Difference, columns: int = 110) -> str:
    """What changed, what moved and why, as text."""
    lines = [
        f"A  {found.before.name}  ({found.before.record.get('study_hash', '')[:12]})",
        f"B  {found.after.name}  ({found.after.record.get('study_hash', '')[:12]})",
        "",
    ]
    lines.append("Changed inputs" if found.changes else "No input has changed")
    lines += [_cut(f"  {change.kind} {change.name}: {change.what}", columns) for change in found.changes]
    lines += ["", "Outputs: low end … median … high end, A -> B"]
    still = 0
    for move in found.moves:
        if not move.moved:
            still += 1
            continue
        unit = f" [{move.unit}]" if move.unit else ""
        lines += [
            _cut(f"  {move.label}{unit}", columns),
            f"    {_words(move.before)} -> {_words(move.after)}   median {_size(move)}",
        ]
        total = (
            math.log10(move.after.median / move.before.median) if move.log else move.after.median - move.before.median
        )
        for name, part, error in move.parts:
            if abs(part) <= 4 * error or abs(part) <= 0.002 * abs(total):
                continue
            share = f" ({100 * part / total:.0f}% of the move)" if total else ""
            lines.append(f"      {name}: {_part_words(move, part, error)}{share}")
        if move.parts and total and abs(move.rest) > 0.02 * abs(total):
            lines.append(f"      together, beyond each alone: {100 * move.rest / total:.0f}% of the move")
    if still == len(found.moves):
        lines.append("  None has moved by more than the draws can tell.")
    elif still:
        lines.append(f"  {still} other{'s have' if still > 1 else ' has'} not moved by more than the draws can tell.")
    return "\n".join([*lines, *(["", *found.notes] if found.notes else [])])


def _words(interval: Interval) -> str:
    return " … ".join(ends(interval, ()))


def _size(move: Move) -> str:
    a, b = move.before.median, move.after.median
    error = math.hypot(move.before.mcse_median, move.after.mcse_median)
    if not (math.isfinite(a) and math.isfinite(b)):
        return f"{a:g} -> {b:g}"
    if a > 0 and b > 0 and move.unit != YEAR:
        return f"x{round_to_error(b / a, (b / a) * error / max(abs(a), abs(b)))}"
    return f"{'+' if b > a else ''}{round_to_error(b - a, error)}"


def _part_words(move: Move, part: float, error: float) -> str:
    if move.log:
        factor = 10**part
        return f"x{round_to_error(factor, factor * math.log(10) * error)}"
    return f"{'+' if part > 0 else ''}{round_to_error(part, error)}"


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else text[: columns - 1] + "…"

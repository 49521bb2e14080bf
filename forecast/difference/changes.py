"""What changed between two studies, or between two runs of which no more than the JSON is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.graph import Function
from forecast.study import Study
from forecast.study.priors import Prior

if TYPE_CHECKING:
    import ast


UNITS = "units"


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
        """What it is called when a move is explained; what has the same key is switched together."""
        return self.name if self.kind in ("prior", "function", "definition", UNITS) else f"{self.kind} {self.name}"


def changes_of_runs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What the provenance of two runs says has changed."""
    for key in ("study", "study_hash", "seed", "draws", "method", "years", "given", "dependence", "versions"):
        if old.get(key) != new.get(key):
            brief = [
                f"{value[0]:g} to {value[-1]:g}" if key == "years" and value else str(value)
                for value in (old.get(key), new.get(key))
            ]
            yield Change("run", key, f"{brief[0]} -> {brief[1]}")


def changes_of_studies(old: Study, new: Study) -> Iterator[Change]:
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
    moved = sorted({new.labels[name] for name in converted_otherwise(old, new)})
    if moved:
        yield Change(UNITS, UNITS, f"other conversion of {', '.join(moved)}")
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


def _prior_changes(old: Prior, new: Prior) -> Iterator[Change]:
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


def _function_changes(old: Study, new: Study, name: str) -> Iterator[Change]:
    a, b = old.functions[name], new.functions[name]
    if a.unit != b.unit:
        yield Change("function", name, f"unit {a.unit or 'none'} -> {b.unit or 'none'}")
    elif _formula(a) != _formula(b):
        yield Change("function", name, "other formula")
    elif (a.label, a.source) != (b.label, b.source):
        yield Change("function", name, "other words", counts=False)


def converted_otherwise(old: Study, new: Study) -> list[str]:
    """Names whose unit is written as it was and converts otherwise: the price index has changed, say."""
    both = [name for name in new.labels if name in old.labels and old.labels[name] == new.labels[name]]
    return [name for name in both if not math.isclose(old.factors[name], new.factors[name], rel_tol=1e-12)]


def _formula(function: Function) -> str:
    """A function's code without docstrings, with the helpers and constants of its file that it reaches."""
    import ast
    import inspect

    try:
        module = ast.parse(Path(inspect.getfile(function.call)).read_text(encoding="utf-8"))
    except (OSError, TypeError, SyntaxError):
        return repr(function.call)
    defined: dict[str, list[ast.stmt]] = {}
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        for name in _defines(node):
            defined.setdefault(name, []).append(node)
    kept: dict[int, str] = {}
    waiting = [function.name]
    while waiting:
        for node in defined.pop(waiting.pop(), []):
            kept[node.lineno] = ast.dump(node)
            own = {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}  # a quantity, not its function
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - own
            waiting += sorted(names & defined.keys())
    return "\n".join(kept[line] for line in sorted(kept))


def _defines(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module defines, those inside a condition or a loop included."""
    import ast

    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    else:
        yield from (
            part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        )

"""Two runs, studies or revisions side by side: what changed, what moved, and how much of it each change explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from forecast.difference.attribution import explained, touching
from forecast.difference.changes import Change, changes_of_runs, changes_of_studies
from forecast.difference.moves import Move, moves_of
from forecast.difference.sides import Side, side
from forecast.errors import StudyError, UsageError
from forecast.fits import prepare, record_of
from forecast.sampling import request_of
from forecast.study import Study

__all__ = ["Change", "Difference", "Move", "Side", "difference", "side"]

Say = Callable[[str], Callable[[str, float], None]]


@dataclass(frozen=True, eq=False)
class Difference:
    """What `difference` found.

    Parameters
    ----------
    before, after : Side
        With the JSON of their runs.
    changes : tuple of Change
    moves : tuple of Move
        Of every quantity that both sides report and that a change bears on.
    notes : tuple of str
    still : tuple of str
        Quantities that no change bears on: these were not run.
    """

    before: Side
    after: Side
    changes: tuple[Change, ...]
    moves: tuple[Move, ...]
    notes: tuple[str, ...] = ()
    still: tuple[str, ...] = ()


def difference(before: Side, after: Side, say: Say | None = None) -> Difference:
    """Compare two sides.

    Parameters
    ----------
    before, after : Side
        From `side`.
    say : callable, optional
        ``say(name)`` gives what is told of the work on a name: see `forecast.fits.prepare`.

    Returns
    -------
    Difference
        With changes and explained moves where both sides have a study, else with the moves alone.
    """
    if before.study is None or after.study is None:
        one, other = (replace(one, record=_record(one, say)) for one in (before, after))
        note = "Only a run's JSON is known of one side, not its study: changed inputs cannot explain moves."
        told = tuple(changes_of_runs(one.record, other.record))
        return Difference(one, other, told, tuple(moves_of(one.record, other.record)), (note,))
    old, new = before.study, after.study
    changes = tuple(changes_of_studies(old, new))
    arguments = dict(after.arguments)
    wanted = arguments.pop("quantities", None) or list(new.main.quantities)
    wanted = [text for text in wanted if text.partition("@")[0] in old.names]
    if not wanted:
        raise UsageError("the two sides have no reported quantity in common; name one with -q")
    counting = [change for change in changes if change.counts]
    touched = [text for text in wanted if touching(old, new, counting, request_of(text).name)]
    still = tuple(text for text in wanted if text not in touched)
    if not touched:
        return Difference(before, after, changes, (), (), still)
    wanted = touched
    arguments.setdefault("seed", new.main.seed)
    arguments.setdefault("years", list(new.main.years) or None)
    arguments.setdefault("prob", new.main.prob)
    arguments.pop("draws", None)
    _share_fits(old, new, wanted, say)
    before = replace(before, record=_run(old, wanted, arguments, say))
    after = replace(after, record=_run(new, wanted, arguments, say))
    moves = moves_of(before.record, after.record)
    notes: list[str] = []
    if counting and any(move.moved for move in moves):
        try:
            moves, notes = explained(old, new, counting, moves, arguments, None if say is None else say("diff"))
        except StudyError as error:
            first = str(error).splitlines()[0]
            notes.append(f"Moves cannot be attributed: old and new definitions do not go together ({first}).")
    return Difference(before, after, changes, tuple(moves), tuple(notes), still)


def _share_fits(old: Study, new: Study, wanted: list[str], say: Say | None) -> None:
    """Fit what both sides fit alike only once, where fits are kept."""
    first, second = (old, new) if (old.path / "build").exists() else (new, old)
    _prepare(first, wanted, say)
    for name, key in second.fit_keys.items():
        if first.fit_keys.get(name) == key and name in first.posteriors:
            second.posteriors[name] = record_of(first, name)


def _prepare(study: Study, quantities: list[str], say: Say | None) -> None:
    prepare(study, [text.partition("@")[0] for text in quantities], say or (lambda _: lambda what, part: None))


def _run(study: Study, quantities: list[str], arguments: Mapping[str, Any], say: Say | None) -> Mapping[str, Any]:
    from forecast.export import to_json

    _prepare(study, quantities, say)
    return to_json(study.run(quantities, **arguments))


def _record(one: Side, say: Say | None) -> Mapping[str, Any]:
    if one.study is None:
        return one.record
    arguments = dict(one.arguments)
    quantities = arguments.pop("quantities", None) or list(one.study.main.quantities)
    return _run(one.study, quantities, arguments, say)

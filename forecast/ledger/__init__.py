"""A ledger of forecasts: a text file that is only ever added to, and in which a later edit shows.

Each line of ``reports/ledger.jsonl`` is one entry, canonical JSON that ends with its SHA-256 and holds that of the line
before it. Whoever edits, removes or reorders a line breaks the chain from there on. Removing lines from the end is the
one thing a chain cannot show by itself: `verify` tells the head, to be compared with one noted elsewhere (a commit).

Entries are appended under a lock with a single write, then forced to disk; only then is the entry acknowledged. A write
that is interrupted leaves at most an incomplete last line. The next append moves that fragment to ``ledger.torn``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.errors import ForecastError, Problem, StudyError, UsageError, nearest

FILE = Path("reports") / "ledger.jsonl"
SCHEMA = "forecast.ledger/1"
START = "0" * 64  # what the first entry has for the hash of the one before it
SHORT = 8  # characters of an id
INCOMPLETE = "the last line is incomplete: a write was interrupted, or its end was altered"

Entry = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether a ledger is whole.

    Parameters
    ----------
    entries : int
        Entries that are sound, from the first on.
    head : str
        Hash of the last of them.
    problems : tuple of Problem
        What is wrong, the first break of the chain first.
    """

    entries: int
    head: str
    problems: tuple[Problem, ...]

    @property
    def broken(self) -> tuple[Problem, ...]:
        """What is wrong but for an incomplete last line, which was never acknowledged and is passed over."""
        return tuple(problem for problem in self.problems if problem.what != INCOMPLETE)


def canonical(entry: Mapping[str, Any]) -> str:
    """The one way to write an entry, as JSON without spaces, keys sorted; no NaN or infinity.

    Examples
    --------
    >>> canonical({"b": 1.5, "a": "€"})
    '{"a":"€","b":1.5}'
    """
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sealed(entry: Mapping[str, Any], previous: str) -> Entry:
    """The entry with the hash of the one before it, and its own."""
    body = {**entry, "previous": previous}
    return {**body, "hash": hashlib.sha256(canonical(body).encode()).hexdigest()}


def append(path: Path, entry: Mapping[str, Any]) -> Entry:
    """Add an entry to a ledger.

    Parameters
    ----------
    path : pathlib.Path
        Made if it does not exist.
    entry : mapping
        JSON values; ``previous``, ``hash`` and ``id`` are added.

    Returns
    -------
    dict
        The entry as it stands in the file. When this returns, it is on the disk.

    Raises
    ------
    ForecastError
        The last entry is not sound, or the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as descriptor:
            new = not os.fstat(descriptor).st_size
            previous = _last_hash(path, descriptor)
            whole = sealed(entry, previous)
            line = canonical(whole).encode() + b"\n"
            written = os.write(descriptor, line)
            if written != len(line):  # a full disk: take back what is incomplete
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
                raise ForecastError(f"{path}: the disk is full; nothing was recorded")
            os.fsync(descriptor)
        if new:  # the file's name has to be on the disk as well
            _sync_folder(path.parent)
    except OSError as error:
        raise ForecastError(f"{path}: cannot be written ({error.strerror or error}); nothing was recorded") from error
    return with_id(whole)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # which has no way to do it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file opened for appending, with no other writer until it is closed."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # which releases the lock


def _last_hash(path: Path, descriptor: int) -> str:
    """Hash of the last entry; what an interrupted write left behind is moved aside first."""
    size = os.fstat(descriptor).st_size
    tail, start = b"", size
    while start and tail.count(b"\n", 0, max(0, len(tail) - 1)) < 1:
        step = min(start, 1 << 16)
        start -= step
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, step) + tail
    whole, newline, fragment = tail.rpartition(b"\n")
    if fragment and (entry := entry_of(fragment)) is not None:  # whole but for its newline, which comes with the next
        os.write(descriptor, b"\n")
        return str(entry["hash"])
    if fragment:
        if _is_json(fragment) or _is_json(fragment[:-1]):  # an interrupted write is never a whole entry
            raise ForecastError(f"{path}: the end of the last line has been altered; run 'forecast ledger verify'")
        with open(path.with_name(path.stem + ".torn"), "ab") as torn:
            torn.write(fragment + b"\n")
            torn.flush()
            os.fsync(torn.fileno())
        os.ftruncate(descriptor, size - len(fragment))
        if not newline:
            return START
        # What stands before the fragment may reach back beyond what was read.
        return _last_hash(path, descriptor)
    if not size:
        return START
    last = whole.rpartition(b"\n")[2]
    entry = entry_of(last)
    if entry is None:
        raise ForecastError(f"{path}: the last entry has been altered; run 'forecast ledger verify'")
    return str(entry["hash"])


def entry_of(line: bytes) -> Entry | None:
    """A line as an entry, if it is canonical and its hash is right."""
    try:
        entry = json.loads(line.decode())
        if not isinstance(entry, dict) or canonical(entry).encode() != line:
            return None
        body = {key: value for key, value in entry.items() if key != "hash"}
        return entry if hashlib.sha256(canonical(body).encode()).hexdigest() == entry.get("hash") else None
    except (ValueError, TypeError, RecursionError):
        return None


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def verify(path: Path, head: str = "") -> Verdict:
    """Read a ledger and check every line and the chain.

    Parameters
    ----------
    path : pathlib.Path
    head : str
        A hash noted earlier (or its beginning): some entry must have it.

    Returns
    -------
    Verdict
    """
    try:
        return examine(path.read_bytes(), str(path), head)
    except FileNotFoundError:
        missing = (
            [Problem(str(path), f"there is no ledger, and so no entry {head}", "restore it from a copy")]
            if head
            else []
        )
        return Verdict(0, START, tuple(missing))


def examine(content: bytes, place: str, head: str = "") -> Verdict:
    """Check every line and the chain of a ledger's content.

    Parameters
    ----------
    content : bytes
    place : str
        What problems call the file.
    head : str
        As of `verify`.

    Returns
    -------
    Verdict
    """
    problems: list[Problem] = []
    previous, sound, hashes = START, 0, []
    lines = content.split(b"\n")
    end = lines.pop()
    for number, line in enumerate(lines, 1):
        entry = entry_of(line)
        at = f"{place}:{number}"
        if entry is None:
            problems.append(
                Problem(
                    at,
                    "the entry is not as it was written",
                    "restore it from a copy; everything after it is in doubt",
                )
            )
            previous = ""
            continue
        if entry.get("previous") != previous and previous:
            problems.append(
                Problem(
                    at,
                    "the entry does not follow the one before it: a line was removed, added or moved",
                    "restore the file from a copy",
                )
            )
        elif previous and not problems:
            sound = number
        previous = str(entry["hash"])
        hashes.append(previous)
    if end:
        problems.append(
            Problem(
                f"{place}:{len(lines) + 1}",
                INCOMPLETE,
                "the next record moves it to ledger.torn or completes it; restore it if it was acknowledged",
            )
        )
    if head and head != START and not any(h.startswith(head) for h in hashes):
        problems.append(
            Problem(
                place,
                f"no entry has the hash {head}: entries were removed from the end",
                "restore the file from a copy",
            )
        )
    return Verdict(sound, hashes[sound - 1] if sound else START, tuple(problems))


def read_ledger(path: Path) -> list[Entry]:
    """All entries, each with its id.

    Raises
    ------
    StudyError
        The ledger is not whole (an incomplete last line, which was never acknowledged, is passed over).
    ForecastError
        It cannot be read.
    """
    return sound_entries(content_of(path), str(path))


def sound_entries(content: bytes, place: str) -> list[Entry]:
    """All entries of a ledger's content, as `read_ledger` gives them; problems call the file `place`."""
    problems = examine(content, place).broken
    if problems:
        raise StudyError(list(problems))
    return entries_in(content)


def content_of(path: Path) -> bytes:
    """What a ledger's file holds; nothing if there is none.

    Raises
    ------
    ForecastError
        It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ForecastError(f"{path}: cannot be read ({error.strerror or error}); make it readable") from error


def entries_in(content: bytes, count: int | None = None) -> list[Entry]:
    """The first entries of a ledger's content, all of which are sound, each with its id; all where left out."""
    return [with_id(json.loads(line)) for line in content.split(b"\n")[:-1][:count]]


def with_id(entry: Mapping[str, Any]) -> Entry:
    """An entry with its id, the beginning of its hash."""
    return {**entry, "id": str(entry["hash"])[:SHORT]}


def find(entries: list[Entry], id: str) -> Entry:
    """The recorded forecast with an id (or the beginning of one).

    Raises
    ------
    UsageError
        None, or more than one.
    """
    forecasts = [entry for entry in entries if entry["kind"] == "forecast"]
    found = [entry for entry in forecasts if entry["hash"].startswith(id.lower())] if len(id) >= 4 else []
    if len(found) != 1:
        hint = nearest(id, [entry["id"] for entry in forecasts]) or "'forecast ledger' lists them"
        raise UsageError(f"{'several forecasts have' if found else 'no forecast has'} the id '{id}'; {hint}")
    return found[0]


def resolutions(entries: list[Entry]) -> dict[str, Entry]:
    """The latest resolution of each forecast, by the forecast's id."""
    return {entry["of"]: entry for entry in entries if entry["kind"] == "resolution"}


def number_out(value: float) -> float | str:
    """A number as JSON can hold it."""
    return value if math.isfinite(value) else "inf" if value > 0 else "-inf"

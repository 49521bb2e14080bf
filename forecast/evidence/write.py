"""Writing evidence: one table added to a TOML file or taken out, everything else untouched, to the last comment.

The file is read, changed and checked under a lock, written beside itself, flushed to disk and renamed: a process that
is killed leaves the old file or the new one, and two updates at once both arrive.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from forecast.errors import ForecastError, StudyError, UsageError, nearest
from forecast.evidence.observation import FIELDS, free_id, from_fields
from forecast.files import write_atomically, writing

FOLDER = Path("priors") / "evidence"
FILE = "observations.toml"
_HEADER = "# What was seen, by `forecast update --observe`; see docs/updating.md. Comments are kept.\n"


def add(study: Path, table: Mapping[str, Any], id: str = "", file: str = FILE) -> str:
    """Append an observation to a study's evidence.

    Parameters
    ----------
    study : pathlib.Path
        The study's folder.
    table : mapping
        Its fields (`forecast.evidence.observation.FIELDS`).
    id : str
        Made from the quantity where left out.
    file : str
        Name of the file in ``priors/evidence/``; made where it is missing.

    Returns
    -------
    str
        The id.

    Raises
    ------
    StudyError
        The observation is invalid, or its id is taken.
    ForecastError
        The file cannot be written.
    """
    target = table["quantity"] if table.get("year") is None else f"{table['quantity']}-{table['year']:g}"
    with _locked(study):
        taken = [name for path in _files(study) for name in _tables(path, path.read_text(encoding="utf-8"))]
        name = id or free_id(str(target), taken)
        if name in taken:
            raise StudyError.at(
                f"--id {name}", f"an observation with the id '{name}' exists", "choose another id, or drop the old one"
            )
        place = f"{FOLDER.as_posix()}/{file} [{name}]"
        made = from_fields(name, table, place)
        table = {**table, "date": made.date}  # however it was written: 20240301 would be read as a number
        path = study / FOLDER / file
        old = path.read_text(encoding="utf-8") if path.exists() else _HEADER
        new = f"{old}{'' if old.endswith(chr(10)) or not old else chr(10)}\n{_toml(name, table)}"
        before, after = _tables(path, old), _tables(path, new)
        if after != {**before, name: after.get(name)} or from_fields(name, after[name], place) != made:
            raise ForecastError(f"{path}: cannot be added to safely; add the table by hand")
        _replace(path, new)
    return name


def drop(study: Path, id: str) -> Path:
    """Take an observation out of a study's evidence.

    Returns
    -------
    pathlib.Path
        The file it stood in.

    Raises
    ------
    UsageError
        There is none with that id.
    ForecastError
        The file cannot be changed safely.
    """
    with _locked(study):
        known: list[str] = []
        for path in _files(study):
            old = path.read_text(encoding="utf-8")
            before = _tables(path, old)
            known += before
            if id not in before:
                continue
            new = _without(old, id)
            rest = {name: table for name, table in before.items() if name != id}
            if new is None or _tables(path, new) != rest:
                raise ForecastError(f"{path}: [{id}] cannot be taken out safely; delete the table by hand")
            _replace(path, new)
            return path
    raise UsageError(f"there is no observation '{id}'; {nearest(id, known) or 'forecast log lists them'}")


def _without(text: str, id: str) -> str | None:
    lines = text.splitlines(keepends=True)
    header = re.compile(rf"\s*\[\s*[\"']?{re.escape(id)}[\"']?\s*\]\s*(#.*)?$")
    start = next((i for i, line in enumerate(lines) if header.match(line.rstrip("\r\n"))), None)
    if start is None:
        return None
    stop = next((i for i in range(start + 1, len(lines)) if lines[i].lstrip().startswith("[")), len(lines))
    # Comments and blank lines above the next table belong to that one.
    while stop > start + 1 and (not lines[stop - 1].strip() or lines[stop - 1].lstrip().startswith("#")):
        stop -= 1
    while start and stop < len(lines) and not lines[start - 1].strip() and not lines[stop].strip():
        stop += 1
    return "".join([*lines[:start], *lines[stop:]])


def _toml(name: str, table: Mapping[str, Any]) -> str:
    lines = [f"[{name}]"]
    for key in FIELDS:
        value = table.get(key)
        if value is None or value == "":
            continue
        if key == "date":
            lines.append(f"{key} = {value}")
        else:
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)}")
    return "\n".join(lines) + "\n"


def _tables(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError.at(str(path), f"is not TOML ({error})", "correct the line") from None


def _files(study: Path) -> list[Path]:
    return sorted((study / FOLDER).glob("*.toml"))


def _replace(path: Path, text: str) -> None:
    with writing(path, "see that the folder is writable"):
        write_atomically(path, text.encode(), durable=True)


@contextmanager
def _locked(study: Path) -> Iterator[None]:
    """One update at a time; the lock goes with the process that holds it."""
    try:
        import fcntl
    except ImportError:  # not on this platform: the rename still keeps the file whole
        yield
        return
    with writing(f"{study}/build", "see that the folder is writable"):
        (study / "build").mkdir(exist_ok=True)
        file = (study / "build" / "evidence.lock").open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for left in (study / FOLDER).glob(".*.tmp"):  # of a process that was killed: nobody else can be writing now
            left.unlink(missing_ok=True)
        yield

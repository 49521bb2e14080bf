"""The two things that are compared: a study, an HTML report, a run's JSON, or a git revision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forecast.difference.moves import moves_of
from forecast.errors import ForecastError, UsageError
from forecast.study import FOLDERS, Study, open_study


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
            moves_of(record, record)  # reads all that a comparison will
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
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


@contextmanager
def _revision(name: str, home: Path) -> Iterator[Path]:
    """A git revision of a study, unpacked to a folder of the same name for a while."""
    import io
    import subprocess
    import tarfile
    import tempfile

    def git(*words: str) -> bytes:
        try:
            done = subprocess.run(["git", "-C", str(home), *words], capture_output=True, check=True)
        except FileNotFoundError:
            raise ForecastError(f"{name}: git is needed for a revision, and is not installed") from None
        return done.stdout

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
        # Fits and checks are kept under the hash of what they depend on: what both have is not done twice.
        (home / "build").mkdir(exist_ok=True)
        (folder / "build").symlink_to((home / "build").resolve(), target_is_directory=True)
        yield folder

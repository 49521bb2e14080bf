"""The study's whole text and the run's JSON inside the HTML report, and out of it again."""

from __future__ import annotations

import base64
import json
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from forecast.errors import ForecastError, UsageError
from forecast.ledger import FILE
from forecast.study import FOLDERS, PATTERNS, Study

MOST_BYTES = 1 << 28  # of unpacked tables
SCHEMA = "forecast.report/1"
_BLOCK = re.compile(r'<script type="application/json" id="(study|run)">(.*?)</script>', re.DOTALL)
NAME = re.compile(r"[\w][\w .+-]*(/[\w][\w .+-]*)+")


@dataclass(frozen=True)
class Embedded:
    """What an HTML report carries.

    Parameters
    ----------
    name : str
        Of the study's folder.
    files : mapping of str to str
        Relative path to text. The ledger is there too, if it has entries; bytes of it that are not UTF-8 (it may be
        broken) are lone surrogates, as Python's ``surrogateescape`` makes them.
    report : str
        Name of the report.
    call : mapping
        Arguments of the run and of the report: enough to make both again.
    run : mapping
        The run's JSON.
    """

    name: str
    files: Mapping[str, str]
    report: str
    call: Mapping[str, Any]
    run: Mapping[str, Any]


def study_files(study: Study, ledger: bytes = b"") -> dict[str, str]:
    """Every text of a study by its relative path, sorted, and its ledger, which its hash does not cover."""
    files = {file.relative_to(study.path).as_posix(): file for pattern in PATTERNS for file in study.path.glob(pattern)}
    texts = {name: file.read_text(encoding="utf-8") for name, file in files.items()}
    if ledger:
        texts[FILE.as_posix()] = ledger.decode("utf-8", "surrogateescape")
    return dict(sorted(texts.items()))


def blocks(embedded: Embedded) -> str:
    """The two data blocks of a page. Browsers do not run them; `<` is written so that no text can end a block.

    Priors, models and the report stand there as they are; evidence, the ledger and all else is packed: base64 of a
    zlib stream of JSON.
    """
    plain = {
        f"reports/{embedded.report}.md",
        *(name for name in embedded.files if fnmatch(name, "priors/*.toml") or name.endswith(".py")),
    }
    bulk = {
        name: text for name, text in embedded.files.items() if name not in plain or name.startswith("priors/evidence/")
    }
    files = {name: text for name, text in embedded.files.items() if name not in bulk}
    text = json.dumps(bulk, ensure_ascii=False).encode("utf-8", "surrogatepass")  # which json.loads reads again
    packed = base64.b64encode(zlib.compress(text, 9)).decode()
    study = {
        "schema": SCHEMA,
        "name": embedded.name,
        "report": embedded.report,
        "call": dict(embedded.call),
        "files": files,
        "packed": packed,
    }
    parts = (("study", study), ("run", embedded.run))
    return "\n".join(f'<script type="application/json" id="{name}">{_json(data)}</script>' for name, data in parts)


def _json(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def read(path: str | Path) -> Embedded:
    """What an HTML report carries.

    Raises
    ------
    UsageError
        The file is no report of this engine.
    ForecastError
        It cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ForecastError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'}); name a study or a report.html"
        ) from None
    found = dict(_BLOCK.findall(text))
    try:
        study, run = json.loads(found["study"]), json.loads(found["run"])
        if study["schema"] != SCHEMA:
            raise UsageError(f"{path}: is a report of another version ({study['schema']!r}); run it with that version")
        unpacker = zlib.decompressobj()
        tables = json.loads(unpacker.decompress(base64.b64decode(study["packed"]), MOST_BYTES))
        files = {str(name): str(content) for name, content in sorted({**study["files"], **tables}.items())}
        for content in files.values():
            bytes_of(content)  # what no file can have held is no study
        embedded = Embedded(str(study["name"]), files, str(study["report"]), dict(study["call"]), dict(run))
    except (KeyError, ValueError, TypeError, AttributeError, zlib.error):
        raise UsageError(
            f"{path}: carries no study; name a study's folder, or an HTML report made by 'forecast report'"
        ) from None
    unsafe = [
        name
        for name in files
        if not NAME.fullmatch(name) or name.split("/")[0] not in FOLDERS or ".." in name.split("/")
    ]
    if unsafe or not re.fullmatch(r"[^/\\\0]{1,100}", embedded.name) or embedded.name in (".", ".."):
        raise UsageError(f"{path}: the study in it has an unsafe file name; do not open it")
    return embedded


@contextmanager
def unpacked(embedded: Embedded) -> Iterator[Path]:
    """The study of a report as a folder that goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="forecast-") as temporary:
        folder = Path(temporary) / embedded.name
        for name, content in embedded.files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bytes_of(content))
        yield folder


def bytes_of(text: str) -> bytes:
    """A text as it stood in its file."""
    return text.encode("utf-8", "surrogateescape")

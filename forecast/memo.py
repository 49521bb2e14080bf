"""What a study remembers between runs, in ``build/``: parsed texts, unit factors, unit checks that passed.

Nothing in it is needed; it only spares the grammar, the unit library and the quantile tables their start-up time.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from forecast.files import write_atomically

try:
    from _blake2 import blake2b  # hashlib would load OpenSSL, a twentieth of importing numpy
except ImportError:
    from hashlib import blake2b

__all__ = ["FORMAT", "Memo", "blake2b", "write_atomically"]

FORMAT = "forecast.memo/1"


class Memo:
    """A small dictionary of dictionaries that is kept in a file.

    Parameters
    ----------
    path : pathlib.Path or None
        The file; None remembers nothing.
    version : str
        What was written by another version of the engine is not read.
    """

    def __init__(self, path: Path | None, version: str) -> None:
        self._path, self._version = path, version
        self._data: dict[str, dict[str, Any]] = {}
        self._used: dict[str, dict[str, Any]] = {}
        self._changed = False
        if path is not None:
            try:
                data = json.loads(path.read_text(encoding="utf-8"))
                if data.get("format") == FORMAT and data.get("version") == version:
                    self._data = data["entries"]
            except (OSError, ValueError, KeyError, AttributeError):
                pass  # absent or damaged: it is written anew

    def get(self, kind: str, key: str) -> Any | None:
        """What is remembered under a key, or None."""
        value = self._data.get(kind, {}).get(key)
        if value is not None:
            self._used.setdefault(kind, {})[key] = value
        return value

    def put(self, kind: str, key: str, value: Any) -> None:
        """Remember a JSON value."""
        self._data.setdefault(kind, {})[key] = value
        self._used.setdefault(kind, {})[key] = value
        self._changed = True

    def save(self) -> None:
        """Write what this run used (what it did not is forgotten); a folder that cannot be written is left alone."""
        if not self._changed or self._path is None:
            return
        text = json.dumps({"format": FORMAT, "version": self._version, "entries": self._used})
        try:
            write_atomically(self._path, text.encode())
        except OSError:
            pass
        self._changed = False

"""Files that are written whole or not at all, and what is said where they cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast.errors import ForecastError


def write_atomically(path: Path, content: bytes, durable: bool = False) -> None:
    """Write a file whole or not at all: to a temporary file beside it, then renamed.

    Parameters
    ----------
    path : pathlib.Path
        Its folder is made where it is missing.
    content : bytes
    durable : bool
        Also when the machine stops in the middle: for what cannot be computed again.

    Raises
    ------
    OSError
        The file cannot be written; nothing has changed then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def writing(place: str | Path, remedy: str = "choose another file") -> Iterator[None]:
    """A block that writes to a place; that it cannot is told in a line.

    Raises
    ------
    ForecastError
        The block met an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise ForecastError(f"{place}: cannot be written ({error.strerror or error}); {remedy}") from error

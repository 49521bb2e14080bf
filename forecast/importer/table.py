"""A series as a table of text, and writing it in one step."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from forecast.errors import UsageError


@dataclass(frozen=True)
class Series:
    """A table of text cells: what a series file holds.

    Parameters
    ----------
    header : tuple of str
        ``date``, ``name``, ``value [UNIT]``, perhaps ``log10_se`` and the year of the prices, groups, ``source``.
    rows : tuple of tuple of str
        By date, then name; numbers are written so that reading them gives the same float.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> tuple[str, ...]:
        """The cells of one column, by its name without the unit."""
        names = [text.partition(" [")[0] for text in self.header]
        return tuple(row[names.index(name)] for row in self.rows)

    def to_csv(self) -> str:
        """The file's text."""
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\n").writerows((self.header, *self.rows))
        return out.getvalue()


def write_series(series: Series, path: Path, overwrite: bool = False) -> bool:
    """Write a series in one step: the file is either the old one or the whole new one.

    Returns
    -------
    written : bool
        False if the file already held exactly this.

    Raises
    ------
    UsageError
        Another file is there and `overwrite` is not set, or the folder does not exist or cannot be written.
    """
    data = series.to_csv().encode()
    try:
        if path.exists():
            if path.read_bytes() == data:
                return False
            if not overwrite:
                raise UsageError(
                    f"{path} exists and holds something else; choose another name, or allow it with --overwrite"
                )
        # In the same folder, because a rename is one step only within a file system.
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with draft.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); check the folder") from None
    return True

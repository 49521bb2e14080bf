"""The ledger as a git revision has it: what was there then must still be there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from forecast.errors import ForecastError, UsageError
from forecast.ledger import START, entry_of


def head_at(path: Path, revision: str) -> str:
    """Hash of the last entry that a ledger had in a git revision.

    Parameters
    ----------
    path : pathlib.Path
        The ledger, in a working tree.
    revision : str
        Such as ``HEAD``, ``main~10`` or a tag.

    Returns
    -------
    str
        To be looked for with `forecast.ledger.verify`. `START` if the ledger was empty.

    Raises
    ------
    UsageError
        No such revision, or no ledger in it.
    ForecastError
        The committed ledger is not sound itself, or git is not installed.
    """
    words = ["git", "-C", str(path.parent), "show", "--end-of-options", f"{revision}:./{path.name}"]
    try:
        content = subprocess.run(words, capture_output=True, check=True).stdout
    except (FileNotFoundError, NotADirectoryError):
        raise ForecastError(
            "--since: git is needed for a revision, or there is no ledger; use --head instead"
        ) from None
    except subprocess.CalledProcessError:
        raise UsageError(
            f"--since: '{revision}' is no git revision with {path} in it; name one, such as HEAD"
        ) from None
    lines = content.split(b"\n")[:-1]
    if not lines:
        return START
    entry = entry_of(lines[-1])
    if entry is None:
        raise ForecastError(f"--since: the last entry of {path} in {revision} is not sound; name another revision")
    return str(entry["hash"])

"""The starter study that the engine carries, and new studies made from it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from forecast.errors import ForecastError, UsageError
from forecast.study import FOLDERS


def starter() -> Path:
    """Folder of the starter study: inside an installed package, or the top level of a checkout.

    Raises
    ------
    ForecastError
        The package is incomplete.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "starter", package.parent):
        if all((folder / name).is_dir() for name in FOLDERS):
            return folder
    raise ForecastError("the starter study is missing from the package; install it again")


def new(target: str | Path) -> Path:
    """Make a study by copying the starter's three folders.

    Parameters
    ----------
    target : str or pathlib.Path
        A folder that does not exist yet, or is empty. It appears whole or not at all.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    UsageError
        The folder has something in it.
    ForecastError
        It cannot be written.
    """
    folder = Path(target)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{target} exists and is not empty; name a new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".forecast-") as temporary:
            whole = Path(temporary) / "study"
            for name in FOLDERS:
                shutil.copytree(starter() / name, whole / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            if folder.exists():
                folder.rmdir()
            os.replace(whole, folder)
    except OSError as error:
        raise ForecastError(f"{target} cannot be made ({error.strerror}); choose a folder you can write to") from error
    return folder

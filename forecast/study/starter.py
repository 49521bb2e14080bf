"""The starter study that the engine carries, and new studies made from it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from forecast.errors import ForecastError, UsageError
from forecast.study import FOLDERS
from forecast.study.minimal import MINIMAL


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


def new(target: str | Path, minimal: bool = False) -> Path:
    """Make a study by copying the starter's three folders.

    Parameters
    ----------
    target : str or pathlib.Path
        A folder that does not exist yet, or is empty but for hidden files (``.git``). A new one appears whole or not at
        all.
    minimal : bool
        A small example to write over instead; of the starter it keeps the units and the price index.

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
    if not str(target).strip():
        raise UsageError("the folder's name is empty; name a new folder")
    folder = Path(target)
    place = folder.resolve()  # so that . and links to folders do
    if place.exists() and not place.is_dir():
        raise UsageError(f"{target} is a file; name a new folder")
    try:
        if place.exists() and any(not entry.name.startswith(".") for entry in place.iterdir()):
            raise UsageError(f"{target} exists and is not empty; name a new folder")
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=place if place.exists() else place.parent, prefix=".forecast-"
        ) as temporary:
            whole = Path(temporary) / "study"
            if minimal:
                _write_minimal(whole)
            else:
                for name in FOLDERS:
                    shutil.copytree(starter() / name, whole / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            if place.exists():
                for name in FOLDERS:
                    os.replace(whole / name, place / name)
            else:
                os.replace(whole, place)
    except OSError as error:
        raise ForecastError(f"{target} cannot be made ({error.strerror}); choose a folder you can write to") from error
    return folder


def _write_minimal(folder: Path) -> None:
    for name, text in MINIMAL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for file in (starter() / "priors/units.toml", *(starter() / "priors").glob("*.csv")):
        shutil.copyfile(file, folder / "priors" / file.name)

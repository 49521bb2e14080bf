"""The wheel, installed in an empty environment: it carries the starter study, and its command works."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("models", "priors", "reports")
HEADLINE = ("training_cost", "crossing_year", "deployment_ratio")

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that has to succeed, without the network and without this checkout on the path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *options, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it; what it depends on is linked from the present one."""
    folder = tmp_path_factory.mktemp("empty environment")  # with a space, as paths have them
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, cwd=folder)
    packages = folder / "dependencies"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        # not this project (it is installed as a link to the checkout), nor anything that changes the path
        if not entry.name.startswith(("forecast", "ai_cost_forecast", "_ai_cost_forecast")) and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(f"{packages}\n")
    found = run(python, "-c", "import forecast; print(forecast.__file__)", cwd=folder).stdout
    assert Path(found.strip()).is_relative_to(site)
    return folder


def study_files(root: Path) -> dict[str, bytes]:
    """The files of a study by their relative path, without compiled ones."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in FOLDERS
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_engine_and_the_starter_study_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        inside = {name: archive.read(name) for name in names}
    starter = {name.removeprefix("forecast/starter/"): text for name, text in inside.items() if "/starter/" in name}
    assert starter == study_files(ROOT)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"forecast", "ai_cost_forecast"}
    engine = {name for name in names if name.startswith("forecast/") and "/starter/" not in name}
    assert engine == {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "forecast").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert not [name for name in names if name.endswith(".pyc")]
    metadata = next(text.decode() for name, text in inside.items() if name.endswith(".dist-info/METADATA"))
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: <3.15,>=3.12" in metadata


def test_new_and_run(environment: Path, tmp_path: Path) -> None:
    command = environment / "bin" / "forecast"
    run(command, "new", "my study", cwd=tmp_path)
    assert study_files(tmp_path / "my study") == study_files(ROOT)
    table = run(command, "run", "my study", cwd=tmp_path).stdout
    assert "90%" in table
    result = json.loads(run(command, "run", "my study", "--json", cwd=tmp_path).stdout)
    assert result["schema"] == "forecast.run/1"
    for name in HEADLINE:
        quantity = result["quantities"][name]
        assert quantity["label"]
        assert quantity["prob"] == 0.9
        assert math.isfinite(quantity["median"])
        assert quantity["low"] < quantity["median"] < quantity["high"]


def test_a_new_study_is_checked_and_its_quantities_shown(environment: Path, tmp_path: Path) -> None:
    command = environment / "bin" / "forecast"
    run(command, "new", "study", cwd=tmp_path)
    listed = run(command, "check", cwd=tmp_path / "study").stdout
    for name in HEADLINE:
        assert name in listed
    assert "def deployment_ratio" in run(command, "show", "deployment_ratio", cwd=tmp_path / "study").stdout

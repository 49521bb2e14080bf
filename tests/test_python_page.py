"""The page on the use from Python: what it says runs, in the order in which it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import forecast

PAGE = Path(__file__).parent.parent / "docs/python.md"


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(forecast.new(tmp_path / "study"))
    known: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), known)
    out = capsys.readouterr().out
    assert {path.name for path in Path("build/reports").iterdir()} >= {"main.md", "main.csv", "main.json"}
    (used,) = (change for change in known["found"].changes if change.counts)
    assert used.name == "utilisation" and "No input has changed" in out
    assert known["scores"].rows_scored[0] > 0 and "has no date" in out and "L7 about $649 million" in out
    # What the page shows of the study is what it prints.
    (shown,) = re.findall(r"study  # <Study DIR: (.*); hash", PAGE.read_text(encoding="utf-8"))
    assert f": {shown}; hash {known['study'].digest[:12]}>" in repr(known["study"])

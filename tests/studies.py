"""Small studies for tests."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent


def prior(name: str, dist: str, unit: str = "", **fields: str) -> str:
    """A prior's TOML table."""
    lines = [f"[{name}]", f'label = "{name}"', f'dist = "{dist}"', f'unit = "{unit}"', 'source = "made up for a test"']
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in fields.items())]) + "\n"


def write_study(
    folder: Path, priors: str = "", models: str = "", report: str | None = None, files: dict[str, str] | None = None
) -> Path:
    """Write a study folder.

    Parameters
    ----------
    folder : pathlib.Path
    priors, models : str
        Text of ``priors/priors.toml`` and ``models/model.py``.
    report : str, optional
        TOML header of ``reports/main.md``.
    files : dict of str to str, optional
        Further files by relative path.
    """
    texts = {"priors/priors.toml": priors, "models/model.py": dedent(models)}
    if report is not None:
        texts["reports/main.md"] = f"+++\n{dedent(report)}\n+++\n"
    for name, text in {**texts, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder

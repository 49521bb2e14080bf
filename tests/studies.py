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


def spending(folder: Path, models: str, report: str) -> Path:
    """A study with a straight trend, `spend`, in dollars: twelve systems, 0.2 OOM a year."""
    rows = "".join(f"s{i},{2010 + i}-07-01,{10 ** (0.2 * i + 0.1 * (-1) ** i):.6g},made up\n" for i in range(12))
    trend = """
    [spend]
    label = "Spending"
    trend = "straight"
    series = "evidence/spend.csv"
    unit = "USD"
    level_year = 2015
    level = "normal -3 to 5"
    growth = "normal -1 to 1"
    scatter = "0.02 to 1"
    source = "made up"
    """
    files = {
        "priors/units.toml": '[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "made up"\n',
        "priors/cpi.csv": "year,index\n2020,250\n2023,300\n",
        "priors/evidence/spend.csv": f"system,date,spend [USD],source\n{rows}",
    }
    return write_study(folder, dedent(trend), models, report, files)

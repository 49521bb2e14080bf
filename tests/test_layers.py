"""The order in which modules may import one another, one door to each dependency, and a light start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Each module imports only from modules before it. A new module gets its place here.
ORDER = [
    "__init__",  # imports what it exports when that is first used
    "errors",
    "memo",
    "unit_text",
    "units",
    "unit_files",
    "special",
    "number",
    "printed",
    "table",
    "marginal",
    "mixture",
    "shapes",
    "family",
    "notation",
    "squiggle",
    "distribution",
    "decode",
    "graph",
    "unit_check",
    "crossing",
    "quantile",
    "dependence",
    "worlds",
    "summary",
    "chaos",
    "surrogate",
    "shapley",
    "evppi",
    "score",
    "ledger",
    "trend_series",
    "trend_spec",
    "trend_noise",
    "trend_curve",
    "trend_exact",
    "trend_likelihood",
    "trend_least_squares",
    "trend_methods",
    "trend_pymc",
    "trend_bridge",
    "diagnostics",
    "trend_posterior",
    "trend",
    "backtest",
    "trend_compare",
    "importer",
    "series_files",
    "trend_files",
    "model_files",
    "prior_files",
    "report_files",
    "evidence_files",
    "evidence",
    "evidence_write",
    "evidence_record",
    "psis",
    "smc",
    "study",
    "starter_study",
    "fits",
    "sampling",
    "symbolic_twins",
    "symbolic",
    "evidence_graph",
    "condition_pymc",
    "evidence_ladder",
    "evidence_shift",
    "evidence_sensitivity",
    "result",
    "run",
    "measurement",
    "prepared",
    "swings",
    "sensitivity",
    "dedicated",
    "explain",
    "sensitivity_text",
    "scoring",
    "ledger_text",
    "evidence_text",
    "claim",
    "claim_files",
    "claim_fits",
    "claim_scenarios",
    "claims",
    "claim_text",
    "export",
    "recording",
    "posterior_export",
    "text",
    "report",
    "difference",
    "exchange",
    "report_commands",
    "evidence_commands",
    "sensitivity_commands",
    "ledger_commands",
    "cli",
]

# Imports against the order: only inside a function, and only for a reason.
UPWARDS = {
    ("study", "run"),  # Study.run() is what users type; the study itself knows nothing of running
    ("result", "sensitivity"),  # Forecast.sensitivity, likewise
    ("result", "report"),  # Forecast.plot and a notebook's view of a forecast
}

# What is neither numpy nor of the standard library is imported inside functions, and by these modules only: one door
# each. A second door needs a reason.
DOORS = {
    "pint": {"units"},
    "lark": {"notation"},
    "xarray": {"result", "export", "diagnostics"},  # arrays that users get, files, what ArviZ takes
    "squigglepy": {"squiggle"},
    # its parts are libraries of their own: special functions, linear algebra, optimisation, tests
    "scipy": {"backtest", "trend_likelihood", "trend_least_squares", "trend_noise"},
    # trends; and the second reading of a study's own functions (`symbolic`), conditioned on evidence
    "pymc": {"trend_pymc", "condition_pymc"},
    "pytensor": {"trend_pymc", "condition_pymc", "symbolic", "symbolic_twins"},
    "nutpie": {"trend_pymc", "condition_pymc"},
    "arviz": {"diagnostics"},
    "arviz_base": {"diagnostics"},
    "arviz_stats": {"diagnostics"},
    "matplotlib": {"report"},
    "markdown_it": {"report"},
    "typst": {"report"},
}


@dataclass(frozen=True)
class Import:
    """An import statement: of what, on which line, and whether it runs when the module is imported."""

    target: str
    line: int
    eager: bool


def imports(text: str) -> list[Import]:
    """Every import of a module's text; those under TYPE_CHECKING never run and are left out."""
    return list(_imports(ast.parse(text), True))


def _imports(node: ast.AST, eager: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, eager) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = "." * child.level + (child.module or "")
            if base == "forecast":  # from forecast import units: the names may be modules
                yield from (Import(f"forecast.{alias.name}", child.lineno, eager) for alias in child.names)
            else:
                yield Import(base, child.lineno, eager)
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from _imports(child, eager and not inside)


def layer(path: Path) -> str:
    """A file's entry in ORDER: its module, or the package it is in."""
    parts = path.relative_to(ROOT / "forecast").with_suffix("").parts
    return parts[0]


def wrong(name: str, text: str) -> list[str]:
    """What is wrong with the imports of a module with this name."""
    if name not in ORDER:
        return [f"forecast/{name} has no place in ORDER"]
    found = []
    for statement in imports(text):
        first, _, rest = statement.target.partition(".")
        place = f"forecast/{name}:{statement.line}"
        if first == "":
            found.append(f"{place} imports relatively")
        elif first == "forecast":
            target = rest.split(".")[0] or "__init__"
            if target not in ORDER:  # a name that __init__ exports, and finds in any of the modules
                target = "__init__" if target.startswith("__") else ORDER[-1]
            upwards = target != name and ORDER.index(target) >= ORDER.index(name)
            if upwards and (statement.eager or (name, target) not in UPWARDS):
                found.append(f"{place} imports {statement.target}, which comes after it")
        elif first != "numpy" and first not in sys.stdlib_module_names:
            if first not in DOORS:
                found.append(f"{place} imports {first}, which has no door")
            elif name not in DOORS[first]:
                found.append(f"{place} imports {first}, whose door is {sorted(DOORS[first])}")
            if statement.eager:
                found.append(f"{place} imports {first} when it is imported itself, not inside a function")
    return found


FILES = sorted((ROOT / "forecast").rglob("*.py"))


def test_every_module_has_its_place() -> None:
    assert FILES
    missing = {layer(path) for path in FILES} - set(ORDER)
    assert not missing, f"give {sorted(missing)} a place in ORDER"
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports(path: Path) -> None:
    assert wrong(layer(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("worlds", "from forecast.special import ndtri", 0),
        ("special", "from forecast.worlds import worlds", 1),
        ("special", "def f():\n    from forecast.worlds import worlds", 1),
        ("special", "import forecast.worlds", 1),
        ("special", "from forecast import worlds", 1),
        ("special", "from forecast import first_crossing", 1),
        ("special", "from .errors import Problem", 1),
        ("special", "from __future__ import annotations\nimport math, numpy.linalg", 0),
        ("special", "import scipy.special", 2),
        ("units", "def f():\n    import pint", 0),
        ("units", "class A:\n    import pint", 1),
        ("units", "try:\n    import pint\nexcept ImportError:\n    pass", 1),
        ("special", "def f():\n    import pint", 1),
        ("special", "def f():\n    import requests", 1),
        ("study", "def f():\n    from forecast.run import run", 0),
        ("study", "from forecast.run import run", 1),
        ("study", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from forecast.run import Forecast", 0),
    ],
)
def test_the_check_finds_what_it_should(name: str, text: str, count: int) -> None:
    assert len(wrong(name, text)) == count


def test_model_files_import_numpy_and_the_engine_only() -> None:
    for path in (ROOT / "models").glob("*.py"):
        targets = {statement.target.split(".")[0] for statement in imports(path.read_text(encoding="utf-8"))}
        assert targets <= {"numpy", "forecast", "__future__", "math"}, path.name


def modules_after(statement: str) -> set[str]:
    """Top-level modules, neither numpy nor of the standard library, that a fresh interpreter has loaded."""
    script = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split()) - set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", ["forecast", "forecast.cli"])
def test_a_light_start(module: str) -> None:
    assert modules_after(f"import {module}") - modules_after("import numpy") == {"forecast"}


def test_no_subprocess_or_network_at_import() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, forecast.cli; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"socket", "http.client", "asyncio", "multiprocessing", "unittest"} & set(loaded)

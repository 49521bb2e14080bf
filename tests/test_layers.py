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

# Each module or package imports only from those before it. A new one gets its place here; a module that stands apart from
# its package (evidence is read with a study, and used after it is sampled) has one of its own.
ORDER = [
    "__init__",  # imports what it exports when that is first used
    "errors",
    "columns",
    "files",
    "toml",
    "memo",
    "special",
    "graph",
    "units",
    "distribution",
    "crossing",
    "quantile",
    "dependence",
    "worlds",
    "summary",
    "trend",
    "importer",
    "study/priors",
    "evidence/observation",
    "evidence/files",
    "study",
    "fits",
    "sampling",
    "evidence",
    "result",
    "run",
    "sensitivity",
    "export",
    "evidence/export",
    "ledger",
    "claims",
    "text",
    "evidence/text",
    "listing",
    "report",
    "difference",
    "commands",
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
    "lark": {"distribution/notation"},
    "xarray": {"result", "export", "trend/diagnostics"},  # arrays that users get, files, what ArviZ takes
    "squigglepy": {"distribution/squiggle"},
    # its parts are libraries of their own: special functions, linear algebra, optimisation, tests
    "scipy": {"trend/backtest", "trend/likelihood", "trend/least_squares", "trend/noise"},
    # trends; and the second reading of a study's own functions (`symbolic`), conditioned on evidence
    "pymc": {"trend/pymc", "evidence/nuts"},
    "pytensor": {"trend/pymc", "evidence/nuts", "evidence/symbolic", "evidence/symbolic_twins"},
    "nutpie": {"trend/pymc", "evidence/nuts"},
    "arviz": {"trend/diagnostics"},
    "arviz_base": {"trend/diagnostics"},
    "arviz_stats": {"trend/diagnostics"},
    "matplotlib": {"report/figures/style"},
    "markdown_it": {"report/prose"},
    "typst": {"report/pdf"},
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


def module(path: Path) -> str:
    """A file as a module's path below the package: ``trend/exact``, and ``trend`` for the package itself."""
    parts = path.relative_to(ROOT / "forecast").with_suffix("").parts
    return "/".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def layer(name: str) -> str:
    """A module's entry in ORDER: its own, or its package's."""
    return name if name in ORDER else name.partition("/")[0]


def target_of(imported: str) -> str:
    """The entry in ORDER of ``forecast.…``; a name that the package exports may come from any module, so the last."""
    parts = imported.split(".")[1:]
    for known in ("/".join(parts[:2]), *parts[:1]):
        if known in ORDER:
            return known
    return "__init__" if not parts or parts[0].startswith("__") else ORDER[-1]


def wrong(name: str, text: str) -> list[str]:
    """What is wrong with the imports of a module with this name."""
    own = layer(name)
    if own not in ORDER:
        return [f"forecast/{name} has no place in ORDER"]
    found = []
    for statement in imports(text):
        first = statement.target.partition(".")[0]
        place = f"forecast/{name}:{statement.line}"
        if first == "":
            found.append(f"{place} imports relatively")
        elif first == "forecast":
            target = target_of(statement.target)
            inside = name.partition("/")[0] == target.partition("/")[0]
            upwards = not inside and ORDER.index(target) >= ORDER.index(own)
            if upwards and (statement.eager or (own, target) not in UPWARDS):
                found.append(f"{place} imports {statement.target}, which comes after it")
        elif first != "numpy" and first not in sys.stdlib_module_names:
            if first not in DOORS:
                found.append(f"{place} imports {first}, which has no door")
            elif not {name, own} & DOORS[first]:
                found.append(f"{place} imports {first}, whose door is {sorted(DOORS[first])}")
            if statement.eager:
                found.append(f"{place} imports {first} when it is imported itself, not inside a function")
    return found


FILES = sorted((ROOT / "forecast").rglob("*.py"))


def test_every_module_has_its_place() -> None:
    assert FILES
    missing = {layer(module(path)) for path in FILES} - set(ORDER)
    assert not missing, f"give {sorted(missing)} a place in ORDER"
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports(path: Path) -> None:
    assert wrong(module(path), path.read_text(encoding="utf-8")) == []


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
        ("trend/exact", "def f():\n    import pymc", 1),
        ("trend/pymc", "def f():\n    import pymc", 0),
        ("trend/exact", "from forecast.trend.spec import TrendSpec", 0),
        ("trend/exact", "from forecast.study import Study", 1),
        ("evidence/files", "from forecast.study import Study", 1),
        ("evidence/ladder", "from forecast.study import Study", 0),
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

"""Model files to graph functions: ``models/*.py`` is run, and every public function in it is a quantity."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from forecast.errors import Problem
from forecast.graph import YEAR, Function

_UNIT = re.compile(r"\s*\[([^\[\]]*)\]\s*\.?$")
_SOURCE = re.compile(r"^\s*Source:\s*(.+?)(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)


def model_files(files: Mapping[str, str]) -> dict[str, str]:
    """Those of a study's texts that are model files."""
    return {name: text for name, text in files.items() if name.startswith("models/")}


def read_models(files: dict[str, str], root: Path, problems: list[Problem]) -> dict[str, Function]:
    """Run model files and collect their functions.

    Opening a study runs its Python: do it only with studies you trust.

    Parameters
    ----------
    files : dict of str to str
        Text of each file by its path relative to the study (``models/cost.py``).
    root : pathlib.Path
        The study's folder.
    problems : list of Problem
        What is wrong is added to it.

    Returns
    -------
    dict of str to Function
    """
    functions: dict[str, Function] = {}
    for relative, text in files.items():
        module = ModuleType(f"models.{Path(relative).stem}")
        module.__file__ = str(root / relative)
        module.__dict__["print"] = _print
        sys.modules[module.__name__] = module  # so that tracebacks, dataclasses and inspect work inside it
        try:
            exec(compile(text, module.__file__, "exec"), module.__dict__)
        except SyntaxError as error:
            place = f"{relative}:{error.lineno}" if error.lineno else relative
            problems.append(Problem(place, f"is not Python ({error.msg})", "correct the line", True))
            continue
        except (Exception, SystemExit) as error:
            line = _line_in(error, module.__file__)
            text = str(error).split("\n")[0]
            remedy = "model files do not import one another: name the quantity as a parameter"
            if not (isinstance(error, ImportError) and "models" in text):
                remedy = "a model file only imports and defines functions; see that it runs by itself"
            problems.append(
                Problem(f"{relative}{line}", f"fails when it is run ({type(error).__name__}: {text})", remedy, True)
            )
            continue
        for name, value in vars(module).items():
            if hasattr(value, "__wrapped__") and not isinstance(value, FunctionType) and _defined_in(value, module):
                place = f"{relative}:{value.__wrapped__.__code__.co_firstlineno} {name}()"
                problems.append(
                    Problem(place, "is wrapped by a decorator", "define it plainly; the engine runs it once")
                )
            if isinstance(value, FunctionType) and not name.startswith("_") and value.__module__ == module.__name__:
                function = _read_function(name, value, relative, problems)
                if name in functions:
                    problems.append(
                        Problem(
                            f"{function.place} {name}()",
                            f"a quantity has one definition, and this one stands in {functions[name].place} too",
                            "rename or delete one",
                        )
                    )
                functions.setdefault(name, function)
    return functions


def _defined_in(value: Any, module: ModuleType) -> bool:
    return getattr(value, "__module__", "") == module.__name__ and isinstance(value.__wrapped__, FunctionType)


def _print(*values: object, **options: Any) -> None:
    """`print` as models know it: it goes to stderr, since stdout is for results."""
    print(*values, **{"file": sys.stderr, **options})


def _read_function(name: str, value: FunctionType, relative: str, problems: list[Problem]) -> Function:
    code = value.__code__
    place = f"{relative}:{code.co_firstlineno}"
    where = f"{place} {name}()"
    parameters = code.co_varnames[: code.co_argcount]
    if code.co_flags & 0x0C or code.co_kwonlyargcount or value.__defaults__:
        problems.append(
            Problem(
                where,
                "has *args, **kwargs, keyword-only parameters or defaults",
                "name each quantity it needs, plainly",
            )
        )
    if value.__name__ != name:
        problems.append(Problem(where, f"is a second name of {value.__name__}()", "define it with def, once"))
    if name == YEAR:
        problems.append(Problem(where, "'year' is supplied by the engine", "rename the function"))
    if code.co_flags & 0x20:
        problems.append(Problem(where, "is a generator", "return an array instead of yielding"))
    doc = value.__doc__ or ""
    first = " ".join(doc.strip().split("\n\n")[0].split())
    unit = _UNIT.search(first)
    if not first:
        problems.append(
            Problem(where, "has no docstring", 'write one sentence that ends in its unit: """Cost of a run [USD]."""')
        )
    elif unit is None:
        problems.append(
            Problem(
                where,
                f"its docstring does not end in a unit ({first[:60]!r})",
                "end the first sentence with [unit], or [] for a pure number",
            )
        )
    source = _SOURCE.search(doc)
    return Function(
        name=name,
        call=value,
        parameters=parameters,
        label=_UNIT.sub("", first).rstrip(". ") if unit else first,
        unit=unit.group(1).strip() if unit else "",
        source=" ".join(source.group(1).split()) if source else "",
        place=place,
    )


def _line_in(error: BaseException, file: str) -> str:
    line, frame = "", error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == file:
            line = f":{frame.tb_lineno}"
        frame = frame.tb_next
    return line

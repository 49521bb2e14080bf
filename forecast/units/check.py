"""The third reading of a model: every function is run once on quantities with units, and its result's unit compared.

Quantities are in base units, so the numbers are those of the ordinary reading. Each uncertain quantity gets two equal
draws, because one would let pass what fails on many (``if``, ``max()``, ``float()``).
"""

from __future__ import annotations

import ast
import linecache
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, TracebackType
from typing import Any

import numpy as np

from forecast.errors import Problem, StudyError
from forecast.graph import IN_PLACE, YEAR, Function, is_in_place
from forecast.units import Unit, UnitSystem, dimension_text, quantity, registry, unit

_DRAWS = 2
_NUMBER = "a pure number"


def check(
    system: UnitSystem,
    functions: Iterable[Function],
    inputs: Mapping[str, tuple[Any, str]],
    years: Sequence[float],
) -> tuple[Problem, ...]:
    """Run every function on quantities with units and compare its result with the unit it declares.

    A function that is wrong goes on with its declared unit, so one mistake is told once.

    Parameters
    ----------
    system : UnitSystem
    functions : iterable of Function
        The functions to check, each after everything it needs.
    inputs : mapping of str to (value, str)
        Everything that is not a function: a typical value in **base units** (a median, or an array ``(year, 1)`` or
        ``(year, draw)``) and the text of its unit. ``year`` is supplied.
    years : sequence of float
        The year axis; a few years are enough, and at least two are needed.

    Returns
    -------
    tuple of Problem
        Every function whose formula or result has the wrong unit; empty if the study is sound.

    Raises
    ------
    StudyError
        An input whose unit is not one; functions are told of instead.

    Examples
    --------
    >>> from forecast.graph import Function
    >>> heat = Function("heat", lambda time, rate: time * rate, ("time", "rate"), "Heat", "K", place="models/a.py:1")
    >>> print(*check(UnitSystem(), [heat], {"time": (2.0, "hour"), "rate": (3.0, "K/hour")}, [2025, 2026]))
    <BLANKLINE>
    >>> print(*check(UnitSystem(), [heat], {"time": (2.0, "hour"), "rate": (3.0, "K")}, [2025, 2026]))
    models/a.py:1 heat(): gives kelvin*year, its docstring says [K] (too much by a factor of year); correct ...
    """
    known = registry(system)
    _teach(known.Quantity)
    values = {YEAR: quantity(system, np.asarray(years, dtype=float)[:, None], "year")}
    for name, (value, text) in inputs.items():
        array = np.asarray(value, dtype=float)
        values[name] = quantity(system, array if array.ndim else np.full(_DRAWS, array), unit(system, text, name).text)
    problems: list[Problem] = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        # numpy functions that pint cannot see (np.array of quantities) drop the unit with a warning and go on
        warnings.filterwarnings("error", message="The unit of the quantity is stripped")
        for function in functions:
            values[function.name] = _checked(system, known, function, values, problems)
    return tuple(problems)


def _checked(
    system: UnitSystem, known: Any, function: Function, values: Mapping[str, Any], problems: list[Problem]
) -> Any:
    """The function's result if it is of the declared unit, else something that is."""
    place = f"{function.place} {function.name}()"
    declared = None
    try:
        declared = unit(system, function.unit, place)
    except StudyError as error:
        problems.extend(error.problems)
    arguments = [values[parameter] for parameter in function.parameters if parameter in values]
    for argument in arguments:
        argument.magnitude.flags.writeable = False
    if len(arguments) == len(function.parameters):  # a parameter that nothing defines is the graph's to tell
        try:
            result = _quantity(known, function.call(*arguments))
            wrong = _mismatch(system, place, result, declared, any(argument.ndim for argument in arguments))
            if wrong is None:
                return result
            problems.append(wrong)
        except StudyError as error:
            problems.extend(error.problems)
        except (Exception, SystemExit) as error:  # a model is the user's code: what it raises is told, not thrown
            problems.append(_explain(function, error))
    shape = np.broadcast_shapes((_DRAWS,), *(argument.shape for argument in arguments))
    return quantity(system, np.ones(shape), declared.text if declared else "")


def _quantity(known: Any, result: Any) -> Any:
    """A model's result as a quantity in base units."""
    if not hasattr(result, "units"):
        array = np.asarray(None if isinstance(result, tuple | list | dict) else result)
        if array.dtype.kind not in "fiub":
            kind = "nothing" if result is None else f"a {type(result).__name__}"
            raise ValueError(f"gives {kind} instead of numbers")
        return known.Quantity(array.astype(float), "")
    return known.Quantity(np.asarray(result.magnitude, dtype=float), result.units).to_root_units()


def _mismatch(system: UnitSystem, place: str, result: Any, declared: Unit | None, uncertain: bool) -> Problem | None:
    """What is wrong with a result, if anything is."""
    if uncertain and result.ndim == 0:
        remedy = "reduce over years with axis=0, and leave the last axis alone"
        return Problem(place, "gives one number for all worlds", remedy)
    dimension = dimension_text(result.dimensionality)
    if declared is None or dimension == declared.dimension:
        return None
    if not dimension and _is_weightless(result.magnitude):  # zero, infinity and NaN have any unit
        return None
    what = f"gives {_unit_text(result.units)}, its docstring says [{declared.text}]"
    if dimension and declared.dimension:
        excess = result / quantity(system, 1.0, declared.text)
        what += f" (too much by a factor of {_unit_text(excess.units)})"
    return Problem(place, what, "correct the formula, the docstring's unit or the unit of a prior it uses")


def _unit_text(units: Any) -> str:
    """A unit as pint has it, in base units, as a text."""
    if isinstance(units, str):  # pint says so of plain numbers
        return _NUMBER
    powers = {str(name): power for name, power in getattr(units, "_units", units).items() if name != "OOM"}
    return dimension_text(powers) or _NUMBER


# --- what pint does not do ------------------------------------------------------------------------------------------

_ALIKE = {"maximum", "minimum", "fmax", "fmin", "less", "less_equal", "greater", "greater_equal", "add", "subtract"}
_ALIKE |= {"where", "clip", "select", "copyto"}
_SAME_UNIT = {"take", "take_along_axis", "cumulative_sum", "fmax", "fmin"}
_REDUCTIONS = {"add", "maximum", "minimum"}


def _teach(made: Any) -> None:
    """Teach one registry's quantities what models need of numpy and pint lacks.

    Zero, infinity and NaN take the unit they stand beside; running sums and maxima, and a few more functions, keep it.
    """
    if hasattr(made, "taught"):
        return
    made.taught = True
    ufunc_before, function_before, compare_before = (
        made.__array_ufunc__,
        made.__array_function__,
        made.compare,
    )

    def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        for into in options.get("out", ()):  # pint would not come to an end
            array = getattr(into, "magnitude", into)
            raise ValueError("NotImplemented" if array.flags.writeable else "output array is read-only")
        if ufunc.__name__ in _ALIKE:
            inputs = _with_units(made, inputs, self.units)
        if method in ("reduce", "accumulate") and ufunc.__name__ in _REDUCTIONS:
            return made(getattr(ufunc, method)(inputs[0].magnitude, *inputs[1:], **options), inputs[0].units)
        if method == "__call__" and ufunc.__name__ in _SAME_UNIT:
            return _keeping_unit(made, ufunc, inputs, options)
        if method == "__call__" and ufunc.__name__ == "heaviside":
            return np.heaviside(inputs[0].magnitude, getattr(inputs[1], "magnitude", inputs[1]))
        return ufunc_before(self, ufunc, method, *inputs, **options)

    def array_function(self: Any, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        name = function.__name__
        if name == "select":
            return _select(made, *inputs, **options)
        if name in _ALIKE:
            inputs = _with_units(made, inputs, self.units)
            options = dict(zip(options, _with_units(made, options.values(), self.units), strict=True))
        if name in _SAME_UNIT:
            return _keeping_unit(made, function, inputs, options)
        return function_before(self, function, types, inputs, options)

    def compare(self: Any, other: Any, op: Callable[[Any, Any], Any]) -> Any:
        if not hasattr(other, "units"):
            other = made(other, self.units if _is_weightless(other) else "")
        return compare_before(self, other, op)

    made.__array_ufunc__, made.__array_function__, made.compare = array_ufunc, array_function, compare


def _is_weightless(value: Any) -> bool:
    array = np.asarray(value)
    return array.dtype.kind in "fiu" and bool(np.all((array == 0) | ~np.isfinite(array)))


def _with_units(made: Any, inputs: Iterable[Any], units: Any) -> tuple[Any, ...]:
    """Inputs of which bare zeros, infinities and NaNs have got a unit."""

    def given(value: Any) -> Any:
        bare = isinstance(value, int | float | np.ndarray | np.generic) and not isinstance(value, bool)
        return made(value, units) if bare and _is_weightless(value) else value

    return tuple(given(value) for value in inputs)


def _keeping_unit(made: Any, function: Any, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """A function of quantities of one kind whose result is of that kind; other arguments are positions and the like."""
    units = next(value.units for value in inputs if hasattr(value, "units"))
    plain = [value.m_as(units) if hasattr(value, "units") else value for value in inputs]
    return made(function(*plain, **options), units)


def _select(made: Any, conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Any:
    """`numpy.select` as the nested `numpy.where` that it is."""
    result = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = np.where(condition, choice, result)
    return result if hasattr(result, "units") else made(result, "")


# --- what to say ----------------------------------------------------------------------------------------------------

_TRANSCENDENTAL = {"exp", "exp2", "expm1", "log", "log10", "log2", "log1p", "logaddexp", "tanh", "sin", "cos"}
_VERBS: Mapping[type, str] = {ast.Add: "adds {} and {}", ast.Sub: "subtracts {} and {}"}


def _explain(function: Function, error: BaseException) -> Problem:
    """A failure of the unit check as a problem that names the line and quotes the expression."""
    line, quoted, node = _expression(function.call.__code__, error.__traceback__)
    file = re.sub(r":\d+$", "", function.place)
    place = f"{file}:{line} {function.name}()" if line else f"{function.place} {function.name}()"
    here = f" in `{quoted}`" if quoted else ""
    text = str(error).split("\n")[0]
    if hasattr(error, "units1") and hasattr(error, "units2"):
        return _unlike(place, here, node, _unit_text(error.units1), _unit_text(error.units2))
    if "truth value" in text:
        remedy = "use np.where, np.maximum, np.minimum or &"
        return Problem(place, f"decides with 'if', 'and' or max() on an uncertain value{here}", remedy)
    if "stripped" in text or "NotImplemented" in text or "no implementation found" in text:
        remedy = "write it with operators, np.where, np.maximum, np.clip, np.sum, np.cumsum or np.stack"
        return Problem(place, f"uses a function that cannot be read with units{here}", remedy)
    if "0-dimensional arrays" in text or "only length-1" in text:
        remedy = "use numpy's functions: np.exp, not math.exp"
        return Problem(place, f"makes an uncertain value a single number{here}", remedy)
    if is_in_place(error):
        what, remedy = IN_PLACE
        return Problem(place, f"{what}{here}", remedy)
    if text.startswith("gives "):
        return Problem(place, text, "return the quantity's value")
    return Problem(
        place, f"fails on quantities with units{here} ({type(error).__name__}: {text})", "see the model's line"
    )


def _unlike(place: str, here: str, node: ast.AST | None, one: str, other: str) -> Problem:
    """Quantities that do not go together."""
    named = _NUMBER if one == other else other if one == _NUMBER else one
    called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    operator = node.op if isinstance(node, ast.BinOp) else None
    if called in _TRANSCENDENTAL:
        remedy = "divide by a reference of the same unit first"
        return Problem(place, f"takes np.{called} of {named}{here}", remedy)
    if isinstance(operator, ast.Pow):
        remedy = "divide by a reference of the same unit first"
        if named == "year":
            remedy += ", a prior of one year; or write growth in OOM/year, as 10 ** (growth * (year - start))"
        return Problem(place, f"raises to or by an uncertain {named}{here}", remedy)
    phrase = (
        "compares {} with {}" if isinstance(node, ast.Compare) else _VERBS.get(type(operator), "combines {} with {}")
    )
    remedy = "correct the formula or the unit of one of them"
    if called:  # pint converts the later arguments to the first one's unit
        one, other = other, one
    if _NUMBER in (one, other):
        one, other = named, _NUMBER
        remedy = "give the number a unit by making it a prior, or divide by a reference"
        if named == "1/year":
            remedy = "write growth in OOM/year, as 10 ** (growth * (year - start)), or as a share without a unit"
    return Problem(place, phrase.format(one, other) + here, remedy)


def _expression(code: CodeType, trace: TracebackType | None) -> tuple[int, str, ast.AST | None]:
    """Line, text and syntax of the expression in the model's file that an error came from."""
    frame = None
    while trace:
        if trace.tb_frame.f_code.co_filename == code.co_filename:
            frame = trace
        trace = trace.tb_next
    if frame is None:
        return 0, "", None
    linecache.checkcache(code.co_filename)  # the study may have been edited since it was last opened
    positions = list(frame.tb_frame.f_code.co_positions())
    line, last, start, end = positions[frame.tb_lasti // 2]
    text = linecache.getline(code.co_filename, line) if line else ""
    if not text or line is None or last != line:
        return frame.tb_lineno, "", None
    quoted = text.encode()[start:end].decode(errors="replace").strip()  # columns count bytes
    try:
        return line, quoted, ast.parse(quoted, mode="eval").body
    except SyntaxError:
        return line, quoted, None

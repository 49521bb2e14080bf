"""Functions wired by parameter name: their order, their ancestors, what is missing, and what runs in a circle.

A quantity's value is an array whose last axis is the draws (one position, one possible world) and whose leading axis,
where it has one, is the year: ``(draw,)`` or ``(year, draw)``. Broadcasting does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forecast.errors import Problem, StudyError, nearest

YEAR = "year"  # the one quantity that the engine itself supplies


@dataclass(frozen=True)
class Function:
    """A quantity defined by a function of other quantities.

    Parameters
    ----------
    name : str
        Name of the quantity, which is the function's name.
    call : callable
        The function itself, written in numpy syntax.
    parameters : tuple of str
        The quantities it needs, which are its parameters' names.
    label : str
        The docstring's first sentence, without the unit.
    unit : str
        The unit its result is shown in, from the square brackets that end that sentence.
    source : str
        What the docstring's ``Source:`` says, or nothing.
    place : str
        File and line, for messages.
    """

    name: str
    call: Callable[..., np.ndarray]
    parameters: tuple[str, ...]
    label: str
    unit: str
    source: str = ""
    place: str = ""


def order(functions: Mapping[str, Function], inputs: Collection[str]) -> tuple[str, ...]:
    """Names of the functions so that each comes after everything it needs.

    Parameters
    ----------
    functions : mapping of str to Function
    inputs : collection of str
        Names that need no function: priors, trends, ``year``.

    Raises
    ------
    StudyError
        Every parameter that nothing defines (with the nearest name), and every circle.

    Examples
    --------
    >>> double = Function("double", lambda x: 2 * x, ("x",), "Twice x", "")
    >>> order({"double": double}, {"x"})
    ('double',)
    """
    problems = []
    for function in functions.values():
        for parameter in function.parameters:
            if parameter not in functions and parameter not in inputs:
                hint = nearest(parameter, [*functions, *inputs])
                problems.append(
                    Problem(
                        f"{function.place} {function.name}()",
                        f"nothing defines its parameter '{parameter}'",
                        hint or f"add a prior [{parameter}] to priors/ or a function {parameter}() to models/",
                    )
                )
    done: dict[str, None] = {}
    path: dict[str, Iterator[str]] = {}  # from a function to what it needs, with the parameters still to be visited
    for start in functions:
        if start not in done:
            path[start] = iter(functions[start].parameters)
        while path:
            name, parameters = next(reversed(path.items()))
            for parameter in parameters:
                if parameter in path:
                    names = list(path)
                    circle = " -> ".join([*names[names.index(parameter) :], parameter])
                    place = functions[parameter].place
                    problems.append(Problem(place, f"quantities define each other ({circle})", "break the circle"))
                elif parameter in functions and parameter not in done:
                    path[parameter] = iter(functions[parameter].parameters)
                    break
            else:
                del path[name]
                done[name] = None
    if problems:
        raise StudyError(problems)
    return tuple(done)


def ancestors(wanted: Iterable[str], functions: Mapping[str, Function]) -> frozenset[str]:
    """The wanted quantities and everything they follow from."""
    found: set[str] = set()
    open_names = list(wanted)
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            if name in functions:
                open_names.extend(functions[name].parameters)
    return frozenset(found)


def evaluate(
    functions: Mapping[str, Function],
    sequence: Iterable[str],
    values: dict[str, np.ndarray],
    draws: int,
    told: Callable[[str, float], str] = lambda name, value: f"{value:.4g}",
) -> dict[str, np.ndarray]:
    """Run functions in order on arrays.

    Parameters
    ----------
    functions : mapping of str to Function
    sequence : iterable of str
        The functions to run, in an order that `order` gives.
    values : dict of str to numpy.ndarray
        Values of the inputs, ``(draw,)`` or ``(year, draw)``; the results are added to it.
    draws : int
        Number of draws, the length of the last axis.
    told : callable
        How messages tell a quantity's value, from its name and the value.

    Returns
    -------
    dict of str to numpy.ndarray
        `values`, with an array ``(draw,)``, ``(year, draw)`` or one that broadcasts to them for each function run; none
        of them can be written to.

    Raises
    ------
    StudyError
        A function that fails, gives something else than numbers of that shape, or NaN (with the first world).
    """
    years = values[YEAR].shape[0] if YEAR in values else 1
    for name, value in values.items():
        values[name] = read_only(value)
    with np.errstate(all="ignore"):  # overflow to infinity is ordered by the quantiles; NaN is looked for below
        for name in sequence:
            function = functions[name]
            try:
                result = function.call(*[values[parameter] for parameter in function.parameters])
                array = np.asarray(result, dtype=np.float64)
            except StudyError:
                raise
            except (Exception, SystemExit) as error:  # a model is the user's code: what it raises is told, not thrown
                raise StudyError([failure(function, error)]) from error
            if (
                array.ndim > 2
                or array.shape[-1:] not in ((), (1,), (draws,))
                or array.shape[:-1] not in ((), (1,), (years,))
            ):
                raise StudyError.at(
                    f"{function.place} {name}()",
                    f"gives an array of shape {array.shape}, not ({draws} draws) or ({years} years, {draws} draws)",
                    "keep draws as the last axis and years as the first; reduce years with axis=0",
                )
            if np.isnan(array).any():
                world = int(np.argwhere(np.isnan(array))[0][-1])
                raise StudyError.at(
                    f"{function.place} {name}()",
                    f"gives NaN in world {world} ({_inputs_at(function, values, world, told)})",
                    "keep its inputs where it is defined, for example with 'within' in a prior",
                )
            # a year axis that was reduced with keepdims=True is none
            values[name] = read_only(array[0] if array.ndim == 2 and array.shape[0] == 1 != years else array)
    return values


def read_only(array: np.ndarray) -> np.ndarray:
    """A view of an array that a model cannot change: what it is given, others are given too."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def is_in_place(error: BaseException) -> bool:
    """Whether an exception says that a `read_only` array was to be changed."""
    return isinstance(error, ValueError) and "read-only" in str(error)


IN_PLACE = ("changes a quantity in place", "write x = x + 1 instead of x += 1, or change a copy")


def failure(function: Function, error: BaseException) -> Problem:
    """A model's exception as a problem that names the line it came from."""
    import traceback

    place = f"{function.place} {function.name}()"
    file = function.call.__code__.co_filename
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if lines:
        place = f"{_parent_and_name(file)}:{lines[-1]} {function.name}()"
    text = str(error).split("\n")[0]
    if "truth value" in text:
        return Problem(
            place, "decides with 'if', 'and' or max() on an uncertain value", "use np.where, np.maximum or & instead"
        )
    if is_in_place(error):
        return Problem(place, *IN_PLACE)
    return Problem(place, f"{type(error).__name__} ({text})", "a model gets arrays with draws as their last axis")


def _inputs_at(
    function: Function, values: Mapping[str, np.ndarray], world: int, told: Callable[[str, float], str]
) -> str:
    parts = []
    for parameter in function.parameters:
        if parameter != YEAR:
            value = values[parameter]
            one = value[..., min(world, value.shape[-1] - 1)].ravel()[-1] if value.ndim else value
            parts.append(f"{parameter} = {told(parameter, float(one))}")
    return ", ".join(parts) or "no inputs"


def _parent_and_name(file: str) -> str:
    path = Path(file)
    return f"{path.parent.name}/{path.name}"

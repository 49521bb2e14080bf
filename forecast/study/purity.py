"""Functions that are none: whose result changes from call to call, or that mix one possible world with another.

A model is evaluated in blocks of worlds, some quantities more often than once, and what is true of one world must not
hang on which others stand beside it. So every function is tried on plain arrays when a study is opened: twice on the
same worlds, as its file defines it when it is run again, and on some of the worlds alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from forecast.errors import Problem
from forecast.graph import Function, failure, is_in_place, read_only

WORLDS = 5
_SOME = slice(1, 3)
_ROUNDING = 1e-9  # vectorised functions may round differently at another place of an array


def check_purity(
    functions: Iterable[Function], inputs: Mapping[str, np.ndarray], afresh: Mapping[str, Function]
) -> tuple[Problem, ...]:
    """Try functions on a few worlds, again on the same ones, and on some of them alone.

    Parameters
    ----------
    functions : iterable of Function
        Each after everything it needs.
    inputs : mapping of str to array ``(draw,)``, ``(year, draw)``, or with one draw where a quantity is certain
        Everything that is not a function, in base units, with `WORLDS` draws.
    afresh : mapping of str to Function
        The same functions, from another run of the model files.

    Returns
    -------
    tuple of Problem
        A function that fails here, but for changing its input, is told of when it is run.

    Examples
    --------
    >>> noisy = Function("noisy", lambda x: x * np.random.rand(), ("x",), "Noise", "", place="models/a.py:1")
    >>> print(*check_purity([noisy], {"x": np.arange(5.0)}, {"noisy": noisy}))
    models/a.py:1 noisy(): gives another result each time it is called with the same inputs; ...
    """
    values = {name: read_only(np.asarray(value, dtype=float)) for name, value in inputs.items()}
    problems = []
    with np.errstate(all="ignore"):
        for function in functions:
            if not all(parameter in values for parameter in function.parameters):
                continue  # what it follows from has failed
            arguments = [values[parameter] for parameter in function.parameters]
            try:
                first, again = (np.array(function.call(*arguments), dtype=float) for _ in range(2))
                anew = np.array(afresh[function.name].call(*arguments), dtype=float)
                some = np.array(function.call(*[_some(argument) for argument in arguments]), dtype=float)
            except (Exception, SystemExit) as error:  # the user's code
                if is_in_place(error):
                    problems.append(failure(function, error))
                continue
            values[function.name] = read_only(first)
            place = f"{function.place} {function.name}()"
            if not _same(first, again) or not _same(first, anew):
                when = "its file is run" if _same(first, again) else "it is called with the same inputs"
                what = f"gives another result each time {when}"
                remedy = (
                    "a world's randomness comes from priors: give the random part a prior; keep no state, read no clock"
                )
                problems.append(Problem(place, what, remedy))
            elif not _alike(_some(first), some):
                what = "gives a world another result when other worlds stand beside it"
                remedy = (
                    "compute each world by itself: reduce over years with axis=0 and never over draws, "
                    "and give what is random a prior"
                )
                problems.append(Problem(place, what, remedy))
    return tuple(problems)


def _some(array: np.ndarray) -> np.ndarray:
    return read_only(array[..., _SOME].copy()) if array.shape[-1:] == (WORLDS,) else array


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=_ROUNDING, atol=0.0, equal_nan=True)

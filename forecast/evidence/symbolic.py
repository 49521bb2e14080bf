"""The second reading of a model: the same functions on PyTensor variables, for gradients.

numpy's functions do not know PyTensor: some fail on its variables, some are silently wrong. A `Symbol` wraps one and
hands every numpy call to its PyTensor twin, or says that there is none. Priors come as the twins of their quantile
functions (`forecast.evidence.symbolic_twins`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.errors import StudyError
from forecast.evidence.symbolic_twins import from_normal
from forecast.graph import YEAR, ancestors, failure
from forecast.study import Study

if TYPE_CHECKING:
    from forecast.evidence.likelihood import Term
    from forecast.evidence.observed import Observed
    from forecast.evidence.parts import Part

_TWINS = {
    "absolute": "abs", "divide": "true_div", "remainder": "mod", "subtract": "sub", "multiply": "mul", "power": "pow",
    "float_power": "pow", "negative": "neg", "greater": "gt", "less": "lt", "greater_equal": "ge", "less_equal": "le",
    "equal": "eq",
    "not_equal": "neq", "logical_and": "and_", "logical_or": "or_", "logical_not": "invert", "bitwise_and": "and_",
    "bitwise_or": "or_", "invert": "invert", "fmax": "maximum", "fmin": "minimum", "arctan": "atan", "arcsin": "asin",
    "arccos": "acos", "arcsinh": "asinh", "arctanh": "atanh", "arccosh": "acosh", "rint": "round",
}  # fmt: skip
_SAFE = {
    "true_divide", "add", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square", "sign", "floor",
    "ceil", "trunc",
    "maximum", "minimum", "logaddexp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "isnan", "isinf", "mod",
    "power", "reciprocal",
    "where", "clip", "sum", "prod", "mean", "max", "min", "cumsum", "cumprod", "stack", "concatenate", "dot", "any",
    "all", "diff",
    "argmax", "argmin", "broadcast_to", "ones_like", "zeros_like", "amax", "amin",
}  # fmt: skip


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A PyTensor variable on which numpy's functions work.

    Parameters
    ----------
    variable : pytensor variable
    """

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes, as far as they are known."""
        return tuple(self.variable.type.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self.variable.ndim)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        if method == "reduce" and ufunc.__name__ in ("add", "maximum", "minimum", "multiply"):
            twin = {"add": "sum", "maximum": "max", "minimum": "min", "multiply": "prod"}[ufunc.__name__]
            return Symbol(_twin(twin)(_plain(inputs[0]), axis=options.get("axis", 0)))
        if method != "__call__" or options:
            raise NotImplementedError(f"numpy.{ufunc.__name__}.{method} has no symbolic twin")
        if ufunc.__name__ == "floor_divide":  # PyTensor's own returns x for x // 1
            return Symbol(_twin("floor")(_plain(inputs[0]) / _plain(inputs[1])))
        if ufunc.__name__ == "positive":
            return self
        if ufunc.__name__ == "isfinite":
            value = _plain(inputs[0])
            return Symbol(_twin("lt")(abs(value), np.inf))
        return Symbol(_twin(ufunc.__name__)(*map(_plain, inputs)))

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        name = function.__name__
        if name == "shape":
            return self.shape
        if name in ("diff",) and options.get("axis", -1) is not None:
            axis = options.get("axis", -1)
            value = _plain(arguments[0])
            return Symbol(_twin("diff")(value, axis=axis))
        return Symbol(_twin(name)(*_plain(arguments), **{key: _plain(value) for key, value in options.items()}))

    def __bool__(self) -> bool:
        raise TypeError("the truth value of an uncertain quantity is unknown")

    def __float__(self) -> float:
        raise TypeError("an uncertain quantity is no single number")

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError("a numpy function without a symbolic twin was called")

    def __getitem__(self, place: Any) -> Symbol:
        return Symbol(self.variable[_plain(place)])

    def sum(self, axis: int | None = None, **_: Any) -> Symbol:
        """Sum along an axis."""
        return Symbol(self.variable.sum(axis=axis))

    def max(self, axis: int | None = None, **_: Any) -> Symbol:
        """Largest along an axis."""
        return Symbol(self.variable.max(axis=axis))

    def min(self, axis: int | None = None, **_: Any) -> Symbol:
        """Smallest along an axis."""
        return Symbol(self.variable.min(axis=axis))


def _plain(value: Any) -> Any:
    if isinstance(value, Symbol):
        return value.variable
    return type(value)(map(_plain, value)) if isinstance(value, (tuple, list)) else value


def _twin(name: str) -> Callable[..., Any]:
    import pytensor.tensor as pt

    if name not in _SAFE and name not in _TWINS:
        raise NotImplementedError(f"numpy.{name} has no symbolic twin")
    also = _TWINS.get(name, {"amax": "max", "amin": "min", "true_divide": "true_div"}.get(name, name))
    found = getattr(pt, also, None) or getattr(pt, name, None)
    if name == "reciprocal":
        return lambda x: 1.0 / x
    if found is None:
        raise NotImplementedError(f"numpy.{name} has no symbolic twin")
    return found  # type: ignore[no-any-return]


def _no_term_gradient(term: Term) -> str:
    if term.kind in ("normal",) or (term.kind == "bounds" and term.error > 0):
        return ""
    if term.kind == "bounds":
        return f"the bound on {term.target} is sharp (no error), so nothing leads to it"
    if term.kind == "equal":
        return f"{term.target} takes separate values"
    assert term.value is not None
    d = term.value.resolved()
    smooth = d.family in ("beta", "gamma", "exponential", "student_t") or (
        d.family == "mixture"
        and all(
            p.resolved().family in ("normal", "lognormal") and p.bounds == (-math.inf, math.inf) for p in d["parts"]
        )
    )
    if smooth and d.bounds == (-math.inf, math.inf):
        return ""
    return f"the likelihood of {term.target} = {d.text or d.canonical()} ({d.family}) has no smooth twin"


def no_gradient(study: Study, part: Part, seen: Observed) -> str:
    """Why the likelihood of a part has no gradient; empty if it has one. PyTensor is not needed to tell.

    Parameters
    ----------
    study : Study
    part : Part
    seen : Observed
    """
    for term in seen.terms:
        if reason := _no_term_gradient(term):
            return reason
    needed = ancestors([target.partition("@")[0] for target in seen.targets], study.functions)
    for name in part.inputs:
        prior = study.priors.get(name)
        if prior is None:
            trend = name.partition("#")[0]
            if any(curve.trend == trend and curve.name in needed for curve in study.curves.values()):
                return f"the trend {trend} enters as separate posterior draws"
        elif name in needed and (prior.distribution.is_discrete or prior.distribution.marginal.atoms[0].size):
            return f"{name} takes separate values ({prior.distribution.family})"
    for name in study.sequence:
        if name in needed and "first_crossing" in study.functions[name].call.__code__.co_names:
            return f"{name} searches for a year (first_crossing)"
    return ""


def values(
    study: Study, inputs: Sequence[str], z: Any, names: Sequence[str], years: Sequence[float]
) -> dict[str, Symbol]:
    """Quantities as PyTensor expressions of a matrix of normal scores ``(input, world)``, in their own units.

    Parameters
    ----------
    study : Study
    inputs : sequence of str
    z : pytensor matrix
    names : sequence of str
    years : sequence of float

    Raises
    ------
    StudyError
        A function that cannot be read so, with the line and the reason.
    """
    needed = ancestors(names, study.functions)
    found: dict[str, Any] = {YEAR: np.asarray(years, dtype=float).reshape(-1, 1)}
    row = {name: i for i, name in enumerate(inputs)}
    for prior in study.priors.values():
        if prior.name in needed:
            if prior.name in row:
                found[prior.name] = Symbol(
                    from_normal(prior.distribution, z[row[prior.name]]) * study.factors[prior.name]
                )
            else:
                found[prior.name] = np.array([float(prior.distribution.quantile(0.5)) * study.factors[prior.name]])
    for name in study.sequence:
        if name in needed:
            found[name] = _called(study, name, found)
    return {name: found[name] / study.factors[name] for name in names}


def _called(study: Study, name: str, found: Mapping[str, Any]) -> Any:
    function = study.functions[name]
    try:
        return function.call(*[found[parameter] for parameter in function.parameters])
    except Exception as error:  # a model is the user's code: whatever it raises is told, not thrown
        problem = failure(function, error)
        raise StudyError.at(
            problem.place, f"cannot be differentiated through: {error}", "use the rung 'smc', which needs no gradient"
        ) from error

"""The second reading of a model: the same functions on PyTensor variables, for gradients.

numpy's functions do not know PyTensor: some fail on its variables, some are silently wrong. A `Symbol` wraps one and hands
every numpy call to its PyTensor twin, or says that there is none. Priors are the twins of their quantile functions, from
the same parameters and the same tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.distribution import Distribution
from forecast.errors import StudyError
from forecast.graph import YEAR, ancestors, failure
from forecast.study import Study
from forecast.table import REACH, Table, tabulate

if TYPE_CHECKING:
    from forecast.evidence import Term
    from forecast.evidence_graph import Observed, Part

_TWINS = {
    "absolute": "abs", "divide": "true_div", "remainder": "mod", "subtract": "sub", "multiply": "mul", "power": "pow",
    "float_power": "pow", "negative": "neg", "greater": "gt", "less": "lt", "greater_equal": "ge", "less_equal": "le", "equal": "eq",
    "not_equal": "neq", "logical_and": "and_", "logical_or": "or_", "logical_not": "invert", "bitwise_and": "and_",
    "bitwise_or": "or_", "invert": "invert", "fmax": "maximum", "fmin": "minimum", "arctan": "atan", "arcsin": "asin",
    "arccos": "acos", "arcsinh": "asinh", "arctanh": "atanh", "arccosh": "acosh", "rint": "round",
}  # fmt: skip
_SAFE = {
    "true_divide", "add", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square", "sign", "floor", "ceil", "trunc",
    "maximum", "minimum", "logaddexp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "isnan", "isinf", "mod", "power", "reciprocal",
    "where", "clip", "sum", "prod", "mean", "max", "min", "cumsum", "cumprod", "stack", "concatenate", "dot", "any", "all", "diff",
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
    found = getattr(pt, _TWINS.get(name, {"amax": "max", "amin": "min", "true_divide": "true_div"}.get(name, name)), None)
    if name == "reciprocal":
        return lambda x: 1.0 / x
    if found is None:
        raise NotImplementedError(f"numpy.{name} has no symbolic twin")
    return found  # type: ignore[no-any-return]


def from_normal(distribution: Distribution, z: Any) -> Any:
    """The PyTensor twin of `Distribution.from_normal`.

    Parameters
    ----------
    distribution : Distribution
        Any; a discrete one has a twin too, a step function without a gradient.
    z : pytensor vector
        Normal scores.

    Returns
    -------
    pytensor vector
    """
    import pytensor.tensor as pt

    d = distribution.resolved()
    v = dict(d.params)
    if d.is_discrete:
        values = d.marginal.atoms[0]
        if values.size == 1:
            return pt.zeros_like(z) + float(values[0])
        breaks = _breaks(d)
        step = np.diff(values)
        return float(values[0]) + (pt.gt(z[:, None], breaks[None, :]) * step).sum(axis=1)
    if d.bounds != (-math.inf, math.inf):
        low, high = d.bounds
        positive = d.support[0] >= 0 and d.family in ("lognormal", "loguniform", "gamma", "pareto", "quantiles")
        table = tabulate(lambda s: np.log(np.maximum(d.marginal.from_normal(s), 1e-300)) if positive else d.marginal.from_normal(s))
        value = _piecewise(pt, table, z)
        return pt.clip(pt.exp(value) if positive else value, low, high)
    if d.family == "normal":
        return v["mean"] + v["sd"] * z
    if d.family == "lognormal":
        return pt.exp(math.log(v["median"]) + v["sigma"] * z)
    if d.family == "uniform":
        return v["low"] + (v["high"] - v["low"]) * _ndtr(pt, z)
    if d.family == "loguniform":
        return pt.exp(math.log(v["low"]) + math.log(v["high"] / v["low"]) * _ndtr(pt, z))
    if d.family == "triangular":
        low, mode, high = v["low"], v["mode"], v["high"]
        down, up, width = _ndtr(pt, z), _ndtr(pt, -z), high - low
        rising = low + pt.sqrt(pt.maximum(down * (width * (mode - low)), 1e-300))
        falling = high - pt.sqrt(pt.maximum(up * (width * (high - mode)), 1e-300))
        return pt.switch(pt.le(down * width, mode - low), rising, falling)
    if d.family == "exponential":
        return -v["mean"] * _log_ndtr(pt, -z)
    if d.family == "pareto":
        return v["low"] * pt.exp(_log_ndtr(pt, -z) / -v["alpha"])
    table = d._base.table() if d._base.table is not None else None
    if d.family == "gamma" and table is not None:
        return v["shape"] * v["scale"] * pt.exp(_piecewise(pt, table, z))
    if d.family in ("beta", "pert") and table is not None:
        if d.family == "beta":
            a, b, low, high = v["a"], v["b"], 0.0, 1.0
        else:
            low, high, width = v["low"], v["high"], v["high"] - v["low"]
            a, b = 1 + v["lam"] * (v["mode"] - low) / width, 1 + v["lam"] * (high - v["mode"]) / width
        return low + (high - low) / (1 + pt.exp(-(_piecewise(pt, table, z) + math.log(a / b))))
    if d.family == "student_t" and table is not None:
        return v["loc"] + v["scale"] * math.sqrt(v["df"]) * pt.sinh(z * _piecewise(pt, table, abs(z)))
    if d.family == "mixture" and table is not None:
        value = _piecewise(pt, table, z)
        if d.marginal.support[0] >= 0:
            value = pt.exp(value)
        if table.atoms is not None:
            atom = pt.as_tensor_variable(np.nan_to_num(table.atoms))[_cell(pt, table, z)]
            is_atom = pt.as_tensor_variable(~np.isnan(table.atoms))[_cell(pt, table, z)]
            value = pt.switch(is_atom, atom, value)
        return value
    positive = d.support[0] >= 0  # quantiles, and whatever family comes: tabulated from its own quantile function
    table = tabulate(lambda s: np.log(d.marginal.from_normal(s)) if positive else d.marginal.from_normal(s))
    value = _piecewise(pt, table, z)
    return pt.exp(value) if positive else value


def _breaks(d: Distribution) -> np.ndarray:
    """Scores at which a discrete distribution goes on to its next value."""
    from forecast.special import normal_score

    values = d.marginal.atoms[0]
    lower, upper = d.marginal.tails(values[:-1])
    return np.asarray(normal_score(lower, upper), dtype=float)


def _ndtr(pt: Any, z: Any) -> Any:
    return 0.5 * pt.erfc(-z / math.sqrt(2.0))


def _log_ndtr(pt: Any, z: Any) -> Any:
    # erfcx keeps the far tail; each branch only sees arguments that it can take.
    left, right = pt.minimum(z, -1.0), pt.maximum(z, -1.0)
    return pt.switch(pt.lt(z, -1.0), pt.log(0.5 * pt.erfcx(-left / math.sqrt(2.0))) - 0.5 * left * left, pt.log(0.5 * pt.erfc(-right / math.sqrt(2.0))))


def _cell(pt: Any, table: Table, z: Any) -> Any:
    if table.breaks is None:
        step = float(table.origin[1] - table.origin[0])
        first = float(table.origin[0]) - step / 2
        return pt.cast(pt.clip(pt.floor((z - first) / step), 0, table.origin.size - 1), "int64")
    return pt.cast(pt.gt(z[:, None], table.breaks[None, :]).sum(axis=1), "int64")


def _piecewise(pt: Any, table: Table, z: Any) -> Any:
    """A table's piecewise polynomial at a vector of scores."""
    inside = pt.clip(z, -REACH, REACH)
    cell = _cell(pt, table, inside)
    distance = inside - pt.as_tensor_variable(table.origin)[cell]
    rows = pt.as_tensor_variable(table.coefficients)
    out = rows[-1][cell]
    for power in range(table.coefficients.shape[0] - 2, -1, -1):
        out = out * distance + rows[power][cell]
    return out


def log_likelihood(term: Term, x: Any) -> Any:
    """The PyTensor twin of `forecast.evidence.log_likelihood`, for terms with a gradient."""
    import pytensor.tensor as pt

    scale = term.scale
    if term.kind == "normal":
        u = pt.log(x) if scale == "log" else x
        return -0.5 * ((u - term.centre) / term.error) ** 2 + term.constant
    if term.kind == "bounds":
        u = pt.log(x) if scale == "log" else x
        low, high = (math.log(b) if scale == "log" and 0 < b < math.inf else b for b in (term.low, term.high))
        if math.isinf(high):
            return _log_ndtr(pt, (u - low) / term.error)
        if math.isinf(low):
            return _log_ndtr(pt, (high - u) / term.error)
        return pt.log(pt.maximum(_ndtr(pt, (high - u) / term.error) - _ndtr(pt, (low - u) / term.error), 1e-300))
    assert term.value is not None
    d, y = term.value.resolved(), x / term.factor
    v = dict(d.params)
    if d.family == "beta":
        return v["a"] * pt.log(y) + v["b"] * pt.log1p(-y)
    if d.family == "gamma":
        return v["shape"] * pt.log(y) - y / v["scale"]
    if d.family == "exponential":
        return pt.log(y) - y / v["mean"]
    if d.family == "student_t":
        return -0.5 * (v["df"] + 1) * pt.log1p(((y - v["loc"]) / v["scale"]) ** 2 / v["df"])
    if d.family == "mixture" and all(p.resolved().family in ("normal", "lognormal") and p.bounds == (-math.inf, math.inf) for p in v["parts"]):
        logs = []
        for part, weight in zip(v["parts"], v["weights"], strict=True):
            p, own = part.resolved(), dict(part.resolved().params)
            if p.family == "normal":
                logs.append(math.log(weight) - 0.5 * ((y - own["mean"]) / own["sd"]) ** 2 - math.log(own["sd"]) + (pt.log(y) if scale == "log" else 0))
            else:
                inner = math.log(weight) - 0.5 * ((pt.log(y) - math.log(own["median"])) / own["sigma"]) ** 2 - math.log(own["sigma"])
                logs.append(inner - (0 if scale == "log" else pt.log(y)))
        return pt.logsumexp(pt.stack(logs), axis=0)
    raise NotImplementedError(_no_term_gradient(term))


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
        d.family == "mixture" and all(p.resolved().family in ("normal", "lognormal") and p.bounds == (-math.inf, math.inf) for p in d["parts"])
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


def values(study: Study, inputs: Sequence[str], z: Any, names: Sequence[str], years: Sequence[float]) -> dict[str, Symbol]:
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
                found[prior.name] = Symbol(from_normal(prior.distribution, z[row[prior.name]]) * study.factors[prior.name])
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
        raise StudyError.at(problem.place, f"cannot be differentiated through: {error}", "use the rung 'smc', which needs no gradient") from error

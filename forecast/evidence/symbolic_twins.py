"""PyTensor twins of the quantile functions of priors and of the likelihoods of observations.

They take the same parameters and the same tables as the numpy originals, so both readings of a study are one model.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forecast.distribution import Distribution
from forecast.distribution.table import REACH, Table, tabulate
from forecast.evidence.likelihood import Term
from forecast.special import normal_score


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
        table = tabulate(
            lambda s: np.log(np.maximum(d.marginal.from_normal(s), 1e-300)) if positive else d.marginal.from_normal(s)
        )
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
    stored: Table | None = d._base.table() if d._base.table is not None else None
    if d.family == "gamma" and stored is not None:
        return v["shape"] * v["scale"] * pt.exp(_piecewise(pt, stored, z))
    if d.family in ("beta", "pert") and stored is not None:
        if d.family == "beta":
            a, b, low, high = v["a"], v["b"], 0.0, 1.0
        else:
            low, high, width = v["low"], v["high"], v["high"] - v["low"]
            a, b = 1 + v["lam"] * (v["mode"] - low) / width, 1 + v["lam"] * (high - v["mode"]) / width
        return low + (high - low) / (1 + pt.exp(-(_piecewise(pt, stored, z) + math.log(a / b))))
    if d.family == "student_t" and stored is not None:
        return v["loc"] + v["scale"] * math.sqrt(v["df"]) * pt.sinh(z * _piecewise(pt, stored, abs(z)))
    if d.family == "mixture" and stored is not None:
        value = _piecewise(pt, stored, z)
        if d.marginal.support[0] >= 0:
            value = pt.exp(value)
        if stored.atoms is not None:
            atom = pt.as_tensor_variable(np.nan_to_num(stored.atoms))[_cell(pt, stored, z)]
            is_atom = pt.as_tensor_variable(~np.isnan(stored.atoms))[_cell(pt, stored, z)]
            value = pt.switch(is_atom, atom, value)
        return value
    positive = d.support[0] >= 0  # quantiles, and whatever family comes: tabulated from its own quantile function
    table = tabulate(lambda s: np.log(d.marginal.from_normal(s)) if positive else d.marginal.from_normal(s))
    value = _piecewise(pt, table, z)
    return pt.exp(value) if positive else value


def _breaks(d: Distribution) -> np.ndarray:
    """Scores at which a discrete distribution goes on to its next value."""
    values = d.marginal.atoms[0]
    lower, upper = d.marginal.tails(values[:-1])
    return np.asarray(normal_score(lower, upper), dtype=float)


def _ndtr(pt: Any, z: Any) -> Any:
    return 0.5 * pt.erfc(-z / math.sqrt(2.0))


def _log_ndtr(pt: Any, z: Any) -> Any:
    # erfcx keeps the far tail; each branch only sees arguments that it can take.
    left, right = pt.minimum(z, -1.0), pt.maximum(z, -1.0)
    return pt.switch(
        pt.lt(z, -1.0),
        pt.log(0.5 * pt.erfcx(-left / math.sqrt(2.0))) - 0.5 * left * left,
        pt.log(0.5 * pt.erfc(-right / math.sqrt(2.0))),
    )


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
    """The PyTensor twin of `forecast.evidence.likelihood.log_likelihood`, for terms with a gradient."""
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
    if d.family == "mixture" and all(
        p.resolved().family in ("normal", "lognormal") and p.bounds == (-math.inf, math.inf) for p in v["parts"]
    ):
        logs = []
        for part, weight in zip(v["parts"], v["weights"], strict=True):
            p, own = part.resolved(), dict(part.resolved().params)
            if p.family == "normal":
                logs.append(
                    math.log(weight)
                    - 0.5 * ((y - own["mean"]) / own["sd"]) ** 2
                    - math.log(own["sd"])
                    + (pt.log(y) if scale == "log" else 0)
                )
            else:
                inner = (
                    math.log(weight)
                    - 0.5 * ((pt.log(y) - math.log(own["median"])) / own["sigma"]) ** 2
                    - math.log(own["sigma"])
                )
                logs.append(inner - (0 if scale == "log" else pt.log(y)))
        return pt.logsumexp(pt.stack(logs), axis=0)
    raise NotImplementedError(f"the likelihood of {term.target} has no twin")

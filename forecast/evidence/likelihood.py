"""Observations to likelihoods: how probable what was seen would be, as a function of the quantity's true value.

The likelihood of a measurement is the density of its stated distribution, read at the true value, on the scale on
which distributions of that family differ by a shift: the logarithm for lognormal and its positive relatives, the
log-odds for beta, the value itself for the others. So ``60M to 120M`` is a normal error of the logarithm around 85M
with the stated sd; ``beta(a=7, b=3)`` weighs as seven hits and three misses do; ``gamma(shape=12, scale=0.25)`` as
twelve events in four years. A bound weighs with the probability that a measurement with the stated error would meet
it, or with 1 and 0 if it is sharp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.distribution import Distribution
from forecast.evidence.observation import Observation
from forecast.special import log_ndtr

Array = np.ndarray
_LOG = ("lognormal", "loguniform", "gamma", "exponential", "pareto")
ROUNDING = 1e-12  # of a quantity's size: values that differ by less are the same value, computed differently
_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


def scale_of(value: Distribution) -> str:
    """On which scale a measurement's distribution is a likelihood: ``log``, ``logit`` or ``linear``."""
    value = value.resolved()
    if value.family in _LOG:
        return "log"
    if value.family == "beta":
        return "logit"
    if value.family in ("mixture", "quantiles") and value.support[0] >= 0 and not value.is_discrete:
        return "log"
    return "linear"


@dataclass(frozen=True, eq=False)
class Term:
    """The likelihood of one observation, or of several of the same quantity that together are like one.

    Parameters
    ----------
    target : str
        ``quantity`` or ``quantity@year``.
    kind : {"normal", "density", "bounds", "equal"}
        A normal error on `scale`; any other density; bounds; a single value of a quantity that can equal it.
    scale : {"linear", "log", "logit"}
    centre, error : float
        Of a normal error, on `scale`, in the quantity's own unit; `error` is also that of the bounds, and what
        rounding may do to a value that is equal.
    constant : float
        Added to the logarithm.
    low, high : float
        Bounds, in the quantity's own unit.
    value : Distribution or None
        In the observation's unit; a value in it times `factor` is one in the quantity's own.
    factor : float
    measure : {"linear", "log"}
        How far off a value is, is counted in the quantity or in its logarithm; and nothing counts as farther out than
    reach : tuple of float
        (see `measured`).
    """

    target: str
    kind: str
    scale: str
    centre: float = 0.0
    error: float = 0.0
    constant: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    value: Distribution | None = None
    factor: float = 1.0
    measure: str = "linear"
    reach: tuple[float, float] = (-math.inf, math.inf)

    @property
    def sharp(self) -> bool:
        """Whether there are values at which the likelihood is zero for want of any error: nothing leads to it."""
        return self.kind == "equal" or (self.kind == "bounds" and self.error == 0)


def term_of(seen: Observation, discrete: bool = False) -> Term:
    """The likelihood of an observation.

    Parameters
    ----------
    seen : Observation
    discrete : bool
        Whether its quantity takes separate values, so that it can equal an exact one.
    """
    factor = seen.factor
    if seen.value is None:
        low, high = seen.at_least * factor, seen.at_most * factor
        return Term(
            seen.target,
            "bounds",
            "log" if seen.relative else "linear",
            error=seen.error if seen.relative else seen.error * factor,
            low=low,
            high=high,
        )
    value = seen.value.resolved()
    if value.family == "point":
        x = value["x"] * factor
        kind = "equal" if discrete else "density"
        return Term(seen.target, kind, "linear", error=ROUNDING * abs(x), low=x, high=x, value=value, factor=factor)
    free = value.bounds == (-math.inf, math.inf)
    if free and value.family == "normal":
        return Term(
            seen.target,
            "normal",
            "linear",
            value["mean"] * factor,
            value["sd"] * factor,
            -math.log(value["sd"] * factor) - _LOG_ROOT_TWO_PI,
        )
    if free and value.family == "lognormal":
        return Term(
            seen.target,
            "normal",
            "log",
            math.log(value["median"] * factor),
            value["sigma"],
            -math.log(value["sigma"]) - _LOG_ROOT_TWO_PI,
        )
    return Term(seen.target, "density", scale_of(value), value=value, factor=factor)


def together(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The same likelihood with fewer terms: normal errors of one quantity on one scale are one normal error."""
    rest = [term for term in terms if term.kind != "normal"]
    groups: dict[tuple[str, str], list[Term]] = {}
    for term in terms:
        if term.kind == "normal":
            groups.setdefault((term.target, term.scale), []).append(term)
    joined = []
    for (target, scale), group in groups.items():
        if len(group) == 1:
            joined.append(group[0])
            continue
        precision = math.fsum(term.error**-2 for term in group)
        centre = math.fsum(term.centre * term.error**-2 for term in group) / precision
        lost = 0.5 * math.fsum(((term.centre - centre) / term.error) ** 2 for term in group)
        constant = math.fsum(term.constant for term in group) - lost
        joined.append(Term(target, "normal", scale, centre, precision**-0.5, constant))
    return (*joined, *rest)


def log_likelihood(term: Term, x: Array) -> Array:
    """Logarithm of the likelihood at true values.

    Parameters
    ----------
    term : Term
    x : ndarray (...)
        In the quantity's own unit; infinite values are allowed.

    Returns
    -------
    ndarray (...)
        Minus infinity where the observation is impossible.

    Examples
    --------
    >>> from forecast.evidence.observation import statement
    >>> seen = statement("cost <= 3", error=1, source="s", date="2024-01-01")
    >>> np.exp(log_likelihood(term_of(seen), np.array([2.0, 3.0, 9.0]))).round(3).tolist()
    [0.841, 0.5, 0.0]
    """
    with np.errstate(all="ignore"):
        if term.kind == "normal":
            u = np.log(x) if term.scale == "log" else x
            out = -0.5 * ((u - term.centre) / term.error) ** 2 + term.constant
        elif term.kind == "equal":
            out = np.where(np.abs(x - term.low) <= term.error, 0.0, -np.inf)
        elif term.kind == "bounds":
            out = _bounds(term, x)
        else:
            assert term.value is not None
            y = x / term.factor
            out = term.value.log_density(y)
            if term.scale == "log":
                out = out + np.log(y)
            elif term.scale == "logit":
                out = out + np.log(y) + np.log1p(-y)
            out = np.where(np.isfinite(y), out, -np.inf)
    return np.where(np.isnan(out), -np.inf, out)


def _bounds(term: Term, x: Array) -> Array:
    if term.error == 0:
        return np.where((x >= term.low) & (x <= term.high), 0.0, -np.inf)
    u = _on(term.scale, x)
    above = (u - _one(term.scale, term.low)) / term.error
    below = (_one(term.scale, term.high) - u) / term.error
    if math.isinf(term.high):
        return log_ndtr(above)
    if math.isinf(term.low):
        return log_ndtr(below)
    # P(low <= measured <= high) = Phi(below) - Phi(-above), taken in the tail where both are small
    flip = above + below > 0
    top, bottom = np.where(above < below, above, below), -np.where(above < below, below, above)
    one, other = log_ndtr(top), log_ndtr(bottom)
    return np.where(flip, one + np.log1p(-np.exp(np.minimum(other - one, 0.0))), -np.inf)


def _on(scale: str, x: Array) -> Array:
    return np.log(np.maximum(x, 0)) if scale == "log" else np.asarray(x, dtype=float)


def _one(scale: str, bound: float) -> float:
    return math.log(bound) if scale == "log" and math.isfinite(bound) else bound


def measured(term: Term, x: Array) -> Term:
    """The term with a measure of how far values are from being possible, fit for what its quantity may be.

    Parameters
    ----------
    term : Term
    x : ndarray (world,)
        Some prior worlds.
    """
    finite = x[np.isfinite(x)]
    if term.kind == "equal" and finite.size:
        # A difference of two large numbers is not exactly zero where it should be.
        term = replace(term, error=ROUNDING * max(abs(term.low), float(np.median(np.abs(finite)))))
    bounds = [b for b in ends(term) if math.isfinite(b)]
    everything = np.concatenate([finite, bounds])
    if not everything.size:
        return term
    log = bool(finite.size) and finite.min() > 0 and all(b > 0 for b in bounds)
    u = np.log(everything) if log else everything
    room = float(np.ptp(u)) + 1.0
    return replace(term, measure="log" if log else "linear", reach=(float(u.min()) - room, float(u.max()) + room))


def ends(term: Term) -> tuple[float, float]:
    """Between which values the likelihood is not zero."""
    if term.kind in ("bounds", "equal"):
        return (0.0 if term.scale == "log" and term.low < 0 else term.low), term.high
    if term.value is not None:
        low, high = sorted(end * term.factor for end in term.value.support)
        return low, high
    return (0.0 if term.scale == "log" else -math.inf), math.inf


def violation(term: Term, x: Array, log: Array | None = None) -> Array:
    """How far values are from where the likelihood is not zero; 0 where it is not.

    Parameters
    ----------
    term : Term
        With a measure (`measured`).
    x : ndarray (...)
    log : ndarray (...), optional
        The log likelihood at `x`, where it is known.

    Returns
    -------
    ndarray (...)
        In the quantity's own unit or its logarithm.
    """
    impossible = np.isneginf(log_likelihood(term, x) if log is None else log)
    if not impossible.any():
        return np.zeros(x.shape)
    with np.errstate(all="ignore"):
        u, limits = x, np.array(ends(term))
        if term.measure == "log":
            u, limits = np.log(np.maximum(x, 0)), np.log(np.maximum(limits, 0))
        u = np.clip(u, *term.reach) if math.isfinite(term.reach[0]) else np.clip(u, -1e6, 1e6)
        out = np.maximum(np.maximum(limits[0] - u, u - limits[1]), 0.0)
    return np.where(impossible, np.maximum(out, 1e-9), 0.0)

"""The families a text can name: their keywords, their canonical parameters and what an interval means for them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecast.distribution import shapes, tabulated
from forecast.distribution.fitting import (
    Values,
    beta_interval,
    card_fit,
    gamma_interval,
    lognormal_interval,
    loguniform_interval,
    normal_interval,
    pareto_interval,
    uniform_interval,
)
from forecast.distribution.marginal import Invalid, Marginal, discrete
from forecast.distribution.number import brief, format_number

_MOST_SPREAD = 1e4


@dataclass(frozen=True)
class Family:
    """A family of distributions.

    Parameters
    ----------
    name : str
    keywords : tuple of tuple of str
        The sets of parameters it can be given by; the first is the canonical one.
    example : str
        A text that parses.
    canonical : callable
        From values under any of ``keywords`` to the canonical parameters.

        Raises `Invalid`.
    marginal : callable
        From canonical parameters to a `Marginal`.
    interval : callable, optional
        From ``(low, high, level)``, the central interval of that probability, to canonical parameters.
    no_interval : str
        What to write instead, if there is no ``interval``.
    defaults : tuple of (str, float)
        Parameters that may be left out.
    bounded : bool
        Whether an interval could be mistaken for its two ends, so that the level must be said.
    """

    name: str
    keywords: tuple[tuple[str, ...], ...]
    example: str
    canonical: Callable[[Values], Values]
    marginal: Callable[..., Marginal]
    interval: Callable[[float, float, float], Values] | None = None
    no_interval: str = ""
    defaults: tuple[tuple[str, float], ...] = ()
    bounded: bool = False


def _positive(values: Values, *names: str) -> None:
    for name in names:
        if not values[name] > 0:
            raise Invalid(f"{name} must be above 0 ({brief(values[name])})", "write a positive number")


def _probability(values: Values, name: str) -> None:
    if not 0 <= values[name] <= 1:
        raise Invalid(f"{name} must lie between 0 and 1 ({brief(values[name])})", "write a probability such as 30%")


def _rising(values: Values, *names: str, strictly: bool = False) -> None:
    for one, other in zip(names, names[1:], strict=False):
        if values[one] > values[other] or (strictly and values[one] == values[other]):
            found = f"({one} {brief(values[one])}, {other} {brief(values[other])})"
            relation = "must be below" if strictly else "must not be above"
            raise Invalid(f"{one} {relation} {other} {found}", "write them in rising order")


def _normal(v: Values) -> Values:
    _positive(v, "sd")
    return v


def _lognormal(v: Values) -> Values:
    if "median" in v:
        _positive(v, "median", "sigma")
        return v
    _positive(v, "mean", "sd")
    variance = math.log1p((v["sd"] / v["mean"]) ** 2)
    return {"median": v["mean"] * math.exp(-0.5 * variance), "sigma": math.sqrt(variance)}


def _uniform(v: Values) -> Values:
    _rising(v, "low", "high", strictly=True)
    if not math.isfinite(v["high"] - v["low"]):
        raise Invalid("the ends are too far apart", "write ends that are less than 1.8e308 apart")
    return v


def _loguniform(v: Values) -> Values:
    _positive(v, "low")
    return _uniform(v)


def _three(v: Values) -> Values:
    _rising(v, "low", "mode", "high")
    _rising(v, "low", "high", strictly=True)
    if "lam" in v:
        _positive(v, "lam")
    return v


def _beta(v: Values) -> Values:
    if "a" in v:
        _positive(v, "a", "b")
        return v
    mean, sd = v["mean"], v["sd"]
    _positive(v, "sd")
    if not 0 < mean < 1:
        raise Invalid(f"the mean of a beta lies between 0 and 1 ({brief(mean)})", "write a share such as 30%")
    total = mean * (1.0 - mean) / sd**2 - 1.0
    if not total > 0:
        most = math.sqrt(mean * (1.0 - mean))
        raise Invalid(
            f"no beta with mean {brief(mean)} has an sd of {brief(sd)}", f"write an sd below {format_number(most)}"
        )
    return {"a": mean * total, "b": (1.0 - mean) * total}


def _gamma(v: Values) -> Values:
    if "shape" in v:
        _positive(v, "shape", "scale")
        return v
    _positive(v, "mean", "sd")
    return {"shape": (v["mean"] / v["sd"]) ** 2, "scale": v["sd"] / v["mean"] * v["sd"]}


def _student(v: Values) -> Values:
    _positive(v, "df")
    if "scale" in v:
        _positive(v, "scale")
        return v
    _positive(v, "sd")
    if not v["df"] > 2:
        raise Invalid(f"Student's t has an sd only for df above 2 ({brief(v['df'])})", "give loc and scale instead")
    return {"df": v["df"], "loc": v["mean"], "scale": v["sd"] * math.sqrt(1.0 - 2.0 / v["df"])}


def _exponential(v: Values) -> Values:
    _positive(v, "mean")
    return v


def _pareto(v: Values) -> Values:
    _positive(v, "low", "alpha")
    return v


def _bernoulli(v: Values) -> Values:
    _probability(v, "p")
    return v


def _countable(mean: float, sd: float) -> None:
    if sd > _MOST_SPREAD:
        raise Invalid(
            f"a count of {brief(mean)} with an sd of {brief(sd)} is too wide to tell single values apart",
            f"write normal(mean={brief(mean)}, sd={brief(sd)})",
        )


def _poisson(v: Values) -> Values:
    _positive(v, "mean")
    _countable(v["mean"], math.sqrt(v["mean"]))
    return v


def _binomial(v: Values) -> Values:
    n, p = v["n"], v["p"]
    if n < 1 or n != math.floor(n) or n > 2**53:
        raise Invalid(f"n must be a whole number of trials ({brief(n)})", "write n=1 or more")
    _probability(v, "p")
    _countable(n * p, math.sqrt(n * p * (1.0 - p)))
    return v


def _point(v: Values) -> Values:
    return v


def _discrete(v: Values) -> Values:
    pairs: dict[float, float] = {}
    for value, prob in v["items"]:
        if value in pairs:
            raise Invalid(f"the value {brief(value)} stands twice", "give each value once")
        if not 0 <= prob <= 1:
            raise Invalid(
                f"the probability of {brief(value)} must lie between 0 and 1 ({brief(prob)})",
                "write {value: probability, ...}",
            )
        pairs[value] = prob
    if not pairs:
        raise Invalid("discrete has no values", "write discrete({0: 0.3, 1: 0.7})")
    total = math.fsum(pairs.values())
    if abs(total - 1.0) > 1e-9:
        raise Invalid(f"the probabilities add up to {brief(total)}", "make them add up to 1")
    return {"items": tuple(sorted((x, p) for x, p in pairs.items() if p > 0))}


def _quantiles(v: Values) -> Values:
    points = sorted(v["points"])
    if len(points) < 2:
        raise Invalid(f"{len(points)} quantile is not enough", "give two or more, as in quantiles(5%=1, 50%=3, 95%=20)")
    for prob, _ in points:
        if not 0 < prob < 1:
            raise Invalid(
                f"a quantile's level must lie between 0% and 100% ({brief(100 * prob)}%)",
                "write levels such as 5%, 50% and 95%; bounds go into 'within LOW and HIGH'",
            )
    for (p, x), (q, y) in zip(points, points[1:], strict=False):
        if p == q:
            raise Invalid(f"the level {brief(100 * p)}% stands twice", "give each level once")
        if not x < y:
            raise Invalid(
                f"the quantiles do not rise ({brief(100 * p)}% is {brief(x)}, {brief(100 * q)}% is {brief(y)})",
                "write a higher value for a higher level",
            )
    return {"points": tuple(points)}


def _quantiles_marginal(points: tuple[tuple[float, float], ...]) -> Marginal:
    return shapes.quantiles(tuple(p for p, _ in points), tuple(x for _, x in points))


def _discrete_marginal(items: tuple[tuple[float, float], ...]) -> Marginal:
    values, masses = np.array(items).T
    return discrete(np.ascontiguousarray(values), np.ascontiguousarray(masses))


def _card(v: Values) -> Values:
    _rising(v, "low", "high", strictly=True)
    if not v["low"] < v["mean"] < v["high"]:
        raise Invalid(
            f"the mean of a card lies between its low and its high ({brief(v['mean'])})", "check the three figures"
        )
    return v


def _card_marginal(mean: float, low: float, high: float) -> Marginal:
    family, values = card_fit(low, high)
    return FAMILIES[family].marginal(**values)


_FAMILIES = (
    Family("normal", (("mean", "sd"),), "normal(mean=0, sd=1)", _normal, shapes.normal, normal_interval),
    Family("lognormal", (("median", "sigma"), ("mean", "sd")), "lognormal(median=3, sigma=0.5)", _lognormal,
           shapes.lognormal, lognormal_interval),
    Family("uniform", (("low", "high"),), "uniform(low=1, high=3)", _uniform, shapes.uniform, uniform_interval,
           bounded=True),
    Family("loguniform", (("low", "high"),), "loguniform(low=1, high=100)", _loguniform, shapes.loguniform,
           loguniform_interval, bounded=True),
    Family("triangular", (("low", "mode", "high"),), "triangular(low=1, mode=2, high=5)", _three, shapes.triangular,
           no_interval="write triangular(low=, mode=, high=)"),
    Family("pert", (("low", "mode", "high", "lam"),), "pert(low=1, mode=2, high=5)", _three, tabulated.pert,
           no_interval="write pert(low=, mode=, high=)", defaults=(("lam", 4.0),)),
    Family("beta", (("a", "b"), ("mean", "sd")), "beta(a=2, b=5)", _beta, tabulated.beta, beta_interval),
    Family("gamma", (("shape", "scale"), ("mean", "sd")), "gamma(shape=2, scale=3)", _gamma, tabulated.gamma,
           gamma_interval),
    Family("student_t", (("df", "loc", "scale"), ("df", "mean", "sd")), "student_t(df=4, loc=0, scale=1)", _student,
           tabulated.student_t, no_interval="write student_t(df=4, loc=, scale=), since an interval leaves df open"),
    Family("exponential", (("mean",),), "exponential(mean=3)", _exponential, shapes.exponential,
           no_interval="write exponential(mean=)"),
    Family("pareto", (("low", "alpha"),), "pareto(low=1, alpha=2)", _pareto, shapes.pareto, pareto_interval),
    Family("bernoulli", (("p",),), "bernoulli(p=30%)", _bernoulli, shapes.bernoulli,
           no_interval="write bernoulli(p=)"),
    Family("poisson", (("mean",),), "poisson(mean=3)", _poisson, shapes.poisson, no_interval="write poisson(mean=)"),
    Family("binomial", (("n", "p"),), "binomial(n=10, p=30%)", _binomial, shapes.binomial,
           no_interval="write binomial(n=, p=)"),
    Family("point", (("x",),), "point(3)", _point, shapes.point, no_interval="write point(x)"),
    Family("discrete", (("items",),), "discrete({0: 0.3, 1: 0.7})", _discrete, _discrete_marginal,
           no_interval="write discrete({0: 0.3, 1: 0.7})"),
    Family("quantiles", (("points",),), "quantiles(5%=1, 50%=3, 95%=20)", _quantiles, _quantiles_marginal,
           no_interval="write quantiles(5%=, 50%=, 95%=)"),
    Family("card", (("mean", "low", "high"),), "card(mean=387M, low=55M, high=1.5B)", _card, _card_marginal,
           no_interval="write card(mean=, low=, high=)"),
)  # fmt: skip

FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}
"""Every family but ``mixture``, by name."""

OTHER_NAMES = {
    "norm": "normal", "gaussian": "normal", "lognorm": "lognormal", "log_normal": "lognormal", "unif": "uniform",
    "log_uniform": "loguniform", "triang": "triangular", "triangle": "triangular", "tdist": "student_t",
    "t": "student_t", "studentt": "student_t", "student": "student_t", "exp": "exponential", "expon": "exponential",
    "const": "point", "constant": "point", "exactly": "point", "mx": "mixture", "mix": "mixture",
    "categorical": "discrete", "binom": "binomial", "metalog": "quantiles", "guesstimate": "card", "bern": "bernoulli",
    "to": "lognormal",
}  # fmt: skip
"""What other tools call them; only for hints."""


@functools.cache
def all_names() -> tuple[str, ...]:
    """Names a text can use, ``mixture`` included."""
    return (*FAMILIES, "mixture")

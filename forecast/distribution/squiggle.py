"""squigglepy's objects, read by their parameters and never by their sampler.

Nothing here imports squigglepy: an object of one of its classes brings the library along. Its sampler clips (values
beyond ``lclip`` or ``rclip`` move onto the bound), so a clipped object becomes a mixture of the part between the
bounds and points on them, which is the same distribution; text has ``within``, which truncates.
"""

from __future__ import annotations

import math
from typing import Any

from forecast.distribution.notation import Call, Clip, Node, Plain
from forecast.errors import StudyError


def is_squigglepy(thing: Any) -> bool:
    """Whether an object is of one of squigglepy's classes."""
    return type(thing).__module__.partition(".")[0] == "squigglepy"


def read_object(thing: Any, place: str) -> Node:
    """The same distribution as a record of the text notation.

    Raises
    ------
    StudyError
        If there is no equivalent: formulas of distributions, correlated groups, values that are not numbers,
        ``tdist(x, y)`` (its sampler does not centre on the interval), geometric, Dirichlet, exploding dice.
    """
    kind = type(thing).__name__
    if getattr(thing, "correlation_group", None) is not None:
        raise StudyError.at(
            place, f"a correlated squigglepy object ({kind})", "declare the correlation in [[dependence]] instead"
        )
    node = _unclipped(thing, kind, place)
    low, high = getattr(thing, "lclip", None), getattr(thing, "rclip", None)
    if low is None and high is None:
        return node
    return Clip(node, -math.inf if low is None else float(low), math.inf if high is None else float(high))


def _call(family: str, **values: float) -> Call:
    return Call(family, (), tuple((key, Plain(float(value))) for key, value in values.items()))


def _unclipped(o: Any, kind: str, place: str) -> Node:
    match kind:
        case "ConstantDistribution":
            return _constant(o.x, place)
        case "UniformDistribution":
            return _call("uniform", low=o.x, high=o.y)
        case "NormalDistribution":
            return _call("normal", mean=o.mean, sd=o.sd) if o.sd else Plain(float(o.mean))
        case "LognormalDistribution" | "InverseLognormalDistribution":
            centre = o.norm_mean if kind == "LognormalDistribution" else -o.norm_mean
            return (
                _call("lognormal", median=math.exp(centre), sigma=o.norm_sd) if o.norm_sd else Plain(math.exp(centre))
            )
        case "BetaDistribution":
            return _call("beta", a=o.a, b=o.b)
        case "GammaDistribution":
            return _call("gamma", shape=o.shape, scale=o.scale)
        case "ChiSquareDistribution":
            return _call("gamma", shape=0.5 * o.df, scale=2.0)
        case "ExponentialDistribution":
            return _call("exponential", mean=o.scale)
        case "ParetoDistribution":
            return _call("pareto", low=1.0, alpha=o.shape)
        case "TriangularDistribution":
            return _call("triangular", low=o.left, mode=o.mode, high=o.right)
        case "PERTDistribution":
            return _call("pert", low=o.left, mode=o.mode, high=o.right, lam=o.lam) if o.lam else _flat(o)
        case "BernoulliDistribution":
            return _call("bernoulli", p=o.p)
        case "BinomialDistribution":
            return _call("binomial", n=o.n, p=o.p)
        case "PoissonDistribution":
            return _call("poisson", mean=o.lam)
        case "TDistribution" if o.x is None or o.x == -o.y:
            return _t(o)
        case "TDistribution":
            what = f"squigglepy's tdist({o.x}, {o.y}) is not centred on its interval"
            raise StudyError.at(place, what, "write student_t(df=, loc=, scale=)")
        case "CategoricalDistribution":
            return _discrete(o.items, place)
        case "Die" if not o.explode_on:
            return Call("discrete", ({"items": tuple((float(k + 1), 1.0 / o.sides) for k in range(int(o.sides)))},), ())
        case "MixtureDistribution":
            return _mixture(o, place)
        case "ComplexDistribution":
            what = "a formula of squigglepy objects is not a distribution"
            raise StudyError.at(place, what, "give the parts as priors and the formula as a model function")
    raise StudyError.at(
        place, f"squigglepy's {kind} has no equivalent here", "write it as a text, or as discrete({...})"
    )


def _flat(o: Any) -> Node:
    return _call("uniform", low=o.left, high=o.right)


def _t(o: Any) -> Node:
    from forecast.special import ndtri

    scale = 1.0 if o.x is None else float(o.y) / -float(ndtri(0.5 - 0.005 * o.credibility))
    return _call("student_t", df=o.t, loc=0.0, scale=scale) if scale else Plain(0.0)


def _constant(x: Any, place: str) -> Plain:
    if isinstance(x, bool) or not isinstance(x, (int, float)):
        raise StudyError.at(place, f"a squigglepy constant that is not a number ({x!r})", "give a number")
    return Plain(float(x))


def _discrete(items: Any, place: str) -> Node:
    """A dict of probabilities, a list of [probability, value] pairs, or a list of equally likely values."""
    if isinstance(items, dict):
        pairs = [(value, weight) for value, weight in items.items()]
    elif isinstance(items[0], list) and len(items[0]) == 2:
        pairs = [(value, weight) for weight, value in items]
    else:
        pairs = [(value, 1.0 / len(items)) for value in items]
    totals: dict[float, float] = {}
    for value, weight in pairs:
        x = _constant(value, place).value
        totals[x] = totals.get(x, 0.0) + float(weight)
    total = math.fsum(totals.values())
    return Call("discrete", ({"items": tuple((x, w / total) for x, w in totals.items())},), ())


def _mixture(o: Any, place: str) -> Node:
    parts = tuple(read_object(d, place) if is_squigglepy(d) else _constant(d, place) for d in o.dists)
    total = math.fsum(map(float, o.weights))
    return Call("mixture", parts, (("weights", [Plain(float(w) / total) for w in o.weights]),))

"""A belief about one number: read from text, canonical, comparable, and a function of one normal score."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.errors import StudyError, nearest
from forecast.family import FAMILIES, OTHER_NAMES, Family, all_names, card_fit
from forecast.marginal import Invalid, Marginal, truncated
from forecast.mixture import mixture
from forecast.notation import HOW, Call, Clip, Interval, Node, Plain, Within, read
from forecast.number import format_number, parse_number
from forecast.special import Array, ndtri
from forecast.squiggle import is_squigglepy, read_object
from forecast.table import Table

__all__ = ["Distribution", "format_number", "parse", "parse_number"]

LEVEL = 0.9
"""Probability of an interval that does not say its own."""

_WEIGHT_SLACK = 1e-9


@dataclass(frozen=True)
class Distribution:
    """A distribution of one number. Two are equal if family, parameters and bounds are, however they were written.

    Parameters
    ----------
    family : str
        ``normal``, ``lognormal``, ..., or ``mixture``.
    params : tuple of (str, value)
        Canonical parameters, in a fixed order: floats, or pairs of floats (``discrete``, ``quantiles``), or
        distributions and weights (``mixture``).
    bounds : tuple of float
        ``within``: the part between them, renormalised.
    text : str
        As it was written.

    Examples
    --------
    >>> price = parse("1.4 to 4.1", "here")
    >>> price.family, round(float(price.quantile(0.05)), 12)
    ('lognormal', 1.4)
    """

    family: str
    params: tuple[tuple[str, Any], ...]
    bounds: tuple[float, float] = (-math.inf, math.inf)
    text: str = field(default="", compare=False)

    def __getitem__(self, name: str) -> Any:
        """A canonical parameter by name."""
        return dict(self.params)[name]

    @functools.cached_property
    def _base(self) -> Marginal:
        stored: Table | None = self.__dict__.get("_table")
        values = dict(self.params)
        if self.family == "mixture":
            return mixture([part.marginal for part in values["parts"]], values["weights"], stored)
        make = FAMILIES[self.family].marginal
        return make(**values, stored=stored) if stored is not None else make(**values)

    @functools.cached_property
    def marginal(self) -> Marginal:
        """The distribution as functions on flat arrays (`forecast.marginal.Marginal`)."""
        return self._base if self.bounds == (-math.inf, math.inf) else truncated(self._base, *self.bounds)

    @property
    def is_discrete(self) -> bool:
        """Whether single values are all there is."""
        return self.marginal.is_discrete

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest possible value."""
        return self.marginal.support

    def from_normal(self, z: npt.ArrayLike) -> Array:
        """Values of normal scores: the quantile at ``Phi(z)``.

        Parameters
        ----------
        z : array_like, shape (...)
            Scores; infinity gives an end of the support.

        Returns
        -------
        ndarray, shape (...)
            Non-decreasing in ``z`` (to within rounding); each value depends on its own score only.
        """
        values = np.asarray(z, dtype=np.float64)
        if np.isfinite(values).all():
            return self._map(self.marginal.from_normal, values)
        finite = self._map(self.marginal.from_normal, np.where(np.isinf(values), 0.0, values))
        ends = np.where(values > 0, self.support[1], self.support[0])
        return np.where(np.isinf(values), ends, np.where(np.isnan(values), np.nan, finite))[()]

    def quantile(self, prob: npt.ArrayLike) -> Array:
        """Quantiles.

        Parameters
        ----------
        prob : array_like, shape (...)
            Probabilities in [0, 1]; NaN outside.

        Returns
        -------
        ndarray, shape (...)
            The smallest value with at least that probability at or below it.
        """
        values = np.asarray(prob, dtype=np.float64)
        out = np.where(values == 0, self.support[0], np.where(values == 1, self.support[1], np.nan))
        inside = (values > 0) & (values < 1)
        out[inside] = self.marginal.from_normal(np.atleast_1d(ndtri(values[inside])))
        return out[()]

    def cdf(self, x: npt.ArrayLike) -> Array:
        """``P(X <= x)``, shape (...), relatively accurate in the lower tail."""
        return self._map(lambda flat: self.marginal.tails(flat)[0], x)

    def sf(self, x: npt.ArrayLike) -> Array:
        """``P(X > x)``, shape (...), relatively accurate in the upper tail."""
        return self._map(lambda flat: self.marginal.tails(flat)[1], x)

    def log_density(self, x: npt.ArrayLike) -> Array:
        """Logarithm of the density, shape (...); at a value that has a probability of its own, of that."""
        return self._map(self.marginal.log_density, x)

    def mean(self) -> float:
        """Mean: infinite where it diverges to one side, NaN where to both."""
        return float(self.marginal.mean())

    def sd(self) -> float:
        """Standard deviation: infinite where the second moment is, NaN where there is no mean."""
        return float(self.marginal.sd())

    @staticmethod
    def _map(function: Any, x: npt.ArrayLike) -> Array:
        values = np.asarray(x, dtype=np.float64)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            return function(np.ascontiguousarray(values).reshape(-1)).reshape(values.shape)[()]

    def resolved(self) -> Distribution:
        """The elementary distribution behind a ``card``; any other as it is."""
        if self.family != "card":
            return self
        family, values = card_fit(self["low"], self["high"])
        return Distribution(family, tuple(values.items()), self.bounds, self.text)

    def canonical(self) -> str:
        """A text that parses to an equal distribution."""
        values = dict(self.params)
        match self.family:
            case "mixture":
                parts = ", ".join(part.canonical() for part in values["parts"])
                inner = f"{parts}, weights=[{', '.join(map(_exact, values['weights']))}]"
            case "discrete":
                inner = "{" + ", ".join(f"{_exact(x)}: {_exact(p)}" for x, p in values["items"]) + "}"
            case "quantiles":
                inner = ", ".join(f"{_exact(p)}={_exact(x)}" for p, x in values["points"])
            case "point":
                inner = _exact(values["x"])
            case _:
                inner = ", ".join(f"{name}={_exact(value)}" for name, value in self.params)
        text = f"{self.family}({inner})"
        if self.bounds != (-math.inf, math.inf):
            text += f" within {_exact(self.bounds[0])} and {_exact(self.bounds[1])}"
        return text

    def describe(self) -> str:
        """One line for people: what it was read as, and its 90% interval.

        Examples
        --------
        >>> parse("55M to 1.5B", "here").describe()
        'lognormal, 90% interval 55M to 1.5B'
        """
        if self.family == "point":
            return f"exactly {format_number(self['x'], 6)}"
        text = _KIND.get(self.family, lambda d: d.family)(self)
        low, high = self.quantile([0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL])
        text += f", 90% interval {format_number(low)} to {format_number(high)}"
        if self.bounds != (-math.inf, math.inf):
            ends = (format_number(b, 6) for b in self.bounds)
            text += f", truncated to {' … '.join(ends)}"
        return text

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the compiled table if there is one, so that reading it back costs neither parse nor fit."""
        data: dict[str, Any] = {"family": self.family, "params": [[k, _plain(v)] for k, v in self.params]}
        data["bounds"] = [b if math.isfinite(b) else None for b in self.bounds]
        data["text"] = self.text
        if self._base.table is not None:
            data["table"] = self._base.table().to_json()
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Distribution:
        """The distribution that `to_json` wrote; an equal one, giving the same bits."""
        low, high = data["bounds"]
        bounds = (-math.inf if low is None else low, math.inf if high is None else high)
        params = tuple((k, _unplain(v)) for k, v in data["params"])
        made = cls(data["family"], params, bounds, data["text"])
        if "table" in data:
            made.__dict__["_table"] = Table.from_json(data["table"])
        return made


def _exact(x: float) -> str:
    """As many digits as it takes to read the same number back."""
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    text = repr(float(x)).replace("e+", "e")
    return text.removesuffix(".0")


def _plain(value: Any) -> Any:
    if isinstance(value, Distribution):
        data = {"family": value.family, "params": [[k, _plain(v)] for k, v in value.params]}
        return data | {"bounds": [b if math.isfinite(b) else None for b in value.bounds], "text": value.text}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _unplain(value: Any) -> Any:
    if isinstance(value, dict):
        return Distribution.from_json(value)
    return tuple(_unplain(v) for v in value) if isinstance(value, list) else value


def _describe_card(self: Distribution) -> str:
    plain = Distribution(self.resolved().family, self.resolved().params)
    off = self["mean"] / plain.mean() - 1.0
    relation = "equal to" if abs(off) < 5e-4 else f"{abs(off):.1%} {'above' if off > 0 else 'below'}"
    return (
        f"{plain.family} from a card's low and high (its mean, {format_number(self['mean'])}, "
        f"is {relation} the fitted {format_number(plain.mean())})"
    )


def _describe_quantiles(self: Distribution) -> str:
    plain = Distribution(self.family, self.params)
    probs, values = np.array(self["points"]).T
    miss = np.abs(plain.quantile(probs) - values).max() / np.abs(values).max()
    return f"smooth curve through {len(values)} quantiles (fit error {miss:.0e})".replace("0e+00", "0")


def _describe_mixture(self: Distribution) -> str:
    parts = (f"{100 * w:.3g}% {p.family}" for p, w in zip(self["parts"], self["weights"], strict=True))
    return f"mixture ({', '.join(parts)})"


_KIND: dict[str, Any] = {
    "card": _describe_card,
    "quantiles": _describe_quantiles,
    "mixture": _describe_mixture,
    "bernoulli": lambda d: f"bernoulli, {100 * d['p']:.3g}% chance of 1",
}


def parse(text: Any, place: str) -> Distribution:
    """Read a distribution.

    Parameters
    ----------
    text : str, number, Distribution or squigglepy object
        A text such as ``55M to 1.5B``, ``beta(a=2, b=5)`` or ``mixture(0, 1 to 3, weights=[0.3, 0.7])``; a number is
        a point. squigglepy objects are read by their parameters, never by their sampler.
    place : str
        Where it stands, for the error: ``priors/cost.toml [start_cost]``.

    Returns
    -------
    Distribution

    Raises
    ------
    StudyError
        ``place: what is wrong (what was found); what to do``.

    Examples
    --------
    >>> parse("6e25 to 2e25", "priors/compute.toml [compute_2024]")
    Traceback (most recent call last):
    forecast.errors.StudyError: priors/compute.toml [compute_2024]: the interval runs downwards (6e25 to 2e25); write the low end first
    """
    if isinstance(text, Distribution):
        return text
    if isinstance(text, str):
        node, shown = read(text, place), text
    elif is_squigglepy(text):
        node, shown = read_object(text, place), ""
    else:
        kind = type(text).__name__
        if isinstance(text, bool) or not isinstance(text, (int, float, np.integer, np.floating)):
            raise StudyError.at(place, f"not a distribution ({kind})", HOW)
        node, shown = Plain(parse_number(text, place)), str(text)
    try:
        made = _build(node, place, shown)
        made.marginal  # noqa: B018  what cannot be computed is told now, not in the middle of a run
    except Invalid as error:
        raise StudyError.at(place, error.what, error.remedy) from None
    except (OverflowError, ZeroDivisionError):
        what = f"the figures are too large or too small to compute with ({shown})"
        raise StudyError.at(place, what, "write it in a smaller or a larger unit") from None
    return made if made.text else Distribution(made.family, made.params, made.bounds, made.canonical())


def _build(node: Node, place: str, text: str = "") -> Distribution:
    match node:
        case Plain(value):
            return _make("point", {"x": _finite(value)}, text)
        case Interval():
            return _interval(node, text)
        case Within(inner, low, high):
            return _within(_build(inner, place), low, high, text)
        case Clip(inner, low, high):
            return _clip(_build(inner, place), low, high, text)
        case Call("mixture"):
            return _mixture(node, place, text)
        case Call():
            return _call(node, text)
    raise AssertionError(node)


def _finite(x: float) -> float:
    if not math.isfinite(x):
        raise Invalid(f"not a finite number ({x})", "infinity only stands in 'within LOW and HIGH'")
    return x


def _make(name: str, values: dict[str, Any], text: str = "") -> Distribution:
    family = FAMILIES[name]
    canonical = family.canonical(values)
    order = family.keywords[0]
    for key in order:
        if isinstance(canonical[key], float) and not math.isfinite(canonical[key]):
            raise Invalid(f"the {key} of {name} overflows", "write smaller numbers, or another unit")
    return Distribution(name, tuple((key, canonical[key]) for key in order), text=text)


def _family(name: str) -> Family:
    if name in FAMILIES:
        return FAMILIES[name]
    other = OTHER_NAMES.get(name.lower())
    hint = f"did you mean '{other}'?" if other else nearest(name.lower(), all_names())
    raise Invalid(f"unknown family '{name}'", hint or f"the families are {', '.join(all_names())}")


def _interval(node: Interval, text: str) -> Distribution:
    low, high = _finite(node.low), _finite(node.high)
    found = f"{_brief(low)} to {_brief(high)}"
    if low > high:
        raise Invalid(f"the interval runs downwards ({found})", "write the low end first")
    if low == high:
        raise Invalid(f"the interval has no width ({found})", f"write point({_brief(low)}) for a fixed value")
    if node.level is not None and not 0 < node.level < 1:
        raise Invalid(f"an interval's level must lie between 0% and 100% ({_brief(node.level)})", "write (80%) or (0.8)")
    name = node.family or ("lognormal" if low > 0 else "normal")
    if name == "mixture":
        raise Invalid(f"mixture has no interval (mixture {found})", "write mixture(A, B, weights=[0.7, 0.3])")
    family = _family(name)
    if family.interval is None:
        raise Invalid(f"{name} has no interval ({name} {found})", family.no_interval)
    if family.bounded and node.level is None:
        raise Invalid(
            f"'{name} {found}' could mean its ends or its 90% interval",
            f"write {name}(low={_brief(low)}, high={_brief(high)}), or {name} {found} (90%)",
        )
    made = _make(name, family.interval(low, high, LEVEL if node.level is None else node.level))
    return Distribution(made.family, made.params, made.bounds, text)


def _brief(x: float) -> str:
    return format_number(x, 6)


def _call(node: Call, text: str) -> Distribution:
    family = _family(node.family)
    name = family.name
    if name == "discrete":
        if len(node.positional) != 1 or node.keywords or not isinstance(node.positional[0], dict):
            raise Invalid("discrete takes values with their probabilities", f"write {family.example}")
        return _make(name, node.positional[0], text)
    if name == "quantiles":
        if node.positional or any(isinstance(key, str) for key, _ in node.keywords):
            raise Invalid("quantiles takes levels with their values", f"write {family.example}")
        points = tuple((key, _number(value, name, f"{100 * float(key):g}%")) for key, value in node.keywords)
        return _make(name, {"points": points}, text)
    if name == "point" and len(node.positional) == 1 and not node.keywords:
        return _make(name, {"x": _number(node.positional[0], name, "x")}, text)
    if node.positional:
        filled = _with_keywords(family, node.positional)
        raise Invalid(f"{name} takes its parameters by keyword ({_call_text(node)})", f"write {filled}")
    values: dict[str, Any] = {}
    known = [key for keys in family.keywords for key in keys]
    ways = " or ".join(", ".join(keys) for keys in family.keywords)
    for key, value in node.keywords:
        if key not in known:
            hint = nearest(str(key), known)
            raise Invalid(f"{name} has no parameter '{key}'", f"{hint} (it takes {ways})" if hint else f"it takes {ways}")
        if key in values:
            raise Invalid(f"{name} has {key} twice", f"give {key} once")
        values[str(key)] = _number(value, name, str(key))
    values = dict(family.defaults) | values
    if not any(set(values) == set(keys) for keys in family.keywords):
        given = ", ".join(key for key, _ in node.keywords) or "nothing"
        raise Invalid(f"{name} is given by {ways} (found {given})", f"write {family.example}")
    return _make(name, values, text)


def _with_keywords(family: Family, positional: tuple[Any, ...]) -> str:
    keys = family.keywords[0]
    required = keys[: len(keys) - len(family.defaults)]
    if len(positional) == len(required) and all(isinstance(p, Plain) for p in positional):
        inner = ", ".join(f"{k}={_brief(p.value)}" for k, p in zip(required, positional, strict=True))
        return f"{family.name}({inner})"
    return family.example


def _call_text(node: Call) -> str:
    shown = [_brief(p.value) if isinstance(p, Plain) else "..." for p in node.positional]
    return f"{node.family}({', '.join(shown + ['...'] * bool(node.keywords))})"


def _number(node: Any, family: str, key: str) -> float:
    if not isinstance(node, Plain):
        raise Invalid(f"the {key} of {family} is not a number", "parameters are plain numbers; nest only in mixture(A, B)")
    return _finite(node.value)


def _mixture(node: Call, place: str, text: str) -> Distribution:
    example = "write mixture(A, B, weights=[0.7, 0.3])"
    for key, _ in node.keywords:
        if key != "weights":
            raise Invalid(f"mixture has no parameter '{key}'", nearest(str(key), ["weights"]) or "it takes weights")
    if len(node.keywords) > 1:
        raise Invalid("mixture has weights twice", "give weights once")
    if not node.positional or any(isinstance(p, (list, dict)) for p in node.positional):
        raise Invalid("mixture takes distributions and their weights", example)
    parts = [_build(part, place) for part in node.positional]
    weights = [1.0 / len(parts)] * len(parts)
    if node.keywords:
        given = node.keywords[0][1]
        if not isinstance(given, list):
            raise Invalid("the weights of a mixture are a list", example)
        weights = [_number(w, "mixture", "weight") for w in given]
        if len(weights) != len(parts):
            raise Invalid(f"mixture has {len(parts)} parts and {len(weights)} weights", "give one weight for each part")
        if any(w < 0 for w in weights):
            raise Invalid(f"a weight must not be negative ({_brief(min(weights))})", "write weights from 0 to 1")
        total = math.fsum(weights)
        if abs(total - 1.0) > _WEIGHT_SLACK:
            raise Invalid(f"the weights add up to {_brief(total)}", "make them add up to 1")
    used = [(p, w) for p, w in zip(parts, weights, strict=True) if w > 0]
    if len(used) == 1:
        only = used[0][0]
        return Distribution(only.family, only.params, only.bounds, text)
    bare = tuple(Distribution(p.family, p.params, p.bounds, p.canonical()) for p, _ in used)
    return Distribution("mixture", (("parts", bare), ("weights", tuple(w for _, w in used))), text=text)


def _within(inner: Distribution, low: float, high: float, text: str) -> Distribution:
    if low > high:
        raise Invalid(f"the bounds run downwards ({_brief(low)} and {_brief(high)})", "write the low bound first")
    if low == high:
        raise Invalid(f"the bounds leave no room ({_brief(low)} and {_brief(high)})", "write point(x) for a fixed value")
    if low == math.inf or high == -math.inf:
        raise Invalid("the bounds lie at infinity", "write 'within LOW and inf' or 'within -inf and HIGH'")
    bounds = (max(low, inner.bounds[0]), min(high, inner.bounds[1]))
    made = Distribution(inner.family, inner.params, bounds, text)
    try:
        if bounds[0] > bounds[1]:
            raise Invalid("", "")
        made.marginal  # noqa: B018
    except Invalid:
        whole = Distribution(inner.family, inner.params)
        ends = whole.quantile([0.05, 0.95])
        raise Invalid(
            f"the bounds {_brief(low)} and {_brief(high)} hold no probability of the {inner.family} "
            f"(90% interval {format_number(ends[0])} to {format_number(ends[1])})",
            "widen the bounds",
        ) from None
    return made


def _clip(inner: Distribution, low: float, high: float, text: str) -> Distribution:
    """Values beyond the bounds moved onto them, as a mixture of two points and the part between."""
    below = float(inner.cdf(np.nextafter(low, -np.inf))) if low > -math.inf else 0.0
    above = float(inner.sf(high)) if high < math.inf else 0.0
    if below + above == 0:
        return inner
    between = 1.0 - below - above
    parts: list[tuple[Distribution, float]] = []
    if below > 0:
        parts.append((_make("point", {"x": low}), below))
    if between > 1e-15:
        parts.append((_within(inner, low if below else -math.inf, high if above else math.inf, ""), between))
    if above > 0:
        parts.append((_make("point", {"x": high}), above))
    if len(parts) == 1:
        return parts[0][0]
    bare = tuple(Distribution(p.family, p.params, p.bounds, p.canonical()) for p, _ in parts)
    return Distribution("mixture", (("parts", bare), ("weights", tuple(w for _, w in parts))), text=text)

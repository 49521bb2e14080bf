"""A belief about one number: canonical, comparable, and a function of one normal score."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.distribution.family import FAMILIES
from forecast.distribution.fitting import card_fit
from forecast.distribution.marginal import Marginal, truncated
from forecast.distribution.mixture import mixture
from forecast.distribution.number import format_number
from forecast.distribution.table import Map, Table
from forecast.special import Array, ndtri

if TYPE_CHECKING:
    import numpy.typing as npt

LEVEL = 0.9
"""Probability of an interval that does not say its own."""


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
    >>> price = Distribution("lognormal", (("median", 2.4), ("sigma", 0.3)))
    >>> price.family, float(price.quantile(0.5))
    ('lognormal', 2.4)
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
            flat = _flatten(values["parts"], values["weights"])
            return mixture([part.marginal for part, _ in flat], [weight for _, weight in flat], stored)
        make = FAMILIES[self.family].marginal
        return make(**values, stored=stored) if stored is not None else make(**values)

    @functools.cached_property
    def marginal(self) -> Marginal:
        """The distribution as functions on flat arrays (`forecast.distribution.marginal.Marginal`)."""
        return self._base if self.bounds == (-math.inf, math.inf) else truncated(self._base, *self.bounds)

    @property
    def kept(self) -> float:
        """Probability that bounds leave of the distribution they cut; of a mixture, of its part that is cut most.

        Examples
        --------
        >>> normal = (("mean", 0.0), ("sd", 1.0))
        >>> round(Distribution("normal", normal, (0.0, np.inf)).kept, 9)
        0.5
        """
        least = min((part.kept for part in dict(self.params).get("parts", ())), default=1.0)
        if self.bounds == (-math.inf, math.inf):
            return least
        whole = Distribution(self.family, self.params, text=self.text)
        low, high = (float(bound) for bound in self.bounds)
        under = math.nextafter(low, -math.inf)  # closed bounds: what is probable at them is kept
        left = float(whole.cdf(high) - whole.cdf(under))
        if whole.sf(under) < 0.5:
            left = float(whole.sf(under) - whole.sf(high))
        return min(least, left)

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
        with np.errstate(over="ignore", invalid="ignore"):
            finite_sum = math.isfinite(values.sum())  # quicker than to ask each
        if finite_sum:
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
    def _map(function: Map, x: npt.ArrayLike) -> Array:
        values = np.asarray(x, dtype=np.float64)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            out: Array = function(np.ascontiguousarray(values).reshape(-1)).reshape(values.shape)[()]
        return out

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
        >>> Distribution("normal", (("mean", 3e6), ("sd", 1e6))).describe()
        'normal, 90% interval 1.36M to 4.64M'
        """
        if self.family == "point":
            return f"exactly {format_number(self['x'], 6)}"
        text = _KIND[self.family](self) if self.family in _KIND else self.family
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


def _flatten(parts: tuple[Distribution, ...], weights: tuple[float, ...]) -> list[tuple[Distribution, float]]:
    """Parts of a mixture, with those of a mixture inside it in its place: one table is enough."""
    flat: list[tuple[Distribution, float]] = []
    for part, weight in zip(parts, weights, strict=True):
        if part.family == "mixture" and part.bounds == (-math.inf, math.inf):
            flat += [(p, w * weight) for p, w in _flatten(part["parts"], part["weights"])]
        else:
            flat.append((part, weight))
    return flat


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


_KIND: dict[str, Callable[[Distribution], str]] = {
    "card": _describe_card,
    "quantiles": _describe_quantiles,
    "mixture": _describe_mixture,
    "bernoulli": lambda d: f"bernoulli, {100 * d['p']:.3g}% chance of 1",
}

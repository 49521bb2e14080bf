"""What the engine needs to know of one distribution, and how distributions are cut, mixed and counted.

Every marginal is a non-decreasing function of one normal score, so that dependence between inputs (a Gaussian copula)
and rotations of the sample are a small matrix on scores.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecast.distribution.panels import gauss_legendre
from forecast.distribution.table import REACH, Locator, Map, Table
from forecast.special import Array, ndtr_pair, ndtri_exp, normal_score

_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)
LEAST_MASS = 1e-300
"""Bounds that hold less probability than this hold none."""


class Invalid(ValueError):
    """Parameters that make no distribution: what is wrong, and the way out."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what, self.remedy = what, remedy


@dataclass(frozen=True, eq=False)
class Marginal:
    """A distribution as functions on flat arrays.

    Parameters
    ----------
    from_normal : callable
        Normal scores to values, non-decreasing.
    tails : callable
        Values to ``(P(X <= x), P(X > x))``, each accurate where it is small.
    log_density : callable
        Logarithm of the density; at an atom, of its probability.
    support : tuple of float
    mean, sd : callable
        Without argument. ``sd`` is infinite where the second moment is, NaN where there is no mean.
    kinks : tuple of float
        Values where the density is not smooth, ends of the support included.
    atoms : tuple of ndarray
        Values with a probability of their own (increasing), and their probabilities.
    is_discrete : bool
        Whether atoms are all there is.
    heaviness : tuple of float
        Tail indices on the left and on the right: moments below that order exist.
    table : callable, optional
        The table `from_normal` uses, built when first asked for.
    """

    from_normal: Map
    tails: Callable[[Array], tuple[Array, Array]]
    log_density: Map
    support: tuple[float, float]
    mean: Callable[[], float]
    sd: Callable[[], float]
    kinks: tuple[float, ...] = ()
    atoms: tuple[Array, Array] = (np.empty(0), np.empty(0))
    is_discrete: bool = False
    heaviness: tuple[float, float] = (math.inf, math.inf)
    table: Callable[[], Table] | None = None


def within_reach(near: Map, far: Map) -> Map:
    """Use a table where it reaches, and solve for the (practically never drawn) scores beyond."""

    def value(z: Array) -> Array:
        if z.size == 0 or (z.min() >= -REACH and z.max() <= REACH):
            return near(z)
        inside = np.abs(z) <= REACH
        out = np.full(z.shape, np.nan)
        out[inside] = near(z[inside])
        beyond = ~inside & ~np.isnan(z)
        if beyond.any():
            out[beyond] = far(z[beyond])
        return out

    return value


def discrete(values: Array, masses: Array, upper: Array | None = None, lower: Array | None = None) -> Marginal:
    """Finitely many values.

    Parameters
    ----------
    values : ndarray, shape (value)
        Increasing.
    masses : ndarray, shape (value)
        Their probabilities; they are normalised.
    lower, upper : ndarray, shape (value), optional
        ``P(X <= value)`` and ``P(X > value)`` where they are known better than by adding up.
    """
    total = math.fsum(masses)
    masses = masses / total
    if lower is None or upper is None:
        lower = np.cumsum(masses)
        upper = np.append(np.cumsum(masses[:0:-1])[::-1], 0.0)
    below, above = np.append(0.0, lower), np.append(1.0, upper)
    # the value changes just after its threshold, so that quantile(cdf(x)) is x in spite of rounding
    breaks = normal_score(lower[:-1], upper[:-1])
    breaks = breaks + 4e-15 * (1.0 + np.abs(breaks))
    locate = Locator.of(breaks)

    def from_normal(z: Array) -> Array:
        if values.size == 2:
            chosen: Array = np.where(z > breaks[0], values[1], values[0])
            return chosen
        found: Array = values.take(locate(z))
        return found

    def tails(x: Array) -> tuple[Array, Array]:
        at = np.searchsorted(values, x, side="right")
        return below.take(at), above.take(at)

    def log_density(x: Array) -> Array:
        at = np.minimum(np.searchsorted(values, x), values.size - 1)
        with np.errstate(divide="ignore"):
            return np.where(values[at] == x, np.log(masses[at]), -np.inf)

    def mean() -> float:
        return math.fsum(values * masses)

    def sd() -> float:
        return math.sqrt(math.fsum((values - mean()) ** 2 * masses))

    ends = (float(values[0]), float(values[-1]))
    return Marginal(from_normal, tails, log_density, ends, mean, sd, atoms=(values, masses), is_discrete=True)


def truncated(base: Marginal, low: float, high: float) -> Marginal:
    """The part of a distribution within closed bounds, renormalised; no mass ends up on a bound.

    The score is mapped to the base's score by mixing the tail probabilities of the two bounds; in a deep tail the
    mixing is done in logarithms.
    """
    if base.is_discrete:
        values, masses = base.atoms
        keep = (values >= low) & (values <= high)
        if not math.fsum(masses[keep]) >= LEAST_MASS:
            raise Invalid("the bounds hold no probability", "widen them")
        return discrete(values[keep], masses[keep])
    ends = np.array([np.nextafter(low, -np.inf) if low in base.atoms[0] else low, high])
    lower, upper = base.tails(ends)
    if lower[1] <= 0.5:
        mass = lower[1] - lower[0]
    else:
        mass = upper[0] - upper[1] if upper[0] <= 0.5 else 1.0 - lower[0] - upper[1]
    if not mass >= LEAST_MASS:
        raise Invalid("the bounds hold no probability", "widen them")
    (below, below_high), (above_low, above) = lower, upper
    deep = lower[1] < 1e-15 or upper[0] < 1e-15

    def scores(z: Array) -> Array:
        if deep and lower[1] < 0.5:
            down, up = ndtr_pair(z)
            return ndtri_exp(math.log(below_high) + np.log(up * (below / below_high) + down))
        if deep:
            down, up = ndtr_pair(z)
            return -ndtri_exp(math.log(above_low) + np.log(up + down * (above / above_low)))
        down, up = ndtr_pair(z)
        return normal_score(below * up + below_high * down, above_low * up + above * down)

    rims = [
        _Rim(bound, sign, _room(base, bound, sign), mass, base.log_density)
        for bound, sign, outside in ((low, 1.0, below), (high, -1.0, above))
        if outside > 0
    ]

    def from_normal(z: Array) -> Array:
        with np.errstate(divide="ignore", under="ignore"):
            x = np.clip(base.from_normal(scores(z)), low, high)
        for rim in rims:
            rim.refine(z, x)
        return x

    def tails(x: Array) -> tuple[Array, Array]:
        inside = np.clip(x, low, high)
        under, over = base.tails(inside)
        down = np.where(under <= 0.5, under - below, (above_low - over)) / mass
        up = np.where(over <= 0.5, over - above, (below_high - under)) / mass
        down, up = np.clip(down, 0.0, 1.0), np.clip(up, 0.0, 1.0)
        for rim in rims:
            rim.improve(inside, down if rim.sign > 0 else up)
        return np.where(x < low, 0.0, down), np.where(x < low, 1.0, np.where(x >= high, 0.0, up))

    def log_density(x: Array) -> Array:
        return np.where((x >= low) & (x <= high), base.log_density(x) - math.log(mass), -np.inf)

    support = (max(low, base.support[0]), min(high, base.support[1]))
    kinks = tuple(k for k in (*base.kinks, low, high) if support[0] <= k <= support[1] and math.isfinite(k))
    values, masses = base.atoms
    keep = (values >= low) & (values <= high)
    heaviness = (
        base.heaviness[0] if low == -math.inf else math.inf,
        base.heaviness[1] if high == math.inf else math.inf,
    )
    mean, sd = moments(from_normal, tails, kinks, heaviness)
    return Marginal(
        from_normal, tails, log_density, support, mean, sd, kinks, (values[keep], masses[keep] / mass),
        heaviness=heaviness, table=base.table,
    )  # fmt: skip


_RIM = 1e-4  # share of the mass beside a bound within which a difference of two probabilities has lost its digits
_RIM_SCORE = -3.719016485455709  # Phi of it is _RIM


@dataclass(frozen=True)
class _Rim:
    """What lies just inside a bound of a truncated distribution, where probabilities are integrals of the density.

    Parameters
    ----------
    bound : float
    sign : float
        1 at a lower bound, -1 at an upper one.
    room : float
        How far the density is smooth from the bound on.
    mass : float
        Probability between the bounds.
    log_density : callable
        Of the distribution before truncation.
    """

    bound: float
    sign: float
    room: float
    mass: float
    log_density: Map

    def _density(self, depth: Array) -> Array:
        with np.errstate(under="ignore", over="ignore"):
            return np.exp(self.log_density(self.bound + self.sign * depth) - math.log(self.mass))

    def _share(self, depth: Array) -> Array:
        """Probability from the bound to some depth (>= 0)."""
        x, w = gauss_legendre(16)
        at = 0.5 * depth[:, None] * (1.0 + x)
        return 0.5 * depth * (self._density(at.reshape(-1)).reshape(at.shape) * w).sum(axis=1)

    def _first(self) -> float:
        first = float(self._density(np.zeros(1))[0]) if self.room > 0 else 0.0
        return first if 0 < first < math.inf else 0.0

    def improve(self, x: Array, share: Array) -> None:
        """Put what is integrated in the place of what was subtracted, where the share is small."""
        depth = self.sign * (x - self.bound)
        near = np.flatnonzero((share < _RIM) & (depth < self.room))
        if near.size and self._first():
            share[near] = np.minimum(self._share(depth[near]), _RIM)

    def refine(self, z: Array, x: Array) -> None:
        """Solve for the depth where the score is far out: Newton's method from a constant density."""
        score = self.sign * z
        near = np.flatnonzero(score < _RIM_SCORE)
        if not near.size or not self._first():
            return
        share = ndtr_pair(score[near])[0]
        depth = share / self._first()
        with np.errstate(all="ignore"):  # where it does not converge, the value from before stands
            for _ in range(8):
                step = (self._share(depth) - share) / self._density(depth)
                depth = np.where(step < depth, depth - step, 0.5 * depth)
        good = (depth < self.room) & (np.abs(step) <= 1e-12 * depth)
        x[near[good]] = self.bound + self.sign * depth[good]


def _room(base: Marginal, bound: float, sign: float) -> float:
    """Distance from a bound to the next kink or atom inside it."""
    stops = sign * (np.concatenate([np.array(base.kinks), base.atoms[0]]) - bound)
    return float(stops[stops >= 0].min(initial=math.inf)) if math.isfinite(bound) else 0.0


def moments(
    from_normal: Map,
    tails: Callable[[Array], tuple[Array, Array]],
    kinks: tuple[float, ...],
    heaviness: tuple[float, float],
) -> tuple[Callable[[], float], Callable[[], float]]:
    """Mean and standard deviation by Gauss-Legendre quadrature over the normal score, between the kinks."""

    @functools.cache
    def grid() -> tuple[Array, Array]:
        at = normal_score(*tails(np.array(sorted(kinks)))) if kinks else np.empty(0)
        edges = np.unique(np.concatenate([np.arange(-37.0, 37.01, 0.25), at[np.abs(at) < 37.0]]))
        x, w = gauss_legendre(16)
        half = 0.5 * np.diff(edges)
        z = ((edges[:-1] + half)[:, None] + half[:, None] * x).reshape(-1)
        with np.errstate(all="ignore"):
            weight = (half[:, None] * w).reshape(-1) * np.exp(-0.5 * z * z) / _ROOT_TWO_PI
            return from_normal(z), weight

    def exists(order: float) -> tuple[bool, bool]:
        return heaviness[0] > order, heaviness[1] > order

    @functools.cache
    def mean() -> float:
        left, right = exists(1.0)
        if not (left and right):
            return math.nan if not left and not right else (math.inf if left else -math.inf)
        value, weight = grid()
        with np.errstate(over="ignore"):
            return float(np.sum(value * weight) / np.sum(weight))

    @functools.cache
    def sd() -> float:
        if math.isnan(mean()) or math.isinf(mean()):
            return math.nan if math.isnan(mean()) else math.inf
        if not all(exists(2.0)):
            return math.inf
        value, weight = grid()
        with np.errstate(over="ignore"):
            return float(np.sqrt(np.sum((value - mean()) ** 2 * weight) / np.sum(weight)))

    return mean, sd


def log_phi(z: Array) -> Array:
    """Logarithm of the standard normal density."""
    return -0.5 * z * z - math.log(_ROOT_TWO_PI)


def log_or_minus_infinity(x: Array) -> Array:
    """Logarithm, minus infinity at 0 and below, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.maximum(x, 0.0))

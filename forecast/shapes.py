"""The marginals of the families, from their canonical parameters.

Closed forms of the normal score where there are any; tables (`forecast.table`) for gamma, beta and Student's t, kept
per shape, since location and scale are applied outside.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from forecast.marginal import Marginal, discrete, log_phi, moments, within_reach
from forecast.special import Array, log_ndtr, ndtr, ndtr_pair, ndtri
from forecast.table import Map, Panels, Table, tabulate

_LOG_TINY = -1e300


def _log(x: Array) -> Array:
    """Logarithm, minus infinity at 0 and below, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.maximum(x, 0.0))


def normal(mean: float, sd: float) -> Marginal:
    def tails(x: Array) -> tuple[Array, Array]:
        return ndtr_pair((x - mean) / sd)

    return Marginal(
        lambda z: mean + sd * z, tails, lambda x: log_phi((x - mean) / sd) - math.log(sd), (-math.inf, math.inf),
        lambda: mean, lambda: sd,
    )  # fmt: skip


def lognormal(median: float, sigma: float) -> Marginal:
    mu = math.log(median)

    def from_normal(z: Array) -> Array:
        out = z * sigma
        out += mu
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(out, out=out)

    def tails(x: Array) -> tuple[Array, Array]:
        return ndtr_pair((_log(x) - mu) / sigma)

    def log_density(x: Array) -> Array:
        log_x = np.maximum(_log(x), _LOG_TINY)
        return np.where(x > 0, log_phi((np.maximum(log_x, -1e10) - mu) / sigma) - math.log(sigma) - log_x, -np.inf)

    def mean() -> float:
        return _exp(mu + 0.5 * sigma * sigma)

    def sd() -> float:
        return mean() * math.sqrt(math.expm1(sigma * sigma)) if sigma < 26 else math.inf

    return Marginal(from_normal, tails, log_density, (0.0, math.inf), mean, sd, kinks=(0.0,))


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.78 else math.inf


def uniform(low: float, high: float) -> Marginal:
    width = high - low

    def tails(x: Array) -> tuple[Array, Array]:
        return np.clip((x - low) / width, 0.0, 1.0), np.clip((high - x) / width, 0.0, 1.0)

    def log_density(x: Array) -> Array:
        return np.where((x >= low) & (x <= high), -math.log(width), -np.inf)

    return Marginal(
        lambda z: np.minimum(low + width * ndtr(z), high), tails, log_density, (low, high),
        lambda: low + 0.5 * width, lambda: width / math.sqrt(12.0), kinks=(low, high),
    )  # fmt: skip


def loguniform(low: float, high: float) -> Marginal:
    start, width = math.log(low), math.log(high / low)

    def from_normal(z: Array) -> Array:
        return np.clip(np.exp(start + width * ndtr(z)), low, high)

    def tails(x: Array) -> tuple[Array, Array]:
        inside = np.clip(x, low, high)
        return np.log(inside / low) / width, np.log(high / inside) / width

    def log_density(x: Array) -> Array:
        return np.where((x >= low) & (x <= high), -_log(x) - math.log(width), -np.inf)

    def mean() -> float:
        return (high - low) / width

    def sd() -> float:
        return math.sqrt(max((high - low) * (high + low) / (2.0 * width) - mean() ** 2, 0.0))

    return Marginal(from_normal, tails, log_density, (low, high), mean, sd, kinks=(low, high))


def triangular(low: float, mode: float, high: float) -> Marginal:
    width, left, right = high - low, mode - low, high - mode

    def from_normal(z: Array) -> Array:
        down, up = ndtr_pair(z)
        rising = low + np.sqrt(down * (width * left))
        return np.where(down * width <= left, rising, high - np.sqrt(up * (width * right)))

    def tails(x: Array) -> tuple[Array, Array]:
        inside = np.clip(x, low, high)
        down = (inside - low) ** 2 / (width * left or 1.0)
        up = (high - inside) ** 2 / (width * right or 1.0)
        rising = inside < mode
        return np.where(rising, down, 1.0 - up), np.where(rising, 1.0 - down, up)

    def log_density(x: Array) -> Array:
        height = np.where(x < mode, (x - low) / (left or 1.0), (high - x) / (right or 1.0))
        height = np.where(x == mode, 1.0, height)
        return _log(height) + math.log(2.0 / width)

    mean = (low + mode + high) / 3.0
    sd = math.sqrt((left * left + right * right + left * right) / 18.0)
    return Marginal(from_normal, tails, log_density, (low, high), lambda: mean, lambda: sd, kinks=(low, mode, high))


def exponential(mean: float) -> Marginal:
    def tails(x: Array) -> tuple[Array, Array]:
        scaled = np.maximum(x, 0.0) / mean
        return -np.expm1(-scaled), np.exp(-scaled)

    def log_density(x: Array) -> Array:
        return np.where(x >= 0, -x / mean - math.log(mean), -np.inf)

    return Marginal(
        lambda z: -mean * log_ndtr(-z), tails, log_density, (0.0, math.inf), lambda: mean, lambda: mean, kinks=(0.0,)
    )


def pareto(low: float, alpha: float) -> Marginal:
    def from_normal(z: Array) -> Array:
        with np.errstate(over="ignore"):
            return low * np.exp(log_ndtr(-z) / -alpha)

    def tails(x: Array) -> tuple[Array, Array]:
        excess = np.log(np.maximum(x, low) / low)
        return -np.expm1(-alpha * excess), np.exp(-alpha * excess)

    def log_density(x: Array) -> Array:
        inside = np.maximum(x, low)
        return np.where(x >= low, math.log(alpha / low) - (alpha + 1.0) * np.log(inside / low), -np.inf)

    mean = low * alpha / (alpha - 1.0) if alpha > 1 else math.inf
    sd = mean / math.sqrt(alpha * (alpha - 2.0)) if alpha > 2 else math.inf
    return Marginal(
        from_normal, tails, log_density, (low, math.inf), lambda: mean, lambda: sd,
        kinks=(low,), heaviness=(math.inf, alpha),
    )  # fmt: skip


def _expm1_less(u: Array) -> Array:
    """``exp(u) - 1 - u``, without cancellation near 0."""
    series = np.zeros_like(u)
    for k in range(12, 1, -1):
        series = (series + 1.0) * u / k
    return np.where(np.abs(u) < 0.2, series * u, np.expm1(u) - u)


@functools.lru_cache(256)
def gamma_panels(shape: float) -> Panels:
    """Of ``log(x / shape)`` for a gamma of scale 1: ``shape (u - exp(u))`` up to a constant."""

    def log_height(u: Array) -> Array:
        with np.errstate(over="ignore"):
            return -shape * _expm1_less(u)

    return Panels.of(log_height, -math.log(shape))


@functools.lru_cache(256)
def _gamma_table(shape: float) -> Table:
    return tabulate(gamma_panels(shape).invert)


def gamma(shape: float, scale: float, stored: Table | None = None) -> Marginal:
    centre = shape * scale

    def table() -> Table:
        return stored or _gamma_table(shape)

    def near(z: Array) -> Array:
        u = table()(z)
        with np.errstate(over="ignore", under="ignore"):
            np.exp(u, out=u)
            u *= centre
        return u

    def far(z: Array) -> Array:
        with np.errstate(under="ignore"):
            return centre * np.exp(gamma_panels(shape).invert(z))

    def tails(x: Array) -> tuple[Array, Array]:
        down, up = gamma_panels(shape).tails(np.maximum(_log(x / centre), _LOG_TINY))
        return np.where(x > 0, down, 0.0), np.where(x > 0, up, 1.0)

    def log_density(x: Array) -> Array:
        inside = np.where(x > 0, x, centre)
        value = gamma_panels(shape).log_density(np.log(inside / centre)) - np.log(inside)
        at_zero = math.inf if shape < 1 else (-math.log(scale) if shape == 1 else -math.inf)
        return np.where(x > 0, value, np.where(x == 0, at_zero, -np.inf))

    return Marginal(
        within_reach(near, far), tails, log_density, (0.0, math.inf), lambda: centre,
        lambda: scale * math.sqrt(shape), kinks=(0.0,), table=table,
    )  # fmt: skip


@functools.lru_cache(256)
def beta_panels(a: float, b: float) -> Panels:
    """Of ``logit(x) - log(a / b)``: ``a u - (a + b) log(1 + a/(a+b) (exp(u) - 1))`` up to a constant."""
    share, rest, corner = a / (a + b), b / (a + b), math.log(b / a)

    def log_height(u: Array) -> Array:
        # two ways to write it; each side of the corner has one without cancellation or overflow
        rising = a * u - (a + b) * np.log1p(share * np.expm1(np.minimum(u, corner)))
        return np.where(u < corner, rising, -b * u - (a + b) * np.log1p(rest * np.expm1(-np.maximum(u, corner))))

    return Panels.of(log_height, corner)


@functools.lru_cache(256)
def _beta_table(a: float, b: float) -> Table:
    return tabulate(beta_panels(a, b).invert)


def beta(a: float, b: float, low: float = 0.0, high: float = 1.0, stored: Table | None = None) -> Marginal:
    """On [low, high]; the PERT distribution is one of these."""
    shift, width = math.log(a / b), high - low

    def table() -> Table:
        return stored or _beta_table(a, b)

    def from_logit(u: Array) -> Array:
        u = -(u + shift)
        with np.errstate(over="ignore", under="ignore"):
            np.exp(u, out=u)
            u += 1.0
            np.divide(width, u, out=u)
        if low:
            u += low
        return np.minimum(u, high, out=u)

    def near(z: Array) -> Array:
        return from_logit(table()(z))

    def far(z: Array) -> Array:
        return from_logit(beta_panels(a, b).invert(z))

    def coordinate(x: Array) -> Array:
        return np.clip(_log(x - low) - _log(high - x) - shift, _LOG_TINY, -_LOG_TINY)

    def tails(x: Array) -> tuple[Array, Array]:
        down, up = beta_panels(a, b).tails(coordinate(x))
        down, up = np.where(x > low, down, 0.0), np.where(x > low, up, 1.0)
        return np.where(x < high, down, 1.0), np.where(x < high, up, 0.0)

    def log_density(x: Array) -> Array:
        inside = (x > low) & (x < high)
        at = np.where(inside, x, 0.5 * (low + high))
        value = beta_panels(a, b).log_density(coordinate(at)) - np.log(at - low) - np.log(high - at)
        value = value + math.log(width)
        ends = np.where(x == low, _end_height(a, b, width), np.where(x == high, _end_height(b, a, width), -np.inf))
        return np.where(inside, value, ends)

    total = a + b
    sd = width * math.sqrt(a / total * (b / total) / (total + 1.0))
    return Marginal(
        within_reach(near, far), tails, log_density, (low, high), lambda: low + width * (a / total), lambda: sd,
        kinks=(low, high), table=table,
    )  # fmt: skip


def _end_height(near: float, other: float, width: float) -> float:
    """Log density of a beta at the end whose exponent is ``near - 1``."""
    if near == 1.0:
        return math.log(other / width)
    return math.inf if near < 1.0 else -math.inf


def pert(low: float, mode: float, high: float, lam: float, stored: Table | None = None) -> Marginal:
    width = high - low
    return beta(1.0 + lam * (mode - low) / width, 1.0 + lam * (high - mode) / width, low, high, stored)


@functools.lru_cache(256)
def student_panels(df: float) -> Panels:
    """Of ``arsinh(t / sqrt(df))``: ``-df log cosh u`` up to a constant."""

    def log_height(u: Array) -> Array:
        far = np.abs(u)
        half = np.sinh(0.5 * np.minimum(far, 30.0))
        return -df * np.where(far < 30.0, np.log1p(2.0 * half * half), far - math.log(2.0))

    return Panels.of(log_height, 0.0)


@functools.lru_cache(256)
def _student_table(df: float) -> Table:
    panels = student_panels(df)
    return tabulate(lambda z: panels.invert(z) / z, even=True)


def student_t(df: float, loc: float, scale: float, stored: Table | None = None) -> Marginal:
    spread = scale * math.sqrt(df)

    def table() -> Table:
        return stored or _student_table(df)

    def from_arsinh(u: Array) -> Array:
        with np.errstate(over="ignore"):
            return loc + spread * np.sinh(u)

    def near(z: Array) -> Array:
        return from_arsinh(z * table()(np.abs(z)))

    def far(z: Array) -> Array:
        return from_arsinh(student_panels(df).invert(z))

    def tails(x: Array) -> tuple[Array, Array]:
        return student_panels(df).tails(np.arcsinh((x - loc) / spread))

    def log_density(x: Array) -> Array:
        t = (x - loc) / spread
        return student_panels(df).log_density(np.arcsinh(t)) - 0.5 * np.log1p(t * t) - math.log(spread)

    mean = loc if df > 1 else math.nan
    sd = math.nan if df <= 1 else (scale * math.sqrt(df / (df - 2.0)) if df > 2 else math.inf)
    return Marginal(
        within_reach(near, far), tails, log_density, (-math.inf, math.inf), lambda: mean, lambda: sd,
        heaviness=(df, df), table=table,
    )  # fmt: skip


def _count(first: float, log_ratio: Map, mean: float, sd: float, last: float) -> Marginal:
    """A count from the ratios of its neighbouring probabilities, ``log P(k) / P(k - 1)``."""
    reach = 40.0 * sd + 200.0
    values = np.arange(max(first, math.floor(mean - reach)), min(last, math.ceil(mean + reach)) + 1.0)
    middle = int(np.clip(np.searchsorted(values, mean) - 1, 0, values.size - 1))
    logs = np.zeros(values.size)
    logs[middle + 1 :] = np.cumsum(log_ratio(values[middle + 1 :]))
    logs[:middle] = -np.cumsum(log_ratio(values[middle:0:-1]))[::-1]
    with np.errstate(under="ignore"):
        masses = np.exp(logs - logs.max())
    keep = masses > 1e-306
    base = discrete(values[keep], masses[keep])
    return Marginal(
        base.from_normal, base.tails, base.log_density, (first, last), lambda: mean, lambda: sd,
        atoms=base.atoms, is_discrete=True,
    )  # fmt: skip


def poisson(mean: float) -> Marginal:
    return _count(0.0, lambda k: np.log(mean / k), mean, math.sqrt(mean), math.inf)


def binomial(n: float, p: float) -> Marginal:
    if p in (0.0, 1.0):
        return point(n * p)
    odds = p / (1.0 - p)
    return _count(0.0, lambda k: np.log((n - k + 1.0) / k * odds), n * p, math.sqrt(n * p * (1.0 - p)), n)


def bernoulli(p: float) -> Marginal:
    if p in (0.0, 1.0):
        return point(p)
    return discrete(np.array([0.0, 1.0]), np.array([1.0 - p, p]), np.array([p, 0.0]), np.array([1.0 - p, 1.0]))


def point(x: float) -> Marginal:
    return discrete(np.array([x]), np.ones(1))


def quantiles(probs: tuple[float, ...], values: tuple[float, ...]) -> Marginal:
    """A smooth monotone curve through quantiles, as a function of the normal score.

    A cubic with continuous slope (Fritsch and Carlson, "Monotone Piecewise Cubic Interpolation", 1980) through the
    values, or through their logarithms if all are positive; beyond the outermost quantiles a straight line with the
    slope of the outermost piece, so tails are those of a normal or a lognormal. Quantiles of a normal or a lognormal
    give just that distribution.
    """
    positive = values[0] > 0
    knots = ndtri(np.array(probs))
    y = np.log(np.array(values)) if positive else np.array(values)
    step, rise = np.diff(knots), np.diff(y)
    secant = rise / step
    # weighted harmonic mean: never more than three times the smaller neighbour, hence monotone
    before, after = 2.0 * step[1:] + step[:-1], step[1:] + 2.0 * step[:-1]
    inner = (before + after) / (before / secant[:-1] + after / secant[1:])
    slope = np.concatenate([secant[:1], inner, secant[-1:]])
    square = (3.0 * secant - 2.0 * slope[:-1] - slope[1:]) / step
    cube = (slope[:-1] + slope[1:] - 2.0 * secant) / step**2
    edge = np.zeros(1)
    rows = np.array([
        np.concatenate([y[:1], y]), np.concatenate([slope[:1], slope]),
        np.concatenate([edge, square, edge]), np.concatenate([edge, cube, edge]),
    ])  # fmt: skip
    table = Table(rows, np.concatenate([knots[:1], knots]), knots)

    def from_normal(z: Array) -> Array:
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(table(z)) if positive else table(z)

    def scores(x: Array) -> Array:
        goal = np.clip(_log(x) if positive else x, -1e300, 1e300)
        cell = np.searchsorted(y, goal)
        c0, c1, c2, c3 = rows[:, cell]
        outside = (goal - c0) / c1
        inside = (cell > 0) & (cell < y.size)
        low, high = np.zeros(goal.shape), np.append(np.append(0.0, step), 0.0)[cell]
        for _ in range(60):
            middle = 0.5 * (low + high)
            short = c0 + middle * (c1 + middle * (c2 + middle * c3)) < goal
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return table.origin[cell] + np.where(inside, high, outside)

    def tails(x: Array) -> tuple[Array, Array]:
        return ndtr_pair(np.clip(scores(x), -1e10, 1e10))

    def log_density(x: Array) -> Array:
        z = scores(x)
        cell, d = table.cells(z)
        _, c1, c2, c3 = rows[:, cell]
        rate = c1 + d * (2.0 * c2 + d * 3.0 * c3)
        value = log_phi(np.clip(z, -1e10, 1e10)) - np.log(rate)
        return np.where(x > 0, value - _log(np.where(x > 0, x, 1.0)), -np.inf) if positive else value

    mean, sd = moments(from_normal, tails, values, (math.inf, math.inf))
    support = (0.0 if positive else -math.inf, math.inf)
    return Marginal(from_normal, tails, log_density, support, mean, sd, kinks=((0.0,) if positive else ()) + values)

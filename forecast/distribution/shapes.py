"""Marginals with a closed form of the normal score, counts, and curves through quantiles; from canonical parameters."""

from __future__ import annotations

import math

import numpy as np

from forecast.distribution.marginal import Marginal, discrete, log_or_minus_infinity, log_phi, moments
from forecast.distribution.table import Map, Table
from forecast.special import Array, log_ndtr, ndtr, ndtr_pair, ndtri

_LARGEST = 1e300


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
        return ndtr_pair((log_or_minus_infinity(x) - mu) / sigma)

    def log_density(x: Array) -> Array:
        log_x = np.maximum(log_or_minus_infinity(x), -_LARGEST)
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
        return np.where((x >= low) & (x <= high), -log_or_minus_infinity(x) - math.log(width), -np.inf)

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
        return log_or_minus_infinity(height) + math.log(2.0 / width)

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
        goal = np.clip(log_or_minus_infinity(x) if positive else x, -1e300, 1e300)
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
        return np.where(x > 0, value - log_or_minus_infinity(np.where(x > 0, x, 1.0)), -np.inf) if positive else value

    mean, sd = moments(from_normal, tails, values, (math.inf, math.inf))
    support = (0.0 if positive else -math.inf, math.inf)
    return Marginal(from_normal, tails, log_density, support, mean, sd, kinks=((0.0,) if positive else ()) + values)

"""Gamma, beta, PERT and Student's t: families whose quantile function is a table.

A table depends on the shape only and is kept per shape; location and scale are applied outside.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from forecast.distribution.marginal import Marginal, log_or_minus_infinity, within_reach
from forecast.distribution.panels import Panels
from forecast.distribution.table import Table, tabulate
from forecast.special import Array

_LARGEST = 1e300


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
        down, up = gamma_panels(shape).tails(np.maximum(log_or_minus_infinity(x / centre), -_LARGEST))
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
        return np.clip(log_or_minus_infinity(x - low) - log_or_minus_infinity(high - x) - shift, -_LARGEST, _LARGEST)

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

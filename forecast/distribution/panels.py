"""Log-concave densities, integrated panel by panel and inverted.

A density that is log-concave in a suitable coordinate (log, logit, arsinh) is integrated with Gauss and Legendre's
rule, from both ends, so that both tails keep their relative accuracy.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from forecast.distribution.table import Map
from forecast.special import Array, normal_score

_DROP = 37.5  # panels run until the density has fallen by a factor of exp(-37.5²/2) = 1e-305
_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@functools.cache
def gauss_legendre(points: int) -> tuple[Array, Array]:
    """Nodes and weights on [-1, 1] (Golub and Welsch 1969, polished by Newton's method)."""
    k = np.arange(1.0, points)
    off = k / np.sqrt(4.0 * k * k - 1.0)
    x = np.linalg.eigvalsh(np.diag(off, 1) + np.diag(off, -1))
    for _ in range(3):
        before, now = np.ones(points), x
        for n in range(2, points + 1):
            before, now = now, ((2 * n - 1) * x * now - (n - 1) * before) / n
        slope = points * (x * now - before) / (x * x - 1.0)
        x = x - now / slope
    return x, 2.0 / ((1.0 - x * x) * slope * slope)


@dataclass(frozen=True, eq=False)
class Panels:
    """A log-concave density, integrated from both ends.

    Parameters
    ----------
    log_height : callable
        Logarithm of the density up to a constant; its mode is at 0.
    edges : ndarray, shape (panel + 1)
    lower, upper : ndarray, shape (panel + 1)
        Probability below and above each edge.
    log_mass : float
        Logarithm of the integral of the unnormalised density.
    """

    log_height: Map
    edges: Array
    lower: Array
    upper: Array
    log_mass: float

    @classmethod
    def of(cls, log_height: Map, corner: float) -> Panels:
        """Integrate; ``corner`` is where the density bends on the scale of 1, whatever its width."""
        top = float(log_height(np.zeros(1))[0])

        def height(u: Array) -> Array:
            return log_height(u) - top

        # edges where the signed root of the log density is a multiple of a half: about half a standard deviation
        drops = 0.5 * np.arange(0.5, _DROP + 0.25, 0.5) ** 2
        right, left = _where_dropped(height, drops, 1.0), _where_dropped(height, drops, -1.0)
        bend = corner + np.arange(-40.0, 41.0, 2.0)
        edges = np.union1d(np.concatenate([left, [0.0], right]), bend[(bend > left[-1]) & (bend < right[-1])])
        x, w = gauss_legendre(16)
        half = 0.5 * np.diff(edges)
        u = (edges[:-1] + half)[:, None] + half[:, None] * x
        mass = half * (np.exp(height(u.reshape(-1))).reshape(u.shape) * w).sum(axis=1)
        lower = np.concatenate([[0.0], np.cumsum(mass)])
        upper = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])
        total = float(lower[edges.size // 2] + upper[edges.size // 2])
        return cls(log_height, edges, lower / total, upper / total, math.log(total) + top)

    def log_density(self, u: Array) -> Array:
        """Normalised, over the coordinate."""
        return self.log_height(u) - self.log_mass

    def tails(self, u: Array) -> tuple[Array, Array]:
        """Probability below and above each coordinate."""
        inside = np.clip(u, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, inside, side="right") - 1, 0, self.edges.size - 2)
        from_above = self.lower[panel + 1] > 0.5
        end = self.edges[panel + from_above]
        x, w = gauss_legendre(16)
        half = 0.5 * (inside - end)
        at = (end + half)[:, None] + half[:, None] * x
        part = np.abs(half) * (np.exp(self.log_density(at.reshape(-1))).reshape(at.shape) * w).sum(axis=1)
        tail = np.where(from_above, self.upper[panel + 1], self.lower[panel]) + part
        return np.where(from_above, 1.0 - tail, tail), np.where(from_above, tail, 1.0 - tail)

    @functools.cached_property
    def _scores(self) -> Array:
        return normal_score(self.lower, self.upper)

    def invert(self, z: Array) -> Array:
        """The coordinate of flat normal scores (clamped to about ±37), by Newton's method on the score."""
        known, edges = self._scores[1:-1], self.edges[1:-1]
        goal = np.clip(z, known[0], known[-1])
        panel = np.clip(np.searchsorted(known, goal) - 1, 0, known.size - 2)
        low, high = edges[panel], edges[panel + 1]
        u = np.interp(goal, known, edges)
        for _ in range(40):
            score = normal_score(*self.tails(u))
            miss = goal - score
            low, high = np.where(miss > 0, u, low), np.where(miss < 0, u, high)
            step = u + miss * np.exp(-0.5 * score * score - _LOG_ROOT_TWO_PI - self.log_density(u))
            u = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
            if np.all(np.abs(miss) <= 1e-9):  # the step just taken has squared that
                break
        return u


def _where_dropped(height: Map, drops: Array, sign: float) -> Array:
    """Where a concave function of maximum 0 at 0 has fallen by each of ``drops``, roughly, on one side."""

    def drop(u: float) -> float:
        return -float(height(np.array([sign * u]))[0])

    far = 1.0
    while drop(far) < drops[-1]:
        far *= 2.0
    while drop(0.5 * far) > drops[-1]:
        far *= 0.5
    low, high = np.zeros(drops.size), np.full(drops.size, far)
    for _ in range(24):
        middle = 0.5 * (low + high)
        short = -height(sign * middle) < drops
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return sign * high

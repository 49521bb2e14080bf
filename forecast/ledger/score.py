"""How good a forecast was, once it is known what happened: its quantile function, and proper scores of it.

All scores are losses (smaller is better) and proper: in expectation nothing scores better than what one believes
(Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecast.special import ndtr, ndtri

Array = np.ndarray

LEVELS = (0.5, 0.8, 0.9)
RATIO = 3.0  # an interval with ends further apart than this is interpolated in logarithms
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_FAR = 6.0  # normal scores to which the quantile function is continued


@dataclass(frozen=True, eq=False)
class Predictive:
    """A predictive distribution by its quantile function.

    Between the stored quantiles (of logarithms, where all are positive and far apart), a monotone cubic in the normal
    score of the probability: normal and lognormal forecasts are then exact. Equal quantiles are an atom; infinite ones
    are an outcome of their own (never, or already).

    Parameters
    ----------
    probs : ndarray (point,)
        Ascending, in (0, 1).
    values : ndarray (point,)
        Not descending; may be infinite.
    low, high : float
        What lies outside is told apart no further: less than `low` is minus infinity (already), more than `high` plus
        infinity (not by then). Where a loss needs a number, these are it.

    Examples
    --------
    >>> probs = (np.arange(199) + 1) / 200
    >>> forecast = Predictive(probs, 10 + 2 * ndtri(probs))
    >>> round(forecast.crps(10.0), 3), round(forecast.log_score(10.0), 3)
    (0.467, 1.612)
    """

    probs: Array
    values: Array
    low: float = -math.inf
    high: float = math.inf

    @cached_property
    def never(self) -> float:
        """Probability of more than `high`."""
        infinite = self._mass(np.isposinf(self.values))
        return infinite if math.isinf(self.high) else max(infinite, 1 - self._reach(self.high)[1])

    @cached_property
    def already(self) -> float:
        """Probability of less than `low`."""
        infinite = self._mass(np.isneginf(self.values))
        return infinite if math.isinf(self.low) else max(infinite, self._reach(self.low)[0])

    def _mass(self, at: Array) -> float:
        """Probability of an atom at some of the points: up to halfway to the next."""
        places = np.flatnonzero(at)
        if not len(places):
            return 0.0
        first, last = places[0], places[-1]
        low = 0.0 if first == 0 else (self.probs[first - 1] + self.probs[first]) / 2
        high = 1.0 if last == len(self.probs) - 1 else (self.probs[last] + self.probs[last + 1]) / 2
        return float(high - low)

    @cached_property
    def logs(self) -> bool:
        """Whether interpolation is in logarithms."""
        finite = self.values[np.isfinite(self.values)]
        if not len(finite) or finite[0] <= 0:
            return False
        low, high = np.interp([0.05, 0.95], self.probs[np.isfinite(self.values)], finite)
        return bool(high > RATIO * low)

    @cached_property
    def _spline(self) -> tuple[Array, Array, Array]:
        """Knots, values and slopes of the quantile function in normal scores, of its finite part."""
        finite = np.isfinite(self.values)
        z, y = ndtri(self.probs[finite]), self.values[finite]
        y = np.log(y) if self.logs else y
        return z, y, _monotone_slopes(z, y) if len(z) > 1 else np.zeros(len(z))

    def quantile(self, prob: Array) -> Array:
        """Quantiles at probabilities in (0, 1)."""
        prob = np.asarray(prob, dtype=float)
        out = np.full(prob.shape, np.inf)
        low, high = self.already, 1 - self.never
        out[prob < low] = -np.inf
        inside = (prob >= low) & (prob <= high)
        if len(self._spline[0]):
            out[inside] = self._finite(ndtri(prob[inside]))
        return out

    def _finite(self, score: Array) -> Array:
        """The quantile function of what is finite, at normal scores."""
        z, y, slopes = self._spline
        found = _cubic(np.clip(score, -_FAR, _FAR), z, y, slopes)
        return np.exp(found) if self.logs else found

    def _reach(self, value: float) -> tuple[float, float]:
        """Probability of less than a finite value, and of at most it."""
        below, above = self._mass(np.isneginf(self.values)), 1 - self._mass(np.isposinf(self.values))
        z, y, slopes = self._spline
        if not len(z) or self.logs and value <= 0:
            return below, below
        x = math.log(value) if self.logs else value
        same = np.isclose(y, x, rtol=1e-12, atol=0) if x else y == x
        if same.sum() > 1:
            at = np.zeros(len(self.values), dtype=bool)
            at[np.flatnonzero(np.isfinite(self.values))[same]] = True
            first = int(np.flatnonzero(at)[0])
            less = 0.0 if first == 0 else float(self.probs[first - 1] + self.probs[first]) / 2
            return less, less + self._mass(at)
        score = min(max(_inverse(x, z, y, slopes), -_FAR), _FAR)
        found = min(max(float(ndtr(np.array([score]))[0]), below), above)
        return found, found

    def reach(self, value: float) -> tuple[float, float]:
        """Probability of less than a value, and of at most it: they differ by the probability of exactly that."""
        if value > self.high or value == math.inf:
            return 1 - self.never, 1.0
        if value < self.low or value == -math.inf:
            return 0.0, self.already
        return self._reach(value)

    def cdf(self, value: float) -> float:
        """Probability of at most a value; at an atom, half of its probability counts (mid-PIT)."""
        less, most = self.reach(value)
        return (less + most) / 2

    def log_score(self, value: float) -> float:
        """Minus the log density at what happened (nats); for an atom or infinity, minus the log of its probability.

        A probability that the quantiles cannot resolve counts as half their spacing, so that no score is infinite.
        """
        least = float(min(self.probs[0], 1 - self.probs[-1])) / 2
        less, most = self.reach(value)
        if most > less or math.isinf(value) or not self.low <= value <= self.high:
            return -math.log(max(most - less, least))
        z, y, slopes = self._spline
        if len(z) < 2 or self.logs and value <= 0:
            return -math.log(least)
        score = float(ndtri(np.array([min(max(less, 1e-300), 1 - 1e-16)]))[0])
        slope = float(_cubic_slope(np.array([score]), z, y, slopes)[0])
        if slope <= 0:
            return -math.log(least)
        density = -0.5 * score * score - 0.5 * math.log(2 * math.pi) - math.log(slope)
        return -(density - (math.log(value) if self.logs else 0.0))

    def crps(self, value: float, log10: bool = False) -> float:
        """Continuous ranked probability score: twice the integral of the pinball loss over all probabilities.

        Gauss and Legendre's rule in the normal score of the probability, between the points where the quantile function
        or the loss has a corner: the tails of heavy-tailed forecasts count in full.

        Parameters
        ----------
        value : float
            What happened.
        log10 : bool
            Of logarithms to base ten: in OOM.

        Returns
        -------
        float
            Of forecast and outcome, both clipped to `low` and `high`; infinite if either can be infinite and they are
            not given.
        """
        outcome = min(max(value, self.low), self.high)
        endless = self.already and math.isinf(self.low) or self.never and math.isinf(self.high)
        if endless or math.isinf(outcome):
            return math.inf
        inner = [ndtri(np.array([p]))[0] for p in (self.already, 1 - self.never) if 0 < p < 1]
        less, _ = self.reach(value)
        if 0 < less < 1:
            inner.append(ndtri(np.array([less]))[0])
        corners = np.unique(np.clip([-_FAR, *self._spline[0], *inner, _FAR], -_FAR, _FAR))
        half = np.diff(corners)[:, None] / 2
        score = corners[:-1, None] + half * (1 + _NODES)
        prob = ndtr(score)
        q = np.clip(self.quantile(prob), self.low, self.high)
        if log10:
            # A straight line beyond the last stored quantile may run below zero, which has no logarithm.
            q, outcome = np.log10(q if self.logs else np.maximum(q, self.values[0])), math.log10(outcome)
        loss = np.where(outcome < q, 1 - prob, -prob) * (q - outcome)
        return float(2 * (half * _WEIGHTS * np.exp(-(score**2) / 2) * loss).sum() / math.sqrt(2 * math.pi))

    def interval(self, prob: float) -> tuple[float, float]:
        """The equal-tailed interval, inside `low` and `high`."""
        ends = np.clip(self.quantile(np.array([0.5 - prob / 2, 0.5 + prob / 2])), self.low, self.high)
        return float(ends[0]), float(ends[1])

    def interval_score(self, value: float, prob: float = 0.9) -> float:
        """Width of the equal-tailed interval, plus 2 / (1 - prob) times the distance of what happened from it."""
        lower, upper = self.interval(prob)
        value = min(max(value, self.low), self.high)
        missed = lower - value if value < lower else value - upper if value > upper else 0.0
        return upper - lower + 2 / (1 - prob) * missed if upper > lower or missed else 0.0

    def covers(self, value: float, prob: float) -> bool:
        """Whether what happened lies in the equal-tailed interval."""
        lower, upper = self.interval(prob)
        return lower <= min(max(value, self.low), self.high) <= upper


def brier(prob: float, happened: bool) -> float:
    """Squared error of a probability."""
    return (prob - float(happened)) ** 2


def crps_ensemble(draws: Array, value: float) -> float:
    """CRPS of draws (draw,) in any order, as of the distribution that gives each the same probability.

    Examples
    --------
    >>> crps_ensemble(np.array([1.0, 3.0]), 2.0)
    0.5
    """
    ordered = np.sort(draws)
    count = len(ordered)
    weights = (2 * np.arange(1, count + 1) - count - 1) / count**2
    return float(np.abs(ordered - value).mean() - ordered @ weights)


def _monotone_slopes(x: Array, y: Array) -> Array:
    """Slopes of a monotone cubic through points (Fritsch and Butland 1984); at the ends, those of the last chord."""
    steps, rises = np.diff(x), np.diff(y)
    chords = rises / steps
    slopes = np.empty(len(x))
    slopes[0], slopes[-1] = chords[0], chords[-1]
    one, two = 2 * steps[1:] + steps[:-1], steps[1:] + 2 * steps[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = (one + two) / (one / chords[:-1] + two / chords[1:])
    slopes[1:-1] = np.where((chords[:-1] > 0) & (chords[1:] > 0), inner, 0.0)
    return slopes


def _piece(at: Array, x: Array) -> Array:
    return np.clip(np.searchsorted(x, at, side="right") - 1, 0, max(len(x) - 2, 0))


def _cubic(at: Array, x: Array, y: Array, slopes: Array) -> Array:
    """The monotone cubic, continued as a straight line."""
    if len(x) == 1:
        return np.full(at.shape, y[0])
    i = _piece(at, x)
    step = x[i + 1] - x[i]
    t = np.clip((at - x[i]) / step, 0, 1)
    value = (
        (1 + 2 * t) * (1 - t) ** 2 * y[i]
        + t * (1 - t) ** 2 * step * slopes[i]
        + t**2 * (3 - 2 * t) * y[i + 1]
        + t**2 * (t - 1) * step * slopes[i + 1]
    )
    return np.asarray(value + np.minimum(at - x[0], 0) * slopes[0] + np.maximum(at - x[-1], 0) * slopes[-1])


def _inverse(value: float, x: Array, y: Array, slopes: Array) -> float:
    """Where the monotone cubic has a value."""
    if len(x) == 1 or value < y[0] or value >= y[-1]:
        end = 0 if value < y[0] else -1
        far = math.copysign(math.inf, value - y[end]) if value != y[end] else 0.0
        return float(x[end] + (value - y[end]) / slopes[end]) if slopes[end] > 0 else float(x[end]) + far
    i = int(np.searchsorted(y, value, side="right")) - 1
    step, rise = float(x[i + 1] - x[i]), float(y[i + 1] - y[i])
    one, two, wanted = float(slopes[i]) * step, float(slopes[i + 1]) * step, value - float(y[i])
    low, high = 0.0, 1.0
    for _ in range(54):
        t = (low + high) / 2
        at = t * (1 - t) ** 2 * one + t * t * (3 - 2 * t) * rise + t * t * (t - 1) * two
        low, high = (t, high) if at < wanted else (low, t)
    return float(x[i]) + step * (low + high) / 2


def _cubic_slope(at: Array, x: Array, y: Array, slopes: Array) -> Array:
    i = _piece(at, x)
    step = x[i + 1] - x[i]
    t = np.clip((at - x[i]) / step, 0, 1)
    slope = (
        6 * t * (1 - t) * (y[i + 1] - y[i]) / step + (1 - t) * (1 - 3 * t) * slopes[i] + t * (3 * t - 2) * slopes[i + 1]
    )
    return np.asarray(slope)

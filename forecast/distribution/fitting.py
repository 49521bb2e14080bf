"""From an interval, or a published card, to the canonical parameters of a family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from forecast.distribution.marginal import Invalid
from forecast.distribution.number import brief
from forecast.distribution.tabulated import beta_panels, gamma_panels
from forecast.special import ndtr, ndtri

Values = dict[str, Any]


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    """Root of a rising function between two numbers, by the Illinois variant of regula falsi, to the last bits."""
    f_low, f_high = f(low), f(high)
    if not f_low <= 0 <= f_high:
        raise Invalid("no such distribution", "write a narrower or a wider interval")
    for _ in range(200):
        if f_low == 0 or high - low <= 1e-15 * abs(high):
            return low
        if f_high == 0:
            return high
        x = (low * f_high - high * f_low) / (f_high - f_low)
        if not low < x < high:
            x = 0.5 * (low + high)
        y = f(x)
        if y < 0:
            low, f_low, f_high = x, y, 0.5 * f_high
        else:
            high, f_high, f_low = x, y, 0.5 * f_low
        if y == 0:
            return x
    return 0.5 * (low + high)


def _scores(level: float) -> float:
    return -float(ndtri(0.5 - 0.5 * level))


def _positive_end(name: str, low: float) -> None:
    if not low > 0:
        raise Invalid(
            f"the low end of a {name} must be above 0 ({brief(low)})", "write a positive low end, or normal LOW to HIGH"
        )


def normal_interval(low: float, high: float, level: float) -> Values:
    """The middle of the ends, and their distance in standard deviations."""
    return {"mean": low + 0.5 * (high - low), "sd": 0.5 * (high - low) / _scores(level)}


def lognormal_interval(low: float, high: float, level: float) -> Values:
    """The same in logarithms."""
    _positive_end("lognormal", low)
    return {"median": low * math.sqrt(high / low), "sigma": 0.5 * math.log(high / low) / _scores(level)}


def uniform_interval(low: float, high: float, level: float) -> Values:
    """As much beyond the ends, on both sides, as the level leaves out."""
    beyond = (high - low) * (1.0 - level) / (2.0 * level)
    return {"low": low - beyond, "high": high + beyond}


def loguniform_interval(low: float, high: float, level: float) -> Values:
    """The same in logarithms."""
    _positive_end("loguniform", low)
    beyond = math.log(high / low) * (1.0 - level) / (2.0 * level)
    return {"low": low * math.exp(-beyond), "high": high * math.exp(beyond)}


def pareto_interval(low: float, high: float, level: float) -> Values:
    """From its two quantiles, in closed form."""
    _positive_end("pareto", low)
    tail = 0.5 - 0.5 * level
    alpha = math.log((1.0 - tail) / tail) / math.log(high / low)
    return {"low": low * math.exp(math.log1p(-tail) / alpha), "alpha": alpha}


def gamma_interval(low: float, high: float, level: float) -> Values:
    """The shape from the ratio of the ends, by a root of one variable; then the scale."""
    _positive_end("gamma", low)
    z = np.array([-1.0, 1.0]) * _scores(level)
    goal = math.log(high / low)

    def spread(log_shape: float) -> float:
        u = gamma_panels(math.exp(log_shape)).invert(z)
        return math.log(goal) - math.log(u[1] - u[0])

    guess = 2.0 * math.log((z[1] - z[0]) / goal)
    shape = math.exp(_root(spread, guess - 8.0, guess + 4.0))
    return {"shape": shape, "scale": low / shape * math.exp(-gamma_panels(shape).invert(z)[0])}


def beta_interval(low: float, high: float, level: float) -> Values:
    """Newton's method on the logits of the ends, over the logarithms of a and b."""
    if not (low > 0 and high < 1):
        raise Invalid(
            f"an interval of a beta lies between 0 and 1 ({brief(low)} to {brief(high)})",
            "write shares such as 20% to 60%",
        )
    z = np.array([-1.0, 1.0]) * _scores(level)
    goal = np.array([math.log(low) - math.log1p(-low), math.log(high) - math.log1p(-high)])
    width = goal[1] - goal[0]
    variance = (width / (z[1] - z[0])) ** 2
    logit = 0.5 * (goal[0] + goal[1])
    x = np.log(np.array([(1.0 + math.exp(logit)) / variance, (1.0 + math.exp(-logit)) / variance]))

    def miss(x: Any) -> Any:
        u = beta_panels(math.exp(x[0]), math.exp(x[1])).invert(z) + (x[0] - x[1])
        return np.array([(u - goal).sum() / width, math.log((u[1] - u[0]) / width)])

    now = miss(x)
    for _ in range(60):
        if np.abs(now).max() < 1e-13:
            break
        jacobian = np.array([(miss(x + d) - now) / 1e-6 for d in 1e-6 * np.eye(2)]).T
        step = np.linalg.solve(jacobian, -now)
        step *= min(1.0, 1.0 / np.abs(step).max())
        while True:
            new = miss(x + step)
            if np.abs(new).max() < np.abs(now).max() or np.abs(step).max() < 1e-15:
                break
            step = 0.5 * step
        if np.abs(step).max() < 1e-15:
            break
        x, now = x + step, new
    if np.abs(now).max() > 1e-10:
        raise Invalid(f"no beta has the interval {brief(low)} to {brief(high)}", "write a narrower or a wider interval")
    return {"a": math.exp(x[0]), "b": math.exp(x[1])}


def card_fit(low: float, high: float) -> tuple[str, Values]:
    """The distribution behind a published Guesstimate card.

    A card shows the mean, the 10th percentile of the draws below it and the 90th percentile of the draws above it.
    For a lognormal of median m and log sd s these are ``m exp(s²/2)`` and the quantiles at ``0.1 Phi(s/2)`` and
    ``0.9 + 0.1 Phi(s/2)``; for a normal the 5% and the 95% quantile.

    Returns
    -------
    family : str
        ``lognormal`` if ``low`` is positive, else ``normal``, as Guesstimate chooses.
    parameters : dict
        Canonical.

    Examples
    --------
    >>> family, fit = card_fit(55e6, 1500e6)
    >>> family, round(fit["sigma"], 3), round(fit["median"] / 1e6)
    ('lognormal', 0.987, 238)
    """
    if low <= 0:
        return "normal", normal_interval(low, high, 0.9)
    goal = math.log(high / low)

    def ends(sigma: float) -> tuple[float, float]:
        down, up = 0.1 * float(ndtr(0.5 * sigma)), 0.1 * float(ndtr(-0.5 * sigma))
        return sigma * float(ndtri(down)), -sigma * float(ndtri(up))

    def miss(sigma: float) -> float:
        below, above = ends(sigma)
        return above - below - goal

    sigma = _root(miss, goal / 20.0, goal / 2.0)
    return "lognormal", {"median": low * math.exp(-ends(sigma)[0]), "sigma": sigma}

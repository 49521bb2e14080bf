"""Tempered sequential Monte Carlo: from independent normal scores to the posterior, in steps small enough to follow.

Particles start as draws of the prior, independent standard normal *coordinates*. First sharp conditions are drawn near
(each step weighs by how far a particle is from meeting them), then the likelihood is raised from power 0 to 1, each
power so that half the particles survive a step. After each step the particles are resampled and moved by Metropolis
moves until they have forgotten where they started. It copes with several modes, needs no gradient, and gives the
probability of the evidence. Del Moral, Doucet and Jasra, "Sequential Monte Carlo samplers" (2006).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecast.errors import GateError

Array = np.ndarray
Target = Callable[[Array], tuple[Array, Array]]
SURVIVE = 0.5  # part of the particles that a step leaves effective
FORGOTTEN = 0.1  # correlation with the start of a step at which moves have done their work
FEWEST, MOST = 4, 60  # moves in a step
STEPS, PRESSES = 150, 60  # at most: powers of the likelihood, and strengths of sharp conditions before
EDGE = 37.0  # no coordinate goes beyond: the normal distribution leaves 1e-299 there, and models overflow
MEET = 0.25  # part of the particles that must meet sharp conditions before they are imposed


@dataclass(frozen=True, eq=False)
class Particles:
    """Equally weighted draws of the posterior.

    Parameters
    ----------
    v : ndarray (coordinate, particle)
    log_evidence : float
        Logarithm of the prior mean of the likelihood.
    steps : int
        Powers of the likelihood (and strengths of sharp conditions) gone through.
    moves : int
        Metropolis moves of each particle.
    """

    v: Array
    log_evidence: float
    steps: int
    moves: int


def temper(target: Target, coordinates: int, count: int, rng: np.random.Generator) -> Particles:
    """Sample a posterior over independent standard normal coordinates.

    Parameters
    ----------
    target : callable
        From coordinates ``(coordinate, particle)`` to the log likelihood ``(particle,)`` and how far sharp conditions
        are from being met ``(particle,)``, 0 where they are; the log likelihood counts only where they are met.
    coordinates, count : int
    rng : numpy.random.Generator

    Returns
    -------
    Particles

    Raises
    ------
    GateError
        No world meets the sharp conditions, or the likelihood is zero everywhere.

    Examples
    --------
    >>> def target(v):
    ...     return -0.5 * ((v[0] - 2) / 0.5) ** 2, np.zeros(v.shape[1])
    >>> found = temper(target, 1, 4000, np.random.default_rng(1))
    >>> round(float(found.v.mean()), 1), round(float(found.v.var()), 1)
    (1.6, 0.2)
    """
    v = rng.standard_normal((coordinates, count))
    log, far = _at(target, v)
    power, press, evidence = 0.0, 0.0, 0.0
    scale, steps, moves = 1.0, 0, 0
    sharp = bool((far > 0).any())
    while sharp or power < 1:
        if steps >= (PRESSES if sharp else STEPS):
            raise GateError(
                "the evidence cannot be reached from the prior in small steps; "
                "see that observations do not contradict each other"
            )
        if sharp:
            gain, press, sharp = _press(far, press)
        else:
            raised = _raise(np.where(far > 0, -np.inf, log), power)
            with np.errstate(invalid="ignore"):
                gain = np.where(far > 0, -np.inf, (raised - power) * log)
            power = raised
        top = float(gain.max())
        if not math.isfinite(top):
            raise GateError("no possible world agrees with the evidence; widen a prior or the error of an observation")
        weight = np.exp(gain - top)
        evidence += top + math.log(weight.mean())
        weight /= weight.sum()
        centre, factor = _shape(v, weight)
        places = (rng.random() + np.arange(count)) / count
        chosen = np.minimum(np.searchsorted(np.cumsum(weight), places), count - 1)
        v, log, far = v[:, chosen], log[chosen], far[chosen]
        last = not sharp and power >= 1
        v, log, far, scale, made = _move(
            target, v, log, far, power, press if sharp else math.inf, centre, factor, scale, rng, last
        )
        moves += made
        steps += 1
    return Particles(v, evidence, steps, moves)


def _at(target: Target, v: Array) -> tuple[Array, Array]:
    """The target in blocks that stay in the cache."""
    parts = [target(v[:, first : first + 2048]) for first in range(0, v.shape[1], 2048)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _press(far: Array, press: float) -> tuple[Array, float, bool]:
    """Log weights of the next strength with which sharp conditions press, the strength, whether they still have to."""
    met = far == 0
    if met.mean() >= MEET:
        return np.where(met, 0.0, -np.inf), math.inf, False
    low, high = press, max(2 * press, 1 / max(float(np.median(far)), 1e-12))
    for _ in range(60):
        if _share(-(high - press) * far) < SURVIVE:
            break
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _share(-(middle - press) * far) >= SURVIVE else (low, middle)
    high = max(low, press * (1 + 1e-6), 1e-12)
    return -(high - press) * far, high, True


def _raise(log: Array, power: float) -> float:
    """The next power of the likelihood."""
    if _share((1 - power) * log) >= SURVIVE:
        return 1.0
    low, high = 0.0, 1 - power
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _share(middle * log) >= SURVIVE else (low, middle)
    return power + max(low, 1e-12)


def _share(log: Array) -> float:
    """Effective part of the particles under log weights."""
    top = log.max()
    if not math.isfinite(top):
        return 0.0
    with np.errstate(invalid="ignore", under="ignore"):
        weight = np.exp(log - top)
    return float(weight.sum() ** 2 / (weight @ weight) / len(weight))


def _shape(v: Array, weight: Array) -> tuple[Array, Array]:
    """Mean and Cholesky factor of the covariance of weighted particles."""
    centre = np.einsum("in,n->i", v, weight)
    away = v - centre[:, None]
    covariance = np.einsum("in,jn->ij", away * weight, away)
    return centre, np.linalg.cholesky(covariance + 1e-14 * np.eye(len(v)) * max(float(np.trace(covariance)), 1e-12))


def _move(
    target: Target, v: Array, log: Array, far: Array, power: float, press: float, centre: Array, factor: Array,
    scale: float, rng: np.random.Generator, last: bool,
) -> tuple[Array, Array, Array, float, int]:  # fmt: skip
    """Metropolis moves until the coordinates are uncorrelated with where they were.

    Two kinds take turns: a step that would leave the normal distribution with the particles' mean and covariance alone
    (accepted nearly always where the posterior is close to normal, then it forgets at once), and a random walk.
    """

    def height(log: Array, far: Array, v: Array) -> Array:
        with np.errstate(invalid="ignore"):
            known = np.where(far > 0, -np.inf, 0.0) if math.isinf(press) else -press * far
            likelihood = power * log if power > 0 else 0.0
        found: Array = known + likelihood - 0.5 * (v * v).sum(axis=0)
        return found

    size, count = v.shape
    start, inverse = v.copy(), np.linalg.inv(factor)
    walk = 2.38 / math.sqrt(size)
    now, made = height(log, far, v), 0
    for turn in range(MOST):
        noise = _times(factor, rng.standard_normal(v.shape))
        if turn % 2:
            new, drift = v + walk * noise, 0.0
        else:
            new = centre[:, None] + math.sqrt(1 - scale**2) * (v - centre[:, None]) + scale * noise
            before, after = _times(inverse, v - centre[:, None]), _times(inverse, new - centre[:, None])
            drift = 0.5 * ((after**2).sum(axis=0) - (before**2).sum(axis=0))
        beyond = (np.abs(new) > EDGE).any(axis=0)
        new = np.where(beyond, v, new)
        new_log, new_far = _at(target, new)
        then = height(new_log, new_far, new)
        with np.errstate(invalid="ignore"):
            take = (np.log(rng.random(count)) < then - now + drift) & ~beyond
        v = np.where(take, new, v)
        log, far, now = np.where(take, new_log, log), np.where(take, new_far, far), np.where(take, then, now)
        rate = float(take.mean())
        if turn % 2:
            walk = float(np.clip(walk * math.exp(0.6 * (rate - 0.25)), 1e-3, 3.0))
        else:
            scale = float(np.clip(scale * math.exp(rate - 0.3), 0.02, 1.0))
        made += 1
        if turn + 1 >= FEWEST and _correlation(start, v) < (FORGOTTEN / 2 if last else FORGOTTEN):
            break
    return v, log, far, scale, made


def _times(matrix: Array, v: Array) -> Array:
    """A matrix product whose bits do not depend on how many threads BLAS has."""
    product: Array = np.einsum("ij,jn->in", matrix, v)
    return product


def _correlation(one: Array, other: Array) -> float:
    a, b = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    spread = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    # What n particles show by chance is no memory.
    chance = 1.5 / math.sqrt(one.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return max(0.0, float(np.nan_to_num(np.abs((a * b).sum(axis=1) / spread)).max()) - chance)

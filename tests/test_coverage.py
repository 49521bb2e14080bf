"""The stated Monte Carlo error, held against the truth over 1,000 seeds.

True quantiles are closed forms, or integrals over one normal score solved to 12 digits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from forecast.quantile import means, prob_above, quantiles
from forecast.quantile.direction import Normals
from forecast.worlds import Design, scores
from tests.statistical import assert_share

PROBS = np.array([0.05, 0.5, 0.95])
Z = ndtri(PROBS)
SEEDS = 1_000
INPUTS = ("a", "b", "c", "d")
LOADS = np.array([0.8, 0.5, 0.4, 0.6])
SIGMA = float(np.sqrt((LOADS**2).sum()))
GRID = ndtri((np.arange(100_000) + 0.5) / 100_000)
KINK = float(ndtri(0.96))


def _solved(cdf: Callable[[float], float]) -> np.ndarray:
    return np.array([brentq(lambda x, p=p: cdf(x) - p, 1e-6, 1e3, xtol=1e-13) for p in PROBS])


def _away(value: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How far a quantile is off; infinity, where that is true, is not off at all."""
    same = value == true
    return np.abs(np.where(same, 0.0, value) - np.where(same, 0.0, true))


def _linear(z: np.ndarray) -> np.ndarray:
    return np.tensordot(LOADS / SIGMA, z, 1)


def _log_cdf(x: np.ndarray, sigma: float) -> np.ndarray:
    return ndtr(np.log(np.maximum(x, 1e-300)) / sigma)


# name: (quantity of the scores (input, chain, draw), its true quantiles)
QUANTITIES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]] = {
    "product of lognormals": (lambda z: np.exp(SIGMA * _linear(z)), np.exp(SIGMA * Z)),
    "sum of lognormals": (
        lambda z: np.exp(z[0]) + np.exp(0.5 * z[1]),
        _solved(lambda x: _log_cdf(x - np.exp(GRID), 0.5).mean()),
    ),
    "ratio with a sum": (
        lambda z: np.exp(0.5 * z[0]) / (1 + np.exp(0.7 * z[1])),
        _solved(lambda x: _log_cdf(x * (1 + np.exp(0.7 * GRID)), 0.5).mean()),
    ),
    "maximum": (lambda z: z.max(axis=0), ndtri(PROBS**0.25)),
    "kink at 96%": (
        lambda z: np.minimum(_linear(z), KINK + 0.5 * (_linear(z) - KINK)),
        np.minimum(Z, KINK + 0.5 * (Z - KINK)),
    ),
    "Cauchy": (lambda z: z[0] / z[1], np.tan(np.pi * (PROBS - 0.5))),
    "never with 10%": (
        lambda z: np.where(z[0] > ndtri(0.9), np.inf, 2040 + 5 * z[1]),
        np.append(2040 + 5 * ndtri(PROBS[:2] / 0.9), np.inf),
    ),
    "atom of 40%": (
        lambda z: np.where(z[0] < ndtri(0.4), 0.0, np.exp(z[1])),
        np.where(PROBS < 0.4, 0.0, np.exp(ndtri(np.maximum((PROBS - 0.4) / 0.6, 0.01)))),
    ),
}


@pytest.mark.parametrize(("method", "draws"), [("qmc", 256), ("mc", 256), ("qmc", 1024)])
def test_two_standard_errors_cover_the_true_quantile_95_times_in_100(method: str, draws: int) -> None:
    hits = {name: np.zeros(3) for name in QUANTITIES}
    exact = {name: np.ones(3, dtype=bool) for name in QUANTITIES}
    for seed in range(SEEDS):
        z = scores(Design(INPUTS, seed, method), 0, draws)
        values = np.array([quantity(z) for quantity, _ in QUANTITIES.values()])
        found = quantiles(values, PROBS)
        for column, (name, (_, true)) in enumerate(QUANTITIES.items()):
            error = _away(found.value[:, column], true)
            hits[name] += error <= 2 * found.mcse[:, column]
            exact[name] &= error == 0
    for name, share in ((name, hit / SEEDS) for name, hit in hits.items()):
        # Inside an atom the quantile is known exactly, and is said to be.
        assert ((share >= 0.93) & (share <= 0.97) | exact[name]).all(), f"{name}: {share}"


# Outputs that follow one direction of the scores near a quantile, curve away from it, or do not rise along any.
FOLLOWED: dict[str, tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]] = QUANTITIES | {
    # The year t at which a line of uncertain start and slope crosses: P(T <= t) is that of a normal in closed form.
    "crossing": (
        lambda z: (3 - 0.4 * z[0]) / (0.5 + 0.08 * z[1]),
        _solved(lambda t: float(ndtr((0.5 * t - 3) / np.hypot(0.4, 0.08 * t)))),
    ),
    "uniform of a sum": (lambda z: ndtr(_linear(z)), PROBS),
    "exponential": (lambda z: -np.log(ndtr(-z[0])), -np.log1p(-PROBS)),
    "square": (lambda z: z[0] ** 2, ndtri(0.5 + PROBS / 2) ** 2),
}
LEAST = {  # by how much the squared error of each is to fall
    "product of lognormals": 1e18, "kink at 96%": 1e6, "uniform of a sum": 1e8, "crossing": 10, "exponential": 3,
    "sum of lognormals": 3, "ratio with a sum": 10, "maximum": 1, "Cauchy": 1, "never with 10%": 1, "atom of 40%": 1,
    "square": 1,
}  # fmt: skip


@pytest.mark.parametrize("draws", [512, 1024])
def test_two_standard_errors_cover_what_is_integrated_along_a_direction(draws: int) -> None:
    hits = {name: np.zeros(3) for name in FOLLOWED}
    squares = {name: np.zeros((2, 3)) for name in FOLLOWED}
    seeds = 300
    moved = [quantity for quantity, _ in FOLLOWED.values()]
    for seed in range(seeds):
        z = scores(Design(INPUTS, seed), 0, draws)
        values = np.array([quantity(z) for quantity in moved])
        normals = Normals(z, np.eye(4), np.ones((len(values), 4), dtype=bool), moved)
        plain, found = quantiles(values, PROBS), quantiles(values, PROBS, normals=normals)
        for column, (name, (_, true)) in enumerate(FOLLOWED.items()):
            error = _away(found.value[:, column], true)
            hits[name] += error <= 2 * found.mcse[:, column]
            squares[name] += np.square([_away(plain.value[:, column], true), error])
    for name, hit in hits.items():
        for cell in range(3):
            # No error is stated below that of half a world, so what is nearly exact is covered more often.
            assert_share(int(hit[cell]), seeds, 0.93, 1.0)
        before, after = squares[name]
        # Three hundred squared errors tell a ratio to a tenth; what does not gain must not lose.
        assert (LEAST[name] * after <= 1.15 * before + 1e-24).all(), f"{name}: {before} to {after}"


@pytest.mark.parametrize("method", ["qmc", "mc"])
def test_two_standard_errors_cover_means_and_probabilities(method: str) -> None:
    mean_hits = prob_hits = 0
    for seed in range(SEEDS):
        cost = np.exp(0.5 * _linear(scores(Design(INPUTS, seed, method), 0, 128)))
        mean, prob = means(cost), prob_above(cost, 1.5)
        mean_hits += bool(abs(mean.value - np.exp(0.125)) <= 2 * mean.mcse)
        prob_hits += bool(abs(prob.value - ndtr(-np.log(1.5) / 0.5)) <= 2 * prob.mcse)
    assert_share(mean_hits, SEEDS, 0.93, 0.97)
    assert_share(prob_hits, SEEDS, 0.93, 0.97)


def test_two_standard_errors_cover_under_weights() -> None:
    # Weights exp(z - 1/2) move a standard normal to mean 1: exact quantiles, mean and probability again.
    hits = np.zeros(5)
    for seed in range(SEEDS):
        z = scores(Design(("a", "b"), seed, "mc"), 0, 512)
        weights = np.exp(z[0] - 0.5)
        found = quantiles(z[0] + z[1], PROBS, weights)
        mean, prob = means(z[0], weights), prob_above(z[0], 2.0, weights)
        hits[:3] += np.abs(found.value - (1 + np.sqrt(2) * Z)) <= 2 * found.mcse
        hits[3] += abs(mean.value - 1) <= 2 * mean.mcse
        hits[4] += abs(prob.value - ndtr(-1.0)) <= 2 * prob.mcse
    for hit in hits:
        assert_share(int(hit), SEEDS, 0.93, 0.97)

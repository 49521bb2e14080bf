"""Conditional means under a dependence of any shape, from worlds that have it: the posterior's.

``Var E[h | z_S]`` is the part of a function h that functions of the scores in S can follow: its projection on
functions of z_S, by least squares in the worlds themselves (Broto, Bachoc and Depecker, "Variance reduction for
estimation of Shapley effects and adaptation to unknown input distribution", 2020, estimate it from given data too).
Products of different chains' projections keep their noise from adding up to an effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from forecast.sensitivity.hermite import normalised_hermite
from forecast.special import ndtr

Array = np.ndarray

MOST_PLAYERS = 6  # whose subsets are all looked at; beyond, a Gaussian copula stands in
WORLDS = 1 << 15
DEGREE = {1: 10, 2: 7, 3: 5, 4: 4, 5: 3, 6: 3}  # of the polynomials, by the number of scores; 2 beyond
BINS = {1: 64, 2: 12}  # cells of each score, likewise
_RIDGE = 1e-10


class Sample:
    """Worlds with a dependence, and functions of all scores that are to be projected.

    Parameters
    ----------
    scores : ndarray (member, chain, world)
    functions : ndarray (function, world)
        Of the scores, all chains one after the other.
    kept : sequence of int
        Which of all functions these are; coefficients of others are zero.
    """

    def __init__(self, scores: Array, functions: Array, kept: Sequence[int]) -> None:
        self.scores, self.kept = scores, list(kept)
        chains = scores.shape[1]
        self.mean = dict(zip(self.kept, functions.mean(axis=1).tolist(), strict=True))
        self.functions = (functions - functions.mean(axis=1, keepdims=True)).reshape(len(functions), chains, -1)
        self._projections: dict[tuple[int, ...], tuple[Array, Array, Array]] = {}

    def worth(self, coefficients: Array, members: Sequence[int], chains: slice = slice(None)) -> Array:
        """Products (chain, chain) of projections on functions of some members' scores, of sums (…, chain, function).

        Parameters
        ----------
        coefficients : ndarray (..., chain, function)
        members : sequence of int
        chains : slice
            Those of the worlds that the projections rest on.
        """
        if not len(members):
            return np.zeros((coefficients.shape[-2],) * 2)
        if len(members) == len(self.scores):  # all is known
            known = self.functions[:, chains].reshape(len(self.functions), -1)
            gram = known @ known.T / known.shape[1]
        else:
            by_chain, excess, _ = self._projection(tuple(members))
            by_chain = by_chain[chains]
            count, total = len(by_chain), by_chain.sum(axis=0)  # (function, basis)
            # The basis is orthonormal in all chains together, not in each: what a chain projects of the projection
            # itself tells by how much its square is too large.
            own = np.einsum("cfb,cgb->fg", by_chain, by_chain) - count * excess
            gram = (total @ total.T - own) / (count * (count - 1))
        flat = coefficients.reshape(-1, *coefficients.shape[-2:])[..., self.kept]
        return np.asarray(np.einsum("gcf,fk,gdk->cd", flat, gram, flat, optimize=True))

    def projected(self, coefficients: Array, scores: Array, members: Sequence[int]) -> Array:
        """Conditional mean (world,) of a sum of the functions, less its mean, given scores (member, world)."""
        by_chain, _, whitened = self._projection(tuple(members))
        return np.asarray((coefficients[self.kept] @ by_chain.mean(axis=0)) @ whitened @ _basis(scores))

    def _projection(self, members: tuple[int, ...]) -> tuple[Array, Array, Array]:
        """Projections (chain, function, basis) on functions that are orthonormal in the worlds, and these.

        Between them, (function, function): products of what a chain projects of the projections, less their own.
        """
        if members not in self._projections:
            chosen = self.scores[list(members)]
            basis = _basis(chosen.reshape(len(members), -1))
            sizes, vectors = np.linalg.eigh(basis @ basis.T / basis.shape[1])
            kept = sizes > _RIDGE * sizes[-1]
            whitened = (vectors[:, kept] / np.sqrt(sizes[kept])).T
            orthonormal = (whitened @ basis).reshape(int(kept.sum()), *chosen.shape[1:])
            found = np.einsum("fcw,bcw->cfb", self.functions, orthonormal, optimize=True) / chosen.shape[2]
            middle = found.mean(axis=0)
            fitted = np.einsum("fb,bcw->fcw", middle, orthonormal, optimize=True)
            again = np.einsum("fcw,bcw->cfb", fitted, orthonormal, optimize=True) / chosen.shape[2]
            excess = np.matmul(again, again.swapaxes(1, 2)).mean(axis=0) - middle @ middle.T
            self._projections[members] = found, excess, whitened
        return self._projections[members]


def _basis(scores: Array) -> Array:
    """Functions (function, world) of scores (member, world): products of normed Hermite polynomials and, of one or two
    scores, cells of equal probability, which follow what is no polynomial.
    """
    degree = DEGREE.get(len(scores), 2)
    powers = [normalised_hermite(row, degree) for row in scores]
    rows = [np.ones(scores.shape[1])]
    for size in range(1, degree + 1):
        for choice in combinations_with_replacement(range(len(scores)), size):
            row = np.ones(scores.shape[1])
            for member in set(choice):
                row = row * powers[member][choice.count(member)]
            rows.append(row)
    bins = BINS.get(len(scores), 0)
    if not bins:
        return np.array(rows)
    cell = np.zeros(scores.shape[1], dtype=int)
    for score in scores:
        cell = cell * bins + np.minimum((ndtr(score) * bins).astype(int), bins - 1)
    return np.vstack([rows, cell == np.arange(bins ** len(scores))[:, None]])

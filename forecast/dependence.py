"""Dependence between inputs: rank correlations to a factor on independent normal scores (Gaussian copula).

A Spearman rank correlation r of two inputs is a correlation ``2 sin(pi r / 6)`` of their normal scores (Pearson, "On
further methods of determining correlation", 1907). Pairs that are not declared are independent. A correlation of
-1 or +1 makes two inputs one: their scores are equal, or opposite, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_ROUNDING = 1e-12  # eigenvalues of a possible matrix may fall below zero by as much
_UNCHANGED = 1e-6  # differences of correlation that nobody needs to hear of


@dataclass(frozen=True, eq=False)
class Dependence:
    """How independent coordinates make dependent inputs, and what had to change for it.

    Parameters
    ----------
    factor : ndarray (input, coordinate)
        Lower triangular, rows of length one: scores of the inputs are ``factor @ coordinates``.
    changes : dict of (str, str) to (float, float)
        Rank correlations as declared (0 if not) and as used, of the pairs that had to be changed because they cannot
        all hold at once; the largest change first. Empty if none had to.
    """

    factor: np.ndarray
    changes: dict[tuple[str, str], tuple[float, float]]


def factor(inputs: Sequence[str], rank_correlations: Mapping[tuple[str, str], float]) -> Dependence:
    """The factor of a Gaussian copula with the given rank correlations, repaired where they are impossible.

    Parameters
    ----------
    inputs : sequence of str
        Names, in the order of the rows.
    rank_correlations : mapping of (str, str) to float
        Spearman correlations in [-1, 1] of pairs of different inputs.

    Returns
    -------
    Dependence
        Factor and repairs. A repair is the nearest correlation matrix, so that pairs change as little as possible in
        the sum of squares. Correlations of -1 and +1 are kept unless they contradict one another; what is said of
        one of two inputs that move as one holds for the other.

    Examples
    --------
    >>> found = factor(["cost", "growth"], {("cost", "growth"): -1})
    >>> found.factor.tolist(), found.changes
    ([[1.0, 0.0], [-1.0, 0.0]], {})
    """
    place = {name: row for row, name in enumerate(inputs)}
    declared = {(place[one], place[other]): float(rank) for (one, other), rank in rank_correlations.items()}
    leaders, signs = _moving_as_one(len(inputs), declared)
    groups = np.array(sorted(set(leaders.tolist())), dtype=np.intp)  # np.unique would import numpy.ma, a tenth of numpy
    group = np.searchsorted(groups, leaders)
    total, count = np.zeros((2, len(groups), len(groups)))
    for (i, j), rank in declared.items():
        if group[i] != group[j]:
            for pair in ((group[i], group[j]), (group[j], group[i])):
                total[pair] += signs[i] * signs[j] * score_correlation(rank)
                count[pair] += 1
    # Two statements about the same two groups may differ: their mean is the nearest to both.
    asked = np.divide(total, count, out=np.eye(len(groups)), where=count > 0)
    possible = nearest_correlation(asked)
    mixing = np.zeros((len(inputs), len(inputs)))
    mixing[:, groups] = signs[:, None] * _lower(possible)[group]
    changes = {}
    for i in range(len(inputs)):
        for j in range(i + 1, len(inputs)):
            sign = signs[i] * signs[j]
            implied = rank_correlation(sign * asked[group[i], group[j]])
            before = declared.get((i, j), declared.get((j, i), implied))
            after = rank_correlation(sign * possible[group[i], group[j]]) + 0.0  # no minus zero
            if abs(after - before) > _UNCHANGED:
                changes[inputs[i], inputs[j]] = before, after
    order = sorted(changes, key=lambda pair: -abs(changes[pair][1] - changes[pair][0]))
    return Dependence(mixing + 0.0, {pair: changes[pair] for pair in order})


def score_correlation(rank: float) -> float:
    """Correlation of normal scores that gives a Spearman rank correlation; exact at -1, 0 and +1."""
    return math.copysign(1.0, rank) if abs(rank) == 1 else 2 * math.sin(math.pi * rank / 6)


def rank_correlation(score: float) -> float:
    """Spearman rank correlation of two inputs whose normal scores have a given correlation."""
    return float(score) if abs(score) == 1 else 6 / math.pi * math.asin(score / 2)


def nearest_correlation(matrix: np.ndarray) -> np.ndarray:
    """The correlation matrix nearest to a symmetric matrix with ones on its diagonal, in the sum of squares.

    Alternating projections with Dykstra's correction: Higham, "Computing the nearest correlation matrix: a problem
    from finance", 2002, Algorithm 3.3.

    Parameters
    ----------
    matrix : ndarray (input, input)
        What was asked.

    Returns
    -------
    ndarray (input, input)
        The same numbers if they are possible; else positive semidefinite to rounding, ones on the diagonal.

    Examples
    --------
    >>> nearest_correlation(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])).round(4)[0].tolist()
    [1.0, 0.7607, 0.1573]
    """
    if not len(matrix) or np.linalg.eigvalsh(matrix)[0] >= -_ROUNDING:
        return matrix
    near, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(2_000):
        values, vectors = np.linalg.eigh(near - correction)
        semidefinite = (vectors * np.maximum(values, 0)) @ vectors.T
        correction += semidefinite - near
        before, near = near, semidefinite.copy()
        np.fill_diagonal(near, 1.0)
        if np.abs(near - before).max() < 1e-13:
            break
    scale = 1 / np.sqrt(np.diag(semidefinite))
    near = semidefinite * scale * scale[:, None]
    near = (near + near.T) / 2
    np.fill_diagonal(near, 1.0)
    return near


def _moving_as_one(count: int, declared: Mapping[tuple[int, int], float]) -> tuple[np.ndarray, np.ndarray]:
    """First input of the group each input moves with, and the sign (1 or -1) with which it does."""
    leaders, signs = np.arange(count), np.ones(count)
    for (i, j), rank in declared.items():
        if abs(rank) != 1:
            continue
        sign = signs[i] * signs[j] * rank
        if leaders[i] != leaders[j]:
            first, last = sorted((leaders[i], leaders[j]))
            joined = leaders == last
            leaders[joined], signs[joined] = first, signs[joined] * sign
        elif sign < 0:  # one follows the other both upwards and downwards: leave it to the repair
            return np.arange(count), np.ones(count)
    return leaders, signs


def _lower(matrix: np.ndarray) -> np.ndarray:
    """Cholesky factor of a positive semidefinite matrix, rows of length one; independent inputs share no column."""
    factor = np.zeros_like(matrix)
    for j in range(len(matrix)):
        rest = matrix[j:, j] - factor[j:, :j] @ factor[j, :j]
        if rest[0] > 1e-11:
            factor[j:, j] = rest / math.sqrt(rest[0])
    return factor / np.sqrt((factor**2).sum(axis=1, keepdims=True))

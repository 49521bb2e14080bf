"""Orthonormal functions of normal scores: what a surrogate of the answer is a sum of.

Inputs that are independent of all others are *sites* of their own, each with functions that are orthonormal under its
own distribution. Inputs that depend on one another form one joint site, the *block*, with Hermite polynomials of
independent coordinates behind them: only for these is the conditional mean given some of the inputs known in closed
form (the projection of a homogeneous chaos; Janson, "Gaussian Hilbert Spaces", 1997, theorem 4.9).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from forecast.sensitivity.hermite import hermite, normalised_hermite
from forecast.sensitivity.posterior import WORLDS, Sample
from forecast.special import ndtr, ndtri

LEGENDRE, HERMITE = 14, 3  # highest degrees of the functions of a site: in probability, and in the normal score
MOST_DEGREE = {1: 12, 2: 10, 3: 8, 4: 6, 5: 4, 6: 4, 7: 3, 8: 3, 9: 3, 10: 3}  # of a block, by its rank; 2 beyond
_GRID = np.linspace(-8.0, 8.0, 8001)  # scores at which the functions of a site are made orthonormal
_DEPENDENT = 1e-6  # what a function must add to those before it, as a share of its variance
_SINGULAR = 1e-10

Array = np.ndarray


@dataclass(frozen=True)
class Features:
    """Functions of one coordinate in which the answer may be simple.

    Parameters
    ----------
    call : callable
        Normal scores (world,) to functions (feature, world).
    steps : int
        If not 0, the functions are constant on so many equally probable steps and tell all there is to tell.
    """

    call: Callable[[Array], Array]
    steps: int = 0


@dataclass(frozen=True, eq=False)
class Inputs:
    """Uncertain inputs by their normal scores, and who they are attributed to.

    Parameters
    ----------
    players : tuple of str
        What effects are attributed to: priors and trends.
    player : tuple of int
        For each coordinate, its player.
    correlation : ndarray (coordinate, coordinate)
        Of the normal scores.
    features : tuple of Features or None
        For each coordinate, such as the input's own value.
    joint : tuple of int
        Coordinates that depend on one another in a way that correlations do not tell: a posterior's.
    """

    players: tuple[str, ...]
    player: tuple[int, ...]
    correlation: Array
    features: tuple[Features | None, ...]
    joint: tuple[int, ...] = ()

    @classmethod
    def plain(cls, names: Sequence[str], correlation: Array | None = None) -> Inputs:
        """One coordinate an input, without features."""
        count = len(names)
        matrix = np.eye(count) if correlation is None else np.asarray(correlation, dtype=float)
        return cls(tuple(names), tuple(range(count)), matrix, (None,) * count)

    @property
    def dependent(self) -> tuple[int, ...]:
        """Coordinates that depend on others, and all others of their players: the block."""
        off = np.abs(self.correlation - np.diag(np.diag(self.correlation))) > 1e-12
        players = {self.player[c] for c in (*np.flatnonzero(off.any(axis=1)).tolist(), *self.joint)}
        return tuple(c for c, player in enumerate(self.player) if player in players)

    @property
    def single(self) -> tuple[int, ...]:
        """Coordinates that are independent of all others."""
        return tuple(sorted(set(range(len(self.player))) - set(self.dependent)))


class Site:
    """Orthonormal functions of one independent coordinate, the constant left out.

    Parameters
    ----------
    features : Features or None
        Functions that come first.
    """

    def __init__(self, features: Features | None = None) -> None:
        self._features = features
        grid, weight = _GRID, np.exp(-(_GRID**2) / 2)
        if features is not None and features.steps:
            grid, weight = ndtri((np.arange(features.steps) + 0.5) / features.steps), np.ones(features.steps)
        weight = weight / weight.sum()
        raw = self._raw(grid)
        columns: list[Array] = [np.ones(len(grid))]
        transform: list[Array] = [np.eye(1, len(raw) + 1)[0]]
        for row, values in enumerate(raw):
            scale = math.sqrt(weight @ (values - weight @ values) ** 2)
            if not np.isfinite(scale) or scale == 0:
                continue
            rest, combination = values.copy(), np.eye(1, len(raw) + 1, row + 1)[0]
            for _ in range(2):  # twice is enough for orthogonality to rounding (Kahan)
                for column, made in zip(columns, transform, strict=True):
                    part = float(weight @ (rest * column))
                    rest -= part * column
                    combination = combination - part * made
            size = math.sqrt(weight @ rest**2)
            if size**2 > _DEPENDENT * scale**2:
                columns.append(rest / size)
                transform.append(combination / size)
        self.transform = np.array(transform[1:]).reshape(len(transform) - 1, len(raw) + 1)

    def __len__(self) -> int:
        return len(self.transform)

    def values(self, score: Array, count: int | None = None) -> Array:
        """The first `count` functions (function, world) of normal scores (world,)."""
        transform = self.transform[:count]
        used = np.flatnonzero(transform.any(axis=0)[1:])
        raw = self._raw(score, int(used.max()) + 1 if len(used) else 0)
        return np.asarray(transform[:, 1 : len(raw) + 1] @ raw + transform[:, :1])

    def _raw(self, score: Array, count: int | None = None) -> Array:
        """Features, Hermite polynomials in the score, Legendre polynomials in its probability; the first `count`."""
        rows: list[Array] = [] if self._features is None else list(self._features.call(score))
        if self._features is not None and self._features.steps:
            return np.array(rows[:count])
        rows += list(hermite(score, HERMITE)[1:])
        if count is None or count > len(rows):
            rows += list(_legendre(2 * ndtr(score) - 1, LEGENDRE if count is None else count - len(rows)))
        return np.array(rows[:count])


class Block:
    """Hermite polynomials of inputs that depend on one another through a Gaussian copula.

    Parameters
    ----------
    correlation : ndarray (member, member)
        Of the members' normal scores; may be singular.
    """

    def __init__(self, correlation: Array) -> None:
        self.loads = _square_root(correlation)  # (member, coordinate): scores are loads @ coordinates
        self._inverse = np.linalg.pinv(self.loads, rcond=1e-8)
        rank = self.loads.shape[1]
        degree = MOST_DEGREE.get(rank, 2)
        self.indices = tuple(
            choice for k in range(1, degree + 1) for choice in combinations_with_replacement(range(rank), k)
        )
        """For each function, the coordinates of its Wick product, repeated as often as their degree."""
        self.sample: Sample | None = None
        """Worlds, if the members' dependence is not a Gaussian copula: conditional means are then read off these."""

    def __len__(self) -> int:
        return len(self.indices)

    def values(self, scores: Array, count: int | None = None) -> Array:
        """The first `count` functions (function, world) of the members' normal scores (member, world)."""
        return self.some(self._inverse @ scores, range(len(self) if count is None else min(count, len(self))))

    def some(self, coordinates: Array, functions: Sequence[int]) -> Array:
        """Some functions (function, world) of the independent coordinates (coordinate, world)."""
        wanted = [self.indices[function] for function in functions]
        highest = max((len(index) for index in wanted), default=0)
        powers = [normalised_hermite(row, highest) for row in coordinates]
        out = np.empty((len(wanted), coordinates.shape[1]))
        for row, index in enumerate(wanted):
            product: Array | float = 1.0
            for coordinate in sorted(set(index)):
                product = product * powers[coordinate][index.count(coordinate)]
            out[row] = product
        return out

    def shown_by(self, scores: Array, used: Sequence[int]) -> None:
        """Take the dependence from worlds (member, chain, world) instead of a copula, for the functions in use."""
        worlds = WORLDS if len(scores) <= 4 else WORLDS // 2  # with every member twice as many subsets
        scores = scores[..., : max(1, worlds // scores.shape[1])]
        values = self.values(scores.reshape(len(scores), -1), max(used, default=-1) + 1)
        self.sample = Sample(scores, values[list(used)], used)

    def up_to_degree(self, degree: int) -> int:
        """How many functions have at most this degree."""
        return sum(len(index) <= degree for index in self.indices)

    def tensors(self, coefficients: Array) -> dict[int, Array]:
        """Coefficients (…, function) as symmetric tensors by degree (…, coordinate, …, coordinate).

        Normed so that a tensor's squared norm is the variance of its chaos.
        """
        rank = self.loads.shape[1]
        made: dict[int, Array] = {}
        used = coefficients.reshape(-1, len(self)).any(axis=0)
        for degree in sorted({len(self.indices[f]) for f in np.flatnonzero(used)}):
            tensor = np.zeros((*coefficients.shape[:-1], *(rank,) * degree))
            for function in np.flatnonzero(used):
                index = self.indices[function]
                if len(index) != degree:
                    continue
                ways = math.prod(math.factorial(index.count(i)) for i in set(index)) / math.factorial(degree)
                for place in set(_orders(index)):
                    at: Any = (..., *place)
                    tensor[at] = coefficients[..., function] * math.sqrt(ways)
            made[degree] = tensor
        return made

    def projected(self, coefficients: Array, scores: Array, members: Sequence[int]) -> Array:
        """Conditional mean (world,) of a sum of the functions given the scores (member, world) of some members."""
        if self.sample is not None:
            return self.sample.projected(coefficients, scores, members)
        directions = self.span(members)
        coordinates = directions.T @ np.linalg.pinv(self.loads[list(members)], rcond=1e-8) @ scores
        powers = [normalised_hermite(row, max(map(len, self.indices))) for row in coordinates]
        total = np.zeros(scores.shape[1])
        for degree, tensor in self.tensors(coefficients).items():
            for _ in range(degree):
                tensor = np.tensordot(tensor, directions, axes=([0], [0]))
            for index in combinations_with_replacement(range(len(powers)), degree):
                counts = [index.count(i) for i in range(len(powers))]
                ways = math.factorial(degree) / math.prod(map(math.factorial, counts))
                product = np.full(scores.shape[1], tensor[index] * math.sqrt(ways))
                for row, power in zip(powers, counts, strict=True):
                    product = product * row[power]
                total += product
        return total

    def span(self, members: Sequence[int]) -> Array:
        """Orthonormal directions (coordinate, direction) that the scores of some members span."""
        if not len(members):
            return np.zeros((self.loads.shape[1], 0))
        left, sizes, _ = np.linalg.svd(self.loads[list(members)].T, full_matrices=False)
        return np.asarray(left[:, sizes > 1e-7])


def gram(tensors: dict[int, Array], directions: Array) -> Array:
    """Products (…, chain, chain) of chaoses (…, chain, coordinate, …) projected on directions, over all degrees."""
    total: Array | float = 0.0
    for degree, tensor in tensors.items():
        for _ in range(degree):  # each turn contracts the first tensor axis and puts the result last
            tensor = np.tensordot(tensor, directions, axes=([tensor.ndim - degree], [0]))
        flat = tensor.reshape(*tensor.shape[: tensor.ndim - degree], -1)
        total = total + flat @ np.swapaxes(flat, -1, -2)
    return np.asarray(total)


def _legendre(x: Array, degree: int) -> list[Array]:
    rows = [np.ones_like(x), x]
    for k in range(1, degree):
        rows.append(((2 * k + 1) * x * rows[k] - k * rows[k - 1]) / (k + 1))
    return rows[1 : degree + 1]


def _square_root(correlation: Array) -> Array:
    """A square root (member, coordinate) that keeps apart what is independent."""
    linked = np.abs(correlation) > 1e-12
    open_members, parts = set(range(len(correlation))), []
    while open_members:
        part, new = set(), {min(open_members)}
        while new:
            part |= new
            new = {int(j) for i in new for j in np.flatnonzero(linked[i])} - part
        open_members -= part
        members = sorted(part)
        sizes, vectors = np.linalg.eigh(correlation[np.ix_(members, members)])
        kept = sizes > _SINGULAR
        block = np.zeros((len(correlation), int(kept.sum())))
        block[members] = vectors[:, kept] * np.sqrt(sizes[kept])
        parts.append(block)
    return np.hstack(parts)


def _orders(index: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All different orders of a multiset."""
    if len(index) <= 1:
        return [index]
    found = []
    for first in sorted(set(index)):
        rest = list(index)
        rest.remove(first)
        found += [(first, *tail) for tail in _orders(tuple(rest))]
    return found

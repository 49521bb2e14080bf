"""Quantile functions without a closed form: piecewise polynomials of the normal score.

A quantile function is inverted once on a grid of normal scores and stored as polynomials. Building one takes a few
milliseconds of numpy, evaluating it a few nanoseconds a draw.
"""

from __future__ import annotations

import binascii
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.special import Array

Map = Callable[[Array], Array]

REACH = 9.0
"""Tables cover normal scores of -9 to 9 (a probability of 1e-19); beyond, a quantile is solved for."""

_STEP = 0.125
_DEGREE = 7
FIT_DEGREE = 11
_HALVINGS = 12


@dataclass(frozen=True, eq=False)
class Locator:
    """Which cell a normal score lies in: the number of breaks below it.

    A guide over equal buckets replaces the bisection, which is several times slower on random scores; only buckets
    with more than one break fall back to it.

    Parameters
    ----------
    breaks : ndarray, shape (break)
        Increasing.
    """

    breaks: Array
    upper: Array
    guide: np.ndarray[Any, np.dtype[np.intp]]
    crowded: np.ndarray[Any, np.dtype[np.bool_]]
    start: float
    inverse: float

    @classmethod
    def of(cls, breaks: Array) -> Locator:
        inner = breaks[np.abs(breaks) < REACH]
        start, stop = (float(inner[0]), float(inner[-1])) if inner.size else (0.0, 0.0)
        # Buckets no wider than the narrowest cell hold one break at most; but a guide should stay in the cache.
        narrow = max(float(np.diff(inner).min(initial=np.inf)), 1e-9)
        count = max(4 * breaks.size + 1, min(2**14, int((stop - start) / narrow) + 2))
        inverse = count / (stop - start) if stop > start else 1.0
        below = np.searchsorted(breaks, start + np.arange(count + 1) / inverse, side="left")
        below[0], below[-1] = 0, breaks.size
        return cls(breaks, np.append(breaks, np.inf), below[:-1], np.diff(below) > 1, start, inverse)

    def __call__(self, z: Array) -> np.ndarray[Any, np.dtype[np.intp]]:
        if self.breaks.size < 8:
            return np.searchsorted(self.breaks, z, side="left")
        bucket = z - self.start
        bucket *= self.inverse
        where = bucket.astype(np.intp)
        cell = np.take(self.guide, where, mode="clip")
        cell += np.take(self.upper, cell, mode="clip") < z
        if self._any_crowded:
            crowded = np.flatnonzero(np.take(self.crowded, where, mode="clip"))
            cell[crowded] = np.searchsorted(self.breaks, z[crowded], side="left")
        return cell

    @functools.cached_property
    def _any_crowded(self) -> bool:
        return bool(self.crowded.any())


@dataclass(frozen=True, eq=False)
class Table:
    """A piecewise polynomial of the normal score, for scores within `REACH`.

    Parameters
    ----------
    coefficients : ndarray, shape (power, cell)
        In powers of the score's distance from the cell's origin, lowest first.
    origin : ndarray, shape (cell)
    breaks : ndarray, shape (cell - 1), or None
        Where cells meet; None for equal cells of width 1/8 from ``-REACH`` (or from 0).
    atoms : ndarray, shape (cell), or None
        The value of a cell that is a single value, NaN for the others.
    """

    coefficients: Array
    origin: Array
    breaks: Array | None = None
    atoms: Array | None = None

    @functools.cached_property
    def _locate(self) -> Locator:
        assert self.breaks is not None
        return Locator.of(self.breaks)

    def cells(self, z: Array) -> tuple[np.ndarray[Any, np.dtype[np.intp]], Array]:
        """The cell of each score, and the score's distance from its origin."""
        if self.breaks is not None:
            cell = self._locate(z)
            return cell, z - np.take(self.origin, cell, mode="clip")
        first = self.origin[0] - 0.5 * _STEP
        at = z - first
        at *= 1.0 / _STEP
        np.floor(at, out=at)
        np.fmax(at, 0.0, out=at)
        np.fmin(at, self.origin.size - 1, out=at)
        cell = at.astype(np.intp)
        at *= -_STEP
        at += z
        at -= self.origin[0]
        return cell, at

    @functools.cached_property
    def _is_atom(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        assert self.atoms is not None
        return ~np.isnan(self.atoms)

    def __call__(self, z: Array, then: Map | None = None) -> Array:
        """The polynomial at flat scores within `REACH`, passed through ``then``; atoms as they are."""
        cell, distance = self.cells(z)
        out = np.take(self.coefficients[-1], cell, mode="clip")
        part = np.empty_like(out)
        for row in self.coefficients[-2::-1]:
            out *= distance
            out += np.take(row, cell, out=part, mode="clip")
        result: Array = out if then is None else then(out)
        if self.atoms is not None:
            np.copyto(result, np.take(self.atoms, cell, out=part, mode="clip"), where=self._is_atom.take(cell))
        return result

    def to_json(self) -> dict[str, Any]:
        """Plain text, exact to the last bit."""
        arrays = {"coefficients": self.coefficients, "origin": self.origin, "breaks": self.breaks, "atoms": self.atoms}
        return {k: _encode(v) for k, v in arrays.items() if v is not None} | {"powers": self.coefficients.shape[0]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Table:
        """The table that `to_json` wrote."""
        arrays = {k: _decode(v) for k, v in data.items() if k != "powers"}
        coefficients = arrays.pop("coefficients").reshape(data["powers"], -1)
        return cls(coefficients, **arrays)


def _encode(values: Array) -> str:
    return binascii.b2a_base64(np.ascontiguousarray(values, dtype="<f8").tobytes(), newline=False).decode("ascii")


def _decode(text: str) -> Array:
    return np.frombuffer(binascii.a2b_base64(text), dtype="<f8").astype(np.float64)


@functools.cache
def chebyshev(degree: int) -> tuple[Array, Array, Array]:
    """Chebyshev nodes on [-1, 1], and the matrices from values there to Chebyshev and to monomial coefficients."""
    n = degree + 1
    angle = np.pi * (np.arange(n) + 0.5) / n
    nodes = -np.cos(angle)
    to_chebyshev = np.cos(np.outer(np.arange(n), angle)) * (2.0 / n) * ((-1.0) ** np.arange(n))[:, None]
    to_chebyshev[0] /= 2.0
    monomials = np.zeros((n, n))  # column j: T_j in powers of x
    monomials[0, 0] = 1.0
    if n > 1:
        monomials[1, 1] = 1.0
    for j in range(2, n):
        monomials[1:, j] = 2.0 * monomials[:-1, j - 1]
        monomials[:, j] -= monomials[:, j - 2]
    return nodes, to_chebyshev, monomials @ to_chebyshev


def fit(values: Array, half: Array, degree: int) -> tuple[Array, Array]:
    """Polynomials through values at the Chebyshev nodes of cells.

    Parameters
    ----------
    values : ndarray, shape (cell, node)
    half : ndarray, shape (cell)
        Half the width of each cell.

    Returns
    -------
    coefficients : ndarray, shape (power, cell)
    error : ndarray, shape (cell)
        Size of the last two Chebyshev coefficients, a cautious estimate of the error.
    """
    _, to_chebyshev, to_monomial = chebyshev(degree)
    middle = values[:, degree // 2]
    rest = values - middle[:, None]
    coefficients = np.einsum("kn,cn->kc", to_monomial, rest) / half ** np.arange(degree + 1.0)[:, None]
    coefficients[0] += middle
    last = np.einsum("kn,cn->kc", to_chebyshev[-2:], rest)
    return coefficients, np.abs(last).sum(axis=0)


def tabulate(value: Map, even: bool = False) -> Table:
    """A table of equal cells, or of halved ones where a polynomial on the equal ones is not good to about 1e-13.

    Parameters
    ----------
    value : callable
        What to tabulate at flat scores.
    even : bool
        Only for scores of 0 and more.
    """
    left = np.arange(0 if even else round(-REACH / _STEP), round(REACH / _STEP)) * _STEP
    half = np.full(left.size, 0.5 * _STEP)
    starts, origins, rows = [], [], []
    for turn in range(_HALVINGS + 1):
        z = (left + half)[:, None] + half[:, None] * chebyshev(_DEGREE)[0]
        values = value(z.reshape(-1)).reshape(z.shape)
        coefficients, error = fit(values, half, _DEGREE)
        slope = (np.abs(np.diff(values, axis=1)) / np.diff(z, axis=1)).max(axis=1)
        rounding = 1e-14 * (np.abs(values).max(axis=1) + (1.0 + np.abs(left)) * slope)
        bad = (error > 1e-12 + rounding) & (turn < _HALVINGS)
        if turn == 0 and not bad.any():
            return Table(coefficients, left + half)
        starts.append(left[~bad])
        origins.append((left + half)[~bad])
        rows.append(coefficients[:, ~bad])
        if not bad.any():
            break
        half = np.repeat(0.5 * half[bad], 2)
        left = np.repeat(left[bad], 2)
        left[1::2] += 2.0 * half[1::2]
    start = np.concatenate(starts)
    order = np.argsort(start)
    table = np.concatenate(rows, axis=1)[:, order]
    return Table(np.ascontiguousarray(table), np.concatenate(origins)[order], start[order][1:])

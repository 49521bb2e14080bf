"""The normal scores behind outputs, and the direction along which an output rises with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MOST = 1024  # draws of a chain that are looked at
BENDS = 4  # powers of an output that its direction is looked for in
RIDGE = 1e-13  # relative; inputs that move as one would else make the fit singular

type Moved = Callable[[np.ndarray], np.ndarray | None]


@dataclass(frozen=True, eq=False)
class Normals:
    """Normal scores that outputs are functions of, in the first draws of each chain.

    Parameters
    ----------
    scores : ndarray (input, chain, draw)
        Standard normal over the worlds of a design.
    correlation : ndarray (input, input)
        Of the scores.
    follows : ndarray (output, input) of bool
        Which inputs an output depends on.
    moved : sequence of callable, optional
        For each output: its values (move, chain, draw) in the same worlds with other scores (input, move, chain, draw)
        of the inputs that it depends on, for as many draws as are given; None where it cannot be evaluated there.
    """

    scores: np.ndarray
    correlation: np.ndarray
    follows: np.ndarray
    moved: Sequence[Moved] = ()

    def of(self, outputs: Sequence[int]) -> Normals:
        """The same, for some of the outputs."""
        moved = tuple(self.moved[output] for output in outputs) if self.moved else ()
        return Normals(self.scores, self.correlation, self.follows[list(outputs)], moved)


def directions(draws: np.ndarray, worlds: np.ndarray, normals: Normals) -> np.ndarray:
    """Directions (output, chain, input) along which outputs rise, from the draws (output, chain, rank) of some worlds.

    By least squares; the index along a direction has variance one. A direction is zero where none shows. Each half of
    the chains gets what the other half shows, so that no chain's index knows the chain's own draws.
    """
    outputs, chains, _ = worlds.shape
    half = chains // 2
    direction = np.empty((outputs, chains, len(normals.scores)))
    for fold, others in ((np.s_[:half], np.s_[half:]), (np.s_[half:], np.s_[:half])):
        some = worlds[:, others]
        found = np.take_along_axis(draws[:, others], some, -1)
        np.log(found, out=found, where=(found.min(axis=(1, 2)) > 0)[:, None, None])
        z = normals.scores[:, np.arange(chains)[others, None], some]  # (input, output, chain, rank)
        direction[:, fold] = _fitted(z, found, normals)[:, None]
    return direction


def index_along(direction: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Scores along directions (output, chain, input), (output, chain, draw): standard normal over the worlds."""
    # One product a chain: its sums are over the inputs alone, and its shape follows from the run.
    index: np.ndarray = np.matmul(direction.swapaxes(0, 1), scores.swapaxes(0, 1)).swapaxes(0, 1)
    return index


def _fitted(z: np.ndarray, values: np.ndarray, normals: Normals) -> np.ndarray:
    """Directions (output, input) along which values (output, chain, point) rise; their index has variance one."""
    points = z.reshape(len(z), len(values), -1).swapaxes(0, 1)
    points = (points - points.mean(axis=-1, keepdims=True)) * normals.follows[:, :, None]
    rise = values.reshape(len(values), -1)
    rise = rise / np.maximum(np.abs(rise).max(axis=-1, keepdims=True), 1e-300)
    rise = rise - rise.mean(axis=-1, keepdims=True)
    gram = np.matmul(points, points.swapaxes(1, 2))
    size = RIDGE * np.trace(gram, axis1=1, axis2=2) + 1e-300
    gram += np.where(normals.follows, size[:, None], 1.0)[:, :, None] * np.eye(len(z))
    slope = np.linalg.solve(gram, np.matmul(points, rise[..., None]))
    # Once more with the output bent so that it rises straight along what was found: its curvature is no noise then.
    rise = rise / np.maximum(np.abs(rise).max(axis=-1, keepdims=True), 1e-300)
    bends = np.cumprod(np.repeat(rise[:, None], BENDS, axis=1), axis=1)
    bends -= bends.mean(axis=-1, keepdims=True)
    along = np.matmul(points.swapaxes(1, 2), slope)
    weights = np.linalg.solve(np.matmul(bends, bends.swapaxes(1, 2)) + 1e-12 * np.eye(BENDS), np.matmul(bends, along))
    straight = np.matmul(bends.swapaxes(1, 2), weights)
    slope = np.linalg.solve(gram, np.matmul(points, straight))[..., 0]
    length = np.sqrt(np.maximum(((slope @ normals.correlation) * slope).sum(axis=-1, keepdims=True), 0.0))
    direction: np.ndarray = np.divide(slope, length, out=np.zeros(slope.shape), where=length > 0)
    return direction

"""Normal control variates for quantiles: what an output would be if it followed one direction of its inputs' scores.

Near its p-quantile an output Y of many inputs follows, more or less, one direction b of their normal scores z: a
product of lognormals exactly, a year of crossing exactly too (that it comes before t is an inequality between sums), a
sum of costs roughly. The index ``b·z / |b|`` is standard normal, so its own p-quantile is known, and by as much as the
sample is off at that, the sample's quantile of Y can be put right. Hsu and Nelson, "Control variates for quantile
estimation", Management Science 36 (1990).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

POINTS, LEAST = 48, 6  # of a chain, that a direction is fitted to: in all, and of each quantile
BENDS = 4  # powers of an output that its direction is looked for in
RIDGE = 1e-13  # relative; inputs that move as one would else make the fit singular


@dataclass(frozen=True, eq=False)
class Normals:
    """Normal scores that outputs are functions of.

    Parameters
    ----------
    scores : ndarray (input, chain, draw)
        Standard normal over the worlds of a design.
    correlation : ndarray (input, input)
        Of the scores.
    follows : ndarray (output, input) of bool
        Which inputs an output depends on.
    """

    scores: np.ndarray
    correlation: np.ndarray
    follows: np.ndarray

    def first(self, draws: int) -> Normals:
        """The same, of the first draws of each chain."""
        return Normals(self.scores[..., :draws], self.correlation, self.follows)

    def of(self, outputs: slice | np.ndarray) -> Normals:
        """The same, for some of the outputs."""
        return Normals(self.scores, self.correlation, self.follows[outputs])


def indices(draws: np.ndarray, ends: Sequence[np.ndarray], counts: Sequence[int], normals: Normals) -> np.ndarray:
    """The normal index that each output follows in some ranges of its order statistics.

    The direction is that of a least-squares fit to the worlds inside; each half of the chains gets the one that the
    other half shows, so that no chain's index knows the chain's own draws.

    Parameters
    ----------
    draws : ndarray (output, chain, draw)
        Without ties inside the ranges.
    ends : sequence of ndarray (output, chain, 2)
        The first and the last order statistic of each range.
    counts : sequence of int
        Draws of each chain in each range.
    normals : Normals

    Returns
    -------
    ndarray (output, chain, draw)
        Standard normal over the worlds; 0 where no direction shows.
    """
    outputs, chains, size = draws.shape
    parts = []
    for end, count in zip(ends, counts, strict=True):
        inside = (draws >= end[..., :1]) & (draws <= end[..., 1:])
        parts.append((np.flatnonzero(inside) % size).reshape(outputs, chains, count))
    worlds = np.concatenate(parts, axis=-1)
    chain = np.arange(chains)[:, None]
    found = draws[np.arange(outputs)[:, None, None], chain, worlds]
    np.log(found, out=found, where=(found.min(axis=(1, 2)) > 0)[:, None, None])
    z = normals.scores[:, chain, worlds]  # (input, output, chain, point)
    half = chains // 2
    direction = np.empty((outputs, chains, len(z)))
    for fold, others in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
        direction[:, fold] = _directions(z[:, :, others], found[:, others], normals)[:, None]
    # One product a chain: its sums are over the inputs alone, and its shape follows from the run.
    index: np.ndarray = np.matmul(direction.swapaxes(0, 1), normals.scores.swapaxes(0, 1)).swapaxes(0, 1)
    return index


def _directions(z: np.ndarray, values: np.ndarray, normals: Normals) -> np.ndarray:
    """Directions (output, input) along which values (output, chain, point) rise; their index has variance one."""
    points = z.reshape(len(z), len(values), -1).swapaxes(0, 1)
    points = (points - points.mean(axis=-1, keepdims=True)) * normals.follows[:, :, None]
    rise = values.reshape(len(values), -1)
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

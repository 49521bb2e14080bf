"""First-order and total indices by runs of their own: the check on what is read off a run's worlds.

Jansen, "Analysis of variance designs for model output" (1999), on scrambled Sobol points: for each input the graph is
evaluated once more with that input drawn anew. Where inputs depend on one another, the new draw is given all others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecast.errors import UsageError
from forecast.quantile import mcse_of
from forecast.result import Forecast
from forecast.sampling import request_of, sample
from forecast.sensitivity.prepared import prepare
from forecast.sensitivity.swings import Figure

Array = np.ndarray
DRAWS = 1024  # of each chain and run


@dataclass(frozen=True)
class SobolIndices:
    """Indices of one player.

    Parameters
    ----------
    name : str
    first, total : Figure
    """

    name: str
    first: Figure
    total: Figure


def sobol_indices(
    forecast: Forecast, quantity: str, draws: int = DRAWS, scale: str = "auto", year: float | None = None
) -> tuple[SobolIndices, ...]:
    """Sobol indices of a quantity by dedicated quasi-Monte Carlo runs.

    Parameters
    ----------
    forecast : Forecast
        Whose study, seed and year axis are used; its worlds are not.
    quantity : str
    draws : int
        Worlds of each of the 8 chains, in each of two runs an input and one more.
    scale : str
        As in `forecast.sensitivity.sensitivity`. On ranks, those of the first run are used for all.
    year : float, optional

    Returns
    -------
    tuple of SobolIndices
        Largest total index first.

    Raises
    ------
    UsageError
        With evidence: a posterior's inputs cannot be drawn anew one by one.
    """
    if forecast.design.given:
        raise UsageError(
            "dedicated runs need inputs that can be drawn anew; with evidence, use the indices from the run's worlds"
        )
    prepared = prepare(forecast, quantity, year, None, scale)
    request = request_of(prepared.quantity)
    names, inputs = prepared.coordinates, prepared.inputs
    count = len(names)
    root = _root(inputs.correlation)
    before = forecast.at(request.name, request.year)

    def values(mixing: Array) -> Array:
        design = replace(forecast.design, inputs=names, mixing=mixing, seed=forecast.design.seed + 2)
        found = sample(
            forecast.study, design, [str(request)], forecast.years, 0, draws, forecast.block, forecast.threads
        )[str(request)]
        if prepared.scale == "log":
            return np.asarray(np.log10(found))
        if prepared.scale == "rank":
            ordered = np.sort(before, axis=None)
            ranks = np.searchsorted(ordered, found, "left") + np.searchsorted(ordered, found, "right")
            return np.asarray(ranks / (2 * ordered.size))
        return found

    plain = np.hstack([root, np.zeros((count, count))])
    base = values(plain)
    variance = base.var(axis=1)
    found = []
    for player, name in enumerate(inputs.players):
        own = [c for c, p in enumerate(inputs.player) if p == player]
        rest = [c for c in range(count) if c not in own]
        again = values(_redrawn(plain, inputs.correlation, own, rest))
        total = ((base - again) ** 2).mean(axis=1) / 2 / variance.mean()
        alone = values(_redrawn(plain, inputs.correlation, rest, own)) if rest else base
        first = variance / variance.mean() - ((base - alone) ** 2).mean(axis=1) / 2 / variance.mean()
        found.append(SobolIndices(name, *(Figure(float(x.mean()), float(mcse_of(x))) for x in (first, total))))
    return tuple(sorted(found, key=lambda one: -one.total.value))


def _redrawn(plain: Array, correlation: Array, new: list[int], kept: list[int]) -> Array:
    """Rows (coordinate, source) in which some inputs are drawn anew given the kept ones, from further sources."""
    count = len(plain)
    mixing = plain.copy()
    weights = (
        correlation[np.ix_(new, kept)] @ np.linalg.pinv(correlation[np.ix_(kept, kept)], rcond=1e-10)
        if kept
        else np.zeros((len(new), 0))
    )
    left = correlation[np.ix_(new, new)] - weights @ correlation[np.ix_(kept, new)]
    mixing[new] = weights @ plain[kept]
    mixing[np.ix_(new, [count + c for c in new])] = _root(left)
    return mixing


def _root(matrix: Array) -> Array:
    """A square root of a positive semidefinite matrix; what is independent stays on its own coordinate."""
    if np.allclose(matrix, np.diag(np.diag(matrix))):
        return np.diag(np.sqrt(np.maximum(np.diag(matrix), 0)))
    sizes, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(sizes, 0))) @ vectors.T)

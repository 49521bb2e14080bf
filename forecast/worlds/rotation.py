"""Turning a design so that the directions which decide the outputs lie on the best Sobol coordinates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecast.special import ndtri
from forecast.worlds import Design

FIT = 0.85  # share of an output's variance that a line must explain before its direction is aimed at
_DIGITS = 12  # of a rotation's entries: what is beyond differs between machines, and a zero spares two passes


def aimed(design: Design, pilot: np.ndarray, outputs: np.ndarray, follows: np.ndarray | None = None) -> Design:
    """The design turned so that the directions which decide the outputs lie on the best Sobol coordinates.

    Sobol points fill the space of their first coordinates most evenly. Independent normal scores stay independent
    normal scores under rotation, so aiming changes the error of a result and not what it estimates, provided that
    the pilot comes from another seed than the design.

    The normal scores of each output are regressed on the coordinates. Outputs that fit well (adjusted R² of `FIT`
    or more: products, powers, sums of them) are aimed at: their directions, those of fewest inputs first and each
    orthogonal to the ones before, become coordinates. Kinks, steps and choices live on the axes and would lose by
    rotation, so the coordinates of every output that fits badly stay as they are, put in order of importance.

    Parameters
    ----------
    design : Design
        The design; returned as it is unless its method is ``"qmc"``.
    pilot : ndarray (coordinate, world)
        Scores of the coordinates (not of the inputs), about 512 worlds.
    outputs : ndarray (output, world)
        What came of them; infinities are ordered.
    follows : ndarray (output, coordinate) of bool, optional
        Which coordinates an output can depend on; all of them if left out. Knowing this spares coordinates of no
        consequence, and lets a well-fitted output be aimed at beside a badly fitted one of other inputs.

    Returns
    -------
    Design
        Same inputs, seed, method and chains; another mixing.
    """
    if design.method != "qmc" or design.coordinates < 2:
        return design
    follows = np.ones((len(outputs), len(pilot)), dtype=bool) if follows is None else follows
    loads, fits = _regressed(pilot, outputs, follows)
    kept = follows[~fits].any(axis=0)
    directions: list[np.ndarray] = []
    aims = np.where(kept, 0.0, loads[fits])
    norm = np.maximum((aims**2).sum(axis=1, keepdims=True), 1e-300)
    for aim in aims[np.argsort(-((aims**2 / norm) ** 2).sum(axis=1), kind="stable")]:
        rest = aim - sum(((direction @ aim) * direction for direction in directions), np.zeros(len(aim)))
        if np.linalg.norm(rest) > 0.1:
            directions.append(rest / np.linalg.norm(rest))
    turn = _completed(np.array(directions).reshape(-1, len(pilot)), loads)
    turn = turn[:, np.argsort(-np.round((loads @ turn) ** 2, 12).sum(axis=0), kind="stable")]
    mixing = turn if design.mixing is None else design.mixing @ turn
    return replace(design, mixing=np.round(mixing, _DIGITS) + 0.0)


def _regressed(pilot: np.ndarray, outputs: np.ndarray, follows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes (output, coordinate) of the outputs' normal scores, without those that are noise, and which fit well."""
    worlds = pilot.shape[1]
    loads, fits = np.zeros(follows.shape), np.zeros(len(outputs), dtype=bool)
    ranked = ndtri((np.arange(worlds) + 0.5) / worlds)
    score = np.empty(worlds)
    solvers: dict[bytes, np.ndarray] = {}  # many outputs follow from the same coordinates: a quantity in each year
    for row, (output, follow) in enumerate(zip(outputs, follows, strict=True)):
        degrees = worlds - 1 - int(follow.sum())
        if degrees < worlds // 2 or output.min() == output.max():
            continue
        # Outputs of a formula rarely tie; where they do, any order of the tied only lowers the fit.
        score[np.argsort(output, kind="stable")] = ranked
        inverse = solvers.get(follow.tobytes())
        if inverse is None:
            inverse = solvers[follow.tobytes()] = np.linalg.pinv(pilot[follow].T)
        slopes = (inverse * score).sum(axis=1)
        unexplained = float(((score - slopes @ pilot[follow]) ** 2).mean() / (score**2).mean()) * worlds / degrees
        slopes[np.abs(slopes) < 2 * np.sqrt(unexplained / worlds)] = 0
        loads[row, follow] = slopes
        fits[row] = unexplained <= 1 - FIT
    return loads, fits


def _completed(directions: np.ndarray, loads: np.ndarray) -> np.ndarray:
    """An orthogonal matrix that starts with the directions (direction, coordinate) and leaves the other axes alone."""
    count = loads.shape[1]
    turned = np.flatnonzero(directions.any(axis=0))
    still = np.flatnonzero(~directions.any(axis=0))
    basis = list(directions[:, turned])
    left = (
        np.abs(loads[:, turned] - loads[:, turned] @ np.array(basis).T @ np.array(basis)).sum(axis=0) if basis else []
    )
    # The axes with the most left to explain complete the basis. Gram and Schmidt's way, not LAPACK's: where nothing is
    # left, rounding would choose among the axes, and another machine choose otherwise.
    for axis in np.argsort(-np.round(left, 9), kind="stable").tolist():
        rest = np.eye(len(turned))[axis]
        for direction in [*basis, *basis]:  # twice, so that rounding leaves nothing of the first directions
            rest = rest - (direction * rest).sum() * direction
        size = np.sqrt((rest**2).sum())
        if len(basis) < len(turned) and size > 1e-6:
            basis.append(rest / size)
    matrix = np.zeros((count, count))
    if basis:
        matrix[np.ix_(turned, np.arange(len(turned)))] = np.array(basis).T
    matrix[still, np.arange(len(turned), count)] = 1
    return matrix

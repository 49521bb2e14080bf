"""Standardised scatter around a trend as functions of a normal score: normal, or Student-t with any dof per draw.

Draws of a Student-t trend have each their own degrees of freedom, and numpy has no Student-t quantile. So when a
trend is fitted, scipy's quantile is turned into two short Chebyshev series per draw, in the normal score and in its
near twin ``q = sqrt(dof * log1p(x² / dof))`` (Wallace, "Bounds on Normal Approximations to Student's and the
Chi-Square Distributions", 1959); a forecast then evaluates them with numpy alone. For dof >= 2 they are good to
5e-4 of a standard score over ±8.
"""

from __future__ import annotations

import numpy as np

from forecast.special import ndtr
from forecast.trend.series import Array

_TERMS = 10
_REACH = 8.0
_NODES = 160
# Columns of a noise table: dof, log of the density's constant, largest q, then the two series.
_DOF, _CONSTANT, _LARGEST, _FORWARD, _BACK = 0, 1, 2, slice(3, 3 + _TERMS), slice(3 + _TERMS, 3 + 2 * _TERMS)

_SQRT_2PI = float(np.sqrt(2 * np.pi))


def noise_table(dof: Array) -> Array:
    """What `noise_value` and `noise_excess` need for Student-t scatter.

    Parameters
    ----------
    dof : (draw,) array
        Degrees of freedom, 2 or more.

    Returns
    -------
    (draw, 23) array
    """
    from scipy.special import gammaln, stdtrit

    score = np.linspace(0, _REACH, _NODES + 1)[1:]
    value = -stdtrit(dof[:, None], ndtr(-score))
    near = np.sqrt(dof[:, None] * np.log1p(value**2 / dof[:, None]))
    largest = near[:, -1]
    basis = _chebyshev(2 * score / _REACH - 1)
    forward = (near / score) @ np.linalg.pinv(basis)
    # The backward series has its own nodes, even in q: one small least-squares problem per draw.
    own = np.moveaxis(_chebyshev(2 * near / largest[:, None] - 1), 0, -1)
    square, image = np.einsum("dnk,dnl->dkl", own, own), np.einsum("dnk,dn->dk", own, score / near)
    back = np.linalg.solve(square, image[..., None])[..., 0]
    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(np.pi * dof)
    return np.concatenate([np.stack([dof, constant, largest], axis=1), forward, back], axis=1)


def noise_value(score: Array, table: Array | None) -> Array:
    """Standardised scatter at normal scores.

    Parameters
    ----------
    score : (…, draw) array
        Standard normal scores.
    table : (draw, 23) array, optional
        From `noise_table`; none means normal scatter.

    Returns
    -------
    (…, draw) array
        Increasing in the score; Student-t distributed with each draw's dof if the scores are normal.
    """
    if table is None:
        return score
    size = np.minimum(np.abs(score), _REACH)
    near = size * _clenshaw(2 * size / _REACH - 1, table[:, _FORWARD])
    dof = table[:, _DOF]
    return np.copysign(np.sqrt(dof * np.expm1(near**2 / dof)), score)


def noise_excess(x: Array, table: Array | None) -> tuple[Array, Array]:
    """Survival function of the scatter and the integral of it from x on.

    Parameters
    ----------
    x : (…, draw) array
        Standardised distances above the mean line.
    table : (draw, 23) array, optional
        From `noise_table`; none means normal scatter.

    Returns
    -------
    survival, excess : (…, draw) arrays
        P(noise > x) and E[max(noise - x, 0)]: ``phi(x) - x S(x)`` for the normal,
        ``(dof + x²) / (dof - 1) f(x) - x S(x)`` for Student-t.
    """
    if table is None:
        survival = ndtr(-x)
        return survival, np.exp(-0.5 * x * x) / _SQRT_2PI - x * survival
    dof, constant = table[:, _DOF], table[:, _CONSTANT]
    log_factor = np.log1p(x * x / dof)
    near = np.minimum(np.sqrt(dof * log_factor), table[:, _LARGEST])
    score = near * _clenshaw(2 * near / table[:, _LARGEST] - 1, table[:, _BACK])
    survival = ndtr(-np.copysign(score, x))
    density = np.exp(constant - (dof + 1) / 2 * log_factor)
    return survival, np.maximum((dof + x * x) / (dof - 1) * density - x * survival, 0)


def _chebyshev(x: Array) -> Array:
    """Chebyshev polynomials at x: (…,) to (term, …)."""
    terms = [np.ones_like(x), x]
    while len(terms) < _TERMS:
        terms.append(2 * x * terms[-1] - terms[-2])
    return np.stack(terms)


def _clenshaw(x: Array, coefficients: Array) -> Array:
    """Chebyshev series at x (…, draw), with coefficients (draw, term)."""
    ahead, after = np.zeros_like(x), np.zeros_like(x)
    for k in range(_TERMS - 1, 0, -1):
        ahead, after = 2 * x * ahead - after + coefficients[:, k], ahead
    return x * ahead - after + coefficients[:, 0]

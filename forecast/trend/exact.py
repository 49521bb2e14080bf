"""The posterior of a log-linear trend with normal scatter, without Markov chains.

Given the year of the kink and the scatter, level, growth and change of growth are a normal linear regression with a
normal prior: their integral and their posterior are closed (Lindley and Smith, "Bayes Estimates for the Linear
Model", 1972). What is left, (kink, scatter), is two-dimensional and put on a grid. The straight line is the same
code with one kink that does nothing, so both evidences come with it.

The grid's cells are cells of *prior probability*; two coarse passes move them to where the posterior is, so that a
sharp posterior under a vague prior is still seen by a few dozen cells. Standard errors of rows enter the variance:
``scatter² + se²``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.trend.series import Array, Series
from forecast.trend.spec import TrendSpec

# Two refinements, then the grid that draws and evidence come from: cells along the kink and along the scatter.
_PASSES = ((48, 48), (64, 64), (160, 96))
_KEEP = 0.1  # part of the cells that stays spread over the prior, so that no mode is lost


@dataclass(frozen=True, eq=False)
class ExactFit:
    """One shape fitted exactly.

    Parameters
    ----------
    draws : dict of (draw,) array
        ``level``, ``growth``, ``change``, ``kink``, ``scatter``: independent posterior draws (change 0, no kink for
        the straight line).
    log_evidence : float
        Natural logarithm of the marginal likelihood of the rows.
    """

    draws: dict[str, Array]
    log_evidence: float


@dataclass(frozen=True, eq=False)
class _Regression:
    """Cholesky factor (rows l00 … l22) and whitened mean of the standardised coefficients, and their evidence."""

    factor: tuple[Array, ...]
    mean: tuple[Array, Array, Array]
    log_likelihood: Array


def bend(t: Array, kink: Array, level_year: float) -> Array:
    """What one unit of change of growth adds to the mean line; 0 in `level_year`.

    Parameters
    ----------
    t, kink : arrays that broadcast
        Years.
    level_year : float
        Year of the level.

    Returns
    -------
    array
        ``max(t - kink, 0) - max(level_year - kink, 0)``, years.

    Examples
    --------
    >>> bend(np.array([2015.0, 2018.0]), np.array(2017.0), 2016.0).tolist()
    [0.0, 1.0]
    """
    return np.maximum(t - kink, 0) - np.maximum(level_year - kink, 0)


def fit_exact(data: Series, spec: TrendSpec, kinked: bool, rng: np.random.Generator, n: int) -> ExactFit:
    """Draw from the posterior of a straight or kinked trend, and its evidence.

    Parameters
    ----------
    data : Series
        Its dates are taken as known.
    spec : TrendSpec
        With normal priors (or points) of level, growth and change, and normal scatter; checked before.
    kinked : bool
        Which of the two shapes.
    rng : numpy.random.Generator
        Source of the draws; the evidence does not depend on it.
    n : int
        Number of draws.

    Returns
    -------
    ExactFit
        Within a cell of the grid, kink and scatter are uniform in prior probability and the coefficients are drawn
        anew for each draw's own kink and scatter.
    """
    grid = _Problem.of(data, spec, kinked)
    edges = [np.array([0.0, 1.0])] * 2
    mass, top = np.ones((1, 1)), 0.0
    for kinks, scatters in _PASSES:
        cells = (kinks if kinked else 1, scatters)
        edges = [_recut(edge, mass.sum(1 - axis), cells[axis]) for axis, edge in enumerate(edges)]
        log_mass = grid.log_mass(*edges)
        top = log_mass.max()
        mass = np.exp(log_mass - top)
    total = mass.sum()
    cell = np.minimum(np.searchsorted(np.cumsum(mass.ravel()), rng.random(n) * total, side="right"), mass.size - 1)
    at = np.unravel_index(cell, mass.shape)
    place = [edge[i] + rng.random(n) * (edge[i + 1] - edge[i]) for edge, i in zip(edges, at, strict=True)]
    kink, scatter = grid.kink_at(place[0]), grid.scatter_at(place[1])
    level, growth, change = grid.coefficients(kink, scatter, rng)
    draws = {"level": level, "growth": growth, "change": change, "kink": kink, "scatter": scatter}
    return ExactFit(draws, float(top + np.log(total)))


def _recut(edges: Array, mass: Array, cells: int) -> Array:
    """New edges, the denser the higher the posterior density of the present cells.

    The error of the midpoint rule is least with cells as dense as the cube root of the integrand's curvature; the cube
    root of the density serves, and keeps the tails, whose cells would else reach too far.
    """
    if cells == 1:
        return np.array([0.0, 1.0])
    width = np.diff(edges)
    root = np.cbrt(mass / width) * width
    share = (1 - _KEEP) * root / root.sum() + _KEEP * width
    cut = np.interp(np.linspace(0, 1, cells + 1), np.concatenate([[0.0], np.cumsum(share) / share.sum()]), edges)
    cut[0], cut[-1] = 0.0, 1.0
    return cut


@dataclass(frozen=True, eq=False)
class _Problem:
    """Rows and priors as arrays, years counted from the level's year."""

    x: Array
    y: Array
    var: Array
    mean: tuple[float, float, float]
    sd: tuple[float, float, float]
    spec: TrendSpec
    kinked: bool

    @classmethod
    def of(cls, data: Series, spec: TrendSpec, kinked: bool) -> _Problem:
        priors = [spec.level, spec.growth, spec.change if kinked else None]
        m0, m1, m2 = (0.0 if prior is None else float(prior.mean()) for prior in priors)
        d0, d1, d2 = (0.0 if prior is None or prior.family == "point" else float(prior.sd()) for prior in priors)
        x = data.t - spec.level_year
        return cls(x, data.y - m0 - m1 * x, data.se**2, (m0, m1, m2), (d0, d1, d2), spec, kinked)

    def kink_at(self, prob: Array) -> Array:
        if not self.kinked or self.spec.kink is None:
            return np.full(np.shape(prob), self.spec.level_year)
        return np.asarray(self.spec.kink.quantile(prob), dtype=float)

    def scatter_at(self, prob: Array) -> Array:
        return np.asarray(self.spec.scatter.quantile(prob), dtype=float)

    def log_mass(self, kink_edges: Array, scatter_edges: Array) -> Array:
        """Log of prior times likelihood of every cell, shape (kink, scatter): the midpoint rule."""
        kink = self.kink_at((kink_edges[1:] + kink_edges[:-1]) / 2)
        scatter = self.scatter_at((scatter_edges[1:] + scatter_edges[:-1]) / 2)
        weight = 1 / (scatter[:, None] ** 2 + self.var)
        x, y = self.x[:, None], self.y[:, None]
        bends = bend(x, kink - self.spec.level_year, 0.0)
        # einsum, not a matrix product: as fast at this size, and the same bits however many threads BLAS has.
        plain, bent = (
            [np.einsum("sn,nj->js", weight, column) for column in columns]
            for columns in ((np.ones_like(x), x, x * x, y, x * y, y * y), (bends, bends * x, bends * bends, bends * y))
        )
        fit = self._solve(plain, bent, np.log(weight).sum(1))
        return fit.log_likelihood + np.log(np.diff(kink_edges))[:, None] + np.log(np.diff(scatter_edges))[None, :]

    def coefficients(self, kink: Array, scatter: Array, rng: np.random.Generator) -> NDArray[np.float64]:
        """One draw of level, growth, change for each kink and scatter, shape (3, draw)."""
        weight = 1 / (scatter[:, None] ** 2 + self.var)
        bends = bend(self.x, (kink - self.spec.level_year)[:, None], 0.0)
        x, y = self.x, self.y
        plain = [np.einsum("dn,n->d", weight, column) for column in (np.ones_like(x), x, x * x, y, x * y, y * y)]
        bent = [np.einsum("dn,dn->d", weight, column) for column in (bends, bends * x, bends * bends, bends * y)]
        fit = self._solve(plain, bent, np.log(weight).sum(1))
        l00, l10, l11, l20, l21, l22 = fit.factor
        g0, g1, g2 = (g + e for g, e in zip(fit.mean, rng.standard_normal((3, len(kink))), strict=True))
        b2 = g2 / l22
        b1 = (g1 - l21 * b2) / l11
        b0 = (g0 - l10 * b1 - l20 * b2) / l00
        mean, sd = np.array(self.mean)[:, None], np.array(self.sd)[:, None]
        return np.asarray(mean + sd * np.stack([b0, b1, b2]))

    def _solve(self, plain: list[Array], bent: list[Array], log_weight: Array) -> _Regression:
        """Regression of y on (1, x, bend) with standard normal coefficients scaled by the priors' sd.

        `plain` are the weighted sums of 1, x, x², y, xy, y²; `bent` those of bend times 1, x, bend, y; all shapes
        broadcast. The 3 by 3 Cholesky decomposition is written out, as there are thousands of them.
        """
        one, sx, sxx, sy, sxy, syy = plain
        k, kx, kk, ky = bent
        m, (d0, d1, d2) = self.mean[2], self.sd
        a00, a01, a02 = 1 + d0 * d0 * one, d0 * d1 * sx, d0 * d2 * k
        a11, a12, a22 = 1 + d1 * d1 * sxx, d1 * d2 * kx, 1 + d2 * d2 * kk
        l00 = np.sqrt(a00)
        l10, l20 = a01 / l00, a02 / l00
        l11 = np.sqrt(a11 - l10 * l10)
        l21 = (a12 - l20 * l10) / l11
        l22 = np.sqrt(a22 - l20 * l20 - l21 * l21)
        g0 = d0 * (sy - m * k) / l00
        g1 = (d1 * (sxy - m * kx) - l10 * g0) / l11
        g2 = (d2 * (ky - m * kk) - l20 * g0 - l21 * g1) / l22
        squares = syy - 2 * m * ky + m * m * kk
        log_likelihood = (
            -0.5 * (len(self.x) * np.log(2 * np.pi) - log_weight + squares - g0 * g0 - g1 * g1 - g2 * g2)
            - np.log(l00 * l11 * l22)
        )  # fmt: skip
        return _Regression((l00, l10, l11, l20, l21, l22), (g0, g1, g2), log_likelihood)

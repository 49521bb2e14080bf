"""Quantiles from the order statistics of each chain: interpolated, or smoothed over many ranks.

The estimators are linear in the order statistics near a quantile (or in their logarithms), so each is one row of
weights that depends on the number of draws and the probability alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from forecast.quantile.mcse import mcse_of
from forecast.special import ndtri

WINDOW = 0.03  # half-width in probability of the ranks a smooth quantile is fitted to
FEWEST = 24  # points a window needs; with fewer the order statistics are as good
DOUBT, CERTAIN = 3.0, 8.0  # standard errors of disagreement: the fit is refused; it is wrong for sure
LOCAL = 12  # order statistics of a chain whose distances are taken
DEGREE = 5  # of the polynomials through a window
TAIL = 8  # order statistics a chain needs beyond a quantile to estimate it alone
GAP = 0.25  # of the range of a window's order statistics: between two values apart
UNSEEN = 0.5  # worlds: what may lie on the other side of a quantile, and in none of the worlds drawn


def span_of(count: int, prob: float) -> slice:
    """The ranks that the estimators of a chain look at; none where a chain cannot tell alone."""
    if min(prob, 1 - prob) * count < TAIL:
        return slice(0, 0)
    first, functionals = _functionals(count, prob)
    return slice(first, first + functionals.shape[1])


def near_of(cells: np.ndarray, spans: Sequence[slice]) -> list[np.ndarray]:
    """Order statistics of each chain at spans of ranks, from `cells` (cell, chain, draw): (cell, chain, rank) each."""
    ordered = np.sort(cells, axis=-1)  # which is quicker than to part off those that count
    return [ordered[..., span] for span in spans]


def by_chain(near: np.ndarray, count: int, prob: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From order statistics (cell, chain, rank): estimates by chain, their MCSE, and cells where that will not do."""
    cells, chains, _ = near.shape
    if not near.shape[-1] or chains < 2:
        return np.zeros(cells), np.zeros(cells), np.ones(cells, dtype=bool)
    _, functionals = _functionals(count, prob)
    with np.errstate(invalid="ignore", over="ignore"):
        distinct = (near[..., 1:] > near[..., :-1]).all(axis=(1, 2))
        ordered = np.sort(near.reshape(cells, -1), axis=1)
        edge = ordered.shape[1] // 20  # where one chain may reach far by chance
        inner = ordered[:, edge : ordered.shape[1] - edge]
        torn = (inner[:, 1:] - inner[:, :-1]).max(axis=1, initial=0.0) > GAP * (ordered[:, -1] - ordered[:, 0])
    # Chains that lie on either side of a gap have a mean in the gap, which no chain is near.
    torn &= ordered.shape[1] >= FEWEST  # of fewer, one may be as far from the next by chance
    pooled = torn | ~(distinct & np.isfinite(near[..., (0, -1)]).all(axis=(1, 2)))
    positive = near[..., 0].min(axis=1) > 0
    work = np.where(pooled[:, None, None], 0.0, near)
    np.log(work, out=work, where=(positive & ~pooled)[:, None, None])
    fits = np.einsum("cik,ek->eci", work, functionals)
    np.exp(fits, out=fits, where=positive[:, None])
    value, mcse = fits[0].mean(axis=1), mcse_of(fits[0])
    if len(fits) > 1:
        smooth, error = fits[1].mean(axis=1), mcse_of(fits[1])
        strain = np.maximum(_strain(fits[1] - fits[0]), _strain(fits[1] - fits[2]))
        # Refusing by mistake happens when the order statistics are off by chance: then the error must span both.
        spanned = np.where(strain < CERTAIN, np.maximum(mcse, np.abs(smooth - value) / 2), mcse)
        value, mcse = np.where(strain <= DOUBT, smooth, value), np.where(strain <= DOUBT, error, spanned)
    return value, mcse, pooled


def unseen(near: np.ndarray) -> np.ndarray:
    """Error (cell,) that is left however alike the chains are, from order statistics (cell, chain, rank).

    N worlds do not show what happens with a probability below about 1 / N, and it may have put worlds on the other
    side of a quantile: Jeffreys' estimate of such a probability, (1/2) / (N + 1), as a distance.
    """
    found: np.ndarray = spacing(near) * UNSEEN / near.shape[1]
    return found


def spacing(near: np.ndarray) -> np.ndarray:
    """Mean distance (cell,) of neighbours in one chain, from order statistics (cell, chain, rank) near a quantile."""
    cells, _, ranks = near.shape
    if ranks < 2:
        return np.zeros(cells)
    away = max(0, ranks - LOCAL) // 2
    first, last = away, min(ranks, away + LOCAL) - 1
    with np.errstate(invalid="ignore", over="ignore"):
        distance = (near[..., last] - near[..., first]).mean(axis=1) / (last - first)
    found: np.ndarray = np.where(np.isfinite(distance), distance, 0.0)
    return found


def _strain(gaps: np.ndarray) -> np.ndarray:
    """Mean gap between two estimators (cell, chain) in its own standard errors."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.abs(gaps.mean(axis=1)) * math.sqrt(gaps.shape[1]) / gaps.std(axis=1, ddof=1)


def read_off(x: np.ndarray, y: np.ndarray, goal: float) -> tuple[np.ndarray, np.ndarray]:
    """What outputs y (output, chain, point) are at a value of x, as a polynomial in it, and how far that misses them.

    Returns
    -------
    tuple of ndarray (output,)
        The outputs there, and the largest distance of a point from the polynomial.
    """
    low, high = x.min(axis=(1, 2)), x.max(axis=(1, 2))
    middle, half = (high + low) / 2, np.where(high > low, (high - low) / 2, 1.0)
    positive = y.min(axis=(1, 2)) > 0
    work = y.reshape(len(y), -1, 1).copy()
    np.log(work, out=work, where=positive[:, None, None])

    def powers(x: np.ndarray) -> np.ndarray:
        """Legendre polynomials, (output, point, degree)."""
        return np.moveaxis(_legendre((x - middle[:, None]) / half[:, None], DEGREE), 0, -1)

    here = powers(x.reshape(len(x), -1))
    gram = np.matmul(here.swapaxes(1, 2), here) + 1e-13 * len(here[0]) * np.eye(DEGREE + 1)
    with np.errstate(all="ignore"):  # far from the points, or of huge numbers: an infinite distance is refused
        coefficients = np.linalg.solve(gram, np.matmul(here.swapaxes(1, 2), work))
        found: np.ndarray = np.matmul(powers(np.full((len(x), 1), goal)), coefficients)[:, 0, 0]
        misses = np.abs(work - np.matmul(here, coefficients)).max(axis=(1, 2))
        found = np.where(positive, np.exp(np.where(positive, found, 0.0)), found)
        return found, np.where(positive, misses * found, misses)


@lru_cache(maxsize=64)
def _functionals(count: int, prob: float) -> tuple[int, np.ndarray]:
    """First rank of the window, and weights of its order statistics (estimator, rank).

    Estimators: the interpolated order statistic and, if the window is large enough, polynomials of degree 5 and 7
    through all of it.
    """
    place = prob * count - 0.5
    low = math.floor(place)
    reach = min(WINDOW, 0.6 * prob, 0.6 * (1 - prob)) * count
    first, last = math.ceil(place - reach), math.floor(place + reach)
    if last - first + 1 < FEWEST:
        # The neighbours count nothing, but show whether one of the two belongs to an atom.
        return low - 1, np.array([[0.0, 1 - (place - low), place - low, 0.0]])
    score = ndtri((np.arange(first, last + 1) + 0.5) / count)
    middle, half = (score[-1] + score[0]) / 2, (score[-1] - score[0]) / 2
    goal = float(ndtri(np.array([prob]))[0])
    at = (goal - middle) / half
    plain = np.zeros(last - first + 1)
    plain[low - first : low - first + 2] = 1 - (place - low), place - low
    estimators = [plain]
    for degree in (DEGREE, DEGREE + 2):
        orthogonal, triangular = np.linalg.qr(_legendre((score - middle) / half, degree).T)
        estimators.append(orthogonal @ np.linalg.solve(triangular.T, _legendre(np.array([at]), degree)[:, 0]))
    functionals = np.array(estimators)
    functionals.flags.writeable = False
    return first, functionals


def _legendre(x: np.ndarray, degree: int) -> np.ndarray:
    """Legendre polynomials of degree 0 to `degree` at points in [-1, 1], (degree, ...).

    Three terms a degree; numpy.polynomial would cost a twentieth of importing numpy.
    """
    rows = np.empty((degree + 1, *x.shape))
    rows[0], rows[1] = 1.0, x
    for n in range(2, degree + 1):
        rows[n] = (rows[n - 1] * x * (2 * n - 1) - rows[n - 2] * (n - 1)) / n
    return rows

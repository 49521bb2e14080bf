"""Quantiles from the order statistics of each chain: interpolated, smoothed over many ranks, or put right by an index.

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
LOCAL = 12  # order statistics that a quantile put right is read from
DEGREE = 3  # of the polynomial by which the index is translated; a higher one would bend around kinks
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
        torn = (ordered[:, 1:] - ordered[:, :-1]).max(axis=1) > GAP * (ordered[:, -1] - ordered[:, 0])
    # Chains that lie on either side of a gap have a mean in the gap, which no chain is near.
    torn &= ordered.shape[1] >= FEWEST  # of fewer, one may be as far from the next by chance
    pooled = torn | ~(distinct & np.isfinite(near[..., (0, -1)]).all(axis=(1, 2)))
    positive = near[..., 0].min(axis=1) > 0
    work = np.where(pooled[:, None, None], 0.0, near)
    np.log(work, out=work, where=(positive & ~pooled)[:, None, None])
    fits = np.einsum("cik,ek->eci", work, functionals[:3])
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
    cells, chains, ranks = near.shape
    if ranks < 2:
        return np.zeros(cells)
    some = middle_of(ranks, LOCAL)
    with np.errstate(invalid="ignore", over="ignore"):
        # The mean distance of neighbours in one chain.
        spread = (near[..., some.stop - 1] - near[..., some.start]).mean(axis=1) / (some.stop - 1 - some.start)
    found: np.ndarray = np.where(np.isfinite(spread), spread, 0.0) * UNSEEN / chains
    return found


def _strain(gaps: np.ndarray) -> np.ndarray:
    """Mean gap between two estimators (cell, chain) in its own standard errors."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.abs(gaps.mean(axis=1)) * math.sqrt(gaps.shape[1]) / gaps.std(axis=1, ddof=1)


def controlled(near: np.ndarray, control: np.ndarray, count: int, prob: float) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and their MCSE (cell,), from order statistics (cell, chain, rank) and those of a normal index.

    By how far the index is from its expected scores, each chain's order statistics are put right; then a cubic through
    the nearest is enough, and no wider fit has to be trusted. The MCSE is infinite where a rough estimate that knows
    no polynomial says something else.
    """
    positive = near[..., 0].min(axis=1) > 0
    work = near.copy()
    np.log(work, out=work, where=positive[:, None, None])
    span = span_of(count, prob)
    paired = _paired(work, control, float(ndtri(np.array([prob]))[0]))
    work -= _gap(work, control, ndtri((np.arange(span.start, span.stop) + 0.5) / count))
    fits = np.array([work @ _functionals(count, prob)[1][3], paired])
    np.exp(fits, out=fits, where=positive[:, None])
    value, apart, least = fits[0].mean(axis=1), fits[0] - fits[1], unseen(near)
    off = np.abs(apart.mean(axis=1))
    doubted = np.where(_strain(apart) > DOUBT, np.inf, off / 2)
    return value, np.maximum(mcse_of(fits[0]), np.where(off > least, doubted, 0.0))


def _paired(work: np.ndarray, control: np.ndarray, goal: float) -> np.ndarray:
    """What stands beside the known quantile of the index, (cell, chain): Hsu and Nelson's estimate.

    It is rough, but no polynomial carries a kink from elsewhere into it.
    """
    above = np.clip((control < goal).sum(axis=-1, keepdims=True), 1, control.shape[-1] - 1)
    ends = [np.take_along_axis(array, at, -1)[..., 0] for array in (control, work) for at in (above - 1, above)]
    part = np.clip((goal - ends[0]) / np.maximum(ends[1] - ends[0], 1e-300), 0.0, 1.0)
    found: np.ndarray = ends[2] + part * (ends[3] - ends[2])
    return found


def _gap(work: np.ndarray, control: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """What order statistics (cell, chain, rank) owe to those of a normal index being off their expected scores (rank,).

    The one as a cubic in the other, over all chains.
    """
    low, high = control.min(axis=(1, 2)), control.max(axis=(1, 2))
    middle, half = (high + low) / 2, np.where(high > low, (high - low) / 2, 1.0)

    def powers(score: np.ndarray) -> np.ndarray:
        """Legendre polynomials, (cell, chain and rank, degree)."""
        scaled = (score - middle[:, None, None]) / half[:, None, None]
        return np.moveaxis(_legendre(scaled.reshape(len(work), -1), DEGREE), 0, -1)

    here = powers(control)
    gram = np.matmul(here.swapaxes(1, 2), here)
    gram += 1e-13 * len(here[0]) * np.eye(DEGREE + 1)
    right = np.matmul(here.swapaxes(1, 2), work.reshape(len(work), -1, 1))
    coefficients = np.linalg.solve(gram, right)
    there = powers(np.broadcast_to(expected, (len(work), 1, expected.size)))
    fitted, ideal = (np.matmul(part, coefficients)[..., 0] for part in (here, there))
    gap: np.ndarray = fitted.reshape(work.shape) - ideal[:, None]
    return gap


@lru_cache(maxsize=64)
def _functionals(count: int, prob: float) -> tuple[int, np.ndarray]:
    """First rank of the window, and weights of its order statistics (estimator, rank).

    Estimators: the interpolated order statistic and, if the window is large enough, polynomials of degree 5 and 7
    through all of it, and a cubic through `LOCAL` in the middle.
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
    for degree, ranks in ((5, slice(None)), (7, slice(None)), (3, middle_of(score.size, LOCAL))):
        orthogonal, triangular = np.linalg.qr(_legendre((score[ranks] - middle) / half, degree).T)
        here = _legendre(np.array([at]), degree)[:, 0]
        estimators.append(np.zeros(score.size))
        estimators[-1][ranks] = orthogonal @ np.linalg.solve(triangular.T, here)
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


def middle_of(count: int, most: int) -> slice:
    """The middle of some ranks, `most` of them at most."""
    away = max(0, count - most) // 2
    return slice(away, min(count, away + most))

"""Quantiles, means and probabilities of draws, each with its Monte Carlo standard error (MCSE).

Draws are (..., chain, draw): chains are independent replicates of one design, so the spread of their estimates is the
error of their mean, whatever correlation the points have inside a chain. With few chains that spread is itself
uncertain; every MCSE here is therefore ``s / sqrt(chains) * t / 1.96``, with t the 97.5% point of Student's
distribution with chains - 1 degrees of freedom, so that the estimate plus or minus 1.96 MCSE covers 95%.

Infinities are ordered like any number (a year that never comes is ``+inf``). NaN must be caught before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from forecast.control import POINTS, Normals, indices
from forecast.special import ndtri

Z_95 = 1.959963984540054  # 97.5% point of the normal distribution
WINDOW = 0.03  # half-width in probability of the ranks a smooth quantile is fitted to
FEWEST = 24  # points a window needs; with fewer the order statistics are as good
DOUBT, CERTAIN = 3.0, 8.0  # standard errors of disagreement: the fit is refused; it is wrong for sure
TOGETHER = (
    1 << 18
)  # numbers in quantities that are looked at together; each call costs as much as some thousand numbers
GAIN = 0.5  # share of the error to which a control variate must bring it, so that chance alone does not choose it
EXACT = 1e-9  # relative error beyond which nobody needs more precision
ROUNDING = 1e-12  # relative error of what is computed exactly
LOCAL = 12  # order statistics that a quantile put right is read from
DEGREE = 3  # of the polynomial by which a control variate is translated
TRIAL = 1024  # draws of a chain that show whether a control variate is worth its time
TAIL = 8  # order statistics a chain needs beyond a quantile to estimate it alone


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimates and their Monte Carlo standard errors, of one shape.

    Parameters
    ----------
    value : ndarray
        The estimates.
    mcse : ndarray
        Their standard errors: 0 where the draws leave no doubt, ``inf`` where they cannot tell (a quantile at the
        edge of an infinite part, or beyond the draws; a single chain).
    """

    value: np.ndarray
    mcse: np.ndarray


def quantiles(
    draws: np.ndarray,
    probs: Sequence[float] | np.ndarray,
    weights: np.ndarray | None = None,
    normals: Normals | None = None,
) -> Estimate:
    """Quantiles with their Monte Carlo standard errors.

    Three estimators, chosen for each cell by tests on the draws near the quantile:

    - *smooth*: each chain's order statistics over the ranks ``prob`` plus or minus 0.03, as a quintic (of the
      logarithm, if all are positive) in the normal score of their Hazen plotting positions ``(rank - 1/2) / n``. It
      averages over many points, which on Sobol points of few telling dimensions gains a factor of 3 to 10. Refused
      where a polynomial of degree 7 or the order statistics differ from it by more than chance (kinks);
    - *order statistics* of each chain, interpolated at Hazen's positions, otherwise;
    - *pooled* order statistics of all chains, with Woodruff's interval for the error ("Confidence intervals for
      medians and other position measures", 1952), where there are ties, infinities or weights, or too few draws
      beyond the quantile. Beside an atom or an infinity nothing is interpolated: the nearer order statistic counts,
      so that a count stays whole.

    Parameters
    ----------
    draws : ndarray (..., chain, draw)
        Values in any order, without NaN.
    probs : sequence of float
        Probabilities in (0, 1).
    weights : ndarray (chain, draw), optional
        Non-negative weights of the worlds, relative to one another over all chains; need not sum to one.
    normals : Normals, optional
        Scores that the draws are functions of (one output for each leading index). Where the draws near a quantile
        follow one direction of them, the known quantile of that direction is the control variate of an estimate that
        needs fewer worlds, often by a factor of 10 to 100; chosen where its stated error is below half of the other.

    Returns
    -------
    Estimate (prob, ...)
        Quantiles in the unit of the draws.

    Examples
    --------
    >>> from forecast.worlds import Design, scores
    >>> cost = np.exp(scores(Design(("cost",), seed=1), 0, 1024)[0])
    >>> found = quantiles(cost, [0.05, 0.5, 0.95])
    >>> found.value.round(3).tolist()
    [0.193, 1.0, 5.18]
    """
    chains, count = draws.shape[-2:]
    cells = draws.reshape(-1, chains, count)
    value, mcse = np.empty((2, len(probs), len(cells)))
    if weights is not None:
        for cell, one in enumerate(cells):
            value[:, cell], mcse[:, cell] = _pooled(one, probs, weights)
    else:
        pooled = np.zeros(value.shape, dtype=bool)
        near = _near(cells, [_span(count, prob) for prob in probs])
        for row, prob in enumerate(probs):
            value[row], mcse[row], pooled[row] = _by_chain(near[row], count, prob)
        for cell in np.flatnonzero(pooled.any(axis=0)).tolist():
            rows = np.flatnonzero(pooled[:, cell]).tolist()
            value[rows, cell], mcse[rows, cell] = _pooled(cells[cell], [probs[row] for row in rows])
        if normals is not None and chains > 1:
            _control(cells, probs, near, normals, ~pooled, Estimate(value, mcse))
    shape = (len(probs), *draws.shape[:-2])
    return Estimate(value.reshape(shape), mcse.reshape(shape))


def _control(
    cells: np.ndarray,
    probs: Sequence[float] | np.ndarray,
    near: Sequence[np.ndarray],
    normals: Normals,
    smooth: np.ndarray,
    found: Estimate,
) -> None:
    """Put estimates (prob, cell) with a control variate in the place of smooth ones, where they are clearly better.

    One direction for all of an output's quantiles comes first: products follow one. Then one for each quantile that is
    still rough: ratios and years of crossing turn as they go.
    """
    count = cells.shape[-1]
    spans = [_span(count, prob) for prob in probs]
    smooth = smooth & np.array([[part.shape[-1] >= FEWEST] for part in near]) & normals.follows.any(axis=1)
    rough = smooth & (found.mcse > EXACT * np.abs(found.value))
    some = np.flatnonzero(rough.any(axis=0))
    if count > TRIAL and some.size:  # the first draws tell whether the rest is worth the time
        first, its = cells[some, :, :TRIAL], normals.of(some).first(TRIAL)
        rough[:, some] &= quantiles(first, probs, normals=its).mcse < quantiles(first, probs).mcse
    for turn in range(1 + len(probs)):
        rows = [row for row in range(len(probs)) if turn in (0, row + 1) and rough[row].any()]
        some = np.flatnonzero(rough[rows].any(axis=0) & smooth[rows].all(axis=0))
        if not some.size:
            continue
        ranges = [_middle(near[row].shape[-1], POINTS // len(rows)) for row in rows]
        ends = [near[row][some][..., (one.start, one.stop - 1)] for row, one in zip(rows, ranges, strict=True)]
        index = indices(cells[some], ends, [one.stop - one.start for one in ranges], normals.of(some))
        for row, beside in zip(rows, _near(index, [spans[row] for row in rows]), strict=True):
            value, mcse = _controlled(near[row][some], beside, count, probs[row])
            better = rough[row, some] & (mcse < GAIN * found.mcse[row, some])
            at = some[better]
            found.value[row, at], found.mcse[row, at] = value[better], mcse[better]
            rough[row, at] &= mcse[better] > EXACT * np.abs(value[better])


def _middle(count: int, most: int) -> slice:
    """The middle of some ranks, `most` of them at most."""
    away = max(0, count - most) // 2
    return slice(away, min(count, away + most))


def quantiles_of_each(
    arrays: Sequence[np.ndarray], probs: Sequence[float], normals: Normals | None = None
) -> Iterator[Estimate]:
    """Quantiles of several quantities: as `quantiles` of each in turn, but several at a time while they are small.

    Parameters
    ----------
    arrays : sequence of ndarray (chain, draw)
        All of one shape.
    probs : sequence of float
    normals : Normals, optional
        As in `quantiles`, with one output for each array.

    Yields
    ------
    Estimate (prob,)
    """
    group = max(1, TOGETHER // max(1, arrays[0].size)) if arrays else 1
    for first in range(0, len(arrays), group):
        some = slice(first, first + group)
        together = arrays[first][None] if group == 1 else np.array(arrays[some])
        found = quantiles(together, probs, normals=normals and normals.of(some))
        yield from (Estimate(value, mcse) for value, mcse in zip(found.value.T, found.mcse.T, strict=True))


def _span(count: int, prob: float) -> slice:
    """The ranks that the estimators of a chain look at; none where a chain cannot tell alone."""
    if min(prob, 1 - prob) * count < TAIL:
        return slice(0, 0)
    first, functionals = _functionals(count, prob)
    return slice(first, first + functionals.shape[1])


def _near(cells: np.ndarray, spans: Sequence[slice]) -> list[np.ndarray]:
    """Order statistics of each chain at spans of ranks, from `cells` (cell, chain, draw): (cell, chain, rank) each."""
    ordered = np.sort(cells, axis=-1)  # which is quicker than to part off those that count
    return [ordered[..., span] for span in spans]


def _by_chain(near: np.ndarray, count: int, prob: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From order statistics (cell, chain, rank): estimates by chain, their MCSE, and cells where that will not do."""
    cells, chains, _ = near.shape
    if not near.shape[-1] or chains < 2:
        return np.zeros(cells), np.zeros(cells), np.ones(cells, dtype=bool)
    _, functionals = _functionals(count, prob)
    with np.errstate(invalid="ignore", over="ignore"):
        distinct = (near[..., 1:] > near[..., :-1]).all(axis=(1, 2))
    pooled = ~(distinct & np.isfinite(near[..., (0, -1)]).all(axis=(1, 2)))
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


def _strain(gaps: np.ndarray) -> np.ndarray:
    """Mean gap between two estimators (cell, chain) in its own standard errors."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.abs(gaps.mean(axis=1)) * math.sqrt(gaps.shape[1]) / gaps.std(axis=1, ddof=1)


def _controlled(near: np.ndarray, control: np.ndarray, count: int, prob: float) -> tuple[np.ndarray, np.ndarray]:
    """Estimates by chain and their MCSE (cell,), from order statistics (cell, chain, rank) and those of a normal index.

    By how far the index is from its expected scores, each chain's order statistics are put right; then a cubic through
    the nearest is enough, and no wider fit has to be trusted.
    """
    positive = near[..., 0].min(axis=1) > 0
    work = near.copy()
    np.log(work, out=work, where=positive[:, None, None])
    span = _span(count, prob)
    work -= _gap(work, control, ndtri((np.arange(span.start, span.stop) + 0.5) / count))
    fits = work @ _functionals(count, prob)[1][3]
    np.exp(fits, out=fits, where=positive[:, None])
    value = fits.mean(axis=1)
    return value, np.maximum(mcse_of(fits), ROUNDING * np.abs(value))


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
    for degree, ranks in ((5, slice(None)), (7, slice(None)), (3, _middle(score.size, LOCAL))):
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


def _pooled(draws: np.ndarray, probs: Sequence[float] | np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """From `draws` (chain, draw) taken together: quantiles and their MCSE by Woodruff's interval, (2, prob)."""
    chains, size = len(draws), draws.size
    if weights is None:
        ordered, places, unevenness = np.sort(draws, axis=None), (np.arange(size) + 0.5) / size, 1 / size
    else:
        share = np.broadcast_to(weights / weights.sum(), draws.shape).reshape(-1)
        order = np.argsort(draws, axis=None, kind="stable")
        order = order[share[order] > 0]
        ordered, sizes = draws.reshape(-1)[order], share[order]
        places, unevenness = np.cumsum(sizes) - sizes / 2, (share**2).sum()
    # Points in strata give a count that is off by a fraction of one in each chain, however alike the chains look.
    floor = math.sqrt(chains / 12) * unevenness
    found = []
    for prob in probs:
        value = _interpolate(ordered, places, prob)
        ends = []
        for sign, below in ((-1, draws < value), (1, draws <= value)):
            reach = Z_95 * max(floor, float(prob_of(below, weights, bound=False).mcse))
            end = _interpolate(ordered, places, prob + sign * reach)
            seen = places[0] <= prob + sign * reach <= places[-1] or ordered[0] == ordered[-1]
            ends.append(0.0 if seen and end == value else abs(end - value) if seen else math.inf)
        found.append((value, math.inf if chains < 2 and max(ends) > 0 else max(ends) / Z_95))
    return np.array(found).T


def _interpolate(ordered: np.ndarray, places: np.ndarray, prob: float) -> float:
    above = int(np.searchsorted(places, prob))
    if above == 0 or above == len(places):
        return float(ordered[min(above, len(places) - 1)])
    low, high = float(ordered[above - 1]), float(ordered[above])
    part = float((prob - places[above - 1]) / (places[above] - places[above - 1]))
    atom = above > 1 and ordered[above - 2] == low or above + 1 < len(ordered) and ordered[above + 1] == high
    if atom or math.isinf(low) or math.isinf(high):
        return low if part < 0.5 + 1e-9 else high  # the smallest value with at least the probability at or below it
    return low + part * (high - low)


def means(draws: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """Means with their Monte Carlo standard errors; `heavy_tailed` says where these deserve no trust.

    Parameters
    ----------
    draws : ndarray (..., chain, draw)
        Values without NaN. The mean of draws of which some are infinite is infinite (NaN if of both signs), and
        its error 0 or unknown (``inf``).
    weights : ndarray (chain, draw), optional
        As in `quantiles`.

    Returns
    -------
    Estimate (...)
        Means in the unit of the draws.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        if weights is None:
            by_chain = draws.mean(axis=-1)
            value = by_chain.mean(axis=-1)
            mcse = mcse_of(by_chain)
        else:
            share = weights / weights.sum()
            # A draw of weight zero is no draw: 0 * inf must not become NaN.
            terms = np.multiply(draws, share, out=np.zeros(draws.shape), where=share > 0)
            value = terms.sum(axis=(-2, -1))
            # Linearised ratio: each chain's share of the error of sum(w x) / sum(w).
            mcse = mcse_of(draws.shape[-2] * (terms.sum(axis=-1) - value[..., None] * share.sum(axis=-1)))
    return Estimate(value, np.where(np.isfinite(value), mcse, np.inf))


def prob_of(event: np.ndarray, weights: np.ndarray | None = None, *, bound: bool = True) -> Estimate:
    """Probability of an event with its Monte Carlo standard error.

    Parameters
    ----------
    event : ndarray (..., chain, draw) of bool
        Whether it happens in each world.
    weights : ndarray (chain, draw), optional
        As in `quantiles`.
    bound : bool
        Never claim less than the rule of three: after N draws without (or with nothing but) the event, 1.96 MCSE is
        3 / N, the 95% limit of its probability (N is the effective number of weighted draws).

    Returns
    -------
    Estimate (...)
        Probabilities in [0, 1].

    Examples
    --------
    >>> never = prob_of(np.zeros((8, 1000), dtype=bool))
    >>> float(never.value), round(float(Z_95 * never.mcse), 6)
    (0.0, 0.000375)
    """
    found = means(event, weights)
    size = event.shape[-2] * event.shape[-1] if weights is None else weights.sum() ** 2 / (weights**2).sum()
    return Estimate(np.clip(found.value, 0, 1), np.maximum(found.mcse, 3 / size / Z_95) if bound else found.mcse)


def prob_above(draws: np.ndarray, threshold: float | np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """P(draws > threshold); the threshold may be uncertain itself, an array that broadcasts with the draws."""
    return prob_of(draws > threshold, weights)


def prob_finite(draws: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """P(draws are finite): that a year comes at all."""
    return prob_of(np.isfinite(draws), weights)


def heavy_tailed(draws: np.ndarray) -> np.ndarray:
    """Where a tail is so heavy that the mean converges slowly and its error bar cannot be trusted.

    Hill's estimate of the tail index ("A simple general approach to inference about the tail of a distribution",
    1975) from the top and bottom 1% of distances to the median: heavy where it is below 2, as in a distribution
    without variance. A lognormal looks so from a sigma of about 1.2 on.

    Parameters
    ----------
    draws : ndarray (..., chain, draw)
        Values without NaN; infinite draws make a tail heavy.

    Returns
    -------
    ndarray (...) of bool
        Whether the mean deserves a warning.
    """
    ordered = np.sort(draws.reshape(*draws.shape[:-2], -1), axis=-1)
    count = ordered.shape[-1]
    top = max(8, count // 100)
    if count <= 2 * top:
        return np.zeros(draws.shape[:-2], dtype=bool)
    middle = ordered[..., count // 2, None]
    heavy = ~np.isfinite(ordered[..., (0, -1)]).all(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        for far in (ordered[..., -top - 1 :] - middle, (middle - ordered[..., : top + 1])[..., ::-1]):
            hill = np.log(far[..., 1:] / far[..., :1]).mean(axis=-1)
            heavy |= (far[..., 0] > 0) & (hill > 0.5)
    return heavy


def card(draws: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """The three numbers that Guesstimate shows on a card: mean, low and high, with their errors.

    Low is the 10th percentile of the draws below the mean, high the 90th percentile of those above it: not an
    interval of the distribution, but how published cards are to be read (Cottier, "Trends in the dollar training
    cost of machine learning systems", 2023, used them).

    Parameters
    ----------
    draws : ndarray (chain, draw)
        Values without NaN.
    weights : ndarray (chain, draw), optional
        As in `quantiles`.

    Returns
    -------
    Estimate (3,)
        Mean, low and high, in the unit of the draws.
    """
    value = _card(draws, weights)
    chains = len(draws)
    if not np.isfinite(value).all() or chains < 2:
        return Estimate(value, np.full(3, np.inf))
    # Jackknife over chains: the ends move with the mean, which their own quantile errors do not know.
    left = [np.arange(chains) != chain for chain in range(chains)]
    others = np.array([_card(draws[rest], None if weights is None else weights[rest]) for rest in left])
    return Estimate(value, (chains - 1) * mcse_of(others.T))


def _card(draws: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    mean = float(means(draws, weights).value)
    below, above = (float(prob_of(side, weights).value) for side in (draws < mean, draws > mean))
    if not math.isfinite(mean) or not below or not above:
        return np.full(3, mean)
    return np.array([mean, *quantiles(draws, [0.1 * below, 1 - 0.1 * above], weights).value])


def mcse_of(by_chain: np.ndarray) -> np.ndarray:
    """MCSE (...) of the mean of independent estimates (..., chain); ``inf`` if there is one alone."""
    chains = by_chain.shape[-1]
    if chains < 2:
        return np.full(by_chain.shape[:-1], np.inf)
    return by_chain.std(axis=-1, ddof=1) / math.sqrt(chains) * student_factor(chains)


@lru_cache
def student_factor(chains: int) -> float:
    """How much wider Student's 95% interval with chains - 1 degrees of freedom is than the normal one.

    Bisection on the closed form for whole degrees of freedom, Abramowitz and Stegun (1964) 26.7.3 and 26.7.4.
    """
    freedom = chains - 1

    def inside(angle: float) -> float:
        cosine2, term, total = math.cos(angle) ** 2, 1.0, 0.0
        if freedom % 2:
            term = math.cos(angle)
            for k in range(1, freedom - 1, 2):
                total += term
                term *= cosine2 * (k + 1) / (k + 2)
            return (angle + math.sin(angle) * total) * 2 / math.pi
        for k in range(0, freedom - 1, 2):
            total += term
            term *= cosine2 * (k + 1) / (k + 2)
        return math.sin(angle) * total

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < 0.95 else (low, middle)
    return math.tan(low) * math.sqrt(freedom) / Z_95


def posterior_mcse(draws: np.ndarray, probs: Sequence[float], batches: Sequence[np.ndarray]) -> np.ndarray:
    """Standard errors of quantiles that come from having finitely many posterior draws, whatever the number of worlds.

    Worlds choose among the draws of a fitted posterior. The draws are cut into runs; the quantiles of the worlds of
    each run differ by the error of a run, and the error of all is that over the root of their number (batch means:
    Flegal and Jones, "Batch means and spectral variance estimators in Markov chain Monte Carlo", 2010). Evidence
    favours some draws, so that a run counts by its share of the worlds.

    Parameters
    ----------
    draws : ndarray (chain, draw)
        Values without NaN.
    probs : sequence of float
        Probabilities in (0, 1).
    batches : sequence of ndarray (chain, draw) of int
        For each posterior, the run that each world's draw belongs to.

    Returns
    -------
    ndarray (prob,)
        0 where the runs agree (at an atom), ``inf`` where some of them are infinite.
    """
    total = np.zeros(len(probs))
    for runs in batches:
        names, counts = np.unique(runs, return_counts=True)
        by_run = np.array([np.quantile(draws[runs == run], probs, method="inverted_cdf") for run in names])
        with np.errstate(invalid="ignore"):
            error = _mcse_of_unequal(by_run, counts / counts.sum())
        same = (by_run == by_run[0]).all(axis=0)
        total += np.where(same, 0.0, np.where(np.isnan(error), np.inf, error)) ** 2
    return np.sqrt(total)


def _mcse_of_unequal(by_run: np.ndarray, share: np.ndarray) -> np.ndarray:
    """MCSE (prob,) of the mean of independent estimates (run, prob) with these shares: `mcse_of` if they are equal."""
    effective = 1 / float((share**2).sum())
    if effective < 1.5:
        return np.full(by_run.shape[1], np.inf)
    away = by_run - (share[:, None] * by_run).sum(axis=0)
    variance = ((share[:, None] * away) ** 2).sum(axis=0) * effective / (effective - 1)
    error: np.ndarray = np.sqrt(variance) * student_factor(max(2, round(effective)))
    return error

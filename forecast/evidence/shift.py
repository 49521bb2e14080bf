"""Prior against posterior: what evidence moved, by how much, and how much was learned.

The *shift* is the posterior median's normal score under the prior: how many prior standard deviations away it would be
if the prior were normal, whatever its shape. *Bits* are the information gained about the quantity, the Kullback-Leibler
divergence of its posterior from its prior: 1 bit is what halving a range of equally probable values brings. A single
value of a quantity that could take any is worth infinitely many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.distribution import Distribution
from forecast.evidence.parts import parts_of
from forecast.fits import all_behind
from forecast.sampling import Request, copula, request_of, sample, uncertain_inputs
from forecast.special import ndtr, normal_score
from forecast.study import Study
from forecast.study.priors import Prior
from forecast.worlds import Design

if TYPE_CHECKING:
    from forecast.result import Forecast, Interval

Array = np.ndarray
_GRID = 512
_FEW = 64  # different values among draws, up to which each is a value of its own
_OFTEN = 0.01  # part of the draws that have one value, from which it has a probability of its own
_REACH = 37.0  # normal scores beyond which double precision knows no probabilities
_LEAST = 0.01  # bits below which nothing was learned that draws can tell


@dataclass(frozen=True)
class Shift:
    """What evidence did to one quantity.

    Parameters
    ----------
    name : str
        ``quantity`` or ``quantity@year``.
    label, unit : str
    prior, posterior : Interval
    shift : float
        Of the median, in prior standard deviations (see above).
    bits : float
    because : tuple of str
        Ids of the observations that touch it.
    """

    name: str
    label: str
    unit: str
    prior: Interval
    posterior: Interval
    shift: float
    bits: float
    because: tuple[str, ...]


def shifts(result: Forecast, names: Sequence[str] | None = None) -> tuple[Shift, ...]:
    """Prior against posterior of quantities that evidence touches, most informed first: see `Forecast.shift`."""
    update, study = result.update, result.study
    if update is None:
        return ()
    texts = touched(study, result.years, result.requests) if names is None else list(names)
    before, after = _both(result, texts)
    found = []
    for text in texts:
        request = request_of(text)
        own = all_behind(study, [request.name])
        parts = [part for part in update.parts if part.rung != "none" and own & set(part.inputs)]
        because = tuple(id for part in parts for id in part.ids)
        definition = study.definition(request.name)
        belief = definition if isinstance(definition, Prior) else None
        shift, bits = 0.0, 0.0
        if because:
            shift, bits = moved(before.at(request.name, request.year), after.at(request.name, request.year), belief)
            most = sum(part.bits for part in parts)
            if bits > 1.1 * most + 0.1:  # in far tails the estimate goes astray; no quantity tells more than its inputs
                bits = most
        if names is not None or bits > _LEAST:
            low, high = before.interval(text), after.interval(text)
            label = definition.label if request.year is None else f"{definition.label}, {request.year:g}"
            found.append(Shift(text, label, study.labels[request.name], low, high, shift, bits, because))
    return tuple(sorted(found, key=lambda s: -s.bits))


def touched(study: Study, years: Sequence[float], requests: Sequence[Request] = ()) -> list[str]:
    """Every quantity that evidence touches, upstream and down.

    Parameters
    ----------
    study : Study
    years : sequence of float
        The year axis of a run.
    requests : sequence of Request
        What it reports: those come first. A quantity with a year axis is named at the years at which it is observed
        or reported; one that is neither, at the first year at which something is.

    Returns
    -------
    list of str
        ``name`` or ``name@year``.
    """
    inputs = {name for part in parts_of(study) for name in part.inputs}
    names = [name for name in study.names if inputs & all_behind(study, [name])]
    named = [*requests, *(Request(seen.quantity, seen.year) for seen in study.evidence)]
    ordered = [name for name in dict.fromkeys((*(r.name for r in named), *names)) if name in names]
    if not ordered:
        return []
    uncertain = uncertain_inputs(study)
    design = Design(uncertain, 0, mixing=copula(study, uncertain))
    some = sample(study, design, ordered, list(years)[:2], 0, 1)
    first = next((r.year for r in reversed(named) if r.year is not None), years[-1])
    out: list[str] = []
    for name in ordered:
        at = sorted({r.year for r in named if r.name == name and r.year is not None}) or [first]
        out += [str(Request(name, year)) for year in at] if some[name].ndim == 3 else [name]
    return out


def _both(result: Forecast, texts: Sequence[str]) -> tuple[Forecast, Forecast]:
    """The forecast before the evidence and with it, these quantities evaluated, on an axis that has their years."""
    strange = {year for text in texts if (year := request_of(text).year) is not None} - set(result.years)
    years = tuple(sorted({*result.years, *strange}))
    return result.before().evaluated(texts, years), result.evaluated(texts, years)


def moved(prior: Array, posterior: Array, belief: Prior | None = None) -> tuple[float, float]:
    """Shift in prior standard deviations, and bits gained.

    Parameters
    ----------
    prior, posterior : ndarray (...)
        Equally weighted draws; infinite values are values of their own.
    belief : Prior, optional
        Where the quantity is a prior: its scores are then exact however far out the posterior is.

    Returns
    -------
    shift, bits : float

    Examples
    --------
    >>> from forecast.special import ndtri
    >>> z = ndtri((np.arange(20_000) + 0.5) / 20_000)
    >>> shift, bits = moved(z, 1 + 0.5 * z)
    >>> round(shift, 2), round(bits, 1)   # exactly 1, and (ln 2 - 3/8 + 1/2) / ln 2 = 1.18
    (1.0, 1.2)
    """
    before, after = np.sort(prior, axis=None), np.sort(posterior, axis=None)
    if before[0] == before[-1]:
        return 0.0, 0.0
    middle = float(after[(len(after) - 1) // 2])
    total, away, left = 0.0, np.zeros(len(after), dtype=bool), before
    atoms, separate = _atoms(before, after)
    for value in atoms:
        share, base = float((after == value).mean()), float((before == value).mean())
        if share and not base and not separate and math.isfinite(value):
            total = math.inf  # a single value of a quantity that could have taken any
        elif share:
            total += share * math.log2(share / max(base, 0.5 / len(before)))
        away |= after == value
        left = left[left != value]
    rest = after[~away]
    distribution = belief.distribution if belief is not None and len(left) == len(before) else None
    if len(rest):
        share, base = len(rest) / len(after), len(left) / len(before)
        total += share * math.log2(share / max(base, 0.5 / len(before)))
        if len(left) > 1:
            scores = _scores(rest, left) if distribution is None else _scores_of(distribution, rest)
            total += share * _divergence(scores)
    at = np.array([middle])
    score = _scores(at, before) if distribution is None else _scores_of(distribution, at)
    return float(score[0]), max(0.0, total)


def _atoms(before: Array, after: Array) -> tuple[list[float], bool]:
    """Values with a probability of their own, and whether that is all there are.

    They are infinite ones, ones that many draws have, and all of a quantity that has few.
    """
    kinds, counts = np.unique(before, return_counts=True)
    if len(kinds) <= _FEW:
        return [float(x) for x in np.union1d(kinds, after)], True
    others, times = np.unique(after, return_counts=True)
    often = {*kinds[counts >= _OFTEN * len(before)].tolist(), *others[times >= _OFTEN * len(after)].tolist()}
    return sorted({*often, math.inf, -math.inf} & {*kinds.tolist(), *others.tolist()}), False


def _scores_of(distribution: Distribution, x: Array) -> Array:
    """Normal scores of values under a distribution, as far out as double precision reaches."""
    return np.clip(normal_score(distribution.cdf(x), distribution.sf(x)), -_REACH, _REACH)


def _scores(x: Array, ordered: Array) -> Array:
    """Normal scores of values among sorted draws, continued straight beyond their ends."""
    size = len(ordered)
    place = (np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right")) / 2
    score = normal_score(np.clip(place, 0.5, size - 0.5) / size, 1 - np.clip(place, 0.5, size - 0.5) / size)
    finite = ordered[np.isfinite(ordered)]
    if len(finite) < 100:
        return np.asarray(score)
    log = finite[0] > 0 and finite[-1] > 3 * finite[0]
    low, middle, high = np.quantile(finite, [0.02, 0.5, 0.98])
    with np.errstate(all="ignore"):
        u, (a, m, b) = (np.log(x), np.log([low, middle, high])) if log else (x, (low, middle, high))
        up, down = 2.0537 * (u - m) / (b - m), 2.0537 * (u - m) / (m - a)
    out = np.where((x > finite[-1]) & np.isfinite(x), np.maximum(up, score), score)
    return np.where((x < finite[0]) & np.isfinite(x), np.minimum(down, score), out)


def _divergence(scores: Array) -> float:
    """Bits of Kullback-Leibler divergence of a density, given by draws, from the standard normal one."""
    spread = float(scores.std())
    low, high = float(scores.min()), float(scores.max())
    if high - low < 1e-12:  # a single value
        return math.inf
    iqr = float(np.subtract(*np.quantile(scores, [0.75, 0.25]))) / 1.349
    width = 0.9 * (min(spread, iqr) or spread) * len(scores) ** -0.2
    edges = np.linspace(low - 4 * width, high + 4 * width, _GRID + 1)
    # Spreading counts by the normal distribution function keeps probability, however narrow the kernel is on the grid.
    counts, _ = np.histogram(scores, edges)
    step = edges[1] - edges[0]
    reach = int(np.ceil(4 * width / step))
    kernel = np.diff(ndtr((np.arange(-reach - 0.5, reach + 1.5) * step) / width))
    density = np.convolve(counts, kernel / kernel.sum(), mode="same") / (len(scores) * step)
    at = (edges[1:] + edges[:-1]) / 2
    used = density > 0
    log_prior = -0.5 * at[used] ** 2 - 0.5 * math.log(2 * math.pi)
    return float(np.sum(density[used] * (np.log(density[used]) - log_prior)) * step / math.log(2))

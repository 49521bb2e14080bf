"""Prior against posterior, or one posterior against another: what evidence moved, by how much, what was learned.

The *shift* is the posterior median's normal score under the prior: how many prior standard deviations away it would be
if the prior were normal, whatever its shape. *Bits* are the information gained about the quantity, the Kullback-Leibler
divergence of its posterior from its prior: 1 bit is what halving a range of equally probable values brings. A single
value of a quantity that could take any is worth infinitely many.

What one observation moved is told by the posterior without it in the place of the prior. Both come from the same random
numbers as far as the evidence lets them, so the chains of the one are paired with those of the other: the spread of the
chains' own shifts is the Monte Carlo error, and what the two have in common drops out of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecast.distribution import Distribution
from forecast.errors import UsageError
from forecast.evidence.parts import parts_of
from forecast.fits import all_behind
from forecast.quantile.mcse import mcse_of
from forecast.sampling import Request, copula, request_of, sample, uncertain_inputs
from forecast.special import ndtr, normal_score
from forecast.study import Study
from forecast.study.priors import Prior
from forecast.worlds import Design

if TYPE_CHECKING:
    from forecast.evidence.record import Conditioned, Update
    from forecast.result import Forecast, Interval

Array = np.ndarray
_GRID = 512
_FEW = 64  # different values among draws, up to which each is a value of its own
_OFTEN = 0.01  # part of the draws that have one value, from which it has a probability of its own
_REACH = 37.0  # normal scores beyond which double precision knows no probabilities
_LEAST = 0.01  # bits below which nothing was learned that draws can tell
_SEEN = 0.005  # shift or bits below which a table would show 0.00
_CLEAR = 4.0  # Monte Carlo standard errors beyond which something moved; there are many quantities that may seem to


@dataclass(frozen=True)
class Shift:
    """What evidence did to one quantity.

    Parameters
    ----------
    name : str
        ``quantity`` or ``quantity@year``.
    label, unit : str
    prior, posterior : Interval
        Before and after: before all evidence, or before what is told.
    shift : float
        Of the median, in standard deviations of what was before (see above); infinite if that was certain.
    bits : float
        Infinite if a single value is left, or was there before.
    because : tuple of str
        Ids of the observations that touch it and are told.
    mcse : float
        Monte Carlo standard error of `shift`; ``inf`` where the chains cannot tell.
    """

    name: str
    label: str
    unit: str
    prior: Interval
    posterior: Interval
    shift: float
    bits: float
    because: tuple[str, ...]
    mcse: float = math.nan


def shifts(result: Forecast, names: Sequence[str] | None = None, before: Forecast | None = None) -> tuple[Shift, ...]:
    """Before against after, of quantities that evidence touches, most informed first: see `Forecast.shift`."""
    study = result.study
    if before is not None:
        _comparable(result, before)
    elif result.update is None:
        return ()
    told = changed(before, result)
    if names is None:
        texts = touched(study, result.years, result.requests)
        if before is not None:
            texts = list(dict.fromkeys((*texts, *touched(before.study, result.years, result.requests))))
    else:
        texts = list(names)
    first, last = _both(result.before() if before is None else before, result, texts)
    found = []
    for text in texts:
        request = request_of(text)
        own = all_behind(study, [request.name])
        parts = _parts(result.update, own)
        earlier = _parts(None if before is None else before.update, own)
        because = tuple(dict.fromkeys(id for part in (*parts, *earlier) for id in part.ids if id in told))
        definition = study.definition(request.name)
        belief = definition if isinstance(definition, Prior) and not earlier else None
        shift, bits, mcse, clear = 0.0, 0.0, 0.0, False
        if because:
            one, other = (forecast.at(request.name, request.year) for forecast in (first, last))
            shift, bits = moved(one, other, belief)
            most = math.inf if earlier else sum(part.bits for part in parts)
            if bits > 1.1 * most + 0.1:  # in far tails the estimate goes astray; no quantity tells more than its inputs
                bits = most
            mcse, clear = _error(one, other, result.prob)
        plain = bits > _LEAST if before is None else clear and max(abs(shift), bits) >= _SEEN
        if names is not None or plain:
            low, high = first.interval(text), last.interval(text)
            label = definition.label if request.year is None else f"{definition.label}, {request.year:g}"
            found.append(Shift(text, label, study.labels[request.name], low, high, shift, bits, because, mcse))
    return tuple(sorted(found, key=lambda s: (-s.bits, -abs(s.shift))))


def changed(before: Forecast | None, after: Forecast) -> tuple[str, ...]:
    """Ids of the observations that only one of two forecasts has; all of one that has nothing before it."""
    one, other = (
        {} if forecast is None else {seen.key(): seen.id for seen in forecast.study.evidence}
        for forecast in (before, after)
    )
    return tuple(dict.fromkeys(id for key, id in {**one, **other}.items() if (key in one) != (key in other)))


def _comparable(result: Forecast, before: Forecast) -> None:
    """Raise `UsageError` unless two forecasts differ in their evidence alone."""
    one, other = before.study, result.study
    same = (one.base, one.replaced, one.dependences, one.fit_keys) == (
        other.base,
        other.replaced,
        other.dependences,
        other.fit_keys,
    )
    if not same:
        raise UsageError(
            "before: is of another study or scenario; shift tells what evidence moves, 'forecast diff' all else"
        )
    if before.years != result.years:
        raise UsageError("before: has another year axis; run both on the same years")


def _parts(update: Update | None, own: set[str]) -> list[Conditioned]:
    """The parts of an update that touch any of these inputs and moved them."""
    parts = () if update is None else update.parts
    return [part for part in parts if part.rung != "none" and own & set(part.inputs)]


def _error(before: Array, after: Array, prob: float) -> tuple[float, bool]:
    """Monte Carlo standard error of a shift, and whether median or an end of the interval moved beyond its own.

    Parameters
    ----------
    before, after : ndarray (chain, draw)
    prob : float
        Between the ends of the interval.
    """
    probs = [0.5 - prob / 2, 0.5, 0.5 + prob / 2]
    away = []
    for one, other in zip(np.sort(before, axis=1), np.sort(after, axis=1), strict=True):
        points = [np.quantile(draws, probs, method="inverted_cdf") for draws in (one, other)]
        away.append(_scores(points[1], one) - _scores(points[0], one))
    by_chain = np.array(away).T
    mcse = mcse_of(by_chain)
    return float(mcse[1]), bool((np.abs(by_chain.mean(axis=1)) > _CLEAR * mcse).any())


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


def _both(before: Forecast, result: Forecast, texts: Sequence[str]) -> tuple[Forecast, Forecast]:
    """The forecasts before the evidence and with it, these quantities evaluated, on an axis that has their years."""
    strange = {year for text in texts if (year := request_of(text).year) is not None} - set(result.years)
    years = tuple(sorted({*result.years, *strange}))
    return replace(before, prob=result.prob).evaluated(texts, years), result.evaluated(texts, years)


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
    middle = float(after[(len(after) - 1) // 2])
    if before[0] == before[-1]:  # of what was certain no standard deviation is left to measure by
        known = float(before[0])
        apart = 0.0 if middle == known else math.copysign(math.inf, middle - known)
        return apart, 0.0 if after[0] == after[-1] == known else math.inf
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
    up, down = np.minimum(np.fmax(up, score), _REACH), np.maximum(np.fmin(down, score), -_REACH)
    out = np.where((x > finite[-1]) & np.isfinite(x), up, score)
    return np.where((x < finite[0]) & np.isfinite(x), down, out)


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

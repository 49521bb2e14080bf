"""What an answer does at the ends of an input, and along a declared dependence: read off a run's worlds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecast.dependence import rank_correlation, score_correlation
from forecast.quantile import mcse_of, quantiles
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.sensitivity.prepared import Prepared, learned_from

NOISE = 1.96  # standard errors that a figure must be away from zero to be told
STEP = 0.1  # of a rank correlation
FEWEST_LEFT = 100  # worlds of a chain, in effect, without which taking out an observation tells nothing
_WINDOW = 0.02  # half-width in probability of the worlds near an input's 5% and 95% points

Array = np.ndarray


@dataclass(frozen=True)
class Figure:
    """A number with its standard error."""

    value: float
    se: float

    @property
    def in_noise(self) -> bool:
        """Whether the number cannot be told from zero; it is then shown as such, never as a number."""
        return not abs(self.value) > NOISE * self.se


@dataclass(frozen=True)
class Swing:
    """The answer's median when an input is at its 5% and at its 95% point, the others following their dependence.

    Parameters
    ----------
    input_low, input_high : float or None
        The input there, in its own unit; None for a trend, whose ends are those of its effect on the answer.
    low, high : Figure
        The answer's median, in its unit; of an event, its probability.
    """

    input_low: float | None
    input_high: float | None
    low: Figure
    high: Figure


@dataclass(frozen=True)
class DependenceEffect:
    """What a declared dependence does: change of the interval for a rank correlation higher by 0.1.

    Parameters
    ----------
    between : tuple of str
    rank_correlation : float
        As declared.
    width : Figure
        Change of the interval's width, in OOM or the answer's unit.
    median : Figure
        Change of the median, likewise.
    """

    between: tuple[str, str]
    rank_correlation: float
    width: Figure
    median: Figure


@dataclass(frozen=True)
class ObservationEffect:
    """What one observation does to the answer, beside all other evidence.

    Parameters
    ----------
    id, text : str
        Of the observation.
    width, median : Figure or None
        Of the interval and the median with it, less those without it, in OOM or the answer's unit; None where the
        worlds that it left cannot tell (it changed too much, or is exact).
    """

    id: str
    text: str
    width: Figure | None
    median: Figure | None


def swing_of(forecast: Forecast, prepared: Prepared, player: int, order: Array, event: bool) -> Swing:
    name = prepared.inputs.players[player]
    prior = forecast.study.priors.get(name)
    own = prepared.of_player(player)
    count = prepared.target.shape[1]
    curve = prepared.surrogate.curve(player, own.reshape(len(own), -1)).reshape(prepared.target.shape)
    ends = []
    for prob in (0.05, 0.95):
        low, high = prob - _WINDOW, prob + _WINDOW
        if prior is not None and prior.distribution.is_discrete:
            level = float(prior.distribution.quantile(prob))
            below = np.nextafter(level, -np.inf)
            low, high = float(prior.distribution.cdf(below)), float(prior.distribution.cdf(level))
        rows = order[:, slice(min(round(low * count), count - 16), max(round(high * count), 16))]
        rows = rows[:, : max(16, rows.shape[1])]
        near = np.take_along_axis(prepared.target, rows, axis=-1)
        slope = np.take_along_axis(curve, rows, axis=-1)
        if event:
            ends.append(Figure(float(near.mean()), float(mcse_of(near.mean(axis=1)))))
            continue
        middle = quantiles(near - slope + np.median(slope), [0.5])
        # Without the slope taken out the median is that of the window. Where both differ by more than chance, as at a
        # cap where there is no slope, so much is in doubt.
        plain = quantiles(near, [0.5])
        doubt = max(0.0, abs(float(plain.value[0] - middle.value[0])) - 2 * float(plain.mcse[0]))
        value, se = float(middle.value[0]), math.hypot(float(middle.mcse[0]), doubt)
        here, below, above = map(float, prepared.back(np.array([value, value - se, value + se])))
        ends.append(Figure(here, 0.0 if below == above else abs(above - below) / 2))
    if prior is None:
        return Swing(None, None, ends[0], ends[1])
    points = [0.05, 0.95]
    given = name in forecast.design.given
    values = quantiles(forecast.at(name), points).value if given else prior.distribution.quantile(points)
    return Swing(float(values[0]), float(values[1]), ends[0], ends[1])


def dependence_effects(
    forecast: Forecast, prepared: Prepared, learned: Array, prob: float
) -> tuple[DependenceEffect, ...]:
    """Slopes of interval and median along each declared dependence, by weighting the worlds."""
    found = []
    order = np.argsort(learned, axis=-1)
    ordered = np.take_along_axis(learned, order, axis=-1)
    for declared in forecast.study.dependences:
        if not all(name in prepared.coordinates for name in declared.between):
            continue
        i, j = (prepared.coordinates.index(name) for name in declared.between)
        now = rank_correlation(float(np.clip(prepared.believed[1][i, j], -1, 1)))
        ends = []
        for rank in (max(now - STEP / 2, -0.95), min(now + STEP / 2, 0.95)):
            weights = _density_ratio(prepared, i, j, score_correlation(rank))
            if weights is not None:
                ends.append((rank, _weighted(ordered, np.take_along_axis(weights, order, axis=-1), prob)))
        if len(ends) < 2 or ends[1][0] <= ends[0][0]:
            continue
        slope = (ends[1][1] - ends[0][1]) / (ends[1][0] - ends[0][0]) * STEP
        figures = [Figure(float(by_chain.mean()), float(mcse_of(by_chain))) for by_chain in slope]
        found.append(DependenceEffect(declared.between, declared.rank_correlation, figures[0], figures[1]))
    return tuple(found)


def observation_effects(
    forecast: Forecast, prepared: Prepared, learned: Array, prob: float
) -> tuple[ObservationEffect, ...]:
    """What each observation does to the answer: the posterior with it against the one without it.

    The latter are the posterior worlds, weighted by one over its likelihood, or the prior worlds, weighted by the
    likelihood of all others: whichever leaves more worlds in effect.
    """
    if forecast.update is None:
        return ()
    from forecast.evidence.likelihood import log_likelihood, term_of

    count = learned.shape[1]
    terms = {seen.id: term_of(seen) for seen in forecast.study.evidence}
    vague = {seen.id for seen in forecast.study.evidence if not (terms[seen.id].sharp or seen.exact)}
    ordered = np.sort(learned, axis=-1)
    now = _weighted(ordered, np.ones_like(ordered), prob)
    years = tuple(sorted({*forecast.years, *(seen.year for seen in forecast.study.evidence if seen.year is not None)}))
    there = forecast if years == forecast.years else forecast.evaluated(years=years)
    before: Forecast | None = None
    found = []
    for seen in forecast.study.evidence:
        part = forecast.update.part_of(seen.id)
        if part is None or not set(part.inputs) & set(prepared.coordinates):
            continue
        ways = []
        if seen.id in vague:
            log = log_likelihood(terms[seen.id], there.at(seen.quantity, seen.year)[:, :count])
            ways.append((learned, -log))
        others = [other for other in forecast.study.evidence if other.id != seen.id]
        if all(other.id in vague for other in others):
            before = there.before() if before is None else before
            log = np.zeros(learned.shape)
            for other in others:
                log = log + log_likelihood(terms[other.id], before.at(other.quantity, other.year)[:, :count])
            request = request_of(prepared.quantity)
            draws = (before if there is forecast else forecast.before()).at(request.name, request.year)[:, :count]
            ways.append((learned_from(forecast, prepared, draws), log))
        figures: list[Figure | None] = [None, None]
        best = max(ways, key=lambda way: _effective(way[1]), default=None)
        if best is not None and _effective(best[1]) >= FEWEST_LEFT:
            order = np.argsort(best[0], axis=-1)
            weights = np.take_along_axis(np.exp(best[1] - best[1].max()), order, axis=-1)
            change = now - _weighted(np.take_along_axis(best[0], order, axis=-1), weights, prob)
            figures = [Figure(float(c.mean()), float(mcse_of(c))) for c in change]
        found.append(ObservationEffect(seen.id, seen.text, figures[0], figures[1]))
    return tuple(found)


def _effective(log_weights: Array) -> float:
    """Worlds in effect of the chain (chain, draw) that has fewest."""
    with np.errstate(invalid="ignore"):
        weights = np.exp(log_weights - log_weights.max())
    total = (weights**2).sum(axis=1)
    return float((weights.sum(axis=1) ** 2 / total).min()) if np.isfinite(weights).all() and (total > 0).all() else 0.0


def _density_ratio(prepared: Prepared, i: int, j: int, correlation: float) -> Array | None:
    """Density of the worlds (chain, draw) if one correlation were another, over what it is; None if that cannot be.

    Of the priors: a posterior's density changes by the same factor, but for a constant.
    """
    scores, now = prepared.believed
    then = now.copy()
    then[i, j] = then[j, i] = correlation
    linked = [c for c in range(len(now)) if c in (i, j) or np.abs(now[c]).sum() > now[c, c] + 1e-12]
    now, then = now[np.ix_(linked, linked)], then[np.ix_(linked, linked)]
    if min(np.linalg.eigvalsh(now)[0], np.linalg.eigvalsh(then)[0]) < 1e-3:
        return None
    z = scores[linked].reshape(len(linked), -1)
    change = np.linalg.inv(then) - np.linalg.inv(now)
    log = -0.5 * (np.einsum("in,ij,jn->n", z, change, z) + np.linalg.slogdet(then)[1] - np.linalg.slogdet(now)[1])
    return np.asarray(np.exp(log).reshape(prepared.target.shape))


def _weighted(ordered: Array, weights: Array, prob: float) -> Array:
    """Width of the interval and median of each chain, (2, chain), of sorted weighted draws."""
    places = np.cumsum(weights, axis=-1) - weights / 2
    places /= weights.sum(axis=-1, keepdims=True)
    rows = [np.interp((0.5 - prob / 2, 0.5, 0.5 + prob / 2), p, y) for p, y in zip(places, ordered, strict=True)]
    low, middle, high = np.array(rows).T
    return np.array([high - low, middle])

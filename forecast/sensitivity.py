"""What drives an answer and what to learn next: computed from the worlds that a run has drawn already.

Effects are attributed to priors and trends, not to the edges of the graph: a prior that enters along two ways is one
input. Inputs that are declared to depend on one another are handled as such (`forecast.shapley`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.chaos import Features, Inputs
from forecast.errors import UsageError
from forecast.evppi import Gains, gains
from forecast.fits import coordinates_of, posterior_of, wanted_coordinates
from forecast.graph import YEAR, ancestors
from forecast.measurement import Measurement, measured
from forecast.quantile import heavy_tailed, mcse_of, quantiles
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.shapley import indices
from forecast.special import ndtr, ndtri
from forecast.study import Study
from forecast.summary import RATIO
from forecast.surrogate import Surrogate, fit
from forecast.worlds import scores

FEWEST = 64  # draws of a chain without which nothing can be told apart
MOST = 1 << 16  # worlds used; more would only cost time
NOISE = 1.96  # standard errors that a figure must be away from zero to be told
STEP = 0.1  # of a rank correlation
_KURTOSIS = 20.0  # beyond it a few worlds decide a variance
_WINDOW = 0.02  # half-width in probability of the worlds near an input's 5% and 95% points
_PLAIN = ("normal", "lognormal")  # families that are simple functions of the normal score itself

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
class Learning:
    """What knowing something is worth, on average.

    Parameters
    ----------
    width, width_percent : Figure or None
        How much narrower the interval: in OOM (or the answer's unit, see `Sensitivity.scale`) and in % of its width;
        None for an event, which has no interval.
    score, score_percent : Figure
        How much lower the expected CRPS (of an event: the Brier score), likewise.
    """

    width: Figure | None
    width_percent: Figure | None
    score: Figure
    score_percent: Figure


@dataclass(frozen=True)
class Effect:
    """One input's part in the answer.

    Parameters
    ----------
    name, label, unit : str
        Of a prior or a trend.
    shapley, first, total : Figure
        Shares of the answer's variance.
    rank : Figure or None
        Spearman's correlation with the answer; None for a trend, which is no single number.
    swing : Swing
    learning : Learning
        If it were known exactly.
    dependent : bool
        Whether a dependence on other inputs of the answer is declared.
    """

    name: str
    label: str
    unit: str
    shapley: Figure
    first: Figure
    total: Figure
    rank: Figure | None
    swing: Swing
    learning: Learning
    dependent: bool


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
class Sensitivity:
    """What drives one answer, largest Shapley effect first.

    Parameters
    ----------
    quantity, label, unit : str
    scale : {"log", "linear", "rank", "above"}
        Whether shares of variance and gains are of log10 of the answer (OOM), of the answer, of its rank (where it can
        be infinite or its tails are too heavy for a variance), or of whether it exceeds `above`.
    above : float or None
    prob : float
        Probability inside the interval.
    gain_unit : str
        ``"OOM"`` or the answer's unit (never counts as the last year); for an event, nothing.
    width, score : float
        The interval's width and the expected CRPS now, in that unit.
    unexplained : Figure
        Share of variance that could not be attributed.
    effects : tuple of Effect
    dependences : tuple of DependenceEffect
    measurements : tuple of (Measurement, Learning)
        What proposed measurements are worth.
    worlds : int
    """

    quantity: str
    label: str
    unit: str
    scale: str
    above: float | None
    prob: float
    gain_unit: str
    width: float
    score: float
    unexplained: Figure
    effects: tuple[Effect, ...]
    dependences: tuple[DependenceEffect, ...]
    measurements: tuple[tuple[Measurement, Learning], ...]
    worlds: int

    def __getitem__(self, name: str) -> Effect:
        """The effect of one prior or trend."""
        for effect in self.effects:
            if effect.name == name:
                return effect
        raise UsageError(f"{self.quantity} does not depend on '{name}'; it depends on {', '.join(e.name for e in self.effects)}")


@dataclass(frozen=True, eq=False)
class Prepared:
    """The worlds of a run as an analysis needs them.

    Parameters
    ----------
    quantity : str
    draws : ndarray (chain, draw)
        The answer in its unit.
    target : ndarray (chain, draw)
        What is explained, finite.
    scale : str
    scores : ndarray (coordinate, chain, draw)
    inputs : Inputs
    coordinates : tuple of str
    surrogate : Surrogate
    doubt : float
        Standard error of the inputs' correlations, where these are a posterior's.
    """

    quantity: str
    draws: Array
    target: Array
    scale: str
    scores: Array
    inputs: Inputs
    coordinates: tuple[str, ...]
    surrogate: Surrogate
    doubt: float = 0.0

    def of_player(self, player: int) -> Array:
        """Normal scores (coordinate, chain, draw) of one player."""
        return self.scores[[c for c, p in enumerate(self.inputs.player) if p == player]]

    def back(self, target: Array) -> Array:
        """Values of the target in the answer's unit."""
        if self.scale == "log":
            return np.asarray(10.0**target)
        if self.scale == "rank":
            ordered = np.sort(self.draws, axis=None)
            return np.asarray(ordered[np.clip((np.asarray(target) * ordered.size).astype(int), 0, ordered.size - 1)])
        return np.asarray(target)


def sensitivity(
    forecast: Forecast,
    quantity: str,
    *,
    year: float | None = None,
    above: float | None = None,
    scale: str = "auto",
    prob: float | None = None,
    measure: Sequence[str] = (),
) -> Sensitivity:
    """What drives a quantity of a forecast, and what to learn next.

    Parameters
    ----------
    forecast : Forecast
    quantity : str
        ``name`` or ``name@year``.
    year : float, optional
        Of a quantity with a year axis.
    above : float, optional
        Explain whether the quantity exceeds this (in its unit) instead of its value: with a crossing year, whether
        it comes after that year.
    scale : {"auto", "log", "linear", "rank"}
        What variance is of. Auto: ranks if the quantity can be infinite or has tails too heavy for a variance,
        logarithms if it is positive and its interval's ends are more than a factor of three apart, else values.
        Gains are told in OOM or in the quantity's unit, by the same rule.
    prob : float, optional
        Of the interval; the run's where left out.
    measure : sequence of str
        Proposed measurements, such as ``"utilisation ± 10%"`` (`forecast.measurement`).

    Returns
    -------
    Sensitivity

    Raises
    ------
    UsageError
        An unknown quantity, one that is certain, too few worlds, or a measurement that cannot be read.
    """
    prob = forecast.prob if prob is None else prob
    prepared = prepare(forecast, quantity, year, above, scale)
    found = indices(prepared.surrogate)
    learned = _learned(forecast, prepared, above)
    order, known = _known(prepared)
    independent, event = forecast.design.method == "mc", above is not None
    gained = gains(learned, known, prob, independent=independent, event=event, orders=order)
    ranks = _target(prepared.draws, "rank", "")
    if len(known) == 1:  # all there is to know
        everything = (np.full(1, gained.width_now), np.zeros(1), np.full(1, gained.score_now), np.zeros(1))
        gained = Gains(*everything, gained.width_now, gained.score_now)
    effects = []
    for player, name in enumerate(prepared.inputs.players):
        definition = forecast.study.priors.get(name) or forecast.study.trends[name]
        own = [c for c, p in enumerate(prepared.inputs.player) if p == player]
        effects.append(
            Effect(
                name,
                definition.label,
                forecast.study.labels.get(name, definition.unit),
                _figure(found.shapley[player], found.shapley_se[player], prepared.doubt),
                _figure(found.first[player], found.first_se[player], prepared.doubt),
                _figure(found.total[player], found.total_se[player], prepared.doubt),
                _rank_correlation(ranks, prepared.scores[own[0]]) if name in forecast.study.priors else None,
                _swing(forecast, prepared, player, order[player], event),
                _learning(gained, player, event),
                own[0] in prepared.inputs.dependent,
            )
        )
    effects.sort(key=lambda effect: (-effect.shapley.value, -effect.learning.score.value, effect.name))
    request = request_of(quantity)
    proposed = [measured(forecast, text, learned.shape[1]) for text in measure]
    worth = gains(learned, np.array([values for _, values in proposed]).reshape(-1, *learned.shape), prob, independent=independent, event=event)
    return Sensitivity(
        prepared.quantity,
        forecast.study.definition(request.name).label,
        forecast.study.labels[request.name],
        "above" if above is not None else prepared.scale,
        above,
        prob,
        "" if event else forecast.study.labels[request.name] if learned is prepared.draws or not _in_oom(prepared.draws) else "OOM",
        gained.width_now,
        gained.score_now,
        Figure(found.unexplained, found.unexplained_se),
        tuple(effects),
        () if event else _dependences(forecast, prepared, learned, prob),
        tuple((measurement, _learning(worth, i, event)) for i, (measurement, _) in enumerate(proposed)),
        learned.size,
    )


def _figure(value: float, se: float, doubt: float) -> Figure:
    return Figure(float(value), math.hypot(se, doubt * value))


def prepare(forecast: Forecast, quantity: str, year: float | None, above: float | None, scale: str) -> Prepared:
    """The worlds of a run, the scale, and the surrogate fitted on it."""
    request = request_of(quantity)
    year = request.year if year is None else year
    if scale not in ("auto", "log", "linear", "rank"):
        raise UsageError(f"unknown scale '{scale}'; use auto, log, linear or rank")
    study, design = forecast.study, forecast.design
    if forecast.draws < FEWEST or design.chains < 4:
        raise UsageError(f"{forecast.draws * design.chains} worlds are too few to tell inputs apart; run with draws=65536")
    study.definition(request.name)
    draws = forecast.at(request.name, year)[:, : MOST // design.chains]
    needed = ancestors([request.name], study.functions)
    names = [p.name for p in study.priors.values() if p.name in needed and p.name in design.inputs]
    coordinates = [*names, *wanted_coordinates(study, needed)]
    text = request.name if year is None else f"{request.name}@{year:g}"
    if not coordinates or draws.min() == draws.max():
        raise UsageError(f"{text} is certain: nothing it follows from is uncertain")
    assert design.mixing is not None
    mixing = design.mixing[[design.inputs.index(name) for name in coordinates]]
    z = scores(replace(design, inputs=tuple(coordinates), mixing=mixing), 0, draws.shape[1])
    correlation = mixing @ mixing.T
    correlation[np.abs(correlation) < 1e-9] = 0.0  # rotations leave rounding errors
    moved = [c for c, name in enumerate(coordinates) if name in design.given]
    raw, doubt = z[moved], 0.0
    if moved:
        z, correlation, doubt = _as_normal(z, correlation, moved)
    np.fill_diagonal(correlation, 1.0)
    inputs = _inputs(study, coordinates, correlation, dict(zip((coordinates[c] for c in moved), raw, strict=True)))
    if above is not None:
        scale, target = "linear", (draws > above).astype(float)
        if target.min() == target.max():
            raise UsageError(f"{text} is {'always' if target.min() else 'never'} above {above:g} in these worlds; choose another value")
    else:
        scale = _scale(draws) if scale == "auto" else scale
        target = _target(draws, scale, text)
    surrogate = fit(target, z, inputs)
    return Prepared(text, draws, target, scale, z, inputs, tuple(coordinates), surrogate, doubt)


def _as_normal(z: Array, correlation: Array, moved: Sequence[int]) -> tuple[Array, Array, float]:
    """Scores of a posterior as if it were a Gaussian copula: by their ranks, with the correlations they have.

    Evidence makes inputs depend on one another; a Gaussian copula with the posterior's own marginals and correlations is
    the nearest case that can be attributed exactly. Also the largest standard error of these correlations.
    """
    z, correlation = z.copy(), correlation.copy()
    size = z[0].size
    for row in moved:
        order = np.argsort(z[row], axis=None, kind="stable")
        ranks = np.empty(size)
        ranks[order] = ndtri((np.arange(size) + 0.5) / size)
        z[row] = ranks.reshape(z[row].shape)
    flat = z[list(moved)].reshape(len(moved), -1)
    found = np.atleast_2d(np.corrcoef(flat))
    chains = np.array([np.atleast_2d(np.corrcoef(z[list(moved), c])) for c in range(z.shape[1])])
    error = mcse_of(np.moveaxis(chains, 0, -1))
    found = np.where(np.abs(found) > np.maximum(4 * error, 0.01), found, 0.0)
    correlation[list(moved)] = 0.0
    correlation[:, list(moved)] = 0.0
    values, vectors = np.linalg.eigh(found)
    if values[0] < 0:  # leaving out what is noise can make a matrix impossible
        found = (vectors * np.maximum(values, 1e-9)) @ vectors.T
        found /= np.sqrt(np.outer(np.diag(found), np.diag(found)))
    correlation[np.ix_(moved, moved)] = found
    return z, correlation, float(np.where(found != 0, error, 0.0).max())


def _scale(draws: Array) -> str:
    if not np.isfinite(draws).all():
        return "rank"
    logs = _in_oom(draws)
    values = np.log10(draws) if logs else draws
    from_mean = values - values.mean()
    wild = (from_mean**4).mean() > _KURTOSIS * (from_mean**2).mean() ** 2
    return "rank" if wild or bool(heavy_tailed(values)) else "log" if logs else "linear"


def _in_oom(draws: Array) -> bool:
    """Whether an answer is better told in orders of magnitude."""
    if draws.min() <= 0 or not np.isfinite(draws).all():
        return False
    low, high = np.quantile(draws, [0.05, 0.95])
    return bool(high > RATIO * low)


def _target(draws: Array, scale: str, text: str) -> Array:
    if scale == "log":
        if draws.min() <= 0 or not np.isfinite(draws).all():
            raise UsageError(f"{text} is not positive and finite in all worlds; use the scale 'rank'")
        return np.asarray(np.log10(draws))
    if scale == "linear":
        if not np.isfinite(draws).all():
            raise UsageError(f"{text} can be infinite; use the scale 'rank'")
        return draws
    ordered = np.sort(draws, axis=None)
    ranks = np.searchsorted(ordered, draws, "left") + np.searchsorted(ordered, draws, "right")
    return np.asarray(ranks / (2 * draws.size))


def _inputs(study: Study, coordinates: Sequence[str], correlation: Array, moved: Mapping[str, Array]) -> Inputs:
    owners = {c: trend for trend in study.trends for c in coordinates_of(trend)}
    players = tuple(dict.fromkeys(owners.get(name, name) for name in coordinates))
    features: list[Features | None] = []
    for name in coordinates:
        if name in study.priors:
            made = _prior_features(study, name, name in moved)
        else:
            made = _trend_features(study, name) if name in study.trends else None
        features.append(_through(made, moved[name]) if made is not None and name in moved else made)
    return Inputs(players, tuple(players.index(owners.get(name, name)) for name in coordinates), correlation, tuple(features))


def _through(features: Features, raw: Array) -> Features:
    """Features of a coordinate whose distribution is that of some scores instead of a standard normal one."""
    ordered = np.sort(raw, axis=None)
    places = ndtri((np.arange(ordered.size) + 0.5) / ordered.size)
    return Features(lambda z: features.call(np.interp(z, places, ordered)), features.steps)


def _prior_features(study: Study, name: str, moved: bool) -> Features | None:
    """The input itself (its logarithm, if it is positive), or its levels if it has a few."""
    distribution = study.priors[name].distribution
    if not moved and distribution.family in _PLAIN and distribution.bounds == (-math.inf, math.inf):
        return None
    levels = np.unique(distribution.from_normal(np.linspace(-4, 4, 2001)))
    if distribution.is_discrete and len(levels) <= 12:
        return Features(lambda z: (distribution.from_normal(z) == levels[1:, None]).astype(float))
    if levels[0] > 0:
        return Features(lambda z: np.log(distribution.from_normal(z))[None])
    return Features(lambda z: distribution.from_normal(z)[None])


def _trend_features(study: Study, name: str) -> Features:
    """The parameters of the posterior draw that a world has, with their products of two and their cubes."""
    posterior = posterior_of(study, name)
    columns = []
    for values in posterior.draws.values():
        spread = values.std()
        if np.isfinite(spread) and spread > 0:
            columns.append((values - values.mean()) / spread)
    products = [a * b for i, a in enumerate(columns) for b in columns[: i + 1]]
    table = np.array([*columns, *products, *(a**3 for a in columns)])
    return Features(lambda z: table[:, posterior.choose(ndtr(z))], len(posterior))


def _known(prepared: Prepared) -> tuple[Array, Array]:
    """What each player would be known by (player, chain, draw), and the order of each chain."""
    known = np.empty((len(prepared.inputs.players), *prepared.target.shape))
    for player in range(len(known)):
        own = prepared.of_player(player)
        if len(own) == 1 and prepared.coordinates[prepared.inputs.player.index(player)] == prepared.inputs.players[player] and not _is_trend(prepared, player):
            known[player] = own[0]
        elif len(known) == 1:
            known[player] = prepared.target
        else:  # of a trend, all that matters for the answer
            known[player] = prepared.surrogate.curve(player, own.reshape(len(own), -1)).reshape(prepared.target.shape)
    return np.argsort(known, axis=-1, kind="stable"), known


def _is_trend(prepared: Prepared, player: int) -> bool:
    return any("#" in c for c in prepared.coordinates if c.partition("#")[0] == prepared.inputs.players[player])


def _learned(forecast: Forecast, prepared: Prepared, above: float | None) -> Array:
    """The answer in the unit that gains are told in: OOM, its own, or years with never as the end of the axis."""
    if above is not None:
        return prepared.target
    if prepared.scale == "log" or prepared.scale == "rank" and _in_oom(prepared.draws):
        return np.asarray(np.log10(prepared.draws))
    finite = prepared.draws[np.isfinite(prepared.draws)]
    if len(finite) == prepared.draws.size:
        return prepared.draws
    years = forecast.study.labels[request_of(prepared.quantity).name] == YEAR
    low, high = (forecast.years[0], forecast.years[-1]) if years else (finite.min(), finite.max())
    return np.clip(prepared.draws, min(low, finite.min(initial=low)), max(high, finite.max(initial=high)))


def _learning(gained: Gains, row: int, event: bool) -> Learning:
    width, score = (max(x, 1e-300) / 100 for x in (gained.width_now, gained.score_now))
    values = (gained.width[row], gained.width_se[row], gained.score[row], gained.score_se[row])
    a, b, c, d = map(float, values)
    scores_lower = Figure(c, d), Figure(c / score, d / score)
    return Learning(None, None, *scores_lower) if event else Learning(Figure(a, b), Figure(a / width, b / width), *scores_lower)


def _rank_correlation(ranks: Array, score: Array) -> Figure:
    own = ndtr(score.reshape(-1)).reshape(ranks.shape)
    a, b = own - own.mean(axis=1, keepdims=True), ranks - ranks.mean(axis=1, keepdims=True)
    by_chain = (a * b).mean(axis=1) / np.sqrt((a**2).mean(axis=1) * (b**2).mean(axis=1))
    return Figure(float(by_chain.mean()), float(mcse_of(by_chain)))


def _swing(forecast: Forecast, prepared: Prepared, player: int, order: Array, event: bool) -> Swing:
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
        value, se = float(middle.value[0]), float(middle.mcse[0])
        here, below, above = map(float, prepared.back(np.array([value, value - se, value + se])))
        ends.append(Figure(here, 0.0 if below == above else abs(above - below) / 2))
    if prior is None:
        return Swing(None, None, *ends)
    points = [0.05, 0.95]
    values = np.quantile(forecast.at(name), points) if name in forecast.design.given else prior.distribution.quantile(points)
    return Swing(*map(float, values), *ends)


def _dependences(forecast: Forecast, prepared: Prepared, learned: Array, prob: float) -> tuple[DependenceEffect, ...]:
    """Slopes of interval and median along each declared dependence, by weighting the worlds."""
    from forecast.dependence import rank_correlation, score_correlation

    found = []
    order = np.argsort(learned, axis=-1)
    ordered = np.take_along_axis(learned, order, axis=-1)
    for declared in forecast.study.dependences:
        if not all(name in prepared.coordinates for name in declared.between):
            continue
        i, j = (prepared.coordinates.index(name) for name in declared.between)
        now = rank_correlation(float(np.clip(prepared.inputs.correlation[i, j], -1, 1)))
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


def _density_ratio(prepared: Prepared, i: int, j: int, correlation: float) -> Array | None:
    """Density of the worlds (chain, draw) if one correlation were another, over what it is; None if that cannot be."""
    now = prepared.inputs.correlation
    then = now.copy()
    then[i, j] = then[j, i] = correlation
    linked = [c for c in range(len(now)) if c in (i, j) or np.abs(now[c, [i, j]]).max() > 1e-12 or c in prepared.inputs.dependent]
    now, then = now[np.ix_(linked, linked)], then[np.ix_(linked, linked)]
    if min(np.linalg.eigvalsh(now)[0], np.linalg.eigvalsh(then)[0]) < 1e-3:
        return None
    z = prepared.scores[linked].reshape(len(linked), -1)
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

"""The worlds of a run as an analysis of its answers needs them: target, normal scores of the inputs, surrogate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.errors import CertainError, UsageError
from forecast.fits import BATCHES, batches, coordinates_of, posterior_of, wanted_coordinates
from forecast.graph import YEAR, ancestors
from forecast.quantile import heavy_tailed, mcse_of
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.sensitivity.chaos import Features, Inputs
from forecast.sensitivity.events import Foretold, best_foretold, event_indices
from forecast.sensitivity.posterior import MOST_PLAYERS
from forecast.sensitivity.shapley import Indices, indices
from forecast.sensitivity.surrogate import Surrogate, fit
from forecast.special import ndtr, ndtri
from forecast.study import Study
from forecast.summary import RATIO
from forecast.worlds import scores

FEWEST = 64  # draws of a chain without which nothing can be told apart
MOST = 1 << 16  # worlds used; more would only cost time
_KURTOSIS = 20.0  # beyond it a few worlds decide a variance
_PLAIN = ("normal", "lognormal")  # families that are simple functions of the normal score itself

Array = np.ndarray


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
        Standard normal in these worlds.
    believed : (ndarray (coordinate, chain, draw), ndarray (coordinate, coordinate))
        The scores that the priors give them, and the correlations declared of these. Without evidence, the same.
    inputs : Inputs
    coordinates : tuple of str
    surrogate : Surrogate
    doubt : float
        Standard error of the inputs' correlations, where these are a posterior's.
    nearest : bool
        Whether a posterior's dependence is that of the nearest Gaussian copula, as there are too many inputs in it.
    event : Foretold or None
        What the surrogate says of the event that is explained. The surrogate is then one of the answer itself, or of
        the event where that foretells it better. None for the event of a posterior that is no copula: its surrogate is
        the event's.
    """

    quantity: str
    draws: Array
    target: Array
    scale: str
    scores: Array
    believed: tuple[Array, Array]
    inputs: Inputs
    coordinates: tuple[str, ...]
    surrogate: Surrogate
    doubt: float = 0.0
    nearest: bool = False
    event: Foretold | None = None

    @property
    def indices(self) -> Indices:
        """Shares of the variance of the target."""
        return indices(self.surrogate) if self.event is None else event_indices(self.event, self.scores)

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


def prepare(forecast: Forecast, quantity: str, year: float | None, above: float | None, scale: str) -> Prepared:
    """The worlds of a run, the scale, and the surrogate fitted on it."""
    request = request_of(quantity)
    year = request.year if year is None else year
    if scale not in ("auto", "log", "linear", "rank"):
        raise UsageError(f"unknown scale '{scale}'; use auto, log, linear or rank")
    study, design = forecast.study, forecast.design
    if forecast.draws < FEWEST or design.chains < 4:
        raise UsageError(
            f"{forecast.draws * design.chains} worlds are too few to tell inputs apart; ask for 65,536 draws, say"
        )
    study.definition(request.name)
    draws = forecast.at(request.name, year)[:, : MOST // design.chains]
    needed = ancestors([request.name], study.functions)
    names = [p.name for p in study.priors.values() if p.name in needed and p.name in design.inputs]
    coordinates = [*names, *wanted_coordinates(study, needed)]
    text = request.name if year is None else f"{request.name}@{year:g}"
    if not coordinates or draws.min() == draws.max():
        raise CertainError(f"{text} is certain: nothing it follows from is uncertain")
    assert design.mixing is not None
    mixing = design.mixing[[design.inputs.index(name) for name in coordinates]]
    z = scores(replace(design, inputs=tuple(coordinates), mixing=mixing), 0, draws.shape[1])
    correlation = mixing @ mixing.T
    correlation[np.abs(correlation) < 1e-9] = 0.0  # rotations leave rounding errors
    moved = [c for c, name in enumerate(coordinates) if name in design.given]
    raw, doubt, believed = z[moved], 0.0, (z, correlation)
    if moved:
        z, correlation, doubt = _as_normal(z, correlation, moved)
    np.fill_diagonal(correlation, 1.0)
    inputs = _inputs(study, coordinates, correlation, dict(zip((coordinates[c] for c in moved), raw, strict=True)))
    together = replace(inputs, joint=_together(forecast, coordinates))
    nearest = bool(together.joint) and len({inputs.player[c] for c in together.dependent}) > MOST_PLAYERS
    if together.joint and not nearest:
        inputs, doubt = together, 0.0
    scale = _scale(draws) if scale == "auto" else scale
    target = target_of(draws, scale, text)
    if above is None:
        surrogate = fit(target, z, inputs)
        return Prepared(text, draws, target, scale, z, believed, inputs, tuple(coordinates), surrogate, doubt, nearest)
    event = (draws > above).astype(float)
    if event.min() == event.max():
        raise UsageError(f"{text} is {'always' if event.min() else 'never'} above {above:g} here; choose another value")
    if inputs.joint:  # inputs cannot be drawn anew given others: what follows from a fit to the event itself
        surrogate = fit(event, z, inputs)
        return Prepared(
            text, draws, event, "linear", z, believed, inputs, tuple(coordinates), surrogate, doubt, nearest
        )
    found = best_foretold(target, event, z, inputs)
    return Prepared(
        text, draws, event, "linear", z, believed, inputs, tuple(coordinates), found.surrogate, doubt, nearest, found
    )


def _together(forecast: Forecast, coordinates: Sequence[str]) -> tuple[int, ...]:
    """Coordinates that evidence has made depend on others: all that it looked at together."""
    parts = () if forecast.update is None else forecast.update.parts
    found = [[c for c, name in enumerate(coordinates) if name in part.inputs] for part in parts if part.rung != "none"]
    return tuple(sorted(c for own in found if len(own) > 1 for c in own))


def _as_normal(z: Array, correlation: Array, moved: Sequence[int]) -> tuple[Array, Array, float]:
    """Scores of a posterior as if it were a Gaussian copula: by their ranks, with the correlations they have.

    Evidence makes inputs depend on one another; a Gaussian copula with the posterior's own marginals and correlations
    is the nearest case that can be attributed exactly. Also the largest standard error of these correlations.
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
    logs = in_oom(draws)
    values = np.log10(draws) if logs else draws
    return "rank" if decided_by_few(values) else "log" if logs else "linear"


def decided_by_few(values: Array) -> bool:
    """Whether tails are so heavy that a few worlds decide the variance."""
    from_mean = values - values.mean()
    wild = (from_mean**4).mean() > _KURTOSIS * (from_mean**2).mean() ** 2
    return bool(wild) or bool(heavy_tailed(values))


def in_oom(draws: Array) -> bool:
    """Whether an answer is better told in orders of magnitude."""
    if draws.min() <= 0 or not np.isfinite(draws).all():
        return False
    low, high = np.quantile(draws, [0.05, 0.95])
    return bool(high > RATIO * low)


def target_of(draws: Array, scale: str, text: str) -> Array:
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
    return Inputs(
        players, tuple(players.index(owners.get(name, name)) for name in coordinates), correlation, tuple(features)
    )


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
    posterior = posterior_of(study, name).of(study.trends[name].of_group or "")
    columns = []
    for values in posterior.draws.values():
        spread = values.std()
        if np.isfinite(spread) and spread > 0:
            columns.append((values - values.mean()) / spread)
    products = [a * b for i, a in enumerate(columns) for b in columns[: i + 1]]
    table = np.array([*columns, *products, *(a**3 for a in columns)])
    return Features(lambda z: table[:, posterior.choose(ndtr(z))], len(posterior))


def known_by(study: Study, prepared: Prepared) -> tuple[Array, Array]:
    """The order of each chain by what each player would be known by, and that itself: two (player, chain, draw)."""
    known = np.empty((len(prepared.inputs.players), *prepared.target.shape))
    for player, name in enumerate(prepared.inputs.players):
        own = prepared.of_player(player)
        if name not in study.trends:
            known[player] = own[0]
        elif len(known) == 1:
            known[player] = prepared.target
        else:  # a trend is many numbers: of these, all that matters for the answer
            known[player] = prepared.surrogate.curve(player, own.reshape(len(own), -1)).reshape(prepared.target.shape)
    return np.argsort(known, axis=-1, kind="stable"), known


def posterior_error(forecast: Forecast, prepared: Prepared, shares: Array) -> Array:
    """Standard error (player,) of shares that comes from a trend having finitely many posterior draws.

    All chains of a run use the same posterior, so their spread does not show it: runs of its draws do. A relative error
    r of one player's part of the variance moves its share s by s (1 - s) r and each other share t by t s r.
    """
    players, size = prepared.inputs.players, prepared.target.shape[1]
    error = np.zeros(len(players))
    if len(players) < 2:
        return error
    for player, name in enumerate(players):
        if name not in forecast.study.trends:
            continue
        own = prepared.of_player(player)
        curve = prepared.surrogate.curve(player, own.reshape(len(own), -1))
        run = batches(forecast.study, forecast.design, name, size).reshape(-1)
        counts = np.bincount(run, minlength=BATCHES)
        if counts.min() == 0 or curve.min() == curve.max():
            continue
        parts = np.bincount(run, (curve - curve.mean()) ** 2, BATCHES) / counts
        relative = float(mcse_of(parts)) / float(parts.mean())
        move = -shares * shares[player]
        move[player] += shares[player]
        error += (move * relative) ** 2
    return np.asarray(np.sqrt(error))


def learned_of(forecast: Forecast, prepared: Prepared, above: float | None) -> Array:
    """The answer in the unit that gains are told in: OOM, its own, or years with never as the end of the axis."""
    if above is not None:
        return prepared.target
    return learned_from(forecast, prepared, prepared.draws)


def learned_from(forecast: Forecast, prepared: Prepared, draws: Array) -> Array:
    """Other draws of the answer in the unit that gains are told in, such as those without the evidence."""
    if prepared.scale == "log" or prepared.scale == "rank" and in_oom(prepared.draws):
        return np.asarray(np.log10(np.maximum(draws, np.finfo(float).tiny)))
    finite = prepared.draws[np.isfinite(prepared.draws)]
    if len(finite) == prepared.draws.size and np.isfinite(draws).all():
        return draws
    years = forecast.study.labels[request_of(prepared.quantity).name] == YEAR
    low, high = (forecast.years[0], forecast.years[-1]) if years else (finite.min(), finite.max())
    return np.asarray(np.clip(draws, min(low, finite.min(initial=low)), max(high, finite.max(initial=high))))

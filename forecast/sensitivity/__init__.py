"""What drives an answer and what to learn next: computed from the worlds that a run has drawn already.

Effects are attributed to priors and trends, not to the edges of the graph: a prior that enters along two ways is one
input. Inputs that are declared to depend on one another are handled as such (`forecast.sensitivity.shapley`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import UsageError
from forecast.graph import YEAR
from forecast.quantile import mcse_of
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.sensitivity.evppi import Gains, gains
from forecast.sensitivity.measurement import Measurement, measured
from forecast.sensitivity.prepared import (
    decided_by_few,
    in_oom,
    known_by,
    learned_of,
    posterior_error,
    prepare,
    target_of,
)
from forecast.sensitivity.swings import (
    DependenceEffect,
    Figure,
    ObservationEffect,
    Swing,
    dependence_effects,
    observation_effects,
    swing_of,
)
from forecast.special import ndtr

Array = np.ndarray
CURVES = ("line", "new", "record")  # of a trend; whatever else it defines is a parameter


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
    parts : tuple of (str, Learning)
        Of a trend: its parameters, and what knowing each alone is worth.
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
    parts: tuple[tuple[str, Learning], ...] = ()


@dataclass(frozen=True, repr=False)
class Sensitivity:
    """What drives one answer, largest Shapley effect first. Printed, it is the table of ``forecast sensitivity``.

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
    observations : tuple of ObservationEffect
    measurements : tuple of (Measurement, Learning)
        What proposed measurements are worth.
    worlds : int
    never, already : float
        Probability that the answer is plus or minus infinity: not on the year axis, or before it.
    last : float
        What never counts as in `width` and `score`: the last year of the axis.
    heavy : bool
        Whether a few worlds decide the variance on this scale, so that all shares of it are uncertain.
    nearest : bool
        Whether evidence has made so many inputs depend on one another that their shares are those of the nearest
        Gaussian copula.
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
    observations: tuple[ObservationEffect, ...]
    measurements: tuple[tuple[Measurement, Learning], ...]
    worlds: int
    never: float = 0.0
    already: float = 0.0
    last: float = math.inf
    heavy: bool = False
    nearest: bool = False

    def __repr__(self) -> str:
        from forecast.sensitivity.text import table

        return table(self)

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"

    def __getitem__(self, name: str) -> Effect:
        """The effect of one prior or trend."""
        for effect in self.effects:
            if effect.name == name:
                return effect
        raise UsageError(
            f"{self.quantity} does not depend on '{name}'; it depends on {', '.join(e.name for e in self.effects)}"
        )


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
        Proposed measurements, such as ``"utilisation ± 10%"`` (`forecast.sensitivity.measurement`).

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
    found = prepared.indices
    drawn = posterior_error(forecast, prepared, found.shapley)
    learned = learned_of(forecast, prepared, above)
    order, known = known_by(forecast.study, prepared)
    independent, event = forecast.design.method == "mc", above is not None
    gained = gains(learned, known, prob, independent=independent, event=event)
    ranks = target_of(prepared.draws, "rank", "")
    if len(known) == 1:  # all there is to know
        width, score, sure = np.full(1, gained.width_now), np.full(1, gained.score_now), np.zeros(1)
        gained = Gains(width, sure, score, sure, gained.width_now, gained.score_now)
    first, first_se = found.first.copy(), np.hypot(found.first_se, drawn)
    if event and len(known) > 1:  # the Brier score is the variance: what knowing an input takes off it is its share
        share, error = gained.score / gained.score_now, gained.score_se / gained.score_now
        exact = np.array([name in forecast.study.priors for name in prepared.inputs.players]) & (error < first_se)
        first, first_se = np.where(exact, share, first), np.where(exact, error, first_se)
    effects = []
    for player, name in enumerate(prepared.inputs.players):
        definition = forecast.study.priors.get(name) or forecast.study.trends[name]
        own = [c for c, p in enumerate(prepared.inputs.player) if p == player]
        effects.append(
            Effect(
                name,
                definition.label,
                forecast.study.labels.get(name, definition.unit),
                _figure(found.shapley[player], math.hypot(found.shapley_se[player], drawn[player]), prepared.doubt),
                _figure(first[player], first_se[player], prepared.doubt),
                _figure(found.total[player], math.hypot(found.total_se[player], drawn[player]), prepared.doubt),
                _rank_correlation(ranks, prepared.scores[own[0]]) if name in forecast.study.priors else None,
                swing_of(forecast, prepared, player, order[player], event),
                _learning(gained, player, event),
                own[0] in prepared.inputs.dependent and len(prepared.inputs.players) > 1,
                _parts(forecast, name, learned, prob, independent, event),
            )
        )
    effects.sort(key=lambda effect: (-effect.shapley.value, -effect.learning.score.value, effect.name))
    request = request_of(quantity)
    proposed = [measured(forecast, text, learned.shape[1]) for text in measure]
    what = np.array([values for _, values in proposed]).reshape(-1, *learned.shape)
    worth = gains(learned, what, prob, independent=independent, event=event)
    return Sensitivity(
        prepared.quantity,
        forecast.study.definition(request.name).label,
        forecast.study.labels[request.name],
        "above" if above is not None else prepared.scale,
        above,
        prob,
        ""
        if event
        else forecast.study.labels[request.name]
        if learned is prepared.draws or not in_oom(prepared.draws)
        else "OOM",
        gained.width_now,
        gained.score_now,
        Figure(found.unexplained, found.unexplained_se),
        tuple(effects),
        () if event else dependence_effects(forecast, prepared, learned, prob),
        () if event else observation_effects(forecast, prepared, learned, prob),
        tuple((measurement, _learning(worth, i, event)) for i, (measurement, _) in enumerate(proposed)),
        learned.size,
        float(np.isposinf(prepared.draws).mean()),
        float(np.isneginf(prepared.draws).mean()),
        forecast.years[-1] if forecast.study.labels[request.name] == YEAR else float(learned.max()),
        prepared.scale in ("linear", "log") and not event and decided_by_few(prepared.target),
        prepared.nearest,
    )


def _parts(
    forecast: Forecast, name: str, learned: Array, prob: float, independent: bool, event: bool
) -> tuple[tuple[str, Learning], ...]:
    """What knowing each parameter of a trend is worth; nothing for a prior."""
    names = [c.name for c in forecast.study.curves.values() if c.trend == name and c.part not in CURVES]
    if not names:
        return ()
    draws = np.array([forecast.at(parameter)[:, : learned.shape[1]] for parameter in names])
    uncertain = [row for row, values in enumerate(draws) if values.min() < values.max()]
    found = gains(learned, draws[uncertain], prob, independent=independent, event=event)
    return tuple((names[row], _learning(found, i, event)) for i, row in enumerate(uncertain))


def _figure(value: float, se: float, doubt: float) -> Figure:
    return Figure(float(value), math.hypot(se, doubt * value))


def _learning(gained: Gains, row: int, event: bool) -> Learning:
    width, score = (max(x, 1e-300) / 100 for x in (gained.width_now, gained.score_now))
    values = (gained.width[row], gained.width_se[row], gained.score[row], gained.score_se[row])
    a, b, c, d = map(float, values)
    scores_lower = Figure(c, d), Figure(c / score, d / score)
    return (
        Learning(None, None, *scores_lower)
        if event
        else Learning(Figure(a, b), Figure(a / width, b / width), *scores_lower)
    )


def _rank_correlation(ranks: Array, score: Array) -> Figure:
    own = ndtr(score.reshape(-1)).reshape(ranks.shape)
    a, b = own - own.mean(axis=1, keepdims=True), ranks - ranks.mean(axis=1, keepdims=True)
    by_chain = (a * b).mean(axis=1) / np.sqrt((a**2).mean(axis=1) * (b**2).mean(axis=1))
    return Figure(float(by_chain.mean()), float(mcse_of(by_chain)))

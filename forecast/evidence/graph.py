"""What evidence touches: independent parts of a study, and the observed quantities as functions of their normal scores.

An observation touches every uncertain input that its quantity follows from, and what is declared dependent on those.
Observations that share an input belong to one *part*; parts are independent of each other and of all other inputs, so
each is conditioned by itself and nothing else moves. An exact observation of a prior fixes its normal score, which is a
linear condition on the independent coordinates behind the scores, and is solved, not sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import Problem, StudyError
from forecast.evidence.files import Observation
from forecast.evidence.likelihood import Term, measured, term_of, together
from forecast.fits import Say, curve_values, posterior_of, wanted_coordinates
from forecast.graph import YEAR, ancestors, evaluate
from forecast.sampling import copula, uncertain_inputs
from forecast.special import normal_score
from forecast.study import Study

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Part:
    """Inputs that evidence ties together: their normal scores are ``centre + spread @ coordinates``.

    Parameters
    ----------
    inputs : tuple of str
        Priors and coordinates of trends.
    observations : tuple of Observation
        All that touch them, in the order of their keys.
    exact : tuple of Observation
        Those that fix an input's score.
    centre : ndarray (input,)
    spread : ndarray (input, coordinate)
        Of independent standard normal coordinates; without columns if everything is fixed.
    """

    inputs: tuple[str, ...]
    observations: tuple[Observation, ...]
    exact: tuple[Observation, ...]
    centre: Array
    spread: Array

    def scores(self, v: Array) -> Array:
        """Normal scores (input, world) of coordinates (coordinate, world)."""
        out = np.repeat(self.centre[:, None], v.shape[1], axis=1)
        for column, coordinate in enumerate(v):
            for row in np.flatnonzero(self.spread[:, column]).tolist():
                out[row] += self.spread[row, column] * coordinate
        return out


def parts_of(study: Study) -> tuple[Part, ...]:
    """The independent parts of a study that its evidence touches.

    Raises
    ------
    StudyError
        An exact observation that its prior makes impossible, or two that contradict each other.
    """
    inputs = uncertain_inputs(study)
    mixing = copula(study, inputs)
    position = {name: row for row, name in enumerate(inputs)}
    group = list(range(len(inputs)))

    def find(row: int) -> int:
        while group[row] != row:
            row = group[row]
        return row

    def join(rows: Sequence[int]) -> None:
        for row in rows[1:]:
            group[find(row)] = find(rows[0])

    for column in mixing.T:
        join(np.flatnonzero(column).tolist())
    touched: dict[str, list[int]] = {}
    for seen in study.evidence:
        needed = ancestors([seen.quantity], study.functions)
        own = {*needed, *wanted_coordinates(study, needed)}
        touched[seen.id] = [position[name] for name in inputs if name in own]
        join(touched[seen.id])
    roots = dict.fromkeys(find(rows[0]) for rows in touched.values() if rows)
    parts = []
    for root in sorted(roots):
        rows = [row for row in range(len(inputs)) if find(row) == root]
        observations = tuple(seen for seen in study.evidence if touched[seen.id] and find(touched[seen.id][0]) == root)
        parts.append(_part(study, tuple(inputs[row] for row in rows), mixing[rows], observations))
    return tuple(parts)


def _part(study: Study, inputs: tuple[str, ...], mixing: Array, observations: tuple[Observation, ...]) -> Part:
    mixing = mixing[:, mixing.any(axis=0)]
    exact = tuple(seen for seen in observations if seen.exact and _smooth(study, seen.quantity))
    if not exact:
        return Part(inputs, observations, (), np.zeros(len(inputs)), mixing)
    rows = np.array([mixing[inputs.index(seen.quantity)] for seen in exact])
    goal = np.array([_score(study, seen) for seen in exact])
    left, values, right = np.linalg.svd(rows)
    rank = int((values > 1e-10 * values.max()).sum())
    place = right[:rank].T @ ((left.T @ goal)[:rank] / values[:rank])
    miss = np.abs(rows @ place - goal)
    if miss.max() > 1e-8 * (1 + np.abs(goal).max()):
        raise StudyError(
            [
                Problem(
                    seen.place,
                    f"contradicts another exact observation ({seen.text})",
                    "give one of them an error, or drop it",
                )
                for seen, m in zip(exact, miss, strict=True)
                if m > 1e-9
            ]
        )
    free = right[rank:].T
    spread = mixing @ free
    spread[np.abs(spread) < 1e-13] = 0.0
    return Part(inputs, observations, exact, mixing @ place, spread)


def _smooth(study: Study, name: str) -> bool:
    prior = study.priors.get(name)
    return prior is not None and not prior.distribution.is_discrete and prior.distribution.marginal.atoms[0].size == 0


def _score(study: Study, seen: Observation) -> float:
    prior = study.priors[seen.quantity].distribution
    assert seen.value is not None
    x = seen.value["x"] * seen.factor
    score = float(normal_score(prior.cdf(x), prior.sf(x)))
    if not math.isfinite(score):
        low, high = prior.quantile([0.0, 1.0])
        raise StudyError.at(
            seen.place,
            f"is impossible: the prior of {seen.quantity} runs from {low:g} to {high:g} ({seen.text})",
            "widen the prior, or give the observation an error",
        )
    return score


@dataclass(frozen=True, eq=False)
class Observed:
    """The observed quantities of a part, as one function of its normal scores.

    Parameters
    ----------
    targets : tuple of str
        ``quantity`` or ``quantity@year``, each once.
    terms : tuple of Term
        The likelihood: `forecast.evidence.likelihood.together`.
    each : dict of str to Term
        The likelihood of each observation, by its id.
    values : callable
        From scores ``(input, world)`` to an array ``(world,)`` for each target, in the quantity's own unit.
    years : tuple of float
        The year axis on which they are evaluated.
    """

    targets: tuple[str, ...]
    terms: tuple[Term, ...]
    each: dict[str, Term]
    values: Callable[[Array], dict[str, Array]]
    years: tuple[float, ...]


def axis_of(study: Study) -> tuple[float, ...]:
    """The year axis of the main report and of all observations, so that "never" means the same in every run."""
    years = {seen.year for seen in study.evidence if seen.year is not None}
    return tuple(sorted({*map(float, study.main.years), *years}))


def observed(study: Study, part: Part, say: Say | None = None) -> Observed:
    """The likelihood of a part's observations as a function of its normal scores.

    Raises
    ------
    StudyError
        A year where none belongs, none where one does, or an exact observation of a continuous derived quantity.
    """
    sampled = [seen for seen in part.observations if seen not in part.exact]
    full = axis_of(study)
    rng = np.random.default_rng(20231)
    pilot = part.scores(rng.standard_normal((part.spread.shape[1], 256)))
    function = function_of(study, part.inputs, [seen.quantity for seen in sampled], full, say)
    arrays = function(pilot)
    problems = []
    for seen in sampled:
        has = arrays[seen.quantity].ndim == 2
        if has and seen.year is None:
            problems.append(
                Problem(
                    seen.place,
                    f"{seen.quantity} has a year axis and the observation no year",
                    f"name the year: {seen.quantity}@2023",
                )
            )
        if not has and seen.year is not None:
            problems.append(
                Problem(seen.place, f"{seen.quantity} has no year axis (found {seen.year:g})", "leave the year out")
            )
    if problems:
        raise StudyError(problems)
    each, discrete = {}, {}
    for seen in sampled:
        x = _at(arrays[seen.quantity], seen.year, full)
        discrete[seen.id] = _takes_separate_values(study, seen, x)
        if seen.exact and not discrete[seen.id]:
            problems.append(
                Problem(
                    seen.place,
                    f"an exact value of a derived quantity has probability zero ({seen.text})",
                    'say how exact it is: error = "2%", or an interval such as "77M to 79M"',
                )
            )
        else:
            each[seen.id] = measured(term_of(seen, discrete[seen.id]), x)
    if problems:
        raise StudyError(problems)
    targets = {seen.target: (seen.quantity, seen.year) for seen in sampled}
    years = _enough(study, part, targets, full, function, pilot)
    if years != full:
        function = function_of(study, part.inputs, [seen.quantity for seen in sampled], years, say)
    used = function

    def values(scores: Array) -> dict[str, Array]:
        found = used(scores)
        count = scores.shape[1]
        return {
            target: np.broadcast_to(_at(found[name], year, years), (count,)) for target, (name, year) in targets.items()
        }

    return Observed(tuple(targets), together([each[seen.id] for seen in sampled]), each, values, years)


def _at(array: Array, year: float | None, years: Sequence[float]) -> Array:
    if year is None:
        return array
    row: Array = array[list(years).index(year) if len(array) > 1 else 0]
    return row


def _takes_separate_values(study: Study, seen: Observation, x: Array) -> bool:
    if not seen.exact:
        return False
    prior = study.priors.get(seen.quantity)
    if prior is not None:
        return not _smooth(study, seen.quantity)
    return len(np.unique(x)) <= 64


def _enough(
    study: Study, part: Part, targets: Mapping[str, tuple[str, float | None]], full: tuple[float, ...],
    function: Callable[[Array], dict[str, Array]], pilot: Array,
) -> tuple[float, ...]:  # fmt: skip
    """The observed years alone, if the quantities come out the same on that axis."""
    years = tuple(sorted({year for _, year in targets.values() if year is not None}))
    if not years or len(years) == len(full) or any(year is None for _, year in targets.values()):
        return full
    names = [name for name, _ in targets.values()]
    few, many = function_of(study, part.inputs, names, years)(pilot), function(pilot)
    same = all(_alike(_at(few[name], year, years), _at(many[name], year, full)) for name, year in targets.values())
    return years if same else full


def _alike(one: Array, other: Array) -> bool:
    """Equal but for where an iteration started."""
    return bool(np.allclose(one, other, rtol=1e-6, atol=0.0))


def function_of(
    study: Study, inputs: Sequence[str], names: Sequence[str], years: Sequence[float], say: Say | None = None
) -> Callable[[Array], dict[str, Array]]:
    """Quantities as a function of the normal scores ``(input, world)`` of everything uncertain that they follow from.

    Parameters
    ----------
    study : Study
    inputs : sequence of str
        What the rows of the scores are.
    names : sequence of str
    years : sequence of float
        The year axis.
    say : callable, optional
        Told if a trend has to be fitted first.

    Returns
    -------
    callable
        To arrays ``(world,)``, ``(year, world)`` or ones that broadcast to them, in each quantity's own unit.
    """
    needed = ancestors(names, study.functions)
    sequence = [name for name in study.sequence if name in needed]
    priors = [prior for prior in study.priors.values() if prior.name in needed]
    trends = {
        trend: [curve.name for curve in study.curves.values() if curve.trend == trend and curve.name in needed]
        for trend in study.trends
    }
    posteriors = {trend: posterior_of(study, trend, say) for trend, wanted in trends.items() if wanted}
    axis = np.asarray(years, dtype=float).reshape(-1, 1)
    row = {name: i for i, name in enumerate(inputs)}

    def values(scores: Array) -> dict[str, Array]:
        found: dict[str, Array] = {YEAR: axis}
        for prior in priors:
            if prior.name in row:
                value = prior.distribution.from_normal(scores[row[prior.name]])
            else:
                value = np.array([float(prior.distribution.quantile(0.5))])
            found[prior.name] = value * study.factors[prior.name]
        z = {name: scores[i] for name, i in row.items()}
        for trend, posterior in posteriors.items():
            found |= curve_values(study, posterior, trends[trend], axis, z)
        evaluate(study.functions, sequence, found, scores.shape[1])
        return {name: found[name] / study.factors[name] for name in names}

    return values

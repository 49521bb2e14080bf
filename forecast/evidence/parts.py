"""What evidence touches: the independent parts of a study.

An observation touches every uncertain input that its quantity follows from, and what is declared dependent on those.
Observations that share an input belong to one *part*; parts are independent of each other and of all other inputs, so
each is conditioned by itself and nothing else moves. An exact observation of a prior fixes its normal score, which is a
linear condition on the independent coordinates behind the scores, and is solved, not sampled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import Problem, StudyError
from forecast.evidence.likelihood import ROUNDING
from forecast.evidence.observation import Observation
from forecast.fits import all_behind
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

    What was seen of a quantity that is certain makes a part without inputs, unless a scenario made it certain: a
    scenario sets evidence on what it replaces aside.

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
        own = all_behind(study, [seen.quantity])
        touched[seen.id] = [position[name] for name in inputs if name in own]
        join(touched[seen.id])
    roots = dict.fromkeys(find(rows[0]) for rows in touched.values() if rows)
    parts = []
    for root in sorted(roots):
        rows = [row for row in range(len(inputs)) if find(row) == root]
        observations = tuple(seen for seen in study.evidence if touched[seen.id] and find(touched[seen.id][0]) == root)
        parts.append(_part(study, tuple(inputs[row] for row in rows), mixing[rows], observations))
    certain = [seen for seen in study.evidence if not touched[seen.id] and not study.replaced]
    return (*parts, *(Part((), (seen,), (), np.zeros(0), np.zeros((0, 0))) for seen in certain))


def _part(study: Study, inputs: tuple[str, ...], mixing: Array, observations: tuple[Observation, ...]) -> Part:
    mixing = mixing[:, mixing.any(axis=0)]
    exact = tuple(seen for seen in observations if seen.exact and _is_smooth(study, seen))
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


def _is_smooth(study: Study, seen: Observation) -> bool:
    """Whether an exact value is one of a prior's continuous part, so that it fixes the normal score."""
    prior = study.priors.get(seen.quantity)
    if prior is None or prior.distribution.is_discrete:
        return False
    assert seen.value is not None
    x = seen.value["x"] * seen.factor
    return not np.isclose(prior.distribution.marginal.atoms[0], x, rtol=ROUNDING, atol=0.0).any()


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

"""What has to hold of a posterior before it is believed, and what is told of it: conflicts, draws of trends left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from forecast.distribution import format_number
from forecast.errors import GateError, Problem, StudyError
from forecast.evidence.likelihood import log_likelihood
from forecast.evidence.observed import Observed
from forecast.evidence.parts import Part
from forecast.evidence.record import Conditioned
from forecast.evidence.surprise import given_the_rest, prior_predictive
from forecast.fits import Say, posterior_of
from forecast.special import ndtr
from forecast.study import Study

Array = np.ndarray
FEWEST_DRAWS = 100.0  # of a trend's posterior draws: with fewer, their own error cannot be told
_SOME = 512  # worlds of each chain that tell whether observations agree


def p_values(study: Study, part: Part, seen: Observed, prior: Mapping[str, Array]) -> dict[str, float]:
    """The prior predictive p-value of each observation of a part, by id.

    Parameters
    ----------
    study : Study
    part : Part
    seen : Observed
    prior : mapping of str to ndarray (world,)
        Each target in prior worlds.
    """
    found = {}
    for item in part.observations:
        if item in part.exact:
            assert item.value is not None
            belief, x = study.priors[item.quantity].distribution, item.value["x"] * item.factor
            found[item.id] = min(1.0, 2 * float(min(belief.cdf(x), belief.sf(x))))
        else:
            found[item.id] = prior_predictive(item, seen.each[item.id], prior[item.target])
    return found


def certain(values: Mapping[str, Array]) -> str:
    """Of targets that are the same in every world, what they are."""
    return "; ".join(f"{target} is {format_number(float(x[0]), 6)} in every world" for target, x in values.items())


def impossible(part: Part, seen: Observed, values: Mapping[str, Array]) -> StudyError:
    """What was seen of quantities that are certain, or that exact observations make certain, and is not so."""
    remedy = "give the observation an error, or make what the quantity follows from uncertain"
    if part.exact:
        remedy = f"it contradicts {', '.join(item.id for item in part.exact)}; give one of them an error"
    return StudyError(
        [
            Problem(item.place, f"is impossible: {certain({item.target: values[item.target]})} ({item.text})", remedy)
            for item in part.observations
            if item.id in seen.each and np.isneginf(log_likelihood(seen.each[item.id], values[item.target])).any()
        ]
    )


def checked(study: Study, part: Part, seen: Observed, found: Conditioned, say: Say | None = None) -> Conditioned:
    """A posterior with what can be told once its worlds are there: draws of trends left, p-values given the rest.

    Raises
    ------
    GateError
        So few posterior draws of a trend agree with the evidence that their error cannot be told.
    """
    details, left = dict(found.details), found.left
    for scores, name in zip(found.scores, part.inputs, strict=True):
        if name not in study.trends:
            continue
        posterior = posterior_of(study, name, say)
        size = len(posterior)
        effective = draws_left(posterior.choose(ndtr(scores.reshape(-1))), size)
        if effective < FEWEST_DRAWS:
            wanted = _round_up(2 * FEWEST_DRAWS * size / max(effective, 1.0))
            raise GateError(
                f"{', '.join(found.ids)}: of the {size:,} posterior draws of the trend {name} only {effective:.0f} "
                f"agree with the evidence, too few to tell an interval; give the trend draws = {wanted} or more, "
                "or add what was seen as a row of its series"
            )
        details.setdefault("trend_draws", {})[name] = [round(effective), size]
        if effective < size / 2:  # the evidence is about this trend, whose draws then set the error
            left = min(left, effective)
    some = found.scores[:, :, :_SOME]
    values = seen.values(some.reshape(len(part.inputs), -1))
    rest = {id: given_the_rest(term, values[term.target]) for id, term in seen.each.items()}
    bits = math.inf
    if not part.exact and math.isfinite(found.log_evidence):
        # Kullback-Leibler divergence of the posterior from the prior: posterior mean of log (likelihood / evidence)
        log = np.sum([log_likelihood(term, values[term.target]) for term in seen.terms], axis=0)
        bits = max(0.0, (float(log.mean()) - found.log_evidence) / math.log(2))
    return replace(found, details=details, left=left, rest=rest, bits=bits)


def draws_left(index: Array, count: int) -> float:
    """How many equally probable draws a choice of draws is worth: one over the probability that two are the same.

    Parameters
    ----------
    index : ndarray (world,) of int
        The draw of each world.
    count : int
        Draws in all.

    Examples
    --------
    >>> draws_left(np.arange(100_000) % 50, 1000).__round__()
    50
    """
    times = np.bincount(index, minlength=count).astype(float)
    alike = float((times * (times - 1)).sum())
    return min(float(count), index.size * (index.size - 1) / alike) if alike else float(count)


def _round_up(number: float) -> int:
    """To one digit, so that nobody takes it for exact."""
    size: int = 10 ** math.floor(math.log10(number))
    return math.ceil(number / size) * size

"""The observed quantities of a part as one function of its normal scores, and what was seen of them as a likelihood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import Problem, StudyError
from forecast.evidence.likelihood import Term, ends, log_likelihood, measured, term_of, together
from forecast.evidence.observation import Observation
from forecast.evidence.parts import Part
from forecast.fits import Say, curve_values, posterior_of
from forecast.graph import YEAR, ancestors, evaluate
from forecast.study import Study

Array = np.ndarray


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
    axes : dict of tuple of float to tuple of str
        Year axes, and the targets that are evaluated on each.
    records : bool
        Whether a running record is among what they follow from, which costs more than all else.
    """

    targets: tuple[str, ...]
    terms: tuple[Term, ...]
    each: dict[str, Term]
    values: Callable[[Array], dict[str, Array]]
    axes: dict[tuple[float, ...], tuple[str, ...]]
    records: bool

    @property
    def longest(self) -> int:
        """Years of the longest axis."""
        return max(map(len, self.axes), default=1)


def observed(study: Study, part: Part, say: Say | None = None) -> Observed:
    """The likelihood of a part's observations as a function of its normal scores.

    Quantities are evaluated on the main report's years, whatever the years of a run, so that "never" means the same
    everywhere; what was seen at another year, on an axis that has that year too.

    Raises
    ------
    StudyError
        A year where none belongs, none where one does, or an exact value of a quantity that takes any.
    """
    sampled = [seen for seen in part.observations if seen not in part.exact]
    targets = {seen.target: (seen.quantity, seen.year) for seen in sampled}
    axes = _axes(study, targets)
    pilot = part.scores(np.random.default_rng(20231).standard_normal((part.spread.shape[1], 256)))
    arrays: dict[str, Array] = {}
    problems: list[Problem] = []
    for years, group in axes.items():
        found = function_of(study, part.inputs, [targets[target][0] for target in group], years, say)(pilot)
        for seen in sampled:
            if seen.target in group and _has_its_year(seen, found[seen.quantity], problems):
                arrays[seen.target] = _at(found[seen.quantity], seen.year, years)
    if problems:
        raise StudyError(problems)
    each = {}
    for seen in sampled:
        x = arrays[seen.target]
        separate = _takes_separate_values(study, seen.quantity, x)
        if seen.value is not None and seen.value.marginal.atoms[0].size and not separate:
            problems.append(_impossibly_exact(seen))
            continue
        each[seen.id] = measured(term_of(seen, separate), x)
        if seen.quantity in study.priors and (never := _never(study, seen, each[seen.id])):
            problems.append(never)
    if problems:
        raise StudyError(problems)
    axes = _shortened(study, part, targets, axes, arrays, pilot)
    functions = {
        years: function_of(study, part.inputs, [targets[target][0] for target in group], years, say)
        for years, group in axes.items()
    }

    def values(scores: Array) -> dict[str, Array]:
        found, count = {}, scores.shape[1]
        for years, group in axes.items():
            quantities = functions[years](scores)
            for target in group:
                name, year = targets[target]
                found[target] = np.broadcast_to(_at(quantities[name], year, years), (count,))
        return found

    needed = ancestors([name for name, _ in targets.values()], study.functions)
    records = any(curve.part == "record" and curve.name in needed for curve in study.curves.values())
    return Observed(tuple(targets), together([each[seen.id] for seen in sampled]), each, values, axes, records)


def _has_its_year(seen: Observation, array: Array, problems: list[Problem]) -> bool:
    has = array.ndim == 2
    if has and seen.year is None:
        what = f"{seen.quantity} has a year axis and the observation no year"
        problems.append(Problem(seen.place, what, f"name the year: {seen.quantity}@2023"))
    elif not has and seen.year is not None:
        what = f"{seen.quantity} has no year axis (found {seen.year:g})"
        problems.append(Problem(seen.place, what, "leave the year out"))
    return has == (seen.year is not None)


def _impossibly_exact(seen: Observation) -> Problem:
    if seen.exact:
        error = "--error 2%" if seen.place.startswith("--") else 'error = "2%"'
        return Problem(
            seen.place,
            f"an exact value of a derived quantity has probability zero ({seen.text})",
            f'say how exact it is: {error}, or an interval such as "77M to 79M"',
        )
    return Problem(
        seen.place,
        f"a measurement with separate values, of a quantity that takes any, has probability zero ({seen.text})",
        'say what was measured as an interval, such as "60M to 120M"',
    )


def _never(study: Study, seen: Observation, term: Term) -> Problem | None:
    """The problem that a prior has no value that agrees with an observation, if so it is."""
    prior = study.priors[seen.quantity].distribution
    low, high = prior.support
    what = f"runs from {low:g} to {high:g}"
    if prior.is_discrete:
        values = prior.marginal.atoms[0]
        what = f"has the values {', '.join(f'{x:g}' for x in values[:6])}{', …' if len(values) > 6 else ''}"
        if len(values) == 1:
            what = f"is {values[0]:g}"
        possible = bool(np.isfinite(log_likelihood(term, values)).any())
    else:
        first, last = ends(term)
        possible = first <= high and low <= last
    if possible:
        return None
    return Problem(
        seen.place,
        f"is impossible: the prior of {seen.quantity} {what} ({seen.text})",
        "change the prior, or give the observation an error",
    )


def _at(array: Array, year: float | None, years: Sequence[float]) -> Array:
    if year is None:
        return array
    row: Array = array[list(years).index(year) if len(array) > 1 else 0]
    return row


def _takes_separate_values(study: Study, name: str, x: Array) -> bool:
    prior = study.priors.get(name)
    if prior is not None:
        return prior.distribution.is_discrete or prior.distribution.marginal.atoms[0].size > 0
    return len(np.unique(x)) <= 64


def _axes(study: Study, targets: Mapping[str, tuple[str, float | None]]) -> dict[tuple[float, ...], tuple[str, ...]]:
    """Which targets are evaluated on which year axis: the main report's, or that and the other years observed."""
    home = study.axis
    wide = tuple(sorted({*home, *(year for _, year in targets.values() if year is not None)}))
    axes: dict[tuple[float, ...], tuple[str, ...]] = {}
    for target, (_, year) in targets.items():
        years = home if year is None or year in home else wide
        axes[years] = (*axes.get(years, ()), target)
    return axes


def _shortened(
    study: Study, part: Part, targets: Mapping[str, tuple[str, float | None]],
    axes: Mapping[tuple[float, ...], tuple[str, ...]], arrays: Mapping[str, Array], pilot: Array,
) -> dict[tuple[float, ...], tuple[str, ...]]:  # fmt: skip
    """The observed years alone, for quantities that come out the same on that axis."""
    out: dict[tuple[float, ...], tuple[str, ...]] = {}
    for years, group in axes.items():
        at_years = tuple(target for target in group if targets[target][1] is not None)
        few = tuple(sorted({year for target in at_years if (year := targets[target][1]) is not None}))
        if few and len(few) < len(years):
            found = function_of(study, part.inputs, [targets[target][0] for target in at_years], few)(pilot)
            same = {t for t in at_years if _alike(_at(found[targets[t][0]], targets[t][1], few), arrays[t])}
            if same:
                out[few] = (*out.get(few, ()), *(target for target in at_years if target in same))
                group = tuple(target for target in group if target not in same)
        if group:
            out[years] = (*out.get(years, ()), *group)
    return out


def _alike(one: Array, other: Array) -> bool:
    """Equal but for where an iteration started and when it stopped, which is far below any error of measurement."""
    return bool(np.allclose(one, other, rtol=1e-4, atol=0.0))


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

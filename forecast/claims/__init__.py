"""Published claims, evaluated through the study's own quantities: holds, flagged or superseded.

A claim sets inputs and never supplies code. Its verdict is computed: it *holds* if our figure agrees with the printed
one to the printed digits (or to a stated tolerance with its reason), it is *flagged* if the stated inputs give
something else, and *superseded* if what came later, evaluated in the same way, excludes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forecast.claims.claim import BOUNDS, CARD, POINTS, QUANTILES, TRIPLES, Claim
from forecast.claims.printed import say
from forecast.claims.scenarios import point, scenario, uncertain, worlds_of
from forecast.claims.verdict import agrees, tolerances
from forecast.errors import Problem, StudyError, UsageError, nearest
from forecast.quantile import card, means, quantiles
from forecast.result import Forecast
from forecast.sampling import Request, request_of
from forecast.study import Study
from forecast.units import conversion


@dataclass(frozen=True)
class Result:
    """A claim beside what the study computes for it.

    Parameters
    ----------
    claim : Claim
    ours : tuple of float
        In the unit of the published figures, as many as they are read as.
    unit : str
    tolerance : tuple of float
        Largest difference that agrees, for each figure.
    verdict : str
    follows : bool
        Whether the figure follows from its inputs, whatever came later.
    later : tuple of float
        The 90% interval of what came later, in the same unit; empty where nothing did.
    also : mapping of str to str
        Further quantities of the same scenario.
    data : str
        The rows a fit was made on.
    """

    claim: Claim
    ours: tuple[float, ...]
    unit: str
    tolerance: tuple[float, ...]
    verdict: str
    follows: bool
    later: tuple[float, ...] = ()
    also: Mapping[str, str] = field(default_factory=dict)
    data: str = ""

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the claim's file expects."""
        return self.verdict == self.claim.expected

    @property
    def differences(self) -> tuple[float, ...]:
        """Ours over published less 1, for each figure; empty where the reading has no such thing."""
        published = [figure.value for figure in self.claim.published]
        if self.claim.reading in (*BOUNDS, "consistent") or not all(published):
            return ()
        return tuple(x / p - 1 for x, p in zip(self.ours, published, strict=False))

    @property
    def told(self) -> str:
        """Our figures as text, in the style of the published ones."""
        claim = self.claim
        like = claim.published
        if len(self.ours) == 1:
            return say(self.ours[0], like[0], self.unit, more=2 if claim.reading in BOUNDS else 1)
        styles = like if len(like) == 3 else (like[0],) * 3
        middle, low, high = (say(x, p, self.unit) for x, p in zip(self.ours, styles, strict=True))
        return f"{middle} ({low} to {high})"

    @property
    def published(self) -> str:
        """The published figures as text."""
        texts = [figure.text for figure in self.claim.published]
        if len(texts) == 3:
            return f"{texts[0]} ({texts[1]} to {texts[2]})"
        return " to ".join(texts)


def evaluate_study(study: Study, wanted: Sequence[str] = ()) -> tuple[Result, ...]:
    """Evaluate the claims of a study's files (``reports/claims/*.toml``), all of them or those named.

    Parameters
    ----------
    study : Study
    wanted : sequence of str
        Ids as `choose` reads them.

    Raises
    ------
    StudyError
        Everything that is wrong with the files and with what their claims ask of the study, at once.
    UsageError
        No claim has such an id.
    """
    from forecast.claims.files import scan_claims

    claims, problems = scan_claims(study.path)
    try:
        results = evaluate_claims(study, claims if problems else choose(claims, wanted))
    except StudyError as error:
        raise StudyError((*problems, *error.problems)) from None
    if problems:
        raise StudyError(problems)
    return results


def evaluate_claims(study: Study, claims: Iterable[Claim]) -> tuple[Result, ...]:
    """Evaluate claims through a study, without its evidence.

    Parameters
    ----------
    study : Study
        What was observed is left out: a claim is about what its document's own inputs give, and what is not among them
        is what the study believes without having seen anything.
    claims : iterable of Claim

    Returns
    -------
    tuple of Result
        In the same order.

    Raises
    ------
    StudyError
        A claim that names what the study does not have, or leaves uncertain what it reads as a point; all at once.
    """
    runs: dict[Any, Forecast] = {}
    results: list[Result] = []
    problems: list[Problem] = []
    for claim in claims:
        try:
            results.append(evaluate_claim(study, claim, runs))
        except StudyError as error:
            problems.extend(_placed(problem, claim.place) for problem in error.problems)
        except UsageError as error:
            problems.append(Problem(claim.place, str(error)))
    if problems:
        raise StudyError(problems)
    return tuple(results)


def _placed(problem: Problem, place: str) -> Problem:
    """A problem that says in which claim it came up."""
    if place in problem.place:
        return problem
    if problem.place.startswith(("priors/", "models/")):  # the study's own file is the better place
        return replace(problem, what=f"{problem.what}, with the inputs of {place}")
    return replace(problem, place=f"{place} {problem.place}".strip())


def evaluate_claim(study: Study, claim: Claim, runs: dict[Any, Forecast] | None = None) -> Result:
    """Evaluate one claim through a study, without the study's evidence.

    Parameters
    ----------
    study : Study
    claim : Claim
    runs : dict, optional
        Scenarios that other claims share; those of this one are added.

    Returns
    -------
    Result

    Raises
    ------
    StudyError
        The claim names what the study does not have, or leaves uncertain what it reads as a point.
    """
    runs = {} if runs is None else runs
    study = study.with_evidence(()) if study.evidence else study
    data = ""
    unit = claim.unit
    varied = _scenario(study, claim)
    if claim.fit is not None:
        from forecast.claims.fits import statistic

        scale = point(varied, Request(claim.fit.x_per), claim.place) if claim.fit.x_per else 1.0
        ours, data = statistic(claim.fit, varied, scale, f"{claim.place} fit")
    else:
        request = request_of(claim.quantity)
        unit = claim.unit or study.labels[request.name]
        ours = _figures(study, varied, claim, request, runs)
    tolerance = tolerances(claim)
    follows = agrees(claim, ours, tolerance)
    later: tuple[float, ...] = ()
    verdict = "holds" if follows else "flagged"
    if claim.later is not None:
        after = scenario(study, claim.later.given, {}, f"{claim.place} later")
        later = _interval(after, claim, unit, runs)
        slack = tolerance[0]
        if not later[1] - slack <= claim.published[0].value <= later[2] + slack:
            verdict = "superseded"
    also = {name: _also(varied, name, claim.place, runs) for name in claim.also}
    return Result(claim, ours, unit, tolerance, verdict, follows, later, also, data)


def _scenario(study: Study, claim: Claim) -> Study:
    """The study with the claim's inputs; what it names wrongly is told at once."""
    problems: list[Problem] = []
    for name in filter(None, (claim.quantity, *claim.also, claim.later.quantity if claim.later else "")):
        try:
            study.definition(request_of(name).name)
        except UsageError as error:
            problems.append(Problem(claim.place, str(error)))
    try:
        varied = scenario(study, claim.given, claim.dependence, claim.place)
    except StudyError as error:
        problems.extend(error.problems)
    if problems:
        raise StudyError(problems)
    return varied


def _figures(
    study: Study, varied: Study, claim: Claim, request: Request, runs: dict[Any, Forecast]
) -> tuple[float, ...]:
    factor = conversion(study.units, study.labels[request.name], claim.unit, claim.place) if claim.unit else 1.0
    if claim.reading == "end points":
        found = []
        for i in range(3):
            at = {name: values[i] for name, values in claim.ends.items()}
            found.append(point(scenario(varied, at, {}, claim.place), request, claim.place) * factor)
        return tuple(found)
    open_inputs = uncertain(varied, request)
    if claim.reading in POINTS or not open_inputs:
        figure = point(varied, request, claim.place) * factor
        return (figure,) * (3 if claim.reading in TRIPLES else 1)  # an interval of no width is no published one
    draws = worlds_of(varied, request, claim.dependence, runs) * factor
    low, median, high = map(float, quantiles(draws, [0.05, 0.5, 0.95]).value)
    if claim.reading == CARD:
        mean, below, above = map(float, card(draws).value)
        return mean, below, above
    mean = float(means(draws).value)
    if claim.reading == "mean":
        return (mean,)
    if claim.reading in (QUANTILES, "consistent"):
        return median, low, high
    return (mean, low, high) if claim.reading.startswith("mean and") else (median,)


def _interval(varied: Study, claim: Claim, unit: str, runs: dict[Any, Forecast]) -> tuple[float, ...]:
    assert claim.later is not None
    request = request_of(claim.later.quantity)
    varied.definition(request.name)
    factor = conversion(varied.units, varied.labels[request.name], unit, claim.place) if unit else 1.0
    if not uncertain(varied, request):
        return (point(varied, request, claim.place) * factor,) * 3
    low, median, high = map(float, quantiles(worlds_of(varied, request, {}, runs) * factor, [0.05, 0.5, 0.95]).value)
    return median, low, high


def _also(study: Study, name: str, place: str, runs: dict[Any, Forecast]) -> str:
    request = request_of(name)
    study.definition(request.name)
    unit = study.labels[request.name]
    if not uncertain(study, request):
        return " ".join(filter(None, (say(point(study, request, place), unit=unit), unit)))
    low, median, high = map(float, quantiles(worlds_of(study, request, {}, runs), [0.05, 0.5, 0.95]).value)
    return " ".join(
        filter(None, (f"{say(median, unit=unit)} (90%: {say(low, unit=unit)} to {say(high, unit=unit)})", unit))
    )


def choose(claims: Sequence[Claim], wanted: Sequence[str]) -> tuple[Claim, ...]:
    """The claims named by their ids; ``L1`` means all its parts and ``L`` all of its letter; all where none is named.

    Raises
    ------
    UsageError
        No claim has such an id; every one that is unknown is told.
    """
    chosen: list[Claim] = []
    unknown = []
    for name in wanted:
        found = [claim for claim in claims if name.lower() in _names(claim)]
        if not found:
            known = sorted({part for claim in claims for part in (claim.id, claim.id.partition(".")[0])})
            close = nearest(name, known)
            unknown.append(f"no claim has the id '{name}'; {close or 'forecast claims lists them'}")
        chosen.extend(found)
    if unknown:
        raise UsageError("\n".join(unknown))
    return tuple({claim.id: claim for claim in chosen}.values()) if wanted else tuple(claims)


def _names(claim: Claim) -> set[str]:
    """What a claim answers to: its id, the claim it is a part of, and the letter of its document."""
    whole = claim.id.partition(".")[0]
    return {name.lower() for name in (claim.id, whole, whole.rstrip("0123456789")) if name}

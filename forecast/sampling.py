"""Quantities in possible worlds: the design of a run, and the graph evaluated in blocks of worlds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecast.errors import StudyError, UsageError
from forecast.fits import all_behind, all_coordinates, curve_values, posterior_of, trends_behind, wanted_coordinates
from forecast.graph import YEAR, ancestors, evaluate
from forecast.quantile.direction import MOST, Moved, Normals
from forecast.study import Study
from forecast.study.priors import Prior
from forecast.worlds import Design, scores
from forecast.worlds.rotation import aimed

PILOT = 512  # worlds that show which directions matter, before the worlds that count


@dataclass(frozen=True)
class Request:
    """A quantity to report, at one year of its axis or over all of it.

    Parameters
    ----------
    name : str
    year : float or None
    """

    name: str
    year: float | None = None

    def __str__(self) -> str:
        return self.name if self.year is None else f"{self.name}@{self.year:g}"


def request_of(text: str) -> Request:
    """A quantity, or one at a year, as text.

    Raises
    ------
    UsageError
        What follows the ``@`` is no number.

    Examples
    --------
    >>> request_of("run_cost@2030")
    Request(name='run_cost', year=2030.0)
    """
    name, _, year = text.partition("@")
    try:
        return Request(name.strip(), float(year) if year else None)
    except ValueError:
        raise UsageError(f"'{text}' does not name a year ({year}); write {name}@2030") from None


def sample(
    study: Study,
    design: Design,
    names: Iterable[str],
    years: Sequence[float],
    start: int,
    stop: int,
    block: int = 16384,
    threads: int = 1,
) -> dict[str, np.ndarray]:
    """Evaluate quantities in the worlds start to stop - 1 of every chain.

    Parameters
    ----------
    study : Study
    design : Design
    names : iterable of str
        Quantities; ``name@year`` keeps that year alone.
    years : sequence of float
        The year axis.
    start, stop : int
        Draws of each chain.
    block : int
        At most how many worlds to evaluate at a time, so that arrays stay in the cache; the result does not depend on
        it.
    threads : int
        The result does not depend on it.

    Returns
    -------
    dict of str to array ``(chain, draw)`` or ``(year, chain, draw)``
        Under the names as given, in each quantity's own unit.

    Raises
    ------
    StudyError
        A model fails.
    UsageError
        A year is asked of a quantity that has no year axis.
    """
    requests = {name: request_of(name) for name in names}
    plan = _plan(study, design, [request.name for request in requests.values()])
    part, chains = plan.scores_of(design), design.chains
    axis = np.asarray(years, dtype=float).reshape(-1, 1)
    # A running record costs more to start than arrays out of the cache cost to read.
    size = _block(block, len(axis) if YEAR in plan.needed and not plan.trends else 1, chains)
    starts = range(start - start % size, stop, size)
    firsts = [max(start, first) for first in starts]
    whole: dict[str, np.ndarray] = {}

    def evaluate_block(first: int) -> None:
        last = min(stop, first + size)
        count = chains * (last - first)
        z = list(scores(part, first, last).reshape(len(part.inputs), count))
        values = plan.values(z, axis, count)
        for name, request in requests.items():
            array = _slice(values[request.name], request, years, request.name in study.replaced)
            shape = array.shape[:-1]
            if name not in whole:
                whole[name] = np.empty((*shape, chains, stop - start))
            into = whole[name][..., first - start : last - start]
            if array.shape[-1:] == (count,):
                array = array.reshape(*shape, chains, last - first)
            else:
                array = array.reshape(*shape, 1, 1)
            np.divide(array, study.factors[request.name], out=into)

    evaluate_block(firsts[0])  # which makes the arrays that the others fill
    if threads > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(evaluate_block, firsts[1:]))
    else:
        for first in firsts[1:]:
            evaluate_block(first)
    return whole


@dataclass(frozen=True, eq=False)
class _Plan:
    """What it takes to evaluate some quantities, given normal scores.

    Parameters
    ----------
    study : Study
    needed : frozenset of str
        The quantities and all that they follow from.
    uncertain : list of Prior
        Priors that have a score.
    coordinates : list of str
        Names of all that has a score: uncertain priors, then coordinates of trends.
    constants : dict of str to array
        Other priors, in base units.
    trends : dict of str to list of str
        For each trend that is needed, which of its curves are.
    """

    study: Study
    needed: frozenset[str]
    uncertain: list[Prior]
    coordinates: list[str]
    constants: dict[str, np.ndarray]
    trends: dict[str, list[str]]

    def scores_of(self, design: Design) -> Design:
        """The part of a design that gives these coordinates."""
        assert design.mixing is not None  # aim() always gives one
        rows = [design.inputs.index(name) for name in self.coordinates]
        return replace(design, inputs=tuple(self.coordinates), mixing=design.mixing[rows])

    def values(self, z: Sequence[np.ndarray], axis: np.ndarray, worlds: int) -> dict[str, np.ndarray]:
        """Everything needed, in base units, from scores (world,) by coordinate and the years (year, 1)."""
        study, score = self.study, dict(zip(self.coordinates, z, strict=True))
        values: dict[str, np.ndarray] = {YEAR: axis, **self.constants}
        for prior in self.uncertain:
            value = prior.distribution.from_normal(score[prior.name])
            factor = study.factors[prior.name]
            values[prior.name] = value if factor == 1 else value * factor
        for trend, wanted in self.trends.items():
            values |= curve_values(study, posterior_of(study, trend), wanted, axis, score)
        sequence = [name for name in study.sequence if name in self.needed]
        return evaluate(study.functions, sequence, values, worlds, lambda name, value: _told(study, name, value))


def _plan(study: Study, design: Design, names: Iterable[str]) -> _Plan:
    needed = ancestors(names, study.functions)
    priors = [prior for prior in study.priors.values() if prior.name in needed]
    uncertain = [prior for prior in priors if prior.name in design.inputs]
    constants = {
        p.name: np.array([float(p.distribution.quantile(0.5)) * study.factors[p.name]])
        for p in priors
        if p not in uncertain
    }
    trends: dict[str, list[str]] = {}
    for curve in study.curves.values():
        if curve.name in needed:
            trends.setdefault(curve.trend, []).append(curve.name)
    coordinates = [*(prior.name for prior in uncertain), *wanted_coordinates(study, needed)]
    return _Plan(study, needed, uncertain, coordinates, constants, trends)


def _told(study: Study, name: str, value: float) -> str:
    """A value in base units as it stands in the study."""
    return f"{value / study.factors[name]:.4g} {study.labels[name]}".rstrip()


def _block(worlds: int, years: int, chains: int) -> int:
    """Draws of each chain in a block: a power of two, which Sobol points like, fewer where there are many years."""
    some = min(worlds, max(1024, 20 * worlds // years))
    return 1 << max(0, (some // chains).bit_length() - 1)


def _slice(array: np.ndarray, request: Request, years: Sequence[float], constant: bool) -> np.ndarray:
    """An array at the year that is asked for; what a scenario replaced is the same in every year."""
    if request.year is None:
        return array
    if array.ndim < 2:
        if constant:
            return array
        raise UsageError(f"{request.name} has no year axis; ask for {request.name} without @{request.year:g}")
    slice_: np.ndarray = array[list(years).index(request.year)]
    return slice_


def aim(
    study: Study,
    requests: Sequence[Request],
    axis: Sequence[float],
    seed: int,
    method: Literal["qmc", "mc"],
    block: int,
) -> Design:
    """The design of a run: every uncertain prior has a coordinate; those that reported quantities need come first."""
    behind = all_behind(study, (request.name for request in requests))
    uncertain = uncertain_inputs(study)
    used = behind.intersection(uncertain)
    inputs = tuple(sorted(uncertain, key=lambda name: name not in used))
    factor = copula(study, inputs)
    design = Design(inputs, seed, method, mixing=factor)
    if method != "qmc" or len(used) < 2:
        return design
    pilot = replace(design, seed=seed + 1, chains=1)
    values = sample(study, pilot, map(str, requests), axis, 0, PILOT, block)
    outputs = np.array([array.reshape(-1) for array in reported(values, requests)])
    coordinates = scores(replace(pilot, mixing=np.eye(len(inputs))), 0, PILOT)[:, 0]
    return aimed(design, coordinates, outputs, _follows(study, requests, values, inputs, factor))


def uncertain_inputs(study: Study) -> tuple[str, ...]:
    """Names of everything that has a normal score: priors that are not points, and the coordinates of trends."""
    priors = [prior.name for prior in study.priors.values() if prior.distribution.family != "point"]
    return (*priors, *all_coordinates(tuple(study.trends)))


def copula(study: Study, inputs: Sequence[str]) -> np.ndarray:
    """How independent coordinates make the inputs' normal scores, (input, coordinate), by the declared dependences."""
    pairs = {
        d.between: d.rank_correlation
        for d in study.dependences
        if d.rank_correlation and all(name in inputs for name in d.between)
    }
    if not pairs:
        return np.eye(len(inputs))
    from forecast.dependence import factor

    return factor(inputs, pairs).factor


def _follows(
    study: Study,
    requests: Sequence[Request],
    values: Mapping[str, np.ndarray],
    inputs: Sequence[str],
    factor: np.ndarray,
) -> np.ndarray:
    """Which coordinates each reported output can depend on, (output, coordinate)."""
    rows = []
    for request in requests:
        own = all_behind(study, [request.name])
        row = (factor[[name in own for name in inputs]] != 0).any(axis=0)
        rows.extend([row] * len(reported(values, [request])))
    return np.array(rows)


def normals_behind(
    study: Study, design: Design, requests: Sequence[Request], axis: Sequence[float], draws: int, block: int
) -> Normals | None:
    """The normal scores that outputs are functions of, for integrating along them (`forecast.quantile.conditional`).

    Parameters
    ----------
    study : Study
    design : Design
    requests : sequence of Request
        Outputs that are one number in each world.
    axis : sequence of float
        The year axis.
    draws : int
        Of each chain.
    block : int
        At most how many worlds to evaluate at a time.

    Returns
    -------
    Normals or None
        None for plain Monte Carlo, which stays plain. Inputs that evidence has moved have no normal scores: an output
        is integrated along its other ones. What follows from a fitted trend is said to follow nothing, since its error
        is that of having finitely many posterior draws.
    """
    if design.method != "qmc":
        return None
    behind = {
        name: set() if trends_behind(study, name) else all_behind(study, [name]) - set(design.given)
        for name in {request.name for request in requests}
    }
    follows = np.array([[name in behind[request.name] for name in design.inputs] for request in requests], dtype=bool)
    used = np.flatnonzero(follows.any(axis=0)) if follows.size else np.zeros(0, dtype=int)
    if not used.size:
        return None
    assert design.mixing is not None
    mixing = design.mixing[used]
    names = tuple(design.inputs[row] for row in used)
    found = scores(replace(design, inputs=names, mixing=mixing, given={}), 0, min(draws, MOST))
    own = [tuple(name for name in names if name in behind[request.name]) for request in requests]
    moved = [_moved(study, design, request, some, axis, block) for request, some in zip(requests, own, strict=True)]
    return Normals(found, mixing @ mixing.T, follows[:, used], moved)


def _moved(
    study: Study, design: Design, request: Request, names: Sequence[str], axis: Sequence[float], block: int
) -> Moved:
    """An output of worlds whose inputs `names` have other scores, and all others the same."""
    # What it is at one year needs no other year in most models; where it does, the error shows that.
    years = np.array(axis if request.year is None else [request.year], dtype=float).reshape(-1, 1)
    plan: list[_Plan] = []

    def moved(z: np.ndarray) -> np.ndarray | None:
        plan[:] = plan or [_plan(study, design, [request.name])]
        part = plan[0].scores_of(design)
        count = z.shape[-1]
        still = [name for name in part.inputs if name not in names]
        rest: dict[str, np.ndarray] = {}
        if still:
            fixed = scores(part, 0, count)
            rest = {name: np.broadcast_to(row, z.shape[1:]) for name, row in zip(part.inputs, fixed, strict=True)}
        own = [(z[names.index(name)] if name in names else rest[name]).reshape(-1) for name in part.inputs]
        out = np.empty(z[0].size)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of worlds that were never drawn
                for first in range(0, out.size, block):
                    some = [row[first : first + block] for row in own]
                    worlds = min(block, out.size - first)
                    array = plan[0].values(some, years, worlds)[request.name]
                    out[first : first + worlds] = array[0] if request.year is not None and array.ndim == 2 else array
        except StudyError:
            return None
        out /= study.factors[request.name]
        return out.reshape(z.shape[1:])

    return moved


def reported(values: Mapping[str, np.ndarray], requests: Iterable[Request]) -> list[np.ndarray]:
    """The arrays (chain, draw) that a run reports: one for each request, or one a year."""
    arrays: list[np.ndarray] = []
    for request in requests:
        array = values[str(request)]
        arrays.extend([array] if array.ndim == 2 else array)
    return arrays

"""Quantities in possible worlds: the design of a run, and the graph evaluated in blocks of worlds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from forecast.errors import UsageError
from forecast.fits import all_behind, all_coordinates, curve_values, posterior_of, wanted_coordinates
from forecast.graph import YEAR, ancestors, evaluate
from forecast.quantile.control import Normals
from forecast.study import Study
from forecast.worlds import Design, scores
from forecast.worlds.rotation import aimed

MOST_SCORES = 1 << 24  # numbers that control variates may keep: 128 MiB
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
    needed = ancestors((request.name for request in requests.values()), study.functions)
    sequence = [name for name in study.sequence if name in needed]
    priors = [prior for prior in study.priors.values() if prior.name in needed]
    uncertain = [prior for prior in priors if prior.name in design.inputs]
    trends = {
        trend: [curve.name for curve in study.curves.values() if curve.trend == trend and curve.name in needed]
        for trend in study.trends
    }
    posteriors = {trend: posterior_of(study, trend) for trend, wanted in trends.items() if wanted}
    coordinates = [*(prior.name for prior in uncertain), *wanted_coordinates(study, needed)]
    assert design.mixing is not None  # aim() always gives one
    rows = [design.inputs.index(name) for name in coordinates]
    part = replace(design, inputs=tuple(coordinates), mixing=design.mixing[rows])
    axis = np.asarray(years, dtype=float).reshape(-1, 1)
    chains = design.chains
    # A running record costs more to start than arrays out of the cache cost to read.
    size = _block(block, len(axis) if YEAR in needed and not posteriors else 1, chains)
    constants = {
        p.name: np.array([float(p.distribution.quantile(0.5)) * study.factors[p.name]])
        for p in priors
        if p not in uncertain
    }

    starts = range(start - start % size, stop, size)
    firsts = [max(start, first) for first in starts]
    whole: dict[str, np.ndarray] = {}

    def evaluate_block(first: int) -> None:
        last = min(stop, first + size)
        count = chains * (last - first)
        z = dict(zip(coordinates, scores(part, first, last).reshape(len(coordinates), count), strict=True))
        values: dict[str, np.ndarray] = {YEAR: axis, **constants}
        for prior in uncertain:
            value = prior.distribution.from_normal(z[prior.name])
            factor = study.factors[prior.name]
            values[prior.name] = value if factor == 1 else value * factor
        for trend, posterior in posteriors.items():
            values |= curve_values(study, posterior, trends[trend], axis, z)
        evaluate(study.functions, sequence, values, count, lambda name, value: _told(study, name, value))
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


def normals_behind(study: Study, design: Design, outputs: Sequence[str], draws: int) -> Normals | None:
    """The normal scores that outputs are functions of, for a control variate (`forecast.quantile.control`).

    Parameters
    ----------
    study : Study
    design : Design
    outputs : sequence of str
        Names of quantities; one may stand several times, for several years.
    draws : int
        Of each chain.

    Returns
    -------
    Normals or None
        None for plain Monte Carlo, which stays plain, and where the scores would fill the memory. An output that
        follows from draws of a posterior is said to follow nothing: their scores are not normal.
    """
    if design.method != "qmc":
        return None
    rows = []
    for name in outputs:
        own = all_behind(study, [name])
        rows.append([False] * len(design.inputs) if own & set(design.given) else [n in own for n in design.inputs])
    follows = np.array(rows, dtype=bool).reshape(len(rows), len(design.inputs))
    used = np.flatnonzero(follows.any(axis=0))
    if not used.size or used.size * design.chains * draws > MOST_SCORES:
        return None
    assert design.mixing is not None
    mixing = design.mixing[used]
    part = replace(design, inputs=tuple(design.inputs[row] for row in used), mixing=mixing, given={})
    return Normals(scores(part, 0, draws), mixing @ mixing.T, follows[:, used])


def reported(values: Mapping[str, np.ndarray], requests: Iterable[Request]) -> list[np.ndarray]:
    """The arrays (chain, draw) that a run reports: one for each request, or one a year."""
    arrays: list[np.ndarray] = []
    for request in requests:
        array = values[str(request)]
        arrays.extend([array] if array.ndim == 2 else array)
    return arrays

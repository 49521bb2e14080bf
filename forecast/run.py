"""A study to a `Forecast`: plan the worlds, evaluate the graph in them, stop when the error is small enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast import dependence as copula
from forecast.errors import Problem, StudyError, UsageError, nearest
from forecast.graph import YEAR, ancestors, evaluate
from forecast.prior_files import Prior
from forecast.study import Study
from forecast.quantile import Estimate, means, prob_above, quantiles
from forecast.worlds import Design, aimed, scores

if TYPE_CHECKING:
    import xarray

PILOT = 512  # worlds that show which directions matter, before the worlds that count
FIRST, LAST = 1024, 1 << 17  # draws per chain: where doubling starts, and where it gives up


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


@dataclass(frozen=True)
class Interval:
    """An equal-tailed credible interval with its median, and their Monte Carlo standard errors.

    Parameters
    ----------
    low, median, high : float
    prob : float
        Probability between `low` and `high`.
    mcse_low, mcse_median, mcse_high : float
    unit : str
    """

    low: float
    median: float
    high: float
    prob: float
    mcse_low: float
    mcse_median: float
    mcse_high: float
    unit: str


@dataclass(frozen=True, eq=False)
class Forecast:
    """Quantities in possible worlds, from one design: position (chain, draw) of each belongs to the same world.

    Parameters
    ----------
    study : Study
        As it was run, scenario included.
    requests : tuple of Request
        What the run reports and was made precise for.
    years : tuple of float
        The year axis.
    design : Design
    draws : int
        Draws per chain.
    prob : float
    met : bool
        Whether every reported interval end is as precise as was asked.
    """

    study: Study
    requests: tuple[Request, ...]
    years: tuple[float, ...]
    design: Design
    draws: int
    prob: float
    met: bool
    block: int = 16384
    threads: int = 1
    _kept: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def values(self, name: str) -> np.ndarray:
        """Draws of a quantity in its own unit, as a numpy array.

        Parameters
        ----------
        name : str
            Any quantity of the study, reported or not.

        Returns
        -------
        array ``(chain, draw)`` or ``(year, chain, draw)``

        Raises
        ------
        UsageError
            No such quantity.
        """
        if name not in self._kept:
            self.study.definition(name)
            self._kept.update(sample(self.study, self.design, [name], self.years, 0, self.draws, self.block, self.threads))
        return self._kept[name]

    def has_years(self, name: str) -> bool:
        """Whether a quantity has a year axis."""
        if name in self._kept:
            return self._kept[name].ndim == 3
        self.study.definition(name)
        few = sample(self.study, self.design, [name], self.years[:2], 0, 1, self.block, 1)
        return few[name].ndim == 3

    def at(self, name: str, year: float | None = None) -> np.ndarray:
        """Draws ``(chain, draw)`` of a quantity, at a year where it has a year axis.

        Raises
        ------
        UsageError
            The year is missing, not on the axis, or asked of a quantity without one.
        """
        array = self.values(name)
        if array.ndim == 2:
            if year is not None:
                raise UsageError(f"{name} has no year axis; ask for {name} without @{year:g}")
            return array
        if year is None:
            raise UsageError(f"{name} has a year axis; ask for one year, such as {name}@{self.years[-1]:g}")
        if year not in self.years:
            raise UsageError(f"{year:g} is not on the year axis ({self.years[0]:g} to {self.years[-1]:g}); set years")
        return array[self.years.index(year)]

    def __getitem__(self, name: str) -> xarray.DataArray:
        """Draws of a quantity as a labelled array with dims ``(chain, draw[, year])``, its unit and its long name."""
        import xarray

        array = self.values(name)
        dims, coords = ["chain", "draw"], {"chain": np.arange(array.shape[-2]), "draw": np.arange(array.shape[-1])}
        if array.ndim == 3:
            array, dims = np.moveaxis(array, 0, -1), [*dims, YEAR]
            coords[YEAR] = _integers(self.years)
        definition = self.study.definition(name)
        return xarray.DataArray(
            array, dims=dims, coords=coords, name=name, attrs={"units": self.study.labels[name], "long_name": definition.label}
        )

    def __contains__(self, name: object) -> bool:
        return name in self.study.names

    def quantile(self, name: str, prob: float | Sequence[float], year: float | None = None) -> Estimate:
        """Quantiles of a quantity with their Monte Carlo standard errors.

        Parameters
        ----------
        name : str
        prob : float or sequence of float
            Probabilities in (0, 1).
        year : float, optional

        Returns
        -------
        Estimate
        """
        return quantiles(self.at(name, year), np.atleast_1d(prob))

    def interval(self, name: str, prob: float | None = None, year: float | None = None) -> Interval:
        """Equal-tailed credible interval and median of a quantity.

        Parameters
        ----------
        name : str
            A quantity, or ``name@year``.
        prob : float, optional
            Probability inside the interval; the run's where left out.
        year : float, optional

        Returns
        -------
        Interval

        Examples
        --------
        >>> result.interval("crossing_year", prob=0.9)                    # doctest: +SKIP
        """
        request = _request(name)
        prob = self.prob if prob is None else prob
        if not 0 < prob < 1:
            raise UsageError(f"prob is not between 0 and 1 ({prob}); write 0.9 for 90%")
        draws = self.at(request.name, request.year if year is None else year)
        return _interval(draws, prob, self.study.labels[request.name])

    def mean(self, name: str, year: float | None = None) -> Estimate:
        """Mean of a quantity with its Monte Carlo standard error; heavy tails are flagged."""
        return means(self.at(name, year))

    def prob_above(self, name: str, value: float, year: float | None = None) -> Estimate:
        """Probability that a quantity exceeds a value (in its own unit), with its Monte Carlo standard error."""
        return prob_above(self.at(name, year), value)

    def crossed_by(self, name: str, year: float) -> Estimate:
        """Probability that a crossing year is `year` or earlier, with its Monte Carlo standard error."""
        return prob_above(-self.at(name), -np.nextafter(year, np.inf))

    def bands(self) -> dict[str, dict[float, Interval]]:
        """Intervals of the reported quantities over a declared dependence of −1, 0 and +1.

        Returns
        -------
        dict of str to dict of float to Interval
            For each request that follows from both ends of a dependence declared with ``band = true``.
        """
        found: dict[str, dict[float, Interval]] = {}
        for declared in self.study.dependences:
            if not declared.band or any(name not in self.study.priors for name in declared.between):
                continue
            both = set(declared.between)
            affected = [r for r in self.requests if both <= ancestors([r.name], self.study.functions)]
            if not affected:
                continue
            for correlation in (-1.0, 0.0, 1.0):
                if correlation == declared.rank_correlation:
                    result = self
                else:
                    other = self.study.with_dependence(declared.between, correlation)
                    result = run(
                        other, [str(r) for r in affected], years=self.years, seed=self.design.seed, prob=self.prob,
                        method=self.design.method, draws=self.draws * self.design.chains, block=self.block, threads=self.threads,
                    )  # fmt: skip
                for request in affected:
                    found.setdefault(str(request), {})[correlation] = result.interval(str(request), self.prob)
        return found


def run(
    study: Study,
    quantities: Sequence[str] | None = None,
    *,
    years: Sequence[float] | None = None,
    draws: int | None = None,
    seed: int | None = None,
    prob: float | None = None,
    method: str = "qmc",
    precision: float = 0.005,
    block: int = 16384,
    threads: int = 1,
) -> Forecast:
    """Draw possible worlds and evaluate a study in each: see `Study.run`."""
    report = study.main
    axis = tuple(float(year) for year in (report.years if years is None else years)) or tuple(map(float, range(2020, 2051)))
    requests = tuple(_request(text) for text in (report.quantities if quantities is None else quantities))
    prob = report.prob if prob is None else prob
    seed = report.seed if seed is None else seed
    _check_call(study, requests, axis, prob, seed, method, draws, precision)
    # A quantity with a year axis and no year named is reported at each year.
    names = list(dict.fromkeys(request.name for request in requests))
    design = _aim(study, names, requests, axis, seed, method, block)
    chains = design.chains
    if draws is not None:
        per_chain = -(-draws // chains)
        if method == "qmc":
            per_chain = 1 << max(0, (per_chain - 1).bit_length())  # Sobol points are balanced in powers of two
        kept = sample(study, design, names, axis, 0, per_chain, block, threads)
        return Forecast(study, requests, axis, design, per_chain, prob, True, block, threads, kept)
    per_chain, met = FIRST, False
    kept = sample(study, design, names, axis, 0, per_chain, block, threads)
    while True:
        met = all(_precise(array, prob, precision) for array in _reported(kept, requests, axis))
        if met or per_chain >= LAST:
            break
        more = sample(study, design, names, axis, per_chain, 2 * per_chain, block, threads)
        kept = {name: np.concatenate([kept[name], more[name]], axis=-1) for name in kept}
        per_chain *= 2
    return Forecast(study, requests, axis, design, per_chain, prob, met, block, threads, kept)


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
    years : sequence of float
        The year axis.
    start, stop : int
        Draws of each chain.
    block : int
        About how many worlds to evaluate at a time; the result does not depend on it.
    threads : int
        The result does not depend on it.

    Returns
    -------
    dict of str to array ``(chain, draw)`` or ``(year, chain, draw)``
        In each quantity's own unit.
    """
    names = list(names)
    needed = ancestors(names, study.functions)
    sequence = [name for name in study.sequence if name in needed]
    priors = [prior for prior in study.priors.values() if prior.name in needed]
    uncertain = [prior for prior in priors if prior.name in design.inputs]
    assert design.mixing is not None  # _aim always gives one
    rows = [design.inputs.index(prior.name) for prior in uncertain]
    part = replace(design, inputs=tuple(prior.name for prior in uncertain), mixing=design.mixing[rows])
    axis = np.asarray(years, dtype=float).reshape(-1, 1)
    chains, size = design.chains, max(1, block // design.chains)
    constants = {p.name: np.array([p.distribution.median * study.factors[p.name]]) for p in priors if p not in uncertain}

    def evaluate_block(first: int) -> dict[str, np.ndarray]:
        last = min(stop, first + size)
        count = chains * (last - first)
        z = scores(part, first, last).reshape(len(uncertain), count)
        values: dict[str, np.ndarray] = {YEAR: axis, **constants}
        for prior, row in zip(uncertain, z, strict=True):
            value = prior.distribution.from_normal(row)
            factor = study.factors[prior.name]
            values[prior.name] = value if factor == 1 else value * factor
        evaluate(study.functions, sequence, values, count)
        return {name: _shaped(values[name] / study.factors[name], chains, last - first) for name in names}

    starts = range(start - start % size, stop, size)
    firsts = [max(start, first) for first in starts]
    if threads > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(evaluate_block, firsts))
    else:
        parts = [evaluate_block(first) for first in firsts]
    return {name: np.concatenate([p[name] for p in parts], axis=-1) for name in names}


def _shaped(array: np.ndarray, chains: int, draws: int) -> np.ndarray:
    shape = (*array.shape[:-1], chains * draws) if array.ndim else (chains * draws,)
    return np.broadcast_to(array, shape).reshape(*shape[:-1], chains, draws)


def _aim(
    study: Study, names: Sequence[str], requests: Sequence[Request], axis: Sequence[float], seed: int, method: str, block: int
) -> Design:
    """The design of a run: every uncertain prior has a coordinate, those that the reported quantities need come first."""
    needed = ancestors(names, study.functions)
    uncertain = [prior.name for prior in study.priors.values() if prior.distribution.family != "point"]
    inputs = tuple(sorted(uncertain, key=lambda name: name not in needed))
    pairs = {
        d.between: d.rank_correlation for d in study.dependences if d.rank_correlation and all(name in inputs for name in d.between)
    }
    factor = copula.factor(inputs, pairs).factor if pairs else np.eye(len(inputs))
    design = Design(inputs, seed, method, mixing=factor)
    used = sum(name in needed for name in inputs)
    if method != "qmc" or used < 2:
        return design
    pilot = replace(design, seed=seed + 1, chains=1)
    values = sample(study, pilot, names, axis, 0, PILOT, block)
    outputs = [array.reshape(-1) for array in _reported(values, requests, axis)]
    return aimed(design, scores(replace(pilot, mixing=np.eye(len(inputs))), 0, PILOT)[:, 0], np.array(outputs))


def _reported(values: Mapping[str, np.ndarray], requests: Iterable[Request], axis: Sequence[float]) -> list[np.ndarray]:
    """The arrays (chain, draw) that a run reports: one for each request, or one a year."""
    arrays = []
    for request in requests:
        array = values[request.name]
        if array.ndim == 2:
            arrays.append(array)
        elif request.year is not None:
            arrays.append(array[list(axis).index(request.year)])
        else:
            arrays.extend(array)
    return arrays


def _precise(draws: np.ndarray, prob: float, precision: float) -> bool:
    return precise_enough(quantiles(draws, np.array([0.5 - prob / 2, 0.5 + prob / 2])), precision)


def _interval(draws: np.ndarray, prob: float, unit: str) -> Interval:
    estimate = quantiles(draws, np.array([0.5 - prob / 2, 0.5, 0.5 + prob / 2]))
    low, median, high = map(float, estimate.value)
    return Interval(low, median, high, prob, *map(float, estimate.mcse), unit)


def _request(text: str) -> Request:
    name, _, year = text.partition("@")
    try:
        return Request(name.strip(), float(year) if year else None)
    except ValueError:
        raise UsageError(f"'{text}' does not name a year ({year}); write {name}@2030") from None


def _check_call(
    study: Study, requests: Sequence[Request], axis: Sequence[float], prob: float, seed: int, method: str, draws: int | None, precision: float
) -> None:
    problems = []
    for request in requests:
        if request.name not in study.names:
            hint = nearest(request.name, study.names) or "'forecast check' lists the quantities"
            problems.append(Problem("", f"the study has no quantity '{request.name}'", hint))
        if request.year is not None and request.year not in axis:
            problems.append(Problem("", f"{request.year:g} is not on the year axis ({axis[0]:g} to {axis[-1]:g})", "set years"))
    if not requests:
        problems.append(Problem("", "no quantity is asked for", "name one"))
    if any(b <= a for a, b in zip(axis, axis[1:], strict=False)):
        problems.append(Problem("", "the years do not ascend", "give years in ascending order"))
    if not 0 < prob < 1:
        problems.append(Problem("", f"prob is not between 0 and 1 ({prob})", "write 0.9 for 90%"))
    if seed < 0:
        problems.append(Problem("", f"seed is negative ({seed})", "give a whole number from 0 up"))
    if method not in ("qmc", "mc"):
        problems.append(Problem("", f"unknown method '{method}'", "use 'qmc' or 'mc'"))
    if draws is not None and not 64 <= draws <= 1 << 27:
        problems.append(Problem("", f"draws is not from 64 to 134,217,728 ({draws})", "65,536 is a good number"))
    if not 0 < precision < 1:
        problems.append(Problem("", f"precision is not between 0 and 1 ({precision})", "0.005 is the default"))
    if problems:
        raise UsageError("\n".join(str(p) for p in problems))


def _integers(years: Sequence[float]) -> np.ndarray:
    whole = all(year == int(year) for year in years)
    return np.array(years, dtype=int if whole else float)

"""A `Forecast`: quantities in possible worlds, and what can be asked of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.errors import UsageError
from forecast.fits import all_behind, batches, trends_behind
from forecast.graph import YEAR
from forecast.quantile import quantiles, quantiles_of_each
from forecast.quantile.mcse import Estimate, posterior_mcse
from forecast.quantile.mean import heavy_tailed, means, prob_of
from forecast.sampling import Request, normals_behind, request_of, sample
from forecast.study import Study
from forecast.summary import round_interval
from forecast.worlds import Design

if TYPE_CHECKING:
    import xarray

    from forecast.evidence.record import Update
    from forecast.evidence.shift import Shift
    from forecast.report.plots import Plots
    from forecast.sensitivity import Sensitivity


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

    def __str__(self) -> str:
        """As one would say it: ``2034.2 to 2055.7 (median 2040.0) [year], 90% credible``.

        Digits are those that the Monte Carlo standard errors support.
        """
        values, errors = (self.low, self.median, self.high), (self.mcse_low, self.mcse_median, self.mcse_high)
        low, median, high = round_interval(values, errors, self.unit)
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{low} to {high} (median {median}){unit}, {100 * self.prob:g}% credible"


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
    update : Update or None
        What evidence made of the study. With evidence, the worlds are those of the posterior: equally weighted, like
        any, so that whatever is computed from them is too.
    bands : dict of str to dict of float to Interval
        What `forecast.run.bands` has computed so far.
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
    update: Update | None = None
    bands: dict[str, dict[float, Interval]] = field(default_factory=dict, init=False, repr=False)
    _ends: dict[tuple[str, float | None], Estimate] = field(default_factory=dict, init=False, repr=False)

    def __repr__(self) -> str:
        """What was reported, a line each."""
        worlds = f"{self.draws * self.design.chains:,} worlds, {self.design.method}, seed {self.design.seed}"
        lines = [f"<Forecast of {self.study.name}: {worlds}>"]
        for request in self.requests:
            years = self.has_years(request.name) and request.year is None
            told = f"{self.years[0]:g} to {self.years[-1]:g}, by year" if years else str(self.interval(str(request)))
            lines.append(f"  {request}: {told}")
        return "\n".join(lines)

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
            self._kept.update(
                sample(self.study, self.design, [name], self.years, 0, self.draws, self.block, self.threads)
            )
        return self._kept[name]

    def has_years(self, name: str) -> bool:
        """Whether a quantity has a year axis."""
        if name in self._kept:
            return self._kept[name].ndim == 3
        self.study.definition(name)
        few = sample(self.study, self.design, [name], self.years[:2], 0, 1, self.block, 1)
        return few[name].ndim == 3

    def at(self, name: str, year: float | None = None) -> np.ndarray:
        """Draws ``(chain, draw)`` of a quantity in its own unit, at a year where it has a year axis.

        Parameters
        ----------
        name : str
            A quantity, or ``name@year``.
        year : float, optional

        Raises
        ------
        UsageError
            The year is missing, not on the axis, or asked of a quantity without one.
        """
        name, year = _place(name, year)
        slice_ = str(Request(name, year))
        if year is not None and slice_ in self._kept:
            return self._kept[slice_]
        array = self.values(name)
        if array.ndim == 2:
            if year is not None and name not in self.study.replaced:  # a scenario's value is that of every year
                raise UsageError(f"{name} has no year axis; ask for {name} without @{year:g}")
            return array
        if year is None:
            raise UsageError(f"{name} has a year axis; ask for one year, such as {name}@{self.years[-1]:g}")
        if year not in self.years:
            raise UsageError(f"{year:g} is not on the year axis ({self.years[0]:g} to {self.years[-1]:g}); set years")
        slice_of_year: np.ndarray = array[self.years.index(year)]
        return slice_of_year

    def __getitem__(self, name: str) -> xarray.DataArray:
        """Draws of a quantity as a labelled array with dims ``(chain, draw[, year])``, its unit and its long name.

        ``name@year`` gives those of one year.
        """
        request = request_of(name)
        year = request.year
        return self.labelled(request.name, self.values(name) if year is None else self.at(request.name, year))

    def labelled(self, name: str, array: np.ndarray) -> xarray.DataArray:
        """Draws ``([year,] chain, draw)`` of a quantity as `__getitem__` gives them."""
        import xarray

        dims, coords = ["chain", "draw"], {"chain": np.arange(array.shape[-2]), "draw": np.arange(array.shape[-1])}
        if array.ndim == 3:
            array, dims = np.moveaxis(array, 0, -1), [*dims, YEAR]
            coords[YEAR] = _integers(self.years)
        label = self.study.definition(name).label
        return xarray.DataArray(
            array, dims=dims, coords=coords, name=name, attrs={"units": self.study.labels[name], "long_name": label}
        )

    def first(self, names: Iterable[str], draws: int) -> dict[str, xarray.DataArray]:
        """Quantities in the first `draws` worlds of each chain, labelled, evaluated together."""
        count = min(draws, self.draws)
        found = sample(self.study, self.design, names, self.years, 0, count, self.block, self.threads)
        return {name: self.labelled(name, array) for name, array in found.items()}

    def __contains__(self, name: object) -> bool:
        return name in self.study.names

    def quantile(self, name: str, prob: float | Sequence[float], year: float | None = None) -> Estimate:
        """Quantiles of a quantity with their Monte Carlo standard errors.

        Parameters
        ----------
        name : str
            A quantity, or ``name@year``.
        prob : float or sequence of float
            Probabilities in (0, 1).
        year : float, optional
            Of a quantity with a year axis.

        Returns
        -------
        Estimate
            Values and errors, in the quantity's unit, with dims ``(prob,)``.

        Raises
        ------
        UsageError
            An unknown quantity, or a year that does not go with it.
        """
        return self._quantiles(Request(*_place(name, year)), np.atleast_1d(prob).tolist())

    def interval(self, name: str, prob: float | None = None, year: float | None = None) -> Interval:
        """Equal-tailed credible interval and median of a quantity.

        Parameters
        ----------
        name : str
            A quantity, or ``name@year``.
        prob : float, optional
            Probability inside the interval; the run's where left out.
        year : float, optional
            Of a quantity with a year axis.

        Returns
        -------
        Interval
            In the quantity's unit.

        Raises
        ------
        UsageError
            An unknown quantity, a year that does not go with it, or `prob` outside (0, 1).

        Examples
        --------
        >>> import forecast
        >>> result = forecast.open_study(forecast.starter()).run(["training_cost"], draws=1024)
        >>> cost = result.interval("training_cost", prob=0.8)
        >>> cost.low < cost.median < cost.high, cost.prob, cost.unit
        (True, 0.8, 'USD_2023')
        """
        name, year = _place(name, year)
        prob = self.prob if prob is None else prob
        if not 0 < prob < 1:
            raise UsageError(f"prob is not between 0 and 1 ({prob}); write 0.9 for 90%")
        self.at(name, year)  # which refuses what cannot be asked
        reported = self.reported_ends().get((name, year)) if prob == self.prob else None
        found = self._quantiles(Request(name, year), [0.5 - prob / 2, 0.5, 0.5 + prob / 2], reported)
        return _interval(found, prob, self.study.labels[name])

    def _quantiles(self, request: Request, probs: list[float], known: Estimate | None = None) -> Estimate:
        """Quantiles of a quantity (where known, from the worlds alone), with the error of the posteriors behind it."""
        draws = self.at(request.name, request.year)
        found = known
        if found is None:
            normals = normals_behind(self.study, self.design, [request], self.years, self.draws, self.block)
            found = quantiles(draws, probs, normals=normals)
        return self._with_posterior(request.name, draws, np.array(probs), found)

    def _with_posterior(self, name: str, draws: np.ndarray, probs: np.ndarray | None, found: Estimate) -> Estimate:
        """Quantiles, or a mean, with the error of having finitely many posterior draws of the trends behind them."""
        trends = trends_behind(self.study, name)
        if not trends:
            return found
        extra = posterior_mcse(draws, probs, [batches(self.study, self.design, trend, self.draws) for trend in trends])
        return Estimate(found.value, np.hypot(found.mcse, extra.reshape(found.mcse.shape)))

    def reported(self) -> dict[tuple[str, float | None], np.ndarray]:
        """Draws ``(chain, draw)`` of everything reported, by name and year, in the order of the requests."""
        arrays: dict[tuple[str, float | None], np.ndarray] = {}
        for request in self.requests:
            array = self._kept.get(str(request))
            if array is None:
                array = self.values(request.name) if request.year is None else self.at(request.name, request.year)
            if array.ndim == 2:
                arrays[request.name, request.year] = array
            else:
                arrays |= {(request.name, year): array[i] for i, year in enumerate(self.years)}
        return arrays

    def reported_ends(self) -> dict[tuple[str, float | None], Estimate]:
        """Low end, median and high end of everything reported, looked for together: that is quicker than one by one."""
        if not self._ends:
            arrays = self.reported()
            probs = [0.5 - self.prob / 2, 0.5, 0.5 + self.prob / 2]
            requests = [Request(*key) for key in arrays]
            normals = normals_behind(self.study, self.design, requests, self.years, self.draws, self.block)
            self._ends.update(zip(arrays, quantiles_of_each(list(arrays.values()), probs, normals), strict=True))
        return self._ends

    def judged(self, met: bool) -> Forecast:
        """The same forecast, said to be as precise as was asked, or not."""
        told = replace(self, met=met)
        told._ends.update(self._ends)  # which the judgement took
        return told

    def evaluated(self, names: Sequence[str] = (), years: Sequence[float] | None = None) -> Forecast:
        """The same worlds, without what is reported, and with these quantities evaluated together.

        Parameters
        ----------
        names : sequence of str
            ``name`` or ``name@year``: evaluated at once, which is quicker than one by one.
        years : sequence of float, optional
            Another year axis.

        Returns
        -------
        Forecast
        """
        axis = self.years if years is None else tuple(years)
        known = {text: self._kept[text] for text in names if axis == self.years and text in self._kept}
        missing = [text for text in names if text not in known]
        if missing:
            known |= sample(self.study, self.design, missing, axis, 0, self.draws, self.block, self.threads)
        return replace(self, requests=(), years=axis, _kept=known)

    def mean(self, name: str, year: float | None = None) -> Estimate:
        """Mean of a quantity (``name`` or ``name@year``) in its unit, with its Monte Carlo standard error.

        Warns
        -----
        RuntimeWarning
            A tail is so heavy that the mean converges slowly, and its error cannot be trusted.
        """
        name, year = _place(name, year)
        draws = self.at(name, year)
        if heavy_tailed(draws):
            told = f"{Request(name, year)} has a heavy tail: its mean converges slowly, and the error cannot be trusted"
            warnings.warn(f"{told}; use the median", RuntimeWarning, stacklevel=2)
        return self._with_posterior(name, draws, None, means(draws))

    def prob_above(self, name: str, value: float, year: float | None = None) -> Estimate:
        """Probability that a quantity exceeds a value, with its Monte Carlo standard error.

        Parameters
        ----------
        name : str
            A quantity, or ``name@year``.
        value : float
            In the quantity's unit.
        year : float, optional

        Examples
        --------
        >>> import forecast
        >>> result = forecast.open_study(forecast.starter()).run(["training_cost"], draws=1024)
        >>> median = result.interval("training_cost").median
        >>> round(float(result.prob_above("training_cost", median).value), 1)
        0.5
        """
        name, year = _place(name, year)
        above = self.at(name, year) > value
        return self._with_posterior(name, above, None, prob_of(above, bound=not self._is_certain(name)))

    def sensitivity(self, name: str, **options: Any) -> Sensitivity:
        """What drives a quantity (``name`` or ``name@year``), and what to learn next, from these worlds.

        Parameters
        ----------
        name : str
        **options
            ``above``, ``scale``, ``prob``, ``measure``: see `forecast.sensitivity.sensitivity`.

        Returns
        -------
        Sensitivity

        Examples
        --------
        >>> import forecast
        >>> result = forecast.open_study(forecast.starter()).run(["training_cost"], draws=8192)
        >>> drivers = result.sensitivity("training_cost")
        >>> drivers["chip_hour_price"].shapley.value > drivers["utilisation"].shapley.value
        True
        """
        from forecast.sensitivity import sensitivity  # upwards, for the method that users type

        return sensitivity(self, name, **options)

    def before(self) -> Forecast:
        """The same forecast without the evidence: the prior worlds of the same design."""
        study = self.study.with_evidence(())
        design = replace(self.design, given={})
        return Forecast(
            study, self.requests, self.years, design, self.draws, self.prob, self.met, self.block, self.threads
        )

    def shift(self, names: Sequence[str] | None = None, *, before: Forecast | None = None) -> tuple[Shift, ...]:
        """What the evidence moved, most first: prior against posterior of each quantity that it touches.

        Parameters
        ----------
        names : sequence of str, optional
            ``name`` or ``name@year``; what the run reports and what was observed where left out, with the priors that
            they follow from.
        before : Forecast, optional
            A run of the same study with other evidence, in place of the prior: what then moved is what the observations
            did that only one of the two has. Run both with one seed, and most of the Monte Carlo error drops out. Only
            what moved beyond four Monte Carlo standard errors is told, unless it is named.

        Returns
        -------
        tuple of Shift
            Medians and intervals before and after, the shift in standard deviations of what was before with its Monte
            Carlo error, bits of information.

        Raises
        ------
        UsageError
            `before` is of another study, scenario or year axis.

        Examples
        --------
        >>> one = study.observe("cost", "2 to 3", source="a", date="2024-01-01")           # doctest: +SKIP
        >>> two = one.observe("cost", "2.5 to 4", source="b", date="2024-02-01")           # doctest: +SKIP
        >>> two.run().shift(before=one.run())    # what the second one moved               # doctest: +SKIP
        """
        from forecast.evidence.shift import shifts  # late: few runs have evidence

        return shifts(self, names, before)

    @property
    def plot(self) -> Plots:
        """Figures: ``result.plot.fan("training_cost")``; matplotlib shows them in a notebook."""
        from forecast.report.plots import Plots  # upwards, for what users type

        return Plots(self)

    def _repr_html_(self) -> str:
        """The key figures as a table, for notebooks."""
        from forecast.report.notebook import summary  # upwards, for what notebooks call

        return summary(self)

    def is_crossing(self, name: str) -> bool:
        """Whether a quantity is the year of a first crossing, and not a time or a date that has the same unit."""
        function = self.study.functions.get(name)
        if function is None or self.study.labels[name] != YEAR or self.has_years(name):
            return False
        return "first_crossing" in function.call.__code__.co_names or bool(np.isinf(self.at(name)).any())

    def crossed_by(self, name: str, year: float) -> Estimate:
        """Probability that a crossing year is `year` or earlier, with its Monte Carlo standard error."""
        crossed = self.at(name) <= year
        return self._with_posterior(name, crossed, None, prob_of(crossed, bound=not self._is_certain(name)))

    def _is_certain(self, name: str) -> bool:
        """Whether a quantity follows from nothing uncertain, so that no world beyond those drawn could differ."""
        return not all_behind(self.study, [name]) & set(self.design.inputs)


def _place(name: str, year: float | None) -> tuple[str, float | None]:
    """The quantity and the year of a name, or a ``name@year``; a year that is given apart counts."""
    request = request_of(name)
    return request.name, request.year if year is None else year


def interval_of(draws: np.ndarray, prob: float, unit: str) -> Interval:
    """The interval of any draws ``(chain, draw)``, such as a difference of two quantities."""
    return _interval(quantiles(draws, np.array([0.5 - prob / 2, 0.5, 0.5 + prob / 2])), prob, unit)


def _interval(estimate: Estimate, prob: float, unit: str) -> Interval:
    low, median, high = map(float, estimate.value)
    mcse_low, mcse_median, mcse_high = map(float, estimate.mcse)
    return Interval(low, median, high, prob, mcse_low, mcse_median, mcse_high, unit)


def _integers(years: Sequence[float]) -> np.ndarray:
    whole = all(year == int(year) for year in years)
    return np.array(years, dtype=int if whole else float)

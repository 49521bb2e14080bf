"""From a forecast to its figures: which draws, which thresholds, which words. Figures themselves know no forecast."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.errors import UsageError, nearest
from forecast.graph import YEAR
from forecast.quantile import quantiles
from forecast.report import figures
from forecast.report.words import interval_words, signed
from forecast.result import Forecast, Interval
from forecast.run import bands
from forecast.sampling import Request, request_of, sample
from forecast.study import Study
from forecast.text import ends, percent, probability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from forecast.sensitivity import Effect, Sensitivity

FAN = (0.5, 0.8, 0.9)
DOTS = 50
DRAWN = 1024  # draws of each chain that a figure is drawn from; printed figures come from all of them
DRIVEN = 2048  # draws of each chain that drivers are read off
MOST_DRIVERS = 8
BEYOND = 10.0  # years that a fan chart goes on after the last reported one


@dataclass(frozen=True)
class Plots:
    """The figures of a forecast: ``result.plot.fan("training_cost")``.

    Parameters
    ----------
    forecast : Forecast
    """

    forecast: Forecast

    def fan(self, quantity: str) -> Figure:
        """Credible bands by year of a quantity that has a year axis."""
        name = request_of(quantity).name
        forecast = self.forecast
        if not forecast.has_years(name):
            raise UsageError(f"{name} has no year axis; a fan chart needs one (try dots or histogram)")
        years = self._fan_years(name)
        draws = few_draws(forecast, name, years)
        levels = [p for prob in FAN for p in (0.5 - prob / 2, 0.5 + prob / 2)]
        found = quantiles(draws, [*levels, 0.5]).value
        shown = [(prob, found[2 * i], found[2 * i + 1]) for i, prob in enumerate(FAN)]
        return figures.fan(
            years,
            shown,
            found[-1],
            title=self._title(name),
            unit=forecast.study.labels[name],
            thresholds=self._thresholds(name),
            points=data_of(forecast, name),
        )

    def crossing(self, quantity: str) -> Figure:
        """P(crossed by each year) of a crossing year, with the probability of never beside it."""
        forecast = self.forecast
        if not is_crossing(forecast, quantity):
            raise UsageError(
                f"{quantity} is no crossing year (its unit is not 'year', or it has a year axis); try histogram"
            )
        by = np.array([float(forecast.crossed_by(quantity, year).value) for year in forecast.years])
        never = forecast.prob_above(quantity, forecast.years[-1])
        ends_ = forecast.interval(quantity)
        levels = (0.5 - forecast.prob / 2, 0.5, 0.5 + forecast.prob / 2)
        marks = [
            (f"{percent(prob)} by {text}", year, prob)
            for text, year, prob in zip(
                ends(ends_, forecast.years), (ends_.low, ends_.median, ends_.high), levels, strict=True
            )
            if math.isfinite(year) and by[0] <= prob
        ]
        return figures.crossing(
            forecast.years,
            by,
            float(never.value),
            title=self._title(quantity),
            never_text=probability(never),
            marks=marks,
        )

    def dots(self, quantity: str, threshold: str | None = None) -> Figure:
        """Fifty dots of equal probability, those beyond a threshold in another colour."""
        forecast, request = self.forecast, request_of(quantity)
        values = dot_values(forecast, request)
        line = (threshold, threshold_value(forecast.study, request.name, threshold)) if threshold else None
        title = self._title(request.name, request.year)
        if line is not None:
            title += f": {dots_above(values, line[1])} of {DOTS} exceed {threshold}"
        first, last = forecast.years[0], forecast.years[-1]
        crossing = is_crossing(forecast, quantity)
        words = (f"by {first:g}", f"after {last:g}") if crossing else ("-inf", "inf")
        return figures.dots(
            values.tolist(), title=title, unit=forecast.study.labels[request.name], threshold=line, infinite=words
        )

    def histogram(self, quantity: str) -> Figure:
        """How the draws are spread."""
        request = request_of(quantity)
        draws = self.forecast.at(request.name, request.year)
        return figures.histogram(
            draws,
            title=self._title(request.name, request.year),
            unit=self.forecast.study.labels[request.name],
            thresholds=self._thresholds(request.name),
        )

    def tornado(self, quantity: str) -> Figure:
        """What drives a quantity: its median where each prior is low and where it is high."""
        return tornado_of(self.forecast, drivers(self.forecast, quantity))

    def band(self, quantity: str) -> Figure:
        """The interval over a dependence of -1, 0 and +1 that the study declares with ``band = true``."""
        found = bands(self.forecast).get(str(request_of(quantity)))
        if found is None:
            raise UsageError(f"no dependence declared with band = true bears on {quantity} as a reported quantity")
        return band_of(self.forecast, quantity, found)

    def _fan_years(self, name: str) -> tuple[float, ...]:
        """The years up to a while after the last one that is reported: far beyond it a band hides what is near."""
        asked = [r.year for r in self.forecast.requests if r.name == name and r.year is not None]
        years = self.forecast.years
        last = (
            max(asked) + BEYOND
            if asked and not any(r.name == name and r.year is None for r in self.forecast.requests)
            else years[-1]
        )
        return tuple(year for year in years if year <= last)

    def _title(self, name: str, year: float | None = None) -> str:
        return title_of(self.forecast, Request(name, year))

    def _thresholds(self, name: str) -> list[tuple[str, float]]:
        return list(self.forecast.study.thresholds.get(name, {}).items())


KINDS: Mapping[str, Callable[..., Any]] = {
    "fan": Plots.fan,
    "crossing": Plots.crossing,
    "dots": Plots.dots,
    "histogram": Plots.histogram,
    "tornado": Plots.tornado,
    "band": Plots.band,
}


def plot(forecast: Forecast, kind: str, quantity: str, threshold: str | None = None) -> Figure:
    """A figure by the name of its kind.

    Parameters
    ----------
    forecast : Forecast
    kind : str
        One of `KINDS`, or ``auto``: what shows the quantity best.
    quantity : str
        A name, or ``name@year``.
    threshold : str, optional
        For dots, such as ``1B USD_2023``.

    Raises
    ------
    UsageError
        No such kind, or one that does not suit the quantity.
    """
    request = request_of(quantity)
    forecast.study.definition(request.name)
    if kind == "auto":
        by_year = request.year is None and forecast.has_years(request.name)
        kind = "fan" if by_year else "crossing" if is_crossing(forecast, quantity) else "dots"
    if kind not in KINDS:
        raise UsageError(f"there is no figure '{kind}'; {nearest(kind, KINDS) or 'use ' + ', '.join(KINDS)}")
    if threshold is not None and kind != "dots":
        raise UsageError("a threshold goes with --kind dots")
    figure: Figure = KINDS[kind](Plots(forecast), quantity, *([threshold] if threshold else []))
    return figure


def few_draws(forecast: Forecast, name: str, years: Sequence[float]) -> np.ndarray:
    """The first draws of each chain of a quantity by year: enough for a figure."""
    count = min(DRAWN, forecast.draws)
    return sample(forecast.study, forecast.design, [name], years, 0, count, forecast.block, forecast.threads)[name]


def is_crossing(forecast: Forecast, quantity: str) -> bool:
    """Whether a quantity is a year in which something happens."""
    request = request_of(quantity)
    return request.year is None and forecast.is_crossing(request.name)


def title_of(forecast: Forecast, request: Request) -> str:
    """A quantity's label, with the year where one is asked for."""
    label = forecast.study.definition(request.name).label
    return label if request.year is None else f"{label}, {request.year:g}"


def dot_values(forecast: Forecast, request: Request) -> np.ndarray:
    """The quantiles that the dots of a quantity stand at."""
    probs = ((np.arange(DOTS) + 0.5) / DOTS).tolist()
    return quantiles(forecast.at(request.name, request.year), probs).value


def dots_above(values: np.ndarray, threshold: float) -> int:
    """How many dots exceed a threshold."""
    return int((values > threshold).sum())


def threshold_value(study: Study, name: str, text: str) -> float:
    """A threshold in a quantity's own unit."""
    known = study.thresholds.get(name, {}).get(text)
    if known is not None:
        return known
    from forecast.study import threshold

    return threshold(study.units, text, study.labels[name], f"threshold of {name}")


def drivers(forecast: Forecast, quantity: str) -> Sensitivity:
    """What drives a quantity, from some of the run's worlds: as many as a figure needs."""
    fewer = replace(forecast, draws=min(forecast.draws, DRIVEN), _kept={})
    return fewer.sensitivity(quantity)


def tornado_of(forecast: Forecast, found: Sensitivity) -> Figure:
    """The tornado of a sensitivity analysis."""
    request = request_of(found.quantity)
    middle = forecast.interval(found.quantity).median
    ends_ = [swing_ends(effect, forecast, found.unit) for effect in found.effects[:MOST_DRIVERS]]
    rows = [
        figures.Row(effect.label, effect.swing.low.value, middle, effect.swing.high.value, f"{low} → {high}")
        for effect, (low, high) in zip(found.effects, ends_, strict=False)
        if low != high or len(set(ends_)) == 1
    ]
    below = "its median as each input goes from its 5% to its 95% point"
    title = title_of(forecast, request)
    return figures.intervals(
        rows, title=title, subtitle=below, unit=found.unit, base=middle if math.isfinite(middle) else None, caps=False
    )


def swing_ends(effect: Effect, forecast: Forecast, unit: str) -> tuple[str, str]:
    """A tornado's two ends in words."""
    one, two = effect.swing.low, effect.swing.high
    rises = one.value <= two.value
    low, high = (one, two) if rises else (two, one)
    texts = ends(Interval(low.value, low.value, high.value, 0.9, low.se, low.se, high.se, unit), forecast.years)
    return (texts[0], texts[2]) if rises else (texts[2], texts[0])


def band_of(forecast: Forecast, quantity: str, found: Mapping[float, Interval]) -> Figure:
    """Intervals over a dependence."""
    request = request_of(quantity)
    rows = [
        figures.Row(
            f"rank correlation {signed(rho)}",
            i.low,
            i.median,
            i.high,
            interval_words(i, forecast.years),
        )
        for rho, i in sorted(found.items())
    ]
    return figures.intervals(rows, title=title_of(forecast, request), unit=forecast.study.labels[request.name])


def describe(forecast: Forecast, quantity: str) -> str:
    """A quantity's interval as a sentence without its label."""
    interval = forecast.interval(quantity)
    low, median, high = ends(interval, forecast.years)
    unit = f" {interval.unit}" if interval.unit and interval.unit != YEAR else ""
    return f"{low} to {high}{unit} with {percent(interval.prob)} probability, median {median}"


def data_of(forecast: Forecast, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """The data that a trend was fitted to, in its unit: of its curves, and of a function that only passes one on."""
    study = forecast.study
    function = study.functions.get(name)
    if function is not None and len(function.parameters) == 1:
        curve = study.curves.get(function.parameters[0])
        if curve is None or study.labels[name] != study.labels[curve.name]:
            return None
        two = sample(study, forecast.design, [name, curve.name], forecast.years[:2], 0, 64, forecast.block, 1)
        if not np.array_equal(two[name], two[curve.name]):
            return None
    else:
        curve = study.curves.get(name)
    if curve is None or curve.part not in ("line", "new", "record"):
        return None
    from forecast.fits import posterior_of

    posterior = posterior_of(study, curve.trend)
    return posterior.record_t, 10.0**posterior.record_y

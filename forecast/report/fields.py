"""Template fields of a report: ``{{ training_cost.interval }}``. They place what a run has found, nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.report.plots import threshold_value, title_of
from forecast.result import Forecast, Interval
from forecast.sampling import Request
from forecast.study.reports import Report
from forecast.summary import round_to_error
from forecast.text import ends, percent, probability

OF_QUANTITY = (
    "interval",
    "low",
    "median",
    "high",
    "mean",
    "never",
    "already",
    "prob",
    "unit",
    "label",
    "source",
    "prob_above VALUE",
    "by YEAR",
)
HEAVY = " (a heavy tail: rely on the median)"
OF_REPORT = ("title", "date", "seed", "draws", "prob", "study", "study_hash", "first_year", "last_year")


@dataclass(frozen=True)
class Told:
    """What a report says of one quantity, in words; the numbers behind them are those of the JSON.

    Parameters
    ----------
    request : Request
    label, unit : str
    interval : Interval
        As in the JSON.
    low, median, high, mean : str
    heavy : bool
        Whether a tail is so heavy that the mean cannot be trusted.
    never, already : str
        Empty where the quantity is no crossing year; `already` also where no world has it.
    above : mapping of str to str
        Threshold to probability.
    band : mapping of float to Interval
        Over a dependence; empty where none bears on it.
    """

    request: Request
    label: str
    unit: str
    interval: Interval
    low: str
    median: str
    high: str
    mean: str
    heavy: bool
    never: str
    already: str
    above: Mapping[str, str]
    band: Mapping[float, Interval]

    @property
    def shown_unit(self) -> str:
        """The unit as it follows a number: years need none."""
        return "" if self.unit in ("", "year") else f" {self.unit}"

    @property
    def interval_text(self) -> str:
        """Both ends with their unit."""
        return f"{self.low} to {self.high}{self.shown_unit}"


def told(forecast: Forecast, record: Mapping[str, Any]) -> dict[str, Told]:
    """Every reported figure of a run in words, by ``name`` or ``name@year``.

    Parameters
    ----------
    forecast : Forecast
    record : mapping
        The run's JSON (`forecast.export.to_json`).
    """
    found = {}
    for name, entry in record["quantities"].items():
        by_year = entry.get("by_year")
        for year, figures in ((float(y), f) for y, f in by_year.items()) if by_year is not None else ((None, entry),):
            request = Request(name, year)
            found[str(request)] = _told(forecast, request, entry, figures)
    return found


def _told(forecast: Forecast, request: Request, entry: Mapping[str, Any], figures: Mapping[str, Any]) -> Told:
    interval = _interval(figures, entry["prob"], entry["unit"])
    low, median, high = ends(interval, forecast.years)
    draws = forecast.at(request.name, request.year)
    crossing = request.year is None and forecast.is_crossing(request.name)
    never = forecast.prob_above(request.name, np.finfo(float).max) if crossing else None
    already = forecast.crossed_by(request.name, -np.finfo(float).max) if crossing else None
    thresholds = forecast.study.thresholds.get(request.name, {})
    mean = round_to_error(_value(figures["mean"]), _value(figures["mcse"]["mean"])) if np.isfinite(draws).all() else ""
    return Told(
        request,
        title_of(forecast, request),
        entry["unit"],
        interval,
        low,
        median,
        high,
        mean,
        bool(figures.get("heavy_tailed")),
        probability(never) if never is not None else "",
        probability(already) if already is not None and figures["already"] else "",
        {
            text: probability(forecast.prob_above(request.name, limit, request.year))
            for text, limit in thresholds.items()
        },
        {
            float(rho): _interval(band, entry["prob"], entry["unit"], interval)
            for rho, band in figures.get("dependence_band", {}).items()
        },
    )


def _interval(figures: Mapping[str, Any], prob: float, unit: str, like: Interval | None = None) -> Interval:
    """An interval from its JSON; where no errors are told (a band), they are as large a part as those of another."""
    low, median, high = (_value(figures[key]) for key in ("low", "median", "high"))
    if "mcse" in figures:
        errors = [_value(figures["mcse"][key]) for key in ("low", "median", "high")]
    else:
        assert like is not None
        errors = [
            abs(error * value / other)
            if other and all(map(math.isfinite, (value, other))) and unit != "year"
            else error
            for value, other, error in zip(
                (low, median, high),
                (like.low, like.median, like.high),
                (like.mcse_low, like.mcse_median, like.mcse_high),
                strict=True,
            )
        ]
    return Interval(low, median, high, prob, errors[0], errors[1], errors[2], unit)


def _value(number: float | str | None) -> float:
    return math.inf if number is None else float(number)


class Fields:
    """Looks a template's fields up.

    Parameters
    ----------
    forecast : Forecast
    report : Report
    said : mapping of str to Told
    record : mapping
        The run's JSON.
    date : str
    """

    def __init__(
        self, forecast: Forecast, report: Report, said: Mapping[str, Told], record: Mapping[str, Any], date: str
    ) -> None:
        self._forecast, self._said = forecast, said
        self._globals: dict[str, str] = {
            "title": report.title or report.name,
            "date": date,
            "seed": str(record["seed"]),
            "draws": f"{record['draws']:,}",
            "prob": percent(forecast.prob),
            "study": str(record["study"]),
            "study_hash": str(record["study_hash"]),
            "first_year": f"{forecast.years[0]:g}",
            "last_year": f"{forecast.years[-1]:g}",
        }

    def __call__(self, field: str) -> str:
        """The text of a field that `check_field` has found good."""
        if field in self._globals:
            return self._globals[field]
        name, _, what = field.partition(".")
        said, what = self._said[name.strip()], what.strip()
        word, _, argument = what.partition(" ")
        if word == "prob_above":
            if argument.strip() in said.above:
                return said.above[argument.strip()]
            limit = threshold_value(self._forecast.study, said.request.name, argument.strip())
            return probability(self._forecast.prob_above(said.request.name, limit, said.request.year))
        if word == "by":
            return probability(self._forecast.crossed_by(said.request.name, float(argument)))
        return {
            "interval": said.interval_text,
            "low": said.low + said.shown_unit,
            "median": said.median + said.shown_unit,
            "high": said.high + said.shown_unit,
            "mean": f"{said.mean}{said.shown_unit}{HEAVY if said.heavy else ''}"
            if said.mean
            else "without a finite mean",
            "never": said.never or "0%",
            "already": said.already or "0%",
            "prob": percent(said.interval.prob),
            "unit": said.unit,
            "label": said.label,
            "source": self._forecast.study.definition(said.request.name).source,
        }[what]

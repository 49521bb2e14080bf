"""A forecast to an entry of the ledger, and what happened to another."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from forecast.errors import StudyError, UsageError
from forecast.export import provenance
from forecast.graph import YEAR, ancestors
from forecast.ledger import FILE, SCHEMA, Entry, append, find, number_out, read_ledger
from forecast.ledger.scoring import end_of_day, span
from forecast.quantile import quantiles
from forecast.result import Forecast
from forecast.sampling import request_of
from forecast.study import Study, threshold
from forecast.units import conversion

PROBS = (0.0001, 0.001, *(round((k + 0.5) / 200, 4) for k in range(200)), 0.999, 0.9999)
_DIGITS = 8
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")


def ledger_of(study: Study) -> Path:
    """Where a study's ledger is."""
    return study.path / FILE


def record(
    forecast: Forecast,
    quantity: str,
    *,
    resolves: str,
    question: str,
    above: str = "",
    note: str = "",
    now: datetime | None = None,
) -> Entry:
    """Append a forecast to the study's ledger.

    Parameters
    ----------
    forecast : Forecast
    quantity : str
        ``name`` or ``name@year``.
    resolves : str
        Day on which it will be known, ``2027-12-31``.
    question : str
        In words that leave no doubt about how it will be decided.
    above : str
        For a question of yes or no: whether the quantity will exceed this, such as ``1B USD_2023``.
    note : str
    now : datetime, optional
        When it was made, for tests.

    Returns
    -------
    dict
        The entry, with its ``id``.

    Raises
    ------
    UsageError, StudyError, ForecastError
    """
    if not question.strip():
        raise UsageError("a forecast needs a question; say with --question how it will be decided")
    made = datetime.now(UTC) if now is None else now
    day = read_day(resolves, "--resolves")
    if day <= made.date():
        raise UsageError(
            f"--resolves: {resolves} is not in the future; a forecast is recorded before its outcome is known"
        )
    request = request_of(quantity)
    study = forecast.study
    definition = study.definition(request.name)
    unit = study.labels[request.name]
    draws = forecast.at(request.name, request.year)
    if draws.min() == draws.max():
        raise UsageError(
            f"{quantity} is certain: nothing it follows from is uncertain, so that there is no forecast to score; "
            "record another quantity"
        )
    dated = unit == YEAR and request.year is None and is_date(draws)
    first = forecast.years[0] if dated else request.year or 0.0
    if day.year < math.floor(first):
        what = f"the year axis begins ({first:g})" if dated else f"{first:g}, the year that is forecast"
        raise UsageError(f"--resolves: {resolves} is before {what}; choose a later day")
    entry: Entry = {
        "schema": SCHEMA,
        "kind": "forecast",
        "time": made.astimezone(UTC).isoformat(timespec="seconds"),
        "resolves": day.isoformat(),
        "question": " ".join(question.split()),
        "note": " ".join(note.split()),
        "quantity": request.name,
        "year": request.year,
        "label": definition.label,
        "unit": unit,
        "probs": list(PROBS),
        "quantiles": _quantiles(draws),
        "axis": [forecast.years[0], forecast.years[-1]] if dated else None,
        "baselines": _baselines(forecast, request.name, request.year, unit),
        **{key: value for key, value in provenance(forecast).items() if key not in ("years", "precise")},
    }
    if above:
        bound = threshold(study.units, above, unit, "--above")
        entry["above"] = {"text": above.strip(), "value": bound, "prob": float((draws > bound).mean())}
        entry["above"]["baselines"] = {name: _prob_above(values, bound) for name, values in entry["baselines"].items()}
    return append(ledger_of(study), entry)


def resolve(
    study: Study,
    id: str,
    *,
    value: str = "",
    happened: bool | None = None,
    source: str,
    on: str = "",
    now: datetime | None = None,
) -> Entry:
    """Append what happened to a recorded forecast.

    Parameters
    ----------
    study : Study
    id : str
        Of the forecast, or its beginning.
    value : str
        A number in the forecast's unit, or with a unit of the same kind (``62M USD_2023``). Of a date ``never`` (it
        had not come when the question resolved) or ``already`` (by the first year of the axis).
    happened : bool, optional
        For a question of yes or no of which no more is known.
    source : str
        Where it can be checked.
    on : str
        Day on which it was known; today where left out.
    now : datetime, optional

    Returns
    -------
    dict
        The entry. A later resolution of the same forecast stands in place of an earlier one; both remain readable.

    Raises
    ------
    UsageError, StudyError, ForecastError
    """
    if not source.strip():
        raise UsageError("a resolution needs a source; say with --source where it can be checked")
    if bool(value) == (happened is not None):
        raise UsageError("a resolution needs either a --value or, for a question of yes or no, --yes or --no")
    made = datetime.now(UTC) if now is None else now
    path = ledger_of(study)
    entry = find(read_ledger(path), id)
    day = read_day(on, "--on") if on else made.date()
    if day > made.date():
        raise UsageError(f"--on: {on} is in the future; say when it was known")
    if day < date.fromisoformat(entry["time"][:10]):
        raise UsageError(
            f"--on: it was known on {day}, before forecast {entry['id']} was made ({entry['time'][:10]}); "
            "that is no forecast, and is not scored"
        )
    if happened is not None and "above" not in entry:
        raise UsageError(f"forecast {entry['id']} is of a value, not of yes or no; give --value in [{entry['unit']}]")
    number = None if happened is not None else _outcome(study, value, entry, day)
    if number is not None and "above" in entry:
        happened = number > float(entry["above"]["value"])
    return append(
        path,
        {
            "schema": SCHEMA,
            "kind": "resolution",
            "time": made.astimezone(UTC).isoformat(timespec="seconds"),
            "of": entry["id"],
            "on": day.isoformat(),
            "value": None if number is None else number_out(number),
            "text": value.strip(),
            "happened": happened,
            "source": " ".join(source.split()),
        },
    )


def read_day(text: str, place: str) -> date:
    """A day written as 2027-12-31."""
    try:
        if not _DAY.match(text.strip()):
            raise ValueError
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{place}: is not a day ({text}); write 2027-12-31") from None


def _outcome(study: Study, text: str, entry: Entry, day: date) -> float:
    word = text.strip().lower()
    if entry["axis"] and word in ("never", "already"):
        if word == "never" and end_of_day(day) < span(entry)[1]:
            raise UsageError(
                f"--value: never is not known on {day}: the question resolves on {entry['resolves']}; wait until then"
            )
        return math.inf if word == "never" else -math.inf
    number = threshold(study.units, text, entry["unit"], "--value")
    if not math.isfinite(number):
        raise UsageError(f"--value: is not finite ({text}); of a date that has not come say 'never'")
    if entry["axis"] and number > end_of_day(day):
        raise UsageError(
            f"--value: {text} is after the day on which it was known ({day}); say when it came, or 'never'"
        )
    return number


def is_date(years: np.ndarray) -> bool:
    """Whether draws in years are dates, such as crossing years, and not durations."""
    finite = years[np.isfinite(years)]
    return not len(finite) or bool(np.median(finite) > 1000)


def _quantiles(draws: np.ndarray) -> list[float | str]:
    values = np.maximum.accumulate(quantiles(draws, PROBS).value)
    return [number_out(float(f"{value:.{_DIGITS}g}")) for value in values]


def _prob_above(values: Sequence[float | str], bound: float) -> float:
    from forecast.ledger.score import Predictive

    return 1 - Predictive(np.array(PROBS), np.array([float(v) for v in values])).cdf(bound)


def _baselines(forecast: Forecast, name: str, year: float | None, unit: str) -> dict[str, list[float | str]]:
    """Forecasts to beat: the prior where there is evidence, and the textbook interval of the trend it rests on."""
    found: dict[str, list[float | str]] = {}
    before = None if forecast.update is None else forecast.before().at(name, year)
    if before is not None and not np.array_equal(before, forecast.at(name, year)):  # else evidence says nothing of it
        found["prior"] = _quantiles(before)
    textbook = None if year is None else _textbook(forecast.study, name, year, unit)
    if textbook is not None:
        found["trend"] = textbook
    return found


def _textbook(study: Study, name: str, year: float, unit: str) -> list[float | str] | None:
    """Least squares of the one trend of this kind that a quantity follows from, with its predictive interval."""
    from forecast.trend.least_squares import straight_line, t_quantile

    needed = ancestors([name], study.functions)
    found = []
    for trend in dict.fromkeys(curve.trend for curve in study.curves.values() if curve.name in needed):
        try:
            factor = conversion(study.units, study.trends[trend].unit, unit)
        except StudyError:
            continue
        found.append((trend, factor))
    if len(found) != 1:
        return None
    trend, factor = found[0]
    try:
        line = straight_line(study.series_of(trend))
    except StudyError:
        return None
    middle, scale = line.prediction(np.array([year]))
    student = np.array([t_quantile(prob, line.rows - 2) for prob in PROBS])
    values = factor * 10.0 ** (float(middle[0]) + float(scale[0]) * student)
    return [number_out(float(f"{value:.{_DIGITS}g}")) for value in values]

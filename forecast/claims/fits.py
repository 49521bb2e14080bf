"""Statistics of evidence tables that published claims are about: growth, kink, line, power law."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from forecast.claims.claim import Fit
from forecast.distribution import parse
from forecast.errors import StudyError, nearest
from forecast.study import Study
from forecast.trend.least_squares import growth_less, kinked_line, straight_line
from forecast.trend.selection import Selection, select
from forecast.trend.series import Series
from forecast.trend.tables import Table, read_table

DATA = "FORECAST_DATA"  # names a folder with published files, which take the place of the study's own tables
DRAWS, SEED = 8_000, 20231  # of the bootstrap; the error of an interval's end is below 1% of its width
_EXPONENTS = np.geomspace(0.02, 4, 400)


def statistic(fit: Fit, study: Study, scale: float, place: str) -> tuple[tuple[float, ...], str]:
    """A fit's figures, and the rows they come from.

    Parameters
    ----------
    fit : Fit
    study : Study
        In the claim's scenario.
    scale : float
        What the x values of a line are divided by.
    place : str
        For errors.

    Returns
    -------
    figures : tuple of float
        One, or middle, low and high (5% and 95% points).
    data : str
        Table or file, and number of rows.
    """
    table, name = _table(fit, study)
    if fit.kind == "growth":
        rows = _series(fit, table, study, place)
        return _growth(fit, rows, study, place), f"{name}, {len(rows)} rows"
    if fit.kind == "kink":
        rows = _series(fit, table, study, place)
        straight, kinked = straight_line(rows), kinked_line(rows)
        gain = {"AIC": straight.aic - kinked.aic, "BIC": straight.bic - kinked.bic}[fit.statistic[:3]]
        return (
            float(np.exp(gain / 2)) if fit.statistic.endswith("odds") else float(gain),
        ), f"{name}, {len(rows)} rows"
    if fit.kind == "line":
        if not 0 < scale < np.inf:
            raise StudyError.at(place, f"divides x by {scale:g} ({fit.x_per})", "name a positive quantity")
        x, y = _column(table, fit.x, place) / scale, _column(table, fit.y, place)
        if not (x > 0).all() or not (y > 0).all() or np.ptp(x) == 0:
            raise StudyError.at(
                place, f"{table.place} has no line in '{fit.x}' and '{fit.y}'", "needs positive, different values"
            )
        x, y = np.log10(x), np.log10(y)
        slope, level = np.polyfit(x, y, 1)
        return (float(slope if fit.statistic == "slope" else level),), f"{name}, {len(x)} rows"
    return (_untold_exponents(fit, table, place),), f"{name}, {len(table)} rows"


def _table(fit: Fit, study: Study) -> tuple[Table, str]:
    """The study's own table, or the published file that stands in ``FORECAST_DATA``; and what is to be said of it."""
    folder, file = os.environ.get(DATA, ""), fit.data.get("file", "")
    if folder and file and (Path(folder) / file).is_file():
        from forecast.importer import import_file

        report = import_file(study.path, fit.data["format"], Path(folder) / file, preset=fit.data.get("preset", ""))
        return read_table(file, report.series.to_csv()), file
    path = f"priors/{fit.table}"
    absent = f" ({DATA} holds no {file})" if folder and file else ""
    try:
        return read_table(path, (study.path / path).read_text(encoding="utf-8-sig")), f"{path}{absent}"
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise StudyError.at(
            path, f"cannot be read ({why})", "name a table such as evidence/training_runs.csv"
        ) from error


def _series(fit: Fit, table: Table, study: Study, place: str) -> Series:
    imported = not table.place.startswith("priors/")  # the preset has selected the rows already, a system each
    choice = Selection(
        value=(imported and fit.data.get("value")) or fit.value,
        where=() if imported else fit.where,
        start=fit.start,
        end=fit.end,
        record_fraction=fit.record_fraction,
        average="" if imported else fit.average,
    )
    return select(table, choice, fit.unit, study.units, place)


def _growth(fit: Fit, rows: Series, study: Study, place: str) -> tuple[float, ...]:
    rng = np.random.default_rng(SEED)
    less = np.zeros(DRAWS)
    middle = 0.0
    if fit.minus:
        if fit.minus not in study.priors:
            hint = nearest(fit.minus, study.priors) or "name a prior whose growth is to be taken off"
            raise StudyError.at(place, f"there is no prior '{fit.minus}'", hint)
        distribution = study.priors[fit.minus].distribution
        less, middle = distribution.from_normal(rng.standard_normal(DRAWS)), float(distribution.quantile(0.5))
    low, high = np.quantile(growth_less(rows, less, rng), [0.05, 0.95])
    return straight_line(rows).growth_before - middle, float(low), float(high)


def _column(table: Table, name: str, place: str) -> np.ndarray:
    try:
        return np.array([float(cell) for cell in table.columns[name]])
    except (KeyError, ValueError):
        raise StudyError.at(
            place, f"{table.place} has no numbers in a column '{name}'", f"it has {', '.join(table.columns)}"
        ) from None


def _untold_exponents(fit: Fit, table: Table, place: str) -> float:
    """Share of the groups whose power law ``y = c - a x**-k`` has a 90% interval of k that reaches down to 0."""
    x, y, groups = _column(table, fit.x, place), _column(table, fit.y, place), np.array(table.columns[fit.group])
    names = list(dict.fromkeys(groups))
    untold = [_exponent(x[groups == name], y[groups == name], place)[1] <= 0 for name in names]
    return float(np.mean(untold))


def _exponent(x: np.ndarray, y: np.ndarray, place: str) -> tuple[float, float]:
    """Exponent k of ``y = c - a x**-k`` by least squares, and the low end of its textbook 90% interval (Student's t).

    For a given k the curve is a line in ``x**-k``, so k is searched on a grid; the error is that of the linearised fit.
    """
    size = x / np.exp(np.log(x).mean())
    best = min(_EXPONENTS, key=lambda k: _residual(size**-k, y))
    freedom = len(x) - 3
    if freedom < 1:
        raise StudyError.at(
            place, f"{len(x)} points are too few for three parameters and an error", "select at least 4 in each group"
        )
    power = size**-best
    slope = np.polyfit(power, y, 1)[0]
    jacobian = np.column_stack([np.ones_like(x), power, -slope * power * np.log(size)])
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * _residual(power, y) / freedom
    t = float(parse(f"student_t(df={freedom}, loc=0, scale=1)", place).quantile(0.95))
    return float(best), float(best - t * np.sqrt(covariance[2, 2]))


def _residual(power: np.ndarray, y: np.ndarray) -> float:
    design = np.column_stack([np.ones_like(power), power])
    miss = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return float(miss @ miss)

"""Fit on what was known by a date, score what came later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import StudyError
from forecast.special import ndtr
from forecast.trend.least_squares import straight_line
from forecast.trend.likelihood import line_and_slope, log_likelihood, row_scale
from forecast.trend.record import Fit
from forecast.trend.series import Array, Series

PROBS = (0.5, 0.8, 0.9)
NAIVE = "least squares"
_STRATA = 2000  # stratified draws that stand for the naive predictive distribution in its CRPS

# Fits a series known by then; the text says which date, for messages.
Fitter = Callable[[Series, str], Fit]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one model, fitted at one date, said of each later row.

    Parameters
    ----------
    pit : (row,) array
        Predictive probability of a value below the one that came; uniform for a calibrated model.
    crps : (row,) array
        Continuous ranked probability score, OOM; the smaller, the better.
    log_score : (row,) array
        Natural log of the predictive density at the value that came; the larger, the better.
    """

    pit: Array
    crps: Array
    log_score: Array

    def coverage(self, prob: float) -> float:
        """Share of rows inside the equal-tailed predictive interval."""
        return float(np.mean(np.abs(self.pit - 0.5) <= prob / 2))


@dataclass(frozen=True, eq=False)
class Backtest:
    """Predictions of every model at every date.

    Parameters
    ----------
    as_of : tuple of float
        Dates (decimal years).
    rows_known, rows_scored : tuple of int
        Rows before each date, and rows scored after it.
    predictions : dict
        Name of the model to one Prediction per date.
    """

    as_of: tuple[float, ...]
    rows_known: tuple[int, ...]
    rows_scored: tuple[int, ...]
    predictions: dict[str, tuple[Prediction, ...]]

    def total(self, model: str) -> Prediction:
        """The predictions of all dates together; a row scored from several dates counts once for each."""
        parts = self.predictions[model]
        return Prediction(
            *(np.concatenate([getattr(part, key) for part in parts]) for key in ("pit", "crps", "log_score"))
        )

    def table(self) -> list[dict[str, float | str | int]]:
        """One row per model and date, and one per model over all dates (``as_of`` = "all")."""
        lines: list[dict[str, float | str | int]] = []
        for model, parts in self.predictions.items():
            named = [(f"{when:.2f}", part) for when, part in zip(self.as_of, parts, strict=True)]
            for when, part in [*named, ("all", self.total(model))]:
                line: dict[str, float | str | int] = {"model": model, "as_of": when, "rows": len(part.pit)}
                line |= {f"coverage_{round(100 * prob)}": part.coverage(prob) for prob in PROBS}
                line |= {"crps": float(part.crps.mean()), "log_score": float(part.log_score.mean())}
                lines.append(line | {"pit_mean": float(part.pit.mean())})
        return lines


def backtest(
    data: Series, as_of: Sequence[float], models: Mapping[str, Fitter], horizon: float = np.inf, naive: bool = True
) -> Backtest:
    """Score trends on rows that came after the date they were fitted at.

    Only the *date* of a row decides what was known: its value is today's, whatever was believed then.

    Parameters
    ----------
    data : Series
    as_of : sequence of float
        Dates (decimal years); rows before it are fitted, rows from it on are scored.
    models : mapping
        Name to a function of (series, text) that fits it.
    horizon : float
        Years after each date within which rows are scored.
    naive : bool
        Also score least squares with its textbook prediction interval.

    Returns
    -------
    Backtest

    Raises
    ------
    StudyError
        When a date leaves nothing to fit or nothing to score.
    """
    dates = tuple(sorted(as_of))
    known, scored = [], []
    found: dict[str, list[Prediction]] = {name: [] for name in (*models, *([NAIVE] if naive else []))}
    for when in dates:
        past = data.take(data.t < when)
        later = data.take((data.t >= when) & (data.t < when + horizon))
        if not len(past) or not len(later):
            what = f"{len(past)} rows before {when:.2f} and {len(later)} after it"
            raise StudyError.at(f"{data.name}, as of {when:.2f}", what, "choose a date inside the series")
        known.append(len(past))
        scored.append(len(later))
        for name, fitter in models.items():
            found[name].append(predict(fitter(past, f"as of {when:.2f}"), later))
        if naive:
            found[NAIVE].append(predict_naive(past, later))
    return Backtest(dates, tuple(known), tuple(scored), {name: tuple(parts) for name, parts in found.items()})


def predict(fit: Fit, later: Series) -> Prediction:
    """Score a fit on later rows: the posterior predictive of a new system with the row's own error of measurement.

    PIT and log score are averages over the posterior draws of each draw's own distribution (no density is estimated);
    CRPS is that of one predictive draw per posterior draw, with the fair (unbiased) estimate of the spread.
    """
    values = fit.values
    if fit.posterior.group_draws and not set(later.group) <= set(fit.data.group):
        new = sorted(set(later.group) - set(fit.data.group))[0]
        raise StudyError.at(later.name, f"group {new!r} has no row before", "score groups that were known by then")
    if fit.posterior.group_draws:
        # Columns of the groups that the later rows have, in their order.
        columns = [fit.data.groups.index(label) for label in later.groups]
        values = values | {key: fit.posterior.group_draws[key][:, columns] for key in fit.posterior.group_draws}
    line, slope = line_and_slope(values, later, fit.spec.level_year)
    scale = row_scale(values, slope, later)
    z = (later.y - line) / scale
    rng = np.random.default_rng(np.random.SeedSequence(fit.seed).spawn(5)[4])
    noise = rng.standard_normal(line.shape)
    if "dof" in values:
        from scipy.special import stdtr

        dof = np.broadcast_to(values["dof"][:, None], line.shape)
        below = stdtr(dof, z)
        noise = noise / np.sqrt(rng.chisquare(dof) / dof)
    else:
        below = ndtr(z)
    density = log_likelihood(values, later, fit.spec)
    top = density.max(0)
    return Prediction(
        pit=below.mean(0),
        crps=crps_of_draws((line + scale * noise).T, later.y),
        log_score=top + np.log(np.exp(density - top).mean(0)),
    )


def predict_naive(past: Series, later: Series) -> Prediction:
    """Score least squares with its textbook prediction interval: Student's t with rows - 2 degrees of freedom."""
    from scipy.special import gammaln, stdtr, stdtrit

    line = straight_line(past)
    middle, scale = line.prediction(later.t)
    scale = np.sqrt(scale**2 + later.se**2)
    dof = line.rows - 2
    z = (later.y - middle) / scale
    constant = gammaln((dof + 1) / 2) - gammaln(dof / 2) - 0.5 * np.log(np.pi * dof)
    strata = stdtrit(dof, (np.arange(_STRATA) + 0.5) / _STRATA)
    ensemble = middle[:, None] + scale[:, None] * strata
    return Prediction(
        pit=np.asarray(stdtr(dof, z), dtype=float),
        crps=crps_of_draws(ensemble, later.y, fair=False),
        log_score=constant - (dof + 1) / 2 * np.log1p(z**2 / dof) - np.log(scale),
    )


def crps_of_draws(draws: Array, value: Array, fair: bool = True) -> Array:
    """Continuous ranked probability score of an ensemble.

    Parameters
    ----------
    draws : (row, draw) array
    value : (row,) array
        What came.
    fair : bool
        Divide the spread by ``n (n - 1)``, which is unbiased for independent draws (Ferro 2014), not by ``n²``.

    Returns
    -------
    (row,) array
        ``E|X - y| - E|X - X'| / 2`` (Gneiting and Raftery 2007), in the unit of the draws.

    Examples
    --------
    >>> crps_of_draws(np.array([[0.0, 2.0]]), np.array([1.0]), fair=False).tolist()
    [0.5]
    """
    ordered = np.sort(draws, axis=-1)
    n = ordered.shape[-1]
    spread = ((2 * np.arange(1, n + 1) - n - 1) * ordered).sum(-1) / (n * (n - 1) if fair else n * n)
    return np.asarray(np.abs(ordered - value[:, None]).mean(-1) - spread)


def mean_crps_ahead(data: Series, fitter: Fitter, as_of: Sequence[float], horizon: float) -> tuple[float, int]:
    """Leave-future-out CRPS: mean over all rows scored from all dates, and their number."""
    result = backtest(data, as_of, {"model": fitter}, horizon, naive=False)
    crps = result.total("model").crps
    return float(crps.mean()), len(crps)

"""Fit on what was known by a date, score what came later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecast.errors import Problem, StudyError, UsageError
from forecast.special import ndtr, ndtri
from forecast.trend.curve import running_record
from forecast.trend.least_squares import straight_line
from forecast.trend.likelihood import line_and_slope, log_likelihood, row_scale
from forecast.trend.record import Fit
from forecast.trend.series import Array, Series, iso_date

PROBS = (0.5, 0.8, 0.9)
NAIVE = "least squares"
LEAST_ROWS = 5  # known by a date, below which no fit says anything; a kink needs as many
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
    record : tuple of float
        Running record at the last row: 5, 50 and 95% points predicted, and the one that came (log10); empty for
        models without one.
    """

    pit: Array
    crps: Array
    log_score: Array
    record: tuple[float, ...] = ()

    def coverage(self, prob: float) -> float:
        """Share of rows inside the equal-tailed predictive interval."""
        return float(np.mean(np.abs(self.pit - 0.5) <= prob / 2))


@dataclass(frozen=True, eq=False)
class Backtest:
    """Predictions of every model at every date.

    Parameters
    ----------
    name : str
        The series.
    as_of : tuple of float
        Dates (decimal years).
    rows_known, rows_scored : tuple of int
        Rows before each date, and rows scored after it.
    predictions : dict
        Name of the model to one Prediction per date.
    """

    name: str
    as_of: tuple[float, ...]
    rows_known: tuple[int, ...]
    rows_scored: tuple[int, ...]
    predictions: dict[str, tuple[Prediction, ...]]

    def total(self, model: str) -> Prediction:
        """The predictions of all dates together; a row scored from several dates counts once for each."""
        parts = self.predictions[model]
        pit, crps, log_score = (
            np.concatenate([getattr(p, key) for p in parts]) for key in ("pit", "crps", "log_score")
        )
        return Prediction(pit, crps, log_score)

    def gain(self, model: str, over: str = NAIVE) -> tuple[float, float]:
        """How much less CRPS a model has than another on the same rows of all dates: mean and standard error [OOM].

        The standard error takes rows as independent; rows that share an error of the trend are not, so it is a least.
        """
        saved = self.total(over).crps - self.total(model).crps
        return float(saved.mean()), float(saved.std(ddof=1) / np.sqrt(len(saved))) if len(saved) > 1 else np.nan


def backtest(
    data: Series,
    as_of: Sequence[float],
    models: Mapping[str, Fitter],
    horizon: float = np.inf,
    naive: bool = True,
    known: Callable[[float], Series] | None = None,
) -> Backtest:
    """Score trends on rows that came after the date they were fitted at.

    Parameters
    ----------
    data : Series
        As it is known today: the rows to be scored.
    as_of : sequence of float
        Dates (decimal years); rows before it are fitted, rows from it on are scored.
    models : mapping
        Name to a function of (series, text) that fits it.
    horizon : float
        Years after each date within which rows are scored.
    naive : bool
        Also score least squares with its textbook prediction interval.
    known : callable, optional
        Date to the series as it was known then. Without it, the rows of `data` dated before: their values are today's,
        whatever was believed then.

    Returns
    -------
    Backtest

    Raises
    ------
    UsageError
        When a date leaves fewer than 5 rows to fit or none to score, every such date at once; when the horizon is not
        above 0.
    """
    if not horizon > 0:
        raise UsageError(f"the horizon is not above 0 years ({horizon:g}); leave it out to score all later rows")
    dates = tuple(sorted(set(as_of)))
    pasts = [known(when) if known else data.take(data.t < when) for when in dates]
    laters = [data.take((data.t >= when) & (data.t < when + horizon)) for when in dates]
    problems = [
        problem
        for when, past, later in zip(dates, pasts, laters, strict=True)
        for problem in _unusable(data, when, past, later, horizon)
    ]
    if problems:
        raise UsageError("\n".join(map(str, problems)))
    found: dict[str, list[Prediction]] = {name: [] for name in (*models, *([NAIVE] if naive else []))}
    for when, past, later in zip(dates, pasts, laters, strict=True):
        for name, fitter in models.items():
            found[name].append(predict(fitter(past, f"as of {iso_date(when)}"), later))
        if naive:
            found[NAIVE].append(predict_naive(past, later))
    counts = [tuple(map(len, parts)) for parts in (pasts, laters)]
    return Backtest(data.name, dates, counts[0], counts[1], {name: tuple(parts) for name, parts in found.items()})


def _unusable(data: Series, when: float, past: Series, later: Series, horizon: float) -> list[Problem]:
    """What is wrong with a date to forecast from."""
    place, found = f"as of {iso_date(when)}", []
    if len(past) < LEAST_ROWS:
        what = f"{len(past)} rows of {data.name} were known by then, of {LEAST_ROWS} that a fit needs"
        found.append(Problem(place, what, "choose a later date"))
    if not len(later):
        last = iso_date(float(data.t[-1]))
        within = f" within {horizon:g} years" if np.isfinite(horizon) else ""
        what = f"no row of {data.name} comes after it{within} (the last is of {last})"
        found.append(Problem(place, what, "choose an earlier date" + (" or a longer horizon" if within else "")))
    return found


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
        record=() if fit.posterior.group_draws else _record(fit, later, rng),
    )


def _record(fit: Fit, later: Series, rng: np.random.Generator) -> tuple[float, ...]:
    """5, 50 and 95% points of the running record when the last row was in, and the record that its rows then made.

    That is a mean gap after the last row: on the day of a row, one more had arrived than a process of that rate has.
    """
    draws = len(fit.posterior)
    luck = ndtri((rng.permutation(draws) + 0.5) / draws)
    end = later.t[-1] + (later.t[-1] - fit.data.t[-1]) / len(later)
    path = running_record(fit.posterior.lines(), np.array([end]), luck)[0]
    came = max(float(fit.data.y.max()), float(later.y.max()))
    return (*np.quantile(path, [0.05, 0.5, 0.95]).tolist(), came)


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

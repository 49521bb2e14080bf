"""Straight or kinked? Every measure side by side, each labelled as what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from forecast.errors import StudyError
from forecast.trend.backtest import Fitter, backtest
from forecast.trend.diagnostics import loo, loo_difference
from forecast.trend.fit import fit, kink_probability
from forecast.trend.least_squares import kinked_line, straight_line
from forecast.trend.progress import Progress
from forecast.trend.record import Fit
from forecast.trend.series import Series
from forecast.trend.spec import TrendSpec

BAD_PARETO_K = 0.7


@dataclass(frozen=True)
class Measure:
    """One measure of both shapes.

    Parameters
    ----------
    name : str
    straight, kinked : float
        Each shape's value.
    difference : float
        In favour of the kink when positive, whichever way round the measure itself is.
    se : float
        Standard error of the difference; NaN where there is none.
    note : str
        What the measure is and what to mind.
    """

    name: str
    straight: float
    kinked: float
    difference: float
    se: float
    note: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both shapes fitted to one series, and the measures.

    Parameters
    ----------
    straight, kinked : Fit
    kinked_prob : float or None
        Posterior probability of the kink, from the evidences and ``spec.kink_prob``; None where chains gave none.
    measures : tuple of Measure
        Those that the rows are enough for.
    """

    straight: Fit
    kinked: Fit
    kinked_prob: float | None
    measures: tuple[Measure, ...]


def compare(
    name: str,
    data: Series,
    spec: TrendSpec,
    seed: int,
    as_of: Sequence[float] = (),
    horizon: float = 2.0,
    accept: bool = False,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Comparison:
    """Fit straight and kinked, and compare them by every measure.

    Parameters
    ----------
    name : str
    data : Series
    spec : TrendSpec
        With the priors of change and kink, whatever its shape; both shapes are fitted by its route.
    seed : int
    as_of : sequence of float, optional
        Dates of the leave-future-out score (decimal years); without any, the 60, 70, 80 and 90% points of the rows.
    horizon : float
        Years after each date that are scored.
    accept, progress, cache
        As for `forecast.trend.fit.fit`.

    Returns
    -------
    Comparison
        Measures ``AIC``, ``BIC`` (of the least-squares fits, Gaussian with fitted variance; the kink counts two
        parameters), ``log evidence``, ``PSIS-LOO elpd``, ``leave-future-out CRPS``.
    """
    fits = {
        shape: fit(name, data, replace(spec, shape=shape), seed, accept, progress, cache)
        for shape in ("straight", "kinked")
    }
    evidences = fits["straight"].log_evidence | fits["kinked"].log_evidence
    prob = kink_probability(evidences, spec.kink_prob) if len(evidences) == 2 else None
    dates = tuple(as_of) or default_dates(data)
    measures = [*_criteria(data), *_evidence(fits), _left_out(fits)]
    if dates:
        measures.append(_future(name, data, spec, seed, dates, horizon, accept, cache))
    return Comparison(fits["straight"], fits["kinked"], prob, tuple(measures))


def _criteria(data: Series) -> list[Measure]:
    try:
        straight, kinked = straight_line(data), kinked_line(data)
    except StudyError:  # too few rows for a kink by least squares
        return []
    note = "of the least-squares fits; the smaller, the better"
    return [
        Measure(label, a, b, a - b, np.nan, note)
        for label, a, b in (("AIC", straight.aic, kinked.aic), ("BIC", straight.bic, kinked.bic))
    ]


def _evidence(fits: dict[str, Fit]) -> list[Measure]:
    try:
        a, b = (fits[shape].log_evidence[shape] for shape in ("straight", "kinked"))
    except KeyError:
        return []
    se = float(np.hypot(fits["straight"].log_evidence_mcse["straight"], fits["kinked"].log_evidence_mcse["kinked"]))
    note = "natural log of the marginal likelihood; difference = log Bayes factor"
    return [Measure("log evidence", a, b, b - a, se or np.nan, note + (" (± Monte Carlo)" if se else ""))]


def _left_out(fits: dict[str, Fit]) -> Measure:
    loos = {shape: loo(part.log_likelihood()) for shape, part in fits.items()}
    gain, se = loo_difference(loos["kinked"], loos["straight"])
    bad = sum(int((part.pareto_k > BAD_PARETO_K).sum()) for part in loos.values())
    note = "expected log density of a left-out row; hardly sees a kink near the ends"
    if bad:
        note += f"; {bad} rows with Pareto k above {BAD_PARETO_K}"
    return Measure("PSIS-LOO elpd", loos["straight"].elpd, loos["kinked"].elpd, gain, se, note)


def default_dates(data: Series) -> tuple[float, ...]:
    """Dates after 60, 70, 80 and 90% of the rows that leave some to score."""
    cut = [float(data.t[int(share * len(data))]) for share in (0.6, 0.7, 0.8, 0.9)]
    return tuple(sorted({when for when in cut if (data.t < when).sum() >= 6}))


def _future(
    name: str,
    data: Series,
    spec: TrendSpec,
    seed: int,
    dates: Sequence[float],
    horizon: float,
    accept: bool,
    cache: Path | None,
) -> Measure:
    def fitter(shape: str) -> Fitter:
        own = replace(spec, shape=shape)
        return lambda past, when: fit(name, past, own, seed, accept, None, cache, f"{name} {when}")

    result = backtest(data, dates, {shape: fitter(shape) for shape in ("straight", "kinked")}, horizon, naive=False)
    a, b = (result.total(shape).crps for shape in ("straight", "kinked"))
    row = a - b
    se = float(row.std(ddof=1) / np.sqrt(len(row))) if len(row) > 1 else np.nan
    note = f"OOM, {len(row)} rows up to {horizon:g} years after {len(dates)} dates; the smaller, the better"
    return Measure("leave-future-out CRPS", float(a.mean()), float(b.mean()), float(row.mean()), se, note)

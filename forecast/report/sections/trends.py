"""Fitted trends in a report: the data, the line through them, what a new system would be, straight or kinked."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from forecast.errors import StudyError
from forecast.fits import comparison_of, record_of
from forecast.graph import ancestors
from forecast.quantile import posterior_mcse
from forecast.report import figures
from forecast.report.blocks import Block, Heading, Paragraph, Picture, Strong, Table
from forecast.report.figures.svg import picture
from forecast.report.subject import Chosen, Subject
from forecast.result import Forecast
from forecast.special import ndtri
from forecast.summary import round_interval
from forecast.text import percent
from forecast.trend.curve import mean_line, new_system
from forecast.trend.least_squares import kinked_line, straight_line
from forecast.trend.series import Series

AHEAD = 10.0  # years shown beyond the data
LEVELS = (0.5, 0.8, 0.9)
RUNS = 16  # of posterior draws, for the Monte Carlo error of what is printed
CLEAR = 2.0  # a difference of AIC or BIC that counts (Burnham and Anderson, Model Selection, 2002)
_SHAPES = {"straight": "straight one", "kinked": "kinked one", "average": "average of both"}


def trend_section(subject: Subject, chosen: Chosen) -> Iterator[Block]:
    """Every trend that the reported quantities follow from; nothing where there is none."""
    forecast, study = subject.forecast, subject.forecast.study
    needed = ancestors((request.name for request in forecast.requests), study.functions)
    names = [name for name in study.trends if any(c.trend == name and c.name in needed for c in study.curves.values())]
    if names:
        yield Heading(2, "Fitted trends", "fits")
    for name in names:
        yield _growth(forecast, name)
        if chosen.wants("trend", name):
            yield _picture(forecast, name)
        yield _table(forecast, name, subject.compare_trends)


def _growth(forecast: Forecast, name: str) -> Block:
    """What was fitted, and how fast it grows, in words."""
    trend, record = forecast.study.trends[name], record_of(forecast.study, name)
    posterior, prob = record.posterior.of(trend.of_group), forecast.prob
    first, last = float(posterior.record_t[0]), float(posterior.record_t[-1])
    growth, scatter = posterior.draws["growth_after"], posterior.draws["scatter"]
    normal = trend.spec.noise == "normal"
    # An average holds straight lines too, which have no kink to count from.
    bent = {"kinked": " from the kink on", "average": " by the end, kinked or not,"}.get(trend.spec.shape, "")
    low, middle, high = _rounded(10.0**growth, prob)
    return Paragraph(
        (
            Strong(f"{trend.label}: "),
            f"{len(posterior.record_t)} data points from {int(first)} to {int(last)}. It multiplies by ",
            Strong(f"{low} to {high}"),
            f" a year{bent} with {percent(prob)} probability (median {middle}), which is "
            f"{_words(growth, prob)} orders of magnitude (OOM) a year; single systems scatter around it by "
            f"{_words(scatter, prob)} OOM ({'one standard deviation' if normal else 'the scale of a Student t'}).",
        )
    )


def _words(values: np.ndarray, prob: float) -> str:
    low, middle, high = _rounded(values, prob)
    return f"{middle} ({low} to {high})"


def _rounded(values: np.ndarray, prob: float) -> list[str]:
    """Low end, median and high end of posterior draws, with the digits that these support."""
    probs = [0.5 - prob / 2, 0.5, 0.5 + prob / 2]
    found = np.quantile(values, probs, method="inverted_cdf")
    runs = np.arange(len(values)) * RUNS // len(values)
    return round_interval(found.tolist(), posterior_mcse(values[None], probs, [runs[None]]).tolist())


def _picture(forecast: Forecast, name: str) -> Picture:
    trend, record = forecast.study.trends[name], record_of(forecast.study, name)
    posterior = record.posterior.of(trend.of_group)
    first, last = float(posterior.record_t[0]), float(posterior.record_t[-1])
    years = np.linspace(math.floor(first), math.ceil(last + AHEAD), 61)
    probs = [p for level in LEVELS for p in (0.5 - level / 2, 0.5 + level / 2)]
    lines = posterior.lines()
    # A new system is spread evenly over the scatter: each posterior draw with a score of its own.
    scores = ndtri((np.random.default_rng(0).permutation(len(posterior)) + 0.5) / len(posterior))
    found = np.quantile(new_system(lines, years, scores), probs, axis=1)
    middle = np.quantile(mean_line(lines, years), 0.5, axis=1)
    bands = [(level, 10.0 ** found[2 * i], 10.0 ** found[2 * i + 1]) for i, level in enumerate(LEVELS)]
    points = (posterior.record_t, 10.0**posterior.record_y)
    figure = figures.fan(years.tolist(), bands, 10.0**middle, title=trend.label, unit=trend.unit, points=points)
    alt = (
        f"Fitted trend of {trend.label}: {len(posterior.record_t)} data points from {int(first)} to {int(last)}, the "
        "middle of the mean line, and posterior "
        f"predictive bands of 50, 80 and 90% up to {years[-1]:.0f}."
    )
    caption = (
        "Dots are the data; bands are where one more system would lie in each year (posterior predictive, 50, 80 and "
        "90%). The line is the middle of the trend itself."
    )
    return picture(f"trend-{name}", figure, alt, caption)


def _table(forecast: Forecast, name: str, compare: bool) -> Block:
    study = forecast.study
    trend, record = study.trends[name], record_of(study, name)
    rows: list[tuple[str, str, str, str]] = []
    prob = record.provenance.get("kinked_prob")
    if prob is not None:
        rows.append(
            (
                "Posterior probability",
                _probability(1 - prob),
                _probability(prob),
                "from the evidences of both shapes, priors included",
            )
        )
    if compare and trend.spec.change is not None and trend.spec.kink is not None:
        rows += [
            (
                m["name"],
                _number(m["straight"]),
                _number(m["kinked"]),
                f"{m['difference']:+.3g} for the kink; {m['note']}",
            )
            for m in comparison_of(study, name)["measures"]
        ]
    else:
        # The rows that were fitted, as the fit kept them: to read the table again would load the unit library.
        rows_t, none = record.posterior.record_t, np.zeros(len(record.posterior.record_t))
        data = Series(name, rows_t, record.posterior.record_y, none, none)
        try:
            straight, kinked = straight_line(data), kinked_line(data)
        except StudyError:  # too few rows for a kink: there is nothing to compare
            return Paragraph((f"{trend.label}: {trend.spec.shape}.",))
        for label, a, b in (("AIC", straight.aic, kinked.aic), ("BIC", straight.bic, kinked.bic)):
            rows.append((label, f"{a:.1f}", f"{b:.1f}", _verdict(b - a)))
    if not rows:
        return Paragraph((f"{trend.label}: {trend.spec.shape}.",))
    return Table(
        f"Straight or kinked: {trend.label}. These figures use the {_SHAPES.get(trend.spec.shape, trend.spec.shape)}.",
        ("Measure", "Straight", "Kinked", "What it says"),
        tuple(rows),
        (1, 2),
    )


def _verdict(difference: float) -> str:
    """What an information criterion of two least-squares fits says: a difference below 2 says next to nothing."""
    better = "straight" if difference > 0 else "kinked"
    told = f"the {better} one describes the data better" if abs(difference) >= CLEAR else "the data hardly tell"
    return f"{told} (least-squares fits; the smaller, the better)"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _probability(prob: float) -> str:
    if 1e-4 <= prob <= 1 - 1e-4:
        return f"{100 * prob:.3g}%"
    return "< 0.01%" if prob < 0.5 else "> 99.99%"

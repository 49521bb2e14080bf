"""What the terminal shows of fitted trends: growth, doubling time, convergence, straight against kinked, backtests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from forecast.errors import StudyError
from forecast.quantile import posterior_mcse
from forecast.special import ndtri
from forecast.summary import round_interval, round_to_error
from forecast.trend.backtest import NAIVE, PROBS, Backtest, Prediction
from forecast.trend.curve import mean_line, new_system, running_record
from forecast.trend.files import Trend
from forecast.trend.fit import kink_probability_mcse
from forecast.trend.least_squares import growth_less, kinked_line, straight_line
from forecast.trend.posterior import Posterior
from forecast.trend.series import Array, Series, iso_date

BLOCKS = " ▁▂▃▄▅▆▇█"
RUNS = 16  # of posterior draws, for the Monte Carlo error of what is printed
AHEAD = (1, 5, 10)  # years after the last row for which the curves are shown
BOOTSTRAP, SEED = 20_000, 20231  # samples: an end of the interval has a standard error of 1% of its width
_LEGEND = (
    "in 50, 80, 90%: share of rows inside the equal-tailed predictive interval. CRPS: OOM, less is better.",
    "Log score: nats, more is better. PIT: where rows fell in their predictive distribution, in tenths; flat if",
    "calibrated, to the right if rows were higher than predicted. Running record: what came, in the 90% interval",
    "predicted for it (log10). Known: rows dated before, and estimated in a year that was over (estimate_year).",
)
_ROUTES = {"exact": "exact (no sampling)", "nutpie": "sampled by PyMC with nutpie", "pymc": "sampled by PyMC"}


def fit_sheet(
    trend: Trend, data: Series, posterior: Posterior, provenance: Mapping[str, Any], prob: float = 0.9
) -> str:
    """A fit in words and figures: each parameter with its equal-tailed credible interval.

    Parameters
    ----------
    trend : Trend
    data : Series
    posterior : Posterior
    provenance : mapping
        `forecast.trend.fit.Fit.provenance`.
    prob : float
        Probability inside the intervals.
    """
    draws, gate = posterior.draws, provenance["gate"]
    return "\n".join(
        [
            f"{trend.name}: {trend.label} [{trend.unit}]",
            f"  {len(data)} rows of {data.name}, {iso_date(data.t[0])} to {iso_date(data.t[-1])}",
            f"  {trend.spec.shape}, {'Student-t' if 'dof' in draws else 'normal'} scatter; "
            f"{_ROUTES.get(provenance['route'], provenance['route'])}; {len(posterior)} posterior draws",
            f"  {100 * prob:g}% credible intervals, equal-tailed:",
            *(_row(name, values, unit, prob) for name, values, unit in _parameters(trend, posterior)),
            *_kink_probability(trend, provenance),
            *_curves(trend, posterior, prob),
            f"  convergence: R-hat {gate['rhat']:.3f}, effective draws {gate['ess_bulk']:.0f} (bulk) "
            f"and {gate['ess_tail']:.0f} (tail), {gate['divergences']} divergences"
            + ("; ACCEPTED although it failed its gate" if provenance["accepted"] else ""),
            *(f"  note: {note}" for note in provenance["notes"]),
        ]
    )


def _parameters(trend: Trend, posterior: Posterior) -> list[tuple[str, Array, str]]:
    """Name, draws and unit of what is shown."""
    draws = posterior.draws
    bent = bool(np.any(draws["change"]))
    between = ", between the groups" if posterior.group_draws else ""
    rows = [(f"growth before the kink{between}", draws["growth_before"], "OOM/year")] if bent else []
    rows.append((f"growth{', as it is now' if bent else ''}{between}", draws["growth_after"], "OOM/year"))
    rows += [("doubling time before the kink", _doubling(draws["growth_before"]), "year")] if bent else []
    rows.append((f"doubling time{' now' if bent else ''}", _doubling(draws["growth_after"]), "year"))
    if bent:
        rows += [("change of growth", draws["change"], "OOM/year"), ("year of the kink", draws["kink"], "date")]
    rows += [
        (f"level in {trend.spec.level_year:g} (log10){between}", draws["level"], "OOM"),
        ("scatter", draws["scatter"], "OOM"),
    ]
    if "dof" in draws:
        rows.append(("degrees of freedom of the scatter", draws["dof"], ""))
    rows.append(("new systems a year", draws["rate"], "1/year"))
    for group in sorted(set(posterior.record_group)) if posterior.group_draws else ():
        own = posterior.lines(group=group)
        rows += [(f"growth of {group}", own.growth + own.change, "OOM/year")]
        rows += [(f"level of {group}", own.level, "OOM")]
    return rows


def _kink_probability(trend: Trend, provenance: Mapping[str, Any]) -> list[str]:
    if provenance["kinked_prob"] is None:
        return []
    prob, prior = provenance["kinked_prob"], f"(prior {trend.spec.kink_prob:g})"
    error = kink_probability_mcse(prob, provenance["log_evidence_mcse"])
    return [f"  posterior probability of a kink: {_probability(prob, error)} {prior}"]


def _curves(trend: Trend, posterior: Posterior, prob: float) -> list[str]:
    """The three curves on the first of January of a few years; between groups the mean line alone."""
    years = np.array([math.ceil(posterior.record_t[-1]) - 1.0 + ahead for ahead in AHEAD])
    lines = posterior.of(trend.of_group).lines()
    # Each draw has a system and a record of its own, evenly spread, and in no order that its parameters have.
    rng = np.random.default_rng(SEED)
    luck = [ndtri((rng.permutation(len(posterior)) + 0.5) / len(posterior)) for _ in range(2)]
    found = {"mean line (the middle of systems)": mean_line(lines, years)}
    if trend.of_group or not posterior.group_draws:
        found["a new system"] = new_system(lines, years, luck[0])
        found["running record (the largest so far)"] = running_record(lines, years, luck[1])
    told = [f"  on 1 January of …{f', {trend.of_group}' if trend.of_group else ''} [{trend.unit}]:"]
    told += [
        _row(f"{name}, {year:g}", 10.0 ** path[i], "", prob)
        for name, path in found.items()
        for i, year in enumerate(years)
    ]
    return told


def _doubling(growth: Array) -> Array:
    """Years in which the value doubles; never, where it does not grow."""
    with np.errstate(divide="ignore"):
        return np.where(growth > 0, math.log10(2) / np.maximum(growth, 1e-300), np.inf)


def _row(name: str, values: Array, unit: str, prob: float) -> str:
    probs = [0.5 - prob / 2, 0.5, 0.5 + prob / 2]
    found = np.quantile(values, probs, method="inverted_cdf")
    runs = np.arange(len(values)) * RUNS // len(values)
    errors = posterior_mcse(values[None], probs, [runs[None]])
    texts = round_interval(found.tolist(), errors.tolist(), "year" if unit == "date" else "")
    low, middle, high = ("never" if text == "inf" else text for text in texts)
    shown = {"date": "", "": ""}.get(unit, f" {unit}")
    return f"    {name:42} {middle:>8}  ({low} to {high}){shown}"


def _probability(prob: float, error: float = 0.0) -> str:
    """Rounded by its Monte Carlo error; near 0 and 1 its distance from there."""
    return (
        round_to_error(prob, error)
        if 0.001 < prob < 0.999
        else (f"{prob:.1e}" if prob < 0.5 else f"1 - {1 - prob:.1e}")
    )


def least_squares_sheet(data: Series, prob: float = 0.9, less: tuple[str, Array] | None = None) -> str:
    """Ordinary least squares of the same rows, with intervals of the kinds that papers print.

    Parameters
    ----------
    data : Series
    prob : float
        Confidence of the intervals.
    less : tuple of str and (draw,) array, optional
        A quantity and draws of it [OOM/year]: the growth is also shown less that of the quantity.
    """
    line, rng = straight_line(data), np.random.default_rng(SEED)
    tails = [0.5 - prob / 2, 0.5 + prob / 2]
    pairs = np.quantile(growth_less(data, np.zeros(BOOTSTRAP), rng), tails)
    lines = [
        f"  least squares of the same rows (errors of rows left out; {100 * prob:g}% confidence intervals) [OOM/year]:",
        f"    growth {line.growth_before:.3f}: {_span(line.growth_interval(prob))} by the textbook, "
        f"{_span(pairs)} by pairs bootstrap",
    ]
    if less is not None:
        name, values = less
        draws = rng.choice(values, BOOTSTRAP)
        middle = line.growth_before - float(np.median(values))
        ends = np.quantile(growth_less(data, draws, rng), tails)
        lines.append(f"    growth less {name} {middle:.3f}: {_span(ends)} by pairs bootstrap with a draw of {name}")
    try:
        bent = kinked_line(data)
        lines.append(f"    kinked: {bent.growth_before:.3f}, from {bent.kink:.2f} on {bent.growth_after:.3f}")
    except StudyError:  # too few rows for a kink: the straight line is all there is
        pass
    return "\n".join(lines)


def _span(ends: Any) -> str:
    return f"{ends[0]:.3f} to {ends[1]:.3f}"


def comparison_table(found: Mapping[str, Any]) -> str:
    """Straight against kinked by every measure, each labelled as what it is.

    Parameters
    ----------
    found : mapping
        `forecast.fits.comparison_of`.
    """
    lines = [
        "  straight or kinked? (a positive difference favours the kink)",
        f"    {'':22}{'straight':>10}{'kinked':>10}{'difference':>18}",
    ]
    for measure in found["measures"]:
        difference = f"{measure['difference']:+.3g}" + (f" ± {measure['se']:.2g}" if measure["se"] is not None else "")
        lines.append(
            f"    {measure['name']:22}{measure['straight']:>10.4g}{measure['kinked']:>10.4g} {difference:>17}"
            f"   {measure['note']}"
        )
    for measure in found["measures"]:
        if measure["name"] == "AIC":
            gap = measure["difference"]
            lines.append(
                f"    By AIC alone, the {'straight' if gap > 0 else 'kinked'} line is "
                f"{math.exp(-min(700.0, abs(gap) / 2)):.1e} times as likely as the other "
                "to lose the least information (the reading of Lohn 2023)."
            )
    prob = found["kinked_prob"]
    error = next((m["se"] or 0.0 for m in found["measures"] if m["name"] == "log evidence"), 0.0)
    told = (
        "not known, as the chains give no evidence" if prob is None else _probability(prob, prob * (1 - prob) * error)
    )
    lines.append(f"    Posterior probability of a kink, from the evidences: {told}")
    return "\n".join(lines)


def backtest_table(found: Backtest) -> str:
    """Predictions of each model, by what was known at each date, scored on what came later."""
    widest = max(map(len, found.predictions))
    header = f"{'in 50%':>7}{'in 80%':>8}{'in 90%':>8}{'CRPS':>8}{'log score':>11}   PIT 0 to 1   running record"
    lines = [f"Rows of {found.name} that came later, predicted from those known by a date [OOM]"]
    lines += [f"  {'':{widest}}  {header}"]
    for i, (when, known, scored) in enumerate(zip(found.as_of, found.rows_known, found.rows_scored, strict=True)):
        lines.append(f"as of {iso_date(when)}: {known} rows known, {scored} scored")
        lines += [_scores(name, parts[i], widest) for name, parts in found.predictions.items()]
    if len(found.as_of) > 1:
        lines.append(f"all {len(found.as_of)} dates: {sum(found.rows_scored)} scored, a row once for each date")
        lines += [_scores(name, found.total(name), widest) for name in found.predictions]
    if NAIVE in found.predictions:
        gains = {name: found.gain(name) for name in found.predictions if name != NAIVE}
        told = ", ".join(f"{name} {mean:+.2g} ± {se:.1g}" for name, (mean, se) in gains.items())
        lines += ["", f"CRPS saved against {NAIVE}: {told} (as if rows were independent)"]
    return "\n".join([*lines, "", *_LEGEND])


def _scores(name: str, part: Prediction, widest: int) -> str:
    inside = "".join(f"{100 * part.coverage(prob):>{w}.0f}%" for prob, w in zip(PROBS, (6, 7, 7), strict=True))
    tenths = np.histogram(np.clip(part.pit, 0, 1), bins=10, range=(0, 1))[0]
    bars = "".join(BLOCKS[math.ceil(8 * count / tenths.max())] for count in tenths)
    line = f"  {name:{widest}}  {inside}{part.crps.mean():>8.3f}{part.log_score.mean():>11.2f}   {bars}"
    if part.record:
        low, _, high, came = part.record
        line += f"   {came:.1f} in {low:.1f} to {high:.1f}"
    return line.rstrip()

"""What the terminal shows of fitted trends: growth, doubling time, convergence, straight against kinked, backtests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from forecast.quantile import posterior_mcse
from forecast.summary import round_interval
from forecast.trend.backtest import Backtest
from forecast.trend.files import Trend
from forecast.trend.posterior import Posterior
from forecast.trend.series import Array, Series

RUNS = 16  # of posterior draws, for the Monte Carlo error of what is printed


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
    draws = posterior.draws
    lines = [
        f"{trend.name}: {trend.label} [{trend.unit}]",
        f"  {len(data)} rows of {data.name}, {data.t[0]:.1f} to {data.t[-1]:.1f}; "
        f"{trend.spec.shape}, {trend.spec.noise} scatter, "
        f"route: {provenance['route']}; {len(posterior)} posterior draws",
        f"  {100 * prob:g}% credible intervals, equal-tailed:",
    ]
    rows: list[tuple[str, Array, str]] = []
    bent = "change" in draws and bool(np.any(draws["change"]))
    if bent:
        rows.append(("growth before the kink", draws["growth_before"], "OOM/year"))
    rows.append(("growth, as it is now", draws["growth_after"], "OOM/year"))
    for name, growth in (("doubling time before the kink", "growth_before"), ("doubling time now", "growth_after")):
        if growth == "growth_after" or bent:
            rows.append((name, _doubling(draws[growth]), "year"))
    if bent:
        rows += [("change of growth", draws["change"], "OOM/year"), ("year of the kink", draws["kink"], "date")]
    rows += [
        (f"level in {trend.spec.level_year:g} (log10)", draws["level"], "OOM"),
        ("scatter", draws["scatter"], "OOM"),
    ]
    if "dof" in draws:
        rows.append(("degrees of freedom of the scatter", draws["dof"], ""))
    rows.append(("new systems a year", draws["rate"], "1/year"))
    lines += [_row(name, values, unit, prob) for name, values, unit in rows]
    if provenance["kinked_prob"] is not None:
        lines.append(
            f"  posterior probability of a kink: {_probability(provenance['kinked_prob'])} "
            f"(prior {trend.spec.kink_prob:g})"
        )
    gate = provenance["gate"]
    lines.append(
        f"  convergence: R-hat {gate['rhat']:.3f}, effective draws {gate['ess_bulk']:.0f} (bulk) "
        f"and {gate['ess_tail']:.0f} (tail), {gate['divergences']} divergences"
        + ("; ACCEPTED although it failed its gate" if provenance["accepted"] else "")
    )
    lines += [f"  note: {note}" for note in provenance["notes"]]
    return "\n".join(lines)


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
    return f"    {name:34} {middle:>8}  ({low} to {high}){shown}"


def _probability(prob: float) -> str:
    return f"{prob:.3g}" if 0.001 < prob < 0.999 else (f"{prob:.1e}" if prob < 0.5 else f"1 - {1 - prob:.1e}")


def comparison_table(found: Mapping[str, Any]) -> str:
    """Straight against kinked by every measure, each labelled as what it is.

    Parameters
    ----------
    found : mapping
        `forecast.fits.comparison_of`.
    """
    lines = [
        "  straight or kinked? (a positive difference favours the kink)",
        f"    {'':24}{'straight':>10}{'kinked':>10}{'difference':>18}",
    ]
    for measure in found["measures"]:
        difference = f"{measure['difference']:+.3g}" + (f" ± {measure['se']:.2g}" if measure["se"] is not None else "")
        lines.append(
            f"    {measure['name']:24}{measure['straight']:>10.4g}{measure['kinked']:>10.4g}{difference:>18}"
            f"   {measure['note']}"
        )
    gap = next(measure["difference"] for measure in found["measures"] if measure["name"] == "AIC")
    lines.append(
        f"    By AIC alone, the {'straight' if gap > 0 else 'kinked'} line is "
        f"{math.exp(-min(700.0, abs(gap) / 2)):.1e} times as likely as the other "
        "to lose the least information (the reading of Lohn 2023)."
    )
    lines.append(f"    Posterior probability of a kink, from the evidences: {_probability(found['kinked_prob'])}")
    return "\n".join(lines)


def backtest_table(found: Backtest) -> str:
    """Predictions of each model scored on what came later."""
    header = ("model", "as of", "rows", "in 50%", "in 80%", "in 90%", "CRPS", "log score", "mean PIT")
    rows: list[tuple[str, ...]] = [header]
    for line in found.table():
        rows.append(
            (
                str(line["model"]),
                str(line["as_of"]),
                str(line["rows"]),
                *(f"{100 * float(line[f'coverage_{level}']):.0f}%" for level in (50, 80, 90)),
                f"{float(line['crps']):.3f}",
                f"{float(line['log_score']):.2f}",
                f"{float(line['pit_mean']):.2f}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(
        [
            *lines,
            "",
            "CRPS in OOM (smaller is better); log score in nats (larger is better); "
            "a calibrated model has its mean PIT near 0.5.",
        ]
    )

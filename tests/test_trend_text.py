"""Sheets of fits and tables of backtests as the terminal shows them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from forecast.trend.backtest import backtest
from forecast.trend.files import Trend
from forecast.trend.fit import fit
from forecast.trend.least_squares import kinked_line, straight_line
from forecast.trend.selection import Selection
from forecast.trend.series import series
from forecast.trend.text import backtest_table, fit_sheet, least_squares_sheet
from tests.trend_support import made_up, spec

DATA = made_up(np.random.default_rng(1))


def sheet(declared, data=DATA, prob=0.9):
    found = fit("cost_trend", data, declared, 1)
    trend = Trend("cost_trend", "Cost", "USD", "made up", "evidence/costs.csv", Selection(), declared)
    return fit_sheet(trend, data, found.posterior, found.provenance(), prob), found


def row(text, name):
    """Middle, low and high of a line of a sheet."""
    line = next(line for line in text.splitlines() if line.strip().startswith(name))
    return [float(part) for part in re.search(r" (\S+)  \((\S+) to (\S+)\)", line).groups()]


@pytest.mark.parametrize("prob", [0.5, 0.9])
def test_a_sheet_tells_the_equal_tailed_intervals_of_the_posterior(prob):
    text, found = sheet(spec("kinked"), prob=prob)
    draws = found.posterior.draws
    assert f"{100 * prob:g}% credible intervals, equal-tailed" in text and "exact (no sampling)" in text
    for name, values in (
        ("growth before the kink", draws["growth_before"]),
        ("growth, as it is now", draws["growth_after"]),
        ("doubling time before the kink", np.log10(2) / draws["growth_before"]),
        ("year of the kink", draws["kink"]),
        ("scatter", draws["scatter"]),
        ("new systems a year", draws["rate"]),
    ):
        exact = np.quantile(values, [0.5, 0.5 - prob / 2, 0.5 + prob / 2])
        # Rounded by its Monte Carlo error: one unit of the last digit shown is at least a standard error.
        np.testing.assert_allclose(row(text, name), exact, atol=0.1 * values.std() + 0.01 * abs(values.mean()) ** 0.5)
    assert "R-hat 1.000" in text and "0 divergences" in text


def test_three_curves_stand_in_their_order():
    text, _ = sheet(spec("straight"))
    for year in (2023, 2027, 2032):
        line, new, record = (
            next(line for line in text.splitlines() if line.strip().startswith(f"{name}") and f", {year} " in line)
            for name in ("mean line", "a new system", "running record")
        )
        assert line and new and record


def test_a_kink_has_its_probability_and_a_falling_series_never_doubles():
    text, found = sheet(spec("average"))
    assert "posterior probability of a kink: " in text and "(prior 0.5)" in text
    falling = series("s", DATA.t, 6 - 0.4 * (DATA.t - 2018) + 0.1 * np.sin(40 * DATA.t))
    assert "never  (never to never) year" in sheet(spec("straight"), falling)[0]


def test_least_squares_are_told_with_the_kind_of_each_interval():
    text = least_squares_sheet(DATA, 0.9)
    line, bent = straight_line(DATA), kinked_line(DATA)
    low, high = line.growth_interval(0.9)
    assert f"growth {line.growth_before:.3f}: {low:.3f} to {high:.3f} by the textbook, " in text
    assert "by pairs bootstrap" in text
    assert f"kinked: {bent.growth_before:.3f}, from {bent.kink:.2f} on {bent.growth_after:.3f}" in text
    less = least_squares_sheet(DATA, 0.9, ("inflation", np.full(100, 0.1)))
    pairs = [float(x) for x in re.search(r"textbook, (\S+) to (\S+) by", text).groups()]
    shifted = [float(x) for x in re.search(r"growth less inflation \S+: (\S+) to (\S+) by", less).groups()]
    assert f"growth less inflation {line.growth_before - 0.1:.3f}" in less
    # Two bootstraps of 20,000 samples: an end has a standard error of 1.5% of its distance from the middle.
    np.testing.assert_allclose(np.array(pairs) - 0.1, shifted, atol=0.004)
    few = DATA.take(np.arange(4))
    assert "kinked" not in least_squares_sheet(few)


def test_a_backtest_is_told_date_by_date():
    shapes = ("straight", "kinked")
    models = {shape: (lambda past, when, shape=shape: fit("x", past, spec(shape), 1)) for shape in shapes}
    result = backtest(DATA, [2019.0, 2021.0], models)
    text = backtest_table(result)
    first, second = text.index("as of 2019-01-01: "), text.index("as of 2021-01-01: ")
    both = text.index("all 2 dates: ")
    assert first < second < both
    known, scored = re.search(r"as of 2021-01-01: (\d+) rows known, (\d+) scored", text).groups()
    assert (int(known), int(scored)) == (result.rows_known[1], result.rows_scored[1])
    line = next(line for line in text[second:].splitlines() if line.startswith("  kinked"))
    part = result.predictions["kinked"][1]
    assert f"{100 * part.coverage(0.9):.0f}%" in line and f"{part.crps.mean():.3f}" in line
    assert f"{part.record[3]:.1f} in {part.record[0]:.1f} to {part.record[2]:.1f}" in line
    assert "CRPS saved against least squares: straight " in text
    alone = backtest_table(backtest(DATA, [2019.0], {"straight": models["straight"]}, naive=False))
    assert "all 1" not in alone and "least squares" not in alone
    assert max(map(len, text.splitlines())) <= 122


def test_groups_are_told_one_by_one():
    from tests.test_trend import grouped

    posterior = grouped()
    declared = spec("straight", group_level="0.1 to 4", group_growth="0.01 to 0.4")
    trend = Trend("g", "Cost", "USD", "made up", "evidence/costs.csv", Selection(), declared)
    told = replace(fit("g", DATA, spec("straight"), 1), spec=declared).provenance()
    text = fit_sheet(trend, DATA, posterior, told)
    assert row(text, "growth of a")[0] == 0.5 and row(text, "growth of b")[0] == 0.7
    assert row(text, "level of a")[0] == 7 and row(text, "growth, between the groups")[0] == 0.5
    assert "a new system" not in text and "running record" not in text

"""What a notebook shows of a forecast."""

from __future__ import annotations

from forecast.report.blocks import Table
from forecast.report.html import table
from forecast.report.plots import title_of
from forecast.result import Forecast
from forecast.text import ends, percent

MOST = 60


def summary(forecast: Forecast) -> str:
    """The reported quantities as an HTML table; a quantity with a year axis at its reported years."""
    prob = forecast.prob
    rows = []
    for request in forecast.requests:
        years = forecast.years if request.year is None and forecast.has_years(request.name) else (request.year,)
        for year in years:
            interval = forecast.interval(request.name, year=year)
            name = title_of(forecast, type(request)(request.name, year))
            rows.append((name, *ends(interval, forecast.years), interval.unit))
    header = ("Quantity", *(percent(p) for p in (0.5 - prob / 2, 0.5, 0.5 + prob / 2)), "Unit")
    worlds = forecast.draws * forecast.design.chains
    caption = f"{percent(prob)} credible intervals, equal-tailed; {worlds:,} worlds, seed {forecast.design.seed}"
    return table(Table(caption, header, tuple(rows[:MOST]), (1, 2, 3)))

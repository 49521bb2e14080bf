"""What a notebook shows of a forecast."""

from __future__ import annotations

from dataclasses import replace

from forecast.export import to_json
from forecast.report.fields import told
from forecast.report.html import table
from forecast.report.sections.answer import key_table
from forecast.report.subject import Subject
from forecast.result import Forecast
from forecast.text import percent

# A notebook's own style centres the names of rows and knows nothing of numbers.
STYLE = (
    ".forecast th,.forecast td{text-align:left;vertical-align:top;font-weight:400}"
    ".forecast thead th{font-weight:600}.forecast .n,.forecast .r{text-align:right;font-variant-numeric:tabular-nums}"
    ".forecast small{display:block;opacity:.75}.forecast caption{text-align:left}"
)


def summary(forecast: Forecast) -> str:
    """The key figures as an HTML table: those of a report."""
    record = to_json(forecast)
    found = key_table(Subject(forecast, forecast.study.main, record, said=told(forecast, record)))
    worlds = forecast.draws * forecast.design.chains
    caption = (
        f"{percent(forecast.prob)} credible intervals, equal-tailed; {worlds:,} worlds, seed {forecast.design.seed}"
    )
    return f'<div class="forecast"><style>{STYLE}</style>{table(replace(found, caption=caption))}</div>'

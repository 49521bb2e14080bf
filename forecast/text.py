"""The table of a run as the terminal shows it, and the words for its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_UP, Decimal

import numpy as np

from forecast.columns import broken, padded, width_of
from forecast.fits import accepted, trends_behind
from forecast.graph import YEAR
from forecast.quantile import Z_95, Estimate
from forecast.result import Forecast, Interval
from forecast.run import bands
from forecast.sampling import Request
from forecast.summary import round_interval, round_to_error

ROUNDING = 1e-11  # of a figure: what floating-point arithmetic leaves open after some steps
COLUMNS = 110  # of a table that is not shown on a terminal
NARROWEST = 24  # columns of a label, however narrow the terminal
ROOMY = 40  # columns of labels below which the sparklines are left out
SPARK = 10  # columns of a sparkline
BLOCKS = " ▁▂▃▄▅▆▇█"
SPARK_DRAWS = 512  # of each chain: enough for ten columns


def table(forecast: Forecast, columns: int = COLUMNS) -> str:
    """The reported quantities, one a line: ends and median of the interval, Monte Carlo error, unit, shape, remarks.

    Parameters
    ----------
    forecast : Forecast
    columns : int
        Labels are broken so that lines are at most this wide, if that leaves them room; where it leaves them little,
        the sparklines go.

    Returns
    -------
    str
        Aligned text. Figures carry only the digits that their Monte Carlo standard error supports.
    """
    levels = [percent(p) for p in (0.5 - forecast.prob / 2, 0.5, 0.5 + forecast.prob / 2)]
    rows: list[tuple[str, ...]] = [("", *levels, "± MC", "", "shape")]
    over = bands(forecast)
    for request in _each_year(forecast):
        interval = forecast.interval(str(request))
        label = forecast.study.definition(request.name).label
        name = label if request.year is None else f"{label}, {request.year:g}"
        shape = sparkline(forecast.at(request.name, request.year)[..., :SPARK_DRAWS])
        rows.append(
            (
                name,
                *ends(interval, forecast.years),
                _worst_error(interval),
                f"[{interval.unit}]" if interval.unit else "",
                shape,
            )
        )
        rows.extend((f"   {remark}",) for remark in _remarks(forecast, request, over.get(str(request))))
    lines = [f"{_title(forecast)}", ""]
    lines += _aligned(rows, columns)
    lines += ["", *(part for note in _notes(forecast) for part in broken(note, columns))]
    return "\n".join(lines)


def sparkline(draws: np.ndarray) -> str:
    """How draws are spread between their 1% and 99% points, in blocks; on a log scale where that range is wide.

    Parameters
    ----------
    draws : array (...)
        Infinite ones are left out.

    Returns
    -------
    str
        Empty for a single value.

    Examples
    --------
    >>> sparkline(np.arange(1000.0, 2000.0)), sparkline(np.ones(5))
    ('██████████', '')
    """
    values = np.sort(draws[np.isfinite(draws)])
    if not len(values):
        return ""
    low, high = float(values[len(values) // 100]), float(values[-1 - len(values) // 100])
    if not high > low:
        return ""
    edges = np.geomspace(low, high, SPARK + 1) if 0 < low * 20 < high else np.linspace(low, high, SPARK + 1)
    counts = np.diff(np.searchsorted(values, edges[1:-1], side="right"), prepend=0, append=len(values))
    return "".join(BLOCKS[math.ceil(len(BLOCKS[1:]) * count / counts.max())] for count in counts)


def _title(forecast: Forecast) -> str:
    title = forecast.study.main.title or forecast.study.name
    return f"{title}: {percent(forecast.prob)} credible intervals, equal-tailed"


def _given(forecast: Forecast, name: str, text: str, shown: Iterable[str]) -> str:
    """A replaced quantity; of a fitted trend, what does not follow from it."""
    behind = {trend for quantity in shown for trend in trends_behind(forecast.study, quantity)}
    apart = next((trend for trend in behind if name.startswith(f"{trend}_")), "")
    return f"given {name} = {text}" + (
        f" (the curves of {apart} do not follow from it: they stay fitted)" if apart else ""
    )


def _notes(forecast: Forecast) -> list[str]:
    worlds = forecast.draws * forecast.design.chains
    how = "quasi-Monte Carlo" if forecast.design.method == "qmc" else "plain Monte Carlo"
    notes = [
        f"{worlds:,} worlds ({how}, {forecast.design.chains} replicates), seed {forecast.design.seed}; "
        "± MC is the standard error of the worst figure of a line."
    ]
    shown = {request.name for request in forecast.requests}
    if shown == {text.partition("@")[0] for text in forecast.study.main.quantities}:
        notes = [*forecast.study.main.notes, *notes]
    given = [_given(forecast, name, text, shown) for name, text in forecast.study.replaced.items()]
    notes = [*given, *notes]
    if forecast.update is not None:
        from forecast.evidence.told import conflicts, paths

        count = len(forecast.study.evidence)
        what = "1 observation" if count == 1 else f"{count:,} observations"
        notes.append(f"Posterior: the priors given {what} (forecast log tells more).")
        notes += [*paths(forecast.update), *conflicts(forecast.update, forecast.study.evidence)]
    notes += [
        f"{trend} has not converged and was accepted as it is (forecast fit {trend})."
        for trend in accepted(forecast.study, shown)
    ]
    if not forecast.met:
        notes.append("The Monte Carlo error is larger than asked for: the number of worlds is at its limit.")
    return notes


def _each_year(forecast: Forecast) -> Iterable[Request]:
    for request in forecast.requests:
        if request.year is None and forecast.has_years(request.name):
            yield from (Request(request.name, year) for year in forecast.years)
        else:
            yield request


def ends(interval: Interval, years: Sequence[float]) -> tuple[str, str, str]:
    """Low end, median and high end as text, with the digits that the Monte Carlo error supports.

    Parameters
    ----------
    interval : Interval
    years : sequence of float
        The year axis: a crossing year that is infinite lies after its end, or by its beginning.

    Returns
    -------
    tuple of str
    """
    values = (interval.low, interval.median, interval.high)
    errors = (interval.mcse_low, interval.mcse_median, interval.mcse_high)
    finite = [i for i in range(3) if math.isfinite(values[i])]
    texts = dict(
        zip(
            finite, round_interval([values[i] for i in finite], [errors[i] for i in finite], interval.unit), strict=True
        )
    )
    if interval.unit == YEAR and len(finite) < 3 and years:
        return tuple(
            texts.get(i) or (f"after {years[-1]:g}" if values[i] > 0 else f"by {years[0]:g}") for i in range(3)
        )  # type: ignore[return-value]
    return tuple(texts.get(i) or ("inf" if values[i] > 0 else "-inf") for i in range(3))  # type: ignore[return-value]


def _worst_error(interval: Interval) -> str:
    """The largest Monte Carlo error of an interval's figures; what is no more than rounding in a computer is none."""
    figures = [
        (interval.low, interval.mcse_low),
        (interval.median, interval.mcse_median),
        (interval.high, interval.mcse_high),
    ]
    errors = [mcse for value, mcse in figures if math.isfinite(mcse) and mcse > ROUNDING * abs(value)]
    return round_to_error(max(errors), max(errors)) if errors else "0"


def _remarks(forecast: Forecast, request: Request, band: dict[float, Interval] | None) -> Iterable[str]:
    remarks = []
    if forecast.study.labels[request.name] == YEAR and request.year is None:
        # What never comes is plus infinity, and what has come before the axis begins minus: see `first_crossing`.
        first, last, most = forecast.years[0], forecast.years[-1], np.finfo(float).max
        never, already = forecast.prob_above(request.name, most), forecast.crossed_by(request.name, -most)
        if float(never.value):
            remarks.append(f"not by {last:g}: {probability(never)}")
        if float(already.value):
            remarks.append(f"already by {first:g}: {probability(already)}")
    for text, value in forecast.study.thresholds.get(request.name, {}).items():
        remarks.append(chance(f"P(> {text})", probability(forecast.prob_above(request.name, value, request.year))))
    if remarks:
        yield "; ".join(remarks)
    if band is not None:
        yield from _band(forecast, band)


def _band(forecast: Forecast, band: dict[float, Interval]) -> Iterable[str]:
    """What other dependences would give, where that differs from what is shown."""
    pair = next(d for d in forecast.study.dependences if d.band)
    told = {rho: " … ".join(ends(found, forecast.years)[::2]) for rho, found in sorted(band.items())}
    if len(set(told.values())) == 1:
        return
    others = [f"at {f'{rho:+g}' if rho else 0}: {text}" for rho, text in told.items() if rho != pair.rank_correlation]
    yield f"over the dependence of {' and '.join(pair.between)} (here {pair.rank_correlation:g}): {'; '.join(others)}"


def probability(estimate: Estimate) -> str:
    """A probability as a percentage, with the digits that its Monte Carlo error supports.

    One that the worlds cannot tell from none (or from certainty) is told by its 95% limit.

    Examples
    --------
    >>> from forecast.quantile import prob_of
    >>> probability(prob_of(np.arange(8000).reshape(8, 1000) < 4000, bound=False))
    '50%'
    >>> probability(prob_of(np.zeros((8, 2048), dtype=bool)))
    '< 0.02%'
    """
    value, mcse = float(estimate.value), float(estimate.mcse)
    limit = Z_95 * mcse * (1 - 1e-12)  # so that 3 / 3000, with the error of arithmetic, is 0.1% and not 0.2%
    if value + limit < 1 and value < mcse:
        return f"< {_up(100 * (value + limit))}%"
    if value - limit > 0 and 1 - value < mcse:
        return f"> {100 - Decimal(_up(100 * (1 - value + limit)))}%"
    return f"{round_to_error(100 * value, 100 * mcse)}%"


def chance(event: str, prob: str) -> str:
    """An event and its probability as `probability` gives it: ``P(> 1B) = 5.2%``, ``P(> 1B) < 0.02%``."""
    return f"{event} {prob}" if prob[0] in "<>" else f"{event} = {prob}"


def _up(value: float) -> str:
    """A positive number rounded upwards to one significant digit, written out."""
    digit = Decimal(1).scaleb(Decimal(value).adjusted())
    return f"{Decimal(value).quantize(digit, ROUND_UP).normalize():f}"


def percent(prob: float) -> str:
    """An exact probability as a percentage."""
    return f"{100 * prob:.10g}%"


def _aligned(rows: Sequence[tuple[str, ...]], columns: int) -> list[str]:
    """Rows of cells as lines: labels to the left, broken where the table gets too wide, numbers to the right.

    A row of one cell spans the table.
    """
    full = [row for row in rows if len(row) > 1]
    widths = [max(width_of(row[i]) for row in full) for i in range(len(full[0]))]
    shown = [i for i in range(1, len(widths)) if any(row[i] for row in full[1:])]
    pictures = len(widths) - 1
    if columns - sum(widths[i] + 3 for i in shown) < min(ROOMY, widths[0]) and pictures in shown:
        shown.remove(pictures)
    widths[0] = max(NARROWEST, min(widths[0], columns - sum(widths[i] + 3 for i in shown)))
    lines = []
    for row in rows:
        if len(row) == 1:
            indent = " " * (len(row[0]) - len(row[0].lstrip()))
            lines += [indent + part for part in broken(row[0].strip(), columns - len(indent))]
            continue
        label, *more = broken(row[0], widths[0]) or [""]
        cells = [row[i].rjust(widths[i]) if i < pictures - 1 else row[i].ljust(widths[i]) for i in shown]
        lines.append("   ".join([padded(label, widths[0]), *cells]).rstrip())
        lines += [f"  {part}" for part in more]
    return lines

"""What the terminal shows: the table of a run, the list of a study, the sheet of a quantity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forecast.distribution.number import format_number
from forecast.graph import YEAR, Function
from forecast.result import Forecast, Interval
from forecast.run import bands
from forecast.sampling import Request
from forecast.study import Study
from forecast.study.priors import Prior
from forecast.summary import round_interval, round_to_error

if TYPE_CHECKING:
    from forecast.trend.files import Curve

COLUMNS = 110  # of a table that is not shown on a terminal
NARROWEST = 24  # columns of a label, however narrow the terminal
SPARK = 10  # columns of a sparkline
BLOCKS = " ▁▂▃▄▅▆▇█"
SPARK_DRAWS = 512  # of each chain: enough for ten columns


def table(forecast: Forecast, columns: int = COLUMNS) -> str:
    """The reported quantities, one a line: ends and median of the interval, Monte Carlo error, unit, remarks.

    Parameters
    ----------
    forecast : Forecast
    columns : int
        Labels are broken so that lines are at most this wide, if that leaves them room.

    Returns
    -------
    str
        Aligned text. Figures carry only the digits that their Monte Carlo standard error supports.
    """
    levels = [percent(p) for p in (0.5 - forecast.prob / 2, 0.5, 0.5 + forecast.prob / 2)]
    rows: list[tuple[str, ...]] = [("", *levels, "± MC", "", "")]
    over = bands(forecast)
    for request in _each_year(forecast):
        interval = forecast.interval(str(request))
        error = max(
            (e for e in (interval.mcse_low, interval.mcse_median, interval.mcse_high) if math.isfinite(e)), default=0.0
        )
        label = forecast.study.definition(request.name).label
        name = label if request.year is None else f"{label}, {request.year:g}"
        shape = sparkline(forecast.at(request.name, request.year)[..., :SPARK_DRAWS])
        rows.append(
            (name, *ends(interval, forecast.years), _error(error), f"[{interval.unit}]" if interval.unit else "", shape)
        )
        rows.extend((f"   {remark}",) for remark in _remarks(forecast, request, over.get(str(request))))
    lines = [f"{_title(forecast)}", ""]
    lines += _aligned(rows, columns)
    lines += ["", *(part for note in _notes(forecast) for part in _broken(note, columns))]
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
    notes += [f"given {name} = {text}" for name, text in forecast.study.replaced.items()]
    if forecast.update is not None:
        from forecast.evidence.text import conflicts, paths

        notes.append(
            f"Posterior: the priors given {len(forecast.study.evidence)} observations (forecast log tells them)."
        )
        notes += [*paths(forecast.update), *conflicts(forecast.update, forecast.study.evidence)]
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


def _error(error: float) -> str:
    return "0" if error == 0 else format_number(error, 1)


def _remarks(forecast: Forecast, request: Request, band: dict[float, Interval] | None) -> Iterable[str]:
    remarks = []
    if forecast.study.labels[request.name] == YEAR and request.year is None:
        first, last = forecast.years[0], forecast.years[-1]
        never, already = forecast.prob_above(request.name, float(last)), forecast.crossed_by(request.name, first)
        if float(never.value):
            remarks.append(f"not by {last:g}: {probability(never)}")
        if float(already.value):
            remarks.append(f"already by {first:g}: {probability(already)}")
    for text, value in forecast.study.thresholds.get(request.name, {}).items():
        remarks.append(f"P(> {text}) = {probability(forecast.prob_above(request.name, value, request.year))}")
    if remarks:
        yield "; ".join(remarks)
    if band is not None:
        pair = next(d for d in forecast.study.dependences if d.band)
        told = {rho: ends(found, forecast.years) for rho, found in sorted(band.items())}
        shown = "   ".join(f"{'+' if rho > 0 else ''}{rho:g}: {low} … {high}" for rho, (low, _, high) in told.items())
        yield f"over the dependence of {' and '.join(pair.between)} (here {pair.rank_correlation:g}):"
        yield f"  {shown}"


def probability(estimate: object) -> str:
    """A probability (an estimate) as a percentage, with the digits that its Monte Carlo error supports."""
    value, mcse = float(estimate.value), float(estimate.mcse)  # type: ignore[attr-defined]
    return f"{round_to_error(100 * value, 100 * mcse)}%"


def percent(prob: float) -> str:
    """An exact probability as a percentage."""
    return f"{100 * prob:.6g}%"


def _aligned(rows: Sequence[tuple[str, ...]], columns: int) -> list[str]:
    """Rows of cells as lines: labels to the left, broken where the table gets too wide, numbers to the right.

    A row of one cell spans the table.
    """
    full = [row for row in rows if len(row) > 1]
    widths = [max(len(row[i]) for row in full) for i in range(len(full[0]))]
    widths[0] = max(NARROWEST, min(widths[0], columns - sum(width + 3 for width in widths[1:])))
    lines = []
    for row in rows:
        if len(row) == 1:
            indent = " " * (len(row[0]) - len(row[0].lstrip()))
            lines += [indent + part for part in _broken(row[0].strip(), columns - len(indent))]
            continue
        label, *more = _broken(row[0], widths[0]) or [""]
        cells = [label.ljust(widths[0])] + [cell.rjust(widths[i + 1]) for i, cell in enumerate(row[1:-2])]
        lines.append("   ".join([*cells, row[-2].ljust(widths[-2]), row[-1]]).rstrip())
        lines += [f"  {part}" for part in more]
    return lines


def _broken(text: str, columns: int) -> list[str]:
    """A text in lines of at most so many columns (of words, as long as words are shorter); runs of spaces are kept."""
    lines = []
    while len(text) > columns:
        # What follows the first line is indented by two.
        end = text.rfind(" ", 0, columns - 1)
        end = end if end > 0 else columns - 2
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*lines, text] if text else lines


def listing(study: Study) -> str:
    """What a study consists of: each quantity with its unit, its label, who uses it and its source."""
    lines = [
        f"{study.name}: {len(study.priors)} priors, {len(study.trends)} trends, {len(study.functions)} functions, "
        f"{len(study.evidence)} observations, {len(study.reports)} reports. "
        "No problems found.",
        "",
    ]
    lines.append("Priors (what the study needs to be told)")
    lines += _list(
        [(p.name, p.unit, p.distribution.text, p.label, _users(study, p.name), p.source) for p in study.priors.values()]
    )
    if study.trends:
        lines += ["", "Trends (fitted to evidence) and what they define"]
        lines += _list(
            [
                (
                    c.name,
                    c.unit,
                    f"{c.part} of {c.trend}",
                    c.label,
                    _users(study, c.name),
                    c.source if c.name == c.trend else "",
                )
                for c in study.curves.values()
            ]
        )
    lines.append("")
    lines.append("Functions (what follows)")
    rows = []
    for name in study.sequence:
        f = study.functions[name]
        rows.append((name, f.unit, f"({', '.join(f.parameters)})", f.label, _users(study, name), f.source))
    lines += _list(rows)
    for d in study.dependences:
        lines.append(
            f"Dependence: {' ~ '.join(d.between)}, rank correlation {d.rank_correlation:g}"
            f"{'; ' + d.note if d.note else ''}"
        )
    lines += [f"Observation {seen.id}: {seen.text} ({seen.date}, {seen.source})" for seen in study.evidence]
    return "\n".join(lines)


def _users(study: Study, name: str) -> str:
    children = study.children(name)
    reported = [r.name for r in study.reports.values() if any(q.partition("@")[0] == name for q in r.quantities)]
    return ", ".join([*children, *(f"report {r}" for r in reported)]) or "nothing"


def _list(rows: Sequence[tuple[str, str, str, str, str, str]]) -> list[str]:
    lines = []
    for name, unit, text, label, users, source in rows:
        lines.append(f"  {name} [{unit}]  {label}")
        lines.append(f"      {text}")
        lines.append(f"      used by {users}{'; source: ' + source if source else ''}")
    return lines


def sheet(forecast: Forecast, name: str) -> str:
    """Everything about one quantity: definition, formula, parents, children, source and interval."""
    study = forecast.study
    definition = study.definition(name)
    lines = [f"{name}: {definition.label} [{study.labels[name]}]", ""]
    if isinstance(definition, Prior):
        lines += _prior_lines(definition)
    elif isinstance(definition, Function):
        lines += _function_lines(study, definition)
    else:
        lines += _curve_lines(study, definition)
    children = study.children(name)
    lines.append(f"Used by: {', '.join(children) or 'nothing'}")
    for d in study.dependences:
        if name in d.between:
            other = d.between[1] if d.between[0] == name else d.between[0]
            lines.append(
                f"Depends on: {other} (rank correlation {d.rank_correlation:g}{'; ' + d.note if d.note else ''})"
            )
    if definition.source:
        lines.append(f"Source: {definition.source}")
    lines += ["", table(forecast)]
    return "\n".join(lines)


def _prior_lines(prior: Prior) -> list[str]:
    lines = [
        f"Prior: {prior.distribution.text}",
        f"  read as {prior.distribution.describe()}",
        f"Defined in: {prior.place}",
    ]
    if prior.note:
        lines.append(f"Note: {prior.note}")
    for other in prior.alternatives:
        lines.append(
            f"Alternative '{other.name}': {other.distribution.text} "
            f"({other.source}{'; ' + other.note if other.note else ''})"
        )
    return lines


def _curve_lines(study: Study, curve: Curve) -> list[str]:
    trend = study.trends[curve.trend]
    kind = {"line": "mean line", "new": "a new system", "record": "running record"}.get(curve.part, curve.part)
    lines = [f"Trend: {kind} of {curve.trend}, {trend.spec.shape}, fitted to {trend.series}"]
    lines.append(f"Defined in: {curve.place} (forecast fit {curve.trend} shows the fit)")
    return [*lines, f"Note: {curve.note}"] if curve.note else lines


def _function_lines(study: Study, function: Function) -> list[str]:
    import inspect

    lines = [f"Defined in: {function.place}", "Follows from:"]
    for parameter in function.parameters:
        if parameter == YEAR:
            lines.append("  year (the year axis)")
        else:
            lines.append(f"  {parameter} [{study.labels[parameter]}]  {study.definition(parameter).label}")
    try:
        source = inspect.getsource(function.call).rstrip().splitlines()
    except OSError:
        source = ["(the file has gone)"]
    return [*lines, "Formula:", *(f"  {line}" for line in source)]

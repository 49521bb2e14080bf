"""What a study consists of, and all about one of its quantities: what `forecast check` and `forecast show` tell."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.graph import YEAR, Function
from forecast.result import Forecast
from forecast.study import Study
from forecast.study.priors import Prior
from forecast.text import COLUMNS, probability, table
from forecast.trend.files import Curve


def listing(study: Study) -> str:
    """What a study consists of, file by file: each quantity with unit, label, definition, source and who uses it."""
    counts = [
        (len(study.priors), "prior"),
        (len(study.trends), "trend"),
        (len(study.functions), "function"),
        (len(study.evidence), "observation"),
        (len(study.reports), "report"),
    ]
    said = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)
    lines = [f"{study.name}: {said}. No problems found."]
    users = _users(study)
    file = ""
    for name, definition in _by_file(study):
        if isinstance(definition, Prior):
            place, text = definition.place.partition(" ")[0], definition.distribution.text
            heading = f"{place}: what is believed"
        elif isinstance(definition, Function):
            place, text = definition.place.partition(":")[0], f"({', '.join(definition.parameters)})"
            heading = f"{place}: what follows"
        else:
            place, text = definition.place.partition(" ")[0], f"{definition.part} of {definition.trend}"
            heading = f"{place}: trends, fitted to evidence, and what they define"
        if heading != file:
            file = heading
            lines += ["", heading]
        lines += [f"  {name} [{definition.unit}]  {definition.label}", f"      {text}"]
        if definition.source and not (isinstance(definition, Curve) and name != definition.trend):
            lines.append(f"      source: {definition.source}")
        lines.append(f"      used by {', '.join(users.get(name, [])) or 'nothing'}")
    if study.dependences or study.evidence:
        lines.append("")
    for d in study.dependences:
        lines.append(
            f"Dependence: {' ~ '.join(d.between)}, rank correlation {d.rank_correlation:g}"
            f"{'; ' + d.note if d.note else ''}"
        )
    lines += [f"Observation {seen.id}: {seen.text} ({seen.date}, {seen.source})" for seen in study.evidence]
    return "\n".join(lines)


def _by_file(study: Study) -> Iterator[tuple[str, Prior | Curve | Function]]:
    yield from study.priors.items()
    yield from study.curves.items()
    yield from study.functions.items()


def _users(study: Study) -> dict[str, list[str]]:
    """For each quantity the functions that have it as a parameter, and the reports that tell it."""
    users: dict[str, list[str]] = {}
    for function in study.functions.values():
        for parameter in function.parameters:
            users.setdefault(parameter, []).append(function.name)
    for report in study.reports.values():
        for name in dict.fromkeys(text.partition("@")[0] for text in report.quantities):
            users.setdefault(name, []).append(f"report {report.name}")
    return users


def sheet(forecast: Forecast, name: str, columns: int = COLUMNS) -> str:
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
    lines.append(f"Used by: {', '.join(_users(study).get(name, [])) or 'nothing'}")
    for d in study.dependences:
        if name in d.between:
            other = d.between[1] if d.between[0] == name else d.between[0]
            lines.append(
                f"Rank correlation with {other}: {d.rank_correlation:g}{' (' + d.note + ')' if d.note else ''}"
            )
    if definition.source:
        lines.append(f"Source: {definition.source}")
    lines += ["", table(forecast, columns)]
    if not forecast.requests[0].year and forecast.is_crossing(name):
        lines += ["", f"Probability of having come by {_by_year(forecast, name)}"]
    return "\n".join(lines)


def _by_year(forecast: Forecast, name: str) -> str:
    """P(crossed by the year) at round years, from the first that is likelier than 1% to the first beyond 95%."""
    told = []
    for year in (year for year in forecast.years if year % 5 == 0):
        crossed = forecast.crossed_by(name, year)
        if crossed.value > 0.01:
            told.append(f"{year:g}: {probability(crossed)}")
        if crossed.value > 0.95:
            break
    return ", ".join(told) or f"{forecast.years[-1]:g}: {probability(forecast.crossed_by(name, forecast.years[-1]))}"


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
            f"Alternative (--set {prior.name}={other.name}): {other.distribution.text} "
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

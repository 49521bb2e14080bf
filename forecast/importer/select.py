"""Which rows make the series: duplicates, rules by name, dates, the record at the time, the top of each year."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from forecast.errors import UsageError, nearest
from forecast.importer.cells import same, tidy
from forecast.importer.format import Format, Kind, Rule
from forecast.importer.layout import Layout
from forecast.importer.rows import Reading, Row


@dataclass(frozen=True)
class Selection:
    """Which rows to keep. Every condition set must hold.

    Parameters
    ----------
    start, end : str
        First and last day, inclusive: ``2010-01-01``, or a month or a year for its first or last day.
    where : tuple of str
        Rules of the format by name, with values where a rule takes them: ``notable``, ``domain=Language,Vision``.
    record : float, optional
        Keep a row if its number is at least this fraction of the highest of an earlier day. The highest is taken
        over all rows that pass `where`, also those before `start` and those without the series' value.
    record_of : str
        The number the record is kept in; the value of the series if empty.
    top : int, optional
        Keep the highest so many of each calendar year, among the rows that pass everything else.
    """

    start: str = ""
    end: str = ""
    where: tuple[str, ...] = ()
    record: float | None = None
    record_of: str = ""
    top: int | None = None


def bound(text: str, last: bool) -> date:
    """First or last day of a year, a month or a day written ``2010``, ``2010-06`` or ``2010-06-01``.

    Raises
    ------
    UsageError
        The text is none of these.

    Examples
    --------
    >>> bound("2022-07", last=True)
    datetime.date(2022, 7, 31)
    """
    if match := re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", text.strip(), re.ASCII):
        year, month, day = (int(part) if part else None for part in match.groups())
        with suppress(ValueError):
            if day or not last:
                return date(year or 0, month or 1, day or 1)
            months = 12 * (year or 0) + (month or 12)
            return date(months // 12, months % 12 + 1, 1) - timedelta(days=1)
    raise UsageError(f"not a day ({text!r}); write it as 2010-06-01, 2010-06 or 2010")


def select(
    rows: Iterable[Row], form: Format, layout: Layout, value: Reading, record_of: Reading, selection: Selection
) -> tuple[tuple[Row, ...], Counter[str], tuple[str, ...]]:
    """Rows that make the series.

    Returns
    -------
    kept : tuple of Row
        By date, then name.
    dropped : Counter of str
        Number of rows by the first reason that left them out.
    notes : tuple of str
        Which duplicates were met.

    Raises
    ------
    UsageError
        A rule or a value of a rule does not exist, or an option is out of range.
    """
    kind, name = layout.kind, value.field.name
    if selection.record is not None and not 0 < selection.record <= 1:
        raise UsageError(f"record must be a fraction above 0 and up to 1 ({selection.record:g}); write 0.1 for 10%")
    if selection.top is not None and selection.top < 1:
        raise UsageError(f"top must be at least 1 ({selection.top})")
    if selection.record_of and selection.record is None:
        raise UsageError("record_of needs the option record, the fraction of the record to reach")
    start = bound(selection.start, last=False) if selection.start else date.min
    end = bound(selection.end, last=True) if selection.end else date.max
    if start > end:
        raise UsageError(f"the dates run backwards ({start} to {end})")

    dropped: Counter[str] = Counter()
    rows, repeats, notes = _without_repeats(rows, kind, name)
    checks = _checks(form, layout, rows, selection.where)
    eligible = [row for row in rows if not any(check(row) for check in checks)]
    floor = _floors(eligible, record_of.field.name, selection.record)

    def reason(row: Row) -> str:
        number, measure = row.numbers[name], row.numbers[record_of.field.name]
        if number is None:
            return f"{value.label} not readable" if name in row.unreadable else f"no {value.label}"
        if number <= 0:
            return f"{value.label} not positive"
        if failed := next(filter(None, (check(row) for check in checks)), ""):
            return failed
        if row.date < start:
            return f"before {start}"
        if row.date > end:
            return f"after {end}"
        if selection.record is None:
            return ""
        if measure is None or measure <= 0:
            return f"no {record_of.label}"
        below = measure < floor[row.date]
        return f"below {100 * selection.record:g}% of the highest {record_of.label} before" if below else ""

    kept = []
    for row in rows:
        if why := reason(row):
            dropped[why] += 1
        else:
            kept.append(row)
    if repeats:
        dropped["repeats another row"] = repeats
    if selection.top is not None:
        best = _top(kept, name, selection.top)
        if len(best) < len(kept):
            dropped[f"not among the top {selection.top} of its year"] = len(kept) - len(best)
        kept = best
    return tuple(sorted(kept, key=lambda row: (row.date, row.name, _cells(row)))), dropped, notes


def _cells(row: Row) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(row.cells.items()))


def _without_repeats(rows: Iterable[Row], kind: Kind, name: str) -> tuple[list[Row], int, tuple[str, ...]]:
    """One row of each identity: with a value before without, then by the format's preference, then the earliest."""
    groups: defaultdict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        key = _cells(row) if kind.identity == ("*",) else tuple(same(row.cells.get(part, "")) for part in kind.identity)
        groups[key].append(row)
    ranks = {same(text): rank for rank, text in enumerate(kind.prefer.get("order", ()))}
    mark = kind.prefer.get("field", "")

    def worth(row: Row) -> tuple[object, ...]:
        number = row.numbers[name]
        rank = ranks.get(same(row.cells.get(mark, "")), len(ranks))
        return number is None, rank, row.date, -(number or 0.0), _cells(row)

    kept, notes = [], []
    for group in groups.values():
        best = min(group, key=worth)
        kept.append(best)
        if len(group) > 1:
            values = sorted({row.numbers[name] for row in group} - {None})  # type: ignore[type-var]
            differ = f", which differ ({', '.join(f'{x:g}' for x in values)})" if len(values) > 1 else ""
            notes.append(f"{best.name!r} stands in {len(group)} rows{differ}; line {best.line} is used")
    repeats = sum(map(len, groups.values())) - len(kept)
    if len(notes) > 5:
        notes = [*notes[:5], f"{len(notes) - 5} more names stand in several rows"]
    if kind.identity != ("*",) and kind.identity != ("name",):
        shared = Counter(same(row.name) for row in kept)
        several = sorted(name for name, times in shared.items() if times > 1)
        if several:
            differing = " and ".join(part for part in kind.identity if part != "name")
            notes.append(
                f"{len(several)} names are kept more than once because {differing} differs "
                f"({', '.join(several[:5])}{', …' if len(several) > 5 else ''})"
            )
    return kept, repeats, tuple(notes)


def _checks(form: Format, layout: Layout, rows: Iterable[Row], where: Iterable[str]) -> list[Callable[[Row], str]]:
    """Functions that say why a row is left out, or nothing: the format's own refusals, then the rules asked for."""
    kind, rows = layout.kind, tuple(rows)
    asked = {}
    for text in where:
        name, _, values = (part.strip() for part in text.partition("="))
        if name not in kind.rules:
            hint = nearest(name, kind.rules) or f"choose one of {', '.join(kind.rules)}"
            raise UsageError(f"{kind.label} have no rule {name!r}; {hint}")
        asked[name] = tuple(tidy(part) for part in values.split(",") if part.strip())
    # A value that is asked for by name is not refused.
    named = {(kind.rules[name].field, same(text)) for name, values in asked.items() for text in values}
    checks = [
        _refusal(key, frozenset(text for text in texts if (key, text) not in named))
        for key, texts in kind.reject.items()
    ]
    return checks + [_check(form, layout, rows, kind.rules[name], values) for name, values in asked.items()]


def _refusal(key: str, texts: frozenset[str]) -> Callable[[Row], str]:
    return lambda row: f"{key} is {row.cells[key]}" if same(row.cells.get(key, "")) in texts else ""


def _check(
    form: Format, layout: Layout, rows: tuple[Row, ...], rule: Rule, values: tuple[str, ...]
) -> Callable[[Row], str]:
    key, name = rule.field, rule.name
    if key not in layout.columns:
        headers = ", ".join(map(repr, layout.kind.fields[key].headers))
        raise UsageError(
            f"this version ({layout.version}) cannot tell {name!r}: it has no column {headers}; leave the rule out or "
            "use another file"
        )
    if bool(values) != (rule.keep == "any of"):
        raise UsageError(f"the rule {name!r} takes {'no values' if values else f'values; write {name}=A,B'}")
    if rule.keep == "filled":
        return lambda row: "" if row.cells[key] else f"not {name}"
    if rule.keep == "true":
        return lambda row: "" if same(row.cells[key]) in form.true else f"not {name}"
    there = {same(part): tidy(part) for row in rows for part in row.cells[key].split(",") if part.strip()}
    for text in values:
        if same(text) not in there:
            hint = nearest(text, there.values()) or f"there are {', '.join(sorted(there.values())[:12])}"
            raise UsageError(f"no row has {name} {text!r}; {hint}")
    wanted = frozenset(map(same, values))
    why = f"{name} not {' or '.join(values)}"
    return lambda row: why if wanted.isdisjoint(map(same, row.cells[key].split(","))) else ""


def _floors(rows: Iterable[Row], name: str, fraction: float | None) -> Mapping[date, float]:
    """For each date, the fraction of the highest number of an earlier day: rows of one day do not see one another."""
    by_day: defaultdict[date, float] = defaultdict(float)
    for row in rows:
        by_day[row.date] = max(by_day[row.date], row.numbers[name] or 0.0)
    floors: dict[date, float] = {}
    highest = 0.0
    for day in sorted(by_day):
        floors[day] = (fraction or 0.0) * highest
        highest = max(highest, by_day[day])
    return floors


def _top(rows: Iterable[Row], name: str, most: int) -> list[Row]:
    years: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        years[row.date.year].append(row)
    return [
        row
        for group in years.values()
        for row in sorted(group, key=lambda row: (-(row.numbers[name] or math.nan), row.date, row.name))[:most]
    ]

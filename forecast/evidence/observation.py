"""What was seen of a quantity: an `Observation`, from a table of an evidence file or from a statement in a line."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forecast.distribution import Distribution, format_number, parse, parse_number
from forecast.errors import Problem, StudyError, nearest

FIELDS = ("quantity", "year", "value", "at_least", "at_most", "error", "unit", "date", "source", "note")
_ID = re.compile(r"[A-Za-z0-9_-]+")
_STATEMENT = re.compile(
    r"\s*(?P<name>\w+)\s*(?:@\s*(?P<year>[^\s=<>≤≥]+))?\s*(?P<sign>>=|<=|≥|≤|=|>|<)\s*(?P<value>[^=<>≤≥\s].*?)\s*(?:\[(?P<unit>[^\[\]]*)\]\s*)?$"
)
Parse = Callable[[Any, str], Distribution]


@dataclass(frozen=True)
class Observation:
    """Something that was seen of a quantity.

    Parameters
    ----------
    id : str
        Its name in the study.
    quantity : str
        Given or derived.
    year : float or None
        Of a quantity with a year axis.
    value : Distribution or None
        The measurement with its own uncertainty, in `unit`; a point is exact.
    at_least, at_most : float
        Bounds, in `unit`; infinite where nothing is said.
    error : float
        Standard error of the bounds: of the value, or of its logarithm if `relative`; 0 if they are sharp.
    relative : bool
    unit : str
        As written; empty for the quantity's own.
    factor : float
        A value in `unit` is one in the quantity's own unit times this.
    date : str
        When it was seen or published, as an ISO date.
    source, note, place : str
    text : str
        The statement, as people read it.

    Examples
    --------
    >>> seen = statement("training_cost@2023 = 60M to 120M", id="report", source="a newspaper", date="2024-03-01")
    >>> seen.quantity, seen.year, seen.value.describe()
    ('training_cost', 2023.0, 'lognormal, 90% interval 60M to 120M')
    """

    id: str
    quantity: str
    year: float | None
    value: Distribution | None
    at_least: float
    at_most: float
    error: float
    relative: bool
    unit: str
    factor: float
    date: str
    source: str
    note: str = ""
    place: str = ""
    text: str = ""

    @property
    def target(self) -> str:
        """The quantity, with its year if it has one."""
        return self.quantity if self.year is None else f"{self.quantity}@{self.year:g}"

    @property
    def exact(self) -> bool:
        """Whether a single value was seen, without any error."""
        return self.value is not None and self.value.family == "point"

    def key(self) -> str:
        """What the observation says, whatever it is called: observations are always used in the order of their keys."""
        value = "" if self.value is None else self.value.canonical()
        parts = (self.target, value, self.at_least, self.at_most, self.error, self.relative, self.factor, self.id)
        return "|".join(map(repr, parts))


def from_fields(name: str, table: Mapping[str, Any], place: str, parse_text: Parse = parse) -> Observation:
    """An observation from its fields.

    Raises
    ------
    StudyError
        Everything that is wrong with them.
    """
    problems: list[Problem] = []
    made = read_observation(name, table, place, parse_text, problems)
    if made is None or problems:
        raise StudyError(problems)
    return made


def free_id(quantity: str, taken: Sequence[str]) -> str:
    """An id made from a quantity that no observation has yet.

    Examples
    --------
    >>> free_id("cost@2023", ["cost-2023"])
    'cost-2023-2'
    """
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", quantity).strip("-") or "observation"
    numbers = (stem if i == 1 else f"{stem}-{i}" for i in range(1, len(taken) + 2))
    return next(name for name in numbers if name not in taken)


def statement(
    text: str, *, id: str = "", source: str = "", date: str = "", note: str = "", error: str | float | None = None,
    place: str = "--observe", parse_text: Parse = parse,
) -> Observation:  # fmt: skip
    """Read a statement such as ``training_cost@2023 = 60M to 120M`` or ``largest_run_cost@2023 <= 1B [USD_2023]``.

    Raises
    ------
    StudyError
        Everything that is wrong with it.
    """
    table = table_of(text, source=source, date=date, note=note, error=error, place=place)
    return from_fields(id or free_id(table["quantity"], ()), table, place, parse_text)


def table_of(
    text: str,
    *,
    source: str = "",
    date: str = "",
    note: str = "",
    error: str | float | None = None,
    place: str = "--observe",
) -> dict[str, Any]:
    """The fields of an evidence table that a statement stands for."""
    match = _STATEMENT.match(text)
    if match is None:
        raise StudyError.at(
            place,
            f"is not a statement about a quantity ({text})",
            "write 'training_cost@2023 = 60M to 120M', or <= or >= for a bound",
        )
    kind = {"=": "value", ">": "at_least", "<": "at_most", "≥": "at_least", "≤": "at_most"}[match["sign"][0]]
    table: dict[str, Any] = {"quantity": match["name"]}
    if match["year"] is not None:
        table["year"] = _plain_number(match["year"], place)
    table[kind] = match["value"]
    optional = {"error": error, "unit": match["unit"], "date": date, "source": source, "note": note or None}
    return table | {key: value for key, value in optional.items() if value is not None}


def _plain_number(text: str, place: str) -> float | int:
    value = parse_number(text, place)
    return int(value) if value == int(value) else value


def read_observation(
    name: str, table: Mapping[str, Any], place: str, parse_text: Parse, problems: list[Problem]
) -> Observation | None:
    """An observation from its table, None if it is none; everything that is wrong is added to the problems."""
    before = len(problems)
    if not _ID.fullmatch(name):
        problems.append(Problem(place, f"an id has letters, digits, - and _ only ({name})", "rename it"))
    for key in table:
        if key not in FIELDS:
            problems.append(
                Problem(
                    place,
                    f"unknown field '{key}' of an observation",
                    nearest(key, FIELDS) or f"known fields: {', '.join(FIELDS)}",
                )
            )
    quantity, year = _target(table, place, problems)
    date = _date(table.get("date"), place, problems)
    source = table.get("source")
    if not isinstance(source, str) or not source.strip():
        problems.append(Problem(place, "an observation has no source", 'write source = "who says so, and where"'))
    unit = table.get("unit", "")
    if not isinstance(unit, str):
        problems.append(Problem(place, f"unit is not a text ({unit!r})", 'write unit = "USD_2023"'))
    value, error = _value(table, place, parse_text, problems), _error(table.get("error"), place, problems)
    low, high = (_bound(table, key, place, problems) for key in ("at_least", "at_most"))
    kinds = [key for key in ("value", "at_least", "at_most") if key in table]
    if not kinds or ("value" in kinds and len(kinds) > 1):
        found = " and ".join(kinds) or "nothing"
        problems.append(
            Problem(
                place,
                f"an observation has a value, or at_least and at_most (found {found})",
                'write value = "60M to 120M", or at_most = "1B"',
            )
        )
    if low > high:
        problems.append(Problem(place, f"at_least lies above at_most ({low:g}, {high:g})", "exchange them"))
    if len(problems) > before:
        return None
    size, relative = error
    if relative and any(math.isfinite(bound) and bound <= 0 for bound in (low, high)):
        problems.append(
            Problem(place, "a bound with an error in percent must be positive", "give the error in the quantity's unit")
        )
        return None
    if value is not None and size:
        value = _with_error(value, size, relative, place, problems)
        size, relative = 0.0, False
        if value is None:
            return None
    text = _text(quantity, year, table, unit)
    note = " ".join(str(table.get("note", "")).split())
    return Observation(
        name,
        quantity,
        year,
        value,
        low,
        high,
        size,
        relative,
        unit.strip(),
        1.0,
        date,
        " ".join(str(source).split()),
        note,
        place,
        text,
    )


def _text(quantity: str, year: float | None, table: Mapping[str, Any], unit: str) -> str:
    target = quantity if year is None else f"{quantity}@{year:g}"
    parts = [
        f"{sign} {_shown(table[key])}"
        for key, sign in (("value", "="), ("at_least", ">="), ("at_most", "<="))
        if key in table
    ]
    error = f" (error {_shown(table['error'])})" if "error" in table else ""
    return f"{target} {' and '.join(parts)}{error}{f' [{unit}]' if unit else ''}"


def _shown(value: Any) -> str:
    """A field as people read it: a text as it was written, a number with its thousands told."""
    return format_number(float(value), 6) if isinstance(value, (int, float)) else str(value)


def _target(table: Mapping[str, Any], place: str, problems: list[Problem]) -> tuple[str, float | None]:
    quantity, year = table.get("quantity"), table.get("year")
    if not isinstance(quantity, str) or not quantity.strip():
        problems.append(
            Problem(place, "an observation does not say of which quantity", 'write quantity = "training_cost"')
        )
        return "", None
    name, at, text = quantity.partition("@")
    if at and year is None:
        try:
            year = float(text)
        except ValueError:
            problems.append(Problem(place, f"'{quantity}' does not name a year ({text})", f"write {name}@2030"))
    if year is not None and (isinstance(year, bool) or not isinstance(year, (int, float)) or not math.isfinite(year)):
        problems.append(Problem(place, f"year is not a number ({year!r})", "write year = 2023"))
        year = None
    return name.strip(), None if year is None else float(year)


def _date(value: Any, place: str, problems: list[Problem]) -> str:
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value.strip()).isoformat()
        except ValueError:
            pass
    what = "an observation has no date" if value in (None, "") else f"date is not a date ({value})"
    problems.append(Problem(place, what, "write the day on which it was seen or published, such as 2024-03-01"))
    return ""


def _value(table: Mapping[str, Any], place: str, parse_text: Parse, problems: list[Problem]) -> Distribution | None:
    if "value" not in table:
        return None
    try:
        return parse_text(table["value"], f"{place} value")
    except StudyError as error:
        problems.extend(error.problems)
        return None


def _bound(table: Mapping[str, Any], key: str, place: str, problems: list[Problem]) -> float:
    other = -math.inf if key == "at_least" else math.inf
    if key not in table:
        return other
    try:
        value = parse_number(table[key], f"{place} {key}")
    except StudyError as error:
        problems.extend(error.problems)
        return other
    return float(value)


def _error(value: Any, place: str, problems: list[Problem]) -> tuple[float, bool]:
    """Standard error, and whether it is one of the logarithm: ``10%`` is, ``3M`` is not."""
    if value is None:
        return 0.0, False
    try:
        size = float(parse_number(value, f"{place} error"))
    except StudyError as error:
        problems.extend(error.problems)
        return 0.0, False
    if not 0 < size < math.inf:
        problems.append(Problem(place, f"error is not positive ({value})", 'write error = "10%", or leave it out'))
        return 0.0, False
    relative = isinstance(value, str) and value.strip().endswith("%")
    return (math.log1p(size), True) if relative else (size, False)


def _with_error(
    value: Distribution, size: float, relative: bool, place: str, problems: list[Problem]
) -> Distribution | None:
    if value.family != "point":
        problems.append(Problem(place, "has a value with an interval of its own, and an error", "leave the error out"))
        return None
    centre = value["x"]
    if relative and centre <= 0:
        problems.append(
            Problem(
                place,
                f"an error in percent needs a positive value ({centre:g})",
                "give the error in the quantity's unit",
            )
        )
        return None
    text = f"lognormal(median={centre!r}, sigma={size!r})" if relative else f"normal(mean={centre!r}, sd={size!r})"
    return parse(text, place)

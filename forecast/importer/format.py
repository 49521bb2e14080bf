"""What a format says about a family of files: the records and their reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from forecast.errors import StudyError, nearest
from forecast.importer.cells import DAY_PATTERNS

_TYPES = ("text", "number", "date", "flag")
_PRICE_YEARS = ("", "header", "date", "ask")
_KEEPS = ("filled", "true", "any of")


@dataclass(frozen=True)
class Field:
    """One thing a file may state about a row.

    Parameters
    ----------
    name : str
        What the user calls it.
    headers : tuple of str
        Its column's names over the versions, the preferred one first; ``{year}`` stands for four digits.
    column, unit : str
        Name and unit in the series; ``{year}`` in a unit is the year of the prices.
    type : {"text", "number", "date", "flag"}
        How a cell is read; ``number`` where a unit is given.
    price_year : {"", "header", "date", "ask"}
        Where the year of the prices comes from: no prices, the header, the date of each row, or the user.
    ratio : tuple of str
        Two fields whose quotient this is, in place of headers.
    required : bool
        Whether a file without it is refused.
    """

    name: str
    headers: tuple[str, ...] = ()
    column: str = ""
    unit: str = ""
    type: str = ""
    price_year: str = ""
    ratio: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Rule:
    """A named condition on one field: its cell is ``filled``, is ``true``, or holds ``any of`` the values given."""

    name: str
    field: str
    keep: str = "filled"


@dataclass(frozen=True)
class Errors:
    """Standard errors of log10 values by a mark in each row."""

    name: str
    field: str
    values: tuple[str, ...]
    log10_se: Mapping[str, float]
    otherwise: float


@dataclass(frozen=True)
class Kind:
    """A kind of file: its fields, rules, and how its rows are told apart."""

    name: str
    label: str
    value: str
    fields: Mapping[str, Field]
    rules: Mapping[str, Rule] = field(default_factory=dict)
    errors: Mapping[str, Errors] = field(default_factory=dict)
    carry: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    identity: tuple[str, ...] = ("name",)
    prefer: Mapping[str, Any] = field(default_factory=dict)
    reject: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the fields that are numbers, in order."""
        return tuple(name for name, item in self.fields.items() if item.type == "number")


@dataclass(frozen=True)
class Version:
    """A published version, recognised by the columns it has and lacks."""

    name: str
    kind: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    dates: tuple[str, ...] = ("yyyy-mm-dd",)
    columns: int = 0


@dataclass(frozen=True)
class Format:
    """A family of files, as declared in ``priors/formats/NAME.toml``."""

    place: str
    title: str
    credit: str
    kinds: Mapping[str, Kind]
    versions: tuple[Version, ...]
    year_column: str = "price_year"
    blank: frozenset[str] = frozenset()
    prefix: tuple[str, ...] = ()
    true: frozenset[str] = frozenset({"true"})
    selection: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def load_format(path: Path) -> Format:
    """Read a format.

    Parameters
    ----------
    path : Path
        A file such as ``priors/formats/NAME.toml``.

    Raises
    ------
    StudyError
        The file is missing, is not TOML, or says something the importer does not know.

    Examples
    --------
    >>> load_format(Path("priors/formats/epoch.toml")).kinds["models"].fields["compute"].unit
    'FLOP'
    """
    import tomllib

    place = str(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError.at(place, f"cannot be read ({error.strerror})", "check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError.at(place, f"not valid TOML ({error})", "correct the file") from None
    try:
        return _format(place, data)
    except (AttributeError, TypeError, ValueError) as error:
        # A number where a table or a list belongs; anything of the right shape is checked by name below.
        raise StudyError.at(place, f"not laid out as a format ({error})", "compare it with docs/importing.md") from None


def _format(place: str, data: dict[str, Any]) -> Format:
    cells = {key: _listed(value) for key, value in data.pop("cells", {}).items()}
    for key in {"blank", "true"} & set(cells):
        cells[key] = frozenset(text.casefold() for text in cells[key])
    kinds = {name: _kind(f"{place} [kind.{name}]", name, body) for name, body in data.pop("kind", {}).items()}
    versions = tuple(_record(Version, f"{place} [[version]]", body) for body in data.pop("version", []))
    for version in versions:
        where = f"{place} [[version]] {version.name}"
        _one_of(where, "kind", version.kind, tuple(kinds))
        for pattern in version.dates:
            _one_of(where, "dates", pattern, DAY_PATTERNS)
    return _record(Format, place, cells | data, place=place, kinds=kinds, versions=versions)


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _record[T](record: type[T], spot: str, body: Mapping[str, Any], **given: Any) -> T:
    known = [item.name for item in fields(cast(Any, record)) if item.name not in given]
    for key in body:
        if key not in known:
            raise StudyError.at(spot, f"unknown key {key!r}", nearest(key, known) or f"use one of {', '.join(known)}")
    try:
        return record(**{key: _listed(value) for key, value in body.items()}, **given)
    except TypeError as error:
        raise StudyError.at(spot, f"incomplete ({error})", "add what is missing") from None


def _one_of(place: str, key: str, found: str, known: Iterable[str]) -> None:
    if found not in known:
        raise StudyError.at(place, f"{key} is {found!r}", nearest(found, known) or f"use one of {', '.join(known)}")


def _kind(place: str, name: str, body: dict[str, Any]) -> Kind:
    items = {}
    for key, entry in body.pop("field", {}).items():
        entry.setdefault("type", "number" if "unit" in entry else "text")
        entry.setdefault("column", key)
        items[key] = _record(Field, f"{place} field.{key}", entry, name=key)
        _one_of(f"{place} field.{key}", "type", items[key].type, _TYPES)
        _one_of(f"{place} field.{key}", "price_year", items[key].price_year, _PRICE_YEARS)
    rules = {k: _record(Rule, f"{place} rule.{k}", v, name=k) for k, v in body.pop("rule", {}).items()}
    errors = {k: _record(Errors, f"{place} errors.{k}", v, name=k) for k, v in body.pop("errors", {}).items()}
    body["reject"] = {key: tuple(text.casefold() for text in texts) for key, texts in body.get("reject", {}).items()}
    kind = _record(Kind, place, body, name=name, fields=items, rules=rules, errors=errors)
    named = [("name", "name"), ("date", "date"), ("value", kind.value)]
    named += [(f"rule.{rule.name}", rule.field) for rule in rules.values()]
    named += [(key, name) for key in ("carry", "source") for name in getattr(kind, key)]
    named += [(f"field.{item.name} ratio", part) for item in items.values() for part in item.ratio]
    named += [("identity", name) for name in kind.identity if name != "*"] + [("reject", name) for name in kind.reject]
    for key, name in named:
        _one_of(place, key, name, tuple(items))
    for item in items.values():
        if item.ratio and item.price_year == "header":
            raise StudyError.at(f"{place} field.{item.name}", "a ratio has no header to name a year", "write 'ask'")
    for rule in rules.values():
        _one_of(f"{place} rule.{rule.name}", "keep", rule.keep, _KEEPS)
    return kind

"""Unit files to a unit system: what is counted, which currencies there are, and their price indices.

``priors/units.toml``::

    [count]                                # each a dimension of its own
    chip = "accelerator"
    [currency.USD]
    index  = "price_index.csv"             # columns year,index: USD_2009 ... USD_2024 become units
    year   = 2023                          # USD without a year is USD_2023
    source = "Bureau of Labor Statistics"  # of the price index
    [unit]                                 # optional: names for multiples of other units
    node = "8 chip"
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from forecast.errors import Problem, StudyError, nearest
from forecast.toml import read_toml
from forecast.units import Currency, UnitSystem, unit
from forecast.units.system import DIMENSIONS, split_word

_KINDS = ("count", "currency", "unit")
_FIELDS = ("index", "year", "source")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MULTIPLE = re.compile(r"\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)?\s*\*?\s*(.*)")


def read_units(path: Path, place: str = "priors/units.toml") -> UnitSystem:
    """Read a study's units.

    Parameters
    ----------
    path : pathlib.Path
        The file; without one, the study has the engine's units only. Price indices are found beside it.
    place : str
        How messages call the file.

    Returns
    -------
    UnitSystem

    Raises
    ------
    StudyError
        Everything that is wrong with the file and its price indices.

    Examples
    --------
    >>> read_units(Path("no/such/units.toml"))
    UnitSystem(counts=(), currencies=(), multiples=())
    """
    if not path.exists():
        return UnitSystem()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError.at(place, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8") from error
    except OSError as error:
        raise StudyError.at(place, f"cannot be read ({error.strerror})", "make it readable") from error
    problems: list[Problem] = []
    table = read_toml(place, text, problems)
    for key, value in table.items():
        if key not in _KINDS:
            remedy = nearest(key, _KINDS) or f"use {', '.join(_KINDS)}"
            problems.append(Problem(f"{place} [{key}]", "is not a kind of unit", remedy))
        elif not isinstance(value, dict):
            problems.append(Problem(f"{place} {key}", "is not a table", f"write [{key}] on a line of its own"))
            table[key] = {}
    system = UnitSystem()
    for name, fields in table.get("currency", {}).items():
        where = f"{place} [currency.{name}]"
        currency = _read_currency(name, fields, path.parent, where, problems)
        if currency:
            system = _joined(system, UnitSystem((), (*system.currencies, currency)), name, where, problems)
    for name, meaning in table.get("count", {}).items():
        where = f"{place} [count] {name}"
        if _is_text(meaning, where, "say in a few words what is counted", problems):
            wider = UnitSystem((*system.counts, (name, meaning)), system.currencies)
            system = _joined(system, wider, name, where, problems)
    for name, text in table.get("unit", {}).items():
        where = f"{place} [unit] {name}"
        if _is_text(text, where, "write a number and a unit, for example '8 chip'", problems):
            system = _read_multiple(system, name, text, where, problems)
    if problems:
        raise StudyError(problems)
    return system


def _joined(system: UnitSystem, wider: UnitSystem, name: str, place: str, problems: list[Problem]) -> UnitSystem:
    """The wider system, if the name it adds is one and is free in both directions (token, then ktoken, or reversed)."""
    wrong = None
    if not _NAME.fullmatch(name) or name in {"inf", "nan", "per"}:
        wrong = Problem(place, f"is not a name for a unit ('{name}')", "use letters, digits and _, a letter first")
    elif name in DIMENSIONS:
        wrong = Problem(place, f"is what the engine calls a dimension ('{name}')", "choose another name")
    elif split := split_word(system, name):
        wrong = Problem(place, f"'{name}' already means {' '.join(filter(None, split))}", "choose another name")
    else:
        declared = [name for name, _ in system.counts] + [currency.name for currency in system.currencies]
        alone = UnitSystem(wider.counts[len(system.counts) :], wider.currencies[len(system.currencies) :])
        for other in declared:
            if split_word(alone, other):
                wrong = Problem(place, f"'{name}' with a prefix would mean '{other}'", "choose another name")
    if wrong:
        problems.append(wrong)
        return system
    return wider


def _read_multiple(system: UnitSystem, name: str, text: str, place: str, problems: list[Problem]) -> UnitSystem:
    match = _MULTIPLE.fullmatch(text)
    number, rest = (float(match[1] or 1), match[2]) if match else (1.0, text)
    try:
        unit(system, rest, place)
    except StudyError as error:
        problems.extend(error.problems)
        return system
    if not 0 < number < float("inf"):
        problems.append(Problem(place, f"is not a positive multiple ({number:g})", "write for example '8 chip'"))
        return system
    wider = UnitSystem(system.counts, system.currencies, (*system.multiples, (name, number, rest)))
    return _joined(system, wider, name, place, problems)


def _read_currency(name: str, fields: Any, folder: Path, place: str, problems: list[Problem]) -> Currency | None:
    if not isinstance(fields, dict):
        problems.append(Problem(place, "is not a table", "give it index, year and source"))
        return None
    before = len(problems)
    for key in fields:
        if key not in _FIELDS:
            remedy = nearest(key, _FIELDS) or f"use {', '.join(_FIELDS)}"
            problems.append(Problem(place, f"has no field '{key}'", remedy))
    _is_text(fields.get("source"), f"{place} source", "cite where the price index comes from", problems)
    levels: dict[int, float] = {}
    if _is_text(fields.get("index"), f"{place} index", "name a CSV file with the columns year,index", problems):
        levels = _read_index(folder / fields["index"], f"{place} index", problems)
    year = fields.get("year")
    if not isinstance(year, int) or isinstance(year, bool):
        problems.append(Problem(f"{place} year", f"is not a year ({year!r})", f"give the year that {name} alone means"))
    elif levels and year not in levels:
        remedy = f"choose one from {min(levels)} to {max(levels)}"
        problems.append(Problem(f"{place} year", f"is not in the price index ({year})", remedy))
    if len(problems) > before:
        return None
    return Currency(name, fields["year"], tuple(sorted(levels.items())), fields["source"])


def _read_index(path: Path, place: str, problems: list[Problem]) -> dict[int, float]:
    folder, slash, _ = place.partition(" ")[0].rpartition("/")
    file = f"{folder}{slash}{path.name}"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        problems.append(Problem(file, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8"))
        return {}
    except OSError as error:
        remedy = nearest(path.name, [other.name for other in path.parent.glob("*.csv")])
        problems.append(
            Problem(
                place, f"cannot be read ({path.name}: {error.strerror})", remedy or "put a CSV file beside units.toml"
            )
        )
        return {}
    if not lines or [cell.strip() for cell in lines[0].split(",")] != ["year", "index"]:
        found = f" ({lines[0][:40]!r})" if lines else ""
        problems.append(Problem(f"{file}:1", f"is not the header of a price index{found}", "begin with 'year,index'"))
        return {}
    levels: dict[int, float] = {}
    for number, line in enumerate(lines[1:], 2):
        try:
            year, level = line.split(",")
            if not 0 < float(level) < float("inf") or int(year) in levels:
                raise ValueError
            levels[int(year)] = float(level)
        except ValueError:
            if line.strip():
                what = f"is not a new year and a positive price level ('{line.strip()}')"
                problems.append(Problem(f"{file}:{number}", what, "write for example 2023,304.702"))
    if not levels:
        problems.append(Problem(file, "has no years", "add lines such as 2023,304.702"))
    return levels


def _is_text(value: Any, place: str, remedy: str, problems: list[Problem]) -> bool:
    if isinstance(value, str) and value.strip():
        return True
    problems.append(Problem(place, "is missing" if value is None else f"is not a text ({value!r})", remedy))
    return False

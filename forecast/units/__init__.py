"""Units of measurement: what a study counts and pays in, and how many base units each unit is worth.

The engine knows time, a little physics, data and orders of magnitude; what is counted (chips, tokens, words) and which
currencies there are is declared by the study in ``priors/units.toml`` (see `forecast.units.files`).

Base units are coherent and the year (365.25 days) is the unit of time, so that growth per year times a number of years
needs no factor. Conversions and dimensions are pint's, and nothing else in the package imports pint; but pint is
only shown exact names of this system, because its own units and conveniences are traps here: a bit is a pure number, an
``a`` is a year, ``GPU`` may parse as something with a prefix, ``FLOPs`` is FLOP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forecast.errors import StudyError, nearest
from forecast.units.text import UnreadableUnit, terms

_LARGE = {"k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "Z": 21, "Y": 24}
_LARGE |= {"kilo": 3, "mega": 6, "giga": 9, "tera": 12, "peta": 15, "exa": 18, "zetta": 21, "yotta": 24}
_SMALL = {"p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "pico": -12, "nano": -9, "micro": -6, "milli": -3, "centi": -2}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_BINARY |= {"kibi": 1, "mebi": 2, "gibi": 3, "tebi": 4, "pebi": 5, "exbi": 6}

_NONE: Mapping[str, float] = {}
_COUNTED: Mapping[str, float] = {name: 10.0**power for name, power in _LARGE.items()}
_DATA: Mapping[str, float] = {**_COUNTED, **{name: 1024.0**power for name, power in _BINARY.items()}}
_PHYSICAL: Mapping[str, float] = {**_COUNTED, **{name: 10.0**power for name, power in _SMALL.items()}}

# name, its aliases, its definition, the prefixes it takes. Counts and money take no small prefix (is a mUSD a
# thousandth or a million?) and no unit of time but the second takes any (is a Ph a petahour or a phot?).
_ENGINE: tuple[tuple[str, tuple[str, ...], str, Mapping[str, float]], ...] = (
    ("year", ("yr",), "[time]", _NONE),
    ("month", (), "year / 12", _NONE),
    ("week", (), "7 * year / 365.25", _NONE),
    ("day", ("d",), "year / 365.25", _NONE),
    ("hour", ("h",), "year / 8766", _NONE),
    ("minute", ("min",), "year / 525960", _NONE),
    ("second", ("s",), "year / 31557600", _PHYSICAL),
    ("hertz", ("Hz",), "1 / second", _PHYSICAL),
    ("meter", ("metre", "m"), "[length]", _PHYSICAL),
    ("gram", ("g",), "[mass]", _PHYSICAL),
    ("tonne", (), "1000000 * gram", _NONE),
    ("kelvin", ("K",), "[temperature]", _PHYSICAL),
    ("joule", ("J",), "1000 * gram * meter ** 2 / second ** 2", _PHYSICAL),
    ("watt", ("W",), "joule / second", _PHYSICAL),
    ("watt_hour", ("Wh",), "watt * hour", _PHYSICAL),
    ("byte", ("B",), "[data]", _DATA),
    ("bit", (), "byte / 8", _DATA),
    ("OOM", (), "[]", _NONE),
    ("doubling", (), "0.3010299956639812 * OOM", _NONE),
    ("percent", ("%",), "0.01", _NONE),
    ("radian", (), "[]", _NONE),  # pint gives arctan and the like in radians
)
DIMENSIONS = frozenset(definition.strip("[]") for _, _, definition, _ in _ENGINE if definition.startswith("["))
_OFFSET = {"degC", "degF", "celsius", "Celsius", "fahrenheit", "Fahrenheit", "degree_Celsius", "degree_Fahrenheit"}
_LOGARITHMIC = {"dB", "dBm", "dBW", "bel", "decibel", "neper", "Np", "octave", "pH", "cent"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Currency:
    """A currency whose value changes from year to year.

    Parameters
    ----------
    name : str
        ``USD``; with a year, ``USD_2020``, it is the money of that year.
    year : int
        The year meant when none is given.
    index : tuple of (int, float)
        Price level by year.
    source : str
        Where the price levels come from.
    """

    name: str
    year: int
    index: tuple[tuple[int, float], ...]
    source: str = ""


@dataclass(frozen=True)
class UnitSystem:
    """The units of a study.

    Parameters
    ----------
    counts : tuple of (str, str)
        Name and meaning of everything that is counted.
    currencies : tuple of Currency
    multiples : tuple of (str, float, str)
        Further units: name, number and the text of the unit it is a multiple of.

    Examples
    --------
    >>> system = UnitSystem(counts=(("chip", "accelerator"),))
    >>> unit(system, "chip*hour").factor * 8766
    1.0
    """

    counts: tuple[tuple[str, str], ...] = ()
    currencies: tuple[Currency, ...] = ()
    multiples: tuple[tuple[str, float, str], ...] = ()

    @property
    def signature(self) -> str:
        """Every unit with its definition, one a line: equal for systems that mean the same, so a key for caches."""
        return "\n".join(f"{' = '.join([name, definition, *aliases])}" for name, aliases, definition, _ in _rows(self))


@dataclass(frozen=True)
class Unit:
    """The text of a unit and what it means.

    Parameters
    ----------
    text : str
        As written.
    factor : float
        How many base units it is: value in base units = value * factor.
    dimension : str
        What it measures, ``USD/(chip*time)``; empty for a pure number. Units convert if and only if this is equal.
    label : str
        The text to show: as written, with the year of money made explicit (``USD`` is ``USD_2023``).
    undated : tuple of str
        Currencies written without their year.
    """

    text: str
    factor: float
    dimension: str
    label: str
    undated: tuple[str, ...] = ()


def unit(system: UnitSystem, text: str, place: str = "") -> Unit:
    """Read the text of a unit.

    Parameters
    ----------
    system : UnitSystem
    text : str
        Names joined by ``*`` and ``/``, with powers (``**`` or ``^``) and brackets; empty for a pure number.
    place : str
        Where the text stands, for messages.

    Raises
    ------
    StudyError
        An unknown name (with the nearest one), a unit that no factor converts (degC, dB), a text that two readers
        could read differently (``USD/chip*hour``, ``FLOPs``).

    Examples
    --------
    >>> unit(UnitSystem(), "kWh/day").dimension
    'length**2*mass/time**3'
    """
    found = _unit(system, text)
    if isinstance(found, tuple):
        raise StudyError.at(place, *found)
    return found


def conversion(system: UnitSystem, source: str, target: str, place: str = "") -> float:
    """How many of the target unit make one of the source unit.

    Raises
    ------
    StudyError
        Units that measure different things, and everything `unit` refuses.

    Examples
    --------
    >>> round(conversion(UnitSystem(), "GiB", "GB"), 6)
    1.073742
    """
    one, other = unit(system, source, place), unit(system, target, place)
    if one.dimension != other.dimension:
        raise StudyError.at(
            place,
            f"[{source}] cannot be shown in [{target}] ({one.dimension or 'a pure number'} is not "
            f"{other.dimension or 'a pure number'})",
            "choose a unit of the same kind",
        )
    return one.factor / other.factor


def same_dimension(one: Unit, other: Unit) -> bool:
    """Whether two units measure the same thing, so that a factor converts between them."""
    return one.dimension == other.dimension


def undated_note(system: UnitSystem, read: Unit) -> str:
    """What to tell a reader about money without its year, or an empty text."""
    years = {currency.name: currency.year for currency in system.currencies}
    return "; ".join(f"{name} without a year is {name}_{years[name]}" for name in read.undated)


def _dated(currency: Currency) -> dict[str, float]:
    base = dict(currency.index)[currency.year]
    return {f"{currency.name}_{year}": base / level for year, level in currency.index}


@lru_cache(maxsize=16)
def _rows(system: UnitSystem) -> tuple[tuple[str, tuple[str, ...], str, Mapping[str, float]], ...]:
    """Every unit: name, aliases, definition in plain names, prefixes allowed."""
    rows = list(_ENGINE)
    rows += [(name, (), f"[{name}]", _COUNTED) for name, _ in system.counts]
    for currency in system.currencies:
        rows.append((currency.name, (), f"[{currency.name}]", _COUNTED))
        rows += [(name, (), f"{value!r} * {currency.name}", _COUNTED) for name, value in _dated(currency).items()]
    for at, (name, number, text) in enumerate(system.multiples):
        scale, plain = _plain(UnitSystem(system.counts, system.currencies, system.multiples[:at]), text)
        rows.append((name, (), f"{number * scale!r} * {plain}" if plain else repr(number * scale), _NONE))
    return tuple(rows)


@lru_cache(maxsize=16)
def _prefixes(system: UnitSystem) -> dict[str, Mapping[str, float]]:
    return {word: allowed for name, aliases, _, allowed in _rows(system) for word in (name, *aliases)}


def split_word(system: UnitSystem, word: str) -> tuple[str, str] | None:
    """A word as prefix and unit, or nothing; plurals are for words (chips), not for symbols (GBs could be GB/s).

    Examples
    --------
    >>> split_word(UnitSystem(), "kilobytes")
    ('kilo', 'byte')
    """
    prefixes = _prefixes(system)
    forms = [word]
    if len(word) > 3 and word.endswith("s") and word[-2].islower():
        forms.append(word[:-1])
    for form in forms:
        if form in prefixes:
            return "", form
        for name, allowed in prefixes.items():
            if form.endswith(name) and form[: -len(name)] in allowed:
                return form[: -len(name)], name
    return None


def _plain(system: UnitSystem, text: str) -> tuple[float, str]:
    """A unit's text as a factor (from the prefixes) and a product of exact names that pint can be trusted with."""
    prefixes = _prefixes(system)
    factor = 1.0
    powers: dict[str, float] = {}
    for word, power in terms(text):
        split = split_word(system, word)
        if split is None:
            raise UnreadableUnit(*_unknown(system, word))
        prefix, name = split
        factor *= prefixes[name][prefix] ** power if prefix else 1.0
        powers[name] = powers.get(name, 0.0) + power
    names = {"%": "percent"}
    return factor, " * ".join(f"{names.get(name, name)} ** {power:g}" for name, power in powers.items() if power)


def _unknown(system: UnitSystem, word: str) -> tuple[str, str]:
    """What to say of a word that is no unit."""
    prefixes = _prefixes(system)
    for currency in system.currencies:
        if re.fullmatch(rf"\D*{currency.name}_\d{{4}}", word):
            years = [year for year, _ in currency.index]
            return (
                f"there is no {word} (the price index has {years[0]} to {years[-1]})",
                "add the year to the price index",
            )
    if word in ("dimensionless", "count", "unitless", "ratio", "fraction"):
        return f"{word} is not a unit", 'leave the unit of a pure number empty: ""'
    if word in _OFFSET:
        return f"{word} starts from a zero of its own, so no factor converts it", "use kelvin"
    if word in _LOGARITHMIC:
        return (
            f"{word} is logarithmic, so no factor converts it",
            "use the ratio itself, or OOM for orders of magnitude",
        )
    if word[-1] in "sS" and split_word(system, word[:-1]):
        return f"{word} could mean {word[:-1]} or {word[:-1]}/s", "write which of the two"
    known = [prefix + name for name, allowed in prefixes.items() for prefix in ("", *allowed)]
    same = [name for name in known if name.lower() == word.lower()]
    hint = f"did you mean '{same[0]}'?" if same else nearest(word, [name for name in prefixes if name != "radian"])
    declare = "declare it under [count] in priors/units.toml"
    if re.fullmatch(r"[A-Z]{3}(_\d{4})?", word) and not system.currencies:
        declare = f"declare the currency in priors/units.toml: [currency.{word[:3]}] with index, year and source"
    return f"there is no unit '{word}'", f"{hint} Else {declare}" if hint else declare


@lru_cache(maxsize=4096)
def _unit(system: UnitSystem, text: str) -> Unit | tuple[str, str]:
    """A unit, or what is wrong with its text and what to do."""
    try:
        scale, plain = _plain(system, text)
    except UnreadableUnit as unreadable:
        return unreadable.args[0], unreadable.args[1]
    known = registry(system)
    parsed = known.parse_units(plain)
    factor = float(known.get_root_units(parsed)[0]) * scale
    years = {currency.name: currency.year for currency in system.currencies}
    undated: dict[str, None] = {}

    def date(match: re.Match[str]) -> str:
        split = split_word(system, match[0])
        if split and split[1] in years:
            undated[split[1]] = None
            return f"{match[0]}_{years[split[1]]}"
        return match[0]

    label = _NAME.sub(date, text.strip())
    return Unit(text, factor, dimension_text(known.get_dimensionality(parsed)), label, tuple(undated))


def dimension_text(powers: Mapping[str, Any]) -> str:
    """Dimensions or units with their powers as one text, the same for equal ones.

    Examples
    --------
    >>> dimension_text({"[time]": -1, "[USD]": 1, "[chip]": -1})
    'USD/(chip*time)'
    """
    shown = {name.strip("[]"): round(float(power), 9) for name, power in powers.items()}
    over = [_power(name, power) for name, power in sorted(shown.items()) if power > 0]
    under = [_power(name, -power) for name, power in sorted(shown.items()) if power < 0]
    text = "*".join(over) or ("1" if under else "")
    return text + (f"/({'*'.join(under)})" if len(under) > 1 else f"/{under[0]}" if under else "")


def _power(name: str, power: float) -> str:
    return name if power == 1 else f"{name}**{power:g}"


def quantity(system: UnitSystem, value: Any, text: str) -> Any:
    """A value that is already in base units as a pint quantity.

    Parameters
    ----------
    system : UnitSystem
    value : array
        In base units.
    text : str
        A unit of its kind, whose factor plays no part here.

    Returns
    -------
    pint.Quantity

    Examples
    --------
    >>> str(quantity(UnitSystem(), 2.0, "hour"))
    '2.0 year'
    """
    return registry(system).Quantity(value, _base(system, text))


@lru_cache(maxsize=1024)
def _base(system: UnitSystem, text: str) -> Any:
    known = registry(system)
    return known.get_root_units(known.parse_units(_plain(system, text)[1]))[1]


@lru_cache(maxsize=16)
def registry(system: UnitSystem) -> Any:
    """The system as a pint registry (`pint.UnitRegistry`), with exact names only: no prefixes, no pint defaults."""
    import pint

    made = pint.UnitRegistry(None)
    made.load_definitions(system.signature.splitlines())
    return made

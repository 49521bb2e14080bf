"""The units that there are: the engine's own, and what a study counts and pays in; words with their prefixes.

The year (365.25 days) is the unit of time. Counts and money take no small prefix, and no unit of time but the
second takes any: each word means one thing, or is refused with the nearest one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from forecast.errors import nearest
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
_CODES = set(  # of currencies that are likely, by ISO 4217
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NOK NZD PLN SAR SEK SGD THB TWD USD ZAR"
    .split()
)  # fmt: skip
_LOGARITHMIC = {"dB", "dBm", "dBW", "bel", "decibel", "neper", "Np", "octave", "pH", "cent"}


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
    >>> from forecast.units import unit
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
        scale, plain = exact(UnitSystem(system.counts, system.currencies, system.multiples[:at]), text)
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


def exact(system: UnitSystem, text: str) -> tuple[float, str]:
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
    money = re.fullmatch(r"[kMBT]?([A-Z]{3})(_\d{4})?", word)
    if money and (not system.currencies or money[1] in _CODES or money[2]):
        declare = f"declare the currency in priors/units.toml: [currency.{money[1]}] with index, year and source"
        declare += f"; or {word} under [count], if money of one year is all there is"
        hint = hint if same or money[1] not in _CODES else ""  # another currency is not what is meant
    return f"there is no unit '{word}'", f"{hint} Else {declare}" if hint else declare

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

from forecast.errors import StudyError
from forecast.units.system import Currency, UnitSystem, exact, split_word
from forecast.units.text import UnreadableUnit

__all__ = [
    "Currency",
    "Unit",
    "UnitSystem",
    "conversion",
    "dimension_text",
    "quantity",
    "registry",
    "undated_note",
    "unit",
]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


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


def undated_note(system: UnitSystem, read: Unit) -> str:
    """What to tell a reader about money without its year, or an empty text."""
    years = {currency.name: currency.year for currency in system.currencies}
    return "; ".join(f"{name} without a year is {name}_{years[name]}" for name in read.undated)


@lru_cache(maxsize=4096)
def _unit(system: UnitSystem, text: str) -> Unit | tuple[str, str]:
    """A unit, or what is wrong with its text and what to do."""
    try:
        scale, plain = exact(system, text)
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
    return known.get_root_units(known.parse_units(exact(system, text)[1]))[1]


@lru_cache(maxsize=16)
def registry(system: UnitSystem) -> Any:
    """The system as a pint registry (`pint.UnitRegistry`), with exact names only: no prefixes, no pint defaults."""
    import pint

    made = pint.UnitRegistry(None)
    made.load_definitions(system.signature.splitlines())
    return made

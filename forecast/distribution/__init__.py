"""Distributions in text: a belief about one number, as a function of one normal score.

`parse` reads a text; what is remembered of an earlier parse needs only `Distribution`, and neither grammar nor tables.
So each name is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.distribution.belief import Distribution as Distribution
    from forecast.distribution.number import format_number as format_number
    from forecast.distribution.number import parse_number as parse_number
    from forecast.distribution.parsing import parse as parse

_HOMES = {"Distribution": "belief", "format_number": "number", "parse": "parsing", "parse_number": "number"}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecast.distribution' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"forecast.distribution.{_HOMES[name]}"), name)

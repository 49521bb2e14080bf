"""Numbers as people write them: ``55M``, ``$1.5B``, ``30%``, ``1_000_000``; and back."""

from __future__ import annotations

import math
import re
from typing import Any

from forecast.errors import StudyError

SUFFIXES = {"k": 3, "K": 3, "M": 6, "B": 9, "T": 12, "%": -2}
NUMBER = (
    r"-?\$?-?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+(?:_[0-9]+)*)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:[eE][+-]?[0-9]+)?[kKMBT%]?"
)
_NUMBER = re.compile(NUMBER)
_WORDS = {"thousand": "k", "million": "M", "mn": "M", "m": "M", "bn": "B", "billion": "B", "b": "B", "g": "B"}
_WORDS |= {"tn": "T", "trillion": "T", "t": "T", "percent": "%", "pct": "%"}
_NAMES = {"M": "million", "B": "billion", "T": "trillion"}
_SHAPE = re.compile(r"(-?\$?-?[0-9][0-9_.,]*(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z%]*)")


def read_number(text: str) -> float | None:
    """The value of a well-formed number, exactly rounded, else None."""
    if not _NUMBER.fullmatch(text) or text.count("-", 0, 3) > 1 + ("e" in text[:3].lower()):
        return None
    bare = text.replace(",", "").replace("_", "").replace("$", "")
    power = SUFFIXES.get(bare[-1], 0)
    mantissa, _, exponent = (bare[:-1] if power else bare).lower().partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + power}")


def number_hint(text: str) -> tuple[str, str]:
    """What is wrong with a text that should be a number, and the way out."""
    what = f"cannot read the number '{text}'"
    match = _SHAPE.fullmatch(text.strip())
    if not match:
        return what, "write it like 55M, 1.5B, 30%, 1e26 or 1_000_000"
    digits, suffix = match.groups()
    if suffix and suffix not in SUFFIXES:
        letter = _WORDS.get(suffix.lower())
        if not letter:
            return f"{what}: unknown suffix '{suffix}'", "use k, M, B, T or %, and put the unit into 'unit'"
        doubt = f", if {_NAMES[letter]} is meant" if len(suffix) == 1 else ""
        return f"{what}: unknown suffix '{suffix}'", f"write {digits}{letter}{doubt}"
    if re.search(r"\.[0-9]+,|\.[0-9]*\.", digits):
        return (
            f"{what}: a point or a comma too many",
            "write the decimals after a point, and thousands as 1_000 or 1,000",
        )
    if "," in digits:
        return f"{what}: commas separate groups of three digits", "write the decimals after a point, as in 1.5"
    if suffix and read_number(digits + suffix) is not None:
        return what, f"write {digits}{suffix} without a space"
    return what, "write it like 55M, 1.5B, 30%, 1e26 or 1_000_000"


def parse_number(text: Any, place: str) -> float:
    """A single number.

    Parameters
    ----------
    text : str or number
        ``55M``, ``$1.5B``, ``2T``, ``3k``, ``30%``, ``1e26``, ``1_000_000`` or ``1,000,000``.
    place : str
        Where the text stands, for the error.

    Returns
    -------
    float

    Raises
    ------
    StudyError
        If the text is not a number.

    Examples
    --------
    >>> parse_number("$380M", "here")
    380000000.0
    """
    if isinstance(text, bool) or text is None:
        raise StudyError.at(place, f"not a number ({text})", "write it like 55M, 1.5B, 30%, 1e26 or 1_000_000")
    if not isinstance(text, str):
        try:
            value = float(text)
        except (TypeError, ValueError):
            kind = type(text).__name__
            raise StudyError.at(place, f"not a number (a {kind})", "write it like 55M, 1.5B or 1e26") from None
    else:
        found = read_number(text.strip().replace("−", "-"))
        if found is None:
            raise StudyError.at(place, *number_hint(text.strip()))
        value = found
    if not math.isfinite(value):
        raise StudyError.at(place, f"not a finite number ({text})", "write a number between -1.8e308 and 1.8e308")
    return value


def format_number(x: float, digits: int | None = 3) -> str:
    """A number as one would say it.

    Parameters
    ----------
    x : float
    digits : int, optional
        Significant digits; the integer part of a number below 10,000 is never rounded. None for as many as it takes
        to read the same number back.

    Returns
    -------
    str
        With k, M, B or T from 10,000 to 1e15, as ``2.1e25`` beyond.

    Examples
    --------
    >>> format_number(55e6), format_number(2.13e25, 2), format_number(2034.23), format_number(0.30000001)
    ('55M', '2.1e25', '2034', '0.3')
    >>> format_number(1234567.0, None)
    '1.234567M'
    """
    x = float(x)
    if not math.isfinite(x):
        return str(x)
    if x == 0:
        return "0"
    sign = "-" if x < 0 else ""
    x = abs(x)
    if digits is not None:
        digits = max(digits, math.floor(math.log10(x)) + 1) if x < 9999.5 else digits
    text = repr(x) if digits is None else f"{x:.{max(digits, 1) - 1}e}"
    mantissa, _, exponent = text.partition("e")
    whole, _, decimals = mantissa.partition(".")
    figures = (whole + decimals).lstrip("0")
    power = (
        int(exponent or 0) + len(whole) - 1
        if whole != "0"
        else int(exponent or 0) - 1 - (len(decimals) - len(decimals.lstrip("0")))
    )
    figures = figures.rstrip("0") or "0"
    if power >= 15 or power < -4:
        return f"{sign}{_place(figures, 0)}e{power}"
    suffix = next((s for s, p in (("T", 12), ("B", 9), ("M", 6), ("k", 3)) if power >= max(p, 4)), "")
    return sign + _place(figures, power - SUFFIXES.get(suffix, 0)) + suffix


def brief(x: float) -> str:
    """A number in a message: six digits tell it from its neighbours."""
    return format_number(x, 6)


def json_number(x: float) -> float | str | None:
    """A number as JSON can hold it: infinities as text, NaN as null.

    Examples
    --------
    >>> json_number(1.5), json_number(-math.inf), json_number(math.nan)
    (1.5, '-inf', None)
    """
    if math.isnan(x):
        return None
    return x if math.isfinite(x) else "inf" if x > 0 else "-inf"


def _place(figures: str, power: int) -> str:
    """Digits with the point after the one of 10**power."""
    if power < 0:
        return "0." + "0" * (-power - 1) + figures
    whole, decimals = figures[: power + 1].ljust(power + 1, "0"), figures[power + 1 :]
    return f"{whole}.{decimals}" if decimals else whole

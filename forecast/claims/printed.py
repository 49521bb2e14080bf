"""What a printed figure promises: its value, and how far the truth may be from it.

``$649M`` promises half a million either way and ``about $3M`` half of three millions' last digit, which is the same
rule: half a unit of the last printed digit that counts. Zeros at the end count where a figure stands as exact
(``$240``) and do not where it is rounded (``about 5,000``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from forecast.distribution.number import SUFFIXES
from forecast.errors import StudyError

_WORDS = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "quadrillion": 15, "percent": -2}
_HEDGE = re.compile(
    r"^(?:about|around|approximately|roughly|nearly|just over|over|more than|less than|up to|~|≈|<|>)\s*", re.I
)
_FIGURE = re.compile(
    r"(?P<sign>[-−]?)[$€£]?(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<part>\d+))?(?:[eE](?P<power>[+-]?\d+))?"
    r"\s?(?P<suffix>[kKMBT%]|thousand|million|billion|trillion|quadrillion|percent)?x?"
)


@dataclass(frozen=True)
class Printed:
    """A figure as a document prints it.

    Parameters
    ----------
    text : str
        As printed.
    value : float
    half : float
        Half a unit of its last digit that counts, in the unit of `value`.
    """

    text: str
    value: float
    half: float


def printed(text: str, rounded: bool = False, place: str = "") -> Printed:
    """Read a printed figure.

    Parameters
    ----------
    text : str
        ``$649M``, ``about $3 million``, ``1.43E25``, ``24.4M``, ``12%``, ``44,626,861``.
    rounded : bool
        Whether zeros at the end of a whole number are mere rounding (``5,000`` is then good to 500). A hedge
        ("about") says so too.
    place : str
        For errors.

    Raises
    ------
    StudyError
        The text is no figure.

    Examples
    --------
    >>> printed("$649M").half, printed("about $3M").half, printed("1.43E25").half
    (500000.0, 500000.0, 5e+22)
    >>> printed("$4000").half, printed("$4000", rounded=True).half
    (0.5, 500.0)
    """
    bare = text.strip()
    hedge = _HEDGE.match(bare)
    found = _FIGURE.fullmatch(bare[hedge.end() :] if hedge else bare)
    if found is None:
        raise StudyError.at(
            place, f"not a printed figure ({text!r})", "write it as printed, such as $649M or about 5,000"
        )
    whole, part = found["whole"].replace(",", ""), found["part"] or ""
    suffix = found["suffix"] or ""
    power = int(found["power"] or 0) + SUFFIXES.get(suffix, _WORDS.get(suffix, 0))
    last = -len(part)
    if not part and (rounded or hedge) and int(whole):
        last = len(whole) - len(whole.rstrip("0"))
    value = float(f"{whole}.{part or 0}e{power}")
    return Printed(text, -value if found["sign"] else value, float(f"0.5e{last + power}"))


def say(value: float, like: Printed | None = None, unit: str = "", more: int = 1) -> str:
    """A figure of ours in the style of the printed one, with digits more than it has (and no zeros after the point).

    Examples
    --------
    >>> say(886428571.4, printed("$649M")), say(0.6873, printed("70%", rounded=True)), say(2039.97, unit="year")
    ('$886.4M', '69%', '2040.0')
    """
    if not math.isfinite(value):
        return "never" if unit == "year" and value > 0 else str(value)
    if unit == "year":
        return f"{value:.1f}"
    if like is None:
        digits = 3
    else:
        size = abs(like.value) or 2 * like.half
        digits = max(2, math.floor(math.log10(size)) - round(math.log10(2 * like.half)) + 1 + more)
    text = like.text if like else ""
    if "%" in text:
        return f"{_digits(100 * value, digits)}%"
    return ("$" if "$" in text else "") + _short(value, digits)


def _short(value: float, digits: int) -> str:
    size = abs(float(f"{value:.{digits - 1}e}"))  # as it will be shown: 999.96M is 1B
    for letter, power in (("T", 12), ("B", 9), ("M", 6), ("K", 3)):
        if 10 ** max(power, 4) <= size < 1e15:
            return _digits(value / 10**power, digits) + letter
    return _digits(value, digits)


def _digits(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if power >= 15 or power < -3:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    text = f"{value:.{max(0, digits - 1 - power)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

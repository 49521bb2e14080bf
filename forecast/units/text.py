"""The grammar of a unit's text: strict, so that two readers never read it in two ways.

``USD/chip*hour`` is refused (dollar-hours per chip, or dollars per chip-hour?), and so are numbers and words side by
side (``M USD``, ``USD per hour``).
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z][A-Za-z0-9_]*|%)|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark>\*\*|[\^*/()])|(?P<other>\S))"
)
_INSTEAD = {"$": "write the currency's name", "-": "join units by * and /", "·": "write *", "×": "write *"}
_LONGEST = 200  # characters; also bounds how deep brackets nest

_Token = tuple[str, str]  # kind and text
_Terms = list[tuple[str, float]]


class UnreadableUnit(Exception):
    """What is wrong with the text of a unit, and what to do: its two arguments."""


def terms(text: str) -> _Terms:
    """The words of a unit's text with their powers.

    Parameters
    ----------
    text : str
        Names joined by ``*`` and ``/``, with brackets and powers (``**`` or ``^``); empty for a pure number.

    Returns
    -------
    list of (str, float)
        In the order of the text; a name may come twice.

    Raises
    ------
    UnreadableUnit
        With what is wrong and what to do.

    Examples
    --------
    >>> terms("USD/(chip*hour)")
    [('USD', 1.0), ('chip', -1.0), ('hour', -1.0)]
    """
    if len(text) > _LONGEST:
        raise UnreadableUnit(f"[{text[:30]}…] is too long for a unit ({len(text)} characters)", "shorten it")
    tokens = [(match.lastgroup, match[match.lastgroup]) for match in _TOKEN.finditer(text) if match.lastgroup]
    for kind, token in tokens:
        if kind == "other":
            remedy = _INSTEAD.get(token, "use names, * / ** and brackets")
            raise UnreadableUnit(f"[{text}] has a '{token}' in it, which is no part of a unit", remedy)
    if not tokens:
        return []
    tokens.append(("end", ""))
    found, at = _product(text, tokens, 0)
    if tokens[at][0] != "end":
        remedy = "write / instead of per" if "per" in text.split() else "join units by * and /"
        raise UnreadableUnit(f"[{text}] has '{tokens[at][1]}' where * or / should stand", remedy)
    return found


def _product(text: str, tokens: list[_Token], at: int) -> tuple[_Terms, int]:
    """Powers joined by * and /, from position `at`, and the position after them."""
    found, at = _powered(text, tokens, at)
    divided = False
    while (mark := tokens[at][1]) in ("*", "/"):
        if divided and mark == "*":
            remedy = "put what is divided by in brackets, as in USD/(chip*hour)"
            raise UnreadableUnit(f"[{text}] multiplies after a division, which can be read in two ways", remedy)
        divided = mark == "/"
        factor, at = _powered(text, tokens, at + 1)
        found += [(word, -power) for word, power in factor] if divided else factor
    return found, at


def _powered(text: str, tokens: list[_Token], at: int) -> tuple[_Terms, int]:
    """A name, a 1 or something in brackets, with its power."""
    kind, token = tokens[at]
    if token == "(":
        found, at = _product(text, tokens, at + 1)
        if tokens[at][1] != ")":
            raise UnreadableUnit(f"[{text}] has a bracket that is not closed", "close it with )")
    elif kind == "name":
        found = [(token, 1.0)]
    elif token == "1":
        found = []
    elif kind == "number":
        remedy = "put numbers into the value, and only names into the unit"
        raise UnreadableUnit(f"[{text}] has a number in it ({token})", remedy)
    else:
        where = f"before '{token}'" if token else "at its end"
        raise UnreadableUnit(f"[{text}] lacks a unit {where}", "write for example USD/(chip*hour)")
    if tokens[at + 1][1] not in ("**", "^"):
        return found, at + 1
    kind, power = tokens[at + 2]
    if kind != "number" or abs(float(power)) > 20:
        what = f"[{text}] has a power that is not a small number ({power or 'nothing'})"
        raise UnreadableUnit(what, "write for example meter**2")
    return [(word, one * float(power)) for word, one in found], at + 3

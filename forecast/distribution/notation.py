"""The text of a distribution, read by a grammar into plain records; nothing in it is ever evaluated."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from forecast.distribution.number import NUMBER, number_hint, read_number
from forecast.errors import StudyError

GRAMMAR = rf"""
start: expression
?expression: primary
    | expression "within" NUMBER "and" NUMBER -> within
?primary: NUMBER -> plain
    | interval
    | NAME "(" [arguments] ")" -> call
    | "(" expression ")"
interval: [NAME] NUMBER "to" NUMBER [level]
level: "(" NUMBER ")"
arguments: argument ("," argument)* [","]
argument: NAME "=" value -> keyword
    | NUMBER "=" value -> keyword
    | value -> positional
?value: expression
    | "[" [expression ("," expression)* [","]] "]" -> list
    | "{{" [pair ("," pair)* [","]] "}}" -> dict
pair: NUMBER ":" NUMBER
NUMBER: /(?:{NUMBER}|-?inf)(?![A-Za-z0-9_.%])/
NAME: /[A-Za-z_][A-Za-z0-9_]*/
%ignore /[ \t\r\n]+/
"""

_NO_UNIT = "leave the unit out: a prior names it in 'unit', and everywhere else it is the quantity's own"
HOW = "write a number, LOW to HIGH, or a family such as normal(mean=0, sd=1)"

_RUN = re.compile(r"(?<![\w.])-?\$?-?(?:[0-9]|\.[0-9])(?:[eE][+-]?[0-9]+|[\w.%$]|,(?=[0-9]))*")
_GROUPED = re.compile(r"-?\$?-?[0-9]{1,3}(,[0-9]{3})+")
_SPACED = re.compile(
    r"(?<![\w.,])(-?\$?[0-9][0-9.]*)\s+(thousand|million|billion|trillion|percent|bn|mn|tn|[kKMBT%])\b"
)


@dataclass(frozen=True)
class Plain:
    """A number."""

    value: float


@dataclass(frozen=True)
class Interval:
    """``[family] low to high (level)``."""

    family: str | None
    low: float
    high: float
    level: float | None


@dataclass(frozen=True)
class Call:
    """``family(key=value, ...)``; keys are names, or probabilities in ``quantiles``."""

    family: str
    positional: tuple[Any, ...]
    keywords: tuple[tuple[str | float, Any], ...]


@dataclass(frozen=True)
class Within:
    """``inner within low and high``: the part between the bounds."""

    inner: Node
    low: float
    high: float


@dataclass(frozen=True)
class Clip:
    """Values beyond a bound moved onto it: what squigglepy's ``lclip`` and ``rclip`` do; texts cannot say it."""

    inner: Node
    low: float
    high: float


Node = Plain | Interval | Call | Within | Clip


def read(text: str, place: str) -> Node:
    """Read a text.

    Raises
    ------
    StudyError
        With the place, what cannot be read, and a way out.
    """
    source = text.strip().replace("−", "-")
    if not source:
        raise StudyError.at(place, "the text of a distribution is empty", HOW)
    value = read_number(source)
    if value is not None:
        return Plain(value)
    _check_numbers(source, place)
    import lark

    try:
        tree = _parser().parse(source)
    except lark.exceptions.UnexpectedInput as error:
        raise _unreadable(source, error, place) from None
    node: Node = _node(tree.children[0])
    return node


@functools.cache
def _parser() -> Any:
    import lark

    return lark.Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)


def _check_numbers(source: str, place: str) -> None:
    """Numbers are judged by where they stand before the grammar sees them: its own errors would be about commas."""
    spaced = _SPACED.search(source)
    if spaced:
        raise StudyError.at(place, *number_hint(spaced.group()))
    for run in _RUN.finditer(source):
        text, before = run.group(), source[: run.start()].rstrip()
        word = re.search(r"[A-Za-z]+$", before)
        alone = not before or before.endswith("=") or (word and word.group() in ("to", "within", "and"))
        if "," in text and not alone:
            # inside brackets a comma separates
            if _GROUPED.fullmatch(text):
                raise StudyError.at(
                    place,
                    f"'{text}' could be one number or several",
                    f"write {text.replace(',', '')}, or a space after the comma",
                )
            pieces = text.split(",")
        elif "," in text and source[run.end() :].lstrip().startswith("="):
            pieces = text.rsplit(",", 1)  # the last piece is the next keyword, as in quantiles(5%=1,50%=2)
        else:
            pieces = [text]
        for piece in pieces:
            if read_number(piece) is None:
                span = re.fullmatch(r"(\$?[0-9][0-9.]*[kKMBT%]?)\.\.+(.+)", piece)
                if span:
                    raise StudyError.at(
                        place, f"cannot read the number '{piece}'", f"write an interval as {span[1]} to {span[2]}"
                    )
                raise StudyError.at(place, *number_hint(piece))


def _unreadable(source: str, error: Any, place: str) -> StudyError:
    at = getattr(error, "pos_in_stream", None)
    at = len(source) if at is None or at < 0 or getattr(error, "token", None) == "" else at
    rest, before = source[at:].strip(), source[:at].strip()
    found = rest.split()[0] if rest else ""
    what = f"cannot read '{source}' at '{found}'" if found else f"'{source}' ends too early"
    if not found and re.fullmatch(r"[A-Za-z_][^()=]*", source) and not re.search(r"\bto\b", source):
        what = f"cannot read '{source}'"
    number = r"-?\$?[0-9][0-9.,_eE]*[kKMBT%]?"
    dash = re.fullmatch(rf"({number})\s*(?:-|–|—|\.\.+|±|\+/?-)\s*({number})", source)
    if dash:
        sign = re.search(r"±|\+/?-", source)
        remedy = "write normal(mean=, sd=) or LOW to HIGH" if sign else f"write an interval as {dash[1]} to {dash[2]}"
    elif re.fullmatch(rf"{number}(?:\s+to\s+{number})?\s+[A-Za-z]\w*\s*[*/].*", source):
        remedy = _NO_UNIT
    elif re.match(r"[-+*/^<>]", rest) or re.search(r"[+*/^]", source):
        what, remedy = f"a distribution is not a formula ('{source}')", "put the arithmetic into a model function"
    elif rest.startswith("to ") and " to " in before:
        what, remedy = f"an interval has two ends ('{source}')", "write quantiles(5%=, 50%=, 95%=) for three figures"
    elif source.count("(") != source.count(")"):
        what, remedy = f"the brackets do not match ('{source}')", "close every bracket that is opened"
    elif re.search(r"\bto$", before) or re.match(r"to\b", rest):
        remedy = "write an interval as LOW to HIGH, both plain numbers"
    elif re.search(r"\bwithin\b", source) and not re.search(r"\bwithin\s+\S+\s+and\s+\S+", source):
        remedy = "write bounds as 'within LOW and HIGH' (inf and -inf are allowed)"
    elif re.match(r"[A-Za-z$£€]", source) and not re.search(r"[(0-9]", source):
        remedy = HOW
    elif re.match(r"[A-Za-z]", rest) and re.search(r"[0-9kKMBT%]$", before):
        remedy = _NO_UNIT
    else:
        remedy = HOW
    return StudyError.at(place, what, remedy)


def _number(token: Any) -> float:
    text = str(token)
    if text.endswith("inf"):
        return float(text)
    value = read_number(text)
    assert value is not None, text
    return value


def _node(tree: Any) -> Any:
    children = tree.children
    match tree.data:
        case "plain":
            return Plain(_number(children[0]))
        case "interval":
            family, low, high, level = children
            return Interval(
                None if family is None else str(family), _number(low), _number(high),
                None if level is None else _number(level.children[0]),
            )  # fmt: skip
        case "within":
            return Within(_node(children[0]), _number(children[1]), _number(children[2]))
        case "list":
            return [_node(child) for child in children if child is not None]
        case "dict":
            return {"items": tuple((_number(p.children[0]), _number(p.children[1])) for p in children if p is not None)}
    name, arguments = children
    items = [] if arguments is None else [a for a in arguments.children if a is not None]
    positional = tuple(_node(a.children[0]) for a in items if a.data == "positional")
    keywords = tuple((_key(a.children[0]), _node(a.children[1])) for a in items if a.data == "keyword")
    return Call(str(name), positional, keywords)


def _key(token: Any) -> str | float:
    return str(token) if token.type == "NAME" else _number(token)

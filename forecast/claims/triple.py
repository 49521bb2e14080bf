"""A published triple as people type it, ``$13M [4M–36M]`` or ``0.2 OOM/yr (95% CI: 0.1 to 0.3)``, as three figures.

Everything that is not one of the three figures, or the level of the interval, is passed over: units, words, marks.
What could be meant in more than one way is refused.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import product

from forecast.claims.printed import Printed, printed
from forecast.errors import UsageError

REMEDY = "write it like '380M (55M to 1.5B)' or '0.2 (95% CI: 0.1 to 0.3)'"
LEAST = 50  # per cent: a percentage below it, before the word interval, is the middle
_SUFFIXES = {"thousand": "K", "million": "M", "mn": "M", "m": "M", "billion": "B", "bn": "B", "b": "B"}
_SUFFIXES |= {"trillion": "T", "tn": "T", "percent": "%", "k": "K"}
_HYPHEN = re.compile(r"(?<=\d)(\s?(?:[kKMBTmb]|(?i:thousand|million|billion|trillion|[bmt]n)))\s?-(?=\s?[$€£]?\d)")
_FIGURE = re.compile(
    r"(?P<before>[$€£]\s?)?(?<![A-Za-z_^\d.])(?<![A-Za-z]-)"  # the 3 of GPT-3 and the 2021 of USD_2021 are names
    r"(?P<digits>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?P<power>[eE][+-]?\d+)?"
    r"(?:\s?(?P<suffix>[kKMBT%]|(?i:thousand|million|billion|trillion|percent|[bmt]n)|(?<=\d)[mb])(?![A-Za-z]))?",
    re.ASCII,
)
_INTERVAL = r"(?:CI|CrI|HDI|UI|PI|(?:(?:credible|confidence|prediction|uncertainty)\s+)?(?:interval|range))\b"
_LEVEL = re.compile(
    rf"(?P<a>\d+(?:\.\d+)?)\s?%[\s-]*{_INTERVAL}(?:\s+of)?[\s:=,]*"  # 90% CI: 1 to 2
    rf"|{_INTERVAL}\s*[(\[]?(?P<b>\d+(?:\.\d+)?)\s?%\s*[)\]]?\s*[:=][\s:=]*"  # CI 90%: 1 to 2, but not CI: 1% to 2%
    r"|(?<=[(\[])\s*(?P<c>\d+(?:\.\d+)?)\s?%\s*:",  # (90%: 1 to 2)
    re.I,
)
_TAIL = re.compile(r"\bp(?P<a>\d+(?:\.\d+)?)\b[\s:=]*|\b(?P<b>\d+(?:\.\d+)?)(?:st|nd|rd|th)\s+percentile[\s:=]*", re.I)
_MINUS = "-−"
_PASSED = re.compile(r"[\sA-Za-z()\[\]{},;:.…/*_^~≈='\"·|–—‒‑−¥₹₩₽-]*")
_NAME = re.compile(r"[A-Za-z_^]+-?\d[\w.]*")  # GPT-3, USD_2021
_POWER = re.compile(
    r"(?:(?P<times>(?<=\d)\s?[×x·*]\s?)|(?<![\d.,]))10(?:(?:\^|\*\*)(?P<power>\{?[-−]?\d+\}?)|(?P<raised>[⁻⁰¹²³⁴-⁹]+))"
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


@dataclass(frozen=True)
class Triple:
    """Three figures and what their ends bound.

    Parameters
    ----------
    middle, low, high : Printed
    level : float
        Of the interval, per cent.
    stated : bool
        Whether the text says the level; 90 is assumed where it does not.
    """

    middle: Printed
    low: Printed
    high: Printed
    level: float = 90.0
    stated: bool = False

    @property
    def tails(self) -> tuple[float, float]:
        """Percentage points of the two ends."""
        return (100 - self.level) / 2, (100 + self.level) / 2

    @property
    def told(self) -> str:
        """The three as they were read."""
        return f"{self.middle.text} ({self.low.text} to {self.high.text})"


def read_triple(text: str) -> Triple:
    """Middle, low and high of a published triple.

    Parameters
    ----------
    text : str

    Raises
    ------
    UsageError
        There are not three figures in it, or the middle does not lie between the ends.

    Examples
    --------
    >>> read_triple("$160K (90% CI: 88–260)").told
    '$160K (88K to 260K)'
    >>> read_triple("12 % [95 % CI 1.3 − 56 %]").level
    95.0
    """
    rest, level = _level(_plain(text))
    figures = _figures(rest, text)
    middle, low, high = _scaled(figures)
    return Triple(middle, low, high, level or 90.0, level is not None)


def are_years(triple: Triple) -> bool:
    """Whether the three are calendar years."""
    return all(re.fullmatch(r"(19|20|21)\d\d", f.text) for f in (triple.middle, triple.low, triple.high))


def _plain(text: str) -> str:
    """The text with ordinary spaces, a dash between figures (1m-9m) and powers of ten as exponents."""
    spaced = _HYPHEN.sub(r"\1–", re.sub(r"[\u00a0\u2000-\u200a\u202f\u205f]", " ", text))
    return _POWER.sub(
        lambda m: (
            ("e" if m["times"] else "1e") + (m["power"] or m["raised"]).translate(_RAISED).replace("−", "-").strip("{}")
        ),
        spaced.replace("US$", "$"),
    )


def _level(text: str) -> tuple[str, float | None]:
    """The text without the level of its interval, and that level in per cent."""
    levels: set[float] = set()

    def taken(match: re.Match[str]) -> str:
        value = float(match["a"] or match["b"] or match["c"])
        if match["a"] and value < LEAST:  # 20% range 10% to 68%
            return match[0]
        levels.add(value)
        return " "

    rest = _LEVEL.sub(taken, text)
    tails = [float(m["a"] or m["b"]) for m in _TAIL.finditer(rest)]
    tails = [tail for tail in tails if tail != 50]
    rest = _TAIL.sub(" ", rest)
    if tails:
        if len(tails) != 2 or not math.isclose(sum(tails), 100):
            raise UsageError(
                f"'{text}' names percentiles that do not lie alike on both sides; give both, as p5 and p95"
            )
        levels.add(max(tails) - min(tails))
    if len(levels) > 1:
        raise UsageError(f"'{text}' names more than one level; {REMEDY}")
    level = levels.pop() if levels else None
    if level is not None and not 0 < level < 100:
        raise UsageError(f"'{text}' has an interval of {level:g}%; write a level between 0 and 100%, such as 90%")
    return rest, level


def _figures(rest: str, text: str) -> list[tuple[str, str]]:
    """Digits with sign and currency, and suffix, of each figure."""
    figures: list[tuple[str, str]] = []
    gaps: list[str] = []
    end = 0
    for match in _FIGURE.finditer(rest):
        gap = rest[end : match.start()]
        end = match.end()
        suffix = match["suffix"] or ""
        sign = "-" if _negative(gap, bool(figures)) else ""
        currency = (match["before"] or "").strip()
        digits = f"0{match['digits']}" if match["digits"].startswith(".") else match["digits"]
        figures.append((f"{sign}{currency}{digits}{match['power'] or ''}", _SUFFIXES.get(suffix.lower(), suffix)))
        gaps.append(gap)
    gaps.append(rest[end:])
    if re.search(r"\d,\d(?!\d\d(?!\d))", rest):
        raise UsageError(f"'{text}' has a comma that does not part thousands; write decimals after a point, as in 1.5")
    odd = next((mark for gap in gaps for mark in _NAME.sub("", gap) if not _PASSED.fullmatch(mark)), "")
    if odd == "±":
        raise UsageError(f"'{text}' does not say what ± spans; write both ends and the level: {REMEDY}")
    if odd or len(figures) != 3:
        count = f"a '{odd}' in it" if odd else f"{len(figures)} figure{'s' * (len(figures) != 1)} in it, not three"
        raise UsageError(f"'{text}' is not a published triple ({count}); {REMEDY}")
    return figures


def _negative(gap: str, after_figure: bool) -> bool:
    """Whether a minus before a figure is its sign, and not what parts it from the figure before."""
    bare = gap.rstrip()
    if not bare or bare[-1] not in _MINUS:
        return False
    ahead = bare[:-1].rstrip()
    if bare == gap and ahead != bare[:-1]:  # a space before it and none after, as in "-5 -9 -2"
        return True
    if not ahead:
        return not after_figure
    return ahead[-1] in "([{,;:=~≈–—‒" + _MINUS or bool(re.search(r"(?:^|\W)(?:to|and|about|around)$", ahead, re.I))


def _scaled(figures: list[tuple[str, str]]) -> tuple[Printed, Printed, Printed]:
    """The figures with a suffix that is printed once, as in ``$160K (88 to 260)``, where it belongs.

    Of the ways to complete them that put the middle between the ends, the one with the ends closest together is meant.
    """
    for digits, suffix in figures:
        size = abs(printed(digits, True, "decode").value)
        if size and not 1e-100 < size < 1e100:
            raise UsageError(f"{digits}{suffix} is beyond any size that is published; {REMEDY}")
    known = dict.fromkeys(suffix for _, suffix in figures if suffix)
    best: tuple[float, tuple[Printed, Printed, Printed]] | None = None
    for suffixes in product(*([suffix] if suffix else ["", *known] for _, suffix in figures)):
        middle, low, high = (
            printed(f"{digits}{suffix}", True, "decode") for (digits, _), suffix in zip(figures, suffixes, strict=True)
        )
        if not low.value < middle.value < high.value:
            continue
        width = high.value / low.value if low.value > 0 else high.value - low.value
        if best is None or width < best[0]:
            best = width, (middle, low, high)
    if best is None:
        told = [digits + suffix for digits, suffix in figures]
        raise UsageError(
            f"{told[0]} does not lie between {told[1]} and {told[2]}; write MIDDLE (LOW to HIGH), such as "
            "'380M (55M to 1.5B)'"
        )
    return best[1]

"""Ticks, number labels and line breaks of figures: plain functions, so that they can be tested without drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from forecast.columns import width_of
from forecast.distribution.number import format_number

WIDE = 20.0  # a positive range with a larger ratio is drawn on a log axis
_MOST_DIGITS = 15


def is_wide(low: float, high: float) -> bool:
    """Whether values are all positive and differ so much that only a log axis shows them."""
    return 0 < low and low * WIDE < high < math.inf


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round values inside a positive range: decades, every few decades, or 1, 2 and 5 of each.

    Examples
    --------
    >>> log_ticks(3e6, 4e9)
    [10000000.0, 100000000.0, 1000000000.0]
    >>> log_ticks(15, 400)
    [20.0, 50.0, 100.0, 200.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [d * 10.0**p for p in range(first, last + 1) for d in digits if low <= d * 10.0**p <= high]
        if len(found) <= (4 if digits == (1, 2, 5) else 5 if digits == (1, 3) else most):
            break
    else:
        step = -(-(last - first) // (most - 1))
        step = next(s for s in (2, 3, 5, 6, 10, 15, 20, 30, 50, 100, 200) if s >= step)
        found = [10.0**p for p in range(first, last + 1) if p % step == 0 and low <= 10.0**p <= high]
    return found if len(found) > 1 else linear_ticks(low, high, most)


def linear_ticks(low: float, high: float, most: int = 7, whole: bool = False) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten inside a range, at most so many; whole numbers for years.

    Examples
    --------
    >>> linear_ticks(2022, 2100, whole=True)
    [2040.0, 2060.0, 2080.0, 2100.0]
    >>> linear_ticks(-0.3, 1.1, 5)
    [0.0, 0.5, 1.0]
    """
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    while True:
        for multiple in (1, 2, 5):
            size = step * multiple
            if (not whole or size >= 1) and math.floor(high / size + 1e-9) - math.ceil(low / size - 1e-9) < most:
                start, end = math.ceil(low / size - 1e-9), math.floor(high / size + 1e-9)
                return [float(f"{i * size:.12g}") for i in range(start, end + 1)]
        step *= 10


def labels_of(ticks: Sequence[float], calendar: bool = False) -> list[str]:
    """Texts of ticks with as few digits as keep them apart.

    Examples
    --------
    >>> labels_of([1e6, 1e7, 1e9]), labels_of([2030.0, 2040.0], calendar=True), labels_of([0.0, 0.5, 1.0])
    (['1M', '10M', '1B'], ['2030', '2040'], ['0', '0.5', '1'])
    """
    if calendar:
        return [f"{tick:.10g}" for tick in ticks]
    for digits in range(1, _MOST_DIGITS):
        texts = [format_number(tick, digits) for tick in ticks]
        if all(_same(text, tick) for text, tick in zip(texts, ticks, strict=True)):
            return texts
    return [f"{tick:.4g}" for tick in ticks]


def _same(text: str, value: float) -> bool:
    number = text.rstrip("kMBT")
    power = {"k": 3, "M": 6, "B": 9, "T": 12}.get(text[-1], 0) if number != text else 0
    return math.isclose(float(number.replace(",", "")) * 10.0**power, value, rel_tol=1e-9, abs_tol=1e-300)


def wrapped(text: str, columns: int, lines: int = 2) -> list[str]:
    """A text in a few lines of so many columns, broken between words, or within them where a word is too long.

    Examples
    --------
    >>> wrapped("Cost of the final training run on owned hardware", 24)
    ['Cost of the final', 'training run on owned h…']
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    found: list[str] = []
    while text and len(found) < lines:
        if width_of(text) <= columns:
            found.append(text)
            return found
        end = _cut(text, columns)
        if len(found) == lines - 1:
            found.append(text[: _cut(text, columns - 1)].rstrip() + "…")
            return found
        space = text.rfind(" ", 0, end + 1)
        end = space if space > end // 2 else end
        found.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return found or [""]


def _cut(text: str, columns: int) -> int:
    """How many characters fit."""
    total = 0
    for position, c in enumerate(text):
        total += width_of(c)
        if total > columns:
            return max(position, 1)
    return len(text)

"""Which reading of a published triple, such as ``380M (55M to 1.5B)``, its three figures fit.

Two ends fix a lognormal (or a normal) under each reading, and that says what the middle would be: the figure that is
printed in the middle then fits it or does not. A triple that fits none was not read off one distribution.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from forecast.distribution import Distribution, format_number, parse
from forecast.errors import UsageError
from forecast.number import SUFFIXES
from forecast.printed import Printed, printed, say

NOISE = 0.04  # two standard errors of the mean of the 5,000 draws that Guesstimate shows, for a wide lognormal
_FIGURE = r"[-−~$€£]*\s?[\d][\d.,eE+]*(?:e-\d+)?\s?(?:[kKMBT%]|thousand|million|billion|trillion)?"
_TRIPLE = re.compile(
    rf"\s*(?P<middle>{_FIGURE})\s*[(\[,;:]?\s*(?:\d+% (?:CI|confidence interval|interval)[:,]?)?\s*"
    rf"(?P<low>{_FIGURE})\s*(?:to|[-–—,])\s*(?P<high>{_FIGURE})\s*[)\]]?\s*"
)


@dataclass(frozen=True)
class Reading:
    """A reading of a triple and how well it fits.

    Parameters
    ----------
    name : str
    middle : float
        What the ends would put in the middle.
    misfit : float
        The printed middle over that, as a difference of logarithms in e-folds (for a normal, in standard deviations).
    slack : float
        How large a misfit the printed digits (and, for a card, Guesstimate's 5,000 draws) leave open.
    text : str
        To paste into a prior.
    """

    name: str
    middle: float
    misfit: float
    slack: float
    text: str

    @property
    def fits(self) -> bool:
        """Whether the misfit is within the slack."""
        return abs(self.misfit) <= self.slack


@dataclass(frozen=True)
class Decoded:
    """A triple with its readings, best first.

    Parameters
    ----------
    middle, low, high : Printed
    readings : tuple of Reading
    """

    middle: Printed
    low: Printed
    high: Printed
    readings: tuple[Reading, ...]

    @property
    def fitting(self) -> tuple[Reading, ...]:
        """The readings that fit."""
        return tuple(reading for reading in self.readings if reading.fits)


def decode(text: str) -> Decoded:
    """Read a published triple in every way.

    Parameters
    ----------
    text : str
        Middle and ends as printed: ``380M (55M to 1.5B)``, ``0.2 (90% CI: 0.1 to 0.3)``, ``$2M, 260K, 8.4M``.

    Returns
    -------
    Decoded

    Raises
    ------
    UsageError
        The text is no triple, or its middle does not lie between its ends.

    Examples
    --------
    >>> found = decode("380M (55M to 1.5B)")
    >>> found.fitting[0].name, found.fitting[0].text
    ('Guesstimate card, lognormal', 'card(mean=380M, low=55M, high=1.5B)')
    """
    match = _TRIPLE.fullmatch(text)
    if match is None:
        raise UsageError(f"'{text}' is not a published triple; write it like '380M (55M to 1.5B)'")
    parts = {key: match[key].strip() for key in ("middle", "low", "high")}
    # "380 (55 to 1,500) M": a letter after the high end only, as in "88 to 260K", counts for the low end too.
    if not _suffix(parts["low"]) and _suffix(parts["high"]) and _value(parts["low"]) >= _value(parts["middle"].rstrip("".join(SUFFIXES))) * 1e-9:
        scaled = parts["low"] + _suffix(parts["high"])
        if _value(scaled) < _value(parts["middle"]) < _value(parts["high"]) and _value(parts["low"]) * 1e3 < _value(parts["middle"]):
            parts["low"] = scaled
    middle, low, high = (printed(parts[key], rounded=True, place="decode") for key in ("middle", "low", "high"))
    if not low.value <= middle.value <= high.value or low.value >= high.value:
        raise UsageError(f"{middle.text} does not lie between {low.text} and {high.text}; write MIDDLE (LOW to HIGH)")
    readings = [_reading(*way, middle, low, high) for way in _ways(middle, low, high)]
    readings.append(_end_points(middle, low, high))
    return Decoded(middle, low, high, tuple(sorted(readings, key=lambda r: (not r.fits, abs(r.misfit) / r.slack))))


def _suffix(text: str) -> str:
    return text[-1] if text[-1] in SUFFIXES else ""


def _value(text: str) -> float:
    return printed(text, place="decode").value


def _ways(middle: Printed, low: Printed, high: Printed) -> list[tuple[str, str, str]]:
    """Name, which moment the middle is, and the text of the distribution that the ends fix."""
    ends = f"{_plain(low)} to {_plain(high)}"
    ways = []
    if low.value > 0:
        card = f"card(mean={_plain(middle)}, low={_plain(low)}, high={_plain(high)})"
        ways += [
            ("Guesstimate card, lognormal", "mean", card),
            ("5% and 95%, lognormal, middle is the median", "median", f"lognormal {ends}"),
            ("5% and 95%, lognormal, middle is the mean", "mean", f"lognormal {ends}"),
        ]
    return [*ways, ("5% and 95%, normal (a card of a normal is the same)", "mean", f"normal {ends}")]


def _plain(figure: Printed) -> str:
    return format_number(figure.value, None)


def _reading(name: str, moment: str, text: str, middle: Printed, low: Printed, high: Printed) -> Reading:
    def expected(at: Distribution) -> float:
        return at.mean() if moment == "mean" else float(at.quantile(0.5))

    made = parse(text, "decode")
    center = expected(made)
    if low.value <= 0 or "normal (" in name:
        unit = made.sd()
        slack = (middle.half + (low.half + high.half) / 2) / unit
        return Reading(name, center, (middle.value - center) / unit, slack, text)
    # The ends are rounded too: the middle of the reading moves with them, half a digit each.
    spread = 0.0
    for factor_low, factor_high in ((low.half, 0.0), (0.0, high.half)):
        moved = text.replace(_plain(low), repr(low.value + factor_low)).replace(_plain(high), repr(high.value + factor_high))
        spread += abs(math.log(expected(parse(moved, "decode")) / center))
    slack = middle.half / middle.value + spread + (NOISE if name.startswith("Guesstimate") else 0.0)
    return Reading(name, center, math.log(middle.value / center), slack, text)


def _end_points(middle: Printed, low: Printed, high: Printed) -> Reading:
    """Three scenarios and no distribution: recognised by a middle that is the geometric or arithmetic mean of round factors."""
    if low.value > 0:
        up, down = high.value / middle.value, middle.value / low.value
        misfit = math.log(up / down)
        slack = 2 * middle.half / middle.value + low.half / low.value + high.half / high.value
        return Reading("end points a factor apart", math.sqrt(low.value * high.value), misfit / 2, slack / 2, _quantiles(middle, low, high))
    center = (low.value + high.value) / 2
    unit = (high.value - low.value) / 2
    return Reading("end points a step apart", center, (middle.value - center) / unit, (middle.half + low.half + high.half) / unit, _quantiles(middle, low, high))


def _quantiles(middle: Printed, low: Printed, high: Printed) -> str:
    return f"quantiles(5%={_plain(low)}, 50%={_plain(middle)}, 95%={_plain(high)})"


def table(found: Decoded) -> str:
    """The readings as text for a terminal, with what to paste into a prior.

    Parameters
    ----------
    found : Decoded

    Returns
    -------
    str
    """
    printed_as = f"{found.middle.text} ({found.low.text} to {found.high.text})"
    rows = [("reading", "middle", "misfit", "leeway", "")]
    for reading in found.readings:
        middle = say(reading.middle, found.middle)
        rows.append((reading.name, middle, f"{reading.misfit:+.1%}", f"{reading.slack:.1%}", "fits" if reading.fits else "does not fit"))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(cell.ljust(w) if i in (0, 4) else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
    best = found.fitting
    if best:
        advice = f'dist = "{best[0].text}"'
        if len(best) > 1:
            advice += f"     # {len(best)} readings fit; the figures cannot tell them apart"
    else:
        advice = f'dist = "{_quantiles(found.middle, found.low, found.high)}"     # none fits: the three as they stand, if they are believed'
    return "\n".join([f"{printed_as}, read in {len(found.readings)} ways", "", *lines, "", "To paste into a prior:", f"  {advice}"])

"""Which reading of a published triple, such as ``380M (55M to 1.5B)``, its three figures fit.

Two ends fix a lognormal (or a normal) under each reading, and that says what the middle would be: the figure that is
printed in the middle then fits it or does not. A triple that fits none was not read off one distribution.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from forecast.claims.printed import Printed, printed, say
from forecast.distribution import Distribution, format_number, parse
from forecast.distribution.number import SUFFIXES
from forecast.errors import StudyError, UsageError

SHOWN = 5_000  # draws behind a Guesstimate card: its mean has a standard error of its own
CARD, NORMAL = "Guesstimate card", "5% and 95%, normal"
_FIGURE = r"[-−~$€£]*\s?\d[\d.,]*(?:[eE][-+]?\d+)?(?:\s?(?:[kKMBT%]|thousand|million|billion|trillion)(?![A-Za-z]))?"
_UNIT = r"(?:\s?[A-Za-z][A-Za-z/*_ ]*)??"  # as in "0.51 OOMs/year": not read, only passed over
_TRIPLE = re.compile(
    rf"\s*(?P<middle>{_FIGURE}){_UNIT}\s*[(\[,;:]?\s*(?:\d+% (?:CI|confidence interval|interval)[:,]?)?\s*"
    rf"(?P<low>{_FIGURE}){_UNIT}\s*(?:to|[-–—,])\s*(?P<high>{_FIGURE}){_UNIT}\s*[)\]]?\s*"
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
        How large a misfit the printed digits (and, for a card, a standard error of Guesstimate's 5,000 draws) allow.
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
    middle, low, high = _figures(*(match[key].strip() for key in ("middle", "low", "high")))
    readings = [_reading(*way, middle, low, high) for way in _ways(middle, low, high)]
    readings.append(_end_points(middle, low, high))
    return Decoded(
        middle, low, high, tuple(sorted(readings, key=lambda r: (not r.fits, round(abs(r.misfit) / r.slack, 6))))
    )


def _figures(middle: str, low: str, high: str) -> tuple[Printed, Printed, Printed]:
    """The three figures; a letter that is printed once, as in ``$160K (88 to 260)``, counts where it must."""
    ends, center = _suffix(high), _suffix(middle)
    for tried in ((low, high), (low + ends, high), (low + center, high + center), (low + center, high)):
        try:
            found = (
                printed(middle, True, "decode"),
                printed(tried[0], True, "decode"),
                printed(tried[1], True, "decode"),
            )
        except StudyError:
            continue
        if found[1].value <= found[0].value <= found[2].value and found[1].value < found[2].value:
            return found
    raise UsageError(
        f"{middle} does not lie between {low} and {high}; write MIDDLE (LOW to HIGH), such as '380M (55M to 1.5B)'"
    )


def _suffix(text: str) -> str:
    return text[-1] if text[-1] in SUFFIXES else ""


def _years(*figures: Printed) -> bool:
    return all(re.fullmatch(r"(19|20|21)\d\d", figure.text) for figure in figures)


def _ways(middle: Printed, low: Printed, high: Printed) -> list[tuple[str, str, str]]:
    """Name, which moment the middle is, and the text of the distribution that the ends fix."""
    ends = f"{_plain(low)} to {_plain(high)}"
    ways = []
    if low.value > 0 and not _years(middle, low, high):  # a calendar year has no meaningful zero
        card = f"card(mean={_plain(middle)}, low={_plain(low)}, high={_plain(high)})"
        ways += [
            (f"{CARD}, lognormal", "mean", card),
            ("5% and 95%, lognormal, middle is the median", "median", f"lognormal {ends}"),
            ("5% and 95%, lognormal, middle is the mean", "mean", f"lognormal {ends}"),
        ]
    return [*ways, (f"{NORMAL} (a card of a normal is the same)", "mean", f"normal {ends}")]


def _plain(figure: Printed) -> str:
    return format_number(figure.value, None)


def _reading(name: str, moment: str, text: str, middle: Printed, low: Printed, high: Printed) -> Reading:
    def expected(at: Distribution) -> float:
        return at.mean() if moment == "mean" else float(at.quantile(0.5))

    made = parse(text, "decode")
    center = expected(made)
    if name.startswith(NORMAL):
        return Reading(name, center, (middle.value - center) / made.sd(), _slack(middle, low, high) / made.sd(), text)
    noise = made.sd() / made.mean() / math.sqrt(SHOWN) if name.startswith(CARD) else 0.0
    return Reading(
        name, center, math.log(middle.value / center), math.hypot(_slack(middle, low, high, True), noise), text
    )


def _slack(middle: Printed, low: Printed, high: Printed, relative: bool = False) -> float:
    """What rounding leaves open in the middle: its own last digit, and half of each end's, independent of each other.

    At least two digits count: whoever prints ``$2M`` had a second one.
    """
    parts = []
    for figure, share in ((middle, 1.0), (low, 0.5), (high, 0.5)):
        size = abs(figure.value)
        half = min(figure.half, 0.5 * 10.0 ** (math.floor(math.log10(size)) - 1)) if size else figure.half
        half = 0.5 if _years(middle, low, high) else half
        parts.append(share * (half / size if relative else half))
    return math.hypot(*parts)


def _end_points(middle: Printed, low: Printed, high: Printed) -> Reading:
    """Three scenarios and no distribution: the middle lies midway, on a log scale where that has a meaning."""
    text = _quantiles(middle, low, high)
    if low.value > 0 and not _years(middle, low, high):
        center = math.sqrt(low.value * high.value)
        return Reading(
            "end points, a factor apart", center, math.log(middle.value / center), _slack(middle, low, high, True), text
        )
    center, unit = (low.value + high.value) / 2, (high.value - low.value) / 2
    return Reading(
        "end points, a step apart", center, (middle.value - center) / unit, _slack(middle, low, high) / unit, text
    )


def _quantiles(middle: Printed, low: Printed, high: Printed) -> str:
    return f"quantiles(5%={_plain(low)}, 50%={_plain(middle)}, 95%={_plain(high)})"


def to_json(found: Decoded) -> dict[str, Any]:
    """The readings as JSON values, best first."""
    figures = {key: getattr(found, key).value for key in ("middle", "low", "high")}
    readings = [
        {"reading": r.name, "middle": r.middle, "misfit": r.misfit, "leeway": r.slack, "fits": r.fits, "dist": r.text}
        for r in found.readings
    ]
    return {"schema": "forecast.claims.decode/1", **figures, "readings": readings, "dist": _advised(found)}


def _advised(found: Decoded) -> str:
    """The best reading that fits, or the three figures as they stand."""
    return found.fitting[0].text if found.fitting else _quantiles(found.middle, found.low, found.high)


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
        rows.append(
            (
                reading.name,
                middle,
                f"{reading.misfit:+.1%}",
                f"{reading.slack:.1%}",
                "fits" if reading.fits else "does not fit",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join(
            cell.ljust(w) if i in (0, 4) else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    count = len(found.fitting)
    remark = f"     # {count} readings fit; the figures cannot tell them apart" if count > 1 else ""
    remark = remark if count else "     # none fits: the three as they stand, if they are believed"
    advice = f'dist = "{_advised(found)}"{remark}'
    return "\n".join(
        [f"{printed_as}, read in {len(found.readings)} ways", "", *lines, "", "To paste into a prior:", f"  {advice}"]
    )

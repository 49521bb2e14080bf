"""Which reading of a published triple, such as ``380M (55M to 1.5B)``, its three figures fit.

Two ends fix a lognormal (or a normal) under each reading, and that says what the middle would be: the figure that is
printed in the middle then fits it or does not. A triple that fits none was not read off one distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from forecast.claims.printed import Printed, say
from forecast.claims.triple import Triple, are_years, read_triple
from forecast.distribution import Distribution, format_number, parse
from forecast.errors import StudyError

SHOWN = 5_000  # draws behind a Guesstimate card: its mean has a standard error of its own
LARGEST_NOISE = 0.2  # of a card's mean in logarithms; beyond it single draws decide the mean, and nothing bounds it
CARD = "Guesstimate card, lognormal"


@dataclass(frozen=True)
class Reading:
    """A reading of a triple and how well it fits.

    Parameters
    ----------
    name : str
    middle : float
        What the ends would put in the middle.
    misfit : float
        The printed middle over that, as a difference of logarithms in e-folds; or in steps: see `step`.
    slack : float
        How large a misfit the printed digits (and, for a card, a standard error of Guesstimate's 5,000 draws) allow.
    text : str
        To paste into a prior.
    step : str
        The unit of a misfit that is no difference of logarithms: ``sd`` or ``half-widths``.
    """

    name: str
    middle: float
    misfit: float
    slack: float
    text: str
    step: str = ""

    @property
    def fits(self) -> bool:
        """Whether the misfit is within the slack."""
        return abs(self.misfit) <= self.slack


@dataclass(frozen=True)
class Decoded:
    """A triple with its readings, best first.

    Parameters
    ----------
    triple : Triple
    readings : tuple of Reading
    """

    triple: Triple
    readings: tuple[Reading, ...]

    @property
    def fitting(self) -> tuple[Reading, ...]:
        """The readings that fit."""
        return tuple(reading for reading in self.readings if reading.fits)

    @property
    def advised(self) -> str:
        """What to paste into a prior: the best reading that fits, or the three figures as they stand."""
        return self.fitting[0].text if self.fitting else _quantiles(self.triple)


def decode(text: str) -> Decoded:
    """Read a published triple in every way.

    Parameters
    ----------
    text : str
        Middle and ends as printed: ``380M (55M to 1.5B)``, ``0.2 (95% CI: 0.1–0.3)``, ``$2M, 260K, 8.4M``. The ends
        bound 90% unless the text says otherwise.

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
    triple = read_triple(text)
    readings = [reading for way in _ways(triple) if (reading := _reading(*way, triple)) is not None]
    readings.append(_end_points(triple))
    return Decoded(triple, tuple(sorted(readings, key=lambda r: (not r.fits, round(abs(r.misfit) / r.slack, 6)))))


def _ways(triple: Triple) -> list[tuple[str, str, str]]:
    """Name, which moment the middle is, and the text of the distribution that the ends fix."""
    level = "" if triple.level == 90 else f" ({triple.level:g}%)"
    ends = f"{_plain(triple.low)} to {_plain(triple.high)}{level}"
    low, high = triple.tails
    ways = []
    if _ratios(triple):
        if triple.level == 90:  # what Guesstimate calls its ends, rightly or wrongly
            card = f"card(mean={_plain(triple.middle)}, low={_plain(triple.low)}, high={_plain(triple.high)})"
            ways.append((CARD, "mean", card))
        ways += [
            (f"{low:g}% and {high:g}%, lognormal, middle is the median", "median", f"lognormal {ends}"),
            (f"{low:g}% and {high:g}%, lognormal, middle is the mean", "mean", f"lognormal {ends}"),
        ]
    same = " (a card of a normal is the same)" if triple.level == 90 else ""
    return [*ways, (f"{low:g}% and {high:g}%, normal{same}", "mean", f"normal {ends}")]


def _ratios(triple: Triple) -> bool:
    """Whether ratios of the figures have a meaning: a calendar year has no zero."""
    return triple.low.value > 0 and not are_years(triple)


def _plain(figure: Printed) -> str:
    return format_number(figure.value, None)


def _reading(name: str, moment: str, text: str, triple: Triple) -> Reading | None:
    try:
        made: Distribution = parse(text, "decode")
        center = made.mean() if moment == "mean" else float(made.quantile(0.5))
        sd = made.sd()
    except StudyError:  # the ends fix no such distribution
        return None
    if not (math.isfinite(center) and 0 < sd < math.inf) or (center <= 0 and not text.startswith("normal")):
        return None  # beyond what a number can hold
    middle = triple.middle.value
    if text.startswith("normal"):
        return Reading(name, center, (middle - center) / sd, _slack(triple) / sd, text, "sd")
    noise = min(sd / center / math.sqrt(SHOWN), LARGEST_NOISE) if name == CARD else 0.0
    return Reading(name, center, math.log(middle / center), math.hypot(_slack(triple, relative=True), noise), text)


def _slack(triple: Triple, relative: bool = False) -> float:
    """What rounding leaves open in the middle: its own last digit, and half of each end's, independent of each other.

    At least two digits count: whoever prints ``$2M`` had a second one.
    """
    parts = []
    for figure, share in ((triple.middle, 1.0), (triple.low, 0.5), (triple.high, 0.5)):
        size = abs(figure.value)
        half = min(figure.half, 0.5 * 10.0 ** (math.floor(math.log10(size)) - 1)) if size else figure.half
        half = 0.5 if are_years(triple) else half
        parts.append(share * (half / size if relative else half))
    return math.hypot(*parts)


def _end_points(triple: Triple) -> Reading:
    """Three scenarios and no distribution: the middle lies midway, on a log scale where that has a meaning."""
    text, middle, low, high = _quantiles(triple), *(f.value for f in (triple.middle, triple.low, triple.high))
    if _ratios(triple):
        center = math.sqrt(low) * math.sqrt(high)
        return Reading("end points, a factor apart", center, math.log(middle / center), _slack(triple, True), text)
    center, unit = (low + high) / 2, (high - low) / 2
    misfit, slack = (middle - center) / unit, _slack(triple) / unit
    return Reading("end points, a step apart", center, misfit, slack, text, "half-widths")


def _quantiles(triple: Triple) -> str:
    low, high = triple.tails
    return f"quantiles({low:g}%={_plain(triple.low)}, 50%={_plain(triple.middle)}, {high:g}%={_plain(triple.high)})"


def to_json(found: Decoded) -> dict[str, Any]:
    """The readings as JSON values, best first."""
    triple = found.triple
    figures = {"middle": triple.middle.value, "low": triple.low.value, "high": triple.high.value}
    readings = [
        {
            "reading": r.name,
            "middle": r.middle,
            "misfit": r.misfit,
            "leeway": r.slack,
            "misfit_in": r.step or "e-folds",
            "fits": r.fits,
            "dist": r.text,
        }
        for r in found.readings
    ]
    stated = {"prob": triple.level / 100, "prob_stated": triple.stated}
    return {"schema": "forecast.claims.decode/1", **figures, **stated, "readings": readings, "dist": found.advised}


def table(found: Decoded) -> str:
    """The readings as text for a terminal, with what to paste into a prior.

    Parameters
    ----------
    found : Decoded

    Returns
    -------
    str
    """
    triple = found.triple
    rows = [("reading", "middle", "misfit", "leeway", "")]
    for reading in found.readings:
        middle, fits = say(reading.middle, triple.middle), "fits" if reading.fits else "does not fit"
        rows.append((reading.name, middle, _off(reading.misfit, reading, "+"), _off(reading.slack, reading), fits))
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
    level = f"{triple.level:g}% interval" + ("" if triple.stated else " (not said; assumed)")
    return "\n".join(
        [
            f"{triple.told}, {level}, read in {len(found.readings)} ways",
            "",
            *lines,
            "",
            "middle: what the ends would put there; misfit: the printed one against it, in logarithms (as %) or",
            f"as said; leeway: what rounding leaves open, and for a card one standard error of {SHOWN:,} draws.",
            "",
            "To paste into a prior:",
            f'  dist = "{found.advised}"{remark}',
        ]
    )


def _off(value: float, reading: Reading, sign: str = "") -> str:
    short = {"sd": " sd", "half-widths": " half"}.get(reading.step, "")
    return f"{round(value, 2) + 0.0:{sign}.2f}{short}" if short else f"{round(value, 3) + 0.0:{sign}.1%}"

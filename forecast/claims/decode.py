"""Which reading of a published triple, such as ``380M (55M to 1.5B)``, its three figures fit.

Two ends fix a lognormal (or a normal) under each reading, and that says what the middle would be: the figure that is
printed in the middle then fits it or does not. A triple that fits none was not read off one distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forecast.claims.printed import Printed, say
from forecast.claims.triple import Triple, are_years, read_triple
from forecast.columns import lined_up
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
        How large a misfit rounding allows, with each figure moved as far as it prints alike; for a card, with a
        standard error of Guesstimate's 5,000 draws besides.
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
class _Way:
    """A way to read a triple: its name, which moment the middle is, and the text that two ends complete."""

    name: str
    moment: str
    text: str

    def fixed(self, low: float, high: float) -> tuple[float, float]:
        """The middle that two ends fix, and the standard deviation."""
        made: Distribution = parse(self.text.format(_plain(low), _plain(high)), "decode")
        return made.mean() if self.moment == "mean" else float(made.quantile(0.5)), made.sd()


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
    readings = [reading for way in _ways(triple) if (reading := _reading(way, triple)) is not None]
    readings.append(_end_points(triple))
    return Decoded(triple, tuple(sorted(readings, key=lambda r: (not r.fits, round(abs(r.misfit) / r.slack, 6)))))


def _ways(triple: Triple) -> list[_Way]:
    level = "" if triple.level == 90 else f" ({triple.level:g}%)"
    low, high = (f"{tail:g}%" for tail in triple.tails)
    tails = f"{low} and {high}"
    ways = []
    if _ratios(triple):
        if triple.level == 90:  # what Guesstimate calls its ends, rightly or wrongly
            ways.append(_Way(CARD, "mean", f"card(mean={_plain(triple.middle.value)}, low={{}}, high={{}})"))
        lognormal = f"lognormal {{}} to {{}}{level}"
        ways.append(_Way(f"{tails}, lognormal, middle is the median", "median", lognormal))
        ways.append(_Way(f"{tails}, lognormal, middle is the mean", "mean", lognormal))
    same = " (a card of a normal is the same)" if triple.level == 90 else ""
    return [*ways, _Way(f"{tails}, normal{same}", "mean", f"normal {{}} to {{}}{level}")]


def _ratios(triple: Triple) -> bool:
    """Whether ratios of the figures have a meaning: a calendar year has no zero."""
    return triple.low.value > 0 and not are_years(triple)


def _plain(value: float) -> str:
    return format_number(value, None)


def _reading(way: _Way, triple: Triple) -> Reading | None:
    """A reading with its misfit and its leeway, or None where the ends fix no such distribution."""
    low, high = triple.low.value, triple.high.value
    steps = way.text.startswith("normal")
    try:
        center, sd = way.fixed(low, high)
        # Where the ends may lie in all that prints alike, the middle that they fix lies between those of the corners.
        corners = [way.fixed(x, y)[0] for x in _room(triple, triple.low) for y in _room(triple, triple.high)]
    except StudyError:
        return None
    if not (math.isfinite(center) and 0 < sd < math.inf) or (center <= 0 and not steps):
        return None  # beyond what a number can hold
    misfit, slack = _compared(triple, center, corners, sd if steps else 0.0)
    noise = min(sd / center / math.sqrt(SHOWN), LARGEST_NOISE) if way.name == CARD else 0.0
    text = way.text.format(_plain(low), _plain(high))
    return Reading(way.name, center, misfit, math.hypot(slack, noise), text, "sd" if steps else "")


def _compared(triple: Triple, center: float, corners: Sequence[float], unit: float) -> tuple[float, float]:
    """How far the printed middle is from the one that the ends fix, and how far it may be for rounding alone.

    In units, or in logarithms where there is none.
    """
    scale = (lambda x: x / unit) if unit else math.log
    at, fixed = scale(triple.middle.value), scale(center)
    least, most = map(scale, _room(triple, triple.middle))
    if at >= fixed:
        return at - fixed, at - least + max(scale(max(corners)) - fixed, 0.0)
    return at - fixed, most - at + max(fixed - scale(min(corners)), 0.0)


def _room(triple: Triple, figure: Printed) -> tuple[float, float]:
    """The least and the most that print like a figure; two digits count at least: whoever prints ``$2M`` had them."""
    size = abs(figure.value)
    half = min(figure.half, 0.5 * 10.0 ** (math.floor(math.log10(size)) - 1)) if size else figure.half
    half = 0.5 if are_years(triple) else half
    return figure.value - half, figure.value + half


def _end_points(triple: Triple) -> Reading:
    """Three scenarios and no distribution: the middle lies midway, on a log scale where that has a meaning."""
    low, high = triple.low.value, triple.high.value
    ends = [(x, y) for x in _room(triple, triple.low) for y in _room(triple, triple.high)]
    if _ratios(triple):
        center = math.sqrt(low) * math.sqrt(high)
        misfit, slack = _compared(triple, center, [math.sqrt(x) * math.sqrt(y) for x, y in ends], 0.0)
        return Reading("end points, a factor apart", center, misfit, slack, _quantiles(triple))
    center, unit = (low + high) / 2, (high - low) / 2
    misfit, slack = _compared(triple, center, [(x + y) / 2 for x, y in ends], unit)
    return Reading("end points, a step apart", center, misfit, slack, _quantiles(triple), "half-widths")


def _quantiles(triple: Triple) -> str:
    low, high = triple.tails
    ends = _plain(triple.low.value), _plain(triple.high.value)
    return f"quantiles({low:g}%={ends[0]}, 50%={_plain(triple.middle.value)}, {high:g}%={ends[1]})"


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
    count = len(found.fitting)
    remark = f"     # {count} readings fit; the figures cannot tell them apart" if count > 1 else ""
    remark = remark if count else "     # none fits: the three as they stand, if they are believed"
    level = f"{triple.level:g}% interval" + ("" if triple.stated else " (not said; assumed)")
    return "\n".join(
        [
            f"{triple.told}, {level}, read in {len(found.readings)} ways",
            "",
            *lined_up(rows, left=(0, 4), gap=2),
            "",
            "middle: what the ends would put there; misfit: the printed one against it, in logarithms (as %) or",
            f"as said; leeway: all that rounding leaves open, and a standard error of {SHOWN:,} draws for a card.",
            "",
            "To paste into a prior:",
            f'  dist = "{found.advised}"{remark}',
        ]
    )


def _off(value: float, reading: Reading, sign: str = "") -> str:
    short = {"sd": " sd", "half-widths": " half"}.get(reading.step, "")
    return f"{round(value, 2) + 0.0:{sign}.2f}{short}" if short else f"{round(value, 3) + 0.0:{sign}.1%}"

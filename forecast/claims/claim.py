"""What a published claim is: a figure, the document it stands in, its inputs and how it is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forecast.claims.printed import Printed

POINTS = ("point", "rounded point", "prediction", "end points")  # readings of scenarios that leave nothing uncertain
BOUNDS = ("more than", "less than", "between")
CARD, QUANTILES = "Guesstimate card", "5% to 95%"
READINGS = (
    *POINTS,
    "median",
    "mean",
    QUANTILES,
    "mean and 5% to 95%",
    CARD,
    *BOUNDS,
    "consistent",
)
TRIPLES = (QUANTILES, "mean and 5% to 95%", CARD)
VERDICTS = ("holds", "flagged", "superseded")
FITS = {
    "growth": ("growth",),
    "kink": ("AIC odds", "AIC difference", "BIC difference"),
    "line": ("slope", "level"),
    "power law": ("exponents not told from 0",),
}


@dataclass(frozen=True)
class Document:
    """A source document.

    Parameters
    ----------
    title, author, publisher, url : str
    year : int
    """

    title: str
    author: str
    year: int
    publisher: str = ""
    url: str = ""

    @property
    def cited(self) -> str:
        """Author and year, or title and year where the author is not named."""
        return f"{self.author or self.title} {self.year}"


@dataclass(frozen=True)
class Fit:
    """A statistic of rows of an evidence table: see docs/claims.md.

    Parameters
    ----------
    kind : {"growth", "kink", "line", "power law"}
    statistic : str
    table : str
        Relative to ``priors/``.
    value, unit, start, end, x, y, x_per, group, minus : str
    average : str
        Column whose rows of one name are averaged, so that a system counts once.
    where : tuple
    record_fraction : float or None
    data : mapping of str to str
        A published file that takes the table's place if the environment names a folder that has it: ``format``,
        ``file``, ``preset``, and ``value`` where its column is named differently.
    """

    kind: str
    statistic: str
    table: str
    value: str = ""
    unit: str = ""
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    start: str = ""
    end: str = ""
    record_fraction: float | None = None
    x: str = ""
    y: str = ""
    x_per: str = ""
    group: str = ""
    average: str = ""
    minus: str = ""
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Later:
    """What overtook a claim: a quantity in a scenario of its own."""

    quantity: str
    source: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A published figure, the inputs it states and how it is to be read.

    Parameters
    ----------
    id : str
    document : Document
    sentence, source : str
        What it says, and where in the document.
    quantity : str
        Of the study, ``name`` or ``name@year``; empty where `fit` gives the figure.
    unit : str
        Of the published figure; the quantity's own where empty.
    given : mapping of str to (str, int or float)
        Inputs as the document states them.
    ends : mapping of str to tuple
        For "end points": the same input at the published middle, low and high.
    dependence : mapping
        ``between`` (two priors) and ``rank_correlation``, or empty.
    published : tuple of Printed
        One figure; middle, low and high; or low and high.
    reading, expected : str
    tolerance : str
        ``2%``, ``0.05`` (in the figure's unit) or ``factor 2``, looser or tighter than the printed digits, which
        decide where it is empty.
    because : str
        Why that tolerance.
    note : str
    also : tuple of str
        Further quantities shown in the same scenario.
    fit : Fit or None
    later : Later or None
    place : str
        File and id, for messages.
    """

    id: str
    document: Document
    sentence: str
    source: str
    quantity: str
    unit: str
    given: Mapping[str, Any]
    published: tuple[Printed, ...]
    reading: str
    expected: str
    ends: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    dependence: Mapping[str, Any] = field(default_factory=dict)
    tolerance: str = ""
    because: str = ""
    note: str = ""
    also: tuple[str, ...] = ()
    fit: Fit | None = None
    later: Later | None = None
    place: str = ""

"""Claim files (``reports/claims/*.toml``) to records: what a document published, and the inputs it states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forecast.errors import Problem, StudyError, nearest
from forecast.prior_files import read_toml
from forecast.printed import Printed, printed

POINTS = ("point", "rounded point", "prediction", "end points")  # readings of scenarios that leave nothing uncertain
CARD, QUANTILES = "Guesstimate card", "5% to 95%"
READINGS = (*POINTS, "median", "mean", QUANTILES, "mean and 5% to 95%", CARD, "more than", "less than", "between", "consistent")
TRIPLES = (QUANTILES, "mean and 5% to 95%", CARD)
VERDICTS = ("holds", "flagged", "superseded")
FITS = {
    "growth": ("growth",),
    "kink": ("AIC odds", "AIC difference", "BIC difference"),
    "line": ("slope", "level"),
    "power law": ("exponents not told from 0",),
}
_FIT_FIELDS = {"kind", "statistic", "table", "value", "unit", "where", "from", "to", "record_fraction", "x", "y", "x_per", "group", "minus", "data"}
_FIELDS = {
    "id", "sentence", "place", "quantity", "unit", "given", "ends", "dependence", "published", "reading", "expected",
    "tolerance", "because", "note", "also", "fit", "later",
}  # fmt: skip


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
    where : tuple
    record_fraction : float or None
    data : mapping of str to str
        A published file that takes the table's place if the environment names a folder that has it: ``format``,
        ``file``, ``preset``.
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
        ``2%``, ``0.05`` (in the figure's unit) or ``factor 2``; empty: the printed digits decide.
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


def read_claims(root: Path) -> tuple[Claim, ...]:
    """Every claim of a study, in order of file and place.

    Parameters
    ----------
    root : pathlib.Path
        The study's folder.

    Raises
    ------
    StudyError
        Everything that is wrong with the files; or there are none.
    """
    files = sorted((root / "reports" / "claims").glob("*.toml"))
    problems: list[Problem] = []
    claims: list[Claim] = []
    for file in files:
        relative = file.relative_to(root).as_posix()
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(relative, f"cannot be read ({error})", "save it as UTF-8 text"))
            continue
        claims.extend(read_claim_file(relative, text, problems))
    seen: dict[str, str] = {}
    for claim in claims:
        if claim.id in seen:
            problems.append(Problem(claim.place, f"the id stands in {seen[claim.id]} too", "give each claim an id of its own"))
        seen[claim.id] = claim.place
    if problems:
        raise StudyError(problems)
    if not claims:
        raise StudyError.at("reports/claims", "holds no claims", "write one TOML file for each document: see docs/claims.md")
    return tuple(claims)


def read_claim_file(relative: str, text: str, problems: list[Problem]) -> list[Claim]:
    """The claims of one file; what is wrong is added to the problems."""
    data = read_toml(relative, text, problems)
    table = data.get("document", {})
    try:
        document = Document(
            str(table["title"]), str(table.get("author", "")), int(table["year"]),
            str(table.get("publisher", "")), str(table.get("url", "")),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        problems.append(Problem(f"{relative} [document]", "has no title and year", 'write title = "…", author = "…", year = 2023'))
        return []
    entries = data.get("claim", [])
    if not isinstance(entries, list):
        problems.append(Problem(relative, "has no list of claims", "write each under [[claim]]"))
        return []
    claims = []
    for number, entry in enumerate(entries, 1):
        before = len(problems)
        place = f"{relative} {entry.get('id', f'[[claim]] {number}')}"
        claim = _claim(entry, document, place, problems)
        if claim is not None and len(problems) == before:
            claims.append(claim)
    return claims


def _claim(entry: dict[str, Any], document: Document, place: str, problems: list[Problem]) -> Claim | None:
    for key in entry.keys() - _FIELDS:
        problems.append(Problem(place, f"unknown field '{key}'", nearest(key, _FIELDS) or f"known: {', '.join(sorted(_FIELDS))}"))
    for key in ("id", "sentence", "place", "published", "reading", "expected"):
        if not entry.get(key):
            problems.append(Problem(place, f"has no {key}", f"write {key} = …"))
    if ("quantity" in entry) == ("fit" in entry):
        problems.append(Problem(place, "needs either a quantity or a fit", "name what the study computes for it"))
    for key, known in (("reading", READINGS), ("expected", VERDICTS)):
        if key in entry and entry[key] not in known:
            problems.append(Problem(place, f"unknown {key} '{entry[key]}'", nearest(str(entry[key]), known) or f"one of {', '.join(known)}"))
    if "tolerance" in entry and not entry.get("because"):
        problems.append(Problem(place, "has a tolerance without a reason", 'write because = "…", or let the printed digits decide'))
    reading = str(entry.get("reading", ""))
    texts = entry.get("published", [])
    texts = [texts] if isinstance(texts, str) else texts
    wanted = (3,) if reading in (*TRIPLES, "end points") else (2,) if reading == "between" else (1, 2, 3) if reading == "consistent" else (1,)
    if not isinstance(texts, list) or len(texts) not in wanted:
        problems.append(Problem(place, f"'{reading}' does not go with {texts!r}", f"give {' or '.join(map(str, wanted))} figures as texts"))
        return None
    rounded = reading != "point" and entry.get("unit") != "year"
    figures = []
    for text in texts:
        try:
            figures.append(printed(str(text), rounded, place))
        except StudyError as error:
            problems.extend(error.problems)
    ends = {name: tuple(values) for name, values in entry.get("ends", {}).items()}
    if (reading == "end points") != bool(ends) or any(len(values) != 3 for values in ends.values()):
        problems.append(Problem(place, "'end points' and ends go together", "write ends = { input = [middle, low, high] }"))
    later = entry.get("later")
    if later is not None and not {"quantity", "source"} <= later.keys() <= {"quantity", "source", "given"}:
        problems.append(Problem(place, "later is not complete", 'write later = { quantity = "…", source = "…", given = { … } }'))
        later = None
    return Claim(
        id=str(entry.get("id", "")),
        document=document,
        sentence=" ".join(str(entry.get("sentence", "")).split()),
        source=str(entry.get("place", "")),
        quantity=str(entry.get("quantity", "")),
        unit=str(entry.get("unit", "")),
        given=dict(entry.get("given", {})),
        published=tuple(figures),
        reading=reading,
        expected=str(entry.get("expected", "")),
        ends=ends,
        dependence=dict(entry.get("dependence", {})),
        tolerance=str(entry.get("tolerance", "")),
        because=str(entry.get("because", "")),
        note=" ".join(str(entry.get("note", "")).split()),
        also=tuple(entry.get("also", ())),
        fit=_fit(entry["fit"], place, problems) if "fit" in entry else None,
        later=Later(later["quantity"], later["source"], dict(later.get("given", {}))) if later else None,
        place=place,
    )


def _fit(entry: dict[str, Any], place: str, problems: list[Problem]) -> Fit | None:
    for key in entry.keys() - _FIT_FIELDS:
        problems.append(Problem(f"{place} fit", f"unknown field '{key}'", nearest(key, _FIT_FIELDS)))
    kind, statistic = str(entry.get("kind", "")), str(entry.get("statistic", ""))
    if kind not in FITS:
        problems.append(Problem(f"{place} fit", f"unknown kind '{kind}'", nearest(kind, FITS) or f"one of {', '.join(FITS)}"))
        return None
    if statistic not in FITS[kind]:
        problems.append(Problem(f"{place} fit", f"'{kind}' has no statistic '{statistic}'", f"one of {', '.join(FITS[kind])}"))
        return None
    where = tuple((name, (words,) if isinstance(words, str) else tuple(words)) for name, words in entry.get("where", {}).items())
    words = {key: str(entry.get(key, "")) for key in ("value", "unit", "x", "y", "x_per", "group", "minus")}
    return Fit(
        kind, statistic, str(entry.get("table", "")), where=where, start=str(entry.get("from", "")), end=str(entry.get("to", "")),
        record_fraction=entry.get("record_fraction"), data=dict(entry.get("data", {})), **words,
    )  # fmt: skip

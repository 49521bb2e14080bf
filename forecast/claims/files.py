"""Claim files (``reports/claims/*.toml``) to records."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from forecast.claims.claim import FITS, READINGS, TRIPLES, VERDICTS, Claim, Document, Fit, Later
from forecast.claims.printed import Printed, printed
from forecast.errors import Problem, StudyError, nearest
from forecast.toml import read_toml

_TABLES = {"given", "ends", "dependence", "fit", "later"}
_FIT_FIELDS = {
    "kind",
    "statistic",
    "table",
    "value",
    "unit",
    "where",
    "from",
    "to",
    "record_fraction",
    "x",
    "y",
    "x_per",
    "group",
    "minus",
    "average",
    "data",
}
_DATA_FIELDS = {"format", "file", "preset", "value"}  # fmt: skip
_FIELDS = {
    "id", "sentence", "place", "quantity", "unit", "given", "ends", "dependence", "published", "reading", "expected",
    "tolerance", "because", "note", "also", "fit", "later",
}  # fmt: skip


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
    claims, problems = scan_claims(root)
    if problems:
        raise StudyError(problems)
    return claims


def scan_claims(root: Path) -> tuple[tuple[Claim, ...], tuple[Problem, ...]]:
    """The claims of a study that can be read, and everything that is wrong with its files.

    Parameters
    ----------
    root : pathlib.Path
        The study's folder.

    Returns
    -------
    claims : tuple of Claim
        In order of file and place.
    problems : tuple of Problem
    """
    files = sorted((root / "reports" / "claims").glob("*.toml"))
    problems: list[Problem] = []
    claims: list[Claim] = []
    for file in files:
        relative = file.relative_to(root).as_posix()
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(relative, f"cannot be read ({error})", "save it as UTF-8 text"))
            continue
        claims.extend(read_claim_file(relative, text, problems))
    seen: dict[str, str] = {}
    for claim in claims:
        if claim.id in seen:
            problems.append(
                Problem(claim.place, f"the id stands in {seen[claim.id]} too", "give each claim an id of its own")
            )
        seen[claim.id] = claim.place
    if not claims and not problems:
        remedy = "write one TOML file for each document: see docs/claims.md"
        problems.append(Problem("reports/claims", "holds no claims", remedy))
    return tuple(claims), tuple(problems)


def read_claim_file(relative: str, text: str, problems: list[Problem]) -> list[Claim]:
    """The claims of one file; what is wrong is added to the problems."""
    before = len(problems)
    data = read_toml(relative, text, problems)
    if len(problems) > before:
        return []
    table = data.get("document", {})
    try:
        words = {key: str(table.get(key, "")) for key in ("author", "publisher", "url")}
        document = Document(title=str(table["title"]), year=int(table["year"]), **words)
    except (KeyError, TypeError, ValueError, AttributeError):
        remedy = 'write title = "…", author = "…", year = 2023'
        problems.append(Problem(f"{relative} [document]", "has no title and year", remedy))
        return []
    if document.url and not re.fullmatch(r"https?://[^\s<>]+", document.url):
        problems.append(Problem(f"{relative} [document]", f"its url is no address ({document.url})", "write https://…"))
    entries = data.get("claim", [])
    if not isinstance(entries, list):
        problems.append(Problem(relative, "has no list of claims", "write each under [[claim]]"))
        return []
    claims = []
    for number, entry in enumerate(entries, 1):
        before = len(problems)
        known = isinstance(entry, dict) and entry.get("id")
        place = f"{relative} {known or f'[[claim]] {number}'}"
        claim = _claim(entry, document, place, problems)
        if claim is not None and len(problems) == before:
            claims.append(claim)
    return claims


def _claim(entry: dict[str, Any], document: Document, place: str, problems: list[Problem]) -> Claim | None:
    if not _shaped(entry, place, problems):
        return None
    for key in ("id", "sentence", "place", "published", "reading", "expected"):
        if not entry.get(key):
            problems.append(Problem(place, f"has no {key}", f"write {key} = …"))
    if bool(entry.get("quantity")) == ("fit" in entry):
        problems.append(Problem(place, "needs either a quantity or a fit", "name what the study computes for it"))
    for key, known in (("reading", READINGS), ("expected", VERDICTS)):
        if key in entry and entry[key] not in known:
            hint = nearest(entry[key], known) or f"one of {', '.join(known)}"
            problems.append(Problem(place, f"unknown {key} '{entry[key]}'", hint))
    if "tolerance" in entry and not entry.get("because"):
        remedy = 'write because = "…", or let the printed digits decide'
        problems.append(Problem(place, "has a tolerance without a reason", remedy))
    reading, ends, later = entry.get("reading", ""), entry.get("ends", {}), entry.get("later")
    if (reading == "end points") != bool(ends) or any(len(values) != 3 for values in ends.values()):
        remedy = "write ends = { input = [middle, low, high] }"
        problems.append(Problem(place, "'end points' and ends go together", remedy))
    if later is not None and not {"quantity", "source"} <= later.keys() <= {"quantity", "source", "given"}:
        remedy = 'write later = { quantity = "…", source = "…", given = { … } }'
        problems.append(Problem(place, "later is not complete", remedy))
        later = None
    figures = _figures(entry, reading, place, problems)
    return Claim(
        id=entry.get("id", ""),
        document=document,
        sentence=" ".join(entry.get("sentence", "").split()),
        source=entry.get("place", ""),
        quantity=entry.get("quantity", ""),
        unit=entry.get("unit", ""),
        given=entry.get("given", {}),
        published=figures,
        reading=reading,
        expected=entry.get("expected", ""),
        ends={name: tuple(values) for name, values in ends.items()},
        dependence=entry.get("dependence", {}),
        tolerance=entry.get("tolerance", ""),
        because=entry.get("because", ""),
        note=" ".join(entry.get("note", "").split()),
        also=tuple(entry.get("also", ())),
        fit=_fit(entry["fit"], place, problems) if "fit" in entry else None,
        later=Later(str(later["quantity"]), str(later["source"]), dict(later.get("given", {}))) if later else None,
        place=place,
    )


def _shaped(entry: Any, place: str, problems: list[Problem]) -> bool:
    """Whether every field is known and of its kind."""
    before = len(problems)
    if not isinstance(entry, dict):
        problems.append(Problem(place, f"is not a claim ({entry!r})", "write its fields under [[claim]]"))
        return False
    for key, value in entry.items():
        if key not in _FIELDS:
            hint = nearest(key, _FIELDS) or f"known: {', '.join(sorted(_FIELDS))}"
            problems.append(Problem(place, f"unknown field '{key}'", hint))
        elif key in _TABLES:
            if not isinstance(value, dict):
                problems.append(Problem(place, f"{key} is not a table ({value!r})", f"write {key} = {{ … }}"))
        elif key == "also":
            if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
                problems.append(Problem(place, f"also is no list of quantities ({value!r})", 'write also = ["name"]'))
        elif key != "published" and not isinstance(value, str):
            problems.append(Problem(place, f"{key} is not a text ({value!r})", f'write {key} = "…"'))
    if len(problems) > before:
        return False
    if not re.fullmatch(r"[\w.-]*", entry.get("id", "")):
        problems.append(Problem(place, f"the id has a space or mark in it ({entry['id']})", "write L7 or K9.b, say"))
    for name, value in [*entry.get("given", {}).items(), *entry.get("later", {}).get("given", {}).items()]:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            problems.append(
                Problem(f"{place} given {name}", f"is no text or number ({value!r})", 'write "2 USD", or 2')
            )
    for name, values in entry.get("ends", {}).items():
        if not isinstance(values, list):
            problems.append(Problem(f"{place} ends {name}", f"is no list ({values!r})", "write [middle, low, high]"))
    if "dependence" in entry:
        pair, rho = entry["dependence"].get("between"), entry["dependence"].get("rank_correlation")
        named = isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        if not named or not isinstance(rho, (int, float)) or not -1 <= rho <= 1:
            remedy = 'write dependence = { between = ["a", "b"], rank_correlation = 1 }'
            problems.append(Problem(place, "its dependence is not complete", remedy))
    return len(problems) == before


def _figures(entry: dict[str, Any], reading: str, place: str, problems: list[Problem]) -> tuple[Printed, ...]:
    """The printed figures, as many as the reading needs."""
    texts = entry.get("published", [])
    texts = [texts] if isinstance(texts, str) else texts
    wanted = {"between": (2,), "consistent": (1, 2, 3), **dict.fromkeys((*TRIPLES, "end points"), (3,))}.get(
        reading, (1,)
    )
    if not isinstance(texts, list) or len(texts) not in wanted or not all(isinstance(text, str) for text in texts):
        remedy = f"give {' or '.join(map(str, wanted))} figures as texts"
        problems.append(Problem(place, f"'{reading}' does not go with {texts!r}", remedy))
        return ()
    rounded = reading != "point" and entry.get("unit") != "year"
    figures = []
    for text in texts:
        try:
            figures.append(printed(text, rounded, place))
        except StudyError as error:
            problems.extend(error.problems)
    return tuple(figures)


def _fit(entry: dict[str, Any], place: str, problems: list[Problem]) -> Fit | None:
    for key in entry.keys() - _FIT_FIELDS:
        problems.append(
            Problem(f"{place} fit", f"unknown field '{key}'", nearest(key, _FIT_FIELDS) or "see docs/claims.md")
        )
    kind, statistic = str(entry.get("kind", "")), str(entry.get("statistic", ""))
    if kind not in FITS:
        problems.append(
            Problem(f"{place} fit", f"unknown kind '{kind}'", nearest(kind, FITS) or f"one of {', '.join(FITS)}")
        )
        return None
    if statistic not in FITS[kind]:
        problems.append(
            Problem(f"{place} fit", f"'{kind}' has no statistic '{statistic}'", f"one of {', '.join(FITS[kind])}")
        )
        return None
    least = entry.get("record_fraction")
    if not isinstance(entry.get("where", {}), dict) or not isinstance(entry.get("data", {}), dict):
        problems.append(Problem(f"{place} fit", "where and data are tables", 'write where = { basis = "rented" }'))
        return None
    data = entry.get("data", {})
    for key in data.keys() - _DATA_FIELDS:
        hint = nearest(key, _DATA_FIELDS) or f"known: {', '.join(sorted(_DATA_FIELDS))}"
        problems.append(Problem(f"{place} fit data", f"unknown field '{key}'", hint))
    if data and not {"format", "file"} <= data.keys():
        problems.append(Problem(f"{place} fit data", "names no format and file", 'write format = "…", file = "…"'))
    if not all(isinstance(text, str) for text in data.values()):
        problems.append(Problem(f"{place} fit data", "holds more than texts", 'write file = "notable.csv", say'))
    if least is not None and (isinstance(least, bool) or not isinstance(least, (int, float))):
        problems.append(Problem(f"{place} fit", f"record_fraction is no number ({least!r})", "write 0.1 for 10%"))
    where = []
    for name, words in entry.get("where", {}).items():
        kept = [words] if isinstance(words, str) else words
        if not isinstance(kept, list) or not all(isinstance(word, str) for word in kept):
            problems.append(Problem(f"{place} fit where {name}", f"is no word ({words!r})", "write a word or a list"))
            return None
        where.append((name, tuple(kept)))
    texts = {key: str(entry.get(key, "")) for key in ("value", "unit", "x", "y", "x_per", "group", "minus", "average")}
    return Fit(
        kind, statistic, str(entry.get("table", "")), where=tuple(where),
        start=str(entry.get("from", "")), end=str(entry.get("to", "")),
        record_fraction=least, data=dict(data), **texts,
    )  # fmt: skip

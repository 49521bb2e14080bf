"""Claim files (``reports/claims/*.toml``) to records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forecast.claim import FITS, READINGS, TRIPLES, VERDICTS, Claim, Document, Fit, Later
from forecast.errors import Problem, StudyError, nearest
from forecast.printed import printed
from forecast.prior_files import read_toml

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
    "data",
}
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
            problems.append(
                Problem(claim.place, f"the id stands in {seen[claim.id]} too", "give each claim an id of its own")
            )
        seen[claim.id] = claim.place
    if problems:
        raise StudyError(problems)
    if not claims:
        raise StudyError.at(
            "reports/claims", "holds no claims", "write one TOML file for each document: see docs/claims.md"
        )
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
        problems.append(
            Problem(f"{relative} [document]", "has no title and year", 'write title = "…", author = "…", year = 2023')
        )
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
        problems.append(
            Problem(place, f"unknown field '{key}'", nearest(key, _FIELDS) or f"known: {', '.join(sorted(_FIELDS))}")
        )
    for key in ("id", "sentence", "place", "published", "reading", "expected"):
        if not entry.get(key):
            problems.append(Problem(place, f"has no {key}", f"write {key} = …"))
    if ("quantity" in entry) == ("fit" in entry):
        problems.append(Problem(place, "needs either a quantity or a fit", "name what the study computes for it"))
    for key, known in (("reading", READINGS), ("expected", VERDICTS)):
        if key in entry and entry[key] not in known:
            problems.append(
                Problem(
                    place,
                    f"unknown {key} '{entry[key]}'",
                    nearest(str(entry[key]), known) or f"one of {', '.join(known)}",
                )
            )
    if "tolerance" in entry and not entry.get("because"):
        problems.append(
            Problem(place, "has a tolerance without a reason", 'write because = "…", or let the printed digits decide')
        )
    reading = str(entry.get("reading", ""))
    texts = entry.get("published", [])
    texts = [texts] if isinstance(texts, str) else texts
    wanted = (
        (3,)
        if reading in (*TRIPLES, "end points")
        else (2,)
        if reading == "between"
        else (1, 2, 3)
        if reading == "consistent"
        else (1,)
    )
    if not isinstance(texts, list) or len(texts) not in wanted:
        problems.append(
            Problem(
                place,
                f"'{reading}' does not go with {texts!r}",
                f"give {' or '.join(map(str, wanted))} figures as texts",
            )
        )
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
        problems.append(
            Problem(place, "'end points' and ends go together", "write ends = { input = [middle, low, high] }")
        )
    later = entry.get("later")
    if later is not None and not {"quantity", "source"} <= later.keys() <= {"quantity", "source", "given"}:
        problems.append(
            Problem(place, "later is not complete", 'write later = { quantity = "…", source = "…", given = { … } }')
        )
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
        problems.append(
            Problem(f"{place} fit", f"unknown kind '{kind}'", nearest(kind, FITS) or f"one of {', '.join(FITS)}")
        )
        return None
    if statistic not in FITS[kind]:
        problems.append(
            Problem(f"{place} fit", f"'{kind}' has no statistic '{statistic}'", f"one of {', '.join(FITS[kind])}")
        )
        return None
    where = tuple(
        (name, (words,) if isinstance(words, str) else tuple(words)) for name, words in entry.get("where", {}).items()
    )
    words = {key: str(entry.get(key, "")) for key in ("value", "unit", "x", "y", "x_per", "group", "minus")}
    return Fit(
        kind, statistic, str(entry.get("table", "")), where=where,
        start=str(entry.get("from", "")), end=str(entry.get("to", "")),
        record_fraction=entry.get("record_fraction"), data=dict(entry.get("data", {})), **words,
    )  # fmt: skip

"""Evaluated claims as a table for the terminal, as JSON and as Markdown with links into the sources."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forecast.claims import Result
from forecast.claims.claim import VERDICTS, Document
from forecast.columns import lined_up, wrapped
from forecast.errors import UsageError
from forecast.files import write_atomically

SCHEMA = "forecast.claims/1"
WIDTH = 100  # columns of a terminal
_LETTERS = {"thousand": "K", "million": "M", "billion": "B", "trillion": "T"}
_WORDS = re.compile(r" (thousand|million|billion|trillion)\b")


def table(results: Sequence[Result], notes: bool = False, sentences: bool = False) -> str:
    """Claim, published, ours, largest difference, reading and verdict, a line each, and how many of which verdict.

    Parameters
    ----------
    results : sequence of Result
    notes : bool
        Whether sentence, inputs, tolerance and note stand below each line.
    sentences : bool
        Whether the sentence does.
    """
    rows = [("claim", "published", "ours", "difference", "reading", "verdict")]
    for result in results:
        verdict = result.verdict if result.as_expected else f"{result.verdict} (expected: {result.claim.expected})"
        published = _WORDS.sub(lambda m: _LETTERS[m[1]], result.published)
        rows.append((result.claim.id, published, result.told, _largest(result), result.claim.reading, verdict))
    head, *own = lined_up(rows, left=(0, 1, 2, 4, 5), gap=2)
    lines = [head]
    for line, result in zip(own, results, strict=True):
        lines.append(line)
        if notes:
            lines += [*_below(_notes(result)), ""]
        elif sentences:
            lines += _below([result.claim.sentence])
    return "\n".join([*lines, "", tally(results)])


def _notes(result: Result) -> list[str]:
    claim = result.claim
    parts = [claim.sentence, f"{claim.document.cited}, {claim.source}"]
    unit = f" [{result.unit}]" if result.unit else ""
    parts.append(
        f"fit: {claim.fit.kind}, {claim.fit.statistic}; {result.data}"
        if claim.fit
        else f"quantity: {claim.quantity}{unit}"
    )
    if claim.given or claim.ends:
        parts.append("given " + ", ".join(f"{name} = {value}" for name, value in {**claim.given, **claim.ends}.items()))
    if claim.dependence:
        parts.append(
            f"rank correlation of {' and '.join(claim.dependence['between'])}: {claim.dependence['rank_correlation']}"
        )
    if claim.tolerance:
        parts.append(f"tolerance {claim.tolerance}: {claim.because}")
    if claim.later:
        low, high = result.later[1:]
        parts.append(f"later: {low:.4g}" + (f" to {high:.4g}" if high > low else "") + f" ({claim.later.source})")
    parts += [f"{name}: {value}" for name, value in result.also.items()]
    if claim.note:
        parts.append(claim.note)
    return parts


def _below(parts: Sequence[str]) -> list[str]:
    return [line for part in parts for line in wrapped(" " * 6 + " ".join(part.split()), WIDTH)]


def difference(result: Result) -> str:
    """How far ours is from published: ``+0.2%``, ``x 1,006``, one for each figure; empty where none compares."""
    if gaps := _years(result):
        return ", ".join(f"{gap:+.1f}" for gap in gaps) + " years"
    return ", ".join(map(_off, result.differences))


def _largest(result: Result) -> str:
    """The largest of the differences, by ratio."""
    if gaps := _years(result):
        return f"{max(gaps, key=abs):+.1f} yr"
    return _off(max(result.differences, key=_size)) if result.differences else ""


def _years(result: Result) -> list[float]:
    """Differences of dates, in years."""
    if result.unit != "year" or not result.differences:
        return []
    return [round(x - p.value, 1) + 0.0 for x, p in zip(result.ours, result.claim.published, strict=False)]


def _size(difference: float) -> float:
    """How far a relative difference is from none, alike for a half and a double."""
    ratio = 1 + difference
    return abs(math.log(ratio)) if 0 < ratio < math.inf else math.inf


def _off(value: float) -> str:
    ratio = 1 + value
    if ratio >= 3:
        return f"x {ratio:,.3g}" if ratio < 1000 else f"x {ratio:,.0f}"
    if 0 < ratio <= 1 / 3:
        return f"/ {1 / ratio:,.3g}"
    return f"{round(value, 3) + 0.0:+.1%}"


def tally(results: Sequence[Result]) -> str:
    """``100 hold, 50 flagged, 2 superseded; all as expected``."""
    counts = Counter(result.verdict for result in results)
    words = {"holds": "hold" if counts["holds"] != 1 else "holds"}
    said = ", ".join(f"{counts[verdict]} {words.get(verdict, verdict)}" for verdict in VERDICTS if counts[verdict])
    wrong = [result.claim.id for result in results if not result.as_expected]
    return f"{said}; " + (f"NOT as expected: {', '.join(wrong)}" if wrong else "all as expected")


def to_json(results: Sequence[Result], study: str, digest: str) -> dict[str, Any]:
    """The claims as JSON values: see docs/claims.md.

    Returns
    -------
    dict
        ``claims`` is a list of objects with ``id``, ``published``, ``ours``, ``reading``, ``expected``, ``verdict``
        and more; `published` and `ours` are a number each, or lists of middle, low and high (or low and high).
    """
    return {"schema": SCHEMA, "study": study, "study_hash": digest, "claims": [_object(result) for result in results]}


def _object(result: Result) -> dict[str, Any]:
    claim = result.claim
    later = None
    if claim.later is not None:
        later = {"quantity": claim.later.quantity, "source": claim.later.source, "ours": _numbers(result.later)}
    return {
        "id": claim.id,
        "sentence": claim.sentence,
        "source": f"{claim.document.cited}, {claim.source}",
        "quantity": claim.quantity or None,
        "fit": claim.fit.kind if claim.fit else None,
        "given": {**claim.given, **{name: list(values) for name, values in claim.ends.items()}},
        "dependence": dict(claim.dependence) or None,
        "unit": result.unit,
        "published": _numbers([figure.value for figure in claim.published]),
        "published_text": result.published,
        "ours": _numbers(result.ours),
        "ours_text": result.told,
        "difference": _numbers(result.differences) if result.differences else None,
        "reading": claim.reading,
        "tolerance": _numbers(result.tolerance),
        "because": claim.because or "the printed digits",
        "follows": result.follows,
        "later": later,
        "expected": claim.expected,
        "verdict": result.verdict,
        "also": dict(result.also),
        "data": result.data or None,
        "note": claim.note,
    }


def _numbers(values: Sequence[float]) -> Any:
    told = [value if math.isfinite(value) else str(value) for value in map(float, values)]
    return told[0] if len(told) == 1 else told


def markdown(results: Sequence[Result]) -> str:
    """A table for each document, with a link into it where it has an address, and what is to be said of each claim.

    Returns
    -------
    str
        Markdown. Text of the study is escaped, so that it stays text.
    """
    documents: dict[Document, list[Result]] = {}
    for result in results:
        documents.setdefault(result.claim.document, []).append(result)
    parts = [tally(results).capitalize() + ".", _counts(documents)]
    for document, found in documents.items():
        year = "" if str(document.year) in document.publisher else str(document.year)
        title = _linked(_escape(document.title), document)
        by = ", ".join(filter(None, [_escape(document.author), title, _escape(document.publisher), year]))
        lines = ["| claim | published | ours | difference | reading | verdict |", "|---|---|---|---|---|---|"]
        said = []
        for result in found:
            claim = result.claim
            unit = f" {result.unit}" if result.unit not in ("", "year") else ""
            verdict = f"**{result.verdict}**" if result.verdict != "holds" else result.verdict
            figures = [_escape(result.published), _escape(result.told + unit), difference(result)]
            cells = [_linked(claim.id, document), *figures, claim.reading, verdict]
            lines.append(f"| {' | '.join(cells)} |")
            place = _linked(_escape(claim.source), document)
            remarks = _escape(" ".join(filter(None, [_sentence(claim.sentence), _remark(result)])))
            said.append(f"- **{claim.id}** ({place}; {result.verdict}): {remarks}")
        parts += [f"## {_escape(document.cited)}", by + ".", "\n".join(lines), "What each says:", "\n".join(said)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sentence(text: str) -> str:
    """A sentence with its full stop."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _linked(text: str, document: Document) -> str:
    return f"[{text}](<{document.url}>)" if document.url else text


def _counts(documents: Mapping[Document, Sequence[Result]]) -> str:
    """How many claims of each document have which verdict, and which do not hold."""
    lines = ["| document | hold | flagged | superseded |", "|---|---|---|---|"]
    for document, results in documents.items():
        named = {v: [r.claim.id for r in results if r.verdict == v] for v in VERDICTS}
        cells = [str(len(named["holds"])), *(", ".join(named[v]) or "none" for v in VERDICTS[1:])]
        lines.append(f"| {_escape(document.cited)} | {' | '.join(cells)} |")
    return "\n".join(lines)


# A definition that nothing refers to: every renderer of Markdown leaves it out.
BEGIN = "[claims]: # (written by forecast claims --report; do not edit below)"


def write_report(path: Path, results: Sequence[Result]) -> None:
    """Put the table of claims at the end of a report, in place of the one that stands there.

    Parameters
    ----------
    path : pathlib.Path
        A report with the line `BEGIN`; what follows it is replaced, in one step.
    results : sequence of Result

    Raises
    ------
    UsageError
        The file cannot be read or written, or has no such line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        head, mark, _ = text.partition(BEGIN)
        if not mark:
            raise UsageError(f"{path} has no place for the table; add the line {BEGIN}")
        write_atomically(path, f"{head}{BEGIN}\n\n{markdown(results)}".encode())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a report that exists") from error


def _remark(result: Result) -> str:
    claim = result.claim
    parts = [claim.note] if claim.note else []
    if claim.tolerance:
        parts.append(f"Tolerance {claim.tolerance}: {claim.because}.")
    if claim.later:
        low, high = result.later[1:]
        parts.append(f"Later: {low:.3g}{f' to {high:.3g}' if high > low else ''}; {claim.later.source}.")
    if result.data:
        parts.append(f"Rows: {result.data}.")
    parts += [f"{name}: {value}." for name, value in result.also.items()]
    return " ".join(parts)


def _escape(text: str) -> str:
    """Text that Markdown, HTML and a table's bars leave alone."""
    for mark in "\\`*_[]|<>~$":
        text = text.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return text.replace("\n", " ")

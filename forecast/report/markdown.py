"""Content to Markdown with its figures as SVG files beside it."""

from __future__ import annotations

from collections.abc import Iterable

from forecast.report.blocks import (
    Aside,
    Block,
    Cell,
    Code,
    Entries,
    Heading,
    Paragraph,
    Picture,
    Span,
    Strong,
    Table,
    spans_of,
)
from forecast.report.content import Content
from forecast.report.prose import escaped


def to_markdown(content: Content, folder: str) -> tuple[str, dict[str, str]]:
    """A report as Markdown (CommonMark with tables).

    Parameters
    ----------
    content : Content
    folder : str
        Where the pictures are to go, relative to the text.

    Returns
    -------
    text : str
    pictures : dict of str to str
        Relative path to SVG.
    """
    pictures: dict[str, str] = {}
    parts = [f"# {escaped(content.title)}", escaped(content.subtitle)]
    for block in content.blocks:
        parts.append(_block(block, folder, pictures))
    return "\n\n".join(parts) + "\n", pictures


def _block(block: Block, folder: str, pictures: dict[str, str]) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {escaped(block.text)}"
    if isinstance(block, Paragraph):
        return _spans(block.spans)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Picture):
        path = f"{folder}/{block.name}.svg"
        pictures[path] = '<?xml version="1.0" encoding="utf-8"?>\n' + block.svg + "\n"
        return f"![{escaped(block.alt)}]({path})\n\n{_numbered('Figure', block.number)}{escaped(block.caption)}"
    if isinstance(block, Entries):
        return "\n\n".join(_entry(entry.term, entry.about) for entry in block.entries)
    return block.source.strip()


def _entry(term: tuple[Span, ...], about: tuple[tuple[Span, ...] | Code, ...]) -> str:
    lines = [f"- {_spans(term)}"]
    for part in about:
        lines.append("")
        if isinstance(part, Code):
            fence = "```"
            while fence in part.text:
                fence += "`"
            lines += ["  " + line for line in (f"{fence}python", *part.text.splitlines(), fence)]
        else:
            lines.append("  " + _spans(part))
    return "\n".join(lines)


def _table(block: Table) -> str:
    marks = ["---:" if i in block.numbers else "---" for i in range(len(block.header))]
    lines = [
        f"{_numbered('Table', block.number)}{escaped(block.caption)}",
        "",
        _row(block.header),
        "| " + " | ".join(marks) + " |",
    ]
    return "\n".join([*lines, *(_row(row) for row in block.rows)])


def _numbered(kind: str, number: int) -> str:
    return f"**{kind} {number}.** " if number else ""


def _row(cells: Iterable[Cell]) -> str:
    return "| " + " | ".join(_spans(spans_of(cell)) for cell in cells) + " |"


def _spans(spans: Iterable[Span]) -> str:
    out = []
    for span in spans:
        text = span if isinstance(span, str) else span.text
        if isinstance(span, Code):
            out.append(_code(text))
        elif isinstance(span, Strong):
            out.append(_parted(text, f"**{escaped(text)}**"))  # a space within would not end the emphasis
        elif isinstance(span, Aside):
            out.append(f" ({escaped(text)})")
        else:
            out.append(_parted(text, escaped(text)))
    return "".join(out)


def _parted(text: str, shown: str) -> str:
    """A span with the spaces at its ends, which part it from its neighbours."""
    return (" " if text[:1] == " " else "") + shown + (" " if text[-1:] == " " and text.strip() else "")


def _code(text: str) -> str:
    """Text between backticks, more of them than it has itself; a bar would end the cell of a table."""
    text = " ".join(text.split())
    if "|" in text:
        return escaped(text)
    ticks = "`"
    while ticks in text:
        ticks += "`"
    space = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{ticks}{space}{text}{space}{ticks}" if text else ""

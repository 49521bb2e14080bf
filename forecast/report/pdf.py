"""Content to PDF through typst, whose compiler comes as a Python package: the extra ``pdf``.

All text goes into typst as string literals, so that nothing in a name, a note or a source can be read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from forecast.errors import ForecastError
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
    plain,
    spans_of,
)
from forecast.report.content import Content
from forecast.report.figures import font_folder
from forecast.report.prose import Prose, inline_text, safe_link

if TYPE_CHECKING:
    from markdown_it.token import Token

HINT = "PDF needs typst; install it with: pip install 'ai-cost-forecast[pdf]' (or print the HTML report from a browser)"
WHOLE = 12  # rows of a table that is not broken across pages
WIDEST = 36  # characters that a column of text may ask room for
_HEAD = """
#set page(paper: "a4", margin: (x: 2.4cm, top: 2.2cm, bottom: 2.4cm), numbering: "1 / 1")
#set text(font: ("Libertinus Serif", "DejaVu Sans"), size: 10.5pt, lang: "en", number-type: "lining")
#set par(leading: 0.62em, spacing: 0.95em)
#set list(spacing: 0.6em)
#show raw: set text(font: "DejaVu Sans Mono", size: 0.78em)
#show raw.where(block: true): set text(size: 8pt)
#show raw.where(block: true): block.with(fill: luma(246), inset: 6pt, radius: 2pt, width: 100%)
#show heading.where(level: 1): set text(size: 21pt)
#show heading.where(level: 2): set text(size: 14pt)
#show heading.where(level: 2): set block(above: 2em, below: 0.9em)
#show heading.where(level: 3): set text(size: 11.5pt)
#show heading.where(level: 3): set block(above: 1.4em, below: 0.8em)
#show figure.caption: set text(size: 9pt, fill: luma(70))
#show figure.caption: set align(left)
#show figure.where(kind: table): set figure.caption(position: top)
#show figure: set block(above: 1.4em, below: 1.4em)
#show figure: set align(left)
#show outline.entry: set block(above: 0.55em)
#set table(
  stroke: (x, y) => (top: if y == 0 { 0.8pt }, bottom: if y == 0 { 0.6pt } else { 0.3pt + luma(200) }),
  inset: (x: 4pt, y: 4pt),
)
#show table: set text(size: 9.2pt, number-width: "tabular")
#show table: set par(justify: false, leading: 0.5em)
#show table.cell: set par(spacing: 0.5em)
"""


def to_pdf(content: Content) -> bytes:
    """A report as PDF.

    Parameters
    ----------
    content : Content

    Returns
    -------
    bytes
        The same content gives the same bytes.

    Raises
    ------
    ForecastError
        typst is not installed.
    """
    require_typst()
    import typst

    source: Any = to_typst(content).encode()
    return bytes(typst.compile(source, font_paths=[font_folder()]))


def require_typst() -> None:
    """Raise `ForecastError` where typst is not installed: before any work, since a run may take a while."""
    try:
        import typst  # noqa: F401
    except ImportError:
        raise ForecastError(HINT) from None


def to_typst(content: Content) -> str:
    """A report as a typst document."""
    parts = [f"#set document(title: {_text(content.title)}, date: none)", _HEAD]
    parts.append(f"#heading(level: 1, outlined: false, {_text(content.title)})")
    parts.append(f"#text(fill: luma(80), {_text(content.subtitle)})")
    answered = False
    for block in content.blocks:
        parts.append(_block(block))
        if isinstance(block, Table) and not answered:  # the answer and its table come before everything
            parts.append('#strong("Contents")\n#outline(title: none, target: heading.where(level: 2), indent: 0pt)')
            answered = True
    return "\n\n".join(parts) + "\n"


def _text(text: str) -> str:
    """A typst string literal."""
    kept = "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "    ") + '"'


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"#heading(level: {block.level}, {_text(block.text)})"
    if isinstance(block, Paragraph):
        words = _spans(block.spans)
        lead = "inset: (left: 10pt, y: 4pt), stroke: (left: 2.5pt + rgb(11, 95, 165)), above: 1.4em, below: 1.2em"
        return f"#block({lead}, text(size: 13pt)[{words}])" if block.lead else f"#par[{words}]"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Picture):
        image = f'image(bytes({_text(block.svg)}), format: "svg", width: 13.5cm, alt: {_text(block.alt)})'
        words = f"caption: {_caption('Figure', block)}, alt: {_text(block.alt)}"
        return f"#figure({image}, kind: image, supplement: none, numbering: none, {words})"
    if isinstance(block, Entries):
        return "\n\n".join(_entry(entry.term, entry.about) for entry in block.entries)
    return _prose(block)


def _table(block: Table) -> str:
    columns = ", ".join(f"{_weight(block, i)}fr" for i in range(len(block.header)))
    align = ", ".join("right" if i in block.numbers else "left" for i in range(len(block.header)))
    head = ", ".join(f"strong({_text(text)})" for text in block.header)
    cells = ",\n".join(", ".join(_cell(cell) for cell in row) for row in block.rows)
    body = f"table(columns: ({columns},), align: ({align},), table.header({head}),\n{cells})"
    whole = "false" if len(block.rows) <= WHOLE else "true"
    return (
        f"#show figure.where(kind: table): set block(breakable: {whole})\n"
        f"#figure({body}, kind: table, supplement: none, numbering: none, caption: {_caption('Table', block)})"
    )


def _caption(kind: str, block: Picture | Table) -> str:
    number = f"#strong[{kind} {block.number}.] " if block.number else ""
    return f"[{number}#{_text(block.caption)};]"


def _weight(block: Table, column: int) -> int:
    """Share of the width: what a column's numbers need whole, and its texts up to a point."""
    longest = max((_length(row[column]) for row in block.rows), default=0)
    words = max(len(word) for word in block.header[column].split())
    return max(words, longest if column in block.numbers else min(longest, WIDEST)) + 2


def _length(cell: Cell) -> int:
    """Characters of a cell's longest line."""
    return max(len(plain(cell)), *(len(span.text) - 1 for span in spans_of(cell) if isinstance(span, Aside)), 0)


def _cell(cell: Cell) -> str:
    return f"[{_spans(spans_of(cell))}]"


def _entry(term: tuple[Span, ...], about: tuple[tuple[Span, ...] | Code, ...]) -> str:
    lines = [f"#block(above: 1.1em, below: 0.5em, sticky: true)[{_spans(term)}]"]
    for part in about:
        inner = f'#raw(block: true, lang: "python", {_text(part.text)})' if isinstance(part, Code) else _spans(part)
        lines.append(
            f"#pad(left: 1em)[{inner}]"
            if isinstance(part, Code)
            else f"#block(above: 0.5em, below: 0.5em, inset: (left: 1em))[{inner}]"
        )
    return "\n".join(lines)


def _spans(spans: Iterable[Span]) -> str:
    out = []
    for span in spans:
        if isinstance(span, Code):
            out.append(f"#raw({_text(span.text)});")
        elif isinstance(span, Strong):
            out.append(f"#strong({_text(span.text)});")
        elif isinstance(span, Aside):
            out.append(f"#linebreak();#text(size: 0.9em, fill: luma(90), {_text(span.text)});")
        else:
            out.append(f"#{_text(span)};")
    return "".join(out)


_OPEN = {
    "em": "#emph[",
    "strong": "#strong[",
    "blockquote": "#quote(block: true)[",
    "bullet_list": "#list(",
    "list_item": "[",
    "paragraph": "#par[",
}
_CLOSE = {"em": "]", "strong": "]", "blockquote": "]\n", "bullet_list": ")\n", "list_item": "], ", "paragraph": "]\n"}


def _prose(prose: Prose) -> str:
    out: list[str] = []
    tokens = list(prose.tokens)
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token.type == "table_open":
            end = next(i for i in range(position, len(tokens)) if tokens[i].type == "table_close")
            out.append(_written_table(tokens[position:end]))
            position = end
        elif token.type == "inline":
            out.append(_inline(token.children or []))
        else:
            out.append(_token(token))
        position += 1
    return "".join(out)


def _token(token: Token) -> str:
    kind, _, side = token.type.rpartition("_")
    if token.type in ("fence", "code_block"):
        return f"#raw(block: true, {_text(token.content)})\n"
    if token.type == "hr":
        return "#line(length: 100%)\n"
    if kind == "heading":
        return f"#heading(level: {min(6, max(2, int(token.tag[1:])))})[" if side == "open" else "]\n\n"
    if kind == "ordered_list":
        return f"#enum(start: {int(token.attrGet('start') or 1)}, " if side == "open" else ")\n"
    if kind == "paragraph" and token.hidden:
        return ""
    return (_OPEN if side == "open" else _CLOSE).get(kind, "")


def _inline(tokens: Sequence[Token]) -> str:
    out: list[str] = []
    closing: list[str] = []
    for token in tokens:
        if token.type == "text":
            out.append(f"#{_text(token.content)};")
        elif token.type == "code_inline":
            out.append(f"#raw({_text(token.content)});")
        elif token.type in ("softbreak", "hardbreak"):
            out.append("#linebreak();" if token.type == "hardbreak" else '#" ";')
        elif token.type == "link_open":
            target = str(token.attrGet("href") or "")
            web = safe_link(target) and not target.startswith("#")
            out.append(f"#link({_text(target)})[" if web else "#[")
            closing.append("];")
        elif token.type == "link_close":
            out.append(closing.pop())
        elif token.type == "image":
            out.append(f"#{_text(inline_text(token.children or []))};")
        elif token.type.endswith("_open"):
            out.append(_token(token))
        else:
            out.append(_token(token) + ";")
    return "".join(out)


def _written_table(tokens: Sequence[Token]) -> str:
    cells = [_inline(token.children or []) for token in tokens if token.type == "inline"]
    head = sum(token.type == "th_open" for token in tokens)
    first, others = (", ".join(f"[{cell}]" for cell in part) for part in (cells[:head], cells[head:]))
    return f"#table(columns: {head}, table.header({first}), {others})\n"

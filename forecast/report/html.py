"""Content to one HTML file: nothing is fetched, nothing runs; readable on a phone, on paper, in the dark, by ear."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

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
from forecast.report.embedded import Embedded, blocks
from forecast.report.prose import Prose, inline_text, safe_link

if TYPE_CHECKING:
    from markdown_it.token import Token

UNBROKEN = 18  # characters of a table's cell that stay in one line
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--muted:#59636e;--line:#d8dee4;--page:#ffffff;--soft:#f4f6f8;
--link:#0b5fa5;--sans:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--muted:#a3adb8;--line:#3a424b;--page:#14171b;--soft:#1e2329;
--link:#7fb8ea}
svg [fill="#ffffff"]{fill:#14171b}svg [stroke="#ffffff"]{stroke:#14171b}
svg [fill="#1b1f24"]{fill:#e6e9ed}svg [stroke="#1b1f24"]{stroke:#e6e9ed}
svg [fill="#59636e"]{fill:#a3adb8}svg [stroke="#59636e"]{stroke:#8b95a0}
svg [stroke="#d8dee4"]{stroke:#343b43}
svg [fill="#c9dff2"]{fill:#1d3a56}svg [fill="#7fb2dd"]{fill:#2c6396}svg [stroke="#7fb2dd"]{stroke:#2c6396}
svg [fill="#0b5fa5"]{fill:#6db0e8}svg [stroke="#0b5fa5"]{stroke:#6db0e8}
svg [fill="#c8500a"]{fill:#f0935a}svg [stroke="#c8500a"]{stroke:#f0935a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--ink);font:1.0625rem/1.6 var(--sans)}
main,header,footer{max-width:44rem;margin:0 auto;padding:0 1rem}
header{padding-top:3rem}footer{padding-bottom:4rem;color:var(--muted);font-size:.9rem}
h1,h2,h3{line-height:1.25;text-wrap:balance}h1{font-size:2.1rem;letter-spacing:-.01em;margin:0 0 .3rem}
h2{font-size:1.5rem;margin:3.2rem 0 .8rem}h3{font-size:1.15rem;margin:2.2rem 0 .5rem}
h4,h5,h6{font-size:1rem;margin:1.4rem 0 .3rem}
p,ul,ol{margin:.8rem 0}.sub,small{color:var(--muted)}.sub{margin:0}
.lead{font-size:1.3rem;line-height:1.45;margin:1.6rem 0 1.2rem;padding:.2rem 0 .2rem 1.1rem;
border-left:4px solid var(--link)}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible,[tabindex]:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.3rem .6rem}
nav{font-size:.95rem}nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem}
@media(min-width:76rem){nav{position:fixed;top:3.2rem;left:calc(50% - 36.5rem);width:12.5rem}
nav ul{display:block}nav li{margin:0 0 .55rem;line-height:1.35}nav a{text-decoration:none}
nav a:hover{text-decoration:underline}}
.wide{overflow-x:auto;margin:1.6rem 0}
table{border-collapse:collapse;font-size:.92rem;line-height:1.4;width:100%}
caption,figcaption{text-align:left;color:var(--muted);font-size:.9rem;line-height:1.45}
caption{padding:0 0 .5rem;max-width:calc(100vw - 2rem)}caption strong,figcaption strong{color:var(--ink)}
th,td{text-align:left;vertical-align:top;padding:.5rem 0 .5rem 1rem;border-bottom:1px solid var(--line);
font-weight:400}th:first-child,td:first-child{padding-left:0}
th[scope=row]{min-width:10rem}thead th{font-weight:600;vertical-align:bottom;border-bottom:2px solid var(--ink)}
td small,th small{display:block;font-size:.88em}
.n,.r{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{background:var(--soft);padding:.7rem .9rem;overflow-x:auto;margin:.6rem 0;border-radius:4px;line-height:1.45}
pre code{overflow-wrap:normal}
figure{margin:1.8rem 0}figure .wide{margin:0}
figure svg{display:block;width:100%;min-width:20rem;max-width:40rem;height:auto}
figcaption{margin-top:.5rem}
svg text{font-family:var(--sans)}
details{border-bottom:1px solid var(--line)}summary{cursor:pointer;
padding:.45rem 0 .45rem 1.2rem;text-indent:-1.2rem;line-height:1.4;font-size:.95rem}
summary small{display:block;text-indent:0}
.about{padding:0 0 .7rem 1.1rem;font-size:.95rem;overflow-wrap:anywhere}.about p{margin:.3rem 0}
blockquote{margin:.8rem 0;padding-left:1rem;border-left:3px solid var(--line)}
@media(max-width:34rem){body{font-size:1rem}header{padding-top:1.6rem}h1{font-size:1.7rem}.lead{font-size:1.15rem}
th,td{padding-left:.6rem}th[scope=row]{min-width:7rem}table{font-size:.88rem}}
@media print{:root{--ink:#000;--muted:#444;--line:#bbb;--page:#fff;--soft:#f6f6f6;--link:#0b5fa5}
@page{margin:2cm}
body{font-size:10pt;line-height:1.45}main,header,footer{max-width:none;padding:0}nav,.skip{display:none}
header{padding-top:0}h1{font-size:20pt}h2{font-size:14pt;margin-top:1.6rem}.lead{font-size:12.5pt}
h2,h3,caption,thead,summary{break-after:avoid}figure,tr,table{break-inside:avoid}
figure svg{max-width:13.5cm;min-width:0}.wide{overflow:visible}pre{white-space:pre-wrap;font-size:8.5pt}
table{font-size:9pt}a{color:inherit;text-decoration:none}
summary{list-style:none}details::details-content{content-visibility:visible;height:auto;display:block}}
""".strip()

TRUST = (
    "This page carries the whole text of its study and the JSON of its run. “forecast run” with this file runs the "
    "Python in it: do that only if you "
    "trust where it comes from. Reading the page runs nothing and fetches nothing."
)


def to_html(content: Content, embedded: Embedded | None) -> str:
    """A report as one HTML file.

    Parameters
    ----------
    content : Content
    embedded : Embedded, optional
        What it carries for running it again.

    Returns
    -------
    str
        The same content gives the same text.
    """
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    headings = [block for block in content.blocks if isinstance(block, Heading) and block.level == 2]
    toc = "".join(f'<li><a href="#{escape(h.name)}">{escape(h.text)}</a></li>' for h in headings)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(content.title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        '<a class="skip" href="#main">To the answer</a>',
        f'<header><h1>{escape(content.title)}</h1><p class="sub">{escape(content.subtitle)}</p></header>',
        '<main id="main">',
    ]
    lead = [i for i, block in enumerate(content.blocks) if isinstance(block, Table)]
    after = lead[0] if lead else -1  # the answer and its table come before everything, contents included
    for number, block in enumerate(content.blocks):
        parts.append(_block(block))
        if number == after and toc:
            parts.append(f'<nav aria-label="Contents"><ul>{toc}</ul></nav>')
    parts.append("</main>")
    if embedded is not None:
        parts += [f"<footer><p>{escape(TRUST)}</p></footer>", blocks(embedded)]
    parts += ["</body>", "</html>"]
    return "\n".join(parts) + "\n"


_LEAD = ' class="lead"'


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{escape(block.name)}">{escape(block.text)}</h{block.level}>'
    if isinstance(block, Paragraph):
        return f"<p{_LEAD if block.lead else ''}>{_spans(block.spans)}</p>"
    if isinstance(block, Table):
        return table(block)
    if isinstance(block, Picture):
        box = f'<div class="wide" tabindex="0" role="group" aria-label="Figure">{block.svg}</div>'
        return f"<figure>{box}<figcaption>{_numbered('Figure', block)}</figcaption></figure>"
    if isinstance(block, Entries):
        return "".join(
            f'<details><summary>{_spans(entry.term)}</summary><div class="about">'
            + "".join(_about(about) for about in entry.about)
            + "</div></details>"
            for entry in block.entries
        )
    return _prose(block)


def table(block: Table) -> str:
    """A table with a header for each column and each row."""
    head = "".join(f'<th scope="col"{_number(i, block)}>{escape(text)}</th>' for i, text in enumerate(block.header))
    rows = []
    for row in block.rows:
        first, *others = row
        cells = "".join(f"<td{_number(i + 1, block)}>{_cell(cell)}</td>" for i, cell in enumerate(others))
        rows.append(f'<tr><th scope="row">{_cell(first)}</th>{cells}</tr>')
    label = escape(block.caption)
    return (
        f'<div class="wide" tabindex="0" role="group" aria-label="{label}"><table>'
        f"<caption>{_numbered('Table', block)}</caption>"
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _numbered(kind: str, block: Picture | Table) -> str:
    """A caption with the number of what it belongs to."""
    return f"{f'<strong>{kind} {block.number}.</strong> ' if block.number else ''}{escape(block.caption)}"


def _number(column: int, block: Table) -> str:
    if column not in block.numbers:
        return ""
    # A number is never broken; an interval may be, where the table would not fit.
    return ' class="n"' if all(len(plain(row[column])) <= UNBROKEN for row in block.rows) else ' class="r"'


def _cell(cell: Cell) -> str:
    return _spans(spans_of(cell))


def _about(about: tuple[Span, ...] | Code) -> str:
    if isinstance(about, Code):
        return f'<pre tabindex="0"><code>{escape(about.text)}</code></pre>'
    return f"<p>{_spans(about)}</p>"


def _spans(spans: Iterable[Span]) -> str:
    out = []
    for span in spans:
        if isinstance(span, Code):
            out.append(f"<code>{escape(span.text)}</code>")
        elif isinstance(span, Strong):
            out.append(f"<strong>{escape(span.text)}</strong>")
        elif isinstance(span, Aside):
            out.append(f"<small>{escape(span.text)}</small>")
        else:
            out.append(escape(span))
    return "".join(out)


_SIMPLE = {
    "paragraph": "p",
    "bullet_list": "ul",
    "list_item": "li",
    **{name: name for name in ("blockquote", "em", "strong", "table", "thead", "tbody", "tr", "td")},
}


def _prose(prose: Prose) -> str:
    """Written Markdown: its tokens one by one, so that nothing comes through that is not foreseen here."""
    out: list[str] = []
    for token in prose.tokens:
        out.append(_inline(token.children or []) if token.type == "inline" else _token(token))
    return "".join(out)


def _token(token: Token) -> str:
    kind, _, side = token.type.rpartition("_")
    if token.hidden:
        return ""
    if kind in _SIMPLE and side in ("open", "close"):
        mark = f"</{_SIMPLE[kind]}>" if side == "close" else f"<{_SIMPLE[kind]}>"
        wide = kind == "table"
        return (
            ('<div class="wide" tabindex="0" role="group" aria-label="Table">' if wide and side == "open" else "")
            + mark
            + ("</div>" if wide and side == "close" else "")
        )
    if kind == "th":
        return '<th scope="col">' if side == "open" else "</th>"
    if kind == "heading":
        level = min(6, max(2, int(token.tag[1:])))
        return f"<h{level}>" if side == "open" else f"</h{level}>"
    if kind == "ordered_list":
        start = token.attrGet("start")
        return "</ol>" if side == "close" else "<ol>" if start in (None, 1) else f'<ol start="{int(start)}">'
    if token.type in ("fence", "code_block"):
        return f'<pre tabindex="0"><code>{escape(token.content)}</code></pre>'
    return "<hr>" if token.type == "hr" else escape(token.content)


def _inline(tokens: Sequence[Token]) -> str:
    out: list[str] = []
    closing: list[str] = []
    for token in tokens:
        if token.type == "text":
            out.append(escape(token.content))
        elif token.type == "code_inline":
            out.append(f"<code>{escape(token.content)}</code>")
        elif token.type in ("softbreak", "hardbreak"):
            out.append("<br>" if token.type == "hardbreak" else "\n")
        elif token.type == "link_open":
            target = str(token.attrGet("href") or "")
            out.append(f'<a href="{escape(target)}" rel="noreferrer">' if safe_link(target) else "<span>")
            closing.append("</a>" if safe_link(target) else "</span>")
        elif token.type == "link_close":
            out.append(closing.pop())
        elif token.type == "image":  # nothing is fetched: a picture from elsewhere is a link to it
            target, text = str(token.attrGet("src") or ""), inline_text(token.children or [])
            out.append(
                f'<a href="{escape(target)}" rel="noreferrer">{escape(text or target)}</a>'
                if safe_link(target)
                else escape(text)
            )
        else:
            out.append(_token(token))
    return "".join(out)

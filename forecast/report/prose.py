"""The Markdown that people write, read once: as tokens that renderers walk, with the template's fields filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token

FIELD = re.compile(r"\{\{\s*(.+?)\s*\}\}")
Fill = Callable[[str], str]
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$&])")


@dataclass(frozen=True)
class Prose:
    """Markdown without HTML.

    Parameters
    ----------
    tokens : tuple of Token
        markdown-it's, with fields filled in where they stand in text or code.
    source : str
        Markdown with fields filled in, escaped.
    """

    tokens: tuple[Token, ...]
    source: str


def read_prose(text: str, fill: Fill) -> Prose:
    """Read Markdown: CommonMark with tables; HTML in it is text, and pictures become links to them.

    Parameters
    ----------
    text : str
    fill : callable
        Field to text; it raises for what it does not know.
    """
    from markdown_it import MarkdownIt

    def filled(part: str) -> str:
        return FIELD.sub(lambda match: fill(match.group(1)), part)

    tokens = MarkdownIt("commonmark", {"html": False}).enable("table").parse(text)
    for token in tokens:
        if token.type in ("fence", "code_block"):
            token.content = filled(token.content)
        for child in token.children or ():
            if child.type in ("text", "code_inline"):
                child.content = filled(child.content)
    return Prose(tuple(tokens), _filled_source(text, fill))


def _filled_source(text: str, fill: Fill) -> str:
    """The Markdown itself with its fields filled in: escaped, except inside code."""
    parts = re.split(r"(^```.*?^```[^\n]*$|`[^`\n]*`)", text, flags=re.MULTILINE | re.DOTALL)
    for number, part in enumerate(parts):
        escape = (lambda value: value) if number % 2 else escaped
        if not number % 2:  # HTML is text here as in the other formats; what goes to the web is a link
            part = re.sub(r"(?<!\\)<(?=[a-zA-Z/!?])(?!https?://|mailto:)", r"\<", part)
        parts[number] = FIELD.sub(lambda match, escape=escape: escape(fill(match.group(1))), part)
    return "".join(parts)


def escaped(text: str) -> str:
    """Text as Markdown that shows exactly it.

    Examples
    --------
    >>> escaped("<b>2*x</b>")
    '\\\\<b\\\\>2\\\\*x\\\\</b\\\\>'
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def without_title(text: str, title: str) -> str:
    """Markdown without a first heading that repeats the report's title.

    Examples
    --------
    >>> without_title("# Cost of AI\\n\\nIt rises.", "Cost of AI")
    'It rises.'
    """
    first, _, rest = text.strip().partition("\n")
    return rest.strip() if first.lstrip("# ").strip() == title.strip() and first.startswith("#") else text.strip()


def fields_of(text: str) -> list[tuple[str, int]]:
    """Every field of a template with the line it stands in, from 0."""
    return [(match.group(1), text.count("\n", 0, match.start())) for match in FIELD.finditer(text)]


def safe_link(target: str) -> bool:
    """Whether a link goes to the web or to a mailbox, and nowhere else."""
    return target.lower().startswith(("https://", "http://", "mailto:", "#"))


def inline_text(tokens: Sequence[Token]) -> str:
    """The text of inline tokens without its formatting."""
    return "".join(
        token.content if token.type in ("text", "code_inline") else " " if "break" in token.type else ""
        for token in tokens
    )

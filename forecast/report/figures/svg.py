"""A figure as SVG text that can stand in a page: no styles, no names that clash, colours that the page may change."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from forecast.report.blocks import Picture
from forecast.report.figures.style import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
FAMILY = "DejaVu Sans, Verdana, sans-serif"  # whatever is installed here, the same text comes out
_FONT = re.compile(r"(?:(?P<style>italic|oblique)\s+)?(?:(?P<weight>bold|\d{3})\s+)?(?P<size>[\d.]+)px\s+.+")


def to_svg(figure: Figure, name: str, label: str) -> str:
    """Draw a figure as SVG.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Begins every id in it: unique on the page.
    label : str
        What the figure shows, for those who cannot see it.

    Returns
    -------
    str
        One ``<svg>`` element. Every property is an attribute, so that a page may forbid inline styles, and dark colours
        can be given by a style sheet that selects ``[fill="#1b1f24"]``.
    """
    buffer = io.BytesIO()
    save(figure, buffer, "svg")
    return tidied(buffer.getvalue().decode(), name, label)


def picture(name: str, figure: Figure, alt: str, caption: str) -> Picture:
    """A figure as a block of a report."""
    return Picture(name, to_svg(figure, name, alt), alt, caption)


def tidied(text: str, name: str, label: str) -> str:
    """matplotlib's SVG without metadata, styles and clashing ids."""
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        link = element.attrib.pop(XLINK, None)
        if link is not None:
            element.set("href", link)
        for declaration in element.attrib.pop("style", "").split(";"):
            key, colon, value = declaration.partition(":")
            if colon:
                _set(element, key.strip(), value.strip())
        if element.get("href", "").startswith("#"):
            element.set("href", f"#{name}-{element.attrib['href'][1:]}")
        for key in ("clip-path", "fill", "stroke"):
            if element.get(key, "").startswith("url(#"):
                element.set(key, f"url(#{name}-{element.attrib[key][5:]}")
    used = {
        part
        for element in root.iter()
        for value in element.attrib.values()
        for part in re.findall(rf"#({re.escape(name)}-[\w-]+)", value)
    }
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own is not None and f"{name}-{own}" in used:
            element.set("id", f"{name}-{own}")
    _inherit(root)
    for key in ("version", "width", "height"):
        root.attrib.pop(key, None)
    _, _, width, height = root.attrib["viewBox"].split()
    attributes = {
        "xmlns": SVG,
        "width": width,
        "height": height,
        "role": "img",
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
        "font-family": FAMILY,
    }
    root.attrib = {**attributes, "aria-label": label, **root.attrib}
    return ElementTree.tostring(_lean(root), encoding="unicode", short_empty_elements=True)


def _inherit(root: ElementTree.Element) -> None:
    """Take from a marker what each use of it says too: a style sheet reaches the uses, but not the copies they show."""
    uses: dict[str, list[ElementTree.Element]] = {}
    for element in root.iter("use"):
        uses.setdefault(element.get("href", ""), []).append(element)
    for definitions in root.iter("defs"):
        for marker in definitions.iter("path"):
            shown = uses.get(f"#{marker.get('id')}", [])
            for key in ("fill", "stroke"):
                if shown and all(use.get(key) == marker.get(key) for use in shown):
                    marker.attrib.pop(key, None)


def _lean(root: ElementTree.Element) -> ElementTree.Element:
    """Without the comments, line breaks and idle digits that only take room."""
    for element in root.iter():
        if element.tag != "text" and not (element.text or "").strip():
            element.text = None
        element.tail = None
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
        for key in ("d", "x", "y", "transform"):
            if key in element.attrib:
                short = re.sub(
                    r"\d+\.\d{3,}", lambda m: f"{float(m.group()):.2f}".rstrip("0").rstrip("."), element.attrib[key]
                )
                element.set(key, " ".join(short.split()))
    return root


def _set(element: ElementTree.Element, key: str, value: str) -> None:
    """One declaration of a style as an attribute."""
    if key == "font":
        match = _FONT.fullmatch(value)
        if match:
            size, weight, style = match["size"], match["weight"], match["style"]
            element.set("font-size", size)
            if weight:
                element.set("font-weight", weight)
            if style:
                element.set("font-style", style)
    elif key != "font-family":
        element.set(key, value)

"""Figures inside a page: an SVG file as an element that gets on with others on the same page, and is smaller.

Of two figures on a page, elements of one name would be taken for each other; each name is therefore preceded by that of
its figure, and those that nothing refers to go. Letters, which every figure draws anew, are kept once
(:class:`Letters`). What does not draw, such as a script, is left out.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from mexflow.errors import UserError
from mexflow.page.pictures import smaller

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
_HREF = f"{{{_LINK}}}href"
_DRAWS = {
    "svg", "g", "path", "use", "defs", "image", "clipPath", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "linearGradient", "stop", "text", "tspan",
}  # fmt: skip
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_NUMBER = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")


class Letters:
    """The outlines of letters of all figures of a page, each once, by name: the path, and how it is scaled."""

    def __init__(self) -> None:
        self.paths: dict[str, tuple[str, str]] = {}

    def kept(self, name: str, outline: tuple[str, str]) -> str:
        """The name under which an outline is kept: one that has another outline already gets a number."""
        free, number = name, 1
        while self.paths.setdefault(free, outline) != outline:
            number += 1
            free = f"{name}-{number}"
        return free


def inline(svg: bytes, prefix: str, label: str, letters: Letters, place: str = "the figure") -> str:
    """An SVG as an element for a page of HTML.

    Args:
        svg: the file.
        prefix: what names in it begin with from now on.
        label: what it shows, for those who do not see it.
        letters: takes the outlines of its letters.
        place: the file, for errors.

    Raises:
        UserError: if it is no SVG.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise UserError(f"{place}: no SVG ({error}); delete it and run again") from None
    if root.tag != f"{{{_SVG}}}svg":
        raise UserError(f"{place}: no SVG but {root.tag}; delete it and run again")
    named = _take_letters(root, letters)
    _clean(root)
    used = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used and name not in named:
            element.set("id", f"{prefix}-{name}")
        for key, value in element.attrib.items():
            element.set(key, _written(key, value, prefix, named))
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    # What the file says of all lines in a style sheet, which would be one of the whole page.
    root.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt", "role": "img", "aria-label": label}
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _LINK)
    text = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    text = re.sub(r">\s+<", "><", text).replace(f' xmlns="{_SVG}"', "").replace(f' xmlns:xlink="{_LINK}"', "")
    return text.replace("xlink:href=", "href=")


def has_picture(svg: bytes) -> bool:
    """Whether an SVG holds pixels, which may be those of a face, and not lines and letters alone."""
    return b"<image" in svg


def _take_letters(root: ElementTree.Element, letters: Letters) -> dict[str, str]:
    """Take the outlines of letters out of a figure: their names there, and those that they are kept under."""
    named = {}
    for definitions in root.iter(f"{{{_SVG}}}defs"):
        for element in list(definitions):
            name = element.get("id", "")
            if element.tag == f"{{{_SVG}}}path" and re.match(r"[A-Z]\w*-[\w-]+$", name):
                named[name] = letters.kept(name, (_rounded(element.get("d", "")), element.get("transform", "")))
                definitions.remove(element)
    return named


def _clean(element: ElementTree.Element) -> None:
    for child in list(element):
        # A comment has no name of an element.
        if not isinstance(child.tag, str) or child.tag.removeprefix(f"{{{_SVG}}}") not in _DRAWS:
            element.remove(child)
            continue
        _clean(child)
    for key in list(element.attrib):
        link = element.get(key, "") if key in (_HREF, "href") else "#"
        if key.lower().startswith("on") or not link.startswith(("#", "data:image/png;", "data:image/jpeg;")):
            del element.attrib[key]


def _references(element: ElementTree.Element) -> list[str]:
    names = [name for value in element.attrib.values() for name in _REFERENCE.findall(value)]
    link = element.get(_HREF) or element.get("href") or ""
    return names + ([link[1:]] if link.startswith("#") else [])


def _written(key: str, value: str, prefix: str, named: dict[str, str]) -> str:
    if key in (_HREF, "href"):
        if not value.startswith("#"):
            return smaller("".join(value.split()))
        return f"#{named.get(value[1:], f'{prefix}-{value[1:]}')}"
    if key in ("d", "points", "x", "y", "width", "height"):
        return _rounded(value)
    return _REFERENCE.sub(lambda match: f"url(#{prefix}-{match[1]})", value)


def _rounded(path: str) -> str:
    """Coordinates to a hundredth of a point, which no screen shows, on one line."""
    return " ".join(_NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), path).split())

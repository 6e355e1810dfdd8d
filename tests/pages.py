"""Pages of HTML as tests read them: their elements, the data in them, and whether they ask a network for anything."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

HOSTILE = """</script><img src="http://example.org/x" onerror='alert(1)'>&amp;\u2028"""
"""A text that would break out of a page that does not escape it."""


class Tags(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def data_of(text: str) -> dict:
    """What a page hands to its script."""
    return json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[0])


def asks_for_nothing(text: str, *beside: str) -> None:
    """Assert that a page loads nothing, and links to nothing but itself and what begins with one of `beside`.

    A video may be one of these.
    """
    for tag, attributes in Tags(text).found:
        assert tag not in ("link", "iframe", "object", "embed")
        for name in ("src", "href", "xlink:href"):
            address = attributes.get(name) or "#"
            inside = address.startswith(("#", "data:")) or (tag in ("a", "video") and address.startswith(beside))
            assert inside, f"{tag} {name} {address}"
    assert "url(http" not in text and "@import" not in text and 'type="module"' not in text
    assert text.index("Content-Security-Policy") < text.index("<style>")

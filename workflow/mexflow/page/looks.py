"""How the results page looks: its templates, style and script, which lie beside this module, and how data get into it.

Imports nothing heavy: the Snakefile asks for the digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
_ENDINGS = (".html", ".css", ".js")
# What ends a script or starts markup, for a browser that looks for it before it reads JSON; and what JavaScript takes
# for the end of a line.
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&'\u2028\u2029"}


def digest() -> str:
    """Sha256 (hex) of the templates, the style and the script: the page is made again when one of them changes."""
    sha = hashlib.sha256()
    for path in sorted(TEMPLATES.iterdir()):
        if path.suffix in _ENDINGS:
            content = path.read_bytes()
            sha.update(f"{path.name} {len(content)}\n".encode() + content)
    return sha.hexdigest()


def environment() -> Environment:
    """The templates, which escape whatever is put into them, and stop at what they are not given."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["inlined"] = lambda value: Markup(inlined(value))
    made.filters["address"] = address
    made.filters["duration"] = duration
    made.filters["ranges"] = ranges
    made.globals["file"] = lambda name: Markup((TEMPLATES / name).read_text(encoding="utf-8"))
    return made


def inlined(value: Any) -> str:
    """JSON that may stand inside a ``<script>`` of a page whatever the texts in it are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_ESCAPED)


def address(name: str) -> str:
    """A cell's name as the identifier of its place and the end of its address, without spaces and signs of markup."""
    return quote(name, safe="/()-._~+,:=")


def duration(seconds: float) -> str:
    """``40 s``, ``12 min`` or ``3.4 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def ranges(numbers: Collection[int], left_out: Collection[int] = ()) -> list[tuple[int, int]]:
    """Numbers in their order as ranges, first and last; two that follow each other are two."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers) - set(left_out)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return [
        one
        for first, last in found
        for one in ([(first, first), (last, last)] if last == first + 1 else [(first, last)])
    ]

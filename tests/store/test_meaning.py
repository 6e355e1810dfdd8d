"""Code digests: what a module imports, and which changes of its text are another meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from mexflow.store import digest
from package_files import small_package


def test_every_form_of_import_is_found(tmp_path, monkeypatch):
    root = small_package(
        tmp_path,
        a__start="import mexflow.b.whole\nfrom mexflow.b import part\ndef f():\n    from . import near\n"
        "    from ..c.far import thing\n    import os, json\nclass K:\n    from mexflow import top\n",
        a__near="", a__unused="", b__whole="import mexflow.d", b__part="", b__unused="", c__far="thing = 1", top="",
        d="", elsewhere="",
    )  # fmt: skip
    monkeypatch.setattr(digest, "_ROOT", root)
    found = {name.removeprefix("mexflow") for name in digest.closure(["mexflow.a.start"])}
    assert found == {"", ".a", ".a.start", ".a.near", ".b", ".b.whole", ".b.part", ".c", ".c.far", ".top", ".d"}


def test_an_import_for_types_alone_is_none(tmp_path, monkeypatch):
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mexflow.far import Thing\n"
    root = small_package(tmp_path, a=source, b=source + "else:\n    Thing = None\n", far="class Thing: ...")
    monkeypatch.setattr(digest, "_ROOT", root)
    assert digest.closure(["mexflow.a"]) == ["mexflow", "mexflow.a"]
    assert digest.closure(["mexflow.b"]) == ["mexflow", "mexflow.b", "mexflow.far"]


def test_circular_imports(tmp_path, monkeypatch):
    root = small_package(tmp_path, x="import mexflow.y", y="import mexflow.x")
    monkeypatch.setattr(digest, "_ROOT", root)
    assert digest.closure(["mexflow.x"]) == ["mexflow", "mexflow.x", "mexflow.y"]


SOURCE = """
from dataclasses import dataclass

LIMIT = 3
NAMES = ("first", "second")


@dataclass
class Range:
    low: float = 0.0

    def holds(self, value: float) -> bool:
        assert value == value
        return self.low <= value < LIMIT
"""


def meaning(folder: Path, monkeypatch: pytest.MonkeyPatch, *sources: str) -> list[str]:
    """The digests of these sources of one module."""
    result = []
    for number, source in enumerate(sources):
        root = small_package(folder / str(number), a=source)
        monkeypatch.setattr(digest, "_ROOT", root)
        result.append(digest.code_digest(["mexflow.a"]))
    return result


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 3  # of all"),
        ("LIMIT = 3", "# Of all:\n\n\nLIMIT = 0x3"),
        ("LIMIT = 3", 'LIMIT = 3\n"""Of all."""'),
        ("LIMIT = 3", "(LIMIT) = (3)"),
        ("class Range:", 'class Range:\n    """A range."""\n'),
        ("    low: float = 0.0", '    low: float = 0.0\n    """From where on."""'),
        ("        assert value", '        """Whether it is in it."""\n        assert value'),
        ('("first", "second")', "(\n    'first',\n    'sec' 'ond',\n)"),
        ("self.low <= value < LIMIT", "(\n    self.low\n    <= value  # from there\n    < LIMIT)"),
        ("\n    def holds", '\n\n\n    def holds'),
        ("\nfrom dataclasses", '\n"""A module."""\n\nfrom dataclasses'),
        ("    ", "  "),
    ],
)  # fmt: skip
def test_comments_docstrings_and_layout_mean_nothing(old, new, tmp_path, monkeypatch):
    assert old in SOURCE
    before, after = meaning(tmp_path, monkeypatch, SOURCE, SOURCE.replace(old, new))
    assert before == after


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMIT = '3'"),
        ("LIMIT = 3", "LIMIT = -3"),
        ("low: float = 0.0", "low: float = 0.5"),
        ("low: float", "low: int"),
        ("value: float", "value: int"),
        ("assert value == value", "assert value"),
        ("        assert value == value\n", ""),
        ("value < LIMIT", "value <= LIMIT"),
        ("@dataclass\n", ""),
        ('("first", "second")', '["first", "second"]'),
        ('("first", "second")', '("first, second",)'),
        ("holds", "has"),
        ("from dataclasses", "import sys\nfrom dataclasses"),
        ("self.low <= value", "value >= self.low"),
    ],
)
def test_whatever_else_is_changed_is_another_meaning(old, new, tmp_path, monkeypatch):
    assert old in SOURCE
    before, after = meaning(tmp_path, monkeypatch, SOURCE, SOURCE.replace(old, new))
    assert before != after


def test_modules_are_known_by_their_bytes_too(tmp_path, monkeypatch):
    """A record says which very bytes ran; a digest does not."""
    hashes = []
    for number, source in enumerate((SOURCE, f"# A module.\n{SOURCE}")):
        monkeypatch.setattr(digest, "_ROOT", small_package(tmp_path / str(number), a=source))
        hashes.append(digest.module_digest("mexflow.a"))
        assert digest.changed({"mexflow.a": hashes[0]}) == ["mexflow.a"][:number]
    assert hashes[0] != hashes[1]


def test_what_a_record_says_of_its_code(tmp_path, monkeypatch):
    """Whether it means the same now: not for a comment, for what is gone, or another meaning."""
    monkeypatch.setattr(digest, "_ROOT", root := small_package(tmp_path, a="LIMIT = 3", b=""))
    code = {"chosen": ["mexflow.a"], "digest": digest.code_digest(["mexflow.a"])}
    (root / "a.py").write_text("LIMIT = 3  # of all")
    assert digest.means_the_same(code)
    (root / "a.py").write_text("LIMIT = 4")
    assert not digest.means_the_same(code)
    (root / "a.py").unlink()
    assert not digest.means_the_same(code)

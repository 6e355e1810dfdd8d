"""Code digests: an entry of a registry counts for the jobs that pick it, and for no other."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mexflow import registries
from mexflow.store import digest
from package_files import small_package
from project import PACKAGE, run

METHODS = """
from mexflow.registries import Registry
from mexflow.shared import half

METHODS: Registry = Registry("method", __name__)
STEPS = Registry("step", __name__)


@METHODS.entry("fast")
def fast(value):
    from mexflow.speed import quick

    return quick(_both(value))


_FACTOR = 20


def _both(value):
    return _inner(value)


def _inner(value):
    return _FACTOR * value


def _used(value):
    return 30 * value


@METHODS.entry("exact")
@METHODS.entry("best")
def exact(value):
    return half(value)


@METHODS.entry("both")
class Both:
    first = exact


STEPS.add("one", lambda value: 1)
STEPS.add("two", lambda value: 2)


def step(value):
    return _used(3)
"""
MODULES = {
    "methods": METHODS,
    "registries": "",
    "shared": "half = 1",
    "speed": "quick = 1",
    "user": "import mexflow.methods",
}


@pytest.fixture
def methods(tmp_path, monkeypatch) -> Path:
    """A package with registries: the file of the module that makes them."""
    root = small_package(tmp_path, **MODULES)
    monkeypatch.setattr(digest, "_ROOT", root)
    return root / "methods.py"


CHOICES = ("", "fast", "exact", "best", "both", "one", "two")


def by_choice() -> dict[str, str]:
    """The digest of what uses the registries, for each entry it may choose."""
    return {
        name: digest.code_digest(["mexflow.user", *([f"mexflow.methods:{name}"] if name else [])]) for name in CHOICES
    }


@pytest.mark.parametrize(
    ("old", "new", "reached"),
    [
        ("quick(_both", "quick(2 * _both", {"fast"}),
        ("half(value)", "half(2 * value)", {"exact", "best", "both"}),
        ("value: 1", "value: 10", {"one"}),
        ('"two", lambda value: 2', '"two", lambda value: 20', {"two"}),
        ("first = exact", "first = None", {"both"}),
        ("return _used(3)", "return _used(4)", set(CHOICES)),
        ("30 * value", "31 * value", set(CHOICES)),
        ("_FACTOR = 20", "_FACTOR = 21", {"fast"}),
        ('"step"', '"stage"', set(CHOICES)),
        ("\n\ndef step", '\nSTEPS.add("three", lambda value: 3)\n\n\ndef step', set()),
        ("STEPS.add", '@METHODS.entry("new")\ndef new(value):\n    return 4\n\n\nSTEPS.add', set()),
        ('@METHODS.entry("exact")', '@METHODS.entry("exact")\n@METHODS.entry("other")', set()),
        ("def fast", "# Quick.\ndef fast", set()),
        ("    from mexflow.speed", '    """Quick."""\n    from mexflow.speed', set()),
    ],
)
def test_an_entry_counts_for_those_that_choose_it(methods, old, new, reached):
    before, source = by_choice(), methods.read_text()
    assert old in source
    methods.write_text(source.replace(old, new, 1))
    after = by_choice()
    assert {name for name in CHOICES if before[name] != after[name]} == reached


def test_entries_are_digested_apart(methods):
    assert len(set(by_choice().values())) == len(CHOICES)


def test_an_entry_brings_what_it_imports(methods):
    without = {"mexflow", "mexflow.user", "mexflow.methods", "mexflow.registries", "mexflow.shared"}
    assert set(digest.closure(["mexflow.user"])) == without
    assert set(digest.closure(["mexflow.user", "mexflow.methods:exact"])) == without
    assert set(digest.closure(["mexflow.user", "mexflow.methods:fast"])) == without | {"mexflow.speed"}
    assert set(digest.closure(["mexflow.methods:fast"])) == without - {"mexflow.user"} | {"mexflow.speed"}


def test_an_entry_that_is_imported_by_its_own_name_is_held(methods):
    user = methods.with_name("user.py")
    user.write_text("from mexflow.methods import fast")
    assert "mexflow.speed" in digest.closure(["mexflow.user"])
    before = digest.code_digest(["mexflow.user"])
    methods.write_text(methods.read_text().replace("quick(_both", "quick(2 * _both"))
    assert digest.code_digest(["mexflow.user"]) != before


def test_an_entry_that_its_module_calls_by_its_own_name_is_held(methods):
    methods.write_text(methods.read_text().replace("return _used(3)", "return fast(3)"))
    assert "mexflow.speed" in digest.closure(["mexflow.user"])


def test_entries_of_a_module(methods):
    assert digest.entries("mexflow.methods", "METHODS") == ["fast", "best", "exact", "both"]
    assert digest.entries("mexflow.methods", "STEPS") == ["one", "two"]
    assert digest.entries("mexflow.shared", "METHODS") == []
    with pytest.raises(ValueError, match=r"no module mexflow\.method"):
        digest.entries("mexflow.method", "METHODS")


@pytest.mark.parametrize("name", ["mexflow.methods:slow", "mexflow.shared:half"])
def test_unknown_entry(methods, name):
    with pytest.raises(ValueError, match=f"no entry '{name.partition(':')[2]}' in {name.partition(':')[0]}"):
        digest.code_digest([name])


def test_entries_that_no_declaration_covers_are_named(methods, monkeypatch):
    monkeypatch.setattr(registries, "PICKED", {"mexflow.methods:both", "mexflow.methods:one"})
    assert digest.unpicked(["mexflow.user"]) == ["mexflow.methods:both", "mexflow.methods:one"]
    assert digest.unpicked(["mexflow.user", "mexflow.methods:both"]) == ["mexflow.methods:one"]
    assert digest.unpicked(["mexflow.user", "mexflow.methods:both", "mexflow.methods:one"]) == []


def test_what_the_registries_of_the_package_hold_is_found_without_them():
    """Every entry that a module of the package makes as it is imported is one that its source tells."""
    script = """
import importlib, json, sys
from mexflow.registries import Registry
from mexflow.store import digest
print(json.dumps({
    f"{module}.{name}": [list(thing), digest.entries(module, name)]
    for module in sys.argv[1:]
    for name, thing in vars(importlib.import_module(module)).items()
    if isinstance(thing, Registry) and thing.module == module
}))
"""
    makers = [
        f"mexflow.{'.'.join(path.relative_to(PACKAGE).with_suffix('').parts)}".removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
        if "= Registry(" in path.read_text() and path.name != "registries.py"
    ]
    result = run(sys.executable, "-c", script, *makers)
    assert result.returncode == 0, result.stderr
    known = json.loads(result.stdout)
    assert {name.rpartition(".")[0] for name in known} == set(makers)
    for made, told in known.values():
        assert made == told and made

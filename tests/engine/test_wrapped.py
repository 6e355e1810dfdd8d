"""What is changed in Snakemake: the installed one is what it was made for, and another one is warned of, once."""

from __future__ import annotations

import ast
from importlib import metadata

import pytest

from mexflow.engine import wrapped
from mexflow.engine.wrapped import WRAPS, Wrap
from project import PACKAGE, ROOT, WORKFLOW

ENGINE = [*(PACKAGE / "engine").glob("*.py"), WORKFLOW / "snakemake_logger_plugin_mexflow" / "__init__.py"]


@pytest.mark.parametrize("purpose", WRAPS)
def test_the_installed_version_is_one_that_it_was_made_for(purpose: str) -> None:
    wrap = WRAPS[purpose]
    assert metadata.version(wrap.distribution) in wrap.versions
    assert f"{wrap.distribution}=={wrap.versions[-1]}" in (ROOT / "envs" / "requirements.lock").read_text().split("\n")


@pytest.mark.parametrize("name, expected", [pair for wrap in WRAPS.values() for pair in wrap.names.items()])
def test_every_name_is_what_it_was(name: str, expected: str) -> None:
    assert wrapped.parameters(name) == expected


def test_every_wrap_is_used_and_every_use_is_a_wrap() -> None:
    calls = [
        (ast.unparse(node.func), ast.literal_eval(node.args[0]))
        for path in ENGINE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("wrapped.")
    ]
    assert {purpose for _, purpose in calls} == set(WRAPS)
    replaced = {purpose for function, purpose in calls if function == "wrapped.replace"}
    assert replaced == {"start", "unseen", "srun"}


class Example:
    """What a wrap is made for in these tests."""

    def __init__(self) -> None:
        self.rate: int = 1

    def method(self, first: int, *, second: int = 0) -> int:
        return first + second


HERE = f"{__name__}:Example"


def test_how_a_name_is_described() -> None:
    assert wrapped.parameters(f"{HERE}.method") == "self first second"
    assert wrapped.parameters(f"{HERE}.rate") == "", "set by the class itself"
    assert wrapped.parameters(HERE) == ""
    for gone in (f"{HERE}.other", f"{__name__}:None.method", "no_such_module:name"):
        assert wrapped.parameters(gone) is None


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wraps of pytest, as if another version of it were installed than they were made for."""
    for cached in (wrapped._version, wrapped._lacking, wrapped._warn_of_failure):
        cached.cache_clear()
    made = {
        "kept": Wrap("pytest", ("0.1",), "it is slower", {f"{HERE}.method": "self first second"}),
        "changed": Wrap("pytest", ("0.1",), "it is forgotten", {f"{HERE}.method": "self first"}),
        "gone": Wrap("pytest", ("0.1",), "it is lost", {f"{HERE}.rate": "", f"{HERE}.other": "self"}),
    }
    monkeypatch.setattr(wrapped, "WRAPS", made)
    monkeypatch.setattr(Example, "method", Example.method)  # put back in the end


def test_another_version_is_told_once_and_only_what_is_still_there_is_replaced(
    other: None, capsys: pytest.CaptureFixture[str]
) -> None:
    wrapped.replace("gone", lambda original: None)
    assert not hasattr(Example, "other") and not hasattr(Example, "rate")
    wrapped.replace("kept", lambda original: lambda self, first, second=0: original(self, first) + 10)
    assert Example().method(1) == 11, "another version that has it all"
    assert [wrapped.fits(purpose) for purpose in wrapped.WRAPS] == [True, False, False]
    (line,) = capsys.readouterr().err.splitlines()
    version = metadata.version("pytest")
    assert line.startswith(
        f"mexflow: pytest {version} is not 0.1, for which this was made (Example.method is another: "
    )
    assert "Example.other is another: it is lost" in line and line.endswith("; ./run installs the right one")


def test_what_fails_on_another_version_is_told_once_and_goes_on(
    other: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        with wrapped.guard("kept"):
            Example().missing  # noqa: B018
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("'Example' object has no attribute 'missing': it is slower")
    with pytest.raises(ValueError), wrapped.guard("kept"):
        raise ValueError("an error of another kind is one of ours")


def test_what_fails_on_the_version_it_was_made_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    wrap = Wrap("pytest", (metadata.version("pytest"),), "it is slower", {f"{HERE}.method": "self first second"})
    monkeypatch.setattr(wrapped, "WRAPS", {"kept": wrap})
    with pytest.raises(AttributeError), wrapped.guard("kept"):
        Example().missing  # noqa: B018

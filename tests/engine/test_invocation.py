"""Calling Snakemake: mistakes that it answers with a traceback, or not at all, are told in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import project
from mexflow.engine.invocation import check, read_settings
from mexflow.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text("budget: paper\n")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("--configfile my.yaml belaiche2020", "--configfile my.yaml -- belaiche2020"),
        ("--configfile belaiche2020", "--configfile my.yaml -- belaiche2020"),
        ("--cores 2 --configfiles my.yaml datasets -n", "--configfiles my.yaml -- datasets"),
        ("--configfile my.yaml results/tables/x.md", "--configfile my.yaml -- results/tables/x.md"),
        ("--config budget=paper all", "--config budget=paper -- all"),
        ("--set-resources faces:mem_mb=9 nag2019", "--set-resources faces:mem_mb=9 -- nag2019"),
        ("--resources gpu=2 nag2019", "--resources gpu=2 -- nag2019"),
        ("--forcerun faces nag2019", "--forcerun faces -- nag2019"),
    ],
)
def test_a_target_that_an_option_took(given: str, right: str) -> None:
    with pytest.raises(UserError) as caught:
        check(given.split(), project.ROOT)
    assert str(caught.value).endswith(f"two dashes end it: {right}") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        "--configfile my.yaml -- belaiche2020", "nag2019 --configfile my.yaml", "--configfile=my.yaml nag2019",
        "--config budget=paper --cores 2 -n datasets", "--cores 2 --forcerun faces", "nag2019", "",
        "--until belaiche2020",
    ],
)  # fmt: skip
def test_what_is_right_passes(given: str) -> None:
    check(given.split(), project.ROOT)


def test_a_file_named_like_a_paper_is_a_file(folder: Path) -> None:
    (folder / "nag2019").write_text("seed: 2\n")
    check(["--configfile", "nag2019"], project.ROOT)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("--configfile nowhere.yaml", ["nowhere.yaml: no such file"]),
        ("--configfile .", [".: no such file"]),
        ("--config budget", ["write NAME=VALUE, as in --config budget=paper"]),
    ],
)
def test_other_mistakes(given: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        check(given.split(), project.ROOT)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"training:\n\tdevice: cpu\n", "not YAML at line 2, column 1: a tab; indent with blanks"),
        (b"papers: [a\nseed: 1\n", "not YAML at line 2, column 5 (expected ',' or ']'"),
        (b"seed: *x\n", "not YAML at line 1, column 7 (found undefined alias 'x')"),
        (b"seed: \x01\n", "not YAML (unacceptable character #x0001"),
        (b"[belaiche2020]\n", "holds no settings but a list; write one a line, as in `budget: demo`"),
        (b"demo\n", "holds no settings but a str; write"),
        (b"# nothing\n", "holds no settings; write one a line"),
        (b"seed: 1\nbudget: demo\nseed: 2\n", "'seed' stands in line 1 and again in line 3; join the two"),
        (b"datasets:\n  smic: {root: a}\n  smic: {root: b}\n", "'smic' stands in line 2 and again in line 3"),
        ("papers: [ä]\n".encode("latin-1"), "not text in UTF-8; save it again"),
        ("seed: 1\n".encode("utf-16"), "not text in UTF-8; save it again"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read(folder: Path, text: bytes, words: str) -> None:
    (folder / "my.yaml").write_bytes(text)
    with pytest.raises(UserError) as caught:
        check(["--configfile", "my.yaml"], project.ROOT)
    assert str(caught.value).startswith(f"my.yaml: {words}") and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"seed: 1\n", b'{"seed": 1}', b"\xef\xbb\xbfseed: 1\r\n"])
def test_a_file_of_settings_that_can(folder: Path, text: bytes) -> None:
    (folder / "my.yaml").write_bytes(text)
    assert read_settings(Path("my.yaml")) == {"seed": 1}


def snakemake(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Call Snakemake itself, without what ``./run`` looks at first."""
    return project.run("snakemake", "--snakefile", project.ROOT / "Snakefile", "--cores", "1", *arguments, cwd=Path())


def test_snakemake_takes_two_dashes_for_the_end(folder: Path) -> None:
    """What the line says to write is what works."""
    given = ("-n", "--quiet", "all", "--configfile", "my.yaml", "--", "nag2019")
    result = snakemake(*given)
    assert result.returncode == 0, result.stderr


def test_a_key_given_twice_is_seen_without_run_too(folder: Path) -> None:
    (folder / "my.yaml").write_text("seed: 1\nseed: 2\n")
    result = snakemake("-n", "--configfile", "my.yaml")
    output = result.stdout + result.stderr
    assert result.returncode == 1 and "Traceback" not in output
    assert f"mexflow: error: {folder / 'my.yaml'}: 'seed' stands in line 1 and again in line 2" in output


def test_run_looks_first(folder: Path) -> None:
    """`./run snakemake`, with this environment in place of the one that it sets up."""
    venv = folder / "venv"
    venv.mkdir()
    (venv / "bin").symlink_to(Path(sys.executable).parent)
    shutil.copy(project.ROOT / "envs" / "requirements.lock", venv / ".lock")
    command = [project.ROOT / "run", "snakemake", "--cores", "1", "--configfile", "my.yaml", "belaiche2020"]
    result = subprocess.run(
        command, env={**os.environ, "MEXFLOW_VENV": str(venv)}, cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 1 and not result.stdout
    assert result.stderr.startswith("mexflow: error: --configfile takes every word") and result.stderr.count("\n") == 1

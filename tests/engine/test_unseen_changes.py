"""The changes that Snakemake itself does not see: caught before a run by the code digest, or after it by `verify`.

An intermediate edited with its time put back, a result overwritten, an imported module changed, a script edited with
its time put back, a small and a large raw file changed with an old time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import embedded_files
import mini
from auditing import command
from project import ROOT


@pytest.fixture(scope="module")
def copy(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole copy of a finished run, times and Snakemake's own notes included."""
    folder = tmp_path_factory.mktemp("unseen") / "copy"
    shutil.copytree(finished, folder, symlinks=True)
    return folder


def edited(path: Path, change: Callable[[bytes], bytes], old_time: bool = True) -> None:
    before = path.stat()
    path.write_bytes(change(path.read_bytes()))
    if old_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def last_byte(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def failed(folder: Path, *arguments: str) -> set[str]:
    """What `verify` names, as ``kind name``."""
    result = command(folder, "verify", *arguments)
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert (result.returncode == 1) == bool(lines), result.stdout + result.stderr
    return {f"{kind} {rest.split(': ')[0]}" for _, kind, rest in lines}


def waiting(folder: Path) -> set[str]:
    """The rules of the jobs that Snakemake would run now."""
    result = mini.snakemake(folder, "--dry-run", "--cores", "2", "--quiet", "host")
    assert result.returncode == 0, result.stderr
    lines = (result.stdout + result.stderr).splitlines()
    return {line.split()[-1].rstrip(":") for line in lines if line.startswith(("rule ", "localrule "))}


def test_data_that_changed_unseen_are_named_by_verify(copy: Path) -> None:
    assert waiting(copy) == set() and failed(copy, "--all", "--raw") == set()
    raw = sorted((copy / "results" / "embedded" / "casme2" / "CASME2_RAW").rglob("*.jpg"))[3]
    assert raw.stat().st_size < 1_000_000
    intermediate = sorted((copy / "results" / "flow").rglob("*.npy"))[0]
    table = copy / "results" / "tables" / "mini.csv"
    kept = {path: path.read_bytes() for path in (raw, intermediate, table)}
    edited(intermediate, last_byte)
    edited(raw, last_byte)
    edited(table, lambda data: data.replace(b"0", b"1", 1), old_time=False)
    assert waiting(copy) == set(), "Snakemake sees none of it"
    found = failed(copy, "--all", "--raw")
    names = {path: path.relative_to(copy).as_posix() for path in kept}
    assert {f"artifact {names[intermediate]}", f"artifact {names[table]}", f"raw {names[raw]}"} <= found
    others = found - {f"artifact {names[intermediate]}", f"artifact {names[table]}", f"raw {names[raw]}"}
    folder = f"artifact {Path(names[raw]).parents[1]}"
    assert folder in others and others <= {folder, f"artifact {names[raw]}"}, "its subject's folder, and nothing else"
    for path, data in kept.items():
        edited(path, lambda _, data=data: data)
    assert failed(copy, "--all", "--raw") == set()


def test_code_that_changed_unseen_is_run_again(copy: Path) -> None:
    """A module that a command imports, and a command itself."""
    sources = [copy / "workflow" / "mexflow" / path for path in ("preprocess/flow.py", "cli/lcn.py")]
    kept = {source: source.read_bytes() for source in sources}
    for source in sources:
        edited(source, lambda data: data + b"CHANGED = 1\n")
    try:
        found = failed(copy, "--all")
        again = waiting(copy)
    finally:
        for source, data in kept.items():
            edited(source, lambda _, data=data: data)
    assert found and all(one.startswith("code ") for one in found)
    assert {"flow", "lcn"} <= again
    assert not any(rule.startswith(("embed", "faces", "index")) for rule in again), "nothing that came before it"


def test_a_large_raw_frame_that_changed_is_named(embedded_root: dict[str, Path], tmp_path: Path) -> None:
    """Snakemake takes the checksum of small files only; one frame here has more than a megabyte."""
    subject = embedded_files.SUBJECTS["casme2"]
    root = tmp_path / "licensed"
    shutil.copytree(embedded_root["casme2"], root)
    embedded_files.index("casme2", root, tmp_path)
    videos = pq.read_table(tmp_path / "videos.parquet").to_pylist()
    video = next(row for row in videos if row["subject"] == subject and row["annotated"])
    frame = sorted((root / video["path"]).glob("*.jpg"))[5]
    comment = b"\xff\xfe" + (60_002).to_bytes(2, "big") + bytes(60_000)
    edited(frame, lambda data: data[:2] + 25 * comment + data[2:])
    assert frame.stat().st_size > 1_500_000
    record = tmp_path / "results" / "records" / "faces" / "casme2" / f"{subject}.json"
    made = embedded_files.faces("casme2", subject, root, tmp_path, record=record)
    assert made.returncode == 0, made.stderr
    for name in ("workflow", "envs"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert failed(tmp_path, "--all", "--raw") == set()
    edited(frame, lambda data: data[:1_000_000] + b"x" + data[1_000_001:])
    assert failed(tmp_path, "--all") == set(), "without --raw no raw frame is read"
    assert failed(tmp_path, "--all", "--raw") == {f"raw {frame}"}

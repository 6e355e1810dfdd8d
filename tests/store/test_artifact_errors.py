"""Artifacts that cannot be written or read: one clear line with the remedy, and nothing left."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mexflow.errors import UserError
from mexflow.store import artifacts
from mexflow.store.artifacts import Inputs, Outputs

TABLE = pa.table({"clip": [f"clip{i}" for i in range(50)], "frame": list(range(50)), "gone": [None, 1.5] * 25})


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class FullDisk(io.FileIO):
    """A file that takes a thousand bytes."""

    def write(self, data) -> int:
        if self.tell() + len(memoryview(data).cast("B")) > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def on_a_full_disk(outputs: Outputs, folder: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8)
    outputs.bytes(folder / "first.bin", b"small enough")
    if kind == "bytes":
        outputs.bytes(folder / "big", noise.tobytes())
    elif kind == "table":
        outputs.table(folder / "big", pa.table({"a": noise}))
    else:
        with outputs.array(folder / "big", (4000,), np.uint8) as append:
            append(noise)
    outputs.commit()


@pytest.mark.parametrize("kind", ["bytes", "table", "array"])
def test_full_disk(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("builtins.open", lambda path, mode: FullDisk(path, mode))
    with pytest.raises(UserError) as caught, Outputs() as outputs:
        on_a_full_disk(outputs, tmp_path, kind)
    monkeypatch.undo()
    expected = f"{tmp_path}/big: the disk or quota is full; free some space and run again; nothing was left there"
    assert str(caught.value) == expected
    assert files_in(tmp_path) == []


def test_full_disk_that_shows_only_at_fsync(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(artifacts.os, "fsync", fail)
    with pytest.raises(UserError, match="the disk or quota is full"), Outputs() as outputs:
        outputs.bytes(tmp_path / "a", b"1")
    assert files_in(tmp_path) == []


def test_full_disk_of_the_kernels_own(tmp_path):
    """/dev/full answers every write as a full disk does."""
    with (
        pytest.raises(UserError, match="the disk or quota is full"),
        artifacts.writing(tmp_path / "a"),
        open("/dev/full", "wb", buffering=0) as handle,
    ):
        handle.write(b"x")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_folder_that_cannot_be_written(tmp_path, monkeypatch, code):
    def refuse(*arguments, **options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UserError) as caught, Outputs() as outputs:
        outputs.json(tmp_path / "a.json", {})
    monkeypatch.undo()
    assert str(caught.value) == (
        f"{tmp_path}/a.json: not writable ({os.strerror(code)}); check the permissions of {tmp_path}; "
        "nothing was left there"
    )


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(UserError, match="results/a/b: cannot be written"), Outputs() as outputs:
        outputs.bytes(tmp_path / "results" / "a" / "b", b"")


def test_missing_input(tmp_path):
    for read in (Inputs().bytes, Inputs().table, Inputs().array, Inputs().json):
        with pytest.raises(UserError, match="gone: no such file; it is an input of this job, make it first"):
            read(tmp_path / "gone")


def test_input_that_is_a_folder_or_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="is a folder, a file is expected"):
        Inputs().bytes(tmp_path)
    (tmp_path / "a").touch()

    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\); check its permissions and the disk"):
        Inputs().bytes(tmp_path / "a")


@pytest.fixture(scope="module")
def intact(tmp_path_factory) -> dict[str, bytes]:
    """The bytes of an intact file, by the method of `Inputs` that reads it."""
    folder = tmp_path_factory.mktemp("intact")
    with Outputs() as outputs:
        outputs.table(folder / "table", TABLE)
        with outputs.array(folder / "array", (30, 2), np.float32) as append:
            append(np.ones((30, 2)))
        outputs.json(folder / "json", {"a": [1, 2]})
        outputs.commit()
    return {name: (folder / name).read_bytes() for name in ("table", "array", "json")}


def damages(data: bytes) -> dict[str, bytes]:
    archive, pickled = io.BytesIO(), io.BytesIO()
    zipfile.ZipFile(archive, "w").close()
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(pickled, header)
    pickled.write(b"\x80\x04}\x94.")
    return {
        "empty": b"", "cut": data[:-5], "half": data[: len(data) // 2], "start": data[:9], "text": b"hello, world" * 9,
        "archive": archive.getvalue(), "bad archive": b"PK\x03\x04 and no more", "pickle": pickled.getvalue(),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["table", "array", "json"])
@pytest.mark.parametrize("damage", list(damages(b"")))
def test_damaged_input(tmp_path, intact, kind, damage):
    path = tmp_path / "file"
    path.write_bytes(damages(intact[kind])[damage])
    with pytest.raises(UserError) as caught:
        getattr(Inputs(), kind)(path)
    said = {"table": "parquet file", "array": "npy array", "json": "JSON"}[kind]
    assert str(caught.value).startswith(f"{path}: not ") and f"readable {said} (" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["table", "array"])
def test_any_damaged_byte_is_read_or_told(tmp_path, intact, kind):
    """No single wrong byte ends in anything but a value or a clear line."""
    path, rng = tmp_path / "file", np.random.default_rng(1)
    told = 0
    for _ in range(150):
        data = bytearray(intact[kind])
        data[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        try:
            getattr(Inputs(), kind)(path)
        except UserError:
            told += 1
    assert told > 30

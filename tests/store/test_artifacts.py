"""Artifacts: all or nothing, hashed as they pass, and read back as they were written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mexflow.errors import UserError
from mexflow.store import artifacts
from mexflow.store.artifacts import Inputs, Outputs, hash_bytes, hash_file, hash_tree
from project import run

TABLE = pa.table({"clip": [f"clip{i}" for i in range(50)], "frame": list(range(50)), "gone": [None, 1.5] * 25})


def digest_of(path: Path) -> dict:
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def write_array(path: Path, rows: np.ndarray, block: int = 4, announced: int | None = None) -> Outputs:
    with Outputs() as outputs:
        shape = (len(rows) if announced is None else announced, *rows.shape[1:])
        with outputs.array(path, shape, rows.dtype) as append:
            for start in range(0, len(rows), block):
                append(rows[start : start + block])
        outputs.commit()
    return outputs


def write_everything(outputs: Outputs, folder: Path) -> None:
    """One output of each kind."""
    outputs.bytes(folder / "a.bin", b"bytes")
    outputs.table(folder / "deep" / "b.parquet", TABLE)
    with outputs.array(folder / "c.npy", (3, 2), np.float32) as append:
        append(np.ones((3, 2)))
    with outputs.directory(folder / "d") as inside:
        (inside / "frame.jpg").write_bytes(b"frame")
    outputs.json(folder / "e.json", {"é": 1})


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# All or nothing


def test_everything_appears_at_commit_and_not_before(tmp_path):
    with Outputs() as outputs:
        write_everything(outputs, tmp_path)
        before = files_in(tmp_path)
        outputs.commit()
    assert len(before) == 5 and all(any(part.endswith(".partial") for part in Path(name).parts) for name in before)
    assert files_in(tmp_path) == ["a.bin", "c.npy", "d/frame.jpg", "deep/b.parquet", "e.json"]


def test_nothing_is_left_without_commit(tmp_path):
    with Outputs() as outputs:
        write_everything(outputs, tmp_path)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("kind", ["between", "array", "directory"])
def test_nothing_is_left_after_an_exception(tmp_path, kind):
    (tmp_path / "a.bin").write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt), Outputs() as outputs:
        write_everything(outputs, tmp_path)
        if kind == "array":
            with outputs.array(tmp_path / "f.npy", (8, 2), np.float32) as append:
                append(np.ones((3, 2)))
                raise KeyboardInterrupt
        elif kind == "directory":
            with outputs.directory(tmp_path / "g") as inside:
                (inside / "x").touch()
                raise KeyboardInterrupt
        raise KeyboardInterrupt
    assert files_in(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"older", "an older result stays until the new one is complete"


def test_commit_keeps_the_order_of_writing(tmp_path, monkeypatch):
    order, replace = [], os.replace
    monkeypatch.setattr(artifacts.os, "replace", lambda a, b: (order.append(Path(b).name), replace(a, b)))
    with Outputs() as outputs:
        write_everything(outputs, tmp_path)
        outputs.commit()
    assert order == ["a.bin", "b.parquet", "c.npy", "d", "e.json"], "the record, written last, is renamed last"


def test_failed_rename_stops_the_commit(tmp_path, monkeypatch):
    replace = os.replace

    def fail(source, target):
        if Path(target).name == "c.npy":
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(artifacts.os, "replace", fail)
    with pytest.raises(UserError, match=r"c\.npy: cannot be written \(Input/output error\)"), Outputs() as outputs:
        write_everything(outputs, tmp_path)
        outputs.commit()
    assert files_in(tmp_path) == ["a.bin", "deep/b.parquet"], "nothing partial, and no record"


def test_bytes_are_on_disk_before_they_have_a_name(tmp_path, monkeypatch):
    events, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(artifacts.os, "fsync", lambda fd: (events.append("fsync"), fsync(fd)))
    monkeypatch.setattr(artifacts.os, "replace", lambda a, b: (events.append("rename"), replace(a, b)))
    with Outputs() as outputs:
        outputs.bytes(tmp_path / "a", b"1")
        with outputs.array(tmp_path / "b.npy", (1,), np.uint8) as append:
            append(np.zeros(1))
        outputs.commit()
    assert events == ["fsync", "fsync", "rename", "rename", "fsync"], "the last one is the folder's"


def test_older_folder_is_replaced_whole(tmp_path):
    for content in ("old", "new"):
        with Outputs() as outputs:
            with outputs.directory(tmp_path / "frames") as inside:
                (inside / content).write_text(content)
            outputs.commit()
    assert files_in(tmp_path) == ["frames/new"]


def partial(target: Path, process: int, host: str = platform.node()) -> Path:
    return target.with_name(f".{target.name}.{host}-{process}.partial")


def test_leftovers_of_a_killed_job_are_removed(tmp_path):
    """Those of a dead process of this host; what lives or may live elsewhere keeps its file."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    for process in (ended.pid, os.getpid()):
        partial(tmp_path / "frames", process).mkdir()
        (partial(tmp_path / "frames", process) / "stale.jpg").touch()
        partial(tmp_path / "a.npy", process).write_bytes(b"x" * 10_000)
    kept = [partial(tmp_path / "a.npy", os.getppid()), partial(tmp_path / "a.npy", ended.pid, "another-host")]
    for path in kept:
        path.touch()
    with Outputs() as outputs:
        with outputs.directory(tmp_path / "frames") as inside:
            (inside / "new.jpg").touch()
        with outputs.array(tmp_path / "a.npy", (2,), np.uint8) as append:
            append(np.arange(2))
        outputs.commit()
    assert files_in(tmp_path) == sorted(["a.npy", "frames/new.jpg", *(path.name for path in kept)])
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), [0, 1])


def test_two_processes_do_not_share_a_temporary_file(tmp_path):
    """A job that outlived its killed workflow, beside the one that replaces it: each result is whole."""
    outputs = Outputs()
    with outputs:
        outputs.bytes(tmp_path / "a", b"mine")
        script = (
            "import sys\nfrom mexflow.store.artifacts import Outputs\n"
            "with Outputs() as outputs:\n    outputs.bytes(sys.argv[1], b'its')\n    outputs.commit()"
        )
        assert run(sys.executable, "-c", script, tmp_path / "a").returncode == 0
        assert (tmp_path / "a").read_bytes() == b"its"
        outputs.commit()
    assert (tmp_path / "a").read_bytes() == b"mine"
    assert files_in(tmp_path) == ["a"]


# Hashes


def test_digests_are_those_of_the_files(tmp_path):
    with Outputs() as outputs:
        write_everything(outputs, tmp_path)
        outputs.commit()
    assert set(outputs.digests) == {
        f"{tmp_path}/{name}" for name in ("a.bin", "deep/b.parquet", "c.npy", "d", "e.json")
    }
    for name, digest in outputs.digests.items():
        if not name.endswith("/d"):
            assert digest.as_dict() == digest_of(Path(name))


def test_inputs_are_hashed_as_they_are_read(tmp_path):
    with Outputs() as outputs:
        write_everything(outputs, tmp_path)
        outputs.commit()
    inputs = Inputs()
    assert inputs.bytes(tmp_path / "a.bin") == b"bytes"
    assert inputs.table(tmp_path / "deep" / "b.parquet").equals(TABLE)
    np.testing.assert_array_equal(inputs.array(tmp_path / "c.npy"), np.ones((3, 2), np.float32))
    assert inputs.json(tmp_path / "e.json") == {"é": 1}
    for name, digest in inputs.digests.items():
        assert digest.as_dict() == digest_of(Path(name)) == outputs.digests[name].as_dict()


def test_large_files_are_hashed_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts, "_BLOCK", 7)
    (tmp_path / "a").write_bytes(bytes(range(100)))
    assert hash_file(tmp_path / "a").as_dict() == digest_of(tmp_path / "a") == hash_bytes(bytes(range(100))).as_dict()


def test_digest_of_a_folder(tmp_path):
    (tmp_path / "x" / "sub").mkdir(parents=True)
    (tmp_path / "x" / "b").write_bytes(b"bb")
    (tmp_path / "x" / "sub" / "a").write_bytes(b"a")
    lines = "".join(
        f"{hashlib.sha256(data).hexdigest()} {len(data)} {name}\n" for name, data in (("b", b"bb"), ("sub/a", b"a"))
    )
    first = hash_tree(tmp_path / "x")
    assert (first.sha256, first.size) == (hashlib.sha256(lines.encode()).hexdigest(), 3)
    (tmp_path / "x" / "b").rename(tmp_path / "x" / "c")
    assert hash_tree(tmp_path / "x").sha256 != first.sha256, "names count"


# Arrays


@settings(deadline=None)
@given(
    rows=st.integers(0, 9),
    width=st.integers(0, 3),
    block=st.integers(1, 10),
    dtype=st.sampled_from(["uint8", "float16", "float32", "int64"]),
)
def test_streamed_array_is_the_array(tmp_path_factory, rows, width, block, dtype):
    path = tmp_path_factory.mktemp("array") / "a.npy"
    array = np.arange(rows * width * 2).reshape(rows, width, 2).astype(dtype)
    outputs = write_array(path, array, block)
    loaded = np.load(path, allow_pickle=False)
    assert loaded.dtype == array.dtype and loaded.shape == array.shape
    np.testing.assert_array_equal(loaded, array)
    assert outputs.digests[path.as_posix()].as_dict() == digest_of(path)
    np.testing.assert_array_equal(Inputs().array(path), array)


def test_bytes_of_an_array_do_not_depend_on_the_blocks(tmp_path):
    array = np.random.default_rng(0).normal(size=(10, 3))
    for block in (1, 4, 10):
        write_array(tmp_path / f"{block}.npy", array, block)
    assert len({(tmp_path / f"{block}.npy").read_bytes() for block in (1, 4, 10)}) == 1


def test_rows_that_are_not_contiguous_or_of_another_type(tmp_path):
    array = np.arange(24, dtype=np.int64).reshape(4, 6)
    with Outputs() as outputs:
        with outputs.array(tmp_path / "a.npy", (4, 3), np.float32) as append:
            append(array[:, ::2])
        outputs.commit()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array[:, ::2].astype(np.float32))


@pytest.mark.parametrize("announced", [4, 6])
def test_wrong_number_of_rows(tmp_path, announced):
    with pytest.raises(ValueError, match=rf"a\.npy: 5 rows written, {announced} announced"):
        write_array(tmp_path / "a.npy", np.zeros((5, 2)), announced=announced)
    assert files_in(tmp_path) == []


def test_wrong_shape_of_rows(tmp_path):
    with (
        pytest.raises(ValueError, match=r"rows of shape \(3,\), not \(2,\)"),
        Outputs() as outputs,
        outputs.array(tmp_path / "a.npy", (5, 2), np.uint8) as append,
    ):
        append(np.zeros((5, 3)))
    assert files_in(tmp_path) == []


def test_arrays_are_read_as_read_only_maps(tmp_path):
    write_array(tmp_path / "a.npy", np.zeros((5, 2)))
    array = Inputs().array(tmp_path / "a.npy")
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


# Tables


def test_table_keeps_values_types_and_nulls(tmp_path):
    with Outputs() as outputs:
        outputs.table(tmp_path / "a.parquet", TABLE)
        outputs.commit()
    assert Inputs().table(tmp_path / "a.parquet").equals(TABLE)
    assert pq.read_metadata(tmp_path / "a.parquet").row_group(0).column(0).compression == "ZSTD"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="/proc tells the threads of a process")
def test_reading_tables_starts_no_thread(tmp_path):
    """One that starts while Python ends aborts the process (seen on a busy machine), whose work is done."""
    with Outputs() as outputs:
        outputs.table(tmp_path / "a.parquet", TABLE)
        outputs.commit()
    code = f"""
import os
import pyarrow.parquet
from mexflow.store.artifacts import Inputs
before = len(os.listdir("/proc/self/task"))
assert Inputs().table({str(tmp_path / "a.parquet")!r}).num_rows
assert list(Inputs().batches({str(tmp_path / "a.parquet")!r}, {TABLE.column_names[:1]!r}))
print(len(os.listdir("/proc/self/task")) - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr) == ("0\n", "")


def test_bytes_of_a_table_are_always_the_same(tmp_path):
    rebuilt = pa.Table.from_pylist(TABLE.to_pylist(), schema=TABLE.schema)
    for name, table in (("a", TABLE), ("b", rebuilt)):
        with Outputs() as outputs:
            outputs.table(tmp_path / name, table)
            outputs.commit()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_json_is_readable_by_people(tmp_path):
    with Outputs() as outputs:
        outputs.json(tmp_path / "a.json", {"b": "é", "a": [1]})
        outputs.commit()
    text = (tmp_path / "a.json").read_text()
    assert text == '{\n  "b": "é",\n  "a": [\n    1\n  ]\n}\n' and json.loads(text) == {"b": "é", "a": [1]}


# Rows of large arrays


def test_blocks_are_the_array_and_hash_it(tmp_path):
    values = np.arange(7 * 3 * 2, dtype=np.int16).reshape(7, 3, 2)
    np.save(tmp_path / "a.npy", values)
    for length in (1, 3, 7, 100):
        inputs = Inputs()
        blocks = list(inputs.blocks(tmp_path / "a.npy", length))
        np.testing.assert_array_equal(np.concatenate(blocks), values)
        assert [len(block) for block in blocks[:-1]] == [length] * (len(blocks) - 1)
        (digest,) = inputs.digests.values()
        assert digest.as_dict() == hash_file(tmp_path / "a.npy").as_dict()
    inputs = Inputs()
    next(inputs.blocks(tmp_path / "a.npy", 2))
    assert not inputs.digests, "a file that was not read to its end has no digest"


def test_rows_by_position(tmp_path):
    values = np.random.default_rng(1).random((9, 4, 5), np.float32)
    np.save(tmp_path / "a.npy", values)
    inputs = Inputs()
    rows = inputs.rows(tmp_path / "a.npy")
    assert len(rows) == 9 and rows.shape == (9, 4, 5) == inputs.shape(tmp_path / "a.npy")
    np.testing.assert_array_equal(rows[[8, 0, 0, 3]], values[[8, 0, 0, 3]])
    assert rows[[]].shape == (0, 4, 5)
    assert inputs.digests[(tmp_path / "a.npy").as_posix()].as_dict() == hash_file(tmp_path / "a.npy").as_dict()


def test_array_that_ends_too_early(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 100)))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:-1])
    with pytest.raises(UserError, match=r"a\.npy: not a readable npy array"):
        list(Inputs().blocks(tmp_path / "a.npy", 2))
    with pytest.raises(UserError, match=r"a\.npy: not a readable npy array"):
        Inputs().rows(tmp_path / "a.npy")
    with pytest.raises(UserError, match="no such file"):
        list(Inputs().blocks(tmp_path / "b.npy", 2))

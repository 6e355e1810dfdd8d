"""Rows and blocks of arrays: what was stored, hashed in the same pass, and damage told in one line."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mexflow.errors import UserError
from mexflow.store.artifacts import Inputs, hash_file


@pytest.fixture()
def stored(tmp_path: Path) -> tuple[Path, np.ndarray]:
    values = np.random.default_rng(0).integers(0, 9999, (10, 3, 4)).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    return tmp_path / "a.npy", values


@pytest.mark.parametrize("length", [1, 3, 10, 64])
def test_blocks_are_the_rows_in_order_and_hashed(stored: tuple[Path, np.ndarray], length: int) -> None:
    path, values = stored
    inputs = Inputs()
    blocks = list(inputs.blocks(path, length))
    assert [len(block) for block in blocks[:-1]] == [length] * (len(blocks) - 1)
    assert (np.concatenate(blocks) == values).all() and blocks[0].dtype == np.float32
    assert inputs.digests[path.as_posix()].as_dict() == hash_file(path).as_dict()


def test_rows_are_read_in_any_order(stored: tuple[Path, np.ndarray]) -> None:
    path, values = stored
    inputs = Inputs()
    rows = inputs.rows(path)
    assert len(rows) == 10 and rows.shape == (10, 3, 4)
    assert (rows[[7, 0, 7, 9]] == values[[7, 0, 7, 9]]).all()
    assert rows[[]].shape == (0, 3, 4)
    assert inputs.digests[path.as_posix()].as_dict() == hash_file(path).as_dict()


def test_an_array_without_rows_has_no_blocks(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((0, 3, 4), np.uint8))
    inputs = Inputs()
    assert list(inputs.blocks(tmp_path / "a.npy", 4)) == []
    assert inputs.digests[(tmp_path / "a.npy").as_posix()].as_dict() == hash_file(tmp_path / "a.npy").as_dict()
    assert inputs.shape(tmp_path / "a.npy") == (0, 3, 4)


READS = ("rows", "blocks", "array")
DAMAGES = ("truncated", "empty", "text", "missing", "objects")
# Rows that do not lie one after the other cannot be read by themselves; mapped whole, such an array is as good as any.
DAMAGED = [*product(READS, DAMAGES), ("rows", "fortran"), ("blocks", "fortran")]


def test_columns_first_is_read_as_a_whole(stored: tuple[Path, np.ndarray]) -> None:
    path, values = stored
    np.save(path, np.asfortranarray(values))
    assert (Inputs().array(path) == values).all()


@pytest.mark.parametrize(("read", "damage"), DAMAGED)
def test_a_damaged_file_is_one_line(stored: tuple[Path, np.ndarray], damage: str, read: str) -> None:
    path, values = stored
    if damage == "missing":
        path.unlink()
    elif damage == "objects":
        np.save(path, np.array([{}, []], object))
    elif damage == "fortran":
        np.save(path, np.asfortranarray(values))
    else:
        data = path.read_bytes()
        path.write_bytes({"truncated": data[:-8], "empty": b"", "text": b"not an array"}[damage])
    inputs = Inputs()
    with pytest.raises(UserError) as error:
        {
            "rows": lambda: inputs.rows(path),
            "blocks": lambda: list(inputs.blocks(path, 4)),
            "array": lambda: inputs.array(path),
        }[read]()
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_cut_short_while_it_is_read_is_one_line(stored: tuple[Path, np.ndarray]) -> None:
    path, _ = stored
    rows = Inputs().rows(path)
    data = path.read_bytes()
    path.write_bytes(data[:-8])
    with pytest.raises(UserError, match="ends too early"):
        rows[[0, 9]]

"""Whether what is read is what was written, found by the names of records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mexflow.errors import Changed
from mexflow.store import unchanged as written
from mexflow.store.artifacts import Inputs, hash_bytes


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for function in (written._load, written._of_experiment):
        function.cache_clear()


def made(path: str, record: str, data: bytes = b"right", ended: str = "2026-01-01") -> None:
    """An artifact and the record that states it."""
    for place in (path, record):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(data)
    said = {"job": record, "outputs": {path: hash_bytes(data).as_dict()}, "observed": {"ended": ended}}
    Path(record).write_text(json.dumps(said))


PLACES = [
    ("results/faces/casme2/04.npy", "results/records/faces/casme2/04.json"),
    ("results/flow/tvl1/casme2/04.parquet", "results/records/flow/tvl1/casme2/04.json"),
    ("results/index/casme2.videos.parquet", "results/records/index/casme2.json"),
    ("results/folds/mini/cnn/04/scores.parquet", "results/records/spot/mini/cnn/3.json"),
    ("results/folds/mini/cnn/04/model.pt", "results/records/train/mini/cnn/04.json"),
]


@pytest.mark.parametrize(("path", "record"), PLACES)
def test_other_bytes_are_found(path: str, record: str) -> None:
    made(path, record)
    assert Inputs(written.check).bytes(path) == b"right"
    Path(path).write_bytes(b"wrong")
    with pytest.raises(Changed, match="not the bytes that") as error:
        Inputs(written.check).bytes(path)
    assert error.value.path == path


def test_of_two_records_the_later_one_counts() -> None:
    path = "results/folds/mini/cnn/04/scores.parquet"
    made(path, "results/records/spot/mini/cnn/3.json", b"old", "2026-01-01")
    made(path, "results/records/spot/mini/cnn/04.json", b"new", "2026-01-02")
    assert Inputs(written.check).bytes(path) == b"new"


def test_what_no_record_names_and_what_lies_elsewhere_is_read_as_it_is(tmp_path: Path) -> None:
    for path in ("results/faces/casme2/04.npy", "elsewhere/x", str(tmp_path / "y")):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"any")
        assert Inputs(written.check).bytes(path) == b"any"


def test_a_record_that_cannot_be_read_stops_nothing() -> None:
    made(*PLACES[0])
    Path(PLACES[0][1]).write_text("{")
    Path(PLACES[0][0]).write_bytes(b"wrong")
    assert Inputs(written.check).bytes(PLACES[0][0]) == b"wrong"

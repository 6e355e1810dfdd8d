"""Peak memory of what is made from aligned faces (LCN, flow, residual images): flat in the length of a video."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_memory import LONG, MOST_BYTES, MOST_GROWTH, SHORT, peak

from mexflow.preprocess.table_schemas import FACES
from mexflow.store.artifacts import Outputs

_BLOCK = 500


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed at once: the arrays are large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def write_subject(folder: Path, frames: int) -> None:
    """A subject with one video of so many frames: raw files, aligned faces of noise, their table, and an index."""
    rng = np.random.default_rng(frames)
    raw = folder / "raw" / "A"
    raw.mkdir(parents=True)
    data = cv2.imencode(".jpg", cv2.GaussianBlur(rng.integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 3))[1].tobytes()
    (raw / "img1.jpg").write_bytes(data)
    for number in range(2, frames + 1):
        os.link(raw / "img1.jpg", raw / f"img{number}.jpg")
    block = rng.integers(0, 256, (_BLOCK, 112, 112, 1), np.uint8)
    with Outputs() as outputs:
        with outputs.array(folder / "faces.npy", (frames, 112, 112, 1), np.uint8) as append:
            for start in range(0, frames, _BLOCK):
                append(block[: frames - start])
        outputs.commit()
    shared = {"dataset": "casme2", "subject": "01", "video": "A", "excluded": None}
    face = {
        **shared, "state": "tracked", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data),
        "landmarks": (rng.uniform(100, 300, (68, 2))).astype(np.float32).ravel(), "matrix": [1.0, 0, 0, 0, 1, 0],
    }  # fmt: skip
    rows = [{**face, "frame": number, "file": f"A/img{number}.jpg"} for number in range(1, frames + 1)]
    pq.write_table(pa.Table.from_pylist(rows, schema=FACES), folder / "faces.parquet")
    clips = [
        {**shared, "clip": f"A{onset}", "onset": onset, "apex": onset + 15, "offset": onset + 30}
        for onset in range(1, frames - 40, frames // 20)
    ]
    pq.write_table(
        pa.Table.from_pylist([{**clips[0], "apex": frames // 2, "offset": frames}]), folder / "whole.parquet"
    )
    pq.write_table(pa.Table.from_pylist(clips), folder / "index.parquet")


COMMANDS = {
    "lcn": "lcn --faces {0}/faces.npy --output {0}/lcn.npy",
    "flow": "flow --method horn_schunck --index {0}/whole.parquet --faces {0}/faces.npy"
    " --pair consecutive --size 64 --output {0}/flow.npy --table {0}/flow.parquet",
    "residual": "residual --root {0}/raw --index {0}/index.parquet --faces-table {0}/faces.parquet"
    " --output ars={0}/ars.npy --table ars={0}/ars.parquet --output rrs-9={0}/rrs.npy --table rrs-9={0}/rrs.parquet",
}


@pytest.mark.benchmark
@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_long_video_takes_no_more_memory(folder: Path, command: str) -> None:
    peaks = {}
    for length in (SHORT, LONG):
        place = folder / str(length)
        write_subject(place, length)
        name, *options = COMMANDS[command].format(place).split()
        shared = ("--dataset", "casme2", "--subject", "01", "--record", place / "record.json")
        peaks[length] = peak(sys.executable, "-m", "mexflow", name, *options, *shared)
        shutil.rmtree(place)
    print(f"\n{command}: {peaks[SHORT] / 2**20:.0f} MiB for {SHORT} frames, {peaks[LONG] / 2**20:.0f} MiB for {LONG}: "
          f"{peaks[LONG] / peaks[SHORT]:.3f} times as much")  # fmt: skip
    assert peaks[LONG] <= MOST_GROWTH * peaks[SHORT]
    assert peaks[LONG] < MOST_BYTES

"""Peak memory of preprocessing: flat in the length of a video."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import dataset_files
import embedded_files
import project
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan

SHORT, LONG = 800, 8000
MOST_GROWTH, MOST_BYTES = 1.2, 1 << 30


# Between the two processes: a child starts as a copy of its parent, whose pages count as the child's peak.
_LAUNCHER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def peak(*command: object) -> int:
    """Peak resident bytes of a program, which must succeed."""
    done = project.run(sys.executable, "-c", _LAUNCHER, *map(str, command))
    assert done.returncode == 0, done.stderr
    return int(done.stdout) * 1024


def video_of(frames: list[Path], length: int, folder: Path) -> Path:
    """The root of a CASME II with one video of `length` frames: hard links of some frames, to and fro."""
    root = folder / "raw"
    dataset_files.casme2(root, [dataset_files.casme2_row("01", "EP02_01f", 3, 6, 9)], [("01", "EP02_01f", 1)])
    video = root / dataset_files.CASME2_FRAMES / "sub01" / "EP02_01f"
    video.mkdir(parents=True)
    to_and_fro = frames + frames[-2:0:-1]
    for number in range(1, length + 1):
        os.link(to_and_fro[number % len(to_and_fro)], video / f"img{number}.jpg")
    embedded_files.index("casme2", root, folder)
    return root


@pytest.mark.benchmark
def test_faces_of_a_long_video_take_no_more_memory(embedded_root: dict[str, Path], tmp_path: Path) -> None:
    clip = next(c for c in plan("casme2", SIZE, SEED).of_subject(SUBJECTS["casme2"]) if c.annotated)
    frames = [embedded_root["casme2"] / clip.file(number) for number in clip.frames]
    peaks = {}
    for length in (SHORT, LONG):
        folder = tmp_path / str(length)
        root = video_of(frames, length, folder)
        peaks[length] = peak(
            sys.executable, "-m", "mexflow", "faces", "--dataset", "casme2", "--subject", "01", "--root", root,
            "--index", folder / "index.parquet", "--videos", folder / "videos.parquet",
            "--output", folder / "faces.npy", "--table", folder / "faces.parquet", "--record", folder / "record.json",
        )  # fmt: skip
    print(f"\nfaces: {peaks[SHORT] / 2**20:.0f} MiB for {SHORT} frames, {peaks[LONG] / 2**20:.0f} MiB for {LONG}: "
          f"{peaks[LONG] / peaks[SHORT]:.3f} times as much")  # fmt: skip
    assert peaks[LONG] <= MOST_GROWTH * peaks[SHORT]
    assert peaks[LONG] < MOST_BYTES

"""``mexflow analyse`` on one core: how many times as fast as the camera it is, and what a longer video takes of memory.

From an mp4 of 640 x 480 in colour at 200 frames a second, of 800 and of 8,000 frames, the whole command as a process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import pytest

import model_files
import movie_files
from dataset_files import ANY_FRAME
from embedded_files import SUBJECTS
from mexflow.preprocess.frames import frame_files, read_frame
from project import WORKFLOW

FPS, SHORT, LONG = 200.0, 800, 8000


@pytest.mark.benchmark
@pytest.mark.usefixtures("here")
def test_from_a_file_to_a_page(embedded_root: dict[str, Path], tmp_path: Path) -> None:
    results = model_files.trained(tmp_path / "model", "videos")
    model_files.with_card(results, "videos")
    model = model_files.folder_in(results)
    folder = next((embedded_root["casme2"] / "CASME2_RAW" / "CASME2-RAW" / f"sub{SUBJECTS['casme2']}").iterdir())
    images = [read_frame(file).image for _, file in frame_files(folder, ANY_FRAME)]
    to_and_fro = images + images[-2:0:-1]
    assert images[0].shape == (480, 640, 3)
    core = sorted(os.sched_getaffinity(0))[0]
    taken, peak = {}, {}
    for count in (SHORT, LONG):
        video = movie_files.write(tmp_path / f"{count}.mp4", islice(cycle(to_and_fro), count), FPS)
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "mexflow", "spot", video, "--model", model, "--output", tmp_path / "made"],
            env={**os.environ, "PYTHONPATH": str(WORKFLOW)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        taken[count], peak[count] = time.perf_counter() - start, usage.ru_maxrss / 1024
        assert status == 0, process.stderr.read()
        print(
            f"\n{count} frames: {count / FPS / taken[count]:.2f} times real time ({taken[count]:.1f} s, "
            f"{usage.ru_utime + usage.ru_stime:.1f} of the processor), {peak[count]:.0f} MiB"
        )
    more = (taken[LONG] - taken[SHORT]) / (LONG - SHORT)
    print(
        f"a further frame takes {1e3 * more:.2f} ms, {1 / FPS / more:.2f} times real time; "
        f"memory {peak[LONG] / peak[SHORT]:.2f} times that of {SHORT} frames"
    )
    assert peak[LONG] < 1.2 * peak[SHORT] and peak[LONG] < 1000

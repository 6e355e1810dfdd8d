"""How many times as fast as the camera a video is spotted on one core: its seconds at 200 fps over those it takes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.models import build
from mexflow.preprocess.faces import FaceSettings, align_video
from mexflow.preprocess.frames import frame_files
from mexflow.preprocess.lcn import grey, lcn

FRAMES, FPS, BLOCK, SKIPS = 400, 200, 64, (37, 217)


@pytest.mark.benchmark
@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_spotting_from_frames_on_disk(embedded_root: dict[str, Path], tmp_path: Path, dataset: str) -> None:
    """640 x 480 in colour (CASME II) and 2040 x 1088 in grey (SAMM): aligning, LCN, and EL-FACE's scores."""
    clip = next(c for c in plan(dataset, SIZE, SEED).of_subject(SUBJECTS[dataset]) if c.annotated)
    frames = [embedded_root[dataset] / clip.file(number) for number in clip.frames]
    to_and_fro = frames + frames[-2:0:-1]
    folder = tmp_path / "video"
    folder.mkdir()
    for number in range(FRAMES):
        os.link(to_and_fro[number % len(to_and_fro)], folder / f"img{number + 1}.jpg")
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        network = build("elface", {}, 1, 2).eval()
        taken = {"decode": 0.0, "align": 0.0, "LCN": 0.0, "score": 0.0}
        start = time.perf_counter()
        for _, file in frame_files(folder, ANY_FRAME):
            cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        taken["decode"] = time.perf_counter() - start
        next(iter(align_video(folder, FRAMES, ANY_FRAME, FaceSettings())))  # loads the model of the landmarks
        start = time.perf_counter()
        # As the commands do it, through files: the video is never in memory.
        images = (face.image.reshape(112, 112, -1) for face in align_video(folder, FRAMES, ANY_FRAME, FaceSettings()))
        np.save(tmp_path / "faces.npy", np.stack(list(images)))
        taken["align"] = time.perf_counter() - start
        faces = np.load(tmp_path / "faces.npy", mmap_mode="r")
        start = time.perf_counter()
        blocks = [lcn(grey(faces[row : row + BLOCK]), 4.0).astype(np.float16) for row in range(0, FRAMES, BLOCK)]
        np.save(tmp_path / "lcn.npy", np.concatenate(blocks))
        taken["LCN"] = time.perf_counter() - start
        normalised = np.load(tmp_path / "lcn.npy", mmap_mode="r")
        network.score_video(normalised[:50], SKIPS)
        start = time.perf_counter()
        with torch.no_grad():
            network.score_video(normalised, SKIPS)
        taken["score"] = time.perf_counter() - start
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    length = FRAMES / FPS
    aligned, raw = length / (taken["LCN"] + taken["score"]), length / sum(list(taken.values())[1:])
    steps = ", ".join(f"{name} {1e3 * seconds / FRAMES:.2f}" for name, seconds in taken.items())
    print(
        f"\n{dataset}: from aligned faces on disk {aligned:.1f} times real time, from raw frames {raw:.2f} times; "
        f"{steps} ms a frame (decode alone is part of align)"
    )
    assert aligned > 1

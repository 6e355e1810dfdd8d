"""Speed of LCN, as a ratio of two measurements of one run, so that it holds on any machine."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from dataset_files import ANY_FRAME
from mexflow.preprocess.faces import FaceSettings, align_video
from mexflow.preprocess.frames import frame_files
from mexflow.preprocess.lcn import grey, lcn
from mexflow.preprocess.table_schemas import FaceRows
from mexflow.store.artifacts import Inputs, Outputs
from stopwatch import seconds

MOST_SHARE = 0.1
ROUNDS, FRAMES, VIDEO, BLOCK = 4, 512, 200, 16


def normalise(folder: Path) -> None:
    """What ``mexflow lcn`` does: read, hash, normalise and write; the table of faces is a small part of it."""
    inputs = Inputs()
    with Outputs() as outputs:
        with outputs.array(folder / "lcn.npy", inputs.shape(folder / "faces.npy")[:3], np.float16) as append:
            for block in inputs.blocks(folder / "faces.npy", BLOCK):
                append(lcn(grey(block)).astype(np.float16))
        outputs.commit()


def align(video: Path, folder: Path) -> None:
    """What ``mexflow faces`` does with a video: read, hash, decode, track, align, write the array and the table."""
    with Outputs() as outputs:
        rows = FaceRows()
        with outputs.array(folder / "aligned.npy", (VIDEO, 112, 112, 3), np.uint8) as append:
            for face in align_video(video, VIDEO, ANY_FRAME, FaceSettings()):
                append(face.image[None])
                rows.add({**face.row, "dataset": "casme2", "subject": "01", "video": "EP02_01f"})
        rows.end_video(None)
        outputs.table(folder / "aligned.parquet", rows.table())
        outputs.commit()


@pytest.mark.benchmark
def test_lcn_takes_at_most_a_tenth_of_aligning(
    embedded_root: dict[str, Path], preprocessed: dict[str, Path], tmp_path: Path
) -> None:
    """Colour frames of 640 x 480 (CASME II), the smallest and so the quickest to align."""
    faces = np.load(preprocessed["casme2"] / "faces.npy")
    np.save(tmp_path / "faces.npy", np.resize(faces, (FRAMES, *faces.shape[1:])))
    # The longest clip to and fro, so that one detection of a face counts no more than in a video of usual length.
    folders = [path for path in embedded_root["casme2"].rglob("*") if path.is_dir()]
    files = [file for _, file in max((frame_files(path, ANY_FRAME) for path in folders), key=len)]
    to_and_fro = files + files[-2:0:-1]
    video = tmp_path / "video"
    video.mkdir()
    for number in range(VIDEO):
        os.link(to_and_fro[number % len(to_and_fro)], video / f"img{number + 1}.jpg")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # as the commands run
    try:
        with threadpool_limits(1):
            align(video, tmp_path)  # loads the model of the landmarks
            # By turns, and the fastest of each: the least disturbed by what else the machine does.
            rounds = [(seconds(normalise, tmp_path), seconds(align, video, tmp_path)) for _ in range(ROUNDS)]
    finally:
        cv2.setNumThreads(threads)
    normalised, aligned = np.min(rounds, axis=0) / (FRAMES, VIDEO)
    print(f"\nLCN: {normalised * 1e3:.3f} ms a frame, aligning {aligned * 1e3:.2f} ms: "
          f"{normalised / aligned:.3f} of it")  # fmt: skip
    assert normalised <= MOST_SHARE * aligned

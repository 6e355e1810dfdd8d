"""``analyse``, ``spot`` and ``recognise`` as a user calls them: files, and one line for what goes wrong."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import model_files
import movie_files
from dataset_files import ANY_FRAME
from embedded_files import SUBJECTS
from mexflow import registries
from mexflow.preprocess.frames import frame_files, read_frame
from mexflow.store.artifacts import hash_file
from project import WORKFLOW, called

pytestmark = pytest.mark.usefixtures("here")
NAME = 'it\'s "odd" %03d é.avi'


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def networks(models) -> dict[str, Path]:
    """The folders of a network that spots and of one that recognises, as of a run in a folder of their own."""
    found = {}
    for kind in ("videos", "flow"):
        results = models / kind / "results"
        if not results.exists():
            registries.PICKED.clear()  # a training is a job of its own
            model_files.trained(models / kind, kind)
            model_files.with_card(results, kind)
            if kind == "videos":  # that something is spotted, whatever so little training taught it
                path = model_files.folder_in(results) / "card.json"
                card = json.loads(path.read_text())
                card["fps"] = [200.0]
                card["spotting"] |= {
                    "thresholds": {"micro": 0.5, "macro": 0.5},
                    "k": {"micro": 2, "macro": 3},
                    "least": 2,
                }
                path.write_text(json.dumps(card))
        found[kind] = model_files.folder_in(results)
    return found


@pytest.fixture
def movie(embedded_root, tmp_path) -> Path:
    """A clip of a face as a video file with a name that needs care."""
    folder = next((embedded_root["casme2"] / "CASME2_RAW" / "CASME2-RAW" / f"sub{SUBJECTS['casme2']}").iterdir())
    return movie_files.write(tmp_path / NAME, frames_of(folder), 200.0, "MJPG")


def frames_of(folder: Path) -> list[np.ndarray]:
    """The frames of a folder in order, RGB."""
    images = [read_frame(file).image for _, file in frame_files(folder, ANY_FRAME)]
    return [image if image.ndim == 3 else np.repeat(image[..., None], 3, 2) for image in images]


def side_of(frame: np.ndarray, height: int) -> np.ndarray:
    """A frame at this height, its width even."""
    width = 2 * round(frame.shape[1] * height / frame.shape[0] / 2)
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def both(networks: dict[str, Path]) -> list[str]:
    return ["--spot", str(networks["videos"]), "--recognise", str(networks["flow"])]


def test_an_analysis_writes_its_files(movie, networks, tmp_path):
    output = tmp_path / "made"
    done = called("analyse", movie, *both(networks), "--macro-too", "--annotated", "--output", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{movie}: ") and f"see {output / NAME}.html" in done.stdout
    endings = ["", ".csv", ".html", ".json", ".marked.mp4", ".record.json"]
    assert sorted(path.name for path in output.iterdir()) == [f"{NAME}{ending}" for ending in endings[1:]]
    found = json.loads((output / f"{NAME}.json").read_text())
    rows = list(csv.DictReader((output / f"{NAME}.csv").open()))
    assert len(rows) == len(found["events"]) > 0 and {row["video"] for row in rows} == {NAME}
    record = json.loads((output / f"{NAME}.record.json").read_text())
    assert record["video"] == {"path": str(movie), "sha256": hash_file(movie).sha256}
    read = {Path(path).name for path in record["inputs"]}
    assert {"card.json", "model.pt"} <= read
    for path, digest in record["outputs"].items():
        assert hash_file(Path(path)).sha256 == digest["sha256"]


def test_the_same_twice(movie, networks, tmp_path):
    for name in ("a", "b"):
        assert called("analyse", movie, *both(networks), "--output", tmp_path / name).returncode == 0
    for ending in (".csv", ".html", ".json"):
        assert (tmp_path / "a" / f"{NAME}{ending}").read_bytes() == (tmp_path / "b" / f"{NAME}{ending}").read_bytes()


def test_each_half_alone(movie, networks, tmp_path):
    done = called("spot", movie, "--model", networks["videos"], "--output", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "a" / f"{NAME}.spotted.json").read_text())
    assert all(event["probabilities"] is None for event in found["events"])
    table = tmp_path / "clips.csv"
    table.write_text("onset,apex,offset\n2,6,9\n1,4,\n")
    done = called("recognise", movie, "--model", networks["flow"], "--clips", table, "--output", tmp_path / "b")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "b" / f"{NAME}.recognised.json").read_text())["events"]
    assert [(event["onset"], event["apex"], event["offset"]) for event in found] == [(1, 4, 4), (2, 6, 9)]
    assert all(sum(event["probabilities"].values()) == pytest.approx(1, abs=1e-4) for event in found)
    one = called(
        "recognise", movie, "--model", networks["flow"], "--onset", 2, "--apex", 6, "--offset", 9,
        "--output", tmp_path / "c",
    )  # fmt: skip
    assert one.returncode == 0
    alone = json.loads((tmp_path / "c" / f"{NAME}.recognised.json").read_text())["events"]
    assert alone[0]["probabilities"] == found[1]["probabilities"]


def test_the_networks_of_the_run_are_taken_where_none_is_named(movie, networks, tmp_path):
    place = tmp_path / "results" / "models"
    shutil.copytree(networks["videos"], place / "made" / "spots")
    done = called("analyse", movie, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "analysis" / f"{NAME}.json").read_text())
    assert found["events"] and all(event["label"] is None for event in found["events"])
    shutil.copytree(networks["flow"], place / "made" / "recognises")
    assert called("analyse", movie, "--macro-too", cwd=tmp_path).returncode == 0
    found = json.loads((tmp_path / "analysis" / f"{NAME}.json").read_text())
    assert all(event["label"] for event in found["events"] if event["type"] != "unseen")


def test_every_face_has_files_of_its_own(embedded_root, networks, tmp_path):
    """Two people side by side: each is followed in each, and told where it is."""
    people = [frames_of(next(root.rglob("*.jpg")).parent) for root in embedded_root.values()]
    height = min(frames[0].shape[0] for frames in people)
    sized = [[side_of(frame, height) for frame in frames] for frames in people]
    together = [np.concatenate(pair, 1) for pair in zip(*sized, strict=False)]
    movie = movie_files.write(tmp_path / "two.avi", together, 200.0, "MJPG")
    done = called("spot", movie, "--model", networks["videos"], "--every-face", "--output", tmp_path / "made")
    assert done.returncode == 0, done.stderr
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [f"{movie}, face1", f"{movie}, face2"]
    border = sized[0][0].shape[1]
    for number, inside in ((1, range(border)), (2, range(border, together[0].shape[1]))):
        found = json.loads((tmp_path / "made" / f"two.avi.face{number}.spotted.json").read_text())
        told = found["source"]["remarks"][0]
        assert "of several faces" in told and int(re.search(r"x = (\d+)", told)[1]) in inside
        assert not any(event["type"] == "unseen" for event in found["events"])
    one = called("spot", movie, "--model", networks["videos"], "--output", tmp_path / "one")
    assert one.returncode == 0 and [path.name for path in (tmp_path / "one").glob("*.csv")] == ["two.avi.spotted.csv"]


def test_without_networks_it_says_how_to_make_them(movie, tmp_path):
    for words in (["analyse"], ["spot"], ["recognise", "--onset", 1, "--apex", 2]):
        done = called(words[0], movie, *words[1:], cwd=tmp_path)
        assert done.returncode == 1 and "./run snakemake --cores all models" in done.stderr


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"hello\n" * 99, "text"),
        ("missing.mp4", None, "no such file or folder"),
    ],
)
def test_what_is_no_video_is_told_in_a_line_and_keeps_no_other_from_it(name, data, words, movie, networks, tmp_path):
    bad, output = tmp_path / name, tmp_path / "made"
    if data is not None:
        bad.write_bytes(data)
    done = called("spot", bad, movie, "--model", networks["videos"], "--output", output)
    errors = [line for line in done.stderr.splitlines() if line.startswith("mexflow: error")]
    assert done.returncode == 1 and len(errors) == 1 and words in errors[0] and name in errors[0]
    assert "Traceback" not in done.stderr
    assert (output / f"{NAME}.spotted.html").is_file() and not list(output.glob(f"{name}*"))


def test_a_video_without_a_face_has_a_result_that_says_so(networks, tmp_path):
    movie = movie_files.write(tmp_path / "a.avi", movie_files.pictures(40), 200.0, "MJPG")
    done = called("analyse", movie, *both(networks), "--output", tmp_path / "made")
    assert done.returncode == 0 and "0.2 s of 0.2 s not seen" in done.stdout and "no micro (nothing" in done.stdout
    (event,) = json.loads((tmp_path / "made" / "a.avi.json").read_text())["events"]
    assert (event["type"], event["onset"], event["offset"]) == ("unseen", 0, 39) and "no face" in event["reason"]
    done = called(
        "recognise", movie, "--model", networks["flow"], "--onset", 1, "--apex", 5, "--output", tmp_path / "b"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "b" / "a.avi.recognised.json").read_text())["events"]
    assert [event["not_classified"] for event in found if event["type"] == "micro"] == [
        "frame_unseen: frame 1 is missing"
    ]


def test_a_video_of_three_frames(networks, tmp_path):
    movie = movie_files.write(tmp_path / "a.avi", movie_files.pictures(3), 200.0, "MJPG")
    assert called("spot", movie, "--model", networks["videos"], "--output", tmp_path).returncode == 0
    (event,) = json.loads((tmp_path / "a.avi.spotted.json").read_text())["events"]
    assert event["type"] == "unseen"


def test_an_older_marked_video_goes(movie, networks, tmp_path):
    words = ["spot", movie, "--model", networks["videos"], "--output", tmp_path / "made"]
    assert called(*words, "--annotated").returncode == 0
    marked = tmp_path / "made" / f"{NAME}.spotted.marked.mp4"
    assert marked.is_file()
    assert called(*words).returncode == 0 and not marked.exists(), "it would show another result than the page"


def test_a_name_that_leaves_no_room_for_those_of_results(movie, networks, tmp_path):
    long = movie.rename(movie.with_name(f"{'n' * 200}.avi"))
    done = called("spot", long, "--model", networks["videos"], "--output", tmp_path / "made")
    assert done.returncode == 1 and "too long a name" in done.stderr and not (tmp_path / "made").exists()


def test_two_videos_of_one_name(movie, networks, tmp_path):
    done = called("spot", movie, movie, "--model", networks["videos"], "--output", tmp_path / "made")
    assert done.returncode == 1 and "given twice" in done.stderr and not (tmp_path / "made").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(movie, networks, tmp_path):
    (tmp_path / "shut").mkdir(mode=0o500)
    done = called("spot", movie, "--model", networks["videos"], "--output", tmp_path / "shut")
    assert done.returncode == 1 and "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_a_file_in_place_of_the_folder(movie, networks, tmp_path):
    (tmp_path / "file").write_text("here")
    done = called("spot", movie, "--model", networks["videos"], "--output", tmp_path / "file")
    assert done.returncode == 1 and str(tmp_path / "file") in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "file").read_text() == "here"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_it_leaves_nothing(how, movie, networks, tmp_path):
    output = tmp_path / "made"
    process = subprocess.Popen(
        [sys.executable, "-m", "mexflow", "analyse", movie, *both(networks), "--output", output],
        env={**os.environ, "PYTHONPATH": str(WORKFLOW)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        # Tests that run in the background are started without it, and hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(output.glob(".mexflow-analysis*/*")):
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.002)
    process.send_signal(how)
    process.wait(60)
    assert process.returncode != 0 and list(output.iterdir()) == []

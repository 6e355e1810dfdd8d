"""Videos from their frames to a report: what the workflow makes of the same frames, and what stands in the report."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

import embedded_files
import movie_files
from embedded_files import SUBJECTS
from mexflow.analysis import analyse as analysing
from mexflow.analysis.analyse import Wanted, analyse, recognise
from mexflow.analysis.model import Model
from mexflow.errors import UserError
from mexflow.evaluation import spotted
from mexflow.evaluation.frame_skips import TYPES
from mexflow.models import build
from mexflow.preprocess.frames import read_frame
from mexflow.store.artifacts import Inputs
from mexflow.training.loop import predict
from mexflow.training.recognition import loaders
from mexflow.training.spotting.samples import Frames, load

DATASET = "casme2"
SKIPS, K = (3, 9), {"micro": 4, "macro": 9}
FACES = {"smoothing": 15.0, "max_missed": 0.2}
CLASSES = ["a", "b", "c"]


class Weighted(nn.Module):
    """A network of any input: weighted sums of a few of its values."""

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Eight values of each sample, as large as they come."""
        flat = images.flatten(1).double()
        return flat[:, torch.linspace(0, flat.shape[1] - 1, 8).long()].float()

    def classifier(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (n, 3)."""
        weights = torch.linspace(-1, 1, features.shape[1] * 3).view(features.shape[1], 3)
        return features @ weights / features.abs().amax(1, keepdim=True).clamp(min=1e-6)


def spotter(threshold: float = 0.5, sigma: float | None = 4.0) -> Model:
    torch.manual_seed(3)
    network = build("elface", {}, 1, len(TYPES), {}).eval()
    card = {
        "paper": "made", "experiment": "spots", "kind": "videos", "synthetic": True, "classes": None,
        "types": list(TYPES), "fps": [200.0], "preprocess": {"faces": FACES, "lcn": {"sigma": sigma}},
        "recipe": {"sigma": sigma, "placement": "centred"},
        "spotting": {"order": 2, "least": 2, "k": K, "variant": "k-th", "skips": list(SKIPS),
                     "thresholds": dict.fromkeys(TYPES, threshold)},
    }  # fmt: skip
    return Model(card, network, SimpleNamespace(kind="videos"))


def recogniser(kind: str, **more: Any) -> Model:
    recipe = SimpleNamespace(kind=kind, label="estimated_emotion", classes=CLASSES, **more)
    preprocess = {
        "faces": FACES,
        "flow": {"method": "horn_schunck", "size": 64, "options": {}},
        "residual": {"image": "ars,5,printed", "margin": 0.1},
    }
    card = {
        "paper": "made", "experiment": kind, "kind": kind, "synthetic": True, "classes": CLASSES, "types": None,
        "fps": [200.0], "preprocess": preprocess, "recipe": vars(recipe), "spotting": None,
    }  # fmt: skip
    return Model(card, Weighted().eval(), recipe)


FLOW = {
    "channels": ["Vx", "Vy"],
    "train_pairs": ["onset-apex"],
    "test_pairs": ["onset-apex"],
    "size": None,
    "levels": "none",
}


@pytest.fixture
def clips(preprocessed, embedded_root) -> list[tuple[Path, dict[str, Any]]]:
    """Folders of frames with the expression in each."""
    rows = pq.read_table(preprocessed[DATASET] / "index.parquet").to_pylist()
    return [
        (embedded_root[DATASET] / row["path"], row)
        for row in rows
        if row["subject"] == SUBJECTS[DATASET] and row["excluded"] is None
    ]


def test_the_intervals_are_those_of_the_workflow(preprocessed, clips, tmp_path):
    own, model = preprocessed[DATASET], spotter()
    lcn = tmp_path / "lcn.npy"
    subject = SUBJECTS[DATASET]
    done = embedded_files.call("lcn", dataset=DATASET, subject=subject, faces=own / "faces.npy", output=lcn)
    assert done.returncode == 0, done.stderr
    videos, _ = load(Inputs(), [own / "faces.npy"], [lcn], [])
    checked = 0
    for folder, row in clips:
        video = next(video for video in videos if video.name == row["video"])
        values = model.network.score_video(Frames(video, True), SKIPS).sigmoid().detach().numpy()
        values[~video.measured(SKIPS, "centred")] = np.nan
        report = analyse(folder, model, wanted=Wanted(fps=200.0))
        assert report.frames.tolist() == video.frames.tolist()
        for i, kind in enumerate(TYPES):
            smooth = spotted.processed(values[:, i], K[kind])
            assert np.array_equal(report.scores[kind], smooth, equal_nan=True)
            scored = spotted.Scored(("", "", ""), "test", video.frames, smooth, values[:, i], video.labels[:, i])
            expected = [(run.first, run.last) for run in spotted.predicted_intervals(scored, 0.5)]
            events = [event for event in report.events if event.type == kind]
            assert [(event.onset, event.offset) for event in events] == expected
            checked += len(expected)
            for event in events:
                inside = (video.frames >= event.onset) & (video.frames <= event.offset)
                assert event.score == np.nanmax(smooth[inside]) and event.onset <= event.apex <= event.offset
                first = int(video.frames[0])
                assert event.onset_seconds == pytest.approx((event.onset - first) / 200)
                assert report.faces[event.apex].shape == (112, 112, 3)
    assert checked > 2


@pytest.mark.parametrize("kind", ["flow", "residual", "frames"])
def test_probabilities_are_those_of_the_workflow(kind, preprocessed, embedded_root, clips, tmp_path):
    own, subject = preprocessed[DATASET], SUBJECTS[DATASET]
    model = recogniser(kind, **{"flow": FLOW, "residual": {"size": 64}, "frames": {"size": 90}}[kind])
    array = {"flow": own / "flow.npy", "frames": own / "faces.npy"}.get(kind)
    if array is None:
        done = embedded_files.call(
            "residual", dataset=DATASET, subject=subject, root=embedded_root[DATASET], index=own / "index.parquet",
            faces_table=own / "faces.parquet", image="ars=ars,5,printed", output=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        array = tmp_path / "ars" / DATASET / f"{subject}.npy"
    rows = [{**row, "estimated_emotion": CLASSES[0]} for _, row in clips]
    samples, _ = loaders.load(model.recipe, Inputs(), [array], rows)
    expected, _ = predict(model.network, samples, torch.device("cpu"))
    of_clip = {clip["clip"]: values for clip, values in zip(samples.clips, expected, strict=True)}
    assert np.ptp(expected, axis=0).max() > 1e-3, "clips that all look alike would prove nothing"
    for folder, row in clips:
        ends = (row["onset"], row["apex"], row["offset"])
        report = recognise(folder, model, [ends], wanted=Wanted(fps=200.0, pictures=False))
        (event,) = [event for event in report.events if event.type != "unseen"]
        assert list(event.probabilities.values()) == pytest.approx(of_clip[row["clip"]].tolist(), abs=1e-6)
        assert event.label == CLASSES[int(of_clip[row["clip"]].argmax())]


def test_a_spotted_macro_expression_is_classified_only_if_asked(clips):
    folder, _ = clips[0]
    model, other = spotter(0.3), recogniser("flow", **FLOW)
    wanted = Wanted(fps=200.0, pictures=False)
    for event in analyse(folder, model, other, wanted=wanted).events:
        if event.type == "macro":
            assert event.probabilities is None and "micro-expressions" in event.not_classified
        else:
            assert sum(event.probabilities.values()) == pytest.approx(1)
    asked = analyse(folder, model, other, wanted=Wanted(fps=200.0, pictures=False, macro_too=True)).events
    assert {event.type for event in asked} >= {"macro"} and all(event.probabilities for event in asked)


def test_a_report_of_a_file_counts_frames_from_0(clips, tmp_path):
    folder, _ = clips[0]
    files = sorted(folder.iterdir(), key=lambda path: int("".join(filter(str.isdigit, path.stem)) or 0))
    images = [read_frame(file).image for file in files if file.suffix == ".jpg"]
    movie = movie_files.write(tmp_path / "my 'face'.avi", images, 200.0, "MJPG")
    report = analyse(movie, spotter(), wanted=Wanted(apex="motion"), folder=tmp_path / "between")
    assert report.source.name == "my 'face'.avi" and report.source.frames == len(images)
    assert report.frames.tolist() == list(range(len(images))) and not report.source.variable
    assert list((tmp_path / "between").iterdir()) == [], "what was between is gone"
    for place, field in report.flows.items():
        assert field.shape == (2, 112, 112) and report.events[place].type in TYPES


@pytest.mark.parametrize("ends", [(5, 3, 9), (0, 3, 10**6), (3, 9, 5)])
def test_clips_that_are_not_in_the_video_are_refused(ends, clips):
    with pytest.raises(UserError, match="not in this order|no frame "):
        recognise(clips[0][0], recogniser("flow", **FLOW), [ends], wanted=Wanted(fps=200.0))


def test_networks_of_the_other_task_are_refused(clips):
    folder, _ = clips[0]
    with pytest.raises(UserError, match="--spot takes one that spots"):
        analyse(folder, recogniser("flow", **FLOW))
    with pytest.raises(UserError, match="--recognise takes one that recognises"):
        analyse(folder, spotter(), spotter())
    with pytest.raises(UserError, match="does not recognise in a video"):
        analyse(folder, spotter(), recogniser("sequences"))
    with pytest.raises(UserError, match="needs 2 pairs"):
        analyse(folder, spotter(), recogniser("flow", **{**FLOW, "test_pairs": ["onset-apex", "onset-offset"]}))


def test_a_hole_in_a_folder_is_told(clips, tmp_path):
    folder, _ = clips[0]
    gap = tmp_path / "gap"
    gap.mkdir()
    files = sorted(folder.glob("*.jpg"), key=lambda path: int("".join(filter(str.isdigit, path.stem))))
    for number, file in zip((0, 1, 2, 3, 4, 5, 70, 71, 72), files, strict=False):
        (gap / f"f{number}.jpg").symlink_to(file)
    report = analyse(gap, spotter(), wanted=Wanted(fps=200.0))
    assert [(event.onset, event.offset) for event in report.events if "no frame" in (event.reason or "")] == [(5, 70)]
    (gap / "f900000000.jpg").symlink_to(files[0])
    with pytest.raises(UserError, match="number 900000000"):
        analyse(gap, spotter(), wanted=Wanted(fps=200.0))


def test_two_at_once_in_one_process(clips, tmp_path):
    found, model = {}, spotter()

    def one(name: str) -> None:
        found[name] = analyse(clips[0][0], model, wanted=Wanted(fps=200.0, pictures=False), folder=str(tmp_path))

    threads = [threading.Thread(target=one, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found["a"].events == found["b"].events and list(tmp_path.iterdir()) == []


def test_what_was_between_is_gone_after_an_error_too(clips, tmp_path, monkeypatch):
    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(analysing.scoring, "spot", fails)
    with pytest.raises(KeyboardInterrupt):
        analyse(clips[0][0], spotter(), wanted=Wanted(fps=200.0), folder=tmp_path / "between")
    assert list((tmp_path / "between").iterdir()) == []

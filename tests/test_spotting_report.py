"""Metrics, null control and figures of spotting, from made-up scores and intervals of a few subjects."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import f1_score, roc_auc_score

from mexflow import papers
from mexflow.artifacts import Inputs
from mexflow.evaluation import scores, spotting
from mexflow.evaluation.intervals import match
from mexflow.papers import Column, Row
from mexflow.preprocess.lcn import grey, lcn
from mexflow.reporting import aligned_row, figures, score_figure, states_figure
from mexflow.reporting import spotting as metrics
from mexflow.reporting.evidence import Evidence
from mexflow.reporting.metrics import METRICS, NOT_RUN, Place
from mexflow.reporting.source import Source

PAPERS = Path(__file__).parents[1] / "workflow" / "papers"
EXPERIMENT, DATASET, VARIANT = "samm-lv", "samm_lv", "k-th"
LENGTH = 400
SUBJECTS = ("1", "2", "3")
# What is true, and what a perfect, a shifted or an idle method spots, by (subject, type).
TRUTH = {
    ("1", "micro"): [(50, 62)],
    ("1", "macro"): [(100, 180), (250, 330)],
    ("2", "micro"): [],
    ("2", "macro"): [(20, 100)],
    ("3", "micro"): [(300, 312), (350, 362)],
    ("3", "macro"): [],
}
SPOTTED = {
    ("1", "micro"): [(52, 64), (200, 240)],
    ("1", "macro"): [(110, 190)],
    ("2", "micro"): [(5, 9)],
    ("2", "macro"): [(20, 100), (200, 210), (300, 310)],
    ("3", "micro"): [(300, 305)],
    ("3", "macro"): [(1, 30)],
}
# By hand: true positives, false positives, false negatives. (300, 305) shares 6 of 13 frames: no match.
COUNTS = {"micro": (1, 3, 2), "macro": (2, 3, 1), None: (3, 6, 3)}


def write(root: Path, spotted: dict, variant: str = VARIANT, subjects=SUBJECTS, experiment: str = EXPERIMENT) -> None:
    """A fold a subject: intervals, thresholds 0.5, scores of the test video and of a training video."""
    for subject in subjects:
        folder = root / "elface2021" / experiment / subject
        folder.mkdir(parents=True, exist_ok=True)
        rows, batches, thresholds = [], [], []
        names = {"fold": subject, "dataset": DATASET, "variant": variant}
        frames = np.arange(1, LENGTH + 1)
        marks = {kind: np.zeros(LENGTH, bool) for kind in ("micro", "macro")}
        for kind in ("micro", "macro"):
            truth, found = TRUTH[subject, kind], spotted[subject, kind]
            pairs = match(found, truth)
            for first, last in truth:
                marks[kind][first - 1 : last] = True
            for source, own, place in (("predicted", found, 0), ("truth", truth, 1)):
                rows += [
                    {**names, "subject": subject, "video": f"{subject}_1", "type": kind, "source": source,
                     "first": first, "last": last, "matched": number in {pair[place] for pair in pairs}}
                    for number, (first, last) in enumerate(own)
                ]  # fmt: skip
            thresholds.append({**names, "type": kind, "threshold": 0.5, "youden": 0.1, "frames": 1, "subjects": ["0"]})
        values = np.random.default_rng(int(subject)).uniform(0, 1, (LENGTH, 2)).astype(np.float32)
        values += 0.3 * np.stack([marks["micro"], marks["macro"]], 1).astype(np.float32)
        for role, owner in (("train", "0"), ("test", subject)):
            texts = {**names, "role": role, "subject": owner, "video": f"{owner}_1"}
            own = values if role == "test" else 1 - values
            truth = np.stack([marks["micro"], marks["macro"]], 1)
            batches += scores.rows(texts, frames, ("micro", "macro"), own, truth)
        write_rows(folder, "intervals", rows, scores.INTERVALS)
        write_rows(folder, "thresholds", thresholds, scores.THRESHOLDS)
        table = pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries()
        write_rows(folder, "scores", table.to_pylist(), scores.SCORES)


def write_rows(folder: Path, name: str, rows: list[dict], schema: pa.Schema) -> None:
    """Add rows to a table of a fold, which may already have those of another variant."""
    path = folder / f"{name}.parquet"
    known = pq.read_table(path).to_pylist() if path.is_file() else []
    kept = [{key: value for key, value in row.items() if key in schema.names} for row in rows]
    pq.write_table(pa.Table.from_pylist(known + kept, schema), path)


def evidence(root: Path, folds=SUBJECTS, total: int = 3, **changes) -> Evidence:
    """Evidence of one experiment of elface2021; k is 6 for micro- and 40 for macro-expressions."""
    paper = papers.load(PAPERS, "elface2021").model_copy(update=changes)
    index = [
        {"dataset": DATASET, "subject": subject, "video": f"{subject}_1", "clip": f"{subject}_{kind}_{i}", "type": kind,
         "onset": a, "apex": None, "offset": b, "repairs": [], "excluded": None}
        for (subject, kind), own in TRUTH.items()
        for i, (a, b) in enumerate(own)
    ]  # fmt: skip
    return Evidence(
        paper,
        root,
        {EXPERIMENT: list(folds)},
        {DATASET: total, "cas_me_2": 2},
        Source("embedded", "demo"),
        7,
        Inputs(),
        {},
        {DATASET: index},
    )


def measured(found: Evidence, metric: str, part: str | None, variant: str = VARIANT, experiment: str = EXPERIMENT):
    place = Place(Row(name="row", variant=variant), Column(name="column", metric=metric, part=part), experiment)
    (one,) = METRICS[metric].measure(found, place)
    assert one.metric == metric
    return one


@pytest.mark.parametrize("part", ["micro", "macro", None])
def test_interval_f1_pools_counts(tmp_path, part):
    write(tmp_path, SPOTTED)
    write(tmp_path, TRUTH, variant="manual")
    found = evidence(tmp_path)
    tp, fp, fn = COUNTS[part]
    one = measured(found, "interval_f1", part)
    assert one.value == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert one.n == tp + fn
    assert f"{tp} true positives, {fp} false positives, {fn} false negatives" in one.notes
    assert 0 <= one.interval[0] <= one.value <= one.interval[1] <= 1
    assert one.interval[0] < one.interval[1]
    assert measured(found, "interval_f1", part, "manual").value == 1
    assert measured(evidence(tmp_path), "interval_f1", part).interval == one.interval


def test_all_videos_count_unless_the_paper_says_otherwise(tmp_path):
    write(tmp_path, SPOTTED)
    narrow = evidence(tmp_path, spotted_videos="with_expressions")
    # Subject 2 has no micro- and subject 3 no macro-expression: their false positives, one of each, go.
    assert measured(narrow, "interval_f1", "micro").value == pytest.approx(2 / (2 + 2 + 2))
    assert measured(narrow, "interval_f1", "macro").value == pytest.approx(4 / (4 + 2 + 1))
    assert measured(narrow, "interval_f1", None).value == pytest.approx(6 / (6 + 4 + 3))
    said = "videos without an expression of the type left out"
    assert said in measured(narrow, "interval_f1", None).notes
    assert said not in measured(evidence(tmp_path), "interval_f1", None).notes


@pytest.mark.parametrize("part", ["micro", "macro"])
def test_frame_metrics_pool_all_test_frames(tmp_path, part):
    write(tmp_path, SPOTTED)
    write(tmp_path, TRUTH, variant="manual")
    found = evidence(tmp_path)
    rows = [row for s in SUBJECTS for row in pq.read_table(tmp_path / "elface2021" / EXPERIMENT / s / "scores.parquet")
            .to_pylist() if (row["role"], row["type"], row["variant"]) == ("test", part, VARIANT)]  # fmt: skip
    raw, truth = (np.array([row[name] for row in rows]) for name in ("score", "label"))
    auc = measured(found, "frame_auc", part)
    assert auc.value == pytest.approx(roc_auc_score(truth, raw))
    assert auc.n == len(raw) == 3 * LENGTH
    k = {"micro": 6, "macro": 40}[part]
    videos = raw.astype(np.float64).reshape(3, LENGTH)
    videos = (videos - videos.min(1, keepdims=True)) / np.ptp(videos, axis=1, keepdims=True)
    spotted = np.concatenate([spotting.smooth(video, 1 / k) >= 0.5 for video in videos])
    f1 = measured(found, "frame_f1", part)
    assert f1.value == pytest.approx(f1_score(truth, spotted))
    assert 0 < f1.value < 1
    for one in (auc, f1):
        assert one.interval[0] < one.value < one.interval[1]


@pytest.mark.parametrize("metric", ["interval_f1", "frame_f1", "frame_auc"])
def test_a_number_is_whole_or_none(tmp_path, metric):
    write(tmp_path, SPOTTED, subjects=SUBJECTS[:2])
    one = measured(evidence(tmp_path), metric, "macro")
    assert (one.value, one.notes[0]) == (None, "INCOMPLETE 2/3")
    other = measured(evidence(tmp_path), metric, "macro", experiment="samm-lv-no-lcn")
    assert (other.value, other.notes) == (None, [NOT_RUN])
    assert "folds 2 of 3" in measured(evidence(tmp_path, folds=SUBJECTS[:2]), metric, "macro").notes


def test_the_null_control_moves_what_was_spotted(tmp_path):
    write(tmp_path, TRUTH)
    real, null, verdict = metrics.control(evidence(tmp_path), EXPERIMENT, VARIANT)
    assert real.value == 1
    assert verdict == metrics.ABOVE
    # An interval of 81 of 400 frames rarely meets another by half, one of 13 almost never.
    assert 0 <= null.value < 0.5
    assert null.interval[0] <= null.value <= null.interval[1] < 1
    assert null.n == metrics.SHIFTS
    again = metrics.control(evidence(tmp_path), EXPERIMENT, VARIANT)
    assert (again[1].value, again[1].interval) == (null.value, null.interval)


def test_spotting_at_random_is_not_above_its_null_control(tmp_path):
    rng = np.random.default_rng(3)
    spotted = {}
    for key, own in TRUTH.items():
        starts = rng.integers(1, LENGTH - 81, len(own))
        spotted[key] = [(int(s), int(s) + b - a) for s, (a, b) in zip(starts, own, strict=True)]
    spotted["1", "macro"] = [(1, 81), (170, 250)]  # two that do not overlap, as runs never do
    write(tmp_path, spotted)
    real, null, verdict = metrics.control(evidence(tmp_path), EXPERIMENT, VARIANT)
    assert verdict == metrics.NOT_ABOVE
    assert real.value <= null.interval[1]
    write(tmp_path / "none", {key: [] for key in TRUTH})
    real, null, verdict = metrics.control(evidence(tmp_path / "none"), EXPERIMENT, VARIANT)
    assert (real.value, null.value, verdict) == (0, 0, metrics.NOT_ABOVE)
    real, null, verdict = metrics.control(evidence(tmp_path / "absent"), EXPERIMENT, VARIANT)
    assert (real.value, null.value, verdict) == (None, None, "no verdict")


def test_controls_are_cells_of_each_variant(tmp_path):
    write(tmp_path, SPOTTED)
    write(tmp_path, TRUTH, variant="manual")
    own = [one for one in metrics.controls(evidence(tmp_path)) if one.experiment.startswith(EXPERIMENT)]
    assert [one.experiment for one in own] == ["samm-lv, k-th", "samm-lv, manual"]
    real, null = own[1].cells
    assert (real.measured, real.column, null.column) == (1, "experiment", "shifted")
    assert own[1].verdict in real.notes
    assert len({cell.name for one in own for cell in one.cells}) == 4


def test_the_video_that_is_shown(tmp_path):
    write(tmp_path, SPOTTED)
    video, shown = metrics.richest_video(evidence(tmp_path), EXPERIMENT, VARIANT)
    assert video == (DATASET, "1", "1_1")
    macro = next(one for one in shown if one.type == "macro")
    assert sorted(one.type for one in shown) == ["macro", "micro"]
    assert sorted(macro.truth) == TRUTH["1", "macro"]
    assert (macro.predicted, macro.matched, macro.threshold) == ([(110, 190)], [(110, 190)], 0.5)
    assert len(macro.scores) == len(macro.frames) == LENGTH
    assert macro.scores.std() < 0.25  # smoothed: uniform noise has 0.29
    drawn = [png(score_figure.courses(shown, "F3", "foot", True)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert png(score_figure.courses(shown[:1], "F3", "foot", True)) != drawn[0]
    assert metrics.richest_video(evidence(tmp_path / "none"), EXPERIMENT, VARIANT) == (None, [])


def png(figure) -> bytes:
    with figures.style("test"):
        return figures.png(figure)


def colours(data: bytes) -> set[tuple[int, ...]]:
    return {colour for _, colour in Image.open(io.BytesIO(data)).convert("RGB").getcolors(1 << 24)}


def test_aligned_faces_above_their_lcn():
    faces = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 1), np.uint8)
    texts = ["gain=0.5,1.5", "flip=0.5", "rotation=-10,10"]
    changed = aligned_row.augmented(faces, texts, 5)
    assert (changed.shape, changed.dtype) == ((2, 112, 112), np.float32)
    assert changed.min() >= 0
    assert changed.max() <= 1
    np.testing.assert_array_equal(changed, aligned_row.augmented(faces, texts, 5))
    assert np.abs(changed - aligned_row.augmented(faces, texts, 6)).max() > 0.1
    np.testing.assert_array_equal(aligned_row.augmented(faces, ["gain=1,1", "flip=0"], 5), grey(faces))
    with figures.style("test"):
        drawn = aligned_row.rows(faces, changed, 4.0, "F2", "foot", True)
    images = [[np.asarray(axis.images[0].get_array()) for axis in drawn.axes[i : i + 4]] for i in (0, 4)]
    np.testing.assert_array_equal(np.stack(images[0]), np.concatenate([grey(faces), changed]))
    np.testing.assert_allclose(np.stack(images[1]), lcn(np.stack(images[0]), 4.0), atol=1e-5)


def states(subject: str, video: str, count: int = 60) -> list[dict]:
    frames = np.arange(1, count + 1)
    target = np.interp(frames, [20, 30, 45], [0, 1, 0], 0, 0)
    names = np.select([target >= 0.8, (target >= 0.2) & (frames < 30), target >= 0.2], ["apex", "onset-apex",
                      "apex-offset"], "neutral")  # fmt: skip
    return [
        {"dataset": "casme2", "subject": subject, "video": video, "frame": int(frame), "intensity": float(value),
         "state": str(name), "target": float(value)}
        for frame, value, name in zip(frames, target, names, strict=True)
    ]  # fmt: skip


def clip(subject: str, video: str, label: str | None, excluded: str | None = None) -> dict:
    marks = {"onset": 20, "apex": 30, "offset": 45}
    return {"dataset": "casme2", "subject": subject, "video": video, "clip": f"c{video}", "label": label,
            "excluded": excluded, **marks}  # fmt: skip


def test_sample_clips_are_the_first_of_each_class():
    rows = [
        clip("02", "B", "happiness"), clip("01", "A", "surprise"), clip("01", "C", "happiness"),
        clip("01", "D", None), clip("01", "E", "disgust", "folder_missing: gone"), clip("03", "F", "disgust"),
        clip("04", "G", "others"),
    ]  # fmt: skip
    tables = [pa.Table.from_pylist([*states("01", "A"), *states("01", "C", 50)[::-1], *states("01", "D"),
                                    *states("01", "E")])]  # fmt: skip
    tables += [pa.Table.from_pylist(states(*one)) for one in (("02", "B"), ("03", "F"))]
    classes = ["happiness", "surprise", "disgust", "others"]
    # The fold of "others" was not run.
    for order in (tables, tables[::-1]):
        found = states_figure.sample_clips(order, rows, "label", classes)
        assert [one.name for one in found] == [
            "casme2 01 cC: happiness",
            "casme2 01 cA: surprise",
            "casme2 03 cF: disgust",
        ]
    assert found[0].frames.tolist() == list(range(1, 51))
    assert found[0].marks == {"onset": 20, "apex": 30, "offset": 45}
    assert found[0].intensity[29] == 1
    assert len(states_figure.sample_clips(tables, rows, "label", classes, most=2)) == 2
    assert states_figure.sample_clips([], rows, "label", classes) == []


def test_states_have_their_colours():
    clips = states_figure.sample_clips(
        [pa.Table.from_pylist(states("01", "A"))], [clip("01", "A", "surprise")], "label", ["surprise"]
    )
    with figures.style("test"):
        drawn = states_figure.states_figure(clips, "F2", "foot", True, "†")
        (points,) = [one for one in drawn.axes[0].collections if len(one.get_offsets()) == 60]
    hexes = [f"#{int(r * 255):02x}{int(g * 255):02x}{int(b * 255):02x}" for r, g, b, _ in points.get_facecolors()]
    assert hexes == [states_figure.COLOURS[state] for state in clips[0].states]
    assert points.get_offsets()[29].tolist() == [30, 1]
    whole, empty = png(drawn), png(states_figure.states_figure([], "F2", "foot", True, "†"))
    assert len(colours(whole)) > len(colours(empty)) > 1

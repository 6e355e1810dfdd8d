"""Metrics and the null control of spotting, from made-up scores and intervals of a few subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from mexflow.embedded import plan
from mexflow.errors import UserError
from mexflow.evaluation import scores
from mexflow.papers import paper as papers
from mexflow.papers.parts import Column, IntervalSettings, Row
from mexflow.store.artifacts import Inputs
from mexflow.tables import shifted_controls
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.measurement import NOT_RUN, Measurement
from mexflow.tables.paper_cells import measure
from mexflow.tables.source import Source
from mexflow.training.memory.fold import STATES_TABLE
from project import WORKFLOW
from spotting_files import DATASET, EXPERIMENT, LENGTH, SPOTTED, SUBJECTS, TRUTH, VARIANT, index_rows, write

PAPERS = WORKFLOW / "papers"
# By hand: true positives, false positives, false negatives. (300, 305) shares 6 of 13 frames: no match.
COUNTS = {"micro": (1, 3, 2), "macro": (2, 3, 1), None: (3, 6, 3)}


def evidence(root: Path, folds=SUBJECTS, total: int = 3, **changes) -> Evidence:
    """Evidence of one experiment of elface2021."""
    paper = papers.load(PAPERS, "elface2021").model_copy(update=changes)
    return Evidence(
        paper,
        root,
        {EXPERIMENT: list(folds)},
        {DATASET: total, "cas_me_2": 2},
        Source("embedded", "demo"),
        7,
        Inputs(),
        {},
        {DATASET: index_rows()},
    )


def measured(
    found: Evidence, metric: str, part: str | None, variant: str | None = VARIANT, experiment: str = EXPERIMENT
):
    place = Place(Row(name="row", variant=variant), Column(name="column", metric=metric, part=part), experiment)
    (one,) = measure(metric, found, place)
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
    assert f"TP {tp}, FP {fp}, FN {fn}" in one.notes
    assert 0 <= one.interval[0] <= one.value <= one.interval[1] <= 1
    assert one.interval[0] < one.interval[1]
    assert measured(found, "interval_f1", part, "manual").value == 1
    assert measured(evidence(tmp_path), "interval_f1", part).interval == one.interval


def test_all_videos_count_unless_the_paper_says_otherwise(tmp_path):
    write(tmp_path, SPOTTED)
    narrow = evidence(tmp_path, intervals=IntervalSettings(videos="with_expressions"))
    # Subject 2 has no micro- and subject 3 no macro-expression: their false positives, one of each, go.
    assert measured(narrow, "interval_f1", "micro").value == pytest.approx(2 / (2 + 2 + 2))
    assert measured(narrow, "interval_f1", "macro").value == pytest.approx(4 / (4 + 2 + 1))
    assert measured(narrow, "interval_f1", None).value == pytest.approx(6 / (6 + 4 + 3))
    for part in ("micro", "macro"):
        left_out = f"left out 1 of 3 videos without a {part}-expression (with_expressions)"
        assert left_out in measured(narrow, "interval_f1", part).notes
        assert left_out in measured(narrow, "interval_f1", None).notes
    # Metrics of frames are of the same videos.
    for metric in ("frame_f1", "frame_auc"):
        assert measured(narrow, metric, "micro").n == 2 * LENGTH
        assert measured(narrow, metric, None).n == 4 * LENGTH
        assert left_out in measured(narrow, metric, "macro").notes
    # All three have an expression.
    annotated = evidence(tmp_path, intervals=IntervalSettings(videos="annotated", frame_scores="normalised"))
    for metric in ("interval_f1", "frame_f1", "frame_auc"):
        one, whole = (measured(used, metric, "micro") for used in (annotated, evidence(tmp_path)))
        assert (one.value, one.n) == (whole.value, whole.n)
        assert "left out 0 of 3 videos without any expression (annotated)" in one.notes
        assert not any("left out" in note for note in whole.notes)


@pytest.mark.parametrize(
    ("dataset", "counts"),
    [
        ("cas_me_2", {"all": (97, 97), "annotated": (95, 95), "with_expressions": (32, 95)}),
        ("samm_lv", {"all": (147, 147), "annotated": (137, 137), "with_expressions": (79, 130)}),
    ],
)
def test_how_many_videos_count_at_the_real_size(tmp_path, dataset, counts):
    """Micro, macro; two frames a video, the second of which is in all of its expressions."""
    copy = plan(dataset, "full", 0)
    has = {(row["subject"], row["video"], row["type"]) for row in copy.expected_rows() if row["excluded"] is None}
    batches = []
    for video in copy.videos:
        names = {"fold": "x", "role": "test", "dataset": dataset, "variant": VARIANT}
        names |= {"subject": video.subject, "video": video.video}
        marks = np.zeros((2, 2), bool)
        marks[1] = [(video.subject, video.video, kind) in has for kind in ("micro", "macro")]
        batches += scores.rows(names, np.arange(1, 3), ("micro", "macro"), np.float32([[0, 0], [1, 1]]), marks)
    experiment = {"cas_me_2": "cas-me-2", "samm_lv": "samm-lv"}[dataset]
    folder = tmp_path / "elface2021" / experiment / "x"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries(), folder / "scores.parquet")
    paper, source = papers.load(PAPERS, "elface2021"), Source("/x (samm_lv), /y (cas_me_2)", "demo")
    for setting, wanted in counts.items():
        used = paper.model_copy(update={"intervals": IntervalSettings(videos=setting)})
        found = Evidence(used, tmp_path, {experiment: ["x"]}, {dataset: 1}, source, 7, Inputs(), {}, {dataset: []})
        frames = [measured(found, "frame_auc", kind, experiment=experiment).n for kind in ("micro", "macro")]
        assert frames == [2 * count for count in wanted]
    assert paper.intervals.videos == "all"


@pytest.mark.parametrize("part", ["micro", "macro"])
def test_frame_metrics_pool_all_test_frames(tmp_path, part):
    write(tmp_path, SPOTTED)
    write(tmp_path, TRUTH, variant="manual")
    found = evidence(tmp_path)
    rows = [row for s in SUBJECTS for row in pq.read_table(tmp_path / "elface2021" / EXPERIMENT / s / "scores.parquet")
            .to_pylist() if (row["role"], row["type"], row["variant"]) == ("test", part, VARIANT)]  # fmt: skip
    raw, truth = (np.array([row[name] for row in rows]) for name in ("score", "label"))
    videos = raw.astype(np.float64).reshape(3, LENGTH)
    videos = (videos - videos.min(1, keepdims=True)) / np.ptp(videos, axis=1, keepdims=True)
    assert found.paper.intervals.frame_scores == "normalised"
    as_they_are = evidence(tmp_path, intervals=IntervalSettings(frame_scores="raw"))
    values = []
    for used, wanted, threshold in ((found, videos.ravel(), 0.6), (as_they_are, raw, 0.7)):
        auc, f1 = (measured(used, metric, part) for metric in ("frame_auc", "frame_f1"))
        assert auc.value == pytest.approx(roc_auc_score(truth, wanted))
        assert f1.value == pytest.approx(f1_score(truth, wanted >= threshold))
        assert auc.n == f1.n == len(raw) == 3 * LENGTH
        assert 0 < f1.value < 1
        for one in (auc, f1):
            assert one.interval[0] < one.value < one.interval[1]
        values += [auc.value, f1.value]
    assert len(set(values)) == 4


def test_scores_moved_in_time_know_nothing(tmp_path):
    write(tmp_path, SPOTTED)
    found = evidence(tmp_path)
    still = measured(found, "frame_auc_percent", "macro")
    moved = measured(found, "shifted_auc_percent", "macro")
    assert moved.interval[0] < moved.value < moved.interval[1] < still.value
    assert moved.n == still.n and moved.interval == measured(found, "shifted_auc_percent", "macro").interval
    share = measured(found, "shifted_auc", "macro")
    assert 100 * share.value == pytest.approx(moved.value)
    frames, moved_frames = (measured(found, metric, "macro") for metric in ("frame_f1", "shifted_frame_f1"))
    assert moved_frames.interval[0] < moved_frames.value < moved_frames.interval[1] < frames.value

    def relabelled(mark) -> Evidence:
        """Evidence of scores that are right in every frame; which are positive is a function of the row."""
        for subject in SUBJECTS:
            path = tmp_path / "elface2021" / EXPERIMENT / subject / "scores.parquet"
            rows = [{**row, "label": mark(row), "score": float(mark(row))} for row in pq.read_table(path).to_pylist()]
            pq.write_table(pa.Table.from_pylist(rows, scores.SCORES), path)
        raw = papers.load(PAPERS, "elface2021").intervals.model_copy(update={"frame_scores": "raw"})
        return evidence(tmp_path, intervals=raw)

    # No score leaves its video, where all of them are the same; where each half is another, chance is left.
    assert measured(relabelled(lambda row: row["subject"] == "1"), "shifted_auc_percent", "macro").value == 100
    halves = relabelled(lambda row: row["frame"] > LENGTH // 2)
    assert measured(halves, "frame_auc_percent", "macro").value == 100
    assert measured(halves, "shifted_auc_percent", "macro").value == pytest.approx(50, abs=5)


@pytest.mark.parametrize("metric", ["interval_f1", "frame_f1", "frame_auc"])
def test_a_number_is_whole_or_none(tmp_path, metric):
    write(tmp_path, SPOTTED, subjects=SUBJECTS[:2])
    one = measured(evidence(tmp_path), metric, "macro")
    assert (one.value, one.notes[0]) == (None, "INCOMPLETE 2/3")
    other = measured(evidence(tmp_path), metric, "macro", experiment="samm-lv-no-lcn")
    assert (other.value, other.notes) == (None, [NOT_RUN])
    assert "folds 2 of 3" in measured(evidence(tmp_path, folds=SUBJECTS[:2]), metric, "macro").notes
    alone = measured(evidence(tmp_path, folds=SUBJECTS[:1]), metric, "macro")
    assert alone.interval is None
    assert alone.value is not None
    assert alone.notes[0] == "no interval: one subject, fewer than 3"


@pytest.mark.parametrize("metric", ["shifted_auc", "shifted_auc_percent", "shifted_frame_f1"])
def test_a_control_is_of_all_folds_or_none(tmp_path, metric):
    write(tmp_path, SPOTTED, subjects=SUBJECTS[:2])
    one = measured(evidence(tmp_path), metric, "macro")
    assert (one.value, one.notes[0]) == (None, "INCOMPLETE 2/3")
    assert measured(evidence(tmp_path, folds=SUBJECTS[:2]), metric, "macro").value > 0


def judged(root: Path, part: str | None = None):
    """F1 of intervals, its null control and what is said of the two."""
    return shifted_controls.control(evidence(root), EXPERIMENT, VARIANT, part)


def test_the_null_control_moves_what_was_spotted(tmp_path):
    write(tmp_path, TRUTH)
    real, null, verdict = judged(tmp_path)
    assert real.value == 1
    assert verdict.startswith(shifted_controls.ABOVE)
    # An interval of 81 of 400 frames rarely meets another by half, one of 13 almost never.
    assert 0 <= null.value < 0.5
    assert null.interval[0] <= null.value <= null.interval[1] < 1
    assert null.n == shifted_controls.SHIFTS
    again = judged(tmp_path)[1]
    assert (again.value, again.interval) == (null.value, null.interval)


@pytest.mark.parametrize("part", ["micro", "macro"])
def test_each_type_of_expression_has_its_own_null_control(tmp_path, part):
    """The type that was spotted is above its control, the other, where nothing was spotted, is not."""
    write(tmp_path, {key: own if key[1] == part else [] for key, own in TRUTH.items()})
    pairs = {kind: judged(tmp_path, kind) for kind in shifted_controls.PARTS}
    said = {kind: pair[2] for kind, pair in pairs.items()}
    other = {"micro": "macro", "macro": "micro"}[part]
    assert said[part].startswith(shifted_controls.ABOVE)
    assert said[other] == shifted_controls.NOT_ABOVE
    assert said[None].startswith(shifted_controls.ABOVE)
    assert (pairs[part][0].value, pairs[other][0].value) == (1, 0)
    # All types together are moved to the same places as each alone.
    assert pairs[None][1].value < pairs[part][1].value or pairs[part][1].value == 0


def test_a_number_whose_interval_reaches_its_control_is_not_wholly_above():
    null = Measurement("interval_f1", 0.1, (0.0, 0.3), 200)
    for value, interval, wanted in (
        (0.5, (0.31, 0.7), shifted_controls.WHOLLY_ABOVE),
        (0.5, (0.3, 0.7), shifted_controls.ABOVE),
        (0.5, None, shifted_controls.ABOVE),
        (0.3, (0.3, 0.3), shifted_controls.NOT_ABOVE),
        (None, None, shifted_controls.NO_VERDICT),
    ):
        assert shifted_controls.verdict(Measurement("interval_f1", value, interval, 9), null) == wanted


def test_spotting_at_random_is_not_above_its_null_control(tmp_path):
    rng = np.random.default_rng(3)
    spotted = {}
    for key, own in TRUTH.items():
        starts = rng.integers(1, LENGTH - 81, len(own))
        spotted[key] = [(int(s), int(s) + b - a) for s, (a, b) in zip(starts, own, strict=True)]
    spotted["1", "macro"] = [(1, 81), (170, 250)]  # two that do not overlap, as runs never do
    write(tmp_path, spotted)
    real, null, verdict = judged(tmp_path)
    assert verdict == shifted_controls.NOT_ABOVE
    assert real.value <= null.interval[1]
    write(tmp_path / "none", {key: [] for key in TRUTH})
    real, null, verdict = judged(tmp_path / "none")
    assert (real.value, null.value, verdict) == (0, 0, shifted_controls.NOT_ABOVE)
    real, null, verdict = judged(tmp_path / "absent")
    assert (real.value, null.value, verdict) == (None, None, shifted_controls.NO_VERDICT)


def test_controls_are_cells_of_each_variant_type_and_score(tmp_path):
    write(tmp_path, SPOTTED)
    write(tmp_path, TRUTH, variant="manual")
    own = [
        one for one in shifted_controls.shifted_controls(evidence(tmp_path)) if one.experiment.startswith(EXPERIMENT)
    ]
    scored = [("interval_f1", None), ("interval_f1", "micro"), ("interval_f1", "macro")]
    scored += [(metric, part) for metric in ("frame_f1", "frame_auc") for part in ("micro", "macro")]
    assert [(one.experiment, one.metric, one.part) for one in own] == [
        (f"samm-lv, {variant}", *score) for variant in ("k-th", "manual") for score in scored
    ]
    real, null = own[len(scored)].cells
    assert (real.measured, real.column, null.column) == (1, "experiment", "shifted")
    assert (real.metric, null.metric) == ("interval_f1", "interval_f1")
    for one in own:
        assert one.verdict in one.cells[0].notes
        assert one.verdict != shifted_controls.NO_VERDICT
    assert len({cell.name for one in own for cell in one.cells}) == 2 * len(own)
    area = own[-1]
    assert area.cells[0].measured == measured(evidence(tmp_path), "frame_auc", "macro", "manual").value
    assert area.cells[1].measured == measured(evidence(tmp_path), "shifted_auc", "macro", "manual").value


def test_frame_metrics_over_both_types(tmp_path):
    write(tmp_path, SPOTTED)
    for metric in ("frame_f1", "frame_auc"):
        one = measured(evidence(tmp_path), metric, None)
        assert 0 < one.value < 1
        assert one.n == 2 * 3 * LENGTH


def test_frames_without_a_score_count_in_no_metric_of_frames(tmp_path):
    write(tmp_path, SPOTTED)
    path = tmp_path / "elface2021" / EXPERIMENT / "1" / "scores.parquet"
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        if row["role"] == "test" and row["frame"] <= 9:
            row["score"] = float("nan")
    pq.write_table(pa.Table.from_pylist(rows, scores.SCORES), path)
    for metric in ("frame_f1", "frame_auc"):
        one = measured(evidence(tmp_path), metric, "micro")
        assert one.n == 3 * LENGTH - 9
        assert "9 frames not measured (the face was not seen)" in one.notes


def test_scores_that_are_no_type_of_expression_have_an_auc(tmp_path):
    """An intensity is not smoothed, so no k is needed."""
    write(tmp_path, SPOTTED)
    wanted = measured(evidence(tmp_path), "frame_auc", "macro").value
    for subject in SUBJECTS:
        path = tmp_path / "elface2021" / EXPERIMENT / subject / "scores.parquet"
        rows = [row for row in pq.read_table(path).to_pylist() if row["type"] == "macro"]
        table = pa.Table.from_pylist([{**row, "type": "intensity", "variant": ""} for row in rows], scores.SCORES)
        pq.write_table(table, path)
    assert measured(evidence(tmp_path), "frame_auc", "intensity", None).value == wanted


@pytest.mark.parametrize("metric", ["interval_f1", "frame_f1", "frame_auc"])
def test_two_ways_of_testing_are_never_pooled(tmp_path, metric):
    write(tmp_path, SPOTTED)
    with pytest.raises(UserError, match="k-tj"):
        measured(evidence(tmp_path), metric, "macro", "k-tj")
    alone = measured(evidence(tmp_path), metric, "macro", None).value
    assert alone == measured(evidence(tmp_path), metric, "macro").value
    write(tmp_path, TRUTH, variant="manual")
    with pytest.raises(UserError, match="tested in several ways"):
        measured(evidence(tmp_path), metric, "macro", None)
    assert measured(evidence(tmp_path), metric, "macro").value == alone


@pytest.mark.parametrize("metric", ["interval_f1", "frame_f1", "frame_auc"])
def test_notes_say_which_videos_are_unlike_the_others(tmp_path, metric):
    write(tmp_path, SPOTTED)
    found = evidence(tmp_path)
    found.rows[DATASET][0]["excluded"] = "frames_missing: offset 62, 60 frames"
    found.exclusions[EXPERIMENT] = {(DATASET, "x", "y"): "frames_missing: offset 62, 60 frames"}
    notes = measured(found, metric, "micro").notes
    assert "3 test videos" in notes
    assert "1 video without a micro-expression" in notes
    assert "1 subject without a micro-expression" in notes
    assert [note for note in notes if "excluded" in note] == ["1 expression of the dataset excluded (frames_missing 1)"]
    notes = measured(found, metric, None).notes
    assert not any("longest skip" in note or "without an expression" in note for note in notes)
    skips = found.paper.spotting[DATASET].model_copy(update={"test_skips": {VARIANT: (37, LENGTH)}, "k": None})
    short = evidence(tmp_path, spotting={DATASET: skips})
    notes = measured(short, metric, "macro").notes
    assert "3 videos no longer than the longest skip, 400 frames" in notes
    assert not any(note.startswith("frame skips") for note in notes)


def test_notes_name_the_skips_that_were_fitted_to_the_data(tmp_path):
    """On embedded data alone, of the dataset itself; k of what :func:`index_rows` annotates is 6 and 40."""
    write(tmp_path, SPOTTED)
    write(tmp_path, SPOTTED, variant="manual")

    def said(variant: str, data: str) -> list[str]:
        found = evidence(tmp_path)
        found.source = Source(data, "paper")
        return [note for note in measured(found, "interval_f1", "micro", variant).notes if "frame skips" in note]

    assert said("k-th", "embedded") == ["frame skips 6 and 40, fitted to the embedded expressions"]
    assert said("manual", "embedded") == ["frame skips 5 and 57, fitted to the embedded expressions"]
    assert said("k-th", "embedded, /data/CASME2 (cas_me_2)") == said("k-th", "embedded")
    assert said("k-th", "/data/SAMM-LV (samm_lv), embedded") == said("k-th", "/data/SAMM-LV (samm_lv)") == []


def test_of_the_scores_only_those_of_test_videos_are_kept(tmp_path):
    write(tmp_path, SPOTTED)
    found = evidence(tmp_path)
    assert {row["subject"] for row in found.test_videos(EXPERIMENT)} == set(SUBJECTS)
    for _, table in found.tables(EXPERIMENT, "scores", "test"):
        assert set(table["role"].to_pylist()) == {"test"}
        assert table.num_rows == 2 * LENGTH


# Intensities


def intensities(root: Path, courses: dict[tuple[str, str], list[float]]) -> Evidence:
    """Evidence of nag2019's two folds, with these intensities of clips, by (subject, clip)."""
    folds = sorted({subject for subject, _ in courses})
    target = [0, 0, 0.5, 1, 0.5, 0]
    for fold in folds:
        rows = [
            {"dataset": "casme2", "subject": subject, "video": clip, "clip": clip, "frame": frame, "intensity": value,
             "state": "neutral", "target": target[frame]}
            for (subject, clip), values in courses.items()
            if subject == fold
            for frame, value in enumerate(values)
        ]  # fmt: skip
        folder = root / "nag2019" / "proposed" / fold
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=STATES_TABLE), folder / "states.parquet")
    paper = papers.load(PAPERS, "nag2019")
    return Evidence(paper, root, {"proposed": folds}, {"casme2": 2}, Source("embedded", "demo"), 7, Inputs())


def test_the_correlation_of_the_intensity_is_the_mean_over_clips(tmp_path):
    course = [0.1, 0.2, 0.4, 0.9, 0.3, 0.0]
    courses = {("01", "a"): course, ("01", "b"): [0.5] * 6, ("02", "a"): course[::-1], ("02", "c"): course}
    found = intensities(tmp_path, courses)
    one = measured(found, "intensity_correlation", None, None, "proposed")
    target = [0, 0, 0.5, 1, 0.5, 0]
    right, back = (np.corrcoef(values, target)[0, 1] for values in (course, course[::-1]))
    assert one.value == pytest.approx((2 * right + back) / 3, abs=1e-6) and one.n == 3
    assert "1 clip without a change, which has no correlation" in one.notes
    assert one.interval is None and "no interval: 2 subjects, fewer than 3" in one.notes


def test_an_auc_in_per_cent_is_the_same_number(tmp_path):
    write(tmp_path, SPOTTED)
    found = evidence(tmp_path)
    share, percent = (measured(found, metric, "micro") for metric in ("frame_auc", "frame_auc_percent"))
    assert percent.value == 100 * share.value and percent.n == share.n
    assert percent.interval == tuple(100 * end for end in share.interval)
    found = evidence(tmp_path, folds=())
    assert measured(found, "frame_auc_percent", "micro").notes == [NOT_RUN]

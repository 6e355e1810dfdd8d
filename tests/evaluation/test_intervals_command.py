"""From made-up scores of a fold to thresholds and intervals, by the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mexflow.cli import intervals as command
from mexflow.datasets.half_length import half_length
from mexflow.errors import UserError
from mexflow.evaluation import scores, spotted, spotting
from mexflow.evaluation.intervals import labels, runs
from mexflow.store.artifacts import Inputs, Outputs
from project import mexflow

DATASET = "samm_lv"
LENGTH = 240
TYPES = ("micro", "macro")
# Onset and offset of each expression by video; video 4_2 has none, the one of 4_3 is excluded.
EXPRESSIONS = {
    "1_1": [("micro", 40, 52), ("macro", 100, 150)],
    "2_1": [("micro", 60, 72), ("macro", 130, 180)],
    "3_1": [("micro", 100, 112), ("macro", 20, 70)],
    "4_1": [("micro", 80, 92), ("macro", 150, 200)],
    "4_2": [],
    "4_3": [],
}
ROLES = {"1": "train", "2": "train", "3": "validation", "4": "test"}


def index_rows() -> list[dict]:
    found = [
        {"video": video, "clip": f"{video}_{i}", "type": kind, "onset": onset, "offset": offset, "excluded": None}
        for video, own in EXPRESSIONS.items()
        for i, (kind, onset, offset) in enumerate(own)
    ]
    late = {"type": "micro", "onset": 230, "offset": 242, "excluded": "frames_missing: offset 242, 240 frames"}
    found.append({"video": "4_3", "clip": "4_3_0", **late})
    common = {"dataset": DATASET, "apex": None, "repairs": []}
    return [{**common, "subject": row["video"][0], **row} for row in found]


def made_up(noise: float = 0.15, test_seed: int = 0, variants: tuple[str, ...] = ("k-th",)) -> pa.Table:
    """Scores 0.2 outside and 0.6 inside of expressions, and noise; only those of test videos depend on `test_seed`."""
    batches = []
    for video, own in EXPRESSIONS.items():
        role = ROLES[video[0]]
        frames = np.arange(1, LENGTH + 1)
        marks = [labels([(a, b) for kind, a, b in own if kind == name], 1, LENGTH) for name in TYPES]
        truth = np.stack(marks, axis=1)
        for number, variant in enumerate(variants):
            rng = np.random.default_rng([int(video[0]), int(video[2]), number, test_seed if role == "test" else 0])
            values = np.where(truth, 0.6, 0.2) + noise * rng.uniform(-1, 1, truth.shape)
            if role == "test" and test_seed:
                values = rng.uniform(0, 1, truth.shape)
            names = {"fold": "4", "role": role, "dataset": DATASET, "subject": video[0], "video": video}
            batches += scores.rows({**names, "variant": variant}, frames, TYPES, values.astype(np.float32), truth)
    return pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries()


def run(
    folder: Path, table: pa.Table, order: int = 2, least: int = 2, iou: float = 0.5
) -> tuple[list[dict], list[dict]]:
    """Rows of the thresholds and of the intervals that the command writes."""
    fold, index = put(folder, table)
    with Outputs() as outputs:
        settings = {"order": order, "least": least, "iou": iou}
        command.run(folds=[fold], index=index, **settings, inputs=Inputs(), outputs=outputs)
        outputs.commit()
    return read(fold)


def put(folder: Path, table: pa.Table) -> tuple[Path, Path]:
    fold, index = folder / "folds" / "4", folder / "index.parquet"
    fold.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, fold / "scores.parquet", row_group_size=500)
    pq.write_table(pa.Table.from_pylist(index_rows()), index)
    return fold, index


def read(fold: Path) -> tuple[list[dict], list[dict]]:
    found = [pq.read_table(fold / f"{name}.parquet") for name in ("thresholds", "intervals")]
    assert found[0].schema.equals(scores.THRESHOLDS)
    assert found[1].schema.equals(scores.INTERVALS)
    return found[0].to_pylist(), found[1].to_pylist()


def test_the_command(tmp_path):
    fold, index = put(tmp_path, made_up(noise=0.4))
    arguments = ["--folds", fold.parent, "--fold", fold.name, "--index", index, "--record", tmp_path / "record.json"]
    done = mexflow("intervals", *arguments, "--order", "3", "--least", "5", "--iou", "0.4")
    assert done.returncode == 0, done.stderr
    assert "4: " in done.stdout
    assert read(fold) == run(tmp_path / "again", made_up(noise=0.4), order=3, least=5, iou=0.4)
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["k"] == {"micro": 6, "macro": 25}
    wrong = mexflow("intervals", *arguments, "--iou", "0")
    assert wrong.returncode != 0
    assert "--iou 0" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_scores_that_are_none(tmp_path):
    with pytest.raises(UserError, match=r"scores\.parquet: has no column 'label'"):
        run(tmp_path, made_up().drop(["label"]))
    assert not (tmp_path / "folds" / "4" / "intervals.parquet").exists()


def test_what_is_spotted(tmp_path):
    thresholds, found = run(tmp_path, made_up())
    assert [(row["fold"], row["variant"], row["type"]) for row in thresholds] == [
        ("4", "k-th", "macro"),
        ("4", "k-th", "micro"),
    ]
    for row in thresholds:
        assert row["subjects"] == ["1", "2", "3"]
        assert row["frames"] == 3 * LENGTH
        assert 0.8 < row["youden"] <= 1
    assert {row["subject"] for row in found} == {"4"}
    truth = {(row["video"], row["type"], row["first"], row["last"]) for row in found if row["source"] == "truth"}
    assert truth == {("4_1", "micro", 80, 92), ("4_1", "macro", 150, 200)}
    assert [row["matched"] for row in found if row["source"] == "truth"] == [True, True]
    matched = {(row["type"]): row for row in found if row["source"] == "predicted" and row["matched"]}
    for kind, (first, last) in {"micro": (80, 92), "macro": (150, 200)}.items():
        assert abs(matched[kind]["first"] - first) < 6
        assert abs(matched[kind]["last"] - last) < 6
    # Each video's scores are stretched to [0, 1]: one without an expression has false alarms only.
    assert not any(row["matched"] for row in found if row["video"] == "4_2")


def test_each_step_written_out(tmp_path):
    """Normalise, smooth, the best J over training and validation, runs of two frames: by hand, from the rows."""
    table = made_up(noise=0.35)
    thresholds, found = run(tmp_path, table)
    rows = table.to_pylist()
    for kind in TYPES:
        k = half_length(index_rows(), kind).k
        assert k == {"micro": 6, "macro": 25}[kind]
        raw, scaled, smoothed, known = {}, {}, {}, {}
        for video in EXPRESSIONS:
            own = [row for row in rows if (row["video"], row["type"]) == (video, kind)]
            raw[video] = np.array([row["score"] for row in own], np.float64)
            scaled[video] = (raw[video] - raw[video].min()) / (raw[video].max() - raw[video].min())
            smoothed[video] = spotting.smooth(scaled[video], 1 / k, 2)
            known[video] = np.array([row["label"] for row in own])
        chosen = [video for video in EXPRESSIONS if video[0] != "4"]
        joined, marks = (np.concatenate([of[video] for video in chosen]) for of in (smoothed, known))
        gains = [(joined[marks] >= t).mean() - (joined[~marks] >= t).mean() for t in joined]
        (row,) = [row for row in thresholds if row["type"] == kind]
        for name, values in (("normalised", scaled), ("raw", raw)):
            own = np.concatenate([values[video] for video in chosen])
            shares = [(own[marks] >= t).mean() - (own[~marks] >= t).mean() for t in own]
            best = max(own[np.array(shares) >= max(shares) - 1e-12])
            assert row[f"{name}_threshold"] == pytest.approx(best, abs=1e-12)
        assert len({row["threshold"], row["normalised_threshold"], row["raw_threshold"]}) == 3
        assert row["youden"] == pytest.approx(max(gains), abs=1e-12)
        assert row["threshold"] == pytest.approx(max(joined[np.array(gains) >= max(gains) - 1e-12]), abs=1e-12)
        for video in ("4_1", "4_2", "4_3"):
            wanted = [tuple(one) for one in runs(smoothed[video], row["threshold"], 2, 1)]
            own = [one for one in found if (one["video"], one["type"], one["source"]) == (video, kind, "predicted")]
            assert [(one["first"], one["last"]) for one in own] == wanted


def test_the_threshold_knows_nothing_of_the_test_subject(tmp_path):
    before, found = run(tmp_path / "a", made_up())
    after, changed = run(tmp_path / "b", made_up(test_seed=9))
    assert before == after
    predicted = [[row for row in rows if row["source"] == "predicted"] for rows in (found, changed)]
    assert predicted[0] != predicted[1]
    # The labels of the test subject decide as little.
    table = made_up()
    test = np.array(table["role"].to_pylist()) == "test"
    flipped = pa.array(np.array(table["label"].to_pylist()) ^ test)
    column = table.schema.get_field_index("label")
    assert run(tmp_path / "c", table.set_column(column, scores.SCORES.field("label"), flipped))[0] == before
    # But those of the others do.
    other = pa.array(np.array(table["label"].to_pylist()) ^ ~test)
    assert run(tmp_path / "d", table.set_column(column, scores.SCORES.field("label"), other))[0] != before


def test_variants_have_thresholds_of_their_own(tmp_path):
    thresholds, found = run(tmp_path, made_up(noise=0.4, variants=("k-th", "manual")))
    limits = {(row["variant"], row["type"]): row["threshold"] for row in thresholds}
    assert len(limits) == 4
    assert limits["k-th", "micro"] != limits["manual", "micro"]
    assert {row["variant"] for row in found} == {"k-th", "manual"}
    alone, _ = run(tmp_path / "alone", made_up(noise=0.4))
    assert {(row["variant"], row["type"]): row["threshold"] for row in alone}.items() <= limits.items()


def test_options_decide(tmp_path):
    table = made_up(noise=0.4)
    _, found = run(tmp_path / "a", table)
    predicted = [row for row in found if row["source"] == "predicted"]
    assert min(row["last"] - row["first"] + 1 for row in predicted) >= 2
    _, longer = run(tmp_path / "b", table, least=12)
    assert [row for row in longer if row["source"] == "predicted"] == [
        {**row} for row in predicted if row["last"] - row["first"] + 1 >= 12
    ]
    assert len(longer) < len(found)
    assert not any(row["matched"] for row in run(tmp_path / "c", table, iou=1)[1])
    assert run(tmp_path / "d", table, order=4)[0] != run(tmp_path / "e", table)[0]


def test_nothing_to_choose_a_threshold_on(tmp_path):
    """Without a frame of the type in training and validation nothing is spotted."""
    table = made_up()
    column = table.schema.get_field_index("label")
    is_macro = np.array(table["type"].to_pylist()) == "macro"
    none = pa.array(np.array(table["label"].to_pylist()) & ~is_macro)
    thresholds, found = run(tmp_path, table.set_column(column, scores.SCORES.field("label"), none))
    (row,) = [row for row in thresholds if row["type"] == "macro"]
    assert (row["threshold"], row["youden"]) == (float("inf"), 0)
    assert row["normalised_threshold"] == row["raw_threshold"] == float("inf")
    assert {row["source"] for row in found if row["type"] == "macro"} == {"truth"}
    assert not any(row["matched"] for row in found if row["type"] == "macro")


def test_an_interval_ends_at_a_gap_of_the_frame_numbers(tmp_path):
    """What lies between was not seen; the ends are numbers of frames that exist."""
    values = np.zeros((40, 1))
    values[10:20] = 1
    frames = np.concatenate([np.arange(1, 16), np.arange(31, 56)])
    names = {"fold": "4", "role": "test", "dataset": DATASET, "subject": "4", "video": "4_1", "variant": ""}
    batches = scores.rows(names, frames, ["macro"], values.astype(np.float32), values > 0)
    found = spotted.scored(pa.Table.from_batches(batches), {"macro": 1})
    ((one,),) = found.values()
    assert spotted.predicted_intervals(one, 0.5) == [(11, 15), (31, 35)]


def test_scores_cut_anywhere_are_the_same_videos():
    table = made_up(variants=("k-th", "manual"))
    rows = table.to_pylist()
    # Each piece has dictionaries of its own, and most videos lie in two pieces.
    pieces = [pa.Table.from_pylist(rows[start : start + 777], scores.SCORES) for start in range(0, len(rows), 777)]
    # Here the rows of two videos that differ in nothing but their name lie side by side.
    order = sorted(rows, key=lambda row: (row["variant"], row["type"], row["video"], row["frame"]))
    by_type = pa.Table.from_pylist(order, scores.SCORES)
    found, *others = (
        spotted.scored(one, {"micro": 6, "macro": 25}) for one in (table, pa.concat_tables(pieces), by_type)
    )
    assert set(found) == {(v, t) for v in ("k-th", "manual") for t in TYPES}
    for key, other in ((key, other) for key in found for other in others):
        assert [one.video for one in found[key]] == [one.video for one in other[key]]
        for one, two in zip(found[key], other[key], strict=True):
            assert len(one.frames) == LENGTH
            np.testing.assert_array_equal(one.scores, two.scores)

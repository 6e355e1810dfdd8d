"""Figures of spotting: scores of a video, states of clips, aligned faces above their LCN."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mexflow.datasets.schema import ROWS
from mexflow.errors import UserError
from mexflow.evaluation import spotting
from mexflow.evaluation.curves import curves
from mexflow.figures import aligned_figure, drawing, scores_figure, states_figure
from mexflow.papers.paper import load
from mexflow.preprocess.lcn import grey, lcn
from project import WORKFLOW, mexflow
from spotting_files import DATASET, EXPERIMENT, LENGTH, SPOTTED, SUBJECTS, TRUTH, VARIANT, index_rows, write

PAPER = WORKFLOW / "papers" / "elface2021.yaml"
INDEXED = ("dataset", "subject", "video", "clip", "type", "onset", "apex", "offset", "repairs", "excluded")


def fold_tables(root: Path, subject: str) -> list[pa.Table]:
    folder = root / "elface2021" / EXPERIMENT / subject
    return [pq.read_table(folder / f"{name}.parquet") for name in ("scores", "thresholds", "intervals")]


def test_the_video_that_is_shown(tmp_path):
    write(tmp_path, SPOTTED)
    write(tmp_path, TRUTH, variant="manual")
    testing = [fold_tables(tmp_path, subject)[0] for subject in SUBJECTS]
    testing = [table.filter(pc.equal(table["role"], "test")) for table in testing]
    # Only subject 1 has both types of expression; without it the first of two alike.
    assert scores_figure.choose(testing) == scores_figure.choose(testing[::-1]) == (DATASET, "1", "1_1")
    assert scores_figure.choose(testing[1:]) == (DATASET, "2", "2_1")
    with pytest.raises(UserError, match="no test video"):
        scores_figure.choose([])


def test_the_curves_of_a_video(tmp_path):
    write(tmp_path, SPOTTED)
    write(tmp_path, TRUTH, variant="manual")
    k, video = {"micro": 6, "macro": 40}, (DATASET, "1", "1_1")
    found = curves(*fold_tables(tmp_path, "1"), video, VARIANT, k)
    assert [one.type for one in found] == ["micro", "macro"]
    for one in found:
        assert one.frames.tolist() == list(range(1, LENGTH + 1))
        assert (one.raw.min(), one.raw.max()) == (0, 1)
        np.testing.assert_array_equal(one.scores, spotting.smooth(one.raw, 1 / k[one.type]))
        assert (list(one.truth), one.threshold) == (TRUTH["1", one.type], 0.5)
    assert found[0].predicted == [((52, 64), True), ((200, 240), False)]
    assert found[1].predicted == [((110, 190), True)]
    (manual,) = curves(*fold_tables(tmp_path, "1"), video, "manual", k, ["macro"])
    assert manual.predicted == [(span, True) for span in TRUTH["1", "macro"]]
    with pytest.raises(UserError, match="0_1"):  # not a test video
        curves(*fold_tables(tmp_path, "1"), (DATASET, "0", "0_1"), VARIANT, k)


def test_the_figure_of_scores(tmp_path):
    write(tmp_path, SPOTTED)
    k, video = {"micro": 6, "macro": 40}, (DATASET, "1", "1_1")
    found = curves(*fold_tables(tmp_path, "1"), video, VARIANT, k)
    with drawing.style("test"):
        drawn = scores_figure.score_figure(found, "F3", "foot", True, "†")
        again = scores_figure.score_figure(found, "F3", "foot", True, "†")
    for axis, one, hits, misses in zip(drawn.axes, found, (1, 1), (1, 0), strict=True):
        assert axis.get_title("left") == f"{one.type}-expressions"
        texts = [text.get_text() for text in axis.get_legend().get_texts()]
        assert texts[2:] == ["threshold 0.50", f"{len(one.truth)} true", f"{hits} spotted†, matched",
                             f"{misses} spotted†, not matched"]  # fmt: skip
        (line,) = [line for line in axis.lines if line.get_linewidth() == 0.9]
        np.testing.assert_array_equal(line.get_ydata(), one.scores)
    assert png(drawn) == png(again)
    blind = replace(found[0], threshold=float("inf"), predicted=[])
    for shown, size in (([blind], 1), ([], 1)):
        with drawing.style("test"):
            other = scores_figure.score_figure(shown, "F3", "foot", True, "†")
        assert len(other.axes) == size
        assert len(png(other)) > 1000


def png(figure) -> bytes:
    with drawing.style("test"):
        return drawing.png(figure)


def colours(data: bytes) -> set[tuple[int, ...]]:
    return {colour for _, colour in Image.open(io.BytesIO(data)).convert("RGB").getcolors(1 << 24)}


def test_aligned_faces_above_their_lcn():
    face = np.random.default_rng(0).integers(0, 256, (112, 112, 1), np.uint8)
    augment = [{"gain": [0.5, 1.5]}, {"flip": 0.5}, {"rotation": [-10, 10]}]
    found = aligned_figure.augmented(face, augment, 4.0, 5, draws=3)
    assert (found.faces.shape, found.faces.dtype) == ((4, 112, 112), np.float32)
    assert found.faces.min() >= 0
    assert found.faces.max() <= 1
    np.testing.assert_array_equal(found.faces[0], grey(face[None])[0])
    np.testing.assert_allclose(found.lcn, np.stack([lcn(one, 4.0) for one in found.faces]), atol=1e-5)
    np.testing.assert_array_equal(found.faces, aligned_figure.augmented(face, augment, 4.0, 5, draws=3).faces)
    assert np.abs(found.faces[1:] - aligned_figure.augmented(face, augment, 4.0, 6, draws=3).faces[1:]).max() > 0.1
    with drawing.style("test"):
        drawn = aligned_figure.aligned_row(found, "F2", "foot", True)
        empty = aligned_figure.aligned_row(None, "F2", "foot", True)
    images = [[np.asarray(axis.images[0].get_array()) for axis in drawn.axes[i : i + 4]] for i in (0, 4)]
    np.testing.assert_array_equal(np.stack(images[0]), found.faces)
    np.testing.assert_array_equal(np.stack(images[1]), found.lcn)
    assert [axis.get_title() for axis in drawn.axes[:4]] == found.names
    assert len(png(drawn)) > len(png(empty)) > 1000


def test_what_was_drawn_stands_above_the_face():
    face = np.random.default_rng(0).integers(0, 256, (112, 112, 1), np.uint8)
    sure = [{"gain": [0.5, 0.5]}, {"flip": 1}, {"rotation": [0, 0]}]
    found = aligned_figure.augmented(face, sure, 4.0, 5, draws=1)
    assert found.names == ["aligned", "gain 0.50\nflip\nrotation +0.0°"]
    np.testing.assert_allclose(found.faces[1], found.faces[0][:, ::-1] / 2, atol=1e-5)
    kept = aligned_figure.augmented(face, [{"flip": 0}, {"shift": [0, 0]}], 4.0, 5, draws=1)
    assert kept.names[1] == "no flip\nshift +0.0, +0.0 px"
    np.testing.assert_allclose(kept.faces[1], kept.faces[0], atol=1e-5)


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
    with drawing.style("test"):
        drawn = states_figure.states_figure(clips, "F2", "foot", True, "†")
        (points,) = [one for one in drawn.axes[0].collections if len(one.get_offsets()) == 60]
    hexes = [f"#{int(r * 255):02x}{int(g * 255):02x}{int(b * 255):02x}" for r, g, b, _ in points.get_facecolors()]
    assert hexes == [states_figure.COLOURS[state] for state in clips[0].states]
    assert points.get_offsets()[29].tolist() == [30, 1]
    whole, empty = png(drawn), png(states_figure.states_figure([], "F2", "foot", True, "†"))
    assert len(colours(whole)) > len(colours(empty)) > 1


def test_the_figure_of_a_video_on_request(tmp_path):
    write(tmp_path, SPOTTED)
    schema = pa.schema([(name, kind) for name, kind in zip(ROWS.names, ROWS.types, strict=True) if name in INDEXED])
    pq.write_table(pa.Table.from_pylist(index_rows(), schema=schema), tmp_path / "index.parquet")

    def call(**changed):
        options = {
            "paper": PAPER, "experiment": EXPERIMENT, "variant": VARIANT, "video": "1_1", "data": "embedded",
            "fold": tmp_path / "elface2021" / EXPERIMENT / "1", "index": tmp_path / "index.parquet", "budget": "demo",
            "output": tmp_path / "out" / "1_1", **changed,
        }  # fmt: skip
        return mexflow("video", *(text for name, value in options.items() for text in (f"--{name}", str(value))))

    epochs = load(PAPER.parent, "elface2021").effort(EXPERIMENT, "demo").epochs
    result = call()
    assert result.returncode == 0, result.stderr
    (png,) = (tmp_path / "out").glob("*.png")
    assert Image.open(png).size[0] > 1500
    svg = (tmp_path / "out" / "1_1.svg").read_text()
    assert "synthetic" in svg and "samm_lv 1_1, samm-lv, k-th frame skips" in svg and f"epochs {epochs} of 50" in svg
    for changed, message in (
        ({"video": "0_1"}, "unknown test video of fold 1 '0_1' (did you mean '1_1'?)"),  # it was trained on
        ({"variant": "manual"}, "unknown variant of samm-lv 'manual'"),
    ):
        result = call(**changed, output=tmp_path / "none" / "1_1")
        assert result.returncode != 0 and message in result.stderr and not (tmp_path / "none").exists()


def test_names_of_marks_that_are_close_stand_side_by_side():
    assert states_figure.labels({"onset": 8, "apex": 9, "offset": 28}, 5) == {8.5: "onset, apex", 28: "offset"}
    assert states_figure.labels({"onset": 8, "offset": 20}, 5) == {8: "onset", 20: "offset"}
    assert states_figure.labels({"offset": 9, "apex": 9, "onset": 9}, 1) == {9: "onset, apex, offset"}
    assert states_figure.labels({}, 5) == {}

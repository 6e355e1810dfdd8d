"""Contact sheets: the right clip, the right pictures at the right places, and words where there is no picture."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mexflow.figures import tiles
from mexflow.preprocess.table_schemas import FACES, FLOW
from mexflow.sheets import RESIDUALS, time_courses
from sheet_world import ALL, LANDMARKS, MATRIX, World, places

# Which clip is shown


def test_the_first_clip_that_can_be_shown_is(tmp_path):
    world = World(tmp_path)
    world.add(
        "01", [{"excluded": "folder_missing: x"}, {"apex": 20}, {}, {}, {"type": "macro"}], states={20: "missing"}
    )
    (files,) = world.load()
    assert files.first_usable(world.rows, "micro")[0]["clip"] == "01_2"
    assert files.first_usable(world.rows, "macro")[0]["clip"] == "01_4"


@pytest.mark.parametrize(
    ("clips", "faces", "reason"),
    [
        (
            [{"excluded": "folder_missing: no such folder"}],
            None,
            "every micro-expression is left out: folder_missing: no",
        ),
        ([{}, {}], "no_face: none", "every micro-expression is left out: no_face: none (the first of 2)"),
        ([{"offset": 31}], None, "frame_absent: no aligned face of frame 31, the offset"),
        ([{"type": "macro"}], None, "no micro-expression is annotated"),
    ],
)
def test_a_subject_without_a_clip_is_said(tmp_path, words, clips, faces, reason):
    world = World(tmp_path)
    world.add("01", clips, **({"faces": faces} if faces else {}))
    _, said = world.draw()
    assert len(said) == 1 and reason in said[0]
    assert any(reason in text for text in words)


def test_a_subject_without_frames_is_no_failure(tmp_path):
    world = World(tmp_path)
    world.add("01", [{"excluded": "folder_missing: x"}])
    np.save(world.paths("faces")[0], np.zeros((0, 112, 112, 1), np.uint8))
    pq.write_table(FACES.empty_table(), world.paths("faces", "parquet")[0])
    np.save(world.paths("lcn")[0], np.zeros((0, 112, 112), np.float16))
    assert world.draw("lcn", "flow", "ars")[1] == ["01: every micro-expression is left out: folder_missing: x"]


# The sheet


def test_every_picture_is_the_one_of_its_column(world):
    page, said = world.draw(*ALL)
    (files,) = world.load(*ALL)
    assert said == ["01: 01_0"]
    expected = [
        tiles.raw_tile(world.read_raw("01/9.png"), MATRIX, LANDMARKS),
        *(tiles.picture(files.faces["01_video", number]) for number in (5, 9, 14)),
        tiles.normalised(files.lcn[8]),
        tiles.flow_tile(files.flow.array[0])[0],
        *(tiles.picture(files.residuals[kind].array[0]) for kind in RESIDUALS),
    ]
    at = [places(page, tile) for tile in expected[1:]]
    assert [len(found) for found in at] == [1] * 7, "each once"
    tops = {y for ((_, y),) in at}
    assert len(tops) == 1
    lefts = [x for ((x, _),) in at]
    assert lefts == sorted(lefts)
    # The raw frame is even, so that it is looked for at its place alone.
    (top,), left = tops, lefts[0] - (lefts[1] - lefts[0])
    assert (page[top : top + tiles.TILE, left : left + tiles.TILE] == expected[0]).all()
    assert page.shape[1] == 1920


def test_what_was_not_made_is_said_in_its_place(world, words):
    world.draw("rrs")
    assert words.count("not made") == 3  # LCN, flow, ARS
    words.clear()
    world.draw(*ALL)
    assert "not made" not in words


def test_what_was_left_out_later_is_said_in_its_place(tmp_path, words):
    world = World(tmp_path)
    world.add("01", [{}], flow="frame_absent: no face", ars="frame_changed: other")
    world.draw(*ALL)
    assert "onset-apex: frame_absent: no face" in words and "frame_changed: other" in words


def test_a_table_without_the_clip_is_said(world, words):
    path = world.paths("flow", "parquet")[0]
    table = pq.read_table(path)
    pq.write_table(table.set_column(FLOW.get_field_index("pair"), "pair", pa.array(["onset-offset"])), path)
    world.draw("flow")
    assert "onset-apex: no row of this clip" in words


def test_the_heading_says_frames_states_and_repairs(tmp_path, words):
    world = World(tmp_path)
    repair = "apex_missing: the table has none, the middle is used"
    world.add(
        "01", [{"repairs": [repair]}, {"excluded": "folder_missing: x"}], states={9: "detected", 2: "interpolated"}
    )
    world.draw()
    said = "\n".join(words)
    assert "01 · 01_0 · micro-expression · anger · AU 4" in said
    assert "onset 5, apex 9, offset 14 at 30 frames a second · video 01_video: 30 frames, 1 to 30" in said
    assert "faces from onset to offset: 9 tracked, 1 detected" in said
    assert "in the whole video: 28 tracked, 1 detected, 1 interpolated" in said
    assert f"repaired — {repair}" in said
    assert "Left out by the index: 1 folder_missing." in said and "Repaired: 1 apex_missing." in said


def test_synthetic_data_say_so_and_licensed_data_mind_their_licence(world, words):
    world.draw()
    assert "synthetic faces" in words[0] and any("Synthetic embedded data" in text for text in words)
    words.clear()
    world.draw(data="/data/CASME2")
    assert "ynthetic" not in " ".join(words)
    assert any("/data/CASME2" in text and "licence" in text for text in words)


def test_long_videos_show_macro_expressions_and_the_course_of_each_video(tmp_path, words):
    world = World(tmp_path, dataset="samm_lv")
    world.add("006", [{}, {"type": "macro", "onset": 16, "apex": 20, "offset": 27}, {"excluded": "frames_missing: 3"}])
    truth, said = world.draw(*ALL, long_videos=True)
    assert said == ["006: 006_0", "006: 006_1"]
    (course,) = [text for text in words if text.startswith("video 006_video")]
    assert "2 annotated expressions, 1 left out" in course and "true intensity" in course
    shade = np.array([0xF6, 0xA0, 0x4D]) * time_courses._SHADE + 255 * (1 - time_courses._SHADE)
    assert (np.abs(truth - shade).max(-1) < 2).sum() > 5000, "the micro-expression is shaded"
    words.clear()
    change, _ = world.draw("lcn", long_videos=True)
    (course,) = [text for text in words if text.startswith("video 006_video")]
    assert "LCN frames 0.2 s apart (the truth is unknown)" in course
    short, _ = world.draw(*ALL)
    assert short.shape[0] < truth.shape[0]


def test_words_of_the_data_are_no_formulas(world):
    world.rows[0]["emotion"] = "$\\frac{$ disgust"
    world.draw()

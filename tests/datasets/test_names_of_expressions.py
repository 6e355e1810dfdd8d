"""Names of expressions and subjects in real copies: one for two, one twice, another subject's, another spelling."""

from __future__ import annotations

import pytest

from dataset_files import (
    cas_me_2,
    cas_me_2_frames,
    cas_me_2_row,
    casme2,
    casme2_frames,
    casme2_row,
    frames,
    mmew,
    mmew_frames,
    mmew_row,
    samm,
    samm_frames,
    samm_lv,
    samm_lv_frames,
    samm_lv_row,
    samm_row,
    smic_frames,
)
from mexflow.errors import UserError
from one_clip import index

HS = "SMIC_all_raw/HS"


@pytest.mark.parametrize(
    ("dataset", "write", "video", "clip"),
    [
        ("samm_lv", lambda root, rows: samm_lv(root, [samm_lv_row("037", "037_4_1", *row) for row in rows]), "037_4",
         "037_4_1"),
        ("cas_me_2", lambda root, rows: cas_me_2(root, [
            cas_me_2_row(1, "disgust1_2", *row[:3], kind=f"{row[3].split()[0].lower()}-expression") for row in rows
        ]), "s15/15_0101disgustingteeth", "s15_disgust1_2"),
    ],
)  # fmt: skip
class TestOneNameForTwoExpressions:
    def listing(self, root, dataset, write, video, rows):
        write(root, rows)
        (samm_lv_frames if dataset == "samm_lv" else cas_me_2_frames)(root, video, range(1, 40))
        return index(dataset, root)

    def test_of_two_types(self, tmp_path, dataset, write, video, clip):
        rows = [(11, 15, 20, "Micro - 1/2"), (10, 16, 22, "Macro")]
        found = self.listing(tmp_path, dataset, write, video, rows).rows
        assert [(r["clip"], r["type"], r["onset"], r["excluded"]) for r in found] == [
            (clip, "micro", 11, None),
            (f"{clip}-macro", "macro", 10, None),
        ]
        assert found[0]["repairs"] == []
        assert found[1]["repairs"] == [
            f"clip_renamed: the table has two expressions called {clip}, of other types; this is the macro one"
        ]

    def test_alike_in_all_respects(self, tmp_path, dataset, write, video, clip):
        listing = self.listing(tmp_path, dataset, write, video, [(10, 16, 22, "Macro"), (10, 16, 22, "Macro")])
        assert len(listing.rows) == 1
        assert any("once more, and counts once" in note for note in listing.notes)

    def test_of_one_type_with_other_frames(self, tmp_path, dataset, write, video, clip):
        with pytest.raises(UserError, match=r"rows (\d+) and (\d+) of sheet .* type macro, and differ; keep one") as e:
            self.listing(tmp_path, dataset, write, video, [(10, 16, 22, "Macro"), (10, 16, 23, "Macro")])
        assert "\n" not in str(e.value)


def test_a_row_twice_in_a_dataset_without_types(tmp_path):
    casme2(tmp_path, [casme2_row(), casme2_row()], [("01", "EP02_01f", 1), ("01", "EP02_01f", 1)])
    casme2_frames(tmp_path, "sub01/EP02_01f", range(1, 13))
    listing = index("casme2", tmp_path)
    assert len(listing.rows) == 1 and listing.rows[0]["objective_class"] == 1
    assert len([note for note in listing.notes if "counts once" in note]) == 2
    casme2(tmp_path, [casme2_row(), casme2_row(offset=10)])
    with pytest.raises(UserError, match="rows 2 and 3 .* and differ; keep one of them"):
        index("casme2", tmp_path)


@pytest.mark.parametrize(
    ("folder", "clip"),
    [
        ("s3/micro/surprise/s3_su_02", "s03_sur_02"),
        ("s3/micro/positive/s3_pos_01", "s03_po_01"),
        ("s3/micro/negative/s3_neg_4", "s03_ne_04"),
        ("S03/Micro/Negative/S03_NE_4", "s03_ne_04"),
        ("s3/micro/positive/s3_po_08 ", "s03_po_08"),
        ("s3 /micro/positive /s3_po_08", "s03_po_08"),
    ],
)
def test_smic_reads_what_is_unmistakable(tmp_path, folder, clip):
    smic_frames(tmp_path, folder, range(1, 9))
    listing = index("smic", tmp_path)
    (row,) = listing.rows
    assert (row["clip"], row["excluded"], row["path"]) == (clip, None, f"{HS}/{folder}")
    assert listing.unused == []
    spelt = [repair for repair in row["repairs"] if repair.startswith("name_spelling: ")]
    assert bool(spelt) == any(word in folder for word in ("_su_", "_pos_", "_neg_"))
    assert (listing.notes[1:] != []) == (" " in folder)


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("s3/micro/negative/s3_ne_03a", "'s3_ne_03a' is no name of SMIC-HS there"),
        ("subject5/micro/negative/s5_ne_01", "'subject5' is no name of SMIC-HS there"),
        ("s3/micro/negtive/s3_ne_09", "'negtive' is no name of SMIC-HS there (did you mean 'negative'?)"),
        ("s8/negative/s8_ne_01", "'negative' is no name of SMIC-HS there"),
        ("s8/micro/negative/s8_ne_01/again/s8_ne_01", "a folder inside a folder of frames"),
    ],
)
def test_smic_names_the_rest(tmp_path, folder, words):
    smic_frames(tmp_path, "s3/micro/negative/s3_ne_01", range(1, 9))
    if folder.startswith("s8/micro"):
        smic_frames(tmp_path, "s8/micro/negative/s8_ne_01", range(1, 9))
    smic_frames(tmp_path, folder, range(1, 9))
    (line,) = (listing := index("smic", tmp_path)).unused
    assert "1 folder with 8 images" in line and f"{HS}/{folder}" in line and line.endswith(f"; {words}")
    assert f"    {line}" in listing.summary().splitlines()


def test_two_folders_of_one_clip(tmp_path):
    for folder in ("s3/micro/surprise/s3_su_02", "s3/micro/surprise/s3_sur_02", "s3/micro/negative/s3_sur_2"):
        smic_frames(tmp_path, folder, range(1, 9))
    listing = index("smic", tmp_path)
    assert [row["clip"] for row in listing.rows] == ["s03_sur_02"]
    kept = listing.rows[0]["path"]
    assert listing.rows[0]["emotion"] == "surprise"
    assert len(listing.unused) == 2 and all(
        line.endswith(f"its clip has another folder, {kept}") for line in listing.unused
    )


@pytest.mark.parametrize(
    ("dataset", "write"),
    [
        ("smic", lambda root: smic_frames(root, "s9/micro/negative/s3_ne_04", range(1, 13))),
        ("samm", lambda root: (samm(root, [samm_row("007", "006_1_2")]), samm_frames(root, "006_1_2", range(1, 13)))),
        ("samm_lv", lambda root: (samm_lv(root, [samm_lv_row("007", "006_1_2")]),
                                  samm_lv_frames(root, "006_1", range(1, 13)))),
        ("cas_me_2", lambda root: (cas_me_2(root, [cas_me_2_row()]),
                                   cas_me_2_frames(root, "s15/16_0101disgustingteeth", range(1, 13)))),
        ("mmew", lambda root: (mmew(root, [mmew_row(2, "S01-01-001")]),
                               mmew_frames(root, "S02/happiness/S01-01-001", range(1, 13)))),
    ],
)  # fmt: skip
def test_a_name_that_says_another_subject_is_an_exclusion(tmp_path, dataset, write):
    write(tmp_path)
    (row,) = index(dataset, tmp_path).rows
    assert row["excluded"].startswith("subject_mismatch: "), row["excluded"]


def test_the_right_folder_is_taken_beside_anothers(tmp_path):
    cas_me_2(tmp_path, [cas_me_2_row(2, "disgust1_2")])
    for video in ("s16/15_0101disgustingteeth", "s16/16_0101disgustingteeth"):
        cas_me_2_frames(tmp_path, video, range(1, 13))
    (row,) = index("cas_me_2", tmp_path).rows
    assert (row["video"], row["excluded"]) == ("16_0101disgustingteeth", None)


def test_of_a_clip_in_two_folders_the_one_of_its_emotion_is_read(tmp_path):
    for emotion in ("negative", "positive"):
        smic_frames(tmp_path, f"s3/micro/{emotion}/s3_po_01", range(1, 9))
    listing = index("smic", tmp_path)
    assert [row["emotion"] for row in listing.rows] == ["positive"]
    assert listing.unused == [
        f"{HS}/s3/micro/negative/s3_po_01: its video has another folder, {HS}/s3/micro/positive/s3_po_01"
    ]


def test_a_name_that_is_taken_is_not_given(tmp_path):
    rows = [
        samm_lv_row("006", "006_1_2", kind="Micro - 1/2"), samm_lv_row("006", "006_1_2-macro"),
        samm_lv_row("006", "006_1_2", kind="Macro", offset=8),
    ]  # fmt: skip
    samm_lv(tmp_path, rows)
    samm_lv_frames(tmp_path, "006_1", range(1, 13))
    clips = [row["clip"] for row in index("samm_lv", tmp_path).rows]
    assert len(set(clips)) == 3 and clips[:2] == ["006_1_2", "006_1_2-macro"]


def test_a_row_twice_with_its_padding_lost(tmp_path):
    samm_lv(tmp_path, [samm_lv_row("006", "006_1_2"), samm_lv_row(6, "6_1_2")])
    samm_lv_frames(tmp_path, "006_1", range(1, 13))
    listing = index("samm_lv", tmp_path)
    assert len(listing.rows) == 1 and any("counts once" in note for note in listing.notes)


def test_samm_without_padding_has_the_official_names(tmp_path):
    samm(tmp_path, [samm_row()])
    frames(tmp_path / "SAMM" / "6" / "6_1_2", range(103, 110), "6_{}.jpg")
    (row,) = index("samm", tmp_path).rows
    assert (row["subject"], row["clip"], row["excluded"]) == ("006", "006_1_2", None)

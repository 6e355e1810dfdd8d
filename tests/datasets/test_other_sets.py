"""The owners' other sets beside a wanted one, and what they are told by."""

from __future__ import annotations

import pytest

from dataset_files import (
    mmew,
    mmew_row,
    samm,
    samm_frames,
    samm_lv,
    samm_lv_frames,
    samm_lv_row,
    samm_row,
    smic_frames,
)
from mexflow.datasets.reading import read
from mexflow.errors import UserError
from one_clip import index, one_clip

HS = "SMIC_all_raw/HS"


@pytest.mark.parametrize(
    ("place", "title"),
    [
        ("SMIC_all_raw/VIS", "SMIC-VIS"), ("SMIC_all_raw/NIR", "SMIC-NIR"), ("SMIC-E_raw image/HS_long", "SMIC-E"),
        ("SMIC_all_raw/VIS/HS_long/SMIC-HS-E", "SMIC-E"),
    ],
)  # fmt: skip
def test_other_sets_of_smic_are_refused(tmp_path, place, title):
    smic_frames(tmp_path, "s11/micro/negative/s11_ne_01", range(1, 9), place)
    with pytest.raises(UserError, match=rf"this is {title}.*, not SMIC-HS; set datasets.smic.root") as error:
        index("smic", tmp_path / place)
    assert "\n" not in str(error.value)


def test_hs_below_a_folder_of_another_name_is_read(tmp_path):
    root = tmp_path / "VIS" / "SMIC_all_raw" / "HS"
    smic_frames(root, "s11/micro/negative/s11_ne_01", range(1, 30), "")
    assert len(index("smic", root).rows) == 1


@pytest.mark.parametrize(("subject", "count", "noted"), [(11, 10, True), (11, 34, False), (1, 10, False)])
def test_short_clips_of_the_subjects_filmed_twice_are_noted(tmp_path, subject, count, noted):
    smic_frames(tmp_path, f"s{subject}/micro/negative/s{subject}_ne_01", range(1, count + 1), "")
    notes = index("smic", tmp_path).notes
    assert any(note.startswith("this may be SMIC-VIS or SMIC-NIR (25 fps)") for note in notes) == noted


def test_other_sets_are_told_by_what_they_hold(tmp_path):
    samm_lv(tmp_path, [samm_lv_row()])
    samm_lv_frames(tmp_path, "006_1", range(1, 13))
    with pytest.raises(UserError, match=r"holds SAMM_LongVideos_V3_Release.xlsx, which is SAMM Long Videos; set "):
        index("samm", tmp_path)
    (tmp_path / "mmew").mkdir()
    mmew(tmp_path / "mmew" / "Macro_Expression", [mmew_row()])
    with pytest.raises(UserError, match="this is MMEW's macro-expressions, not MMEW; set datasets.mmew.root"):
        index("mmew", tmp_path / "mmew" / "Macro_Expression")


@pytest.mark.parametrize("above", ["nir", "vis", "part_a", "SAMM_longvideos"])
def test_what_stands_above_a_root_is_no_set(tmp_path, above):
    root = tmp_path / above / "copy"
    smic_frames(root, "s3/micro/negative/s3_ne_01", range(1, 20))
    assert len(index("smic", root).rows) == 1
    one_clip("casme2", tmp_path / above / "db")
    samm(tmp_path / above, [samm_row()])
    samm_frames(tmp_path / above, "006_1_2", range(103, 110))
    assert index("samm", tmp_path / above).rows[0]["excluded"] is None


@pytest.mark.parametrize("name", ["VIS", "SMIC_VIS", "SMIC-NIR"])
def test_a_link_to_another_set_is_refused(tmp_path, name):
    smic_frames(tmp_path / name, "s11/micro/negative/s11_ne_01", range(1, 20), "")
    (tmp_path / "mine").symlink_to(tmp_path / name)
    for root in (tmp_path / name, tmp_path / "mine"):
        with pytest.raises(UserError, match=r"this is SMIC-(VIS|NIR)"):
            index("smic", root)


def test_swapped_roots_are_told_as_what_they_are(tmp_path):
    samm(tmp_path / "samm", [samm_row()])
    samm_frames(tmp_path / "samm", "006_1_2", range(103, 110))
    with pytest.raises(UserError, match=r"no annotation file \(it holds SAMM_Micro_FACS_Codes_v2.xlsx, which is SAMM"):
        read("megc2018", {"casme2": tmp_path / "samm", "samm": tmp_path / "samm"})


def test_neutral_clips_are_no_misspelling(tmp_path):
    smic_frames(tmp_path, "s3/micro/negative/s3_ne_01", range(1, 9))
    smic_frames(tmp_path, "s3/non_micro/s3_non_01", range(1, 9))
    (line,) = index("smic", tmp_path).unused
    assert line.endswith("another set: SMIC's clips without a micro-expression")

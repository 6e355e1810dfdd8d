"""The embedded SAMM Long Videos, CAS(ME)², SMIC-HS and MMEW: counts, names, and what is odd about them."""

from __future__ import annotations

import random
import re
from collections import Counter

import openpyxl
import pytest

from mexflow import embedded
from mexflow.datasets.half_length import half_length
from mexflow.embedded import SIZES, plan
from mexflow.embedded.timeline import deal, timeline


def clips(dataset: str, size: str, seed: int = 0) -> dict:
    """The annotated expressions by their names."""
    return {one.clip: one for _, one in plan(dataset, size, seed).annotations()}


def rows_of(dataset: str, size: str, seed: int = 0) -> list[dict]:
    return plan(dataset, size, seed).expected_rows()


def repairs(dataset: str, size: str) -> Counter:
    return Counter(code for row in rows_of(dataset, size) for code in row["repairs"])


def sheets(dataset: str, size: str, folder) -> dict[str, list[tuple]]:
    (name,) = embedded.write_annotations(dataset, size, 0, folder)
    return {sheet.title: list(sheet.values) for sheet in openpyxl.load_workbook(folder / name).worksheets}


# How many


@pytest.mark.parametrize(
    ("dataset", "subjects", "videos", "frames"),
    [("samm_lv", 6, 7, 2900), ("cas_me_2", 6, 12, 2900), ("smic", 4, 24, 820), ("mmew", 6, 42, 1260)],
)
def test_the_demo_is_small(dataset, subjects, videos, frames):
    result = plan(dataset, "demo", 0)
    assert (len(result.subjects), len(result.videos)) == (subjects, videos)
    assert 0.8 * frames < sum(video.frame_count for video in result.videos) <= frames


def test_the_full_size_has_the_counts_of_the_long_videos_of_samm():
    result, rows = plan("samm_lv", "full", 0), rows_of("samm_lv", "full")
    assert len(result.subjects) == 30 and len(result.videos) == 147
    assert {video.frame_count for video in result.videos} == {7000}
    assert Counter(row["type"] for row in rows) == {"macro": 343, "micro": 159}
    assert len({row["video"] for row in rows if row["type"] == "macro"}) == 130
    assert len({row["video"] for row in rows if row["type"] == "micro"}) == 79
    zero = [row["clip"] for row in rows if "onset_zero" in row["repairs"]]
    assert zero == ["011_6_8", "011_6_10", "012_3_3", "018_3_3", "018_4_4", "018_4_7", "018_4_9", "018_6_2", "018_6_5",
                    "020_6_3"]  # fmt: skip
    unset = Counter(row["type"] for row in rows if "apex_missing" in row["repairs"])
    assert unset == {"macro": 4, "micro": 2}
    assert half_length(rows, "micro").k == pytest.approx(37, abs=3) and half_length(rows, "macro").k == pytest.approx(
        217, 0.1
    )


def test_the_full_size_has_the_counts_of_cas_me_2():
    result, rows = plan("cas_me_2", "full", 0), rows_of("cas_me_2", "full")
    assert len(result.subjects) == 22 and len(result.videos) == 97
    assert sum(video.annotated for video in result.videos) == 95
    assert Counter(row["type"] for row in rows) == {"macro": 300, "micro": 57}
    assert repairs("cas_me_2", "full")["offset_missing"] == 44 and repairs("cas_me_2", "full")["apex_missing"] == 1
    assert [row["clip"] for row in rows if row["excluded"]] == ["s23_happy1_1", "s23_happy1_2"]
    assert half_length(rows, "micro").k == pytest.approx(6, abs=1) and half_length(rows, "macro").k == pytest.approx(
        19, abs=2
    )


def test_the_full_size_has_the_counts_of_smic_and_mmew():
    smic = rows_of("smic", "full")
    assert Counter(row["megc2019"] for row in smic) == {"negative": 70, "positive": 51, "surprise": 43}
    assert sorted({row["subject"] for row in smic}) == [
        f"s{number:02d}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)
    ]
    mmew = rows_of("mmew", "full")
    assert len({row["subject"] for row in mmew}) == 36
    assert Counter(row["emotion"] for row in mmew) == {
        "happiness": 36, "anger": 8, "surprise": 89, "disgust": 72, "fear": 16, "sadness": 13, "others": 66,
    }  # fmt: skip
    assert sum(row["mmew_5class"] is not None for row in mmew) == 226


def test_the_demo_of_the_classified_datasets_is_balanced():
    for dataset, label, each in (("smic", "megc2019", 2), ("mmew", "mmew_5class", 1)):
        rows = rows_of(dataset, "demo")
        counts = Counter((row["subject"], row[label]) for row in rows if row[label])
        classes = {row[label] for row in rows if row[label]}
        assert set(counts.values()) == {each} and len(counts) == len(classes) * len({row["subject"] for row in rows})


@pytest.mark.parametrize("dataset", ["samm_lv", "cas_me_2"])
@pytest.mark.parametrize("size", SIZES)
def test_long_videos_hold_both_types_and_some_overlap(dataset, size):
    videos = plan(dataset, size, 0).videos
    assert any(not video.expressions for video in videos)
    assert any({one.type for one in video.expressions} == {"micro", "macro"} for video in videos)
    overlapping = 0
    for video in videos:
        for one in video.expressions:
            for other in video.expressions:
                if one.onset < other.onset < one.offset:
                    assert one.type == other.type == "macro"
                    overlapping += 1
    assert overlapping
    micro, macro = ([one.offset - one.onset for v in videos for one in v.expressions if one.type == kind]
                    for kind in ("micro", "macro"))  # fmt: skip
    assert max(micro) < sum(macro) / len(macro)


# What is odd


@pytest.mark.parametrize("size", SIZES)
def test_the_quirks_of_the_long_videos_of_samm(size, tmp_path):
    known = clips("samm_lv", size)
    assert (known["018_3_3"].annotated_onset, known["018_3_3"].onset, known["018_3_3"].type) == (0, 1, "macro")
    assert "onset_zero" in known["018_3_3"].repairs
    for one in known.values():
        whole = one.annotated_onset == int(one.annotated_onset) and one.annotated_offset == int(one.annotated_offset)
        assert whole or one.type == "macro"
        assert whole == ("fraction_dropped" not in one.repairs)
        assert (one.annotated_apex == -1) == ("apex_missing" in one.repairs)
    assert repairs("samm_lv", size)["fraction_dropped"] and repairs("samm_lv", size)["apex_missing"]
    if size == "full":
        return
    (rows,) = sheets("samm_lv", size, tmp_path).values()
    assert rows[10] == ("Subject", "Filename", "Inducement Code", "Onset", "Apex", "Offset", "Duration", "Type",
                        "Action Units", "Notes")  # fmt: skip
    assert len(rows) == 11 + len(known) and {row[7] for row in rows[11:]} == {"Macro", "Micro - 1/2"}
    assert {type(row[3]) for row in rows[11:]} == {int, float}


@pytest.mark.parametrize("size", SIZES)
def test_the_quirks_of_cas_me_2(size, tmp_path):
    known = clips("cas_me_2", size)
    counts = repairs("cas_me_2", size)
    assert counts["offset_missing"] and counts["apex_missing"] == 1
    for one in known.values():
        assert (one.annotated_offset == 0) == ("offset_missing" in one.repairs)
        assert one.annotated_offset != 0 or one.type == "macro"
    order = known["s27_disgust1_5"]
    assert order.onset < order.annotated_offset < order.annotated_apex and "apex_out_of_range" in order.repairs
    videos = {video.video: video for video in plan("cas_me_2", size, 0).of_subject("s23")}
    assert not any(name.startswith("23_0502") for name in videos)
    odd = next(video for name, video in videos.items() if name.startswith("23_0503"))
    assert not odd.annotated and odd.expressions
    excluded = [row for row in rows_of("cas_me_2", size) if row["excluded"]]
    assert {(row["video"], row["path"]) for row in excluded} == {("23_0502", "rawpic/s23/23_0502")}
    assert all(re.fullmatch(r"rawpic/s(\d\d)/\1_\d{4}[a-z]+", video.path) for video in videos.values())
    if size == "full":
        return
    found = sheets("cas_me_2", size, tmp_path)
    assert list(found) == ["CASFEcode_final", "naming rule1", "naming rule2"]
    rows = found["CASFEcode_final"]
    assert len(rows) == len(known) and all(isinstance(row[0], int) for row in rows)
    assert {row[7] for row in rows} == {"macro-expression", "micro-expression"}
    assert (11, "s27") in found["naming rule1"] and ("0102", "disgust2") in found["naming rule2"]


def test_copies_differ_in_spelling():
    assert repairs("cas_me_2", "demo")["emotion_spelling"]
    assert any(one.au_text is None for one in clips("cas_me_2", "demo").values())
    for size in SIZES:
        for video, one in plan("mmew", size, 0).annotations():
            renamed = one.emotion == "others" and int(video.subject[1:]) % 2 == 1
            assert (one.annotated_emotion == "repression") == renamed == ("emotion_renamed" in one.repairs)
            assert video.path.split("/")[1] == one.written_emotion
        assert {one.written_emotion for one in clips("mmew", size).values()} >= {"others", "repression"}


def test_smic_has_names_and_nothing_else(tmp_path):
    assert embedded.annotation_files("smic") == embedded.write_annotations("smic", "tiny", 0, tmp_path) == []
    assert not list(tmp_path.iterdir())
    for size in SIZES:
        paths = [video.path for video in plan("smic", size, 0).videos]
        assert all(
            re.fullmatch(r"SMIC_all_raw/HS/(s[1-9]\d?)/micro/(ne|po|sur)[a-z]+/\1_\2_\d\d", path) for path in paths
        )
        for video in plan("smic", size, 0).videos:
            (one,) = video.expressions
            assert (one.onset, one.offset) == (video.first_frame, video.last_frame)
            assert re.fullmatch(r".*/image\d{6}\.jpg", video.file(one.apex))


# When


def test_a_timeline_keeps_to_what_it_is_asked():
    lengths = {"micro": (20, 30), "macro": (60, 90)}
    for seed in range(50):
        spans = timeline(random.Random(seed), ["macro"] * 4 + ["micro"] * 2, lengths, 700, 1, 1)
        assert Counter(span.type for span in spans) == {"macro": 4, "micro": 2}
        assert [span.onset for span in spans].count(1) == 1 and spans[0].type == "macro"
        for span in spans:
            assert 1 <= span.onset < span.apex < span.offset < 700
            least, most = lengths[span.type]
            assert least <= span.offset - span.onset <= most
        pairs = [(a, b) for a in spans for b in spans if a.onset < b.onset <= a.offset]
        assert len(pairs) == 1 and all(one.share < 1 for one in pairs[0])
        rest = set(range(1, 701)) - {n for span in spans for n in range(span.onset, span.offset + 1)}
        run = max(len(part) for part in "".join("r" if n in rest else " " for n in range(1, 701)).split())
        assert run > len(rest) / 4


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="too short"):
        timeline(random.Random(0), ["macro"] * 3, {"macro": (60, 60)}, 150)
    with pytest.raises(ValueError, match="more expressions"):
        deal(random.Random(0), 9, {"a": 1, "b": 1}, most=4)
    assert sum(deal(random.Random(0), 8, {"a": 1, "b": 6}, most=4).values()) == 8

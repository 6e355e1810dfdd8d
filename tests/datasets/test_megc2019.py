"""MEGC2019: the composite of CASME II, SAMM and SMIC-HS, with the counts of the releases."""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice
from pathlib import Path

import pytest

from dataset_files import casme2, casme2_frames, casme2_row, samm, samm_frames, samm_row, smic_frames
from mexflow.datasets.reading import modules, read
from mexflow.errors import UserError

# Subjects that have a clip of one of the three classes, and clips by emotion.
CASME2 = (24, {"disgust": 63, "repression": 27, "happiness": 32, "surprise": 25, "others": 99, "sadness": 7, "fear": 2})
SAMM = (
    28,
    {
        "anger": 57,
        "contempt": 12,
        "disgust": 9,
        "fear": 8,
        "sadness": 6,
        "happiness": 26,
        "surprise": 15,
        "other": 26,
    },
)
SMIC_SUBJECTS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)
SMIC = {"negative": (70, "ne"), "positive": (51, "po"), "surprise": (43, "sur")}

# The two clips that the official list leaves out, by the emotion that they have in the table.
LEFT_OUT = {"disgust": ("04", "EP12_01f"), "repression": ("05", "EP09_05f")}


def write_casme2(root: Path) -> None:
    """255 clips, two of disgust and repression without a usable apex (as the releases' 04/EP12_01f and 05/EP09_05f)."""
    count, emotions = CASME2
    subjects = cycle(range(1, count + 1))
    rows = []
    for emotion, clips in emotions.items():
        for clip in range(clips):
            subject = f"{next(subjects):02d}" if emotion != "others" else "26"
            name = f"EP{clip:02d}_{emotion}"
            # The two that the official list leaves out; a third has no apex, and is in it.
            if clip == 0 and emotion in LEFT_OUT:
                subject, name = LEFT_OUT[emotion]
            apex = {("disgust", 0): "/", ("repression", 0): 3, ("happiness", 0): "/"}.get((emotion, clip), 6)
            rows.append(casme2_row(subject, name, apex=apex, emotion=emotion))
            casme2_frames(root, f"sub{subject}/{name}", [3, 6, 9])
    casme2(root, rows)


def write_samm(root: Path) -> None:
    count, emotions = SAMM
    subjects = cycle(range(6, 6 + count))
    rows = []
    for order, (emotion, clips) in enumerate(emotions.items(), start=1):
        for clip in range(1, clips + 1):
            subject = f"{next(subjects):03d}" if emotion != "other" else "037"
            name = f"{subject}_{order}_{clip}"
            rows.append(samm_row(subject, name, emotion=emotion.title()))
            samm_frames(root, name, [103, 106, 109])
    samm(root, rows)


def write_smic(root: Path) -> None:
    for emotion, (clips, tag) in SMIC.items():
        for clip, subject in enumerate(islice(cycle(SMIC_SUBJECTS), clips), start=1):
            smic_frames(root, f"s{subject}/micro/{emotion}/s{subject}_{tag}_{clip:02d}", [1, 2, 3])


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("megc2019")
    write_casme2(folder / "casme2")
    write_samm(folder / "samm")
    write_smic(folder / "smic")
    return {name: folder / name for name in ("casme2", "samm", "smic")}


@pytest.fixture(scope="module")
def listing(roots):
    return read("megc2019", roots)


def test_counts(listing):
    assert len(listing.rows) == 442
    assert len({row["subject"] for row in listing.rows}) == 68
    assert Counter(row["megc2019"] for row in listing.rows) == {"negative": 250, "positive": 109, "surprise": 83}
    assert [row["excluded"] for row in listing.rows if row["excluded"]] == []


@pytest.mark.parametrize(
    ("member", "subjects", "counts"),
    [
        ("casme2", 24, {"negative": 88, "positive": 32, "surprise": 25}),
        ("samm", 28, {"negative": 92, "positive": 26, "surprise": 15}),
        ("smic", 16, {"negative": 70, "positive": 51, "surprise": 43}),
    ],
)
def test_members(listing, member, subjects, counts):
    rows = [row for row in listing.rows if row["dataset"] == member]
    assert Counter(row["megc2019"] for row in rows) == counts
    assert len({row["subject"] for row in rows}) == subjects
    assert all(row["subject"].startswith(f"{member}/") for row in rows)


def test_equal_numbers_never_merge(listing):
    assert {"casme2/06", "samm/006", "smic/s06"} <= {row["subject"] for row in listing.rows}


def test_clips_without_a_usable_apex_are_left_out(listing):
    clips = {row["clip"] for row in listing.rows}
    assert not clips & {"sub04_EP12_01f", "sub05_EP09_05f"}
    assert any(clip.endswith("EP00_happiness") for clip in clips)
    assert len(clips) == 442
    assert [note for note in listing.notes if "not_in_megc2019" in note] == [
        "casme2: not_in_megc2019: sub04_EP12_01f: it has no apex in the table of 2014",
        "casme2: not_in_megc2019: sub05_EP09_05f: its apex is its onset in the table of 2014",
    ]


def test_videos_and_notes(listing):
    assert len(listing.videos) == 442
    assert Counter(video["dataset"] for video in listing.videos) == {"casme2": 145, "samm": 133, "smic": 164}
    for note in (
        "casme2: 145 of 255 rows have a class of megc2019",
        "samm: 133 of 159 rows have a class of megc2019",
        "smic: 164 of 164 rows have a class of megc2019",
    ):
        assert note in listing.notes
    assert len(listing.annotation_files) == 2


def test_needs_no_objective_classes(roots, listing):
    assert not (roots["casme2"] / "CASME2-ObjectiveClasses.xlsx").exists()
    assert {row["objective_class"] for row in listing.rows if row["dataset"] == "casme2"} == {None}


def test_root_not_given(roots):
    with pytest.raises(UserError, match="megc2019: no folder is given for smic; add --root smic=DIR"):
        read("megc2019", {name: roots[name] for name in ("casme2", "samm")})


def test_modules():
    names = ("casme2", "samm", "smic", "megc2019", "megc2018")
    expected = [(f"mexflow.datasets.registry:{name}", f"mexflow.datasets.{name}") for name in names]
    assert modules("megc2019") == [text for pair in expected for text in pair]

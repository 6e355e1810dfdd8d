"""Folds: leave one subject out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mexflow import embedded
from mexflow.config import Config
from mexflow.evaluation.folds import PROTOCOLS, Fold, assert_disjoint, leave_one_subject_out, usable
from mexflow.plan import enumeration

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "subject": st.sampled_from(["casme2/01", "casme2/02", "samm/006", "samm/01"]),
            "label": st.sampled_from([None, "anger", "joy"]),
            "excluded": st.sampled_from([None, "frames_missing: 3"]),
        }
    )
)


@settings(deadline=None)
@given(ROWS)
def test_every_subject_with_a_usable_clip_is_tested_once(rows):
    folds = leave_one_subject_out(rows, "label")
    tested = [subject for fold in folds for subject in fold.test_subjects]
    assert sorted(tested) == sorted({row["subject"] for row in rows if row["label"] and not row["excluded"]})
    assert all(len(fold.test_subjects) == 1 for fold in folds)
    names = [fold.name for fold in folds]
    assert len(set(names)) == len(names) and not any("/" in name for name in names)


@settings(deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_rows_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert leave_one_subject_out(shuffled, "label") == leave_one_subject_out(rows, "label")


def test_excluded_and_unlabelled_rows_do_not_count():
    rows = [
        {"subject": "casme2/01", "label": "anger", "excluded": None},
        {"subject": "casme2/02", "label": "anger", "excluded": "folder_missing"},
        {"subject": "casme2/03", "label": None, "excluded": None},
    ]
    assert [usable(row, "label") for row in rows] == [True, False, False]
    assert leave_one_subject_out(rows, "label") == [Fold("casme2-01", frozenset(["casme2/01"]))]
    assert leave_one_subject_out([], "label") == []


def test_subjects_of_two_datasets_with_one_number_are_two():
    rows = [{"subject": f"{name}/01", "label": "x", "excluded": None} for name in ("casme2", "samm")]
    assert [fold.name for fold in leave_one_subject_out(rows, "label")] == ["casme2-01", "samm-01"]


def test_leaves_subjects_out_not_sessions():
    assert set(PROTOCOLS) == {"leave_one_subject_out", "five_subject_folds", "subject_split"}


def test_no_subject_on_both_sides():
    assert_disjoint(["a", "b"], ["c"])
    assert_disjoint([], [])
    with pytest.raises(AssertionError, match="test subjects in the training set: a, b$"):
        assert_disjoint(["b", "a", "c"], ["a", "b", "d"])


@pytest.mark.parametrize("size", embedded.SIZES)
def test_folds_of_the_embedded_data(size):
    config = Config.model_validate({"embedded": {"size": size}})
    raw = {name: enumeration.enumerate_dataset(config, name, Path("results")) for name in ("casme2", "samm")}
    rows = enumeration.rows_of("megc2018", raw)
    folds = leave_one_subject_out(rows, "megc2018")
    assert [fold.name for fold in folds] == sorted(fold.name for fold in folds)
    assert {fold.name.split("-")[0] for fold in folds} == {"casme2", "samm"}
    for fold in folds:
        assert fold.name == next(iter(fold.test_subjects)).replace("/", "-")

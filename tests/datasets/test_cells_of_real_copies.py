"""Cells of real tables: what is no number, no label, no action unit; tables in other formats."""

from __future__ import annotations

import datetime

import pytest

from mexflow.datasets.cell_values import is_date, is_unset
from mexflow.errors import UserError
from one_clip import TABLED, index, one_clip


@pytest.mark.parametrize("dataset", TABLED)
@pytest.mark.parametrize("cell", ["onset", "apex", "offset"])
@pytest.mark.parametrize("said", ["5O", "1,030", "=B5+3", "#REF!", "?", datetime.date(2014, 4, 7)])
def test_a_number_that_cannot_be_read(tmp_path, dataset, cell, said):
    row = one_clip(dataset, tmp_path, **{cell: said}).rows[0]
    assert row["excluded"].startswith("not_a_number: ") and repr(str(said))[:-1] in row["excluded"]
    assert row["repairs"] == []


@pytest.mark.parametrize(
    ("said", "unset"),
    [(None, True), ("", True), (" / ", True), ("\\", True), ("-", True), ("\u2013", True), ("?", False), ("N/A", False),
     (0, False), ("o", False)],
)  # fmt: skip
def test_marks_of_no_number(said, unset):
    assert is_unset(said) == unset


@pytest.mark.parametrize(
    ("dataset", "said", "meant"),
    [
        ("casme2", "other", "others"), ("casme2", "suprise", "surprise"), ("casme2", "happines", "happiness"),
        ("mmew", "suprise", "surprise"), ("samm", "Others", "other"), ("cas_me_2", "disgut", "disgust"),
    ],
)  # fmt: skip
def test_a_label_in_no_class_is_named(tmp_path, dataset, said, meant):
    listing = one_clip(dataset, tmp_path, emotion=said)
    (note,) = (note for note in listing.notes if "is none of" in note)
    assert f"the emotion {said.lower()!r} is none of" in note and f"(did you mean {meant!r}?)" in note
    assert listing.rows[0]["excluded"] is None


@pytest.mark.parametrize("said", ["N/A", None])
def test_no_label(tmp_path, said):
    notes = one_clip("casme2", tmp_path, emotion=said).notes
    assert [note for note in notes if "the row is in no class" in note]


@pytest.mark.parametrize("dataset", ["casme2", "samm", "samm_lv", "cas_me_2", "mmew"])
def test_action_units_that_became_a_date_are_named(tmp_path, dataset):
    listing = one_clip(dataset, tmp_path, units=datetime.datetime(2014, 4, 7))
    assert any("the action units are a date, '2014-04-07" in note for note in listing.notes)


@pytest.mark.parametrize(
    ("said", "date"),
    [("7-Apr", True), ("Apr-12", True), ("2014-04-07", True), ("4月7日", True), ("4/7/2014", True), ("4+7", False),
     ("R12", False), ("L9-10", False), ("ref(4), 7B or 9?", False), (4, False), (None, False)],
)  # fmt: skip
def test_dates(said, date):
    assert is_date(said) == date


@pytest.mark.parametrize("dataset", TABLED)
@pytest.mark.parametrize("ending", [".xls", ".csv"])
def test_a_table_in_another_format_is_named(tmp_path, dataset, ending):
    one_clip(dataset, tmp_path)
    (table,) = tmp_path.glob("*.xlsx")
    table.rename(table.with_suffix(ending))
    with pytest.raises(UserError) as error:
        index(dataset, tmp_path)
    text = str(error.value)
    assert f"there is {table.stem}{ending}, " in text and ".xlsx" in text and "\n" not in text


def test_dots_between_thousands_are_no_fraction(tmp_path):
    row = one_clip("casme2", tmp_path, onset="1.030", apex="1.050", offset="1.100").rows[0]
    assert row["excluded"].startswith("not_a_number: ") and "'1.030'" in row["excluded"]


def test_a_serial_date_is_no_action_unit(tmp_path):
    notes = one_clip("casme2", tmp_path, units=41736).notes
    assert any("no action unit, perhaps a date, '41736'" in note for note in notes)

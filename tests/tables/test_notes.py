"""Numbered notes below a table, and the lines of its rows."""

from __future__ import annotations

from itertools import product

import pytest

from mexflow.tables.cell_lines import beside, interval_text, place_of, stacked
from mexflow.tables.cells import Cell
from mexflow.tables.markdown import pipe_table
from mexflow.tables.notes import Notes, marked, number, raised
from mexflow.tables.source import Source

PLACES = list(product("ab", "xyz"))
SOURCE = Source("embedded", "demo")


def remarks(**of: str) -> dict[tuple[str, str], list[str]]:
    """The remarks of each place, by its two letters; a letter is a remark."""
    return {place: list(of.get("".join(place), "")) for place in PLACES}


def test_what_holds_for_all_needs_no_number_and_remarks_of_the_same_places_are_one_note() -> None:
    notes = number(remarks(ax="gpq", ay="g", bx="gpq"), [("a", "x"), ("a", "y"), ("b", "x")])
    assert notes.general == ("g",) and notes.numbered == (("p", "q"),)
    assert notes.of_places == {("a", "x"): [1], ("b", "x"): [1]} and not notes.of_rows
    assert notes.below() == ["For all measured numbers: g.", "1. p; q"]


def test_notes_are_numbered_in_the_order_of_reading() -> None:
    notes = number(remarks(by="r", ay="q", ax="p", bz="q"), PLACES)
    assert notes.numbered == (("p",), ("q",), ("r",))
    assert (notes.at(("a", "y")), notes.at(("b", "z")), notes.at(("b", "x"))) == ("²", "²", "")


def test_a_note_on_a_whole_row_or_column_stands_at_its_name() -> None:
    of = remarks(ax="r", ay="rc", az="r", by="c")
    rows, both = number(of, PLACES), number(of, PLACES, by_column=True)
    assert (rows.row("a"), rows.row("b"), rows.at(("a", "y")), rows.at(("b", "y"))) == ("a¹", "b", "²", "²")
    assert (both.row("a"), both.column("y"), both.column("x"), both.of_places) == ("a¹", "y²", "x", {})
    # Of a row that is measured in part, what holds for that part.
    part = number(remarks(ax="r", ay="r"), [("a", "x"), ("a", "y"), ("b", "x")])
    assert part.row("a") == "a¹" and not part.of_places
    quoted = number(remarks(bx="r", by="r", bz="r"), [("a", "x")])
    assert quoted.row("b") == "b¹"


def test_many_notes_are_folded_away() -> None:
    of = {("a", str(place)): [f"remark {place}"] for place in range(13)}
    few, many = number(dict(list(of.items())[:12]), []), number(of, [])
    assert few.below()[0].startswith("1. remark 0\n2. ") and len(few.below()) == 1
    start, notes, end = many.below()
    assert start == "<details><summary>13 notes</summary>" and end == "</details>" and notes.count("\n") == 12


def test_raised_numbers_are_told_from_the_digits_of_a_name() -> None:
    assert raised([1, 12]) == "¹,¹²" and marked("CAS(ME)²", "³") == "CAS(ME)² ³" and marked("ME", "³") == "ME³"


def cell(column: str, metric: str = "accuracy", **facts) -> Cell:
    return Cell("p", "T", "r", column, metric, experiments=("e",), **facts)


def test_a_row_has_the_lines_that_say_something() -> None:
    one = cell("x", measured=61.239, interval=(50.0, 70.118), notes=("p",))
    two = cell("y", measured=50.0)
    notes = number({place_of(one): ["p"], place_of(two): []}, [place_of(one), place_of(two)])
    assert stacked(["r", "m"], [one, two], SOURCE, notes, ["60.17", "—"]) == [
        ["r", "m", "published", "60.17", "—"],
        ["", "", "measured", "61.24†¹", "50.00†"],
        ["", "", "95 %", "50.00–70.12", ""],
    ]
    assert stacked(["r"], [two], SOURCE, Notes()) == [["r", "measured", "50.00†"]]
    quoted = Cell("p", "T", "r", "x", "accuracy")
    assert stacked(["r"], [quoted], SOURCE, Notes(), ["60.17"]) == [["r", "published", "60.17"]]


def test_counts_of_intervals_and_seeds_have_lines_of_their_own() -> None:
    one = cell("x", "interval_f1", measured=0.5, notes=("TP 5, FP 4, FN 6",), seeds=3, seed_sd=0.01)
    assert stacked(["r"], [one], SOURCE, Notes())[1:] == [
        ["", "TP, FP, FN", "5, 4, 6"],
        ["", "over 3 seeds", "±0.0100"],
    ]
    assert beside(one, SOURCE, Notes()) == ["0.5000† ±0.0100", ""] and beside(None, SOURCE, Notes()) == ["—", ""]


@pytest.mark.parametrize(
    ("metric", "interval", "text"),
    [("accuracy", (1.0, 2.0), "1.00–2.00"), ("cosine_similarity", (-0.5, 0.25), "-0.5000 to 0.2500"),
     ("accuracy_difference", (1.0, 2.0), "+1.00 to +2.00"), ("parameters", (7, 7), ""), ("accuracy", None, "")],
)  # fmt: skip
def test_intervals_read_with_and_without_signs(metric, interval, text) -> None:
    assert interval_text(cell("x", metric, measured=1.5, interval=interval)) == text


def test_columns_stand_in_line_but_for_long_texts() -> None:
    long = "x" * 60
    lines = pipe_table(["a", "number"], [["long name", "1"], [long, "22"]], 1).splitlines()
    assert lines == [
        "| a         | number |",
        "| --------- | -----: |",
        "| long name |      1 |",
        f"| {long} |     22 |",
    ]

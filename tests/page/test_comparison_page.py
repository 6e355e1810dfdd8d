"""The page of two compared runs as a file: what is escaped, what it counts, and in which form it shows both numbers."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest

from compared_runs import CELLS, MadeUp, made_up
from mexflow.audit import comparison_text
from mexflow.audit.compare import OUTSIDE, compare
from mexflow.page import comparison
from pages import HOSTILE, Tags, asks_for_nothing, data_of
from project import mexflow

ONE, TWO = CELLS
FOLD = "results/folds/p/one/s/predictions.parquet"


def other(**columns: object) -> MadeUp:
    """A run whose first cell has other columns, made with other epochs."""
    run = made_up()
    run.rows[ONE] |= columns
    run.written[FOLD] = "otherwise"
    run.records["train/p/one/0"]["recipe"]["epochs"] = 4
    return run


def page(folder: Path, b: MadeUp, a: MadeUp | None = None) -> str:
    """The page of a run, or the plain one, compared with another."""
    return comparison.page(compare((a or made_up()).write(folder / "a"), b.write(folder / "b")))


def texts(text: str, tag: str, kind: str) -> int:
    """How many elements of a tag have a class."""
    return sum(one == tag and kind in (attributes.get("class") or "").split() for one, attributes in Tags(text).found)


def test_nothing_from_the_data_breaks_out_of_the_page(tmp_path: Path) -> None:
    b = other(measured=90.0, note=HOSTILE, data=HOSTILE, budget=HOSTILE)
    hostile = HOSTILE.replace("/", "|")  # a cell's name has five parts
    for run in (a := made_up(), b):
        run.rows[f"p/{hostile}/{hostile}/{hostile}/accuracy"] = {
            **run.rows[ONE], "table": hostile, "row": hostile, "column": hostile, "note": str(run is b)
        }  # fmt: skip
    b.records["train/p/one/0"]["recipe"][HOSTILE] = HOSTILE
    b.records["train/p/one/0"]["code"] |= {"digest": "7" * 64, "modules": {HOSTILE: "8" * 64}}
    b.records["train/p/one/0"]["observed"]["host"] = HOSTILE
    text = page(tmp_path, b, a)
    tags = Tags(text).found
    assert [tag for tag, _ in tags if tag in ("script", "style")] == ["style", "script", "script", "script"]
    assert not [attributes for tag, attributes in tags if tag == "img" or "onerror" in attributes]
    data = data_of(text)
    assert HOSTILE.split("; ")[0] in data["remarks"] and any(hostile in name for name in data["cells"])
    asks_for_nothing(text)


def test_identifiers_are_given_once_and_every_cell_has_one(tmp_path: Path) -> None:
    text = page(tmp_path, other(measured=90.0))
    names = [attributes["id"] for _, attributes in Tags(text).found if attributes.get("id")]
    assert len(names) == len(set(names)) and set(CELLS) <= set(names)


def test_equal_runs_have_no_differences_on_their_page(tmp_path: Path) -> None:
    text = page(tmp_path, made_up())
    assert "No difference: all 2 cells say the same in both." in text
    assert texts(text, "td", "same") == 2 and data_of(text)["cells"] == {}
    assert not [a for _, a in Tags(text).found if a.get("id") in ("reasons", "differences", "changes")]


@pytest.mark.parametrize(
    ("columns", "sort"),
    [({"measured": 61.0}, "inside"), ({"measured": 81.0}, "outside"), ({"note": "x"}, "other"), ({"n": 8}, "other"),
     ({"measured": 61.0, "ci_low": None, "ci_high": None}, "inside"), ({"measured": None}, "unknown")],
)  # fmt: skip
def test_cells_are_sorted_by_how_they_differ(tmp_path: Path, columns: dict, sort: str) -> None:
    text = page(tmp_path, other(**columns))
    assert (texts(text, "td", "same"), texts(text, "td", sort)) == (1, 1)
    told = data_of(text)["cells"][ONE]
    assert told[0] == sort
    assert texts(text, "svg", "spans") == (sort in ("inside", "outside")), "with an interval to hold a number against"


def test_both_numbers_stand_on_one_axis(tmp_path: Path) -> None:
    b = other(measured=80.0, ci_low=60.0, ci_high=100.0)
    found = compare(made_up().write(tmp_path / "a"), b.write(tmp_path / "b"))
    (one,) = found.differences
    both = comparison._both(ONE, found.rows[ONE], one, 1)
    # A: 60 in 40 to 80; B: 80 in 60 to 100.
    assert [(n.kind, n.at, n.low, n.high) for n in both.drawn] == [("a", 33.3, 0.0, 66.7), ("b", 66.7, 33.3, 100.0)]


def test_cells_of_one_run_alone_stand_in_their_tables(tmp_path: Path) -> None:
    a, b = made_up(), made_up()
    a.rows["p/T1/three/all/accuracy"] = {**a.rows[ONE], "row": "three"}
    b.rows["p/T1/four/all/accuracy"] = {**b.rows[ONE], "row": "four"}
    text = page(tmp_path, b, a)
    assert (texts(text, "td", "only-a"), texts(text, "td", "only-b"), texts(text, "td", "same")) == (1, 1, 2)
    assert data_of(text)["cells"]["p/T1/three/all/accuracy"][5] is None, "B says nothing of it"


def test_what_stands_behind_a_cell_is_what_the_terminal_says(tmp_path: Path) -> None:
    found = compare(made_up().write(tmp_path / "a"), other(measured=90.0).write(tmp_path / "b"))
    (changes,) = found.by_changes()
    data = data_of(comparison.page(found))
    ((counted, reasons, each),) = data["groups"]
    assert data["cells"][ONE][3] == 1 and counted == "1 cell (1 outside an interval)"
    assert reasons == comparison_text.reasons(changes) == ["settings, train: epochs: 3 → 4"]
    assert each == [["settings", "train", "epochs", "3", "4"]]


@pytest.mark.parametrize(
    ("data", "budget", "wanted"),
    [("d", "paper", []), ("d", "demo", ["demo budget"]), ("embedded", "paper", ["synthetic embedded data"])],
)
def test_data_and_budget_stand_before_the_numbers(tmp_path: Path, data: str, budget: str, wanted: list[str]) -> None:
    a, b = made_up(), other(measured=61.0)
    for run in (a, b):
        for row in run.rows.values():
            row |= {"data": data, "budget": budget}
    text = page(tmp_path, b, a)
    assert text.count("must not be compared with the published ones") == len(wanted)
    assert all(words in text for words in wanted)
    assert ("<i>†</i>" in text) == bool(wanted)
    assert text.index(f"<strong>{data}</strong>") < text.index('id="paper-p"')


def test_runs_of_other_data_or_budgets_are_said_to_be_so(tmp_path: Path) -> None:
    b = made_up()
    for row in b.rows.values():
        row |= {"data": "embedded", "budget": "paper"}
    text = page(tmp_path, b)
    assert "The two runs are of different data: A of d, B of embedded." in text
    assert "The two runs are of different budgets: A of demo, B of paper." in text


@pytest.fixture(scope="module")
def two_runs(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small run, and a copy of it with other accuracies."""
    folder = tmp_path_factory.mktemp("compared")
    for name in ("tables", "records"):
        shutil.copytree(finished / "results" / name, folder / "results" / name)
    shutil.copytree(finished / "workflow" / "papers", folder / "workflow" / "papers")
    path = folder / "results" / "tables" / "mini.csv"
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        if row["metric"] == "accuracy" and row["measured"]:
            row["measured"] = str(float(row["measured"]) + 90)
    with path.open("w") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return finished / "results", folder / "results"


def test_tables_have_the_papers_form(two_runs: tuple[Path, Path], finished: Path) -> None:
    found = compare(*two_runs)
    text = comparison.page(found)
    assert "mini" in found.papers
    assert ">A. " in text.replace("\n", ""), "a title from the paper's file"
    names = [attributes.get("id") for tag, attributes in Tags(text).found if tag == "td" and attributes.get("id")]
    assert Counter(names) == Counter(comparison.looks.address(name) for name in found.rows)
    outside = sum(one.what == "number" and OUTSIDE in (one.in_a, one.in_b) for one in found.differences)
    assert texts(text, "td", "outside") == outside > 0


def test_without_the_papers_file_every_cell_is_there_all_the_same(two_runs, tmp_path: Path) -> None:
    for name, results in zip("ab", two_runs, strict=True):
        for part in ("tables", "records"):
            shutil.copytree(results / part, tmp_path / name / "results" / part)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.papers == {}
    names = [a.get("id") for tag, a in Tags(comparison.page(found)).found if tag == "td" and a.get("id")]
    assert Counter(names) == Counter(comparison.looks.address(name) for name in found.rows)


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    folders = made_up().write(tmp_path / "a"), other(measured=90.0).write(tmp_path / "b")
    said = mexflow("compare", *folders, "--page", tmp_path / "made" / "c.html")
    assert said.returncode == 0, said.stderr
    assert "2 cells in both: 1 say the same, 1 differ." in said.stdout
    text = (tmp_path / "made" / "c.html").read_text()
    assert text.startswith("<!doctype html>") and str(folders[1]) in text
    asks_for_nothing(text)

"""Two runs compared: which cells differ, and the change that stands behind each; on small made-up runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from compared_runs import CELLS, PAPER, MadeUp, made_up
from mexflow.audit import changes, compare, comparison_text
from mexflow.audit.changes import Change
from mexflow.audit.compare import INSIDE, NO_INTERVAL, ONLY_A, ONLY_B, OUTSIDE
from mexflow.audit.graph import Record
from mexflow.errors import UserError
from project import mexflow, squeezed

ONE, TWO = CELLS
FACES, FOLD = "results/faces/d/s.npy", "results/folds/p/one/s/predictions.parquet"


def compared(tmp_path: Path, b: MadeUp, a: MadeUp | None = None) -> compare.Comparison:
    """The comparison of a run, or the plain one, with another."""
    return compare.compare((a or made_up()).write(tmp_path / "a"), b.write(tmp_path / "b"))


def other(one: float = 61.0, *artifacts: str) -> MadeUp:
    """A run whose first cell has another number, and some of whose artifacts have other bytes."""
    run = made_up()
    run.rows[ONE]["measured"] = one
    for path in artifacts:
        run.written[path] = f"{path}, otherwise"
    return run


def test_equal_runs_have_no_difference(tmp_path: Path) -> None:
    b = made_up()
    b.records["faces/d/s"]["observed"]["host"] = "there"
    found = compared(tmp_path, b)
    assert (found.alike, found.differences) == (2, ()) and found.a.root == found.b.root
    (*_, last) = comparison_text.lines(found)
    assert last == "No difference: all 2 cells say the same in both."


def code(run: MadeUp) -> None:
    for name in ("one", "two"):  # the other experiment's fold has the same bytes all the same
        said = run.records[f"train/p/{name}/0"]["code"]
        said |= {"digest": "7" * 64, "git_commit": "8" * 40}
        said["modules"] = {**said["modules"], "mexflow.train.work": "9" * 64, "mexflow.new": "a" * 64}


def epochs(run: MadeUp) -> None:
    run.records["train/p/one/0"]["recipe"]["epochs"] = 4
    run.records["train/p/one/0"]["recipe"]["options"] = {"depth": 1, "width": 2}


def library(run: MadeUp) -> None:
    run.records["train/p/one/0"]["versions"] = {"python": "3.11.7", "numpy": "2.4.7", "torch": "2.13.0"}


def device(run: MadeUp) -> None:
    run.records["train/p/one/0"]["device"] = "cuda"
    run.records["train/p/one/0"]["observed"]["machine"] = "aarch64"


def seed(run: MadeUp) -> None:
    run.records["train/p/one/0"] |= {"seed": 2, "recipe": {"epochs": 3, "seed": 2, "options": {"depth": 1}}}


def folds(run: MadeUp) -> None:
    run.records["tables/p"]["recipe"]["folds"] = [
        {"experiments": ["one"], "folds": ["s", "t"]}, {"experiments": ["two"], "folds": ["s"]},
    ]  # fmt: skip


def paper(run: MadeUp) -> None:
    run.written[PAPER] = run.written[PAPER].replace("batch_size: 8", "batch_size: 16").replace("depth: 2", "depth: 3")


def nothing(run: MadeUp) -> None:
    run.records["train/p/one/0"]["observed"]["host"] = "there"


WHAT_CHANGED: list[tuple[Callable[[MadeUp], None], list[Change]]] = [
    (code, [Change("code", "train", "git commit", "44444444", "88888888"),
            Change("code", "train", "mexflow.new", "—", "aaaaaaaa"),
            Change("code", "train", "mexflow.train.work", "11111111", "99999999")]),
    (epochs, [Change("settings", "train", "epochs", "3", "4"),
              Change("settings", "train", "options.width", "—", "2")]),
    (library, [Change("libraries", "train", "numpy", "2.4.6", "2.4.7")]),
    (device, [Change("machine", "train", "architecture", "x86_64", "aarch64"),
              Change("machine", "train", "device", "cpu", "cuda")]),
    (seed, [Change("seed", "train", "seed", "1", "2")]),
    (folds, [Change("settings", "tables", "folds of one", "s", "s, t")]),
    (paper, [Change("settings", "paper", "training.batch_size", "8", "16")]),
    (nothing, [Change("unexplained", "train", "other bytes from the same inputs, code and settings (train/p/one/0)",
                      "here", "there")]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "wanted"), WHAT_CHANGED, ids=[change.__name__ for change, _ in WHAT_CHANGED])
def test_the_change_behind_a_cell_is_named_and_no_other(tmp_path: Path, change, wanted) -> None:
    b = other(61.0, *([] if change in (folds, paper) else [FOLD]))
    change(b)
    found = compared(tmp_path, b)
    (one,) = found.differences
    assert (one.cell, one.what, one.difference, found.alike) == (ONE, "number", 1, 1)
    assert list(one.changes) == wanted


def test_what_left_no_trace_stands_behind_nothing(tmp_path: Path) -> None:
    """Code and libraries of faces changed as well, but their bytes did not."""
    b = other(61.0, FOLD)
    epochs(b)
    b.records["faces/d/s"]["code"]["digest"] = "7" * 64
    b.records["faces/d/s"]["versions"] = {"numpy": "1"}
    (one,) = compared(tmp_path, b).differences
    assert {change.where for change in one.changes} == {"train"}


@pytest.mark.parametrize("licensed", [True, False])
def test_raw_frames_are_told_of_a_licensed_copy_and_rendered_ones_by_what_renders(tmp_path: Path, licensed) -> None:
    a, b = made_up(), other(61.0, FACES, FOLD)
    frames = "results/embedded/d/s"
    for run, digest in ((a, "5"), (b, "6")):
        run.records["faces/d/s"]["raw"] = {"root": "/data/d" if licensed else "results/embedded/d", "files": 7,
                                           "bytes": 70, "sha256": digest * 64}  # fmt: skip
        if not licensed:
            run.records["embed/d/s"] = {**made_up().records["index/d"], "job": "embed/d/s", "inputs": [],
                                        "outputs": [frames], "seed": int(digest)}  # fmt: skip
            run.written[frames] = digest
    (one,) = compared(tmp_path, b, a).differences
    frames_changed = Change("data", "faces", "raw frames of d/s", *(f"7 files of /data/d, {x * 8}" for x in "56"))
    assert one.changes == ((frames_changed,) if licensed else (Change("seed", "embed", "seed", "5", "6"),))


def test_a_file_that_no_job_made_is_told(tmp_path: Path) -> None:
    """The annotations of the licensed copy are others, and with them the index and all that reads it."""
    b = other(61.0, "/data/d/coding.xlsx", "results/index/d.parquet", FOLD)
    (one,) = compared(tmp_path, b).differences
    (change,) = one.changes
    assert (change.kind, change.what) == ("data", "/data/d/coding.xlsx") and change.a != change.b


def test_a_fold_of_one_run_alone_is_told(tmp_path: Path) -> None:
    b = other(61.0)
    more = "results/folds/p/one/t/predictions.parquet"
    b.records["train/p/one/0"]["outputs"].append(more)
    b.records["tables/p"]["inputs"].append(more)
    b.written[more] = "t"
    (one,) = compared(tmp_path, b).differences
    assert one.changes == (Change("settings", "train", "results/folds/p/one/t", "not made", "made"),)
    assert "settings, train: only in B: results/folds/p/one/t" in "\n".join(
        comparison_text.lines(compared_again(tmp_path))
    )


def compared_again(tmp_path: Path) -> compare.Comparison:
    return compare.compare(tmp_path / "a" / "results", tmp_path / "b")


@pytest.mark.parametrize(
    ("number", "interval", "in_a", "in_b", "said"),
    [
        (79.0, (55.0, 90.0), INSIDE, INSIDE, "inside both"),
        (79.0, (70.0, 90.0), INSIDE, OUTSIDE, "inside A's, outside B's"),
        (81.0, (59.0, 90.0), OUTSIDE, INSIDE, "outside A's, inside B's"),
        (81.0, (70.0, 90.0), OUTSIDE, OUTSIDE, "outside both"),
        (81.0, (None, None), OUTSIDE, NO_INTERVAL, "outside A's, B has none"),
        (None, (None, None), NO_INTERVAL, NO_INTERVAL, "no number in one of them"),
    ],
)
def test_numbers_are_held_against_both_intervals(tmp_path, number, interval, in_a, in_b, said) -> None:
    b = other(number, FOLD)
    b.rows[ONE] |= dict(zip(("ci_low", "ci_high"), interval, strict=True))
    epochs(b)
    found = compared(tmp_path, b)
    (one,) = found.differences
    assert (one.in_a, one.in_b) == (in_a, in_b)
    text = "\n".join(comparison_text.lines(found))
    assert text.endswith(f"  {said}") and "settings, train: epochs: 3 → 4; options.width: — → 2" in text
    assert ("(1 outside an interval)" in text) == (OUTSIDE in (in_a, in_b))
    assert f" {said} |" in squeezed(comparison_text.markdown(found))


@pytest.mark.parametrize(
    ("columns", "what", "said"),
    [({"n": 8}, "interval", "same; interval or n differ"), ({"note": "x"}, "remarks", "same; remarks differ"),
     ({"published": 51.0}, "published", "same; published differs")],
)  # fmt: skip
def test_what_else_differs_is_told(tmp_path, columns, what, said) -> None:
    b = made_up()
    b.rows[ONE] |= columns
    found = compared(tmp_path, b)
    (one,) = found.differences
    assert one.what == what and one.difference == 0 and said in "\n".join(comparison_text.lines(found))


def test_cells_of_one_run_alone_are_listed(tmp_path: Path) -> None:
    a, b = made_up(), made_up()
    a.rows["p/T1/three/all/accuracy"] = a.rows[ONE]
    b.rows["p/T1/four/all/accuracy"] = b.rows[ONE]
    found = compared(tmp_path, b, a)
    assert [(one.cell, one.what) for one in found.differences] == [
        ("p/T1/four/all/accuracy", ONLY_B), ("p/T1/three/all/accuracy", ONLY_A)
    ]  # fmt: skip
    text = "\n".join(comparison_text.lines(found))
    assert "Only in A: 1 cell\n   p/T1/three/all/accuracy" in text and "Only in B: 1 cell\n   p/T1/four" in text


def test_settings_are_read_from_recipe_and_command() -> None:
    said = changes.settings(
        Record("", {
            "command": "python -m mexflow flow --method tvl1 --pair a --pair b --device auto --record r.json",
            "recipe": {"budget": "demo", "seed": 1, "options": {"depth": {"first": 1}}, "empty": {},
                       "folds": [{"experiments": ["x", "y"], "folds": ["1", "2"]}]},
        }, "")
    )  # fmt: skip
    assert said == {"method": "tvl1", "pair": "a, b", "budget": "demo", "options.depth.first": 1,
                    "folds of x": "1, 2", "folds of y": "1, 2"}  # fmt: skip


def test_the_command_shows_it_and_ends_well(tmp_path: Path) -> None:
    b = other(85.0, FOLD)
    epochs(b)
    folders = made_up().write(tmp_path / "a"), b.write(tmp_path / "b")
    said = mexflow("compare", *folders, "--markdown", tmp_path / "c.md")
    assert said.returncode == 0, said.stderr
    assert "; data d, budget demo" in squeezed(said.stdout.replace("\n", " "))
    assert "2 cells in both: 1 say the same, 1 differ." in said.stdout and "+25.00" in said.stdout
    assert max(map(len, said.stdout.splitlines())) <= 100 + len(str(tmp_path))
    page = squeezed((tmp_path / "c.md").read_text())
    assert "- settings, train: epochs: 3 → 4" in page
    assert f"| {ONE} | 60.00 | 40.00 to 80.00 | 85.00 | 40.00 to 80.00 | +25.00 | outside A's, inside B's |" in page
    (one,) = json.loads(mexflow("compare", *folders, "--json").stdout)["differences"]
    assert (one["cell"], one["difference"], one["in_a"], one["in_b"]) == (ONE, 25, OUTSIDE, INSIDE)
    assert {"kind": "settings", "where": "train", "what": "epochs", "a": "3", "b": "4"} in one["changes"]


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path) -> None:
    run = made_up().write(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    for wrong, said in ((tmp_path / "none", "no folder"), (tmp_path / "empty", "no records/ in it")):
        shown = mexflow("compare", run, wrong)
        assert (shown.returncode, shown.stdout) == (2, "") and shown.stderr.count("\n") == 1
        assert shown.stderr.startswith(f"mexflow: error: {wrong}: {said}"), shown.stderr
    (run / "tables" / "p.csv").write_text("cell,measured\nx,1\n")
    with pytest.raises(UserError, match=r"tables/p\.csv: no table of cells"):
        compare.compare(run, run)

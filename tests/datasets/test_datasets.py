"""The parts that all datasets share: cells, spreadsheets, folders, summaries, the registry and the command."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import project
from dataset_files import casme2, casme2_frames, casme2_row, frames, workbook
from mexflow import embedded
from mexflow.datasets import cell_values, schema
from mexflow.datasets.folders import entries, folder_at, frame_folder, matching_folders
from mexflow.datasets.reading import adapter, members, read
from mexflow.datasets.registry import COMPOSITES, DATASETS
from mexflow.datasets.spreadsheet import Column, read_table
from mexflow.errors import UserError
from project import PACKAGE, WORKFLOW

COLUMNS = {"subject": Column("Subject"), "onset": Column("OnsetFrame", ("Onset",)), "extra": Column("X", (), False)}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (1, 1),
        (1.0, 1),
        (566.4, 566.4),
        ("1", 1),
        ("01", 1),
        ("1.0", 1),
        (" 12 ", 12),
        ("\u3000１２\u00a0", 12),
        ("\ufeff7\u200b", 7),
        ("-1", -1),
        ("+3", 3),
        ("/", None),
        ("?", None),
        ("", None),
        (None, None),
        (True, None),
        ("006_1_2", None),
        ("nan", None),
        (float("nan"), None),
        (float("inf"), None),
        ("9" * 30, None),
        ("1,234", None),
    ],
)
def test_number(cell, value):
    assert cell_values.number(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("Macro", "macro"),
        ("Micro - 1/2", "micro"),
        ("macro-expression", "macro"),
        (" Micro Expression", "micro"),
        ("MICROEXPRESSION", "micro"),
        ("microscope", None),
        ("no macro", None),
        ("", None),
        (None, None),
        (1, None),
    ],
)
def test_expression_type(cell, value):
    assert cell_values.expression_type(cell) == value


@pytest.mark.parametrize(("name", "value"), [("6_1_2", "006_1_2"), ("006_1", "006_1"), ("x_1", "x_1"), ("6", "6")])
def test_padded(name, value):
    assert cell_values.padded(name) == value


@pytest.mark.parametrize("cell", ["06", "6", 6, 6.0, "6.0", " 06 ", "０６", "sub06", "Sub6", "s 6"])
def test_subject_padding(cell):
    assert cell_values.subject(cell, "{:02d}") == "06"


def test_subject_that_is_no_number():
    assert [cell_values.subject(cell, "{:03d}") for cell in ("s-x", "-1", "6.5", "006_1", "")] == [
        "s-x",
        "-1",
        "6.5",
        "006_1",
        "",
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("NULL", None),
        (4, "4"),
        (4.0, "4"),
        ("4.0", "4"),
        ("4+7 ", "4+7"),
        ("L12", "L12"),
        ("?", "?"),
        (None, None),
        (" ", None),
    ],
)
def test_action_units(cell, value):
    assert cell_values.action_units(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (1, 1),
        ("7", 7),
        (3.0, 3),
        ("iv", 4),
        ("Ⅶ", 7),
        ("V ", 5),
        (0, None),
        (8, None),
        (1.5, None),
        ("VIII", None),
        (None, None),
    ],
)
def test_objective_class(cell, value):
    assert cell_values.objective_class(cell) == value


@pytest.mark.parametrize("cell", ["EP01_2", r"sub01\EP01_2", "sub01/EP01_2/", " EP01_2 ", "a\\b/EP01_2\\"])
def test_file_name(cell):
    assert cell_values.file_name(cell) == "EP01_2"


def table(sheets, columns=COLUMNS, sheet=None, path="t.xlsx"):
    return read_table(Path(path), columns, lambda _: workbook(sheets), "what is released", sheet)


@settings(max_examples=40, deadline=None)
@given(
    lead=st.integers(0, 20),
    blanks=st.lists(st.integers(0, 2), min_size=2, max_size=2),
    names=st.tuples(
        st.sampled_from(["Subject", " subject", "SUBJECT\n"]), st.sampled_from(["OnsetFrame", "Onset Frame", "onset"])
    ),
    swap=st.booleans(),
)
def test_header_is_found_by_its_names(lead, blanks, names, swap):
    order = slice(None, None, -1) if swap else slice(None)
    header, values = [], []
    for name, value, blank in list(zip(names, ("01", 5), blanks, strict=True))[order]:
        header += [None] * blank + [name]
        values += [None] * blank + [value]
    text = [("some words", "and Subject of study")] * lead
    found = table({"notes": [("x",)], "data": [*text, header, values, [], ["end of table"]]})
    assert found.sheet == "data"
    assert found.records[0].cells == {"subject": "01", "onset": 5}
    assert [record.number for record in found.records] == [lead + 2, lead + 4]


def test_preferred_sheet_comes_first():
    sheets = {"A": [("Subject", "Onset"), ("1", 1)], "Micro only": [("Subject", "Onset"), ("2", 2)]}
    assert table(sheets, sheet="MICRO_ONLY").sheet == "Micro only"
    assert table(sheets).sheet == table(sheets, sheet="absent").sheet == "A"


def test_missing_column_names_file_sheet_column_and_the_nearest():
    with pytest.raises(
        UserError, match=r"t\.xlsx: sheet 'A' lacks the column 'OnsetFrame' \(did you mean 'OnsetFrm'\?\)"
    ) as e:
        table({"A": [("Subject", "OnsetFrm", "X"), ("1", 1, 1)], "B": [("Subject", "Onset"), ("1", 1)]}, sheet="A")
    assert "columns found: Subject, OnsetFrm, X" in str(e.value)
    assert "what is released" in str(e.value)


def test_no_header_at_all():
    with pytest.raises(UserError, match=r"t\.xlsx: no row with the columns Subject, OnsetFrame in its sheets \(A\)"):
        table({"A": [("words", 1), (2, 3)]})


def test_not_a_spreadsheet():
    whole = workbook({"A": [("Subject", "Onset"), ("1", 1)]})
    damaged = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[: len(data) // 2] if name.endswith("sheet1.xml") else data)
    for data, what in {
        b"": "an empty file",
        b"<html>login</html>": "a web page",
        whole[:-200]: "not a readable xlsx file",
        damaged.getvalue(): "not a readable xlsx file",
    }.items():
        with pytest.raises(UserError, match=rf"t\.xlsx: {what}.*what is released") as e:
            read_table(Path("t.xlsx"), COLUMNS, lambda _, data=data: data, "what is released")
        assert "\n" not in str(e.value)


def test_wrong_size_of_the_sheet():
    whole, wrong = workbook({"A": [("Subject", "Onset"), ("1", 1), ("2", 2)]}), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(wrong, "w") as target:
        for name in source.namelist():
            data = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', source.read(name))
            target.writestr(name, data)
    found = read_table(Path("t.xlsx"), COLUMNS, lambda _: wrong.getvalue(), "")
    assert [record.cells["onset"] for record in found.records] == [1, 2]


def test_unreadable_file(tmp_path):
    with pytest.raises(UserError, match="gone.xlsx: cannot be read"):
        read_table(tmp_path / "gone.xlsx", COLUMNS, Path.read_bytes, "")


def test_frames_are_told_from_other_files_and_sorted_by_number(tmp_path):
    folder = tmp_path / "sub01" / "EP01"
    frames(folder, [2, 10, 1])
    for name in ("img4.JPG", "img5.jpeg", "img6.BMP", "img7.png", "IMG8.jpg"):
        (folder / name).touch()
    for name in (
        ".img9.jpg",
        "._img1.jpg",
        "Thumbs.db",
        "desktop.ini",
        "img01.jpg",
        "readme.txt",
        "img.jpg",
        "ximg3.jpg",
    ):
        (folder / name).touch()
    found = frame_folder(folder, tmp_path, "01", r"img(\d+)\.(?:jpe?g|png|bmp)")
    assert list(found.numbers) == [1, 2, 4, 5, 6, 7, 8, 10]
    assert (found.path, found.video, found.missing) == ("sub01/EP01", "EP01", 2)
    assert found.others == (".img9.jpg", "img.jpg", "readme.txt", "ximg3.jpg")
    assert (
        found.excluded == "frames_repeated: img01.jpg and img1.jpg are the same frame in sub01/EP01; keep one of them"
    )
    assert found.holds(10) and not found.holds(3) and not found.holds(11)


@pytest.mark.parametrize(("frame", "held"), [(1, 2), (2, 2), (3, 2), (4, 5), (6, 5), (7, 5), (8, 9), (99, 9)])
def test_nearest_frame(tmp_path, frame, held):
    found = frame_folder(frames(tmp_path / "a", [2, 5, 9]), tmp_path, "01", r"img(\d+)\.jpg")
    assert found.nearest(frame) == held


def test_matching_folders(tmp_path):
    for name in ("S1/Micro/b", "s02/micro/a", "s3/macro/c", "x/micro/d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "s02" / "micro" / "file").touch()
    found = matching_folders(tmp_path, [r"s(?P<subject>\d+)", "micro", ".*"])
    assert found == [("1", tmp_path / "S1/Micro/b"), ("02", tmp_path / "s02/micro/a")]


def test_folders_in_any_case(tmp_path):
    (tmp_path / "Raw" / "A").mkdir(parents=True)
    (tmp_path / "raw").mkdir()
    assert folder_at(tmp_path, "raw") == tmp_path / "raw"
    assert folder_at(tmp_path, "RAW/a") == tmp_path / "Raw" / "A"
    assert folder_at(tmp_path, "raw/none") is None
    with pytest.raises(UserError, match="gone: cannot be read"):
        entries(tmp_path / "gone")


def small(root: Path) -> dict[str, Path]:
    rows = [
        casme2_row(),
        casme2_row(filename="EP03", apex="/", emotion="others"),
        casme2_row(filename="EP04", apex=99, emotion="disgust"),
        casme2_row("02", "EP05", emotion="fear"),
    ]
    for clip in ("sub01/EP02_01f", "sub01/EP03", "sub01/EP04", "sub03/EP09"):
        casme2_frames(root, clip, [*range(1, 7), 9])
    return {"casme2": casme2(root, rows)}


def test_summary(tmp_path):
    summary = read("casme2", small(tmp_path)).summary()
    assert summary.splitlines() == [
        "casme2: 4 rows (3 in use), 1 subjects, 4 folders, 28 frames",
        "  emotion: disgust 1, happiness 1, others 1",
        "  casme2_5class: disgust 1, happiness 1, others 1",
        "  megc2019: negative 1, positive 1",
        "  repairs: 2",
        "    sub01_EP03: apex_missing: the table says '/', the middle of onset and offset (6) is used",
        "    sub01_EP04: apex_out_of_range: the table says 99, outside onset 3 to offset 9, their middle (6) is used",
        "  exclusions: 1",
        "    sub02_EP05: folder_missing: there is no folder CASME2_RAW/CASME2-RAW/sub02/EP05",
        "  folders without annotation: 1",
        "    CASME2_RAW/CASME2-RAW/sub03/EP09",
        "  folders with missing frames: 4",
        *(
            f"    CASME2_RAW/CASME2-RAW/{x}: 2 missing"
            for x in ("sub01/EP02_01f", "sub01/EP03", "sub01/EP04", "sub03/EP09")
        ),
        "  not used: 0",
        "  notes: 3",
        "    frames are read from CASME2_RAW/CASME2-RAW",
        "    there is no CASME2-ObjectiveClasses.xlsx: objective_class and megc2018 are null",
        "    casme2_5class: 3 rows, as no release has (that of 2014 246 and that of 2019 249)",
    ]


def test_strict_lists_the_first_and_counts_all(tmp_path):
    listing = read("casme2", small(tmp_path))
    with pytest.raises(UserError, match=r"repairs: 2, exclusions: 1\): sub02_EP05: folder_missing.*apex_missing") as e:
        listing.strict()
    assert "\n" not in str(e.value)
    rows = listing.rows
    for row in rows[1:]:
        listing.rows = [rows[0], row]
        with pytest.raises(UserError, match=row["clip"]):
            listing.strict()
    listing.rows = rows[:1]
    listing.strict()


def indexed(folder: Path, *options: str):
    """``mexflow index`` of a small CASME II in `folder`, into ``folder/out``."""
    root = small(folder / "raw")["casme2"]
    assert root == folder / "raw"
    out = folder / "out"
    files = ("--output", out / "index.parquet", "--videos", out / "videos.parquet", "--summary", out / "summary.txt")
    record = ("--record", out / "record.json")
    return project.mexflow("index", "--dataset", "casme2", "--root", root, *files, *record, *options)


def test_the_command_writes_tables_summary_and_record(tmp_path):
    done = indexed(tmp_path)
    assert done.returncode == 0, done.stderr
    listing = read("casme2", {"casme2": tmp_path / "raw"})
    out = tmp_path / "out"
    assert pq.read_schema(out / "index.parquet").equals(schema.ROWS)
    assert pq.read_schema(out / "videos.parquet").equals(schema.VIDEOS)
    null = dict.fromkeys(schema.ROWS.names)
    assert pq.read_table(out / "index.parquet").to_pylist() == [{**null, **row} for row in listing.rows]
    assert pq.read_table(out / "videos.parquet").to_pylist() == listing.videos
    assert done.stdout.strip() == (out / "summary.txt").read_text().strip() == listing.summary()
    record = json.loads((out / "record.json").read_text())
    assert sorted(record["inputs"]) == sorted(path.as_posix() for path in listing.annotation_files)


def test_strict_index_writes_nothing(tmp_path):
    done = indexed(tmp_path, "--strict")
    assert done.returncode == 1
    assert "--strict" in done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_no_frame_is_opened(tmp_path, monkeypatch):
    roots = small(tmp_path)
    opened, real = [], io.open

    def spy(path, *args, **kwargs):
        opened.append(str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", spy)
    monkeypatch.setattr(io, "open", spy)
    monkeypatch.setattr(os, "open", lambda *a, **k: pytest.fail(f"os.open{a}"))
    read("casme2", roots)
    assert [path for path in opened if path.startswith(str(tmp_path))] == [
        str(tmp_path / "CASME2-coding-20140508.xlsx")
    ]


def test_schema_is_the_documented_one():
    assert schema.ROWS.names == [
        "dataset",
        "subject",
        "video",
        "clip",
        "type",
        "onset",
        "apex",
        "offset",
        "fps",
        "action_units",
        "emotion",
        "casme2_5class",
        "objective_class",
        "megc2018",
        "megc2019",
        "mmew_5class",
        "path",
        "repairs",
        "excluded",
    ]
    whole = [name for name in schema.ROWS.names if str(schema.ROWS.field(name).type) == "int64"]
    assert whole == ["onset", "apex", "offset", "objective_class"]


def test_unknown_dataset():
    with pytest.raises(
        UserError, match=r"unknown dataset 'casme' \(did you mean 'casme2'\?\); one of: cas_me_2, casme2, megc2018"
    ):
        read("casme", {})


@pytest.mark.parametrize("dataset", DATASETS)
def test_root_not_given(dataset):
    with pytest.raises(UserError, match=f"--root {dataset}=DIR, or set datasets.{dataset}.root in config.yaml"):
        read(dataset, {})


@pytest.mark.parametrize("dataset", DATASETS)
def test_root_missing_or_a_file(dataset, tmp_path):
    file = tmp_path / "file"
    file.touch()
    for root, what in ((tmp_path / "gone", "no such folder"), (file, "a file, a folder is expected")):
        with pytest.raises(UserError, match=f"{root}: {what}; set datasets.{dataset}.root in config.yaml"):
            read(dataset, {dataset: root})


def test_registry_imports_nothing_heavy():
    code = (
        "import sys, mexflow.datasets.reading as reading; "
        "[reading.labels(name) for name in (*reading.DATASETS, *reading.COMPOSITES)]; "
        "print([m for m in ('pyarrow', 'openpyxl', 'pandas', 'numpy') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
    assert {member for name in COMPOSITES for member in members(name)} <= set(DATASETS)


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_layout_films_as_the_adapter_says(dataset):
    assert adapter(dataset).fps == embedded.layout(dataset).FPS
    assert len(embedded.plan(dataset, "full", 0).subjects) == adapter(dataset).subjects


def test_every_adapter_has_its_line_and_every_composite_its_members():
    with_adapter = {path.stem for path in (PACKAGE / "datasets").glob("*.py") if "\nADAPTER = " in path.read_text()}
    assert with_adapter == set(DATASETS)
    for name in COMPOSITES:
        assert set(members(name)) == {dataset for dataset in DATASETS if name in adapter(dataset).composites}

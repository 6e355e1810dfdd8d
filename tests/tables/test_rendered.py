"""How tables are written: marks of synthetic data, remarks, Markdown, CSV, and the names of cells."""

from __future__ import annotations

import csv
import io
import re

import pytest

from measured_files import PAPER_PATH
from mexflow.papers import paper as papers
from mexflow.tables import markdown
from mexflow.tables.cells import SCHEMA, Cell, require_unique, to_csv, to_table
from mexflow.tables.source import Source
from project import from_yaml, to_yaml
from reporting_files import LICENSED, make_tables


def test_every_measured_number_of_embedded_data_is_marked_in_every_table(made) -> None:
    text = made.text
    assert text.index("> [!WARNING]") < text.index("## T1")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    for section in sections:
        if section.startswith(("T3", "T4", "T5", "T6", "T7", "T8", "Null")):
            assert "> **† Measured numbers come from synthetic embedded data" in section
    values = [value for line in re.findall(r"\| measured \| (.*) \|", text) for value in line.split(" | ")]
    measured = [value for value in values if re.match(r"\d+\.\d", value)]
    assert measured and all(re.fullmatch(r"\d+\.\d+†[¹²³⁴⁵⁶⁷⁸⁹⁰,]*", value) for value in measured)


def test_each_remark_stands_once_below_its_table_and_numbers_lead_to_it(world) -> None:
    content = from_yaml(PAPER_PATH.read_bytes())
    content["experiments"]["m-1cl"]["demo"] = {"epochs": 3, "samples": 40}
    paper = world.root / PAPER_PATH.name
    paper.write_text(to_yaml(content))
    made = make_tables(world, paper)
    section = made.text.split("## T4.")[1].split("\n## ")[0]
    rows = [row for name, row in made.rows.items() if name.startswith("belaiche2020/T4/")]
    remarks = {note for row in rows for note in row["note"].split("; ")} - {"not run"}
    assert len(remarks) > 2 and all(section.count(remark) == 1 for remark in remarks)
    notes = dict(re.findall(r"^(\d+)\. (.*)$", section, re.MULTILINE))
    (general,) = re.findall(r"^For all measured numbers: (.*)\.$", section, re.MULTILINE)
    for row, column, label in (("Vy", "3CL", "| Vy |"), ("M", "1CL", "| M |")):
        cell = made.rows[f"belaiche2020/T4/{row}/{column}/accuracy"]
        lines = section[section.index(label) :].splitlines()[:2]
        place = int(column[0]) + 2
        texts = [line.split(" | ")[place - 1] for line in lines]
        assert texts[0] == f"{cell['published']:.2f}" and texts[1].startswith(f"{cell['measured']:.2f}†")
        led_to = [notes[str("⁰¹²³⁴⁵⁶⁷⁸⁹".index(mark))] for mark in texts[1].partition("†")[2].split(",")]
        assert "; ".join([*led_to, general]) == cell["note"]


def test_licensed_data_at_full_budget_carries_no_mark_and_at_demo_budget_does(world) -> None:
    full = make_tables(world, data=LICENSED, budget="paper")
    assert "†" not in full.text and "WARNING" not in full.text and "/data/my_SAMM (samm)" in full.text
    assert full.rows["belaiche2020/T4/Vy/3CL/accuracy"]["note"] == ""
    assert "must not be compared" in make_tables(world, data=LICENSED).text
    mixed = Source("embedded (casme2), /data/SAMM (samm)", "paper")
    assert not mixed.comparable and "partly synthetic" in mixed.warning() and "not comparable" in mixed.line()


def test_the_markdown_is_well_formed_and_ends_with_errata_and_controls(made) -> None:
    text = made.text
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("| ---"):
            rows = [lines[number - 1], line]
            rows += [row for row in lines[number + 1 : number + 20] if row.startswith("|")][:1]
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
            assert lines[number - 2] == ""
    paper = papers.parse(PAPER_PATH.read_bytes(), PAPER_PATH)
    assert [f"## {name}." in text for name in paper.tables] == [True] * 9
    assert text.index("## T9") < text.index("## Errata") < text.index("## Null controls")
    assert text.count("\n- ", text.index("## Errata"), text.index("## Null")) == len(paper.errata)


def test_the_csv_holds_the_same_cells(made) -> None:
    read = list(csv.DictReader(io.StringIO(made.csv)))
    assert list(read[0]) == SCHEMA.names and len(read) == len(made.rows)
    for row in read:
        same = made.rows[row["cell"]]
        assert row["note"] == same["note"]
        for key in ("published", "measured", "ci_low", "ci_high", "n"):
            assert (float(row[key]) if row[key] else None) == same[key]


def test_cell_names_are_unique_and_free_of_slashes() -> None:
    cell = Cell("p", "T1", "a/b", "c", "accuracy")
    assert cell.name == "p/T1/a-b/c/accuracy"
    with pytest.raises(ValueError, match="p/T1/a-b/c/accuracy"):
        require_unique([cell, Cell("p", "T1", "a-b", "c", "accuracy")])


def test_csv_keeps_every_digit_and_leaves_nulls_empty() -> None:
    cell = Cell("p", "T", "r", "c", "accuracy", 60.17, 100 / 3, (12.0, 1 / 3), 7, ("a, b", "c"))
    lines = (
        to_csv(to_table([cell, Cell("p", "T", "r", "d", "accuracy")], "embedded", "demo", "decided"))
        .decode()
        .splitlines()
    )
    numbers = "60.17,33.333333333333336,12,0.3333333333333333,7"
    assert lines[1] == f'p/T/r/c/accuracy,T,r,c,accuracy,{numbers},embedded,demo,decided,"a, b; c"'
    assert lines[2] == "p/T/r/d/accuracy,T,r,d,accuracy,,,,,,embedded,demo,decided,"


def test_escape_keeps_words_and_disarms_markup() -> None:
    assert markdown.escape("a|b *c* _d_ frames_missing <x>\n y") == r"a\|b \*c\* \_d\_ frames_missing \<x\> y"

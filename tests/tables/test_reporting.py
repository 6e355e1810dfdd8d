"""Tables from made-up predictions: every value checked against the files it came from."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from measured_files import CLASSES, write_fold
from mexflow.papers.interval_methods import LABELS
from mexflow.tables.cells import SCHEMA
from reporting_files import SUBJECTS, make_tables, pooled


def test_the_tidy_table_has_exactly_its_columns_and_unique_names(made) -> None:
    assert made.table.schema.equals(SCHEMA)
    assert len(made.rows) == made.table.num_rows == len(made.table)
    assert all(name.startswith("belaiche2020/") and name.count("/") == 4 for name in made.rows)
    assert {(row["data"], row["budget"]) for row in made.rows.values()} == {("embedded", "demo")}


def test_an_accuracy_cell_is_the_pooled_accuracy_beside_the_printed_one(made, pristine) -> None:
    row = made.rows["belaiche2020/T4/Vy/3CL/accuracy"]
    assert row["published"] == 60.17
    assert row["measured"] == pytest.approx(100 * accuracy_score(*pooled(pristine, "vy-3cl")))
    assert row["ci_low"] <= row["measured"] <= row["ci_high"] and row["n"] == 40
    assert row["note"] == "epochs 4 of 150; at most 40 samples an epoch"
    assert made.rows["belaiche2020/T8/Proposed (Vy 3CL)/accuracy/accuracy"]["measured"] == row["measured"]


def test_folds_not_run_by_the_budget_are_noted_and_missing_ones_make_it_incomplete(world) -> None:
    partial = make_tables(world, total=10).rows["belaiche2020/T4/M/1CL/accuracy"]
    assert (
        partial["measured"] is not None
        and partial["note"] == "folds 4 of 10; epochs 4 of 150; at most 40 samples an epoch"
    )
    (world.root / "folds/belaiche2020/m-1cl/samm-006/predictions.parquet").unlink()
    made = make_tables(world)
    row = made.rows["belaiche2020/T4/M/1CL/accuracy"]
    assert (row["measured"], row["ci_low"], row["n"]) == (None, None, None)
    assert row["note"].startswith("INCOMPLETE 3/4; ")
    assert re.search(r"\| M \| published \| 58.09 \|.*\n\| \| measured \| \*\*INCOMPLETE 3/4\*\* \|", made.text)
    assert "1 incomplete" in made.summary


def test_an_experiment_that_was_not_run_has_no_number(made) -> None:
    row = made.rows["belaiche2020/T4/Vx/1CL/accuracy"]
    assert (row["measured"], row["note"]) == (None, "not run")
    assert "| Vx | published | 52.24 | 54.34 |" in made.text and "| measured | not run | not run |" in made.text


def test_a_fold_without_clips_counts_as_run(world) -> None:
    write_fold(world.root, "m-1cl", "samm/006", [], [])
    row = make_tables(world).rows["belaiche2020/T4/M/1CL/accuracy"]
    assert row["n"] == 30 and "1 fold without a test clip" in row["note"]
    for subject in SUBJECTS:
        write_fold(world.root, "m-1cl", subject, [], [])
    row = make_tables(world).rows["belaiche2020/T4/M/1CL/accuracy"]
    assert (row["measured"], row["n"]) == (None, 0) and row["note"].startswith("no test clip; ")


def test_one_subject_gives_a_number_without_interval(world) -> None:
    row = make_tables(world, folds={"m-1cl": ["casme2-01"]}).rows["belaiche2020/T4/M/1CL/accuracy"]
    assert row["measured"] is not None and row["ci_low"] is None
    assert row["note"] == (
        "no interval: one subject, fewer than 3; folds 1 of 4; epochs 4 of 150; at most 40 samples an epoch"
    )


def test_counts_are_exact_and_name_the_misprint_only_where_they_differ(made) -> None:
    row = made.rows["belaiche2020/T2/single/3CL/parameters"]
    assert (row["published"], row["measured"], row["ci_low"], row["ci_high"], row["n"]) == (333121, *[331301] * 3, 1)
    assert "333,121 fits no network" in row["note"]
    assert "fits no network" not in made.rows["belaiche2020/T2/single/4CL/parameters"]["note"]
    for name, values in {"single": (16, 48, 112, 240), "double": (32, 96, 224, 480)}.items():
        cells = [made.rows[f"belaiche2020/T9/{name}/{depth}CL/filters"] for depth in (1, 2, 3, 4)]
        assert tuple(cell["measured"] for cell in cells) == tuple(cell["published"] for cell in cells) == values
    assert "| single | parameters | published | 82,373 | 168,997 | 333,121 |" in made.text
    assert "| | | measured | 82,373 | 168,997 | 331,301 |" in made.text


def test_quoted_rows_show_what_is_printed(made) -> None:
    assert "| LBP-TOP¹ | published | 42.29 |\n| | measured | not run |" in made.text
    assert "| Khor et al.² | published | 57.00 |\n| Peng et al.³ | published | 74.70 |" in made.text
    row = made.rows["belaiche2020/T8/Peng et al./accuracy/accuracy"]
    assert (row["published"], row["measured"]) == (74.70, None) and "transfer from macro-expressions" in row["note"]


def test_similarity_cells_are_symmetric_and_stand_beside_the_full_average(made, pristine) -> None:
    rows = made.rows
    for a in CLASSES:
        for b in CLASSES:
            for metric in ("cosine_similarity", "cosine_similarity_all_pairs"):
                one, other = rows[f"belaiche2020/T5/{a}/{b}/{metric}"], rows[f"belaiche2020/T5/{b}/{a}/{metric}"]
                assert [one[k] for k in ("measured", "ci_low", "n", "note")] == [
                    other[k] for k in ("measured", "ci_low", "n", "note")
                ]
    total, pairs = 0.0, 0
    for subject in SUBJECTS:
        path = pristine.root / "folds/belaiche2020/vy-3cl" / subject.replace("/", "-") / "features.npy"
        features = np.load(path)[np.array(pristine.labels[subject]) == "anger"]
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        above = np.triu_indices(len(unit), 1)
        total, pairs = total + (unit @ unit.T)[above].sum(), pairs + len(above[0])
    row = rows["belaiche2020/T5/anger/anger/cosine_similarity_all_pairs"]
    assert row["measured"] == pytest.approx(total / pairs, abs=1e-6) and row["n"] == pairs
    assert row["published"] is None
    assert rows["belaiche2020/T5/anger/anger/cosine_similarity"]["published"] == 0.5260
    assert rows["belaiche2020/T5/anger/anger/cosine_similarity"]["n"] == 1
    none = rows["belaiche2020/T5/sadness/sadness/cosine_similarity"]
    assert none["measured"] is None and none["note"].startswith("no fold holds enough")
    assert rows["belaiche2020/T6/anger/anger/cosine_similarity"]["note"] == "not run"


def test_missing_features_make_similarity_incomplete_but_not_accuracy(world) -> None:
    (world.root / "folds/belaiche2020/vy-3cl/casme2-02/features.npy").unlink()
    rows = make_tables(world).rows
    assert rows["belaiche2020/T5/anger/anger/cosine_similarity"]["note"].startswith("INCOMPLETE 3/4")
    assert rows["belaiche2020/T4/Vy/3CL/accuracy"]["measured"] is not None


@pytest.mark.parametrize(("method", "label"), LABELS.items())
def test_the_method_of_intervals_is_a_setting_and_is_told(world, made, method, label) -> None:
    """Four subjects: enough for t alone; where there is no interval, the note says why."""
    other = make_tables(world, intervals=method)
    row = other.rows["belaiche2020/T4/Vy/3CL/accuracy"]
    assert f"interval of what was measured ({label})" in other.text
    assert (row["ci_low"] is None) == ("no interval: 4 subjects, fewer than 15" in row["note"]) == (method != "t")
    if method == "t":
        assert other.rows == made.rows
    # The similarity of chosen samples has its own.
    chosen = "belaiche2020/T5/anger/anger/cosine_similarity"
    assert (
        other.rows[chosen] == made.rows[chosen] and "percentile bootstrap over subjects, fold and samples" in made.text
    )


def test_tables_are_the_same_in_another_folder_and_intervals_change_with_the_seed(made, world) -> None:
    again = make_tables(world)
    assert (made.text, made.csv, made.rows) == (again.text, again.csv, again.rows)
    assert any(name.endswith("vy-3cl/samm-006/features.npy") for name in again.digests)
    seeded = make_tables(world, seed=2).rows
    names = [name for name, row in made.rows.items() if row["metric"] == "accuracy" and row["measured"] is not None]
    names = [name for name in names if not name.endswith("chance/accuracy")]  # a mean over permutations
    assert names and [name for name in names if seeded[name]["measured"] != made.rows[name]["measured"]] == []
    chosen = "belaiche2020/T5/anger/anger/cosine_similarity"
    assert seeded[chosen]["note"] != made.rows[chosen]["note"]


def test_a_cell_says_what_it_was_measured_of(made) -> None:
    assert made.cells["belaiche2020/T4/Vy/3CL/accuracy"] == ["vy-3cl"]
    measured = {cell for cell, row in made.rows.items() if row["measured"] is not None}
    assert measured <= made.cells.keys() <= made.rows.keys()
    (control,) = [cell for cell in made.cells if cell.endswith("/null chance/accuracy")]
    assert made.cells[control] == ["vy-3cl-null"]

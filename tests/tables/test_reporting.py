"""Tables and figures from made-up predictions: every value checked against the files it came from."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix

from measured_files import CLASSES, PAPER_PATH, recipe, write_faces, write_flow, write_fold, write_index
from mexflow.cli import figures, tables
from mexflow.errors import UserError
from mexflow.papers import paper as papers
from mexflow.papers.figure_recipe import FigureRecipe, FlowFolder, Shown
from mexflow.papers.interval_methods import LABELS
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.store.paths import Results
from mexflow.tables import markdown
from mexflow.tables.cells import SCHEMA, Cell, require_unique, to_csv, to_table
from mexflow.tables.controls import PERMUTATIONS, judge, judge_null
from mexflow.tables.exclusions import count_reasons, exclusions, of_experiments
from mexflow.tables.measurement import Measurement
from mexflow.tables.source import Source
from project import from_yaml, squeezed, to_yaml

SUBJECTS = ("casme2/01", "casme2/02", "casme2/03", "samm/006")
EXPERIMENTS = ("vy-3cl", "vy-3cl-null", "m-1cl", "resnet-7cl")
LICENSED = "/data/CASME2 (casme2), /data/my_SAMM (samm)"


@pytest.fixture
def world(tmp_path: Path, pristine: SimpleNamespace) -> SimpleNamespace:
    """A copy of the measured files that a test may change."""
    shutil.copytree(pristine.root, tmp_path, dirs_exist_ok=True)
    moved = {
        "root": tmp_path,
        "index": tmp_path / pristine.index.relative_to(pristine.root),
        "flow_tables": [tmp_path / path.relative_to(pristine.root) for path in pristine.flow_tables],
    }
    return SimpleNamespace(**{**vars(pristine), **moved})


@pytest.fixture(scope="module")
def made(pristine: SimpleNamespace) -> SimpleNamespace:
    """The tables of the unchanged files."""
    return make_tables(pristine)


@pytest.fixture(scope="module")
def drawn(pristine: SimpleNamespace) -> tuple[str, dict[str, bytes]]:
    """The figures of the unchanged files."""
    return make_figures(pristine)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Predictions of four experiments over four subjects, an index, flow and faces."""
    tmp_path = tmp_path_factory.mktemp("measured")
    rng = np.random.default_rng(0)
    labels = {subject: list(rng.choice(CLASSES, 10, p=[0.2, 0.1, 0.5, 0.2, 0])) for subject in SUBJECTS}
    guesses: dict[str, dict[str, list[str]]] = {}
    folds: dict[str, list[str]] = {}
    for experiment in EXPERIMENTS:
        right = 0.0 if experiment.endswith("null") else 0.9
        for subject in SUBJECTS:
            guess = [str(x if rng.random() < right else rng.choice(CLASSES)) for x in labels[subject]]
            guesses.setdefault(experiment, {})[subject] = guess
            features = rng.normal(size=(10, 8)) if experiment in ("vy-3cl", "resnet-7cl") else None
            folds.setdefault(experiment, []).append(
                write_fold(tmp_path, experiment, subject, labels[subject], guess, features)
            )
    clips, flow_tables, fields = [], [], {}
    for subject in SUBJECTS:
        dataset, number = subject.split("/")
        names = [f"{number}_{i}" for i in range(10)]
        clips += [
            {"dataset": dataset, "subject": subject, "clip": c, "megc2018": x}
            for c, x in zip(names, labels[subject], strict=True)
        ]
        values = rng.normal(size=(20, 2, 64, 64)) * 0.1
        rows = [{"clip": c, "pair": pair} for c in names for pair in ("onset-apex", "onset-apex+1")]
        fields[subject] = values.astype(np.float32)
        flow_tables.append(write_flow(tmp_path, dataset, number, rows, values))
        write_faces(tmp_path, dataset, number, names, rng.integers(0, 255, (10, 112, 112, 3), dtype=np.uint8))
    index = write_index(tmp_path, clips)
    return SimpleNamespace(
        root=tmp_path, labels=labels, guesses=guesses, folds=folds, index=index, clips=clips,
        flow_tables=flow_tables, fields=fields,
    )  # fmt: skip


DATA = "megc2018"
"""The name of the paper's data."""


def make_tables(world: SimpleNamespace, paper: Path = PAPER_PATH, **changes) -> SimpleNamespace:
    """Run the tables job; returns its rows by cell, the Markdown, the CSV, the summary and the inputs' digests."""
    prefix = world.root / "tables" / "belaiche2020"
    inputs = Inputs()
    with Outputs() as outputs:
        wanted = recipe(**{"folds": world.folds, "total": 4, **changes})
        summary, cells = tables.run(paper, world.root, wanted, prefix, inputs, outputs)
        outputs.commit()
    table = pq.read_table(prefix.with_suffix(".parquet"))
    return SimpleNamespace(
        table=table,
        rows={row["cell"]: row for row in table.to_pylist()},
        text=squeezed(prefix.with_suffix(".md").read_text()),
        csv=prefix.with_suffix(".csv").read_text(),
        summary=summary,
        cells=cells,
        digests=inputs.digests,
    )


def make_figures(world: SimpleNamespace, paper: Path = PAPER_PATH, **changes: object) -> tuple[str, dict[str, bytes]]:
    """Run the figures job; returns its summary and the files by name. `changes` are of its recipe."""
    flow = FlowFolder(folder="flow/horn_schunck", pair="onset-apex", size=64)
    recipe = {
        "budget": "demo", "data": "embedded", "seed": 1, "indexes": {DATA: "index/megc2018.parquet"},
        "folds": world.folds, "total_folds": {DATA: 4},
    }  # fmt: skip
    drawn_from = {"flow_sample": {"flow": flow, "faces": "faces"}, "mean_flow": {"flow": flow}}
    shown = papers.parse(paper.read_bytes(), paper).figures
    recipe["figures"] = {
        name: Shown(kind=figure.kind, **drawn_from.get(figure.kind, {})) for name, figure in shown.items()
    }
    output = world.root / "figures"
    with Outputs() as outputs:
        summary = figures.run(paper, world.root, FigureRecipe(**{**recipe, **changes}), output, Inputs(), outputs)
        outputs.commit()
    return summary, {path.name: path.read_bytes() for path in sorted(output.iterdir())}


def paper_with(world: SimpleNamespace, *names: str) -> Path:
    """The paper's file with only some of its figures."""
    values = from_yaml(PAPER_PATH.read_bytes())
    values["figures"] = {name: values["figures"][name] for name in names}
    path = world.root / PAPER_PATH.name
    path.write_text(to_yaml(values))
    return path


def pooled(world: SimpleNamespace, experiment: str) -> tuple[list[str], list[str]]:
    labels = [x for subject in SUBJECTS for x in world.labels[subject]]
    return labels, [x for subject in SUBJECTS for x in world.guesses[experiment][subject]]


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


def test_the_null_control_is_judged(made, world) -> None:
    for metric in ("accuracy", "uf1", "uar"):
        real, chance, null, null_chance, constant = (
            made.rows[f"belaiche2020/controls/vy-3cl/{column}/{metric}"]
            for column in ("experiment", "chance", "null", "null chance", "constant")
        )
        assert chance["ci_low"] < chance["measured"] < chance["ci_high"] < real["measured"]
        assert chance["note"] == null_chance["note"] == f"{PERMUTATIONS} permutations"
        assert null["measured"] <= null_chance["ci_high"] and null["note"].endswith("at or below chance")
        assert real["note"].endswith("; above chance") and constant["ci_low"] is None
    labels = [label for subject in SUBJECTS for label in world.labels[subject]]
    share = made.rows["belaiche2020/controls/vy-3cl/constant/accuracy"]["measured"]
    assert share == pytest.approx(100 * max(labels.count(name) for name in CLASSES) / len(labels))
    assert "## Null controls: labels permuted within subject" in made.text
    assert "control at or below chance; experiment above chance" in made.text
    without = make_tables(world, null_controls=False)
    assert not any("/controls/" in name for name in without.rows) and "Not run" in without.text


def test_chance_is_what_shuffled_labels_score(made, world) -> None:
    rng, shares = np.random.default_rng(0), []
    for _ in range(3000):
        right = [
            shuffled == guess
            for subject in SUBJECTS
            for shuffled, guess in zip(
                rng.permutation(world.labels[subject]), world.guesses["vy-3cl"][subject], strict=True
            )
        ]
        shares.append(100 * np.mean(right))
    row = made.rows["belaiche2020/controls/vy-3cl/chance/accuracy"]
    assert row["measured"] == pytest.approx(np.mean(shares), abs=1)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(np.quantile(shares, [0.025, 0.975])), abs=2.6)


def test_a_control_of_known_leakage_fails(world) -> None:
    """The control's predictions become the labels themselves."""
    for subject in SUBJECTS:
        write_fold(world.root, "vy-3cl-null", subject, world.labels[subject], world.labels[subject])
    leaking = make_tables(world)
    assert leaking.rows["belaiche2020/controls/vy-3cl/null/uf1"]["note"].endswith("above chance: labels leak")
    assert "of its null control: above chance: labels leak" in leaking.summary


def test_labels_that_are_one_a_subject_cannot_be_permuted(world) -> None:
    for name in ("vy-3cl", "vy-3cl-null"):
        for subject in SUBJECTS:
            write_fold(world.root, name, subject, ["anger"] * 3, ["anger", "sadness", "anger"], np.eye(3, 5) + 1)
    row = make_tables(world).rows["belaiche2020/controls/vy-3cl/null/accuracy"]
    assert row["note"].endswith("no verdict (no subject has clips of two classes)")


def test_verdicts() -> None:
    def measured(value: float | None, *interval: float) -> Measurement:
        return Measurement("accuracy", value, interval or None, 10)

    chance = measured(40, 30, 47)
    assert judge_null(measured(46, 20, 60), chance) == judge_null(measured(47), chance) == "at or below chance"
    assert judge_null(measured(10, 5, 20), chance) == "at or below chance"
    assert judge_null(measured(48, 20, 60), chance) == judge_null(measured(48), chance) == "above chance: labels leak"
    assert judge_null(measured(None), chance) == "no verdict"
    assert "no subject has clips of two" in judge_null(measured(46), measured(None))
    assert judge(measured(60, 52, 68), chance, measured(40, 30, 50)) == "above chance"
    assert judge(measured(60, 52, 68), chance, measured(50)) == "above chance"
    unsure = "above its range of chance, but not shown to be above its control"
    assert judge(measured(60, 49, 68), chance, measured(40, 30, 50)) == unsure
    assert judge(measured(60), chance, measured(40, 30, 50)) == unsure
    assert judge(measured(46, 45, 47), chance, measured(30, 20, 40)) == "at or below chance"
    assert judge(measured(60, 52, 68), chance, measured(None)) == "no verdict"


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


def test_the_csv_holds_the_same_cells(made) -> None:
    read = list(csv.DictReader(io.StringIO(made.csv)))
    assert list(read[0]) == SCHEMA.names and len(read) == len(made.rows)
    for row in read:
        same = made.rows[row["cell"]]
        assert row["note"] == same["note"]
        for key in ("published", "measured", "ci_low", "ci_high", "n"):
            assert (float(row[key]) if row[key] else None) == same[key]


def test_excluded_clips_are_counted_by_reason_and_noted(world) -> None:
    clips = [dict(clip) for clip in world.clips]
    clips[0]["excluded"] = "frames_missing: apex 5 not in x"
    clips[1]["megc2018"], clips[1]["excluded"] = None, "folder_missing: of no class, so not counted"
    index = write_index(world.root, clips)
    rows = [
        {"clip": "02_0", "pair": "onset-apex", "excluded": "face_missing: 9 of 10 frames"},
        {"clip": "02_1", "pair": "onset-apex+1", "excluded": "frame_absent: 6"},
        {"clip": "02_none", "pair": "onset-apex", "excluded": "face_missing: no clip of this paper"},
    ]
    flow = write_flow(world.root, "casme2", "02", rows, np.zeros((3, 2, 64, 64)))
    rows = pq.read_table(index).to_pylist()
    counted = count_reasons(exclusions(rows, "megc2018", [pq.read_table(flow)], ["onset-apex"]))
    assert counted == {"face_missing": 1, "frames_missing": 1}
    row = make_tables(world).rows["belaiche2020/T4/Vy/3CL/accuracy"]
    assert "2 clips of the dataset excluded (face_missing 1, frames_missing 1)" in row["note"]


def write_lbp_top(world: SimpleNamespace, excluded: Mapping[str, str]) -> None:
    """Predictions of the baseline, and the table beside its features: of every clip, `excluded` by name."""
    folds = []
    for subject in SUBJECTS:
        dataset, number = subject.split("/")
        folds.append(write_fold(world.root, "lbp-top", subject, world.labels[subject], world.labels[subject]))
        path = world.root / "lbp_top" / "standard" / dataset / f"{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        names = [f"{number}_{i}" for i in range(10)]
        rows = [{"dataset": dataset, "subject": number, "clip": c, "excluded": excluded.get(c)} for c in names]
        schema = pa.schema([(name, pa.string()) for name in ("dataset", "subject", "video", "clip", "excluded")])
        pq.write_table(pa.Table.from_pylist([{**row, "video": f"video_{row['clip']}"} for row in rows], schema), path)
    world.folds = {**world.folds, "lbp-top": folds}


def test_what_one_input_lacks_is_noted_where_it_was_read(world) -> None:
    """LBP-TOP leaves out two clips, flow a third: each is told of its own experiments, in tables and in figures."""
    write_lbp_top(world, {"02_0": "too_short: 4 frames", "02_3": "too_short: 5 frames"})
    rows = [{"clip": f"02_{i}", "pair": pair} for i in range(10) for pair in ("onset-apex", "onset-apex+1")]
    rows[2]["excluded"] = "face_missing: frame 5"
    write_flow(world.root, "casme2", "02", rows, world.fields["casme2/02"])
    cells = make_tables(world).rows
    network, baseline = cells["belaiche2020/T4/Vy/3CL/accuracy"], cells["belaiche2020/T8/LBP-TOP/accuracy/accuracy"]
    assert network["measured"] is not None and baseline["measured"] == 100
    assert "1 clip of the dataset excluded (face_missing 1)" in network["note"]
    assert "2 clips of the dataset excluded (too_short 2)" in baseline["note"]
    for cell, row in cells.items():
        if row["measured"] is not None and row["metric"] == "accuracy" and cell != baseline["cell"]:
            assert "too_short" not in row["note"]
    _, files = make_figures(world, paper_with(world, "F7"))
    foot = files["F7.svg"].decode()
    assert "1 clip of the dataset excluded (face_missing 1)" in foot and "too_short" not in foot


@pytest.mark.parametrize("name", papers.available(PAPER_PATH.parent))
def test_exclusions_belong_to_the_experiments_that_read_the_arrays(tmp_path, name) -> None:
    """Of every paper, and of every folder of arrays in turn: one clip is left out there and nowhere else."""
    paper = papers.load(PAPER_PATH.parent, name)
    experiments = list(paper.with_null_controls())
    rows = {
        data: [{"dataset": "d", "subject": "s", "video": "v", "clip": "c", used.label: used.classes[0],
                "excluded": None}]
        for data, used in paper.data.items()
    }  # fmt: skip
    folders = {paper.reads(experiment)[0] for experiment in experiments}
    assert len(folders) > 1 or name in ("elface2021", "nag2019", "liong2019"), "these read one folder"
    for left_out in sorted(folders):
        for folder in folders:
            reason = "made_up: here" if folder == left_out else None
            row = {"dataset": "d", "subject": "s", "video": "v", "excluded": reason}
            row |= {} if folder == "faces" else {"clip": "c"}
            row |= {"pair": paper.test_pairs[0]} if folder.startswith("flow/") else {}
            path = tmp_path / folder / "d" / "s.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist([row], pa.schema([(key, pa.string()) for key in row])), path)
        excluded = of_experiments(paper, experiments, Results(tmp_path), rows, Inputs())
        assert set(excluded) == set(experiments)
        for experiment, clips in excluded.items():
            own = paper.reads(experiment)[0] == left_out
            assert clips == ({("d", "s", "c"): "made_up: here"} if own else {}), (experiment, left_out)


def test_a_table_that_is_missing_is_told_but_after_a_failed_run(world) -> None:
    world.flow_tables[0].unlink()
    with pytest.raises(UserError, match=r"flow/horn_schunck/.*parquet"):
        make_tables(world)
    failed = make_tables(world, missing={f"m-1cl/{world.folds['m-1cl'][0]}": "its job failed"})
    assert failed.rows["belaiche2020/T4/M/1CL/accuracy"]["measured"] is not None


def test_a_cell_says_what_it_was_measured_of(made) -> None:
    assert made.cells["belaiche2020/T4/Vy/3CL/accuracy"] == ["vy-3cl"]
    measured = {cell for cell, row in made.rows.items() if row["measured"] is not None}
    assert measured <= made.cells.keys() <= made.rows.keys()
    (control,) = [cell for cell in made.cells if cell.endswith("/null chance/accuracy")]
    assert made.cells[control] == ["vy-3cl-null"]


def test_clips_that_lack_a_frame_that_the_input_needs_are_counted(world) -> None:
    """Not all that is left out is in a table beside an array: what is neither excluded nor predicted is counted too."""
    path = world.root / "folds/belaiche2020/m-1cl/casme2-01/predictions.parquet"
    pq.write_table(pq.read_table(path).slice(2), path)
    rows = make_tables(world).rows
    assert (
        "2 test clips lack a face that was seen in a frame that the input needs"
        in rows["belaiche2020/T4/M/1CL/accuracy"]["note"]
    )
    assert "lack a face" not in rows["belaiche2020/T4/Vy/3CL/accuracy"]["note"]


def test_an_unknown_class_or_a_lacking_column_is_a_clear_error(world) -> None:
    write_fold(world.root, "m-1cl", "casme2/01", ["joy"], ["anger"])
    with pytest.raises(UserError, match="class 'joy' is not a class of belaiche2020"):
        make_tables(world)
    path = world.root / "folds/belaiche2020/m-1cl/casme2-01/predictions.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["predicted"]), path)
    with pytest.raises(UserError, match="predicted"):
        make_tables(world)


def test_features_that_do_not_fit_their_predictions_are_an_error(world) -> None:
    np.save(world.root / "folds/belaiche2020/vy-3cl/casme2-01/features.npy", np.zeros((3, 8), np.float32))
    with pytest.raises(UserError, match=r"features.npy: 3 rows, but 10 predictions"):
        make_tables(world)


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


def test_figures_are_written_as_png_and_svg_the_same_bytes_in_another_folder(drawn, world) -> None:
    said, first = drawn
    assert list(first) == [f"F{n}.{ending}" for n in (3, 6, 7, 8) for ending in ("png", "svg")]
    assert make_figures(world)[1] == first
    for name, content in first.items():
        if name.endswith("png"):
            image = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
            assert image.shape[1] >= 1000 and (image < 200).mean() > 0.01
        else:
            text = content.decode()
            assert "<dc:date>" not in text
            wanted = "nothing here was measured" if name.startswith("F8") else "not comparable with published numbers"
            assert wanted in text.partition("</metadata>")[0]
            assert wanted in "".join(re.findall(r"<!-- (.*?) -->", text))
    assert f"{100 * accuracy_score(*pooled(world, 'vy-3cl')):.2f} % of 40 clips" in said


def test_the_confusion_figure_shows_the_measured_shares(drawn, pristine) -> None:
    matrix = confusion_matrix(*pooled(pristine, "vy-3cl"), labels=CLASSES)
    texts = re.findall(r"<!-- (.*?) -->", drawn[1]["F7.svg"].decode())
    shares = 100 * matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    wanted = [f"{value:.1f}" for value in shares[matrix.sum(axis=1) > 0].ravel()] + ["–"] * 5
    start = next(i for i in range(len(texts)) if texts[i : i + len(wanted)] == wanted)
    assert "measured†: " + f"{100 * np.trace(matrix) / 40:.2f} % of 40 clips" in texts[start:]
    assert "(n = 0)" in texts


def test_a_confusion_figure_over_missing_folds_shows_incomplete_and_no_number(world) -> None:
    (world.root / "folds/belaiche2020/vy-3cl/casme2-01/predictions.parquet").unlink()
    paper = paper_with(world, "F7")
    _, files = make_figures(world, paper, data=LICENSED, budget="paper")
    text = files["F7.svg"].decode()
    assert "<!-- INCOMPLETE 3/4 -->" in text and "of 30 clips" not in text
    assert f"data: {LICENSED} · budget paper" in text and "not comparable" not in text and "†" not in text


def test_the_mean_flow_and_the_sample_come_from_usable_clips(world) -> None:
    from mexflow.figures.flow_summary import backdrop, local_motion, summarise

    rows = [{"clip": f"02_{i}", "excluded": "face_missing: x" if i == 3 else None} for i in range(10)]
    fields = np.random.default_rng(5).normal(size=(10, 2, 64, 64)).astype(np.float32)
    fields[3] *= 50
    fields[4] += 30  # a shift of the whole head is no expression
    fields[6] *= 2
    write_flow(world.root, "casme2", "02", rows, fields)
    index = [dict(row, excluded=None) for row in world.clips]
    arrays = {tuple(subject.split("/")): world.root / "flow/horn_schunck" / f"{subject}.npy" for subject in SUBJECTS}
    found = summarise(index, arrays, "megc2018", list(CLASSES), "onset-apex", 64, Inputs())
    assert found.sample.clip == "02_6" and found.sample.dataset == "casme2"
    assert local_motion(fields[4]) < local_motion(fields[6])
    usable = [fields[i] for i in range(10) if i != 3 and world.labels["casme2/02"][i] == "anger"]
    for subject in SUBJECTS:
        if subject != "casme2/02":
            usable += [world.fields[subject][2 * i] for i in range(10) if world.labels[subject][i] == "anger"]
    anger = CLASSES.index("anger")
    assert found.counts[anger] == len(usable)
    assert found.mean[anger, :2] == pytest.approx(np.mean(usable, axis=0), abs=1e-5)
    assert found.mean[anger, 2] == pytest.approx(np.hypot(*np.moveaxis(usable, 1, 0)).mean(axis=0), abs=1e-5)
    assert np.isnan(found.mean[CLASSES.index("sadness")]).all()
    face = backdrop(found.sample, world.root / "faces/casme2/02.npy", Inputs())
    colour = np.load(world.root / "faces/casme2/02.npy")[6]
    assert face == pytest.approx(colour @ (0.299, 0.587, 0.114))


def test_figures_without_a_usable_clip_say_so(world) -> None:
    clips = [dict(clip, excluded="folder_missing: x") for clip in world.clips]
    paper = paper_with(world, "F3", "F6")
    write_index(world.root, clips)
    _, files = make_figures(world, paper)
    for name in ("F3.svg", "F6.svg"):
        assert "no clip to show" in files[name].decode()


def test_flow_of_another_size_is_an_error(world) -> None:
    path = world.root / "flow/horn_schunck/samm/006.npy"
    np.save(path, np.zeros((20, 2, 32, 32), np.float32))
    with pytest.raises(UserError, match=r"006.npy: shape \(20, 2, 32, 32\)"):
        make_figures(world)

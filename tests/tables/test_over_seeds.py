"""Numbers of experiments that were trained from several seeds, against what each seed's files say."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import t as student
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from measured_files import CLASSES, PAPER_PATH, recipe, write_fold, write_index
from mexflow.cli import tables
from mexflow.errors import UserError
from mexflow.papers import paper as papers
from mexflow.papers import repeats
from mexflow.papers.parts import Claim, Column, Row
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.tables import claims, controls, paper_page, shifted_controls
from mexflow.tables.cells import OF_SEEDS, SCHEMA
from mexflow.tables.evidence import Evidence, Place
from mexflow.tables.over_seeds import merged
from mexflow.tables.paper_cells import measure, paper_cells
from mexflow.tables.source import Source
from project import WORKFLOW, squeezed
from spotting_files import DATASET, EXPERIMENT, SPOTTED, TRUTH, VARIANT, index_rows
from spotting_files import SUBJECTS as SPOTTING
from spotting_files import write as write_spotted

SUBJECTS = tuple(f"casme2/{number:02}" for number in range(1, 9))
SEEDS = 3
REPEATED = {"vy-3cl": 0.7, "vy-3cl-null": 0.0, "m-1cl": 0.4}
"""How often each experiment is right by more than chance."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Three experiments under three seeds, and LBP-TOP, of which nothing is random."""
    root = tmp_path_factory.mktemp("seeds")
    rng = np.random.default_rng(0)
    labels = {subject: [str(rng.choice(CLASSES)) for _ in range(rng.integers(4, 12))] for subject in SUBJECTS}
    said: dict[str, dict[str, tuple[list[str], list[str]]]] = {}
    folds: dict[str, list[str]] = {}
    names = [repeats.named(name, number) for number in range(1, SEEDS + 1) for name in REPEATED]
    for name in [*names, "lbp-top"]:
        for subject in SUBJECTS:
            own = labels[subject]
            if "-null" in name:  # each seed has labels of its own
                own = [str(label) for label in rng.permutation(own)]
            right = REPEATED.get(repeats.first_of(name), 0.2)
            guess = [x if rng.random() < right else str(rng.choice(CLASSES)) for x in own]
            features = rng.normal(size=(len(own), 4)) if name.startswith("vy-3cl") and "-null" not in name else None
            said.setdefault(name, {})[subject] = own, guess
            folds.setdefault(name, []).append(write_fold(root, name, subject, own, guess, features))
    clips = [
        {"dataset": "casme2", "subject": s, "clip": f"{s[-2:]}_{i}", "megc2018": x}
        for s in SUBJECTS
        for i, x in enumerate(labels[s])
    ]
    return SimpleNamespace(root=root, folds=folds, said=said, index=write_index(root, clips))


def evidence(world: SimpleNamespace, seeds: int = SEEDS, **changes) -> Evidence:
    """Evidence of so many seeds."""
    folds = {name: own for name, own in world.folds.items() if repeats.number_of(name) <= seeds}
    paper = papers.load(WORKFLOW / "papers", "belaiche2020").model_copy(update=changes)
    return Evidence(paper, world.root / "folds", folds, {"megc2018": 8}, Source("embedded", "demo"), 1, Inputs())


def of(found: Evidence, metric: str, experiment: str, row: str = "row", column: str = "column", **place):
    return measure(metric, found, Place(Row(name=row), Column(name=column, **place), experiment))


def pooled(world: SimpleNamespace, name: str, without: str = "") -> tuple[list[str], list[str]]:
    """Labels and answers of all subjects, or of all but one."""
    pairs = [pair for s in SUBJECTS if s != without for pair in zip(*world.said[name][s], strict=True)]
    return tuple(map(list, zip(*pairs, strict=True)))  # type: ignore[return-value]


def named(experiment: str) -> list[str]:
    return [repeats.named(experiment, number) for number in range(1, SEEDS + 1)]


SCORES = {
    "accuracy": accuracy_score,
    "uf1": lambda true, said: f1_score(true, said, average="macro"),
}


@pytest.mark.parametrize("metric", SCORES)
def test_the_number_is_the_mean_over_seeds_and_its_interval_is_over_subjects(world, metric):
    (one,) = of(evidence(world), metric, "vy-3cl")
    score = SCORES[metric]
    values = [score(*pooled(world, name)) for name in named("vy-3cl")]
    assert one.value == pytest.approx(100 * np.mean(values))
    assert (one.seeds, one.seed_sd) == (SEEDS, pytest.approx(100 * np.std(values, ddof=1)))
    assert one.n == len(pooled(world, "vy-3cl")[0])
    # Each subject left out under all seeds at once, on the logit scale.
    without = [np.mean([score(*pooled(world, name, s)) for name in named("vy-3cl")]) for s in SUBJECTS]
    n, value = len(SUBJECTS), np.mean(values)
    error = np.sqrt((n - 1) / n * np.square(np.array(without) - np.mean(without)).sum())
    reach = student.ppf(0.975, n - 1) * error / (value * (1 - value))
    logit = np.log(value / (1 - value))
    expected = [100 / (1 + np.exp(-(logit + side * reach))) for side in (-1, 1)]
    assert one.interval == pytest.approx(expected)


def test_one_seed_is_as_it_was(world):
    alone, several = evidence(world, 1), evidence(world)
    for experiment in ("vy-3cl", "m-1cl"):
        (one,) = of(alone, "accuracy", experiment)
        (of_many,) = of(several, "accuracy", experiment)
        assert one.seeds is None and one.seed_sd is None
        assert one.value == pytest.approx(100 * accuracy_score(*pooled(world, experiment))) != of_many.value
    (again,) = of(several, "accuracy", "vy-3cl-repeat-2")
    assert again.value == pytest.approx(100 * accuracy_score(*pooled(world, "vy-3cl-repeat-2")))
    assert again.seeds is None, "a repeat asked for by its name stands for itself"


def test_what_is_not_random_is_not_repeated_and_says_so(world):
    note = "not repeated: nothing in it is random"
    (one,) = of(evidence(world), "accuracy", "lbp-top")
    assert one.seeds is None and note in one.notes
    assert note not in of(evidence(world, 1), "accuracy", "lbp-top")[0].notes
    assert note not in of(evidence(world), "accuracy", "vy-3cl")[0].notes


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_other_intervals_are_of_the_mean_too(world, method, monkeypatch):
    from mexflow.evaluation import uncertainty

    # Eight subjects are too few for them in tables.
    kept = uncertainty.METHODS[method]
    monkeypatch.setitem(uncertainty.METHODS._entries, method, uncertainty.Method(kept.make, least=3))
    found = evidence(world)
    found.source = Source("embedded", "demo", intervals=method)
    (one,) = of(found, "accuracy", "vy-3cl")
    assert one.interval[0] < one.value < one.interval[1]
    assert one.interval == of(found, "accuracy", "vy-3cl")[0].interval


def test_similarities_are_averaged_but_for_the_chosen_samples(world):
    found = evidence(world)
    chosen, mean = of(found, "cosine_similarity", "vy-3cl", CLASSES[0], CLASSES[1])
    alone = [of(found, "cosine_similarity", f"{name}", CLASSES[0], CLASSES[1]) for name in named("vy-3cl")[1:]]
    first = of(evidence(world, 1), "cosine_similarity", "vy-3cl", CLASSES[0], CLASSES[1])
    assert chosen.value == first[0].value and chosen.seeds is None
    assert f"of the first of {SEEDS} seeds" in chosen.notes
    values = [measured[1].value for measured in [first, *alone]]
    assert mean.value == pytest.approx(np.mean(values)) and mean.seeds == SEEDS
    assert mean.interval[0] < mean.value < mean.interval[1]
    (margin,) = of(found, "mean_similarity", "vy-3cl")
    assert margin.seeds == SEEDS and margin.seed_sd > 0


def test_folds_of_all_seeds_are_missed(world):
    folds = {**world.folds, "vy-3cl-repeat-2": [*world.folds["vy-3cl-repeat-2"], "casme2-99"]}
    missing = {"vy-3cl-repeat-2/casme2-99": "killed"}
    paper = papers.load(WORKFLOW / "papers", "belaiche2020")
    source = Source("embedded", "demo")
    found = Evidence(paper, world.root / "folds", folds, {"megc2018": 9}, source, 1, Inputs(), reasons=missing)
    (one,) = of(found, "accuracy", "vy-3cl")
    assert one.value is None and one.notes[0] == "INCOMPLETE 24/25"
    assert "seed 2: no fold casme2-99: killed" in one.notes and sum("INCOMPLETE" in note for note in one.notes) == 1
    (cell,) = [cell for cell in paper_cells(found) if cell.name == "belaiche2020/T4/Vy/3CL/accuracy"]
    assert cell.incomplete == "INCOMPLETE 24/25" and cell.experiments == tuple(named("vy-3cl"))


def test_repeats_that_tested_other_subjects_are_refused(world):
    folds = {**world.folds, "m-1cl-repeat-3": world.folds["m-1cl-repeat-3"][1:]}
    paper = papers.load(WORKFLOW / "papers", "belaiche2020")
    found = Evidence(paper, world.root / "folds", folds, {"megc2018": 8}, Source("embedded", "demo"), 1, Inputs())
    with pytest.raises(UserError, match="m-1cl-repeat-3: tests other subjects than m-1cl; delete its folds"):
        of(found, "accuracy", "m-1cl")
    with pytest.raises(UserError, match="m-1cl-repeat-3: tests other clips than m-1cl; delete its folds"):
        found.answers("m-1cl")


def test_notes_that_hold_under_some_seeds_say_so():
    notes = [["a", "b", "no interval: too few"], ["b"], ["b", "a", "INCOMPLETE 1/2"]]
    assert merged(notes) == ["seeds 1, 3: a", "b"]
    assert merged([["c"], ["c"]]) == ["c"]


# Controls


def test_a_control_is_the_mean_over_its_seeds_and_so_is_its_chance(world):
    found = evidence(world)
    (accuracy, *_) = [one for one in controls.controls(found) if one.metric == "accuracy"]
    real, by_chance, null, null_by_chance, constant = accuracy.cells
    for cell, name in ((real, "vy-3cl"), (null, "vy-3cl-null")):
        values = [accuracy_score(*pooled(world, one)) for one in named(name)]
        assert cell.measured == pytest.approx(100 * np.mean(values)) and cell.seeds == SEEDS
        assert cell.experiments == tuple(named(name))
    assert constant.seeds is None
    # A plain loop: the labels of a subject's clips in another order, the same for all seeds; those of the control,
    # which has other labels under each seed, in three other orders.
    rng = np.random.default_rng(3)
    for cell, name, together in ((by_chance, "vy-3cl", True), (null_by_chance, "vy-3cl-null", False)):
        means = []
        for _ in range(1500):
            hits, clips = 0, 0
            for subject in SUBJECTS:
                order = rng.permutation(len(world.said[name][subject][0]))
                for one in named(name):
                    labels, said = map(np.array, world.said[one][subject])
                    order = order if together else rng.permutation(len(labels))
                    hits, clips = hits + (labels[order] == said).sum(), clips + len(labels)
            means.append(100 * hits / clips)
        assert cell.measured == pytest.approx(np.mean(means), abs=0.5)
        assert cell.interval == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=1.5)


# Claims


def test_differences_have_the_seeds_of_both(world):
    pairs = [["vy-3cl", "m-1cl"], ["vy-3cl", "lbp-top"]]
    asked = [Claim(claim=" > ".join(pair), metric="accuracy", descending=[pair]) for pair in pairs]
    first, second = claims.check(evidence(world, claims=asked))

    def values(experiment: str) -> list[float]:
        return [100 * accuracy_score(*pooled(world, name)) for name in named(experiment)]

    (cell,) = first.cells
    assert cell.measured == pytest.approx(np.mean(values("vy-3cl")) - np.mean(values("m-1cl")))
    assert cell.seed_sd == pytest.approx(np.hypot(*(np.std(values(name), ddof=1) for name in ("vy-3cl", "m-1cl"))))
    assert cell.experiments == (*named("vy-3cl"), *named("m-1cl")) and first.verdict.startswith(claims.BEYOND)
    (other,) = second.cells
    assert other.seed_sd == pytest.approx(np.std(values("vy-3cl"), ddof=1)) and other.seeds == SEEDS
    assert other.experiments == (*named("vy-3cl"), "lbp-top")


# What is written


@pytest.mark.parametrize("seeds", [1, SEEDS])
def test_tables_tell_the_spread_over_seeds_where_there_is_one(world, tmp_path, seeds):
    folds = {name: own for name, own in world.folds.items() if repeats.number_of(name) <= seeds}
    prefix, inputs = tmp_path / "belaiche2020", Inputs()
    with Outputs() as outputs:
        wanted = recipe(folds, 8, missing={"none/none": "-"})  # there are no arrays here
        _, measured_of = tables.run(PAPER_PATH, world.root, wanted, prefix, inputs, outputs)
        outputs.commit()
    table, text = pq.read_table(prefix.with_suffix(".parquet")), squeezed(prefix.with_suffix(".md").read_text())
    csv = prefix.with_suffix(".csv").read_text().partition("\n")[0].split(",")
    row = next(row for row in table.to_pylist() if row["cell"] == "belaiche2020/T4/Vy/3CL/accuracy")
    beside = f"| {row['measured']:.2f}† | {row['ci_low']:.2f}–{row['ci_high']:.2f} |"  # in the table of null controls
    assert measured_of[row["cell"]] == [repeats.named("vy-3cl", number) for number in range(1, seeds + 1)]
    if seeds == 1:
        assert table.schema.equals(SCHEMA) and csv == SCHEMA.names
        assert "±" not in text and not re.search(r"over \d+ seeds", text) and beside in text
        return
    place = SCHEMA.names.index("n") + 1
    assert table.column_names == csv
    assert [name for name in csv if name not in SCHEMA.names] == csv[place : place + 2] == [f.name for f in OF_SEEDS]
    assert row["seeds"] == SEEDS and beside.replace("† |", f"† ±{row['seed_sd']:.2f} |") in text
    assert text.count("the mean over trainings from 3 seeds") == 1
    section = text.split("## T4.")[1].split("\n## ")[0]
    line = re.search(r"\| Vy \|(?:.*\n)+?\| \| over 3 seeds \| (.*) \|", section)[1]
    assert f"±{row['seed_sd']:.2f}" in line, "of 3CL"


def test_a_difference_keeps_its_sign_and_its_spread_has_none(world):
    asked = [Claim(claim="c", metric="accuracy", descending=[["vy-3cl", "m-1cl"]])]
    found = evidence(world, claims=asked, tables={}, figures={}, decisions=[])
    checked = claims.check(found)
    text = paper_page.markdown(found.paper, [], None, found.source, checked)
    (cell,) = checked[0].cells
    assert f"{cell.measured:+.2f}†" in text and f"† ±{cell.seed_sd:.2f} " in text


# Spotting


@pytest.fixture(scope="module")
def spotting(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """An experiment under two seeds: one spots as :data:`SPOTTED` says, the other everything."""
    root = tmp_path_factory.mktemp("spotting")
    again = repeats.named(EXPERIMENT, 2)
    write_spotted(root, SPOTTED)
    write_spotted(root, TRUTH, experiment=again)
    for name in (EXPERIMENT, again):
        write_spotted(root, TRUTH, variant="manual", experiment=name)
    for subject in SPOTTING:  # and it scores frames in another way
        path = root / "elface2021" / again / subject / "scores.parquet"
        table = pq.read_table(path)
        noise = np.random.default_rng(7).uniform(0.5, 1, len(table))
        scores = noise * np.sqrt(np.maximum(table["score"].to_numpy(), 0))
        column = table.column_names.index("score")
        pq.write_table(table.set_column(column, table.field(column), [scores.astype(np.float32)]), path)
    folds = {name: list(SPOTTING) for name in (EXPERIMENT, again)}
    paper = papers.load(WORKFLOW / "papers", "elface2021")
    source = Source("embedded", "demo")
    return Evidence(paper, root, folds, {DATASET: 3}, source, 7, Inputs(), rows={DATASET: index_rows()})


def spotted(found: Evidence, metric: str, part: str | None, experiment: str = EXPERIMENT):
    place = Place(Row(name="row", variant=VARIANT), Column(name="column", part=part), experiment)
    (one,) = measure(metric, found, place)
    return one


@pytest.mark.parametrize("metric", ["interval_f1", "frame_f1", "frame_auc", "frame_auc_percent", "shifted_auc_percent"])
def test_metrics_of_spotting_are_means_over_seeds(spotting, metric):
    one = spotted(spotting, metric, "macro")
    second = spotted(spotting, metric, "macro", f"{EXPERIMENT}-repeat-2")
    alone = Evidence(
        spotting.paper, spotting._root.parent, {EXPERIMENT: list(SPOTTING)}, {DATASET: 3}, spotting.source, 7, Inputs(),
        rows={DATASET: index_rows()},
    )  # fmt: skip
    first = spotted(alone, metric, "macro")
    assert first.value != second.value
    assert one.value == pytest.approx((first.value + second.value) / 2)
    assert one.seed_sd == pytest.approx(abs(first.value - second.value) / np.sqrt(2)) and one.seeds == 2
    assert one.interval[0] < one.value < one.interval[1] and one.n == first.n == second.n


def test_counts_of_intervals_are_told_for_each_seed(spotting):
    notes = spotted(spotting, "interval_f1", "macro").notes
    assert {"seed 1: TP 2, FP 3, FN 1", "seed 2: TP 3, FP 0, FN 0"} <= set(notes)
    assert "3 test videos" in notes


def test_the_auc_is_the_mean_of_areas_and_not_that_of_mean_scores(spotting):
    areas = []
    for name in (EXPERIMENT, f"{EXPERIMENT}-repeat-2"):
        rows = [
            row
            for subject in SPOTTING
            for row in pq.read_table(spotting._root / name / subject / "scores.parquet").to_pylist()
            if (row["role"], row["type"], row["variant"]) == ("test", "macro", VARIANT)
        ]
        scores = np.array([row["score"] for row in rows], float).reshape(len(SPOTTING), -1)
        scores = (scores - scores.min(1, keepdims=True)) / np.ptp(scores, axis=1, keepdims=True)
        areas.append(roc_auc_score([row["label"] for row in rows], scores.ravel()))
    assert spotted(spotting, "frame_auc", "macro").value == pytest.approx(np.mean(areas))


def test_intervals_of_all_seeds_are_moved_alike(spotting):
    real, null, verdict = shifted_controls.control(spotting, EXPERIMENT, VARIANT)
    one, two = (
        np.array(shifted_controls._moved(spotting, EXPERIMENT, name, VARIANT))
        for name in (EXPERIMENT, f"{EXPERIMENT}-repeat-2")
    )
    assert (real.seeds, null.seeds, null.n) == (2, 2, shifted_controls.SHIFTS)
    assert null.value == pytest.approx((one.mean() + two.mean()) / 2)
    assert null.interval == pytest.approx(tuple(np.quantile((one + two) / 2, [0.025, 0.975])))
    assert verdict == shifted_controls.WHOLLY_ABOVE
    made = [one for one in shifted_controls.shifted_controls(spotting) if one.experiment.startswith(EXPERIMENT)]
    assert made[0].cells[0].experiments == (EXPERIMENT, f"{EXPERIMENT}-repeat-2")

"""Claims, sweeps, embeddings and panels of several experiments, from made-up predictions and images."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.metrics import f1_score

from measured_files import CLASSES, PAPER_PATH, recipe, write_flow, write_fold, write_index
from mexflow.cli import figures, tables
from mexflow.errors import UserError
from mexflow.figures.embedding_figure import draw as draw_embedding
from mexflow.figures.embedding_figure import embed, embedding
from mexflow.figures.sweep_figure import sweep
from mexflow.papers import paper as papers
from mexflow.papers.figure_kinds import Embedding
from mexflow.papers.figure_recipe import FigureRecipe, Shown
from mexflow.papers.parts import Claim
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.tables import claims
from mexflow.tables.evidence import Evidence
from mexflow.tables.measurement import Measurement
from mexflow.tables.recognition_metrics import score
from mexflow.tables.source import Source
from project import WORKFLOW, from_yaml, squeezed, to_yaml

DATA = "megc2018"
SUBJECTS = [f"casme2/{i:02}" for i in range(8)]
RIGHT = {"vx-1cl": 0.9, "vy-1cl": 0.9, "m-1cl": 0.3}
CLAIMS = [
    {"claim": "Vx beats M", "metric": "uf1", "descending": [["vx-1cl", "m-1cl"]]},
    {"claim": "M beats Vy", "metric": "accuracy", "descending": [["m-1cl", "vy-1cl"]]},
    {"claim": "3 layers help", "metric": "uf1", "descending": [["vx-3cl", "vx-1cl"]]},
    {"claim": "in this order", "metric": "uf1", "descending": [["vx-1cl", "vy-1cl", "m-1cl"]]},
]
FIGURES = {
    "S": {
        "title": "A sweep", "kind": "sweep", "axis": "layers", "points": {1: "vx-1cl", 2: "vy-1cl", 3: "vx-3cl"},
        "metrics": ["uf1", "uar"],
    },
    "P": {
        "title": "Panels", "kind": "confusion",
        "panels": [{"title": "Vx", "experiment": "vx-1cl"}, {"title": "M", "experiment": "m-1cl", "part": "casme2"}],
    },
}  # fmt: skip

PUBLISHED = {"title": "Printed", "kind": "published_confusion"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict:
    root = tmp_path_factory.mktemp("claims")
    rng = np.random.default_rng(0)
    folds: dict[str, list[str]] = {}
    said: dict[str, dict[str, tuple[list[str], list[str]]]] = {}
    labels = {subject: [CLASSES[i % 5] for i in range(10)] for subject in SUBJECTS}
    for experiment, right in RIGHT.items():
        # One of the experiments has tested fewer subjects.
        for subject in SUBJECTS[: 6 if experiment == "m-1cl" else 8]:
            own = labels[subject]
            guess = [x if rng.random() < right else str(rng.choice(CLASSES)) for x in own]
            said.setdefault(experiment, {})[subject] = own, guess
            folds.setdefault(experiment, []).append(write_fold(root, experiment, subject, own, guess))
    content = from_yaml(PAPER_PATH.read_bytes())
    content.update(claims=CLAIMS, figures=FIGURES)
    path = root / "belaiche2020.yaml"
    path.write_text(to_yaml(content))
    clips = [
        {"dataset": "casme2", "subject": s, "clip": f"{s[-2:]}_{i}", "megc2018": x}
        for s in SUBJECTS
        for i, x in enumerate(labels[s])
    ]
    for subject in SUBJECTS:
        write_flow(root, "casme2", subject[-2:], [], np.zeros((0, 2, 64, 64)))
    return {"root": root, "folds": folds, "paper": path, "said": said, "index": write_index(root, clips)}


def evidence(world: dict, **folds: list[str]) -> Evidence:
    paper = papers.parse(world["paper"].read_bytes(), world["paper"])
    expected = {**world["folds"], **folds}
    return Evidence(paper, world["root"] / "folds", expected, {"megc2018": 8}, Source("embedded", "demo"), 1, Inputs())


def test_claims_are_judged_on_the_subjects_of_both(world):
    first, second, third, fourth = claims.check(evidence(world))
    assert first.verdict == claims.BEYOND
    assert second.verdict == claims.REFUTED
    assert third.verdict == claims.UNKNOWN and third.cells[0].notes[0] == "not run"
    assert [cell.column for cell in fourth.cells] == ["vx-1cl - vy-1cl", "vy-1cl - m-1cl"]
    (cell,) = first.cells
    both = [
        f1_score(*zip(*[pair for s in SUBJECTS[:6] for pair in zip(*world["said"][name][s], strict=True)], strict=True),
                 average="macro")
        for name in ("vx-1cl", "m-1cl")
    ]  # fmt: skip
    assert cell.measured == pytest.approx(100 * (both[0] - both[1]))
    assert cell.interval[0] < cell.measured < cell.interval[1] and cell.n == 6
    assert "on the 6 subjects that both tested" in cell.notes


def test_a_small_difference_is_not_beyond_chance(world):
    paper = papers.parse(world["paper"].read_bytes(), world["paper"])
    vx, vy = ("vx-1cl", "vy-1cl")
    scores = {name: evidence(world).pooled(name).matrix.trace() for name in (vx, vy)}
    better, worse = sorted((vx, vy), key=lambda name: -scores[name])
    claim = Claim(claim="c", metric="accuracy", descending=[[better, worse]])
    found = evidence(world)
    found.paper = paper.model_copy(update={"claims": [claim]})
    assert scores[better] > scores[worse]
    assert claims.check(found)[0].verdict == claims.HOLDS


def test_verdicts():
    def found(value: float | None, interval: tuple[float, float] | None = None) -> Measurement:
        return Measurement("uf1_difference", value, interval)

    sure, unsure, below = found(5, (1, 9)), found(5, (-1, 9)), found(-5, (-9, -1))
    assert claims.judge([sure, sure]) == claims.BEYOND
    assert claims.judge([sure, unsure]) == claims.judge([sure, found(5)]) == claims.HOLDS
    assert claims.judge([sure, below]) == claims.REFUTED
    assert claims.judge([sure, found(-1, (-9, 3))]) == claims.judge([found(0, (0, 0))]) == claims.FAILS
    assert claims.judge([below, found(None)]) == claims.UNKNOWN


@pytest.mark.parametrize(
    ("demo", "note"),
    [({"epochs": 9}, "epochs 9 of 150"), ({"epochs": 3, "samples": 24}, "at most 24 samples an epoch")],
)
def test_experiments_that_the_budget_trains_unlike_are_told(world, demo, note):
    content = from_yaml(world["paper"].read_bytes())
    for name, experiment in content["experiments"].items():
        experiment.pop("demo", None)
        if name == "vx-1cl":
            experiment["demo"] = demo
    paper = papers.parse(to_yaml(content).encode(), world["paper"])
    found = evidence(world)
    found.paper = paper
    first, second, third, _ = claims.check(found)
    assert first.verdict == f"{claims.BEYOND}, {claims.UNLIKE}" and second.verdict == claims.REFUTED
    assert third.verdict == claims.UNKNOWN
    assert note in first.of_experiments["vx-1cl"]
    assert "epochs 4 of 150" in first.of_experiments["m-1cl"]
    assert all("epochs 4 of 150" in notes for notes in second.of_experiments.values())
    assert f"vx-1cl: {note}" in first.cells[0].notes
    # At the paper's budget all are trained alike.
    found = evidence(world)
    found.source = Source("embedded", "paper")
    found.paper = paper
    assert claims.check(found)[0].verdict == claims.BEYOND


def test_other_clips_of_a_subject_are_told(world, tmp_path):
    folds = {name: [write_fold(tmp_path, name, s, ["anger"] * n, ["anger"] * n) for s in SUBJECTS]
             for name, n in (("vx-1cl", 4), ("m-1cl", 3))}  # fmt: skip
    paper = papers.parse(world["paper"].read_bytes(), world["paper"])
    source = Source("embedded", "demo")
    found = Evidence(paper, tmp_path / "folds", folds, {"megc2018": 8}, source, 1, Inputs())
    assert "not on the same clips of these subjects" in claims.check(found)[0].cells[0].notes
    assert not any("same clips" in note for note in claims.check(evidence(world))[0].cells[0].notes)


def test_missing_folds_leave_a_claim_open(world):
    one = claims.check(evidence(world, **{"m-1cl": [*world["folds"]["m-1cl"], "casme2-07"]}))[0]
    assert one.verdict == claims.UNKNOWN and one.cells[0].incomplete == "INCOMPLETE 6/7"


def test_claims_stand_in_the_tables(world):
    with Outputs() as outputs:
        wanted = recipe(world["folds"], 8, null_controls=False)
        summary, _ = tables.run(
            world["paper"], world["root"], wanted, world["root"] / "tables" / "t", Inputs(), outputs
        )
        outputs.commit()
    assert "claim 'Vx beats M': holds, beyond chance" in summary
    text = squeezed((world["root"] / "tables" / "t.md").read_text())
    section = text[text.index("## The paper's claims, checked") : text.index("## Errata")]
    assert "| 2. M beats Vy | accuracy (%) | does not hold, beyond chance† |" in section and "synthetic" in section
    rows = pq.read_table(world["root"] / "tables" / "t.parquet").to_pylist()
    (row,) = [row for row in rows if row["cell"] == "belaiche2020/claims/1. Vx beats M/vx-1cl - m-1cl/uf1_difference"]
    assert row["published"] is None and row["measured"] > 0
    assert row["note"].endswith("; the claim: holds, beyond chance")
    assert f"| 1 | vx-1cl - m-1cl | — | {row['measured']:+.2f}†¹ | {row['ci_low']:+.2f} to " in section
    assert "\n1. on the 6 subjects that both tested" in section and "n = 6 to 8 subjects of both" in section
    assert section.count("epochs 4 of 150") <= 3, "experiments that are alike stand together"


def test_scores_of_a_member_come_from_the_pooled_predictions(tmp_path):
    """The scores of a composite's datasets, and that of the whole, by scikit-learn from one list of predictions."""
    from sklearn.metrics import balanced_accuracy_score

    rng = np.random.default_rng(5)
    rows: dict[str, list[tuple[str, str]]] = {}
    folds = []
    for subject in ("casme2/01", "casme2/02", "samm/006", "samm/007"):
        labels = [str(x) for x in rng.choice(CLASSES[:4], 12)]
        guess = [x if rng.random() < 0.5 else str(rng.choice(CLASSES[:4])) for x in labels]
        rows.setdefault(subject.partition("/")[0], []).extend(zip(labels, guess, strict=True))
        folds.append(write_fold(tmp_path, "vy-3cl", subject, labels, guess))
    paper = papers.parse(PAPER_PATH.read_bytes(), PAPER_PATH)
    source = Source("embedded", "demo")
    found = Evidence(paper, tmp_path / "folds", {"vy-3cl": folds}, {"megc2018": 4}, source, 1, Inputs())
    for part, pairs in ((None, rows["casme2"] + rows["samm"]), *rows.items()):
        true, guess = zip(*pairs, strict=True)
        uar = score(found, "vy-3cl", "uar", part)
        assert uar.value == pytest.approx(100 * balanced_accuracy_score(true, guess)) and uar.n == len(pairs)
        seen = sorted({*true, *guess})
        uf1 = 100 * f1_score(true, guess, labels=seen, average="macro")
        assert score(found, "vy-3cl", "uf1", part).value == pytest.approx(uf1)


def test_scores_of_one_experiment(world):
    prefix = world["root"] / "scores" / "m"
    wanted = recipe({"m-1cl": world["folds"]["m-1cl"]}, 8, null_controls=False)
    with Outputs() as outputs:
        tables.run(world["paper"], world["root"], wanted, prefix, Inputs(), outputs, only="m-1cl")
        outputs.commit()
    rows = pq.read_table(world["root"] / "scores" / "m.parquet").to_pylist()
    assert [row["column"] for row in rows] == ["accuracy", "UF1", "UAR"] and {row["row"] for row in rows} == {"m-1cl"}
    matrix = evidence(world).pooled("m-1cl").matrix
    assert rows[0]["measured"] == pytest.approx(100 * matrix.trace() / matrix.sum()) and rows[0]["n"] == 60
    for unknown, message in (("m-2c", "unknown experiment 'm-2c'"), ("vx-1cl", "experiment of the recipe 'vx-1cl'")):
        with pytest.raises(UserError, match=message), Outputs() as outputs:
            tables.run(world["paper"], world["root"], wanted, prefix, Inputs(), outputs, only=unknown)


def draw(world: dict, out: str) -> dict[str, bytes]:
    with Outputs() as outputs:
        recipe = FigureRecipe(
            budget="demo", data="embedded", seed=1, folds=world["folds"], total_folds={"megc2018": 8},
            indexes={"megc2018": "index/megc2018.parquet"},
            figures={name: Shown(kind=figure["kind"]) for name, figure in FIGURES.items()},
        )  # fmt: skip
        figures.run(world["paper"], world["root"], recipe, world["root"] / out, Inputs(), outputs)
        outputs.commit()
    return {path.name: path.read_bytes() for path in (world["root"] / out).iterdir()}


def test_sweep_and_panels_are_drawn_the_same_each_time(world):
    made = draw(world, "one")
    assert made == draw(world, "two") and set(made) == {"S.png", "S.svg", "P.png", "P.svg"}
    for name in ("S.png", "P.png"):
        assert Image.open(io.BytesIO(made[name])).size[0] > 1000
    assert b"synthetic" in made["S.svg"] and b"m-1cl: folds 6 of 8" in made["P.svg"]
    texts = re.findall(r"<!-- (.*?) -->", made["S.svg"].decode())
    assert "not run" in texts and {"1", "2", "3", "layers", "UF1 (%)†"} <= set(texts)
    own = [pair for s in SUBJECTS for pair in zip(*world["said"]["vx-1cl"][s], strict=True)]
    title = f"Vx†: {100 * np.mean([a == b for a, b in own]):.2f} % of 80 clips"
    assert title in re.findall(r"<!-- (.*?) -->", made["P.svg"].decode())


def test_a_sweep_shows_each_score_at_its_setting_and_a_gap_where_there_is_none(world):
    """The heights of the marks and the ends of the bars, read back from the drawing."""
    found = evidence(world)
    points = {
        number: [score(found, name, metric) for metric in ("uf1", "uar")]
        for number, name in ((9, "m-1cl"), (1, "vx-1cl"), (5, "vx-3cl"))
    }
    axis = sweep(points, "layers", "title", "foot", True, "†").axes[0]
    assert [line.get_label() for line in axis.lines] == ["UF1 (%)†", "UAR (%)†"]
    for number, (line, bars) in enumerate(zip(axis.lines, axis.collections, strict=True)):
        low, gap, high = (points[setting][number] for setting in (1, 5, 9))
        assert gap.value is None and np.isnan(line.get_ydata()[1])
        assert line.get_ydata()[[0, 2]] == pytest.approx([low.value, high.value])
        assert line.get_xdata() == pytest.approx([1, 5, 9], abs=0.1)
        ends = [tuple(segment.vertices[:, 1]) for segment in bars.get_paths()]
        assert low.interval in ends and high.interval in ends
    assert [(text.get_position()[0], text.get_text()) for text in axis.texts] == [(5, "not run")]


def test_figures_and_claims_about_nothing_are_told(world):
    content = from_yaml(world["paper"].read_bytes())
    shown = {"title": "t", "kind": "embedding", "data": DATA, "classes": ["anger"], "residuals": ["ars"]}
    own = {**content["experiments"]["vx-1cl"], "data": "second"}
    other = {
        "data": {**content["data"], "second": content["data"][DATA]},
        "experiments": {**content["experiments"], "other": own},
    }
    for change, said in (
        ({"claims": [{**CLAIMS[0], "descending": [["vx-1cl", "mm-1cl"]]}]}, "no experiment 'mm-1cl'"),
        ({"figures": {"S": {**FIGURES["S"], "points": {1: "vx-9cl"}}}}, "S: no experiment 'vx-9cl'"),
        ({"claims": [{**CLAIMS[0], "descending": [["vx-1cl"]]}]}, "claims.0.descending.0: list should have at least 2"),
        (
            {"claims": [{**CLAIMS[0], "descending": [["vx-1cl", "other"]]}], **other},
            "vx-1cl, other differ in their data",
        ),
        ({"figures": {"E": {**shown, "data": "cde"}}}, "E: no data 'cde'"),
        ({"figures": {"E": {**shown, "classes": ["anger", "joy"]}}}, "E: 'joy' is no class of megc2018"),
        ({"figures": {"E": {**shown, "settings": {"perplexty": 3}}}}, "figures.E.settings.perplexty"),
        ({"figures": {"E": {**shown, "settings": {"perplexity": 0}}}}, "greater than 0"),
        ({"figures": {"E": {**shown, "residuals": []}}}, "figures.E.residuals: list should have at least 1"),
        (
            {"figures": {"S": {"title": "t", "kind": "sweep", "axis": "x"}}},
            "figures.S.points is missing; figures.S.metrics is missing",
        ),
        ({"figures": {"S": {**FIGURES["S"], "metrics": ["parameters"]}}}, "figures.S.metrics.0"),
        ({"figures": {"P": {**FIGURES["P"], "experiment": "vx-1cl"}}}, "either experiment or panels"),
        (
            {"figures": {"P": {**FIGURES["P"], "kind": "confusions"}}},
            "kind 'confusions' .did you mean 'confusion'",
        ),
        ({"figures": {"P": {"title": "P"}}}, "figures.P: `kind` is missing"),
        ({"figures": {"P": {**FIGURES["P"], "published": [[1.0]]}}}, "beside one experiment"),
        ({"figures": {"Q": {**PUBLISHED, "published": [[1, 2]]}}}, "Q: published: a matrix of 5 times 5"),
        ({"figures": {"Q": {**PUBLISHED, "experiment": "vx-1cl"}}}, "unknown key 'figures.Q.experiment'"),
        (
            {"figures": {"E": {**shown, "residual": ["ars"]}}},
            "'figures.E.residual' .did you mean 'residuals'",
        ),
        ({"figures": {"E": {**shown, "residuals": ["arss"]}}}, "E: no residual images 'arss'"),
    ):
        with pytest.raises(UserError, match=said):
            papers.parse(to_yaml({**content, **change}).encode(), world["paper"])


def images(folder: Path, spread: float) -> tuple[list[dict], Path]:
    """Images whose brightness is their class's, of three classes and one clip that is excluded."""
    rng = np.random.default_rng(1)
    rows = [
        {"dataset": "casme2", "subject": "01", "clip": f"c{i}", "label": "abc"[i % 3], "excluded": None}
        for i in range(18)
    ]
    values = [np.clip(rng.normal(60 + 60 * (i % 3), spread, (80, 80, 3)), 0, 255) for i in range(18)]
    folder.mkdir(exist_ok=True)
    np.save(folder / "01.npy", np.array(values).astype(np.uint8))
    reasons = ["face_never_found: no face"] + [None] * 17
    table = {name: [row[name] for row in rows] for name in ("dataset", "clip")}
    pq.write_table(pa.table({**table, "excluded": pa.array(reasons, pa.string())}), folder / "01.parquet")
    return rows, folder / "01.npy"


def test_embedding_separates_what_is_separate(tmp_path):
    rows, path = images(tmp_path / "a", 5)
    found = embed("ars", rows, "label", ["a", "b", "c"], [path], {"perplexity": 30}, 7, Inputs())
    again = embed("ars", rows, "label", ["a", "b", "c"], [path], {"perplexity": 30}, 7, Inputs())
    assert found.points.shape == (17, 2) and np.array_equal(found.points, again.points)
    assert found.left_out == 1 and found.perplexity == pytest.approx(16 / 3)
    assert found.remarks == ["17 clips, 1 left out", "perplexity 5.33 (30 is too much for 17 clips)"]
    assert found.silhouette > 0.5
    two = embed("ars", rows, "label", ["a", "c"], [path], {"perplexity": 3}, 7, Inputs())
    assert len(two.points) == 11 and two.perplexity == 3 and set(two.labels) == {0, 1}
    assert two.remarks == ["11 clips, 1 left out", "perplexity 3"]
    few = embed("ars", rows[:3], "label", ["a", "b", "c"], [path], {}, 7, Inputs())
    assert len(few.points) == 0 and few.silhouette is None and few.remarks == ["2 clips, 1 left out"]
    rows[1]["excluded"] = "folder_missing: b"
    less = embed("ars", rows, "label", ["a", "b", "c"], [path], {"perplexity": 3}, 7, Inputs())
    assert len(less.points) == 16 and less.left_out == 2
    drawn = embedding([found, few], ["a", "b", "c"], "title", "foot", True, "†")
    titles = [f"ars: silhouette {found.silhouette:.2f}†", "ars: no silhouette"]
    assert [axis.get_title() for axis in drawn.axes] == titles
    for number, dots in enumerate(drawn.axes[0].collections):
        assert np.array_equal(dots.get_offsets(), found.points[found.labels == number])
    assert [text.get_text() for text in drawn.axes[1].texts] == ["too few clips"]


def test_an_embedding_shows_the_one_dataset_that_it_names(tmp_path):
    """As figure 6 of cropnet2021: of a composite, by its classes, the clips of CASME II alone."""
    rows, path = images(tmp_path / "a", 5)
    others = [{**row, "dataset": "smic", "subject": "s1", "clip": f"s{row['clip']}"} for row in rows]
    asked = []
    material = SimpleNamespace(
        paper=SimpleNamespace(data={"cde": SimpleNamespace(label="label")}, paper="p"),
        rows=lambda data: rows + others,
        array=lambda folder, dataset, subject: asked.append((folder, dataset, subject)) or path,
        shown=SimpleNamespace(residuals={"ars": "residual/ars"}),
        recipe=SimpleNamespace(seed=1), name="F6", inputs=Inputs(), alarm=True, mark="†",
        foot=lambda *notes: "; ".join(notes), title=lambda figure: figure.title,
    )  # fmt: skip
    shown = {"title": "t", "kind": "embedding", "data": "cde", "classes": ["a", "b", "c"], "residuals": ["ars"]}
    drawn = draw_embedding(Embedding.model_validate({**shown, "part": "casme2"}), material)
    assert asked == [("residual/ars", "casme2", "01")] and "17 clips, 1 left out" in drawn.foot
    with pytest.raises(UserError, match="unknown dataset of cde 'casme' .did you mean 'casme2'"):
        draw_embedding(Embedding.model_validate({**shown, "part": "casme"}), material)
    figure = papers.load(WORKFLOW / "papers", "cropnet2021").figures["F6"]
    assert (figure.part, figure.classes) == ("casme2", ["negative", "positive", "surprise"])
    assert figure.residuals == ["ars", "rrs", "farneback", "tvl1"] and figure.settings == {"perplexity": 30}


def test_the_silhouette_is_that_of_the_plane(tmp_path):
    """Classes that the images do not tell apart have a low silhouette; the number is that of a slow transcription."""
    rows, path = images(tmp_path / "a", 5)
    rng = np.random.default_rng(3)
    for row, name in zip(rows, rng.permutation([row["label"] for row in rows]), strict=True):
        row["label"] = str(name)
    found = embed("ars", rows, "label", ["a", "b", "c"], [path], {}, 7, Inputs())
    values = []
    for i, point in enumerate(found.points):
        away = np.linalg.norm(found.points - point, axis=1)
        others = np.arange(len(away)) != i
        inside = away[others & (found.labels == found.labels[i])].mean()
        outside = min(away[found.labels == one].mean() for one in {0, 1, 2} - {int(found.labels[i])})
        values.append((outside - inside) / max(inside, outside))
    assert found.silhouette == pytest.approx(np.mean(values), abs=1e-5) and found.silhouette < 0.3

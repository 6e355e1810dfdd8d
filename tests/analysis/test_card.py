"""The card of a network for use: what it states is what the training's record, the index and the tables say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import flow_files
import model_files
import video_files
from mexflow.analysis import card
from mexflow.analysis.card import Card
from mexflow.analysis.honesty import FOR_TRYING, NO_CLAIM
from mexflow.datasets.half_length import half_length
from mexflow.errors import UserError
from mexflow.evaluation import spotted
from mexflow.papers.recipe import read
from mexflow.store.artifacts import Inputs
from model_files import PREPROCESS, folder_in, record_in

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("recogniser") / "results"


@pytest.fixture
def flow(recogniser: Path) -> tuple[Path, Card]:
    if not recogniser.exists():
        model_files.trained(recogniser.parent, "flow")
    return recogniser, model_files.with_card(recogniser, "flow")


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("spotter") / "results"


@pytest.fixture
def videos(long: Path) -> tuple[Path, Card]:
    if not long.exists():
        model_files.trained(long.parent, "videos", k="k-th", skips="measured")
    return long, model_files.with_card(long, "videos")


def test_a_card_says_what_the_network_is(flow):
    results, made = flow
    assert (made.paper, made.experiment, made.kind, made.budget) == ("made", "up", "flow", "demo")
    assert made.citation == "Nobody, nowhere." and made.classes == flow_files.CLASSES and made.types is None
    assert made.recipe == read(json.dumps(flow_files.RECIPE))
    assert made.subjects == ["casme2/01", "casme2/02", "casme2/03", "casme2/04"]
    assert made.fps == [flow_files.FPS] and made.spotting is None
    index = hashlib.sha256((results / "index" / "both.parquet").read_bytes()).hexdigest()
    assert made.release == f"made up; index sha256 {index}"
    assert made.digests == {"model.pt": hashlib.sha256((folder_in(results) / "model.pt").read_bytes()).hexdigest()}
    assert made.preprocess.flow is not None and made.preprocess.flow.options == {"alpha": 2.0}
    assert made.preprocess.lcn is None and made.preprocess.residual is None


def test_held_out_scores_are_those_of_its_experiment(flow):
    _, made = flow
    assert [cell.cell for cell in made.held_out] == ["made/T/Up/accuracy/accuracy"], "of no other, and no similarity"
    (cell,) = made.held_out
    assert (cell.measured, cell.ci_low, cell.ci_high, cell.n, cell.note) == (70.0, 60.0, 80.0, 12, "epochs 3 of 9")


def test_without_tables_it_says_that_nothing_was_measured(flow):
    results, whole = flow
    without = card.make(
        model_files.paper("flow"), "up", model_files.recipe("flow", tables=False), results, record_in(results), Inputs()
    )
    unmeasured = "How well it does on people it has not seen was not measured."
    assert without.held_out == [] and unmeasured in without.limits and unmeasured not in whole.limits


def test_limits_are_said(flow, videos):
    for made in (flow[1], videos[1]):
        assert made.synthetic and f"{FOR_TRYING.capitalize()}." in made.limits and made.limits[-1] == NO_CLAIM
        assert "Trained with the budget demo, not as the paper prints it." in made.limits
    assert "Trained on video of 200 frames per second; of others it has seen none." in flow[1].limits
    assert "It knows happiness, surprise, anger, and gives every expression one of these." in flow[1].limits
    assert any("micro or macro" in limit for limit in videos[1].limits)


def test_licensed_data_and_printed_budget_have_other_limits(flow):
    results, _ = flow
    made = model_files.with_card(
        results, "flow", data="/data/x (casme2)", budget="paper", reading="literal",
        preprocess={**PREPROCESS["flow"], "faces": {"smoothing": 15.0, "max_missed": 0.2, "openface": True}},
    )  # fmt: skip
    assert not made.synthetic and f"{FOR_TRYING.capitalize()}." not in made.limits
    assert not any("budget" in limit for limit in made.limits)
    assert any("OpenFace" in limit for limit in made.limits) and any("word for word" in limit for limit in made.limits)
    assert "owners of the datasets" in made.licence and "Synthetic" not in made.licence
    mixed = model_files.with_card(results, "flow", data="embedded (casme2), /data/x (samm)")
    assert mixed.limits[0].startswith("Trained on faces of which some are synthetic")
    assert mixed.synthetic and "owners of the datasets" in mixed.licence and "Synthetic" in mixed.licence


def test_residual_images_are_named_as_they_are_made(flow):
    results, _ = flow
    residual = {"residual": {"image": "ars", "key_frames": 5, "gap": "printed"}}
    made = model_files.with_card(
        results, "flow", preprocess={**PREPROCESS["flow"], "faces": {"smoothing": 15.0, "max_missed": 0.2}, **residual}
    )
    assert made.preprocess.residual is not None
    assert (made.preprocess.residual.image, made.preprocess.residual.margin) == ("ars,5,printed", 0.1)


def test_thresholds_are_chosen_on_all_videos(videos):
    results, made = videos
    rows = pq.read_table(results / "index" / f"{video_files.DATASET}.parquet").to_pylist()
    assert made.spotting is not None and made.types == ["micro", "macro"] and made.classes is None
    assert (made.spotting.order, made.spotting.least) == (3, 4), "of the paper's intervals"
    assert made.spotting.k == {kind: half_length(rows, kind).k for kind in ("micro", "macro")}
    scored = spotted.scored(pq.read_table(folder_in(results) / "scores.parquet"), made.spotting.k, order=3)
    for kind, threshold in made.spotting.thresholds.items():
        own = scored["k-th", kind]
        assert len(own) == 6, "every video of every subject"
        scores, labels = (np.concatenate([getattr(video, name) for video in own]) for name in ("scores", "labels"))

        def gain(limit: float, scores=scores, labels=labels) -> float:
            return float((scores[labels] >= limit).mean() - (scores[~labels] >= limit).mean())

        assert gain(threshold) == pytest.approx(max(gain(limit) for limit in scores))


def test_a_spotter_is_used_with_k_as_it_was_fitted(videos):
    results, made = videos
    record = json.loads(record_in(results).read_text())
    assert made.spotting.variant == "k-th" and made.recipe.k == "k-th"
    assert (
        list(made.spotting.skips) == record["test_skips"]["k-th"] != video_files.VideoFiles.recipe["test_skips"]["k-th"]
    )
    assert made.recipe.model_dump(mode="json")["train_skips"] == record["train_skips"]
    assert [cell.cell for cell in made.held_out] == ["made/T/by k/F1/interval_f1"], "not of the other skips"
    first = read(json.dumps(video_files.VideoFiles.recipe))
    assert first.k is None and card.variant_of(first) == "k-th", "the first, where none is k"
    assert made.validation_subjects == ["006"] and made.subjects == ["006", "011", "012", "018"]


def test_no_threshold_is_said(videos, monkeypatch):
    results, _ = videos
    found = spotted.spot
    monkeypatch.setattr(
        card.spotted, "spot", lambda videos, *others: found([] if others[2] == "micro" else videos, *others)
    )
    made = model_files.with_card(results, "videos")
    assert made.spotting.thresholds["micro"] is None and made.spotting.thresholds["macro"] is not None
    assert "No threshold could be chosen for the type micro: it spots none." in made.limits
    json.dumps(made.model_dump(mode="json"), allow_nan=False)


def test_a_record_of_something_else_is_refused(flow, tmp_path):
    results, _ = flow
    record = json.loads(record_in(results).read_text())
    record["folds"] = {"casme2-01": record["folds"]["all"]}
    (tmp_path / "record.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="record.json: no record of a training on all subjects"):
        card.make(
            model_files.paper("flow"), "up", model_files.recipe("flow"), results, tmp_path / "record.json", Inputs()
        )

"""The configuration: what is accepted, and what a user is told of what is not."""

from __future__ import annotations

import json

import pytest
import yaml

from mexflow.config import Config, load
from mexflow.errors import UserError, choose, nearest
from project import ROOT, WORKFLOW


def message(values: dict) -> str:
    with pytest.raises(UserError) as caught:
        load(values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_is_needed():
    assert load({}) == Config()
    assert Config().papers == ["all"]
    assert (Config().root("casme2"), Config().root("samm")) == ("embedded", "embedded")


def test_a_part_keeps_the_other_defaults():
    config = load({"training": {"threads": 3}, "datasets": {"samm": {"root": "/data/SAMM"}}})
    assert (config.training.threads, config.training.checkpoint_seconds) == (3, 30)
    assert (config.root("casme2"), config.root("samm")) == ("embedded", "/data/SAMM")


def test_folds_of_a_job_follow_from_the_budget_unless_set():
    assert load({}).folds_per_job == 5 and load({"budget": "paper"}).folds_per_job == 1
    assert load({"budget": "learning"}).folds_per_job == 5
    assert load({"budget": "paper", "training": {"folds_per_job": 3}}).folds_per_job == 3


def test_the_file_of_the_project_is_valid():
    load(yaml.safe_load((ROOT / "config.yaml").read_text()))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"paper": ["belaiche2020"]},
            "config.yaml: unknown key 'paper' (did you mean 'papers'?); here are known: papers, budget, reading, seed, "
            "null_controls, intervals, datasets, embedded, weights, preprocess, training",
        ),
        (
            {"training": {"thread": 2}},
            "config.yaml: unknown key 'training.thread' (did you mean 'threads'?); here are known: device, threads, "
            "folds_per_job, checkpoint_seconds",
        ),
        (
            {"preprocess": {"faces": {"smooth": 1}}},
            "config.yaml: unknown key 'preprocess.faces.smooth' (did you mean 'smoothing'?); here are known: "
            "smoothing, max_missed, unreadable",
        ),
        (
            {"datasets": {"casme": {"root": "x"}}},
            "config.yaml: unknown key 'datasets.casme' (did you mean 'casme2'?); here are known: casme2, samm",
        ),
        (
            {"weights": {"rexnt": "x.pth"}},
            "config.yaml: unknown key 'weights.rexnt' (did you mean 'rexnet'?); here are known: rexnet, deeplab, mpnet",
        ),
        ({"zzz": 1}, "config.yaml: unknown key 'zzz'; here are known: papers, "),
    ],
)
def test_unknown_key(values, expected):
    assert message(values).startswith(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"budget": "demp"}, "config.yaml: budget: input should be 'demo', 'learning' or 'paper', not 'demp'"),
        ({"seed": "one"}, "config.yaml: seed: input should be a valid integer"),
        ({"seed": -1}, "config.yaml: seed: input should be greater than or equal to 0, not -1"),
        ({"papers": "belaiche2020"}, "config.yaml: papers: write [belaiche2020]"),
        ({"papers": []}, "config.yaml: papers: list should have at least 1 item"),
        ({"training": {"threads": 0}}, "config.yaml: training.threads: input should be greater than or equal to 1"),
        ({"training": {"device": "gpu"}}, "config.yaml: training.device: input should be 'auto', 'cpu' or 'cuda'"),
        ({"papers": {"a": 1}}, "config.yaml: papers: input should be a valid list, not {'a': 1}"),
        ({"training": None}, "config.yaml: training: is empty; give it a value, or take the line out"),
        ({"training": "cpu"}, "config.yaml: training: write {device: cpu}"),
        ({"training": "fast"}, "config.yaml: training: write {device: auto}"),
        ({"embedded": ["tiny"]}, "config.yaml: embedded: write {size: demo}"),
        ({"preprocess": {"lcn": 4}}, "config.yaml: preprocess.lcn: write {sigma: 4}"),
        ({"datasets": None}, "config.yaml: datasets: is empty; give it a value, or take the line out"),
        ({"datasets": "/data"}, "config.yaml: datasets: write {casme2: {root: /data}}"),
        ({"datasets": {"samm": "/data/SAMM"}}, "config.yaml: datasets.samm: write {root: /data/SAMM}"),
        ({"datasets": {"samm": ["/data/SAMM"]}}, "config.yaml: datasets.samm: write {root: embedded}"),
        (
            {"datasets": {"samm": {"root": None}}},
            "config.yaml: datasets.samm.root: is empty; give it a value, or take the line out; `none`, in letters,",
        ),
        (
            {"datasets": {"samm": {"root": "/data/{samm}/x"}}},
            "config.yaml: datasets.samm.root: Snakemake takes braces in a path for wildcards, as in /data/{samm}/x;",
        ),
        (
            {"datasets": {"samm": {"root": "~nobody-of-that-name/SAMM"}}},
            "config.yaml: datasets.samm.root: this machine knows no home folder ~nobody-of-that-name; write",
        ),
        ({"weights": "x.pth"}, "config.yaml: weights: write {rexnet: x.pth}"),
        ({"weights": {"rexnet": None}}, "config.yaml: weights.rexnet: is empty; give it a value, or take the line out"),
        ({"weights": {"rexnet": "{a}.pth"}}, "config.yaml: weights.rexnet: Snakemake takes braces in a path for wild"),
        (
            {"weights": {"rexnet": "~nobody-of-that-name/x.pth"}},
            "config.yaml: weights.rexnet: this machine knows no home folder ~nobody-of-that-name; write",
        ),
        ({"datasets": {"samm": {"root": ""}}}, "config.yaml: datasets.samm.root: string should have at least 1 char"),
        (
            {"preprocess": {"faces": {"max_missed": 20}}},
            "config.yaml: preprocess.faces.max_missed: input should be ",
        ),
    ],
)
def test_wrong_value(values, expected):
    assert message(values).startswith(expected)


def test_every_mistake_is_told_at_once():
    text = message({"sed": 1, "training": {"threads": "many", "devise": "cpu"}})
    assert "'sed' (did you mean 'seed'?)" in text
    assert "training.threads: " in text
    assert "'training.devise' (did you mean 'device'?)" in text


def test_a_home_is_expanded_where_the_data_are_looked_for(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    samm = {"root": "~/SAMM", "openface": "~/of"}
    config = load({"datasets": {"samm": samm, "smic": {"root": "/data/~x"}}})
    assert (config.root("samm"), config.openface("samm")) == ("/home/me/SAMM", "/home/me/of")
    assert (config.root("smic"), config.openface("smic")) == ("/data/~x", None)
    assert config.datasets.samm.model_dump() == samm, "what is kept of it does not depend on whose home it is"


def test_weights_are_given_by_name(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert Config().weights_given == {}
    config = load({"weights": {"rexnet": "~/x.pth", "mpnet": "none", "resnet18": "w/y.pth"}})
    assert config.weights_given == {"rexnet": "/home/me/x.pth", "resnet18": "w/y.pth"}
    assert config.weights.rexnet == "~/x.pth", "what is kept of it does not depend on whose home it is"


def test_settings_cannot_be_changed_later():
    with pytest.raises(ValueError, match="frozen"):
        Config().seed = 2


def test_schema_agrees_with_the_model():
    """An editor that checks against the schema accepts the defaults, and sees the same mistakes."""
    import jsonschema

    schema = json.loads((WORKFLOW / "schemas" / "config.schema.json").read_text())
    jsonschema.validate(yaml.safe_load((ROOT / "config.yaml").read_text()), schema)
    for wrong in ({"sed": 1}, {"budget": "demp"}, {"training": {"threads": 0}}, {"papers": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_choice_and_suggestion():
    assert choose("dataset", "samm", ["samm", "casme2"]) == "samm"
    with pytest.raises(UserError, match=r"^unknown dataset 'sam' \(did you mean 'samm'\?\); one of: casme2, samm$"):
        choose("dataset", "sam", ["samm", "casme2"])
    assert nearest("quite different", ["samm"]) == ""

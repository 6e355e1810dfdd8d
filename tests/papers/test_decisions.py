"""Decisions as data: the list says what the file says, misses nothing, and is what `reading` and the pages go by."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from mexflow import models
from mexflow.errors import UserError
from mexflow.papers import decisions
from mexflow.papers import paper as papers
from mexflow.plan.checks import check
from project import WORKFLOW

FOLDER = WORKFLOW / "papers"
NAMES = papers.available(FOLDER)
VALUES = {name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in NAMES}
PAPERS = {name: papers.load(FOLDER, name) for name in NAMES}
of_each_paper = pytest.mark.parametrize("name", NAMES)

PRINTED: dict[str, list[str]] = {
    "belaiche2020": [
        "budgets.paper.epochs", "experiments.*.channels", "experiments.*.options.layers", "models.shallow_cnn.pool",
        "preprocessing.flow.horn_schunck.method", "protocol", "test_pairs", "train_pairs", "training.batch_size",
        "training.optimizer",
    ],
    "cropnet2021": [
        "experiments.*.weights", "models.cropnet.cropped", "preprocessing.residual.*.image",
        "preprocessing.residual.*.key_frames", "protocol", "training.augment", "training.optimizer",
    ],
    "elface2021": [
        "experiments.*.lcn", "experiments.*.weighted", "intervals.iou", "models.elface.batch_norm", "protocol",
        "spotting.*.k", "spotting.*.positive", "spotting.*.skips", "spotting.*.test_skips", "spotting.*.train_skips",
        "training.augment", "training.batch_size", "training.early_stopping", "training.learning_rate",
    ],
    "liong2019": [
        "budgets.paper.epochs", "experiments.*.channels", "experiments.*.size", "protocol", "test_pairs", "train_pairs",
        "training.batch_size", "training.learning_rate", "training.optimizer",
    ],
    "nag2019": [
        "sequences.length", "training.augment", "training.learning_rate", "training.optimizer",
        "training.optimizer_options.weight_decay",
    ],
    "upadhy2025": [
        "budgets.paper.epochs", "experiments.*.options.form", "experiments.*.size", "training.batch_size",
        "training.learning_rate", "training.optimizer", "training.oversample.flip", "training.schedule",
        "training.schedule_options.factor",
    ],
}  # fmt: skip
"""The settings that a paper prints, or that follow from what it prints, by its own words or its public program."""

STRUCTURE = {
    "kind", "data", "demo", "learning", "training", "null_control", "keep_features", "permute_labels", "flow", "motion",
    "residual", "lbp_top", "model", "features", "pairs",
}  # fmt: skip
"""Keys of an experiment, or of what it is fed, that say what is measured, and not how."""

OFF = (None, False, "", "none", "constant", 0, [], {})
"""Values under which nothing is done: no setting of these has to be listed."""


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every setting of a tree, by its path; an operation of a list by its name."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(tree, list) and any(isinstance(value, dict) for value in tree):
        for value in tree:
            yield from leaves(value if isinstance(value, dict) else {value: True}, path)
    else:
        yield ".".join(path), tree


def settings(paper: papers.Paper) -> set[str]:
    """Every setting of a paper under which something is done."""
    tree = decisions.settings_of(paper)
    tree["budgets"] = {"paper": tree["budgets"]["paper"]}
    tree["data"] = {name: {"protocol": data["protocol"]} for name, data in tree["data"].items()}
    for name in ("paper", "title", "citation", "figures"):
        tree.pop(name)
    for experiment in tree["experiments"].values():
        flow, blocks = {"bins", "method", "reference"}, {"k", "blocks", "edges"}
        unread = {"lbp": flow, "position": flow | blocks}.get(experiment.get("features"), set())
        for key in (STRUCTURE | unread) & experiment.keys():
            del experiment[key]
    if not any(paper.kind(name).every_video for name in paper.experiments):
        del tree["intervals"]
    for stage in tree["preprocessing"].values():
        for part in stage.values():
            part.pop("pairs", None)
    every = {path for path, value in leaves(tree) if not any(decisions.same(value, off) for off in OFF)}
    for model in paper.models:
        options = models.default_options(model)
        every |= {f"models.{model}.{name}" for name, value in options.items() if value not in OFF}
    return every


def listed(setting: str, patterns: list[str]) -> bool:
    """Whether one of some paths stands for a setting, or for what it is a part of."""
    parts = setting.split(".")
    return any(
        len(pattern.split(".")) <= len(parts)
        and all(fnmatchcase(part, first) for part, first in zip(parts, pattern.split("."), strict=False))
        for pattern in patterns
    )


# What is listed


@of_each_paper
def test_every_setting_is_printed_or_decided(name: str) -> None:
    paths = [decision.setting for decision in PAPERS[name].decisions]
    every = sorted(settings(PAPERS[name]))
    assert [setting for setting in every if not listed(setting, [*PRINTED[name], *paths])] == []
    unused = [path for path in PRINTED[name] if not any(listed(each, [path]) for each in every)]
    assert unused == [] or name == "elface2021" and set(unused) <= {"spotting.*.k", "spotting.*.skips"}
    assert not [path for path in paths if listed(path, PRINTED[name])], "printed and decided"


@of_each_paper
def test_no_comment_decides(name: str) -> None:
    """What a comment says no table shows."""
    text = (FOLDER / f"{name}.yaml").read_text()
    assert not [line for line in text.splitlines() if "decided" in line.partition("#")[2]]


def test_a_setting_that_nobody_lists_is_noticed() -> None:
    values = copy.deepcopy(VALUES["upadhy2025"])
    values["training"]["label_smoothing"] = 0.3
    paper = papers.Paper.model_validate(values)
    paths = [decision.setting for decision in paper.decisions]
    unlisted = [each for each in settings(paper) if not listed(each, [*PRINTED["upadhy2025"], *paths])]
    assert unlisted == ["training.label_smoothing"]


# What is refused


def refused(changes: dict[str, Any], name: str = "nag2019", file: dict[str, Any] | None = None) -> str:
    """What is said of a file with one decision changed, the first; and values of the file, by their paths."""
    values = copy.deepcopy(VALUES[name])
    for path, value in (file or {}).items():
        decisions.put(values, tuple(path.split(".")), value)
    values["decisions"] = [{**values["decisions"][0], **changes}]
    with pytest.raises(UserError) as error:
        check(papers.parse(yaml.safe_dump(values).encode(), FOLDER / f"{name}.yaml"), FOLDER / f"{name}.yaml")
    text = str(error.value)
    assert "\n" not in text and text.startswith(f"{FOLDER / name}.yaml: ")
    return text.removeprefix(f"{FOLDER / name}.yaml: ")


def about(setting: str, value: Any, *alternatives: Any) -> dict[str, Any]:
    return {"setting": setting, "value": value, "alternatives": list(alternatives)}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (about("training.normalize", "rms"), "training.normalize: training has no 'normalize' (did you mean"),
        (about("trainings.normalise", "rms"), "trainings.normalise: the file has no 'trainings' (did"),
        (about("training.normalise", "rms"), "training.normalise: is 'first_frame' in the file, and 'rms' in the list"),
        (about("training.normalise", "first_frame", "first"), "'first_frame', 'rms' or 'none', not 'first'"),
        (about("experiments.*.k", 7), "experiments.*.k: is None in the file, and 7 in the list"),
        (about("experiments.hoof.bins", 8, 1), "the alternative 1: bins: input should be greater than or equal to 2"),
        (about("sequences.samples", 256, "many"), "sequences.samples: the alternative 'many': samples: "),
        (about("budgets.paper.epochs", 150, 0), "budgets.paper.epochs: "),
        (about("training.augment.rotate", [-10, 10]), "training.augment.rotate: no operation 'rotate' with values"),
        (about("models.time_contrast.memory", "conv_gru"), "is 'gru' in mexflow.models.time_contrast, and"),
        (about("models.time_contrast.memory", "gru", 3), "memory: time_contrast: memory is of type"),
        (about("models.time_contrst.memory", "gru"), "no experiment has the model 'time_contrst' (did you mean"),
        (about("models.memory", "gru"), "models.memory: an option of a network is written models.NAME.OPTION"),
        (about("protocol", "leave_one_subject_out", "leave_one_out"), "decisions: protocol: unknown protocol 'leave"),
        ({"literal": "five_subject_folds"}, "protocol: `literal` is the value or one of the alternatives, not 'five"),
        ({"alternatives": ["leave_one_subject_out"]}, "protocol: the value and its alternatives are all different"),
        ({"paper": "quiet"}, "decisions.0.paper: input should be 'printed', 'silent' or 'contradictory', not 'quiet'"),
        ({"reason": "none"}, "unknown key 'decisions.0.reason'"),
        ({"place": ""}, "decisions.0.place: "),
    ],
)  # fmt: skip
def test_wrong_decisions(changes: dict[str, Any], text: str) -> None:
    assert text in refused(changes)


def test_the_list_cannot_go_stale() -> None:
    """Whatever changes in the file, beside what experiments are there to vary, the list has to follow."""
    text = refused({}, file={"protocol": "subject_split"})
    assert text == "decisions: protocol: is 'subject_split' in the file, and 'leave_one_subject_out' in the list"
    values = copy.deepcopy(VALUES["elface2021"])
    values["spotting"]["cas_me_2"]["stream_weights"] = [0.2, 0.8]
    with pytest.raises(UserError, match=r"spotting\.\*\.stream_weights: is \[0.2, 0.8\] in the file"):
        papers.parse(yaml.safe_dump(values).encode(), FOLDER / "elface2021.yaml")


def test_one_setting_has_one_decision() -> None:
    values = copy.deepcopy(VALUES["nag2019"])
    values["decisions"] = values["decisions"][:1] * 2
    with pytest.raises(UserError, match="decisions: protocol is listed twice$"):
        papers.parse(yaml.safe_dump(values).encode(), FOLDER / "nag2019.yaml")


def test_true_is_not_one() -> None:
    assert decisions.same([1, {"a": 2.0}], (1.0, {"a": 2})) and not decisions.same(True, 1)
    assert decisions.same({1: "a"}, {"1.0": "a"}) and not decisions.same([1], [1, 2]) and not decisions.same([1], 1)


# What rests on them


def resting(paper: str, experiment: str, budget: str = "paper") -> set[str]:
    return {decision.setting for decision in decisions.of_experiment(PAPERS[paper], experiment, budget)}


def test_what_an_experiment_rests_on() -> None:
    flow, texture = resting("belaiche2020", "vy-3cl"), resting("belaiche2020", "lbp-top")
    assert {"training.normalise", "preprocessing.flow.horn_schunck.options.alpha"} <= flow - texture
    assert {"models.linear_svm.c", "preprocessing.lbp_top.standard.radii"} <= texture - flow
    assert resting("belaiche2020", "vy-3cl-null") == flow, "a control rests on what its experiment does"
    proposed, split = resting("nag2019", "proposed"), resting("nag2019", "proposed-split")
    assert proposed ^ split == {"protocol", "data.casme2_split.protocol"}
    hoof, lbp = resting("nag2019", "hoof"), resting("nag2019", "lbp")
    assert {"experiments.hoof.bins", "experiments.*.k"} <= hoof and "sequences.samples" not in hoof
    assert lbp == hoof - {"experiments.hoof.bins", "experiments.hoof.method", "experiments.hoof.reference"}
    full, ablation = (resting("elface2021", name) for name in ("samm-lv", "samm-lv-no-dropout"))
    assert full - ablation == {"models.elface.dropout"} and "intervals.order" in full
    assert "budgets.paper.epochs" in resting("cropnet2021", "rrs") - resting("cropnet2021", "rrs", "demo")


@of_each_paper
def test_every_decision_is_of_an_experiment_or_a_figure(name: str) -> None:
    paper = PAPERS[name]
    of_experiments = set().union(*(resting(name, experiment) for experiment in paper.experiments))
    assert all(one.setting in of_experiments or one.path[0] == "figures" for one in paper.decisions)


# Their alternatives

ALTERNATIVES = [(name, decision, value) for name in NAMES for decision in PAPERS[name].decisions
                for value in decision.alternatives]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "decision", "value"),
    ALTERNATIVES,
    ids=[f"{name}-{decision.setting}-{value}" for name, decision, value in ALTERNATIVES],
)
def test_every_alternative_is_taken(name: str, decision: decisions.Decision, value: Any) -> None:
    """The whole file is valid with it, and says so; what rests on it differs, and nothing else."""
    before = PAPERS[name]
    after = papers.Paper.model_validate(decisions.with_value(VALUES[name], before, decision, value))
    check(after, FOLDER / f"{name}.yaml")
    number = before.decisions.index(decision)
    assert decisions.same(after.decisions[number].value, value)
    others = [(a, b) for i, (a, b) in enumerate(zip(before.decisions, after.decisions, strict=True)) if i != number]
    assert all(a == b for a, b in others)
    assert before.model_dump(exclude={"decisions"}) != after.model_dump(exclude={"decisions"})
    for experiment in before.with_null_controls():
        if decision not in decisions.of_experiment(before, experiment):
            assert after.recipe(experiment, "paper") == before.recipe(experiment, "paper")


# The reading


@of_each_paper
def test_literally_every_literal_value_is_taken(name: str) -> None:
    before, after = PAPERS[name], papers.load(FOLDER, name, "literal")
    check(after, FOLDER / f"{name}.yaml")
    for one, other in zip(before.decisions, after.decisions, strict=True):
        assert decisions.same(other.value, one.literal if one.has_literal else one.value)
        assert len(one.alternatives) == len(other.alternatives)
    assert before.model_dump(exclude={"decisions"}) != after.model_dump(exclude={"decisions"})


def test_the_printed_readings() -> None:
    literal = {name: papers.load(FOLDER, name, "literal") for name in NAMES}
    flow = literal["belaiche2020"].preprocessing.flow["horn_schunck"]
    assert flow.options == {"alpha": 1.0, "iterations": "until_converged"}
    for name in ("belaiche2020", "liong2019", "nag2019", "upadhy2025"):
        assert literal[name].training["normalise"] == "none"
    recipe = literal["nag2019"].recipe("proposed", "paper")
    assert (recipe.test_length, recipe.length, recipe.training.batch_size) == (14, 14, 1)
    assert literal["nag2019"].recipe("lbp", "paper") == PAPERS["nag2019"].recipe("lbp", "paper")
    assert literal["elface2021"].spotting["samm_lv"].stream_weights == (0.1, 0.9)

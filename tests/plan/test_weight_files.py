"""The files of weights that the configuration gives: which trainings take them, and what is told of wrong ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mexflow.errors import UserError
from mexflow.plan.workflow import Workflow
from project import WORKFLOW

CROPNET, NAG, BELAICHE = "cropnet2021", "nag2019", "belaiche2020"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(**weights: str) -> Workflow:
    return Workflow({"embedded": {"size": "tiny"}, "papers": [CROPNET, NAG, BELAICHE], "weights": weights}, WORKFLOW)


def test_what_can_start_from_them_does_and_nothing_else_changes(tmp_path: Path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "rexnet.pth").write_bytes(b"1")
    (tmp_path / "vgg.pth").write_bytes(b"2")
    scratch, given = make(), make(rexnet="w/rexnet.pth", deeplab=f"../{tmp_path.name}/vgg.pth")
    # A path that goes up would lead elsewhere from where a job is made again.
    options = {CROPNET: "--weights rexnet=w/rexnet.pth", NAG: f"--weights deeplab={tmp_path}/vgg.pth", BELAICHE: ""}
    started = set()
    for name, paper in given.papers.items():
        for experiment in given.experiments(name):
            before, after = (json.loads(plan.recipe(name, experiment)) for plan in (scratch, given))
            assert "weights" not in before and not scratch.weights.files(scratch.papers[name], experiment)
            assert (before == after) == ("weights" not in after)
            codes = (plan.training_code(name, experiment) for plan in (scratch, given))
            assert (len(set(codes)) == 1) == ("weights" not in after)
            if "weights" in after:
                started.add((name, experiment))
                assert given.weights.flags(paper, experiment) == options[name]
            else:
                assert given.weights.flags(paper, experiment) == given.weights.version(paper, experiment) == ""
    cropnets = {(CROPNET, experiment) for experiment in given.experiments(CROPNET)}
    assert started == cropnets | {(NAG, "proposed"), (NAG, "proposed-split")} and (CROPNET, "ars-null") in cropnets


def test_an_input_is_what_the_weights_were_trained_on(tmp_path: Path):
    (tmp_path / "x.pth").write_bytes(b"1")
    for weights, normalise in (({}, "first_frame"), ({"deeplab": "x.pth"}, "rms"), ({"mpnet": "x.pth"}, "rms")):
        assert json.loads(make(**weights).recipe(NAG, "proposed"))["training"]["normalise"] == normalise


def test_another_file_under_the_name_is_seen_whatever_its_date(tmp_path: Path):
    file = tmp_path / "x.pth"
    file.write_bytes(b"1")
    plan = make(resnet18="x.pth")
    paper = plan.papers[BELAICHE]
    first = plan.weights.version(paper, "resnet-3cl")
    assert first == plan.weights.version(paper, "resnet-17cl") != plan.weights.version(paper, "vy-3cl")
    status = file.stat()
    file.write_bytes(b"2")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns - 10**12))
    assert plan.weights.version(paper, "resnet-3cl") != first


@pytest.mark.parametrize(
    ("file", "reason"), [("none.pth", "no such file or directory"), (".", "is a folder"), ("x/y", "no such file or")]
)
def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, file: str, reason: str):
    with pytest.raises(UserError) as caught:
        make(rexnet=file)
    text = str(caught.value)
    assert text.startswith(f"config.yaml: weights.rexnet: {file}: {reason}") and "\n" not in text
    assert text.endswith(f"a relative path counts from {tmp_path}), or `none` to train from scratch")

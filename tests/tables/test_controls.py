"""Null controls and chance in the tables: what they measure, and the verdicts on them."""

from __future__ import annotations

import numpy as np
import pytest

from measured_files import CLASSES, write_fold
from mexflow.tables.controls import PERMUTATIONS, judge, judge_null
from mexflow.tables.measurement import Measurement
from reporting_files import SUBJECTS, make_tables


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

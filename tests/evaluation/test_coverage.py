"""The simulated coverage of intervals: its true values, and its counting, against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mexflow.evaluation import coverage, recognition, spotting
from mexflow.evaluation.intervals import Counts
from mexflow.evaluation.uncertainty import METHODS, over_subjects, seed_of
from mexflow.tables.coverage_table import coverage_markdown, coverage_table
from project import mexflow, squeezed

RETRAINED = [one for one in coverage.POPULATIONS if isinstance(one, coverage.Retrained)]
RECOGNISED = [one for one in coverage.POPULATIONS if isinstance(one, coverage.Recognised)]


@pytest.mark.parametrize("population", RECOGNISED, ids=lambda one: one.name)
def test_true_values_of_recognition_are_those_of_very_many_subjects(population):
    (study,) = population.draw(1, 60_000, np.random.default_rng(1))
    first, second = study.sum(0)
    # Both networks see the same clips.
    assert np.array_equal(study[:, 0].sum(-1), study[:, 1].sum(-1))
    counted = {
        "accuracy": recognition.accuracy(first),
        "UF1": recognition.uf1(first),
        "UAR": recognition.uar(first),
        "difference of two accuracies": recognition.accuracy(first) - recognition.accuracy(second),
    }
    assert population.true == pytest.approx({name: float(value) for name, value in counted.items()}, abs=0.01)
    assert study[:, 0].sum((1, 2)).mean() == pytest.approx(population.clips, rel=0.02)


def test_subjects_differ_in_clips_and_in_how_well_they_are_recognised():
    population = RECOGNISED[0]
    (study,) = population.draw(1, 60_000, np.random.default_rng(1))
    clips = study[:, 0].sum((1, 2))
    assert clips.min() == 1 and clips.std() > 0.8 * clips.mean()
    shares = recognition.accuracy(study[clips > 30, 0])
    # Thirty clips of one chance of 0.54 alone would vary by 0.09.
    assert shares.std() > 0.13


def test_true_values_of_spotting_are_those_of_very_many_subjects():
    for population in coverage.POPULATIONS:
        if isinstance(population, coverage.Spotted):
            (study,) = population.draw(1, 60_000, np.random.default_rng(1))
            assert population.true["F1 of intervals"] == pytest.approx(sum(study.values(), Counts()).f1, abs=0.01)
        elif isinstance(population, coverage.Scored):
            (study,) = population.draw(1, 5_000, np.random.default_rng(1))
            assert population.true["AUC of frames"] == pytest.approx(spotting.auc(*study[:2]), abs=0.015)


@pytest.mark.parametrize("population", RETRAINED, ids=lambda one: one.name)
def test_true_values_of_several_seeds_are_those_of_very_many_subjects(population):
    (study,) = population.draw(1, 30_000, np.random.default_rng(1))
    assert study.shape[1] == population.seeds
    # Five folds hang on their seeds, however many subjects they have.
    within = 0.08 if population.folds else 0.01
    for number, function in (("accuracy", recognition.accuracy), ("UF1", recognition.uf1)):
        trained = "one seed" if population.seeds == 1 else f"mean of {population.seeds} seeds"
        if (true := population.true.get(f"{number}, {trained}")) is not None:
            assert true == pytest.approx(float(function(study.sum(0)).mean()), abs=within)
    assert population.true
    # Every seed sees the same clips.
    assert (study.sum(-1) == study[:, :1].sum(-1)).all()


def test_the_spread_over_seeds_is_that_of_another_training_on_the_same_subjects():
    """The deviation over five seeds, squared, is on average the variance of one training's accuracy."""
    population, rng = RETRAINED[0], np.random.default_rng(3)
    scores = np.array([recognition.accuracy(study.sum(0)) for study in population.draw(400, 8, rng)])
    many = replace(population, seeds=200)
    variances = [recognition.accuracy(study.sum(0)).var() for study in many.draw(60, 8, rng)]
    assert scores.var(1, ddof=1).mean() == pytest.approx(np.mean(variances), rel=0.15)


def test_the_interval_of_the_mean_over_seeds_is_shorter_and_holds_the_truth():
    studies = 250
    one, five = (next(coverage.simulate(replace(RETRAINED[0], seeds=seeds), 12, ["t"], studies, 1)) for seeds in (1, 5))
    assert five.width < 0.92 * one.width
    for found in (one, five):
        assert found.share > 0.92 - 2 * np.sqrt(0.08 * 0.92 / studies), found


@pytest.mark.parametrize("method", ["t", "percentile"])
def test_counting_agrees_with_a_plain_loop(method):
    population, subjects, studies, seed = RECOGNISED[3], 5, 12, 4
    rng = np.random.default_rng(seed_of(seed, population.name, subjects))
    held, widths = 0, []
    for number, study in enumerate(population.draw(studies, subjects, rng)):
        interval = over_subjects(study[:, 0], recognition.uar, seed_of(seed, number), method, least=2).interval
        if interval:
            held += interval[0] <= 1 / 3 <= interval[1]
            widths.append(interval[1] - interval[0])
    steps: list[int] = []
    results = coverage.simulate(population, subjects, [method], studies, seed, steps.append)
    (of_uar,) = [one for one in results if one.number == "UAR"]
    assert of_uar.true == pytest.approx(1 / 3) and (of_uar.held, of_uar.given) == (held, len(widths))
    assert of_uar.share == held / len(widths) and of_uar.width == pytest.approx(np.median(widths))
    assert steps == [1] * studies and 0 < held < studies


def test_the_table_counts_every_population_and_says_what_is_shown(tmp_path):
    few = ("--subjects", "2", "--subjects", "3", "--studies", "2")
    result = mexflow("coverage", "--seed", "1", "--output", tmp_path / "c", *few)
    text = (tmp_path / "c.md").read_text()
    assert text == result.stdout.removesuffix("\n") and "| UF1 | 2 | coverage |" in squeezed(text)
    rows = coverage_table(_few_rows()).to_pylist()
    assert {row["method"]: row["shown"] for row in rows} == {"t": True, "percentile": False}
    assert [row["coverage"] for row in rows] == [0.75, None] and rows[1]["width"] is None
    lines = ("| accuracy | 4 | coverage | 75.0 | — |", "| | | least | 75.0 | |", "| | | width | 0.30 | |")
    assert "\n".join(lines) in squeezed(coverage_markdown(_few_rows()))


def _few_rows() -> list[coverage.Coverage]:
    return [
        coverage.Coverage("people", "accuracy", 4, "t", 0.5, 5, 4, 3, 0.3),
        coverage.Coverage("people", "accuracy", 4, "percentile", 0.5, 5, 0, 0, float("nan")),
    ]


@pytest.mark.campaign
@pytest.mark.parametrize("population", coverage.POPULATIONS, ids=lambda one: one.name)
def test_intervals_that_are_shown_miss_at_most_three_times_as_often_as_they_say(population):
    for method in METHODS:
        least = METHODS[method].least
        for subjects in (least, 2 * least):
            for one in coverage.simulate(population, subjects, [method], 400, 1):
                # Two standard errors below 85 % are let pass.
                assert one.share > 0.85 - 2 * np.sqrt(0.85 * 0.15 / 400), one

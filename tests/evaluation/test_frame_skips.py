"""Frame skips: the printed ones, and those fitted to the expressions at hand."""

from __future__ import annotations

import pytest

from mexflow.datasets.half_length import half_length
from mexflow.embedded import plan
from mexflow.errors import UserError
from mexflow.evaluation.frame_skips import fitted
from mexflow.papers import paper as papers
from mexflow.papers.trainings import FrameSkips
from project import WORKFLOW

ELFACE = papers.load(WORKFLOW / "papers", "elface2021")


def settings(skips: str = "measured", **changed) -> FrameSkips:
    return ELFACE.spotting["samm_lv"].model_copy(update={"skips": skips, **changed})


def rows(micro: int, macro: int) -> list[dict]:
    """One expression of each type, of so many frames."""
    return [
        {"type": kind, "onset": 10, "apex": None, "offset": 10 + length, "repairs": []}
        for kind, length in (("micro", micro), ("macro", macro))
    ]


def test_printed_skips_are_as_printed():
    assert fitted(settings("printed"), []) is not None
    assert fitted(settings("printed"), []) == settings("printed")
    assert settings("printed").test_skips == {"k-th": (37, 217), "manual": (30, 310)}


def test_all_skips_are_scaled_by_the_ratio_of_k():
    """By hand: k is 15 and 45, so 15/37 and 45/217 of what is printed, rounded half up."""
    used = fitted(settings(), rows(29, 89))
    assert used.test_skips == {"k-th": (15, 45), "manual": (12, 64)}  # 12.16, 64.29
    assert used.train_skips == ((10, 30), (41, 83))  # 10.14, 30.41; 41.47, 82.95
    again = fitted(settings(), rows(73, 433))
    assert (again.train_skips, again.test_skips) == (settings().train_skips, settings().test_skips), "k as printed"
    half = fitted(settings(train_skips=((1, 3), (0, 1)), test_skips={"k-th": (4, 217)}), rows(3, 3))
    assert half.test_skips == {"k-th": (2, 2)}
    assert half.train_skips == ((1, 2), (0, 1)), "0.5 and 1.5 up, 0 stays, and none becomes 0"
    with pytest.raises(UserError, match="micro-expressions cannot be computed"):
        fitted(settings(), [])


@pytest.mark.parametrize("dataset", ["samm_lv", "cas_me_2"])
def test_those_of_the_embedded_data_are_its_k(dataset):
    index = plan(dataset, "demo", 2020).expected_rows()
    printed = ELFACE.spotting[dataset]
    used = fitted(printed.model_copy(update={"skips": "measured"}), index)
    k = tuple(half_length(index, kind).k for kind in ("micro", "macro"))
    assert used.test_skips["k-th"] == k
    for (low, high), (low_printed, high_printed), own, paper in zip(
        used.train_skips, printed.train_skips, k, printed.test_skips["k-th"], strict=True
    ):
        assert (low, high) == pytest.approx((low_printed * own / paper, high_printed * own / paper), abs=0.5)
        # What is tested is between what was trained on, as it is in print.
        assert low <= own <= high

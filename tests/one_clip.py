"""One clip of any dataset with a table, and its listing."""

from __future__ import annotations

from pathlib import Path

from dataset_files import (
    cas_me_2,
    cas_me_2_frames,
    cas_me_2_row,
    casme2,
    casme2_frames,
    casme2_row,
    mmew,
    mmew_frames,
    mmew_row,
    samm,
    samm_frames,
    samm_lv,
    samm_lv_frames,
    samm_lv_row,
    samm_row,
)
from mexflow.datasets.reading import read

TABLED = ("casme2", "samm", "samm_lv", "cas_me_2", "mmew")


def index(dataset: str, root: Path):
    return read(dataset, {dataset: root})


def one_clip(dataset: str, root: Path, **cells):
    """A dataset of one clip, whose frames 1 to 12 are there, and its listing; `cells` are of its row."""
    if dataset == "casme2":
        casme2(root, [casme2_row(**cells)])
        casme2_frames(root, "sub01/EP02_01f", range(1, 13))
    elif dataset == "samm":
        samm(root, [samm_row(**{"onset": 3, "apex": 6, "offset": 9, **cells})])
        samm_frames(root, "006_1_2", range(1, 13))
    elif dataset == "samm_lv":
        samm_lv(root, [samm_lv_row(**cells)])
        samm_lv_frames(root, "006_1", range(1, 13))
    elif dataset == "cas_me_2":
        cas_me_2(root, [cas_me_2_row(**cells), cas_me_2_row(clip="disgust1_9")])
        cas_me_2_frames(root, "s15/15_0101disgustingteeth", range(1, 13))
    else:
        mmew(root, [mmew_row(**cells)])
        mmew_frames(root, "happiness/S01-01-001", range(1, 13))
    return index(dataset, root)

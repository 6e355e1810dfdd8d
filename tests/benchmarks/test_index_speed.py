"""Seconds and memory of `mexflow index` on trees with the real datasets' numbers of folders and frames."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import project
from dataset_files import (
    cas_me_2,
    cas_me_2_row,
    casme2,
    casme2_row,
    mmew,
    mmew_row,
    samm,
    samm_lv,
    samm_lv_row,
    samm_row,
)

MOST_SECONDS = 60.0
MOST_MEBIBYTES = 400.0


def many(folder: Path, name: str, count: int) -> None:
    """`count` names of one empty file: as good as files where nothing but names is read, and quicker to make."""
    folder.mkdir(parents=True)
    first = folder / name.format(1)
    first.touch()
    for number in range(2, count + 1):
        os.link(first, folder / name.format(number))


def write_casme2(root: Path) -> None:
    names = [(f"{clip % 26 + 1:02d}", f"EP{clip:03d}") for clip in range(255)]
    casme2(root, [casme2_row(*name) for name in names])
    for subject, clip in names:
        many(root / "CASME2_RAW/CASME2-RAW" / f"sub{subject}" / clip, "img{}.jpg", 70)


def write_samm(root: Path) -> None:
    names = [f"{clip % 29 + 6:03d}_1_{clip}" for clip in range(159)]
    samm(root, [samm_row(name[:3], name, 3, 6, 9) for name in names])
    for name in names:
        many(root / "SAMM" / name[:3] / name, f"{name[:3]}_{{:05d}}.jpg", 75)


def write_samm_lv(root: Path) -> None:
    videos = [f"{video % 30 + 6:03d}_{video // 30 + 1}" for video in range(147)]
    rows = [
        samm_lv_row(videos[row % 147][:3], f"{videos[row % 147]}_{row}", kind="Macro" if row < 343 else "Micro - 1/2")
        for row in range(502)
    ]
    samm_lv(root, rows)
    for video in videos:
        many(root / "SAMM_longvideos" / video, f"{video}_{{:04d}}.jpg", 7000)


def write_cas_me_2(root: Path) -> None:
    folders = [*(15, 16), *range(19, 28), *range(29, 39), 40]
    codes = {"disgust1": "0101", "disgust2": "0102", "anger1": "0401", "anger2": "0402", "happy1": "0502"}
    videos = [(order + 1, name) for name in codes for order in range(22)][:97]
    rows = [
        cas_me_2_row(subject, f"{name}_{row}", kind="macro-expression" if row < 300 else "micro-expression")
        for row, (subject, name) in enumerate((videos * 4)[:357])
    ]
    cas_me_2(root, rows, None, None)
    for subject, name in videos:
        folder = folders[subject - 1]
        many(root / "rawpic" / f"s{folder}" / f"{folder}_{codes[name]}{name}", "img{:03d}.jpg", 2500)


def write_smic(root: Path) -> None:
    for clip in range(164):
        subject = clip % 16 + 1
        place = root / "SMIC_all_raw/HS" / f"s{subject}" / "micro/negative"
        many(place / f"s{subject}_ne_{clip:02d}", "image{:06d}.jpg", 34)


def write_mmew(root: Path) -> None:
    names = [f"S{clip % 36 + 1:02d}-01-{clip:03d}" for clip in range(300)]
    mmew(root, [mmew_row(name[:3], name) for name in names])
    for name in names:
        many(root / "Micro_Expression/happiness" / name, "{}.jpg", 60)


WRITERS = {
    "casme2": (write_casme2, 255),
    "samm": (write_samm, 159),
    "samm_lv": (write_samm_lv, 502),
    "cas_me_2": (write_cas_me_2, 357),
    "smic": (write_smic, 164),
    "mmew": (write_mmew, 300),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed at once: a million names are too many to leave lying about."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.benchmark
def test_all_six_datasets_are_indexed_within_a_minute(folder: Path) -> None:
    total = 0.0
    for dataset, (write, rows) in WRITERS.items():
        root = folder / dataset
        write(root)
        files = ("--output", folder / "index.parquet", "--videos", folder / "videos.parquet")
        start = time.perf_counter()
        done = project.mexflow("index", "--dataset", dataset, "--root", root, *files)
        seconds = time.perf_counter() - start
        assert done.returncode == 0, done.stderr
        head = done.stdout.splitlines()[0]
        assert f"{rows} rows ({rows} in use)" in head
        print(f"\n{head}: {seconds:.1f} s")
        total += seconds
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nall: {total:.1f} s, at most {peak:.0f} MiB")
    assert total < MOST_SECONDS
    assert peak < MOST_MEBIBYTES

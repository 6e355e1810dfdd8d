"""The results page of a simulated run at full size: how large it is, and what it takes to make it."""

from __future__ import annotations

from pathlib import Path

import pytest

import full_size_page
from project import ROOT

MOST_SIZE, MOST_MEMORY = 10.0, 1500.0
"""MiB."""


@pytest.mark.benchmark
def test_the_page_of_a_run_at_full_size_stays_small(tmp_path: Path) -> None:
    if not (ROOT / "results" / "run.json").is_file():
        pytest.skip("no finished default run in this checkout, whose tables and figures the page shows")
    size, _, memory = full_size_page.main(ROOT / "results", tmp_path)
    assert size < MOST_SIZE and memory < MOST_MEMORY

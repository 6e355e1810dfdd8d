"""The measurements of networks on a GPU, in their dry form: the same with the CPU in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from project import ROOT, run


@pytest.mark.benchmark
def test_the_dry_form_runs(tmp_path: Path) -> None:
    result = run(ROOT / "tests" / "benchmarks" / "gpu.sh", "--dry", "--output", tmp_path / "gpu.md")
    assert result.returncode == 0, result.stderr
    page = (tmp_path / "gpu.md").read_text()
    print(page)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert {"belaiche2020/vy-3cl", "elface2021/samm-lv", "liong2019/ststnet"} <= rows.keys()
    assert rows["elface2021/samm-lv"].endswith(" | 0 |"), "the CPU agrees with itself"
    assert "not measured" in rows["belaiche2020"], "whose other networks were not timed"
    assert "3 folds of belaiche2020/vy-3cl in one job take" in page

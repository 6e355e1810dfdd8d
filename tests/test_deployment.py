"""Jobs in the container: Snakemake's own call of apptainer, answered by a stand-in that runs what it is told to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import mini
from faults import part_of

# As `apptainer exec OPTIONS IMAGE COMMAND…`, without the image: the command runs in this environment.
STAND_IN = """#!/bin/sh
[ "$1" = --version ] && { echo "apptainer version 1.3.4"; exit; }
echo "$@" >> "$APPTAINER_CALLS"
while [ $# -gt 0 ] && [ "$1" != mexflow.sif ]; do shift; done
shift
exec "$@"
"""


def test_jobs_run_in_the_container(finished: Path, tmp_path: Path) -> None:
    folder = part_of(finished, tmp_path / "run", taken=("lcn/samm/028",))
    stand_in = tmp_path / "bin" / "apptainer"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    (folder / "mexflow.sif").write_bytes(b"")
    result = mini.snakemake(
        folder, "--cores", "1", "--software-deployment-method", "apptainer", "--", "results/lcn/samm/028.npy",
        PATH=os.pathsep.join((str(stand_in.parent), str(Path(sys.executable).parent), os.environ["PATH"])),
        APPTAINER_CALLS=str(tmp_path / "calls"),
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    calls = (tmp_path / "calls").read_text()
    assert calls.startswith("exec ") and "mexflow.sif" in calls and "python -m mexflow lcn" in calls
    assert mini.contents(folder, "lcn") == mini.contents(finished, "lcn")

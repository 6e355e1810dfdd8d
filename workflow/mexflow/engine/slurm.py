"""What is looked at and changed where jobs go to SLURM.

Imports nothing heavy.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from mexflow.engine import wrapped
from mexflow.errors import UserError

_RUN = re.compile(r"(.*_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What the SLURM plugin calls all jobs that one Snakemake submits."""


def require() -> None:
    """Make sure that jobs can be submitted and seen to end, and say by what.

    Raises:
        UserError: if they cannot: Snakemake fails at the first one, or waits for ever.
    """
    remedy = "run this on a login node of the cluster, or leave out the profile to run the jobs on this machine"
    if shutil.which("sbatch") is None:
        raise UserError(f"sbatch is not on this machine, so nothing can be submitted to SLURM; {remedy}")
    if shutil.which("sacct") is None:
        if shutil.which("squeue") is None:
            raise UserError(f"neither sacct nor squeue is on this machine, so no job would be seen to end; {remedy}")
        print("mexflow: sacct is not on this machine: squeue is asked which jobs ended", file=sys.stderr, flush=True)


def run_without_srun() -> None:
    """Have a job's Snakemake run the job itself, where the plugin is loaded."""
    if "snakemake_executor_plugin_slurm" in sys.modules:
        wrapped.replace("srun", lambda original: lambda executor: "--executor local --cores all")


def queued(folder: Path) -> list[str]:
    """Names, by the run that submitted them, of this user's jobs of a folder that SLURM has not ended."""
    command = ["squeue", "--me", "--noheader", "--array", "--format=%j|%Z"]
    try:
        queue = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []  # submitting says what is wrong with it
    jobs = [line.strip().split("|", 1) for line in queue.splitlines()]
    return [name for name, place in jobs if _RUN.fullmatch(name) and _is_same(Path(place), folder)]


def _is_same(place: Path, folder: Path) -> bool:
    """Whether two names are of one folder."""
    try:
        return place.samefile(folder)
    except OSError:
        return False

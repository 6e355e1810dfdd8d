"""Memory is kept: after the first steps, a step asks the system for next to none."""

from __future__ import annotations

import json
import platform
import sys

import pytest

import project

# Blocks of 40 MB, as batches have them: above what the C library would keep by itself. Counted are pages that the
# system had to clear, and what is computed. In the first steps small blocks may still take a part of a large one that
# is free, by where the memory happens to begin, so that another large one is needed: what counts is that it ends.
_STEPS = """
import json, resource
import torch
from mexflow.training.allocation import keep_memory

torch.set_num_threads(1)
kept = keep_memory() if {keep} else None
start = torch.linspace(0, 1, 10_000_000)

def step():
    return float(((start * 2).sin() + start).sum())

first = [step() for _ in range(10)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
rest = [step() for _ in range(20)]
print(json.dumps([kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, first + rest]))
"""


def _run(keep: bool) -> list:
    done = project.run(sys.executable, "-c", _STEPS.format(keep=keep))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_after_the_first_steps_none_asks_the_system_for_memory_and_all_give_the_same_bits():
    kept, faults, values = _run(keep=True)
    assert kept
    _, usual, values_usual = _run(keep=False)
    assert usual > 20 * 40_000_000 / 4096  # at least a block a step, cleared page by page
    assert faults < usual / 20
    assert values == values_usual

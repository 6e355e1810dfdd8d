"""Memory is kept: a step after the first asks the system for next to none."""

from __future__ import annotations

import json
import platform
import sys

import pytest

import project

# Blocks of 40 MB, as batches have them: above what the C library would keep by itself. Counted are pages that the
# system had to clear, and what is computed.
_STEPS = """
import json, resource
import torch
from mexflow.training.allocation import keep_memory

torch.set_num_threads(1)
kept = keep_memory() if {keep} else None
start = torch.linspace(0, 1, 10_000_000)

def step():
    return float(((start * 2).sin() + start).sum())

first = step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
rest = [step() for _ in range(5)]
print(json.dumps([kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, first, rest]))
"""


def _run(keep: bool) -> list:
    done = project.run(sys.executable, "-c", _STEPS.format(keep=keep))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_steps_after_the_first_ask_the_system_for_no_memory_and_give_the_same_bits():
    kept, faults, first, rest = _run(keep=True)
    assert kept
    _, usual, first_usual, rest_usual = _run(keep=False)
    assert usual > 5 * 40_000_000 / 4096  # at least a block a step, cleared page by page
    assert faults < usual / 20
    assert (first, rest) == (first_usual, rest_usual)

"""One training job, as ``mexflow train`` does it, that says on standard output when each epoch ended, and the job.

``python gpu_fold.py`` takes the options of ``mexflow train``. A line ``epochs N S`` says that so many more epochs are
done at S seconds of a monotonic clock; others are ``began S`` and ``ended S``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mexflow.cli.train import app
from mexflow.training import job


def tell(*words: object) -> None:
    """A line with the time at its end, at once."""
    print(*words, f"{time.monotonic():.6f}", flush=True)


@contextmanager
def told(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Progress, told."""
    tell("began")
    yield lambda steps: tell("epochs", steps)
    tell("ended")


if __name__ == "__main__":
    job.progress = told
    sys.argv[0] = "train"
    app()

"""Progress: a bar on a terminal, plain lines in a log file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PLAIN_SECONDS = 30.0


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress of `total` steps; yields `advance(steps)`.

    On a terminal rich draws a bar on standard error; elsewhere a line is printed every half minute
    and one at the end.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total)
            yield lambda steps: bar.advance(task, steps)
        return

    started = last = time.monotonic()
    done = 0

    def advance(steps: int) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= _PLAIN_SECONDS:
            last = now
            print(f"{label}: {done}/{total}, {done / (now - started):.1f} a second", file=sys.stderr, flush=True)

    yield advance
    elapsed = time.monotonic() - started
    print(f"{label}: {done}/{total} in {elapsed:.1f} s", file=sys.stderr, flush=True)

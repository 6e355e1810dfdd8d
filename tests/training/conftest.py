"""What tests of training share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def deterministic() -> Iterator[None]:
    """Train on one thread, each operation the same at every run; as it was, afterwards."""
    import torch

    from mexflow.training.loop import make_deterministic

    threads = torch.get_num_threads()
    make_deterministic(1)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For the command in this process, which has loaded what other tests need.

    That it needs no more than it says is shown where it has a process of its own.
    """
    import torch

    from mexflow.store import records

    monkeypatch.setattr(records.digest, "unaccounted", lambda modules: [])
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("default")

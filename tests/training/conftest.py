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

"""Training asks nothing of torch's compiler, and whoever does gets it."""

from __future__ import annotations

import pytest

from mexflow.training.loop import OPTIMIZERS
from project import loaded_after

STEPS = """
import io
import torch
from mexflow.training.loop import OPTIMIZERS, SCHEDULES, make_deterministic
make_deterministic(1)
layers = torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
network = torch.nn.Sequential(*layers)
optimizer = OPTIMIZERS[{name!r}](network.parameters(), lr=0.1)
schedule = SCHEDULES["cosine"].make(optimizer, 2)
for step in range(2):
    optimizer.zero_grad()
    network(torch.ones(2, 1, 4, 4)).square().mean().backward()
    optimizer.step()
    schedule.step()
optimizer.load_state_dict(optimizer.state_dict())
"""
# `torch._dynamo` itself is among the modules, as what stands for it.
COMPILER = ["torch._dynamo.eval_frame", "torch._inductor", "torch.distributed.tensor", "sympy"]


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_no_optimiser_imports_the_compiler(name):
    assert loaded_after(STEPS.format(name=name), COMPILER) == []


def test_the_compiler_comes_when_it_is_asked_for_more():
    code = """
import inspect, sys
import torch
from mexflow.training.uncompiled import stand_in
stand_in()
plain = torch.nn.functional.relu
assert torch._dynamo.disable(plain) is plain and torch._dynamo.disable()(plain) is plain
assert inspect.getmodule(plain) is torch.nn.functional
stood = sys.modules["torch._dynamo"]
assert "torch._dynamo.eval_frame" not in sys.modules
assert stood.is_compiling() is False
assert sys.modules["torch._dynamo"] is torch._dynamo is not stood
before = torch._dynamo
stand_in()
assert torch._dynamo is before, "what is loaded stays"
"""
    assert loaded_after(code, COMPILER[:1]) == COMPILER[:1]

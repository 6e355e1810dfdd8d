"""Torch without its compiler.

Before its first step an optimiser of torch asks ``torch._dynamo`` not to compile it, and for this question the whole
compiler is imported, and sympy with it: three seconds of processor time, more than many a training takes. Nothing is
compiled here, so the answer is known. It is given without the compiler.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch

_COMPILER = "torch._dynamo"


class _NotAsked(ModuleType):
    """Stands for the compiler until anything is wanted of it but not to compile; then the compiler takes its place."""

    def graph_break(self, *arguments: Any, **options: Any) -> None:
        """End the part that is compiled: there is none."""

    def disable(self, function: Any = None, *arguments: Any, **options: Any) -> Any:
        """Leave a function uncompiled, which it is."""
        return self.disable if function is None else function

    def __getattr__(self, name: str) -> Any:
        # Whoever looks through all modules for a file, as `inspect` does, wants nothing of the compiler.
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        if sys.modules.get(_COMPILER) is self:
            del sys.modules[_COMPILER], torch._dynamo
        return getattr(importlib.import_module(_COMPILER), name)


def stand_in() -> None:
    """Keep torch from importing its compiler in this process for as long as nothing is compiled."""
    if _COMPILER not in sys.modules:
        sys.modules[_COMPILER] = torch._dynamo = _NotAsked(_COMPILER)

"""Options of command lines, made of Python values."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any


def flags(name: str, values: Iterable[object]) -> str:
    """A repeated option: ``--name a --name b``, quoted for the shell."""
    return " ".join(f"--{name} {shlex.quote(str(value))}" for value in values)


def named(option: str, names: Iterable[str], values: Iterable[object]) -> str:
    """A repeated option of named values: ``--option a=1 --option b=2``."""
    return flags(option, (f"{name}={value}" for name, value in zip(names, values, strict=True)))


def settings(values: Mapping[str, Any]) -> list[str]:
    """Settings as ``name=value`` texts that the commands read back."""
    return [f"{name}={_text(value)}" for name, value in values.items()]


def operations(values: Iterable[str | Mapping[str, Any]]) -> list[str]:
    """Operations, each a name or ``{name: values}``, as texts ``name`` or ``name=low,high``, in their order."""
    return [text for value in values for text in ([value] if isinstance(value, str) else settings(value))]


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Things that a paper or a configuration picks by name: flow methods, augmentations, protocols, metrics, datasets …

An entry stands at the top level of its module, and its name in it, so that :mod:`mexflow.store.digest` finds it without
importing anything: the code digest of a job holds the entries that the job picks, and no others. A new entry changes
the digest of nothing else. Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from mexflow.errors import choose

T = TypeVar("T")

PICKED: set[str] = set()
"""Every entry that this process picked, as ``module:name``; a job's code digest must hold each."""


class Registry(Mapping[str, T]):
    """What there is of one sort, by name, in the order of its entries.

    Made as ``METHODS: Registry[…] = Registry("flow method", __name__)``. Entries are either a decorated function or
    class, ``@METHODS.entry("tvl1")``, or a statement, ``METHODS.add("tvl1", value)``. To look up an entry picks it; to
    ask which names there are does not.
    """

    def __init__(self, what: str, module: str) -> None:
        """
        Args:
            what: what an entry is, in messages, e.g. ``flow method``.
            module: the module that holds the entries, its ``__name__``.
        """
        self.what, self.module = what, module
        self._entries: dict[str, T] = {}

    def add(self, name: str, value: T) -> T:
        """Enter a value.

        Raises:
            ValueError: if there is such an entry already.
        """
        if name in self._entries:
            raise ValueError(f"{self.module}: two entries {name!r}")
        self._entries[name] = value
        return value

    def entry(self, name: str) -> Callable[[T], T]:
        """Enter the function or class that follows."""
        return lambda value: self.add(name, value)

    def identity(self, name: str) -> str:
        """An entry as code digests name it: ``module:name``.

        Raises:
            UserError: if there is no such entry; the nearest is suggested.
        """
        return f"{self.module}:{choose(self.what, name, self._entries)}"

    def entries(self) -> list[T]:
        """Every entry, in their order; picks none. For what offers all of them, such as a union of types."""
        return list(self._entries.values())

    def __getitem__(self, name: str) -> T:
        """The entry of that name.

        Raises:
            UserError: if there is none; the nearest is suggested.
        """
        PICKED.add(self.identity(name))
        return self._entries[name]

    def declared(self, name: str) -> T:
        """The entry of that name, for a look that changes no result: a check of what a file says.

        Raises:
            UserError: if there is none; the nearest is suggested.
        """
        return self._entries[choose(self.what, name, self._entries)]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

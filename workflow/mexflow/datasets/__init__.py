"""The raw datasets and their composites.

One module per dataset (its name is the dataset's), imported when it is read and not before, so that listing
the names costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mexflow.errors import UserError, choose

if TYPE_CHECKING:
    from mexflow.datasets.listing import Listing

DATASETS = ("casme2", "samm", "samm_lv", "cas_me_2", "smic", "mmew")
"""The raw datasets: each has a module with an ``ADAPTER``."""

COMPOSITES = {"megc2018": ("casme2", "samm"), "megc2019": ("casme2", "samm", "smic")}
"""The composites and their members: each has a module with a function ``read(roots, read_bytes)``."""

SPOTTING = ("samm_lv", "cas_me_2")
"""The datasets of long videos, in which expressions are to be found: every video counts, annotated or not."""


def read(dataset: str, roots: Mapping[str, Path], read_bytes: Callable[[Path], bytes] = Path.read_bytes) -> Listing:
    """List the annotated expressions and the frame folders of a dataset or a composite.

    Args:
        dataset: one of `DATASETS` or `COMPOSITES`.
        roots: the folder of each raw dataset, by name.
        read_bytes: gives the content of an annotation file; it is called for annotation files only.

    Raises:
        UserError: for an unknown dataset, a root that is not given or not usable, or an annotation file that is
            missing or not as its owners release it.
    """
    choose("dataset", dataset, [*DATASETS, *COMPOSITES])
    module = import_module(f"mexflow.datasets.{dataset}")
    if dataset in COMPOSITES:
        return module.read(roots, read_bytes)
    require_roots(dataset, [dataset], roots)
    return module.ADAPTER.read(roots[dataset], read_bytes)


def modules(dataset: str) -> list[str]:
    """Names of the modules that `read` imports by name for a dataset (see `mexflow.store.digest`).

    Raises:
        UserError: for an unknown dataset.
    """
    choose("dataset", dataset, [*DATASETS, *COMPOSITES])
    return [f"mexflow.datasets.{name}" for name in (*COMPOSITES.get(dataset, ()), dataset)]


def require_roots(dataset: str, members: list[str] | tuple[str, ...], roots: Mapping[str, Path]) -> None:
    """Check that a folder is given for every raw dataset that `dataset` is made of.

    Raises:
        UserError: naming the options to add.
    """
    absent = [name for name in members if name not in roots]
    if absent:
        options = " ".join(f"--root {name}=DIR" for name in absent)
        keys = " and ".join(f"datasets.{name}.root" for name in absent)
        raise UserError(
            f"{dataset}: no folder is given for {', '.join(absent)}; add {options}, or set {keys} in config.yaml"
        )

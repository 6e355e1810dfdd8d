"""From a name to a dataset: its adapter, its labels, its index.

Adapters and composites are imported by their names, when they are asked for and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexflow.datasets import columns
from mexflow.datasets.registry import COMPOSITES, DATASETS, missing_line
from mexflow.errors import UserError, choose
from mexflow.registries import Registry

if TYPE_CHECKING:
    from mexflow.datasets.base import Adapter
    from mexflow.datasets.columns import Label
    from mexflow.datasets.composite import Composite
    from mexflow.datasets.listing import Listing


def known(index: str) -> str:
    """Return `index` if it is a raw dataset or a composite.

    Raises:
        UserError: naming the nearest, and the missing line of the registry if there is an adapter of that name.
    """
    try:
        return choose("dataset", index, [*DATASETS, *COMPOSITES])
    except UserError as error:
        raise UserError(f"{error}{missing_line(index)}") from None


def adapter(dataset: str) -> Adapter:
    """The adapter of a raw dataset.

    Raises:
        UserError: if there is no such dataset, its module is missing, or what it says of itself is wrong.
    """
    if dataset not in DATASETS:
        choose("dataset", known(dataset), DATASETS)
    reader = _entry(DATASETS, dataset, "ADAPTER", "an adapter")
    if reader.name != dataset:
        raise UserError(f"{DATASETS[dataset]}: its adapter is called {reader.name!r}; set its name to {dataset!r}")
    return reader


def composite(name: str) -> Composite:
    """A composite.

    Raises:
        UserError: if there is none of that name, or its module is missing.
    """
    return _entry(COMPOSITES, name, "COMPOSITE", "a composite")


def _entry(registry: Registry[str], name: str, attribute: str, what: str) -> Any:
    module = registry[name]
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        lacks = f"there is no module {module}"
    except AttributeError:
        lacks = f"the module {module} has no {attribute}"
    raise UserError(
        f"{registry.module} names {name!r}, but {lacks}; write {what} there, or take the line out"
    ) from None


def members(index: str) -> tuple[str, ...]:
    """The raw datasets that an index is made of: itself, or a composite's members.

    Raises:
        UserError: for an unknown dataset.
    """
    return composite(index).members if known(index) in COMPOSITES else (index,)


def composites_of(dataset: str) -> list[Composite]:
    """The composites that a raw dataset is part of.

    Raises:
        UserError: if one of them does not have it among its members.
    """
    wholes = [composite(name) for name in adapter(dataset).composites]
    for whole in wholes:
        if dataset not in whole.members:
            raise UserError(
                f"{DATASETS[dataset]}: {dataset} is no member of {whole.name}; take it out of the adapter's composites"
            )
    return wholes


def long_videos(index: str) -> bool:
    """Whether an index is of long videos, in which expressions are to be found: every video of them counts."""
    return known(index) in DATASETS and adapter(index).long_videos


def labels(index: str) -> tuple[Label, ...]:
    """The label columns of an index: its adapter's, and those of the composites that it is part of.

    Raises:
        UserError: for an unknown dataset.
    """
    every = [
        label
        for name in members(index)
        for label in (*adapter(name).labels, *(whole.column for whole in composites_of(name)))
    ]
    return tuple({label.name: label for label in every}.values())


def adapter_modules(dataset: str) -> list[str]:
    """What `adapter` picks by name: the dataset's line of the registry, and its module (see `mexflow.store.digest`).

    Raises:
        UserError: for an unknown dataset.
    """
    return [DATASETS.identity(dataset), DATASETS[dataset]]


def modules(index: str) -> list[str]:
    """What `read` picks by name for an index: lines of the registry, and modules (see `mexflow.store.digest`).

    Raises:
        UserError: for an unknown dataset.
    """
    wholes = [index] if known(index) in COMPOSITES else []
    picked = []
    for name in members(index):
        picked += adapter_modules(name)
        wholes += [whole.name for whole in composites_of(name)]
    return [
        *picked,
        *(text for name in dict.fromkeys(wholes) for text in (COMPOSITES.identity(name), COMPOSITES[name])),
    ]


def require_roots(index: str, roots: Mapping[str, Path]) -> None:
    """Check that a folder is given for every raw dataset that an index is made of.

    Raises:
        UserError: naming the options to add.
    """
    absent = [name for name in members(index) if name not in roots]
    if absent:
        options = " ".join(f"--root {name}=DIR" for name in absent)
        keys = " and ".join(f"datasets.{name}.root" for name in absent)
        raise UserError(
            f"{index}: no folder is given for {', '.join(absent)}; add {options}, or set {keys} in config.yaml"
        )


def check_labels(dataset: str, rows: Sequence[Mapping[str, Any]], source: str) -> None:
    """Make sure that rows of a raw dataset have the columns and classes that are declared for it, and no others.

    Args:
        dataset: the raw dataset.
        rows: rows of its index.
        source: the module that the rows come from.

    Raises:
        UserError: naming the column, or the clip and its class.
    """
    where = " or ".join([f"{DATASETS[dataset]} (ADAPTER.labels)", *adapter(dataset).composites])
    columns.check(rows, labels(dataset), source, where)


def read(index: str, roots: Mapping[str, Path], read_bytes: Callable[[Path], bytes] = Path.read_bytes) -> Listing:
    """List the annotated expressions and the frame folders of a dataset or a composite.

    Args:
        index: one of `DATASETS` or `COMPOSITES`.
        roots: the folder of each raw dataset, by name.
        read_bytes: gives the content of an annotation file; it is called for annotation files only.

    Raises:
        UserError: for an unknown dataset, a root that is not given or not usable, an annotation file that is
            missing or not as its owners release it, or a column or class that nobody declares.
    """
    require_roots(known(index), roots)
    if index not in COMPOSITES:
        return _read(index, roots[index], read_bytes)
    whole = composite(index)
    for name in whole.members:
        if index not in adapter(name).composites:
            raise UserError(f"{DATASETS[name]}: {name} is a member of {index}; add it to the adapter's composites")
    whole.check_roots(roots)
    return whole.combined({name: _read(name, roots[name], read_bytes) for name in whole.members})


def _read(dataset: str, root: Path, read_bytes: Callable[[Path], bytes]) -> Listing:
    listing = adapter(dataset).read(root, read_bytes)
    for whole in composites_of(dataset):
        whole.add_labels(listing)
    check_labels(dataset, listing.rows, DATASETS[dataset])
    return listing

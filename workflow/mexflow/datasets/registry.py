"""The raw datasets and the composites that there are, a line each.

A raw dataset has an adapter, ``ADAPTER`` in the module that is named here, and a layout, the module of its name in
:mod:`mexflow.embedded`; a composite has ``COMPOSITE`` in its module. To list the names imports none of them.
"""

from __future__ import annotations

from pathlib import Path

from mexflow.registries import Registry

DATASETS: Registry[str] = Registry("dataset", __name__)
"""The raw datasets, each with the module of its adapter."""

DATASETS.add("casme2", "mexflow.datasets.casme2")
DATASETS.add("samm", "mexflow.datasets.samm")
DATASETS.add("samm_lv", "mexflow.datasets.samm_lv")
DATASETS.add("cas_me_2", "mexflow.datasets.cas_me_2")
DATASETS.add("smic", "mexflow.datasets.smic")
DATASETS.add("mmew", "mexflow.datasets.mmew")

COMPOSITES: Registry[str] = Registry("composite", __name__)
"""The composites, each with its module."""

COMPOSITES.add("megc2018", "mexflow.datasets.megc2018")
COMPOSITES.add("megc2019", "mexflow.datasets.megc2019")


def missing_line(name: str) -> str:
    """What to say of a name that is not entered here though it has an adapter; an empty text if it has none."""
    file = Path(__file__).with_name(f"{name}.py")
    if name in DATASETS or not name.isidentifier() or not file.is_file() or "\nADAPTER" not in file.read_text():
        return ""
    line = f'DATASETS.add("{name}", "{__package__}.{name}")'
    return f"; {file.name} is an adapter, but {Path(__file__)} does not name it: add the line {line}"

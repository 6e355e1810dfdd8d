"""Tables and figures of one paper from made-up measured files, as their jobs make them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq

from measured_files import PAPER_PATH, recipe
from mexflow.cli import figures, tables
from mexflow.papers import paper as papers
from mexflow.papers.figure_recipe import FigureRecipe, FlowFolder, Shown
from mexflow.store.artifacts import Inputs, Outputs
from project import from_yaml, squeezed, to_yaml

SUBJECTS = ("casme2/01", "casme2/02", "casme2/03", "samm/006")
EXPERIMENTS = ("vy-3cl", "vy-3cl-null", "m-1cl", "resnet-7cl")
LICENSED = "/data/CASME2 (casme2), /data/my_SAMM (samm)"

DATA = "megc2018"
"""The name of the paper's data."""


def make_tables(world: SimpleNamespace, paper: Path = PAPER_PATH, **changes) -> SimpleNamespace:
    """Run the tables job; returns its rows by cell, the Markdown, the CSV, the summary and the inputs' digests."""
    prefix = world.root / "tables" / "belaiche2020"
    inputs = Inputs()
    with Outputs() as outputs:
        wanted = recipe(**{"folds": world.folds, "total": 4, **changes})
        summary, cells = tables.run(paper, world.root, wanted, prefix, inputs, outputs)
        outputs.commit()
    table = pq.read_table(prefix.with_suffix(".parquet"))
    return SimpleNamespace(
        table=table,
        rows={row["cell"]: row for row in table.to_pylist()},
        text=squeezed(prefix.with_suffix(".md").read_text()),
        csv=prefix.with_suffix(".csv").read_text(),
        summary=summary,
        cells=cells,
        digests=inputs.digests,
    )


def make_figures(world: SimpleNamespace, paper: Path = PAPER_PATH, **changes: object) -> tuple[str, dict[str, bytes]]:
    """Run the figures job; returns its summary and the files by name. `changes` are of its recipe."""
    flow = FlowFolder(folder="flow/horn_schunck", pair="onset-apex", size=64)
    recipe = {
        "budget": "demo", "data": "embedded", "seed": 1, "indexes": {DATA: "index/megc2018.parquet"},
        "folds": world.folds, "total_folds": {DATA: 4},
    }  # fmt: skip
    drawn_from = {"flow_sample": {"flow": flow, "faces": "faces"}, "mean_flow": {"flow": flow}}
    shown = papers.parse(paper.read_bytes(), paper).figures
    recipe["figures"] = {
        name: Shown(kind=figure.kind, **drawn_from.get(figure.kind, {})) for name, figure in shown.items()
    }
    output = world.root / "figures"
    with Outputs() as outputs:
        summary = figures.run(paper, world.root, FigureRecipe(**{**recipe, **changes}), output, Inputs(), outputs)
        outputs.commit()
    return summary, {path.name: path.read_bytes() for path in sorted(output.iterdir())}


def paper_with(world: SimpleNamespace, *names: str) -> Path:
    """The paper's file with only some of its figures."""
    values = from_yaml(PAPER_PATH.read_bytes())
    values["figures"] = {name: values["figures"][name] for name in names}
    path = world.root / PAPER_PATH.name
    path.write_text(to_yaml(values))
    return path


def pooled(world: SimpleNamespace, experiment: str) -> tuple[list[str], list[str]]:
    labels = [x for subject in SUBJECTS for x in world.labels[subject]]
    return labels, [x for subject in SUBJECTS for x in world.guesses[experiment][subject]]

"""The scores of one experiment, as a table of its paper."""

from __future__ import annotations

from mexflow.errors import choose
from mexflow.papers import repeats
from mexflow.papers.paper import Paper
from mexflow.papers.parts import Column, Row, Table

_SCORES = {"accuracy": "accuracy", "UF1": "uf1", "UAR": "uar"}


def scores_of(paper: Paper, experiment: str) -> Paper:
    """The paper with one table, of the scores of one experiment (or null control, or repeat), and nothing else to say.

    Raises:
        UserError: if there is no such experiment.
    """
    choose("experiment", repeats.first_of(experiment), paper.with_null_controls())
    kind = paper.kind(experiment)
    columns = [Column(name=name, metric=metric) for name, metric in _SCORES.items()] if kind.recognises else []
    variants: list[str | None] = [None]
    if kind.every_video:
        kinds = {"macro": "macro", "micro": "micro", "overall": None}
        columns = [Column(name=f"interval F1, {name}", metric="interval_f1", part=kind) for name, kind in kinds.items()]
        variants = list(paper.variants(experiment))
    elif kind.spots:
        columns.append(Column(name="AUC of frames (%)", metric="frame_auc_percent"))
    rows = [
        Row(name=f"{experiment}, {name}" if name else experiment, variant=name, experiments=[experiment] * len(columns))
        for name in variants
    ]
    table = Table(title=f"Scores of {experiment}", row_header="experiment", columns=columns, rows=rows)
    return paper.model_copy(update={"tables": {"scores": table}, "figures": {}, "claims": [], "errata": []})

"""``mexflow figures``: a paper's figures, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import (
    Budget,
    Data,
    Expect,
    Folds,
    Indexes,
    PaperFile,
    Record,
    Seed,
    TotalFolds,
    command,
    counts,
    expected,
    pairs,
)
from mexflow.plan.flags import operations

if TYPE_CHECKING:
    from mexflow.figures.confusion import Panel
    from mexflow.figures.flow_summary import FlowSummary
    from mexflow.papers import Paper
    from mexflow.papers.parts import Figure
    from mexflow.store.artifacts import Inputs, Outputs
    from mexflow.tables.evidence import Evidence

_FLOW_KINDS = ("flow_sample", "mean_flow")
_QUOTED = "published numbers, quoted; nothing here was measured"


def main(
    paper: PaperFile,
    folds: Folds,
    index: Indexes,
    arrays: Annotated[Path, typer.Option(help="Folder of the arrays: flow/METHOD/…, faces/…, residual/KIND/….")],
    expect: Expect,
    total_folds: TotalFolds,
    budget: Budget,
    data: Data,
    seed: Seed,
    output: Annotated[Path, typer.Option(help="Folder to write the figures into.")],
    sigma: Annotated[float, typer.Option(help="Sigma of LCN's Gaussian, pixels.")] = 4.0,
    record: Record = None,
) -> None:
    """A paper's figures, as PNG and SVG."""
    from mexflow import papers
    from mexflow.papers import metrics
    from mexflow.papers.operations import name_of
    from mexflow.store.records import Job
    from mexflow.training.augmentation import OPERATIONS

    told = papers.parse(paper.read_bytes(), paper)
    aligned = any(figure.kind == "aligned" for figure in told.figures.values())
    drawn = [OPERATIONS.identity(name_of(one)) for one in (told.training.get("augment", ()) if aligned else ())]
    drawn += metrics.entries(metric for figure in told.figures.values() for metric in figure.metrics)
    with Job(record, __name__, *drawn, seed=seed, threads=1) as job:
        said = run(
            paper_path=paper,
            folds_root=folds,
            indexes={name: Path(path) for name, path in pairs("--index", index).items()},
            arrays=arrays,
            folds=expected(expect),
            total_folds=counts("--total-folds", total_folds),
            budget=budget,
            data=data,
            seed=seed,
            prefix=output,
            sigma=sigma,
            inputs=job.inputs,
            outputs=job.outputs,
        )
        job.finish()
    print(said)


def run(
    *,
    paper_path: Path,
    folds_root: Path,
    indexes: Mapping[str, Path],
    arrays: Path,
    folds: Mapping[str, Sequence[str]],
    total_folds: Mapping[str, int],
    budget: str,
    data: str,
    seed: int,
    prefix: Path,
    inputs: Inputs,
    outputs: Outputs,
    sigma: float = 4.0,
) -> str:
    """Write ``<prefix>/<figure>.png`` and ``.svg`` for each figure of the paper; the caller commits `outputs`.

    Args:
        paper_path: the paper's YAML file.
        folds_root: the folder that holds ``<paper>/<experiment>/<fold>/predictions.parquet``.
        indexes: the index of each of the paper's data, by name.
        arrays: the folder that holds ``flow/<method>/<dataset>/<subject>.npy`` and ``.parquet``, and likewise
            ``faces/…`` and ``residual/<kind>/…``.
        folds: the folds expected of each experiment; where a file is missing, INCOMPLETE stands for the panel.
        total_folds: folds of the whole protocol, by the name of the data.
        budget: ``demo`` or ``paper``.
        data: ``embedded``, or a text naming the licensed copies.
        seed: base seed.
        prefix: the folder of the figures, e.g. ``results/figures/belaiche2020``.
        sigma: of LCN's Gaussian, pixels.

    Returns:
        One line a figure.

    Raises:
        UserError: if an input cannot be read or does not fit the paper.
    """
    from mexflow import papers
    from mexflow.figures import drawing as figures
    from mexflow.tables.evidence import Evidence
    from mexflow.tables.source import Source

    paper = papers.parse(inputs.bytes(paper_path), paper_path)
    source = Source(data, budget)
    rows = {}
    if any(figure.kind in ("scores", "aligned", "states") for figure in paper.figures.values()):
        rows = {name: inputs.table(path).to_pylist() for name, path in indexes.items()}
    evidence = Evidence(paper, folds_root, folds, total_folds, source, seed, inputs, rows=rows)
    summary = None
    if any(figure.kind in _FLOW_KINDS for figure in paper.figures.values()):
        summary = _summary(paper, inputs, indexes, arrays)
    lines = []
    for name, figure in paper.figures.items():
        with figures.style(f"{paper.paper}/{name}"):
            if figure.kind == "embedding":
                drawn, foot, said = _embedding(name, figure, evidence, indexes, arrays, inputs)
            elif figure.kind == "sweep":
                drawn, foot, said = _sweep(name, figure, evidence)
            elif figure.kind == "scores":
                drawn, foot, said = _scores(name, figure, evidence)
            elif figure.kind == "states":
                drawn, foot, said = _states(name, figure, evidence)
            elif figure.kind == "aligned":
                drawn, foot, said = _aligned(name, figure, evidence, arrays, sigma, inputs)
            else:
                drawn, foot, said = _draw(name, figure, evidence, summary, arrays, inputs)
            for ending, content in figures.rendered(drawn, f"{name}. {figure.title}", foot).items():
                outputs.bytes(prefix / f"{name}{ending}", content)
        lines.append(f"{paper.paper} {name}: {said}")
    return "\n".join(lines)


def _summary(paper: Paper, inputs: Inputs, indexes: Mapping[str, Path], arrays: Path) -> FlowSummary:
    from mexflow.figures.flow_summary import summarise

    name, data = next(iter(paper.data.items()))
    folder = arrays / "flow" / next(iter(paper.preprocessing.flow))
    rows = inputs.table(indexes[name]).to_pylist()
    return summarise(rows, folder, data.label, data.classes, paper.test_pairs[0], paper.flow_of().size, inputs)


def _draw(name: str, figure: Figure, evidence: Evidence, summary: FlowSummary | None, arrays: Path, inputs: Inputs):
    """The figure drawn, the line at its foot, and what is to be said of it."""
    from mexflow.figures import flow_figures
    from mexflow.figures.confusion import confusion
    from mexflow.figures.flow_summary import backdrop

    source = evidence.source
    data = evidence.paper.data_of(figure.experiment) if figure.experiment else next(iter(evidence.paper.data.values()))
    classes = data.classes
    title, foot, alarm = f"{name}. {figure.title}", source.line(), not source.comparable
    if figure.kind == "published_confusion":
        return confusion([_published(figure, classes)], title, _QUOTED, False), _QUOTED, "published numbers"
    if figure.kind == "confusion":
        panels, notes = _panels(figure, evidence)
        foot = "\n".join(
            [" · ".join([f"{source.mark} {foot}".strip(), *notes]), *([figure.note] if figure.note else [])]
        )
        return confusion(panels, title, foot, alarm), foot, ", ".join(panel.title for panel in panels)
    assert summary is not None
    if figure.kind == "mean_flow":
        foot = f"{foot} · all clips of the dataset"
        said = f"mean over {int(summary.counts.sum())} clips"
        return flow_figures.mean_flow(summary, classes, title, foot, alarm), foot, said
    sample = summary.sample
    said = "no clip"
    face = None
    if sample is not None:
        said = f"{sample.dataset} {sample.clip}, {sample.label}"
        foot = f"{foot} · {said} (the clip of the strongest local motion)"
        face = backdrop(sample, arrays / "faces", inputs)
    return flow_figures.flow_sample(sample, face, title, foot, alarm), foot, said


def _published(figure: Figure, classes: Sequence[str]) -> Panel:
    import numpy as np

    from mexflow.figures.confusion import Panel

    matrix = np.array(figure.published, dtype=float)
    return Panel("published", matrix, classes, decimals=int((matrix != matrix.round()).any()))


def _panels(figure: Figure, evidence: Evidence) -> tuple[list[Panel], list[str]]:
    """The panels of a confusion figure, and the remarks for the foot."""
    if figure.panels:
        found = [_measured(evidence, one.experiment, one.title, one.part) for one in figure.panels]
        return found, evidence.notes_of(figure.experiments)
    assert figure.experiment is not None
    measured = _measured(evidence, figure.experiment, "measured")
    published = [_published(figure, measured.classes)] if figure.published else []
    return [*published, measured], evidence.notes(figure.experiment)


def _measured(evidence: Evidence, experiment: str, title: str, part: str | None = None) -> Panel:
    """A measured panel of a confusion figure."""
    from mexflow.evaluation.recognition import accuracy, row_shares
    from mexflow.figures.confusion import Panel

    pooled, classes = evidence.pooled(experiment, part), evidence.classes(experiment)
    if not pooled.expected:
        return Panel(f"{title}: not run", None, classes, "not run")
    if not pooled.complete:
        return Panel(title, None, classes, pooled.incomplete)
    if not pooled.clips:
        return Panel(title, None, classes, "no test clip")
    title = f"{title}{evidence.source.mark}: {100 * float(accuracy(pooled.matrix)):.2f} % of {pooled.clips} clips"
    counts = [int(count) for count in pooled.matrix.sum(axis=1)]
    return Panel(title, 100 * row_shares(pooled.matrix), classes, counts=counts)


def _sweep(name: str, figure: Figure, evidence: Evidence):
    """As `_draw`."""
    from mexflow.figures.sweep import sweep
    from mexflow.papers.metrics import METRICS
    from mexflow.tables.recognition_metrics import score

    source = evidence.source
    points = {
        setting: [score(evidence, experiment, metric) for metric in figure.metrics]
        for setting, experiment in figure.points.items()
    }
    foot = " · ".join([f"{source.mark} {source.line()}".strip(), *evidence.notes_of(figure.experiments)])
    drawn = sweep(points, figure.axis, f"{name}. {figure.title}", foot, not source.comparable, source.mark)
    texts = {
        setting: found[0].notes[0] if found[0].value is None else format(found[0].value, METRICS[found[0].metric].form)
        for setting, found in points.items()
    }
    said = f"{figure.metrics[0]} " + ", ".join(f"{setting:g}: {text}" for setting, text in texts.items())
    return drawn, foot, said


def _embedding(
    name: str, figure: Figure, evidence: Evidence, indexes: Mapping[str, Path], arrays: Path, inputs: Inputs
):
    """As `_draw`."""
    from mexflow.evaluation.uncertainty import seed_of
    from mexflow.figures.embedding import embed, embedding

    source = evidence.source
    assert figure.data is not None
    data = evidence.paper.data[figure.data]
    rows = inputs.table(indexes[figure.data]).to_pylist()
    subjects = sorted({(row["dataset"], row["subject"].rpartition("/")[2]) for row in rows if row[data.label]})
    found = []
    for kind in figure.residuals:
        paths = [arrays / "residual" / kind / dataset / f"{subject}.npy" for dataset, subject in subjects]
        seed = seed_of(evidence.seed, evidence.paper.paper, name, kind)
        found.append(embed(kind, rows, data.label, figure.classes, paths, figure.settings, seed, inputs))
    remarks = dict.fromkeys(remark for one in found for remark in one.remarks)
    alike = len(remarks) == len(found[0].remarks)
    notes = remarks if alike else [f"{one.kind}: {remark}" for one in found for remark in one.remarks]
    foot = " · ".join([f"{source.mark} {source.line()}".strip(), *notes])
    title = f"{name}. {figure.title}"
    drawn = embedding(found, figure.classes, title, foot, not source.comparable, source.mark)
    said = ", ".join(f"{one.kind} {len(one.points)} clips" for one in found)
    return drawn, foot, said


def _scores(name: str, figure: Figure, evidence: Evidence):
    """As `_draw`."""
    from mexflow.datasets.spotting import interval
    from mexflow.figures.score_figure import choose, curves, score_figure

    assert figure.experiment is not None
    source, title = evidence.source, f"{name}. {figure.title}"
    notes = evidence.notes_of([figure.experiment])
    roles = {"scores": "test", "thresholds": None, "intervals": None}
    made = [dict(evidence.tables(figure.experiment, kind, role)) for kind, role in roles.items()]
    expected = evidence.folds.get(figure.experiment, ())
    if not expected or any(len(tables) < len(expected) for tables in made):
        found, said = [], "not run" if not expected else f"INCOMPLETE {min(map(len, made))}/{len(expected)}"
    else:
        testing = made[0]
        video = choose(list(testing.values()))
        fold = next(fold for fold, table in testing.items() if video[2] in table["video"].unique().to_pylist())
        rows = evidence.rows[evidence.paper.data_name(figure.experiment)]
        variant = figure.variant or testing[fold]["variant"][0].as_py()
        types = evidence.classes(figure.experiment)
        k = {kind: interval(rows, kind).k for kind in types}
        found = curves(
            testing[fold], made[1][fold], made[2][fold], video, variant, k, types, evidence.paper.intervals.order
        )
        said = f"{video[0]} {video[2]}, {variant} frame skips"
    foot = " · ".join([f"{source.mark} {source.line()}".strip(), said, *notes])
    return score_figure(found, title, foot, not source.comparable, source.mark), foot, said


def _states(name: str, figure: Figure, evidence: Evidence):
    """As `_draw`."""
    from mexflow.figures.states_figure import sample_clips, states_figure

    assert figure.experiment is not None
    source, title = evidence.source, f"{name}. {figure.title}"
    data = evidence.paper.data_of(figure.experiment)
    tables, expected = evidence.tables(figure.experiment, "states"), evidence.folds.get(figure.experiment, ())
    if not expected or len(tables) < len(expected):
        clips, said = [], f"INCOMPLETE {len(tables)}/{len(expected)}" if expected else "not run"
    else:
        rows = evidence.rows[evidence.paper.data_name(figure.experiment)]
        clips = sample_clips([table for _, table in tables], rows, data.label, data.classes)
        said = "of each class the first clip tested"
    foot = " · ".join([f"{source.mark} {source.line()}".strip(), said, *evidence.notes_of([figure.experiment])])
    return states_figure(clips, title, foot, not source.comparable, source.mark), foot, said


def _aligned(name: str, figure: Figure, evidence: Evidence, arrays: Path, sigma: float, inputs: Inputs):
    """As `_draw`: the apex of the first expression of the first subject that has one."""
    from mexflow.evaluation.uncertainty import seed_of
    from mexflow.figures.aligned_row import aligned_row, augmented
    from mexflow.preprocess.aligned import AlignedFaces

    assert figure.data is not None
    source, paper = evidence.source, evidence.paper
    usable = [row for row in evidence.rows[figure.data] if row["excluded"] is None]
    found, said = None, "no face"
    for clip in sorted(usable, key=lambda row: (row["dataset"], row["subject"], row["clip"]))[:1]:
        path = arrays / "faces" / clip["dataset"] / f"{clip['subject']}.npy"
        aligned = AlignedFaces(inputs, path)
        if aligned.video(clip["video"]).why_not([clip["apex"]]) is None:
            said = f"{clip['dataset']} {clip['clip']}, frame {clip['apex']}"
            seed = seed_of(evidence.seed, paper.paper, name)
            face = aligned[clip["video"], clip["apex"]]
            found = augmented(face, operations(paper.training.get("augment", ())), sigma, seed)
    foot = " · ".join([f"{source.mark} {source.line()}".strip(), said, f"LCN with sigma {sigma:g} px"])
    return aligned_row(found, f"{name}. {figure.title}", foot, not source.comparable), foot, said


app = command(main)

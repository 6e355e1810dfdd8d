"""``mexflow video``: the scores, the true and the predicted intervals of one test video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Budget, Data, PaperFile, Reading, Record, command


def main(
    paper: PaperFile,
    experiment: Annotated[str, typer.Option(help="Name of the spotting experiment.")],
    variant: Annotated[str, typer.Option(help="Variant of testing.")],
    fold: Annotated[Path, typer.Option(help="Folder of the fold that tests the video's subject.")],
    video: Annotated[str, typer.Option(help="Name of the video, as the index writes it.")],
    index: Annotated[Path, typer.Option(help="Index of the experiment's videos.")],
    budget: Budget,
    data: Data,
    output: Annotated[Path, typer.Option(help="Figure to write, without its ending.")],
    reading: Reading = "decided",
    record: Record = None,
) -> None:
    """The scores, the true and the predicted intervals of one test video, as PNG and SVG."""
    from mexflow.datasets.half_length import half_length
    from mexflow.errors import choose
    from mexflow.evaluation.curves import curves
    from mexflow.figures import drawing
    from mexflow.figures.scores_figure import score_figure
    from mexflow.papers import paper as papers
    from mexflow.store.records import Job
    from mexflow.tables.source import Source

    with Job(record, __name__, threads=1) as job:
        spec = papers.parse(job.inputs.bytes(paper), paper, reading)
        scores, thresholds, intervals = (
            job.inputs.table(fold / f"{name}.parquet") for name in ("scores", "thresholds", "intervals")
        )
        keys = ["dataset", "subject", "video", "variant", "role"]
        groups = scores.group_by(keys, use_threads=False).aggregate([]).to_pylist()
        tested = [row for row in groups if row["role"] == "test"]
        choose(f"variant of {experiment}", variant, sorted({row["variant"] for row in tested}))
        choose(f"test video of fold {fold.name}", video, sorted({row["video"] for row in tested}))
        key = next((row["dataset"], row["subject"], video) for row in tested if row["video"] == video)
        types, rows = spec.data_of(experiment).classes, job.inputs.table(index).to_pylist()
        k = {kind: half_length(rows, kind).k for kind in types}
        shown = curves(scores, thresholds, intervals, key, variant, k, types, spec.intervals.order)
        source = Source(data, budget, reading)
        effort, printed = (spec.effort(experiment, name) for name in (budget, "paper"))
        less = [f"epochs {effort.epochs} of {printed.epochs}"] if effort.epochs != printed.epochs else []
        summary = f"{key[0]} {video}, {experiment}, {variant} frame skips"
        foot = " · ".join([f"{source.mark} {source.line()}".strip(), summary, *less])
        title = f"{spec.paper}, {experiment}: {video}"
        with drawing.style(f"{spec.paper}/{experiment}/{variant}/{video}"):
            drawn = score_figure(shown, title, foot, not source.comparable, source.mark)
            for ending, content in drawing.rendered(drawn, title, foot).items():
                job.outputs.bytes(output.with_name(output.name + ending), content)
        job.finish()
    print(f"{output}: {summary}")


app = command(main)

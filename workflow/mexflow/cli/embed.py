"""``mexflow embed``: render one subject, or write the annotation files, of an embedded dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import Record, command

if TYPE_CHECKING:
    from mexflow.store.records import Job


def main(
    dataset: Annotated[str, typer.Option(help="Name of the embedded dataset.")],
    size: Annotated[str, typer.Option(help="tiny, demo or full.")],
    seed: Annotated[int, typer.Option(help="Seed of the dataset.")],
    subject: Annotated[str | None, typer.Option(help="Render this subject; without it, the annotations.")] = None,
    frames: Annotated[
        list[Path], typer.Option(help="A folder of the subject's frames to write; repeatable, in the plan's order.")
    ] = [],  # noqa: B006
    truth: Annotated[Path | None, typer.Option(help="Table of the truth to write: one row per frame.")] = None,
    expressions: Annotated[
        Path | None, typer.Option(help="Table of the truth to write: one row per expression.")
    ] = None,
    annotation: Annotated[
        list[Path], typer.Option(help="An annotation file to write; repeatable, in one folder.")
    ] = [],  # noqa: B006
    record: Record = None,
) -> None:
    """Render one subject, or write the annotation files, of an embedded dataset."""
    import tempfile

    from mexflow import embedded
    from mexflow.errors import UserError, choose
    from mexflow.store.records import Job

    modules = embedded.modules(dataset)
    rendering = bool(subject and frames and truth and expressions)
    if rendering == bool(annotation) or (not rendering and (subject or frames or truth or expressions)):
        raise UserError("embed: give either --subject with --frames, --truth and --expressions, or --annotation files")
    if rendering:
        choose("subject", subject, embedded.plan(dataset, size, seed).subjects)
        if len(folders := embedded.folders(dataset, size, seed, subject)) != len(frames):
            raise UserError(
                f"embed: {dataset}/{subject} is rendered into {len(folders)} folders, --frames is given {len(frames)} "
                f"times; give one for each of, in this order: {', '.join(folders)}"
            )
    with Job(record, __name__, *modules, dataset=dataset, size=size, seed=seed, subject=subject) as job:
        if rendering:
            _render(job, dataset, size, seed, subject, dict(zip(folders, frames, strict=True)), truth, expressions)
        else:
            with tempfile.TemporaryDirectory() as folder:
                embedded.write_annotations(dataset, size, seed, Path(folder))
                for path in annotation:
                    job.outputs.bytes(path, (Path(folder) / path.name).read_bytes())
        job.finish()


def _render(
    job: Job, dataset: str, size: str, seed: int, subject: str, targets: dict[str, Path], truth: Path, expressions: Path
) -> None:
    """Render a subject, each of its folders into its target, and write the two tables of the truth."""
    from contextlib import ExitStack

    import pyarrow as pa

    from mexflow import embedded
    from mexflow.datasets.schema import ROWS
    from mexflow.progress import progress

    total = sum(video.frame_count for video in embedded.plan(dataset, size, seed).of_subject(subject))
    with ExitStack() as stack:
        places = {folder: stack.enter_context(job.outputs.directory(path)) for folder, path in targets.items()}
        advance = stack.enter_context(progress(f"embed {dataset}/{subject}", total))
        rows = embedded.render_subject(dataset, size, seed, subject, places, lambda video, frame: advance(1))
    job.outputs.table(truth, pa.Table.from_pylist(rows))
    true = embedded.expressions(dataset, size, seed, subject)
    # The columns are named, since a subject may have no expression at all.
    names = ("dataset", "subject", "video", "clip", "type", "onset", "apex", "offset")
    columns = pa.schema([ROWS.field(name) for name in names])
    job.outputs.table(expressions, pa.Table.from_pylist(true, schema=columns))
    job.state(frames=len(rows), threads=1, device="cpu")


app = command(main)

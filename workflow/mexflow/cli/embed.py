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
    output: Annotated[Path, typer.Option(help="Root of the dataset, to write into.")],
    subject: Annotated[
        str | None, typer.Option(help="Render this subject, and its truth; without it, write the annotation files.")
    ] = None,
    record: Record = None,
) -> None:
    """Render one subject, or write the annotation files, of an embedded dataset."""
    import tempfile

    from mexflow import embedded
    from mexflow.errors import choose
    from mexflow.store.records import Job

    modules = embedded.modules(dataset)
    if subject is not None:
        choose("subject", subject, embedded.plan(dataset, size, seed).subjects)
    with Job(record, __name__, *modules, dataset=dataset, size=size, seed=seed, subject=subject) as job:
        if subject is not None:
            _render(job, dataset, size, seed, subject, output)
        else:
            with tempfile.TemporaryDirectory() as folder:
                for name in embedded.write_annotations(dataset, size, seed, Path(folder)):
                    job.outputs.bytes(output / name, (Path(folder) / name).read_bytes())
        job.finish()


def _render(job: Job, dataset: str, size: str, seed: int, subject: str, root: Path) -> None:
    """Render a subject into the root, and write the two tables of the truth, of its frames and of its expressions."""
    from contextlib import ExitStack

    import pyarrow as pa

    from mexflow import embedded
    from mexflow.datasets.schema import ROWS
    from mexflow.progress import progress

    total = sum(video.frame_count for video in embedded.plan(dataset, size, seed).of_subject(subject))
    with ExitStack() as stack:
        folders = embedded.folders(dataset, size, seed, subject)
        places = {folder: stack.enter_context(job.outputs.directory(root / folder)) for folder in folders}
        advance = stack.enter_context(progress(f"embed {dataset}/{subject}", total))
        rows = embedded.render_subject(dataset, size, seed, subject, places, lambda video, frame: advance(1))
    job.outputs.table(root / "truth" / f"{subject}.parquet", pa.Table.from_pylist(rows))
    true = embedded.expressions(dataset, size, seed, subject)
    # The columns are named, since a subject may have no expression at all.
    names = ("dataset", "subject", "video", "clip", "type", "onset", "apex", "offset")
    columns = pa.schema([ROWS.field(name) for name in names])
    job.outputs.table(root / "truth" / f"{subject}.expressions.parquet", pa.Table.from_pylist(true, schema=columns))
    job.state(frames=len(rows), threads=1, device="cpu")


app = command(main)

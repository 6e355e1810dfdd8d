"""``mexflow embed``: render one subject, or write the annotation files, of an embedded dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command


def main(
    dataset: Annotated[str, typer.Option(help="Name of the embedded dataset.")],
    size: Annotated[str, typer.Option(help="tiny, demo or full.")],
    seed: Annotated[int, typer.Option(help="Seed of the dataset.")],
    subject: Annotated[str | None, typer.Option(help="Render this subject; without it, the annotations.")] = None,
    frames: Annotated[Path | None, typer.Option(help="The subject's folder of frames to write.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Table of the truth to write: one row per frame.")] = None,
    annotation: Annotated[
        list[Path], typer.Option(help="An annotation file to write; repeatable, in one folder.")
    ] = [],  # noqa: B006
    record: Record = None,
) -> None:
    """Render one subject, or write the annotation files, of an embedded dataset."""
    import tempfile

    from mexflow import embedded
    from mexflow.errors import UserError, choose
    from mexflow.progress import progress
    from mexflow.records import Job

    choose("embedded dataset", dataset, embedded.LAYOUTS)
    if (subject is None) == (not annotation) or (subject is not None) != bool(frames and truth):
        raise UserError("embed: give either --subject with --frames and --truth, or --annotation files")
    with Job(
        record, __name__, embedded.LAYOUTS[dataset], dataset=dataset, size=size, seed=seed, subject=subject
    ) as job:
        if subject is None:
            with tempfile.TemporaryDirectory() as folder:
                embedded.write_annotations(dataset, size, seed, Path(folder))
                for path in annotation:
                    job.outputs.bytes(path, (Path(folder) / path.name).read_bytes())
        else:
            import pyarrow as pa

            assert frames and truth
            clips = sum(clip.on_disk for clip in embedded.plan(dataset, size, seed).of_subject(subject))
            with (
                job.outputs.directory(frames) as folder,
                progress(f"embed {dataset}/{subject}", clips) as advance,
            ):
                rows = embedded.render_subject(
                    dataset, size, seed, subject, folder, progress=lambda name, done, total: advance(1)
                )
            job.outputs.table(truth, pa.Table.from_pylist(rows))
            job.state(frames=len(rows), threads=1, device="cpu")
        job.finish()


app = command(main)

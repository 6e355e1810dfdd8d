"""``mexflow quality``: preprocessing of embedded data against the renderer's truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import Intervals, Record, Seed, command
from mexflow.papers.interval_methods import DEFAULT

if TYPE_CHECKING:
    from mexflow.evaluation.aligned_videos import SubjectFaces
    from mexflow.store.artifacts import Inputs


def main(
    dataset: Annotated[list[str], typer.Option(help="An embedded dataset; repeatable.")],
    size: Annotated[str, typer.Option(help="Size of the embedded datasets: tiny, demo or full.")],
    seed: Seed,
    results: Annotated[Path, typer.Option(help="Folder of the results: index/ and faces/.")],
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    method: Annotated[list[str], typer.Option(help="A flow method; repeatable.  [default: all]")] = [],  # noqa: B006
    frames: Annotated[int, typer.Option(min=10, help="Frames a dataset to measure alignment on.")] = 150,
    pair_count: Annotated[int, typer.Option(min=1, help="Pairs a dataset to measure motion and flow on.")] = 12,
    intervals: Intervals = DEFAULT,
    record: Record = None,
) -> None:
    """Compare aligned faces and optical flow of embedded datasets with the renderer's truth."""
    import cv2

    from mexflow import embedded
    from mexflow.datasets.reading import adapter_modules, long_videos
    from mexflow.datasets.subjects import with_clips, with_videos
    from mexflow.errors import UserError, choose
    from mexflow.evaluation import uncertainty
    from mexflow.evaluation.quality import measure
    from mexflow.preprocess.flow import METHODS
    from mexflow.progress import progress
    from mexflow.store.paths import Results
    from mexflow.store.records import Job
    from mexflow.tables.cells import to_csv
    from mexflow.tables.quality_table import quality_cells, quality_markdown, quality_table

    cv2.setNumThreads(1)
    choose("embedded size", size, embedded.SIZES)
    methods = [choose("flow method", name, METHODS) for name in dict.fromkeys(method)] or list(METHODS)
    names = list(dict.fromkeys(dataset))
    places = Results(results)
    layouts = [module for name in names for module in (*embedded.modules(name), *adapter_modules(name))]
    picked = [*layouts, *map(METHODS.identity, methods), uncertainty.METHODS.identity(intervals)]
    with Job(record, __name__, *picked, size=size, seed=seed, threads=1, device="cpu") as job:
        measured = []
        for name in names:
            rows = job.inputs.table(places.index(name)).to_pylist()
            if long_videos(name):
                listed = with_videos(job.inputs.table(places.videos(name)).to_pylist())
            else:
                listed = with_clips(rows)
            paths = places.arrays("faces", listed)
            read = (_read(job.inputs, path, name) for path in paths)
            subjects = [subject for subject in read if subject.states]
            if not subjects:
                raise UserError(f"{name}: none of its {len(paths)} tables of faces has a row")
            with progress(f"quality {name}", len(subjects)) as advance:
                try:
                    measured.append(
                        measure(
                            name, size, seed, subjects, rows,
                            methods=methods, frames=frames, pairs=pair_count, intervals=intervals, advance=advance,
                        )
                    )  # fmt: skip
                except KeyError as error:
                    raise UserError(
                        f"{name}: {error.args[0]}; were the faces made with --size {size} and --seed {seed}?"
                    ) from None
        cells = quality_cells(measured)
        table = quality_table(cells)
        job.outputs.table(output.with_name(f"{output.name}.parquet"), table)
        job.outputs.bytes(output.with_name(f"{output.name}.csv"), to_csv(table))
        job.outputs.text(output.with_name(f"{output.name}.md"), text := quality_markdown(cells, intervals))
        job.finish()
    print(text)


def _read(inputs: Inputs, path: Path, dataset: str) -> SubjectFaces:
    """The faces of an array and the table beside it.

    Raises:
        UserError: if they cannot be read, do not belong together, or are another dataset's.
    """
    from mexflow.errors import UserError
    from mexflow.evaluation.aligned_videos import read_faces

    subject = read_faces(inputs, path)
    if subject.faces.dataset not in (None, dataset):
        raise UserError(f"{path}: faces of {subject.faces.dataset}, not of {dataset}")
    return subject


app = command(main)

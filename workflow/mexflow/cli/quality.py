"""``mexflow quality``: preprocessing of embedded data against the renderer's truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import Record, Seed, command, pairs

if TYPE_CHECKING:
    from mexflow.evaluation.aligned_videos import SubjectFaces
    from mexflow.store.artifacts import Inputs


def main(
    dataset: Annotated[list[str], typer.Option(help="An embedded dataset; repeatable.")],
    size: Annotated[str, typer.Option(help="Size of the embedded datasets: tiny, demo or full.")],
    seed: Seed,
    index: Annotated[list[str], typer.Option(help="A dataset's index, NAME=PATH; repeatable.")],
    faces: Annotated[
        list[str], typer.Option(help="A dataset's aligned faces, NAME=PATH, their table beside; repeatable.")
    ],
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    method: Annotated[list[str], typer.Option(help="A flow method; repeatable.  [default: all]")] = [],  # noqa: B006
    frames: Annotated[int, typer.Option(min=10, help="Frames a dataset to measure alignment on.")] = 150,
    pair_count: Annotated[int, typer.Option(min=1, help="Pairs a dataset to measure motion and flow on.")] = 12,
    record: Record = None,
) -> None:
    """Compare aligned faces and optical flow of embedded datasets with the renderer's truth."""
    import cv2

    from mexflow import embedded
    from mexflow.errors import UserError, choose
    from mexflow.evaluation.quality import measure
    from mexflow.preprocess.flow import METHODS
    from mexflow.progress import progress
    from mexflow.store.records import Job
    from mexflow.tables.cells import to_csv
    from mexflow.tables.quality_table import quality_cells, quality_markdown, quality_table

    cv2.setNumThreads(1)
    choose("embedded size", size, embedded.SIZES)
    methods = [choose("flow method", name, METHODS) for name in dict.fromkeys(method)] or list(METHODS)
    indexes, arrays = pairs("--index", index), _grouped(faces)
    names = list(dict.fromkeys(dataset))
    for option, given in (("--index", indexes), ("--faces", arrays)):
        if absent := [name for name in names if name not in given]:
            raise UserError(f"{absent[0]}: add {option} {absent[0]}=PATH")
        for name in given:
            choose(f"dataset of {option}", name, names)
    layouts = [module for name in names for module in embedded.modules(name)]
    with Job(record, __name__, *layouts, size=size, seed=seed, threads=1, device="cpu") as job:
        found = []
        for name in names:
            rows = job.inputs.table(indexes[name]).to_pylist()
            subjects = [one for path in arrays[name] for one in _read(job.inputs, Path(path), name)]
            if not subjects:
                raise UserError(f"{name}: none of its {len(arrays[name])} tables of faces has a row")
            with progress(f"quality {name}", len(subjects)) as advance:
                try:
                    found.append(
                        measure(
                            name, size, seed, subjects, rows,
                            methods=methods, frames=frames, pairs=pair_count, advance=advance,
                        )
                    )  # fmt: skip
                except KeyError as error:
                    raise UserError(
                        f"{name}: {error.args[0]}; were the faces made with --size {size} and --seed {seed}?"
                    ) from None
        cells = quality_cells(found)
        table = quality_table(cells)
        job.outputs.table(output.with_name(f"{output.name}.parquet"), table)
        job.outputs.bytes(output.with_name(f"{output.name}.csv"), to_csv(table))
        job.outputs.text(output.with_name(f"{output.name}.md"), text := quality_markdown(cells))
        job.finish()
    print(text)


def _grouped(values: list[str]) -> dict[str, list[str]]:
    """The paths of each dataset, of ``NAME=PATH`` texts."""
    result: dict[str, list[str]] = {}
    for value in values:
        for name, path in pairs("--faces", [value]).items():
            result.setdefault(name, []).append(path)
    return result


def _read(inputs: Inputs, path: Path, dataset: str) -> list[SubjectFaces]:
    """The faces of an array and the table beside it.

    Raises:
        UserError: if they cannot be read, do not belong together, or are another dataset's.
    """
    from mexflow.errors import UserError
    from mexflow.evaluation.aligned_videos import read_faces

    table, images = inputs.table(path.with_suffix(".parquet")), inputs.array(path)
    if len(images) != len(table):
        raise UserError(f"{path}: {len(images)} faces, {len(table)} rows in the table beside it; make the faces again")
    if others := set(table["dataset"].to_pylist()) - {dataset}:
        raise UserError(f"{path}: faces of {', '.join(sorted(others))}, not of {dataset}")
    return read_faces(table, images)


app = command(main)

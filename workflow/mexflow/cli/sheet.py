"""``mexflow sheet``: the contact sheet of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import Data, Record, command

if TYPE_CHECKING:
    import numpy as np

    from mexflow.sheets.contact_sheet import ReadRaw
    from mexflow.sheets.sheet_files import SubjectFiles
    from mexflow.store.artifacts import Inputs


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    root: Annotated[Path, typer.Option(help="Folder of the raw dataset.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    videos: Annotated[Path, typer.Option(help="Videos table of the dataset.")],
    faces: Annotated[list[Path], typer.Option(help="Aligned faces of a subject to show, SUBJECT.npy; repeatable.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="PNG to write.")],
    lcn: Annotated[list[Path], typer.Option(help="LCN frames of a subject, SUBJECT.npy; repeatable.")] = [],  # noqa: B006
    flow: Annotated[list[Path], typer.Option(help="Flow of a subject, SUBJECT.npy; repeatable.")] = [],  # noqa: B006
    flow_method: Annotated[str, typer.Option(help="Name of the flow's method, for the heading.")] = "",
    residual: Annotated[
        list[str], typer.Option(help="Residual images of a subject, ars=SUBJECT.npy or rrs=…; repeatable.")
    ] = [],  # noqa: B006
    truth: Annotated[list[Path], typer.Option(help="Truth of a rendered subject, SUBJECT.parquet; repeatable.")] = [],  # noqa: B006
    record: Record = None,
) -> None:
    """The contact sheet of a dataset: a few clips, from the raw frame to the residual images."""
    import cv2

    from mexflow.datasets import SPOTTING
    from mexflow.progress import progress
    from mexflow.sheets import contact_sheet as sheets
    from mexflow.sheets import sheet_files
    from mexflow.store.records import Job

    cv2.setNumThreads(1)
    with Job(record, __name__, dataset=dataset, threads=1, device="cpu") as job:
        sheet = sheets.Sheet(
            dataset,
            job.inputs.table(index).to_pylist(),
            job.inputs.table(videos).to_pylist(),
            data,
            flow_method,
            dataset in SPOTTING,
        )
        subjects = sheet_files.load(job.inputs, faces, lcn, flow, _by_kind(residual), truth)
        with progress(f"sheet {dataset}", len(subjects)) as advance:
            drawn, said = sheets.draw(sheet, subjects, _raw_reader(root, subjects, job.inputs), advance)
        job.outputs.bytes(output, drawn)
        job.finish()
    print(f"{dataset}: {output}")
    for line in said:
        print(f"  {line}")


def _by_kind(values: list[str]) -> dict[str, list[Path]]:
    """The paths of ``KIND=PATH`` texts, by kind."""
    from mexflow.cli.options import pairs
    from mexflow.errors import choose
    from mexflow.sheets.sheet_files import RESIDUALS

    found: dict[str, list[Path]] = {}
    for text in values:
        ((kind, path),) = pairs("--residual", [text]).items()
        found.setdefault(choose("residual image", kind, RESIDUALS), []).append(Path(path))
    return found


def _raw_reader(root: Path, subjects: list[SubjectFiles], inputs: Inputs) -> ReadRaw:
    """Reads raw frames under `root`, making sure that they are those that the faces were made of.

    Raises:
        UserError: if a frame is damaged or is another one now.
    """
    from mexflow.errors import UserError
    from mexflow.preprocess.frames import DamagedFrame, read_frame
    from mexflow.store.artifacts import Digest

    known: dict[str, str] = {}
    for files in subjects:
        known |= zip(*(files.faces.table[name].to_pylist() for name in ("file", "sha256")), strict=True)

    def read(file: str) -> np.ndarray:
        path = root / file
        try:
            frame = read_frame(path)
        except DamagedFrame as error:
            raise UserError(f"{error}; restore it from the dataset's owners") from None
        if frame.sha256 != known[file]:
            raise UserError(f"{path}: not the frame that the faces were made of; make the faces again")
        inputs.digests[path.as_posix()] = Digest(frame.sha256, frame.size)
        return frame.image

    return read


app = command(main)

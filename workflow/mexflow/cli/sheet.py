"""``mexflow sheet``: the contact sheet of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import Data, Record, command, pairs

if TYPE_CHECKING:
    import numpy as np

    from mexflow.sheets.contact_sheet import ReadRaw
    from mexflow.sheets.sheet_files import SubjectFiles
    from mexflow.store.artifacts import Inputs


def main(
    dataset: Annotated[str, typer.Option(help="Name of the raw dataset.")],
    root: Annotated[Path, typer.Option(help="Folder of the raw dataset.")],
    results: Annotated[Path, typer.Option(help="Folder of the results, with the index, faces and LCN frames.")],
    subject: Annotated[list[str], typer.Option(help="A subject to show; repeatable.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="PNG to write.")],
    flow: Annotated[str, typer.Option(help="Name of the flow to show.")] = "",
    flow_method: Annotated[str, typer.Option(help="Name of that flow's method, for the heading.")] = "",
    residual: Annotated[
        list[str], typer.Option(help="Names of the residual images to show, ars=NAME or rrs=NAME; repeatable.")
    ] = [],  # noqa: B006
    truth: Annotated[
        bool, typer.Option("--truth", help="The dataset is rendered: its folder holds truth/SUBJECT.parquet.")
    ] = False,
    record: Record = None,
) -> None:
    """The contact sheet of a dataset: a few clips, from the raw frame to the residual images."""
    import cv2

    from mexflow.datasets.reading import adapter_modules, long_videos
    from mexflow.errors import choose
    from mexflow.progress import progress
    from mexflow.sheets import RESIDUALS, contact_sheet, sheet_files
    from mexflow.store.paths import Results
    from mexflow.store.records import Job

    cv2.setNumThreads(1)
    folder = Results(results)
    residuals = {
        choose("residual image", kind, RESIDUALS): f"residual/{name}"
        for kind, name in pairs("--residual", residual).items()
    }
    folders = sheet_files.Folders(
        flow=f"flow/{flow}" if flow else "", residuals=residuals, truth=root / "truth" if truth else None
    )
    with Job(record, __name__, *adapter_modules(dataset), dataset=dataset, threads=1, device="cpu") as job:
        sheet = contact_sheet.Sheet(
            dataset,
            job.inputs.table(folder.index(dataset)).to_pylist(),
            job.inputs.table(folder.videos(dataset)).to_pylist(),
            data,
            flow_method,
            long_videos(dataset),
        )
        subjects = sheet_files.load(job.inputs, folder, dataset, subject, folders)
        with progress(f"sheet {dataset}", len(subjects)) as advance:
            drawn, lines = contact_sheet.draw(sheet, subjects, _raw_reader(root, subjects, job.inputs), advance)
        job.outputs.bytes(output, drawn)
        job.finish()
    print(f"{dataset}: {output}")
    for line in lines:
        print(f"  {line}")


def _raw_reader(root: Path, subjects: list[SubjectFiles], inputs: Inputs) -> ReadRaw:
    """Reads raw frames under `root`, making sure that they are those that the faces were made of.

    Raises:
        UserError: if a frame is damaged or is another one now.
    """
    from mexflow.errors import UserError
    from mexflow.preprocess.frames import DamagedFrame, read_frame
    from mexflow.store.artifacts import Digest

    raw_digests: dict[str, str] = {}
    for files in subjects:
        raw_digests |= zip(*(files.faces.table[name].to_pylist() for name in ("file", "sha256")), strict=True)

    def read(file: str) -> np.ndarray:
        path = root / file
        try:
            frame = read_frame(path)
        except DamagedFrame as error:
            raise UserError(f"{error}; restore it from the dataset's owners") from None
        if frame.sha256 != raw_digests[file]:
            raise UserError(f"{path}: not the frame that the faces were made of; make the faces again")
        inputs.digests[path.as_posix()] = Digest(frame.sha256, frame.size)
        return frame.image

    return read


app = command(main)

"""``mexflow lcnfigure``: what LCN makes of changed brightness and contrast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Data, Record, command


def main(
    faces: Annotated[Path, typer.Option(help="Aligned faces of a subject; the table is beside them.")],
    sigma: Annotated[float, typer.Option(help="Sigma of LCN's Gaussian, pixels.")],
    data: Data,
    output: Annotated[Path, typer.Option(help="PNG to write.")],
    record: Record = None,
) -> None:
    """One aligned face under changed light, and its LCN: the subject's first face that was seen, not guessed."""
    from mexflow.errors import UserError
    from mexflow.figures import lcn_figure
    from mexflow.preprocess.aligned import SEEN
    from mexflow.preprocess.lcn import grey
    from mexflow.store.records import Job

    with Job(record, __name__, threads=1, device="cpu") as job:
        images = job.inputs.array(faces)
        table = job.inputs.table(faces.with_suffix(".parquet")).select(["dataset", "video", "frame", "state"])
        seen = [i for i, row in enumerate(table.to_pylist()) if row["state"] in SEEN]
        if not seen:
            raise UserError(f"{faces}: holds no face that was seen; give another subject's")
        row = table.slice(seen[0], 1).to_pylist()[0]
        (face,) = grey(images[seen[0] : seen[0] + 1])
        origin = f"{row['dataset']}, video {row['video']}, frame {row['frame']}"
        job.outputs.bytes(output, lcn_figure.draw(face, sigma, data, origin))
        job.finish()
    print(f"{output}: {origin}")


app = command(main)

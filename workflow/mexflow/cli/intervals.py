"""``mexflow intervals``: thresholds and intervals of the folds of a spotting experiment, from their scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command


def main(
    fold: Annotated[list[Path], typer.Option(help="Folder of a fold, with scores.parquet; repeatable.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset: the true intervals, and k.")],
    order: Annotated[int, typer.Option(min=1, help="Order of the Butterworth low-pass.")] = 2,
    least: Annotated[int, typer.Option(min=1, help="Least frames of an interval.")] = 2,
    iou: Annotated[float, typer.Option(min=0, max=1, help="Least IoU of a true positive.")] = 0.5,
    record: Record = None,
) -> None:
    """Thresholds and intervals of the folds of a spotting experiment; nothing is trained again."""
    import pyarrow as pa

    from mexflow.datasets.spotting import interval
    from mexflow.evaluation import scores, spotted
    from mexflow.records import Job

    with Job(record, __name__, threads=1, device="cpu") as job:
        rows = job.inputs.table(index).to_pylist()
        truth = spotted.truths(rows)
        k = {}
        for folder in fold:
            table = job.inputs.table(folder / "scores.parquet")
            for kind in table["type"].unique().to_pylist():
                k.setdefault(kind, interval(rows, kind).k)
            thresholds, found = [], []
            for (variant, kind), videos in sorted(spotted.scored(table, k, order).items()):
                one = spotted.spot(videos, truth.get(kind, {}), variant, kind, least, iou)
                thresholds.append(
                    {
                        "fold": folder.name,
                        "variant": variant,
                        "type": kind,
                        "threshold": one.threshold,
                        "youden": one.youden,
                        "frames": one.chosen_on,
                        "subjects": one.subjects,
                    }
                )
                found += spotted.interval_rows(folder.name, one)
            job.outputs.table(folder / "thresholds.parquet", pa.Table.from_pylist(thresholds, schema=scores.THRESHOLDS))
            job.outputs.table(folder / "intervals.parquet", pa.Table.from_pylist(found, schema=scores.INTERVALS))
            predicted = sum(row["source"] == "predicted" for row in found)
            print(f"{folder.name}: {predicted} intervals predicted, {len(found) - predicted} true")
        job.state(k=k)
        job.finish()


app = command(main)

"""``mexflow intervals``: thresholds and intervals of the folds of a spotting experiment, from their scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mexflow.cli.options import Record, command

if TYPE_CHECKING:
    from mexflow.store.artifacts import Inputs, Outputs


def main(
    folds: Annotated[Path, typer.Option(help="Folder of the experiment's folds.")],
    fold: Annotated[list[str], typer.Option(help="A fold, a folder there with scores.parquet; repeatable.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset: the true intervals, and k.")],
    order: Annotated[int, typer.Option(min=1, help="Order of the Butterworth low-pass.")] = 2,
    least: Annotated[int, typer.Option(min=1, help="Least frames of an interval.")] = 2,
    iou: Annotated[float, typer.Option(help="Least IoU of a true positive, above 0 and up to 1.")] = 0.5,
    record: Record = None,
) -> None:
    """Thresholds and intervals of the folds of a spotting experiment; nothing is trained again."""
    from mexflow.errors import UserError
    from mexflow.store.records import Job

    if not 0 < iou <= 1:
        raise UserError(f"intervals --iou {iou:g}: a number above 0 and up to 1 is expected")
    with Job(record, __name__, threads=1, device="cpu") as job:
        k, summary = run(
            folds=[folds / name for name in fold],
            index=index,
            order=order,
            least=least,
            iou=iou,
            inputs=job.inputs,
            outputs=job.outputs,
        )
        job.state(k=k)
        job.finish()
    print(summary)


def run(
    *, folds: Sequence[Path], index: Path, order: int, least: int, iou: float, inputs: Inputs, outputs: Outputs
) -> tuple[dict[str, int], str]:
    """Write ``thresholds.parquet`` and ``intervals.parquet`` into each fold's folder; the caller commits `outputs`.

    Args:
        folds: folders that hold ``scores.parquet``.
        index: index of the dataset. k of a type comes from all its rows, the true intervals from those not excluded.
        order: of the Butterworth low-pass, at least 1.
        least: runs of fewer frames are dropped.
        iou: least IoU of a true positive, in (0, 1].

    Returns:
        k by type, and a line a fold.

    Raises:
        UserError: if an input cannot be read, or k cannot be computed.
    """
    import pyarrow as pa

    from mexflow.datasets.half_length import half_length
    from mexflow.errors import UserError
    from mexflow.evaluation import scores, spotted

    rows = inputs.table(index).to_pylist()
    truth = spotted.truths(rows)
    k: dict[str, int] = {}
    lines = []
    for folder in folds:
        table = inputs.table(folder / "scores.parquet")
        if absent := [name for name in scores.SCORES.names if name not in table.column_names]:
            raise UserError(
                f"{folder / 'scores.parquet'}: has no column {absent[0]!r}; delete it and spot the fold again"
            )
        for kind in table["type"].unique().to_pylist():
            k.setdefault(kind, half_length(rows, kind).k)
        thresholds, intervals = [], []
        for (variant, kind), videos in sorted(spotted.scored(table, k, order).items()):
            spotting = spotted.spot(videos, truth.get(kind, {}), variant, kind, least, iou)
            thresholds.append(
                {
                    "fold": folder.name,
                    "variant": variant,
                    "type": kind,
                    "threshold": spotting.threshold,
                    "youden": spotting.youden,
                    "normalised_threshold": spotting.normalised_threshold,
                    "raw_threshold": spotting.raw_threshold,
                    "frames": spotting.chosen_on,
                    "subjects": spotting.subjects,
                }
            )
            intervals += spotted.interval_rows(folder.name, spotting)
        outputs.table(folder / "thresholds.parquet", pa.Table.from_pylist(thresholds, schema=scores.THRESHOLDS))
        outputs.table(folder / "intervals.parquet", pa.Table.from_pylist(intervals, schema=scores.INTERVALS))
        predicted = sum(row["source"] == "predicted" for row in intervals)
        lines.append(f"{folder.name}: {predicted} intervals predicted, {len(intervals) - predicted} true")
    return k, "\n".join(lines)


app = command(main)

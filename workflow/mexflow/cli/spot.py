"""``mexflow spot``: train some folds of a spotting experiment, and score every frame of its videos."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mexflow.cli.options import Record, command, listed, pairs

if TYPE_CHECKING:
    from mexflow.store.artifacts import Outputs

Number = TypeVar("Number", int, float)


def main(
    paper: Annotated[str, typer.Option(help="Name of the paper.")],
    experiment: Annotated[str, typer.Option(help="Name of the experiment.")],
    fold: Annotated[list[str], typer.Option(help="A fold, the test subject's name; repeatable.")],
    index: Annotated[Path, typer.Option(help="Index of the dataset.")],
    faces: Annotated[list[Path], typer.Option(help="Aligned faces of a subject, the table beside; repeatable.")],
    lcn: Annotated[list[Path], typer.Option(help="LCN frames of the same subjects, in that order; repeatable.")],
    train_skip: Annotated[list[str], typer.Option(help="Frame skips in training, LOW,HIGH: micro, then macro.")],
    variant: Annotated[list[str], typer.Option(help="Frame skips in testing, NAME=MICRO,MACRO; repeatable.")],
    samples: Annotated[int, typer.Option(min=1, help="Samples in an epoch.")],
    model: Annotated[str, typer.Option(help="Network family.")],
    epochs: Annotated[int, typer.Option(min=1)],
    batch_size: Annotated[int, typer.Option(min=1)],
    optimizer: Annotated[str, typer.Option()],
    learning_rate: Annotated[float, typer.Option()],
    seed: Annotated[int, typer.Option(help="Base seed; a fold's own follows from it and the names.")],
    output: Annotated[Path, typer.Option(help="Folder to write a folder a fold into.")],
    inside: Annotated[float, typer.Option(min=0, max=1, help="Share of samples from inside expressions.")] = 0.5,
    placement: Annotated[str, typer.Option(help="Of a pair around its frame: centred, forward, backward.")] = "centred",
    stream_weights: Annotated[str, typer.Option(help="Weights of the types in the loss: micro,macro.")] = "0.1,0.9",
    positive: Annotated[float, typer.Option(min=0, max=1, help="Weight of frames inside an expression.")] = 0.75,
    unweighted: Annotated[bool, typer.Option("--unweighted", help="Plain cross entropy instead.")] = False,
    sigma: Annotated[float, typer.Option(help="Sigma of LCN's Gaussian on augmented frames, pixels.")] = 4.0,
    no_lcn: Annotated[bool, typer.Option("--no-lcn", help="Grey frames, not normalised.")] = False,
    model_option: Annotated[list[str], typer.Option(help="Setting of the network, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    optimizer_option: Annotated[list[str], typer.Option(help="Setting of the optimiser; repeatable.")] = [],  # noqa: B006
    augment: Annotated[list[str], typer.Option(help="Augmentation, NAME=VALUES, in this order; repeatable.")] = [],  # noqa: B006
    early_stopping: Annotated[int | None, typer.Option(min=1, help="Epochs without a better validation loss.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    checkpoints: Annotated[Path | None, typer.Option(help="Folder for checkpoints of unfinished folds.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Least time between two checkpoints.")] = 30.0,
    record: Record = None,
) -> None:
    """Train some folds of a spotting experiment, and score every frame of its videos."""
    # Which folds share a job, and where results go, change nothing in a fold: they are not in the fingerprint.
    elsewhere = ("fold", "index", "faces", "lcn", "output", "checkpoints", "checkpoint_seconds", "record", "device")
    science = {name: value for name, value in locals().items() if name not in (*elsewhere, "elsewhere")}
    from mexflow.errors import UserError, choose
    from mexflow.models import available
    from mexflow.models.elface import PLACEMENTS
    from mexflow.progress import progress
    from mexflow.seeds import derive
    from mexflow.store.records import Job, canonical_digest
    from mexflow.training.checkpoints import Checkpoints
    from mexflow.training.devices import on_device
    from mexflow.training.loop import Settings, make_deterministic
    from mexflow.training.parallel import train_folds
    from mexflow.training.spotting import samples as long_videos
    from mexflow.training.spotting.fold import SpottingRun, run_fold

    choose("network", model, available())
    choose("placement of pairs", placement, PLACEMENTS)
    for name in fold:
        choose("fold", name, {path.stem for path in faces})
    if len(train_skip) != 2:
        raise UserError(f"spot --train-skip: two ranges are needed, of micro- and macro-expressions, not {train_skip}")
    ranges = [_two("--train-skip", text, int, "25,75") for text in train_skip]
    for low, high in ranges:
        if low > high:
            raise UserError(f"spot --train-skip {low},{high}: the lowest number of frames comes first")
    variants = {name: _two("--variant", text, int, "37,217") for name, text in pairs("--variant", variant).items()}
    weights = _two("--stream-weights", stream_weights, float, "0.1,0.9")
    if not sigma > 0:
        raise UserError(f"spot --sigma {sigma}: a positive number is expected")
    make_deterministic(threads)
    settings = Settings(
        epochs,
        batch_size,
        optimizer,
        learning_rate,
        listed("--optimizer-option", optimizer_option),
        early_stopping=early_stopping,
    )
    objective = long_videos.SpottingLoss(not unweighted, weights, positive)
    facts = {"paper": paper, "experiment": experiment}
    with on_device(device) as place, Job(record, __name__, f"mexflow.models.{model}", **facts) as job:
        videos, left_out = long_videos.load(job.inputs, faces, lcn, job.inputs.table(index).to_pylist())
        for line in left_out:
            print(f"left out: {line}")
        evidence = (science, place.device.type, job.code_digest, {k: v.sha256 for k, v in job.inputs.digests.items()})
        store = Checkpoints(checkpoints, canonical_digest(evidence).sha256, checkpoint_seconds)

        def one(name: str, outputs: Outputs, after_epoch: Callable[[], None]) -> dict[str, Any]:
            run = SpottingRun(
                paper=paper,
                experiment=experiment,
                fold=name,
                test_subjects=frozenset([name]),
                model=model,
                options=listed("--model-option", model_option),
                settings=settings,
                pairing=long_videos.Pairing((ranges[0], ranges[1]), samples, inside, placement),
                variants=variants,
                augment=augment,
                sigma=None if no_lcn else sigma,
                seed=derive(seed, paper, experiment, name),
            )
            description = run_fold(run, videos, objective, place.device, output / name, outputs, store, after_epoch)
            print(f"{name}: loss {description['final_loss']:.4f}, {description['test_videos']} test videos")
            return description

        with progress(f"spot {paper}/{experiment}", len(fold) * epochs) as advance:
            described = train_folds(job, place, fold, one, output, advance)
        job.state(folds=described, seed=seed, threads=threads, device=place.name, left_out=left_out)
        job.finish()
        store.remove(fold)


def _two(option: str, text: str, kind: Callable[[str], Number], example: str) -> tuple[Number, Number]:
    """Two numbers of 0 or more."""
    from mexflow.errors import UserError

    try:
        first, second = map(kind, text.split(","))
    except ValueError:
        first = second = kind("-1")
    if not (0 <= first < inf and 0 <= second < inf):
        raise UserError(f"spot {option} {text!r}: two numbers of 0 or more are expected, e.g. {example}")
    return first, second


app = command(main)

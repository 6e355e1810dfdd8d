"""``mexflow train``: train and test some folds of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mexflow.cli.options import Record, command, listed

if TYPE_CHECKING:
    from mexflow.store.artifacts import Outputs

INPUTS = ("flow", "residual", "frames", "lbp_top")


def main(
    paper: Annotated[str, typer.Option(help="Name of the paper.")],
    experiment: Annotated[str, typer.Option(help="Name of the experiment.")],
    fold: Annotated[list[str], typer.Option(help="A fold to train and test; repeatable.")],
    index: Annotated[Path, typer.Option(help="Index of the experiment's clips.")],
    label: Annotated[str, typer.Option(help="Column of the index that holds the label.")],
    class_: Annotated[list[str], typer.Option("--class", help="A class, in the paper's order; repeatable.")],
    protocol: Annotated[str, typer.Option(help="How folds are made, e.g. leave_one_subject_out.")],
    input_: Annotated[str, typer.Option("--input", help="flow, residual, frames or lbp_top.")],
    array: Annotated[list[Path], typer.Option(help="An array of the input, its table beside it; repeatable.")],
    model: Annotated[str, typer.Option(help="Network family.")],
    epochs: Annotated[int, typer.Option(min=1)],
    batch_size: Annotated[int, typer.Option(min=1)],
    optimizer: Annotated[str, typer.Option()],
    learning_rate: Annotated[float, typer.Option()],
    normalise: Annotated[str, typer.Option(help="Scaling of the input: rms, motion or none.")],
    seed: Annotated[int, typer.Option(help="Base seed; a fold's own follows from it and the names.")],
    output: Annotated[Path, typer.Option(help="Folder to write a folder a fold into.")],
    channel: Annotated[list[str], typer.Option(help="A channel of flow: Vx, Vy or M; repeatable.")] = [],  # noqa: B006
    train_pair: Annotated[list[str], typer.Option(help="A pair of frames to train on; repeatable.")] = [],  # noqa: B006
    test_pair: Annotated[list[str], typer.Option(help="A pair of frames to test on; repeatable.")] = [],  # noqa: B006
    size: Annotated[int | None, typer.Option(help="Width and height of the images, pixels; else as stored.")] = None,
    model_option: Annotated[list[str], typer.Option(help="Setting of the network, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    optimizer_option: Annotated[list[str], typer.Option(help="Setting of the optimiser; repeatable.")] = [],  # noqa: B006
    schedule: Annotated[str, typer.Option(help="Learning rate: constant, cosine or plateau.")] = "constant",
    schedule_option: Annotated[list[str], typer.Option(help="Setting of the schedule; repeatable.")] = [],  # noqa: B006
    early_stopping: Annotated[int | None, typer.Option(min=1, help="Epochs without a better validation loss.")] = None,
    validation_share: Annotated[float | None, typer.Option(help="Share of training subjects that validate.")] = None,
    label_smoothing: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    augment: Annotated[list[str], typer.Option(help="Augmentation, NAME=VALUES, in this order; repeatable.")] = [],  # noqa: B006
    oversample: Annotated[list[str], typer.Option(help="What makes samples of small classes; repeatable.")] = [],  # noqa: B006
    recompute_batch_norm: Annotated[bool, typer.Option(help="Statistics over all training samples.")] = False,
    mixed_precision: Annotated[bool, typer.Option("--mixed-precision", help="bfloat16, on a GPU only.")] = False,
    permute_labels: Annotated[bool, typer.Option(help="Null control: permute labels within subject.")] = False,
    keep_features: Annotated[bool, typer.Option(help="Store the test clips' features.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    checkpoints: Annotated[Path | None, typer.Option(help="Folder for checkpoints of unfinished folds.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Least time between two checkpoints.")] = 30.0,
    record: Record = None,
) -> None:
    """Train and test some folds of an experiment."""
    # Which folds share a job, and where results go, change nothing in a fold: they are not in the fingerprint.
    science = {
        name: value
        for name, value in locals().items()
        if name not in ("fold", "index", "array", "output", "checkpoints", "checkpoint_seconds", "record", "device")
    }
    from mexflow.errors import UserError, choose
    from mexflow.evaluation.folds import PROTOCOLS, assert_disjoint
    from mexflow.models import available
    from mexflow.progress import progress
    from mexflow.seeds import derive
    from mexflow.store.records import Job, canonical_digest
    from mexflow.training.checkpoints import Checkpoints
    from mexflow.training.devices import on_device
    from mexflow.training.loop import Settings, make_deterministic
    from mexflow.training.parallel import train_folds
    from mexflow.training.recognition import loaders
    from mexflow.training.recognition import samples as data
    from mexflow.training.recognition.fold import FoldRun, run_fold

    choose("protocol", protocol, PROTOCOLS)
    choose("network", model, available())
    choose("input", input_, INPUTS)
    for name in channel:
        choose("channel", name, loaders.CHANNELS)
    if input_ == "flow" and not (channel and train_pair and test_pair):
        raise UserError("train --input flow: --channel, --train-pair and --test-pair are needed")
    if input_ == "frames" and size is None:
        raise UserError("train --input frames: --size is needed")
    make_deterministic(threads)
    settings = Settings(
        epochs,
        batch_size,
        optimizer,
        learning_rate,
        listed("--optimizer-option", optimizer_option),
        schedule=schedule,
        schedule_options=listed("--schedule-option", schedule_option),
        early_stopping=early_stopping,
        mixed_precision=mixed_precision,
    )
    facts = {"paper": paper, "experiment": experiment}
    with on_device(device) as place, Job(record, __name__, f"mexflow.models.{model}", **facts) as job:
        rows = data.labelled(job.inputs.table(index).to_pylist(), label, class_)
        folds = {f.name: f for f in PROTOCOLS[protocol](rows, label)}
        for name in fold:
            choose("fold", name, folds)
        if permute_labels:
            rows = data.permute_within_subject(rows, label, derive(seed, paper, experiment))
        samples, left_out = {
            "flow": lambda *common: loaders.load_flow(*common, {*train_pair, *test_pair}, channel),
            "residual": lambda *common: loaders.load_residual(*common, size),
            "frames": lambda *common: loaders.load_frames(*common, size),
            "lbp_top": loaders.load_lbp_top,
        }[input_](job.inputs, array, rows, label, class_)
        for line in left_out:
            print(f"left out: {line}")
        evidence = (science, place.device.type, job.code_digest, {k: v.sha256 for k, v in job.inputs.digests.items()})
        store = Checkpoints(checkpoints, canonical_digest(evidence).sha256, checkpoint_seconds)

        def one(name: str, outputs: Outputs, after_epoch: Callable[[], None]) -> dict[str, Any]:
            run = FoldRun(
                paper=paper,
                experiment=experiment,
                fold=name,
                test_subjects=folds[name].test_subjects,
                train_pairs=train_pair,
                test_pairs=test_pair,
                model=model,
                options=listed("--model-option", model_option),
                normalise=normalise,
                settings=settings,
                validation_share=validation_share,
                seed=derive(seed, paper, experiment, name),
                keep_features=keep_features,
                augment=augment,
                oversample=oversample,
                label_smoothing=label_smoothing,
                recompute_batch_norm=recompute_batch_norm,
            )
            description = run_fold(run, samples, place.device, output / name, outputs, store, after_epoch)
            assert_disjoint(description["training_subjects"], description["test_subjects"])
            loss = description["final_loss"]
            said = "fitted" if loss is None else f"loss {loss:.4f}"
            print(f"{name}: {said}, {description['test_clips']} test clips")
            return description

        with progress(f"train {paper}/{experiment}", len(fold) * epochs) as advance:
            described = train_folds(job, place, fold, one, output, advance)
        job.state(folds=described, seed=seed, threads=threads, device=place.name, left_out=left_out)
        job.finish()
        store.remove(fold)


app = command(main)

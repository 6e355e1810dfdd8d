"""``mexflow spot_recognise``: train some folds of an experiment that spots and recognises expressions at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mexflow.cli.options import Record, command, listed

if TYPE_CHECKING:
    from mexflow.store.artifacts import Outputs


def main(
    paper: Annotated[str, typer.Option(help="Name of the paper.")],
    experiment: Annotated[str, typer.Option(help="Name of the experiment.")],
    fold: Annotated[list[str], typer.Option(help="A fold to train and test; repeatable.")],
    index: Annotated[Path, typer.Option(help="Index of the experiment's clips.")],
    label: Annotated[str, typer.Option(help="Column of the index that holds the label.")],
    class_: Annotated[list[str], typer.Option("--class", help="A class, in the paper's order; repeatable.")],
    protocol: Annotated[str, typer.Option(help="leave_one_subject_out or subject_split.")],
    faces: Annotated[list[Path], typer.Option(help="Aligned faces of a subject, the table beside; repeatable.")],
    motion: Annotated[list[Path], typer.Option(help="Motion of the same subjects, in that order; repeatable.")],
    model: Annotated[str, typer.Option(help="Network family.")],
    stage1_epochs: Annotated[int, typer.Option(min=1, help="Epochs of each of the networks trained first.")],
    stage1_samples: Annotated[int, typer.Option(min=1, help="Frames, or flow fields, in one of their epochs.")],
    stage1_batch_size: Annotated[int, typer.Option(min=1)],
    stage2_epochs: Annotated[int, typer.Option(min=1, help="Epochs of the memory.")],
    sequences_per_epoch: Annotated[int, typer.Option(min=1, help="Sequences in one of its epochs.")],
    stage2_batch_size: Annotated[int, typer.Option(min=1)],
    optimizer: Annotated[str, typer.Option()],
    learning_rate: Annotated[float, typer.Option()],
    seed: Annotated[int, typer.Option(help="Base seed; a fold's own follows from it and the names.")],
    output: Annotated[Path, typer.Option(help="Folder to write a folder a fold into.")],
    length: Annotated[int, typer.Option(min=1, help="Frames of a sequence.")] = 14,
    versions: Annotated[int, typer.Option(min=0, help="Augmented sequences of a clip, kept; 0: always new ones.")] = 0,
    loss_weights: Annotated[str, typer.Option(help="Weights in the memory's loss: class,intensity.")] = "1,1",
    normalise: Annotated[str, typer.Option(help="motion, rms (of the flow alone) or none.")] = "rms",
    model_option: Annotated[list[str], typer.Option(help="Setting of the network, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    optimizer_option: Annotated[list[str], typer.Option(help="Setting of the optimiser; repeatable.")] = [],  # noqa: B006
    augment: Annotated[list[str], typer.Option(help="Augmentation, NAME=VALUES, in this order; repeatable.")] = [],  # noqa: B006
    permute_labels: Annotated[bool, typer.Option(help="Null control: permute labels within subject.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    checkpoints: Annotated[Path | None, typer.Option(help="Folder for checkpoints of unfinished folds.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Least time between two checkpoints.")] = 30.0,
    record: Record = None,
) -> None:
    """Train some folds of an experiment that spots and recognises expressions at once."""
    # Which folds share a job, and where results go, change nothing in a fold: they are not in the fingerprint.
    elsewhere = ("fold", "index", "faces", "motion", "output", "checkpoints", "checkpoint_seconds", "record", "device")
    science = {name: value for name, value in locals().items() if name not in (*elsewhere, "elsewhere")}
    from mexflow.errors import UserError, choose
    from mexflow.evaluation.folds import PROTOCOLS, assert_disjoint
    from mexflow.models import available
    from mexflow.progress import progress
    from mexflow.seeds import derive
    from mexflow.store.records import Job, canonical_digest
    from mexflow.training.checkpoints import Checkpoints
    from mexflow.training.devices import on_device
    from mexflow.training.loop import Settings, make_deterministic
    from mexflow.training.memory.clips import load
    from mexflow.training.memory.fold import NORMALISATIONS, STAGES, TwoStageRun, checkpoint_name, run_fold
    from mexflow.training.parallel import train_folds
    from mexflow.training.recognition.samples import labelled, permute_within_subject

    choose("protocol", protocol, PROTOCOLS)
    choose("network", model, available())
    choose("normalisation", normalise, NORMALISATIONS)
    if len(faces) != len(motion):
        raise UserError(f"spot_recognise: {len(faces)} --faces and {len(motion)} --motion; give one of each a subject")
    weights = listed("--loss-weights", [f"weights={loss_weights}"])["weights"]
    if not (isinstance(weights, list) and len(weights) == 2 and all(type(w) in (int, float) for w in weights)):
        raise UserError(f"--loss-weights {loss_weights!r}: two numbers are expected, e.g. 1,1")
    make_deterministic(threads)
    options = listed("--optimizer-option", optimizer_option)
    stage1 = Settings(stage1_epochs, stage1_batch_size, optimizer, learning_rate, options)
    stage2 = Settings(stage2_epochs, stage2_batch_size, optimizer, learning_rate, options)
    facts = {"paper": paper, "experiment": experiment}
    with on_device(device) as place, Job(record, __name__, f"mexflow.models.{model}", **facts) as job:
        expressions = job.inputs.table(index).to_pylist()
        rows = labelled(expressions, label, class_)
        folds = {f.name: f for f in PROTOCOLS[protocol](rows, label)}
        for name in fold:
            choose("fold", name, folds)
        if permute_labels:
            rows = permute_within_subject(rows, label, derive(seed, paper, experiment))
        clips, left_out = load(job.inputs, faces, motion, rows, expressions, label, class_)
        for line in left_out:
            print(f"left out: {line}")
        evidence = (science, place.device.type, job.code_digest, {k: v.sha256 for k, v in job.inputs.digests.items()})
        store = Checkpoints(checkpoints, canonical_digest(evidence).sha256, checkpoint_seconds)

        def one(name: str, outputs: Outputs, after_epoch: Callable[[], None]) -> dict[str, Any]:
            run = TwoStageRun(
                paper=paper,
                experiment=experiment,
                fold=name,
                test_subjects=folds[name].test_subjects,
                model=model,
                options=listed("--model-option", model_option),
                normalise=normalise,
                stage1=stage1,
                stage1_samples=stage1_samples,
                stage2=stage2,
                sequences=sequences_per_epoch,
                length=length,
                versions=versions,
                loss_weights=(weights[0], weights[1]),
                augment=augment,
                seed=derive(seed, paper, experiment, name),
            )
            description = run_fold(run, clips, class_, place.device, output / name, outputs, store, after_epoch)
            assert_disjoint(description["training_subjects"], description["test_subjects"])
            print(f"{name}: loss {description['final_loss']:.4f}, {description['test_clips']} test clips")
            return description

        epochs = len(fold) * (2 * stage1_epochs + stage2_epochs)
        with progress(f"spot_recognise {paper}/{experiment}", epochs) as advance:
            described = train_folds(job, place, fold, one, output, advance)
        job.state(folds=described, seed=seed, threads=threads, device=place.name, left_out=left_out)
        job.finish()
        store.remove([checkpoint_name(name, stage) for name in fold for stage in STAGES])


app = command(main)

"""``mexflow train``: train and test some folds of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command, pairs, scalar


def main(
    paper: Annotated[str, typer.Option(help="Name of the paper.")],
    experiment: Annotated[str, typer.Option(help="Name of the experiment.")],
    fold: Annotated[list[str], typer.Option(help="A fold to train and test; repeatable.")],
    index: Annotated[Path, typer.Option(help="Index of the experiment's clips.")],
    label: Annotated[str, typer.Option(help="Column of the index that holds the label.")],
    class_: Annotated[list[str], typer.Option("--class", help="A class, in the paper's order; repeatable.")],
    protocol: Annotated[str, typer.Option(help="How folds are made: leave_one_subject_out.")],
    flow: Annotated[list[Path], typer.Option(help="A flow array, its table beside it; repeatable.")],
    channel: Annotated[list[str], typer.Option(help="A channel of the input: Vx, Vy or M; repeatable.")],
    train_pair: Annotated[list[str], typer.Option(help="A pair of frames to train on; repeatable.")],
    test_pair: Annotated[list[str], typer.Option(help="A pair of frames to test on; repeatable.")],
    model: Annotated[str, typer.Option(help="Network family.")],
    epochs: Annotated[int, typer.Option(min=1)],
    batch_size: Annotated[int, typer.Option(min=1)],
    optimizer: Annotated[str, typer.Option()],
    learning_rate: Annotated[float, typer.Option()],
    normalise: Annotated[str, typer.Option(help="Scaling of the input channels: rms or none.")],
    seed: Annotated[int, typer.Option(help="Base seed; a fold's own follows from it and the names.")],
    output: Annotated[Path, typer.Option(help="Folder to write a folder a fold into.")],
    model_option: Annotated[list[str], typer.Option(help="Setting of the network, NAME=VALUE; repeatable.")] = [],  # noqa: B006
    optimizer_option: Annotated[list[str], typer.Option(help="Setting of the optimiser; repeatable.")] = [],  # noqa: B006
    permute_labels: Annotated[bool, typer.Option(help="Null control: permute labels within subject.")] = False,
    keep_features: Annotated[bool, typer.Option(help="Store the test clips' features.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    checkpoints: Annotated[Path | None, typer.Option(help="Folder for checkpoints of unfinished folds.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Least time between two checkpoints.")] = 30.0,
    record: Record = None,
) -> None:
    """Train and test some folds of an experiment."""
    from mexflow.errors import choose
    from mexflow.evaluation.folds import PROTOCOLS, assert_disjoint
    from mexflow.models import available
    from mexflow.progress import progress
    from mexflow.records import Job, canonical_digest
    from mexflow.seeds import derive
    from mexflow.training import samples as data
    from mexflow.training.checkpoints import Checkpoints
    from mexflow.training.loop import Settings, choose_device, make_deterministic
    from mexflow.training.runs import FoldRun, run_fold

    choose("protocol", protocol, PROTOCOLS)
    choose("network", model, available())
    for name in channel:
        choose("channel", name, data.CHANNELS)
    make_deterministic(threads)
    where = choose_device(device)
    options = {name: scalar(value) for name, value in pairs("--model-option", model_option).items()}
    optimizer_options = {name: scalar(value) for name, value in pairs("--optimizer-option", optimizer_option).items()}
    settings = Settings(epochs, batch_size, optimizer, learning_rate, optimizer_options)
    with Job(record, __name__, f"mexflow.models.{model}", paper=paper, experiment=experiment) as job:
        rows = data.labelled(job.inputs.table(index).to_pylist(), label, class_)
        folds = {f.name: f for f in PROTOCOLS[protocol](rows, label)}
        if permute_labels:
            rows = data.permute_within_subject(rows, label, derive(seed, paper, experiment))
        samples, left_out = data.load_flow(job.inputs, flow, rows, label, class_, {*train_pair, *test_pair}, channel)
        for line in left_out:
            print(f"left out: {line}")
        # Which folds share a job, and where results go, change nothing in a fold: they are not in the fingerprint.
        asked = (paper, experiment, label, class_, protocol, channel, train_pair, test_pair, seed, permute_labels)
        trained = (
            model,
            options,
            epochs,
            batch_size,
            optimizer,
            learning_rate,
            optimizer_options,
            normalise,
            where.type,
            threads,
        )
        evidence = (asked, trained, job.code_digest, {k: v.sha256 for k, v in job.inputs.digests.items()})
        store = Checkpoints(checkpoints, canonical_digest(evidence).sha256, checkpoint_seconds)

        described = {}
        with progress(f"train {paper}/{experiment}", len(fold) * epochs) as advance:
            for name in fold:
                choose("fold", name, folds)
                run = FoldRun(
                    paper=paper,
                    experiment=experiment,
                    fold=name,
                    test_subjects=folds[name].test_subjects,
                    train_pairs=train_pair,
                    test_pairs=test_pair,
                    model=model,
                    options=options,
                    normalise=normalise,
                    settings=settings,
                    seed=derive(seed, paper, experiment, name),
                    keep_features=keep_features,
                )
                description = run_fold(run, samples, where, output / name, job.outputs, store, lambda: advance(1))
                assert_disjoint(description["training_subjects"], description["test_subjects"])
                described[name] = description
                print(f"{name}: loss {description['final_loss']:.4f}, {description['test_clips']} test clips")
        job.state(folds=described, seed=seed, threads=threads, device=_device_name(where), left_out=left_out)
        job.finish()
        store.remove(fold)


def _device_name(device) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


app = command(main)

"""Everything that a training depends on, as options of its command: what the papers say, in the shell's words.

Imports nothing heavy: the Snakefile makes its parameters of it, and trains again where one of them changed.
"""

from __future__ import annotations

from mexflow.config import Config
from mexflow.papers import Paper
from mexflow.plan.flags import flags, operations, settings


def training(config: Config, paper: Paper, experiment: str) -> str:
    """Options of ``mexflow train`` for an experiment, or a null control, of a paper."""
    trained = paper.with_null_controls()[experiment]
    data, training = paper.data_of(experiment), paper.training_of(experiment)
    effort = paper.effort(experiment, config.budget)
    flow = trained.input == "flow"
    size = trained.frames or effort.size
    return " ".join(
        [
            f"--label {data.label}",
            flags("class", data.classes),
            f"--protocol {paper.protocol_of(experiment)}",
            f"--input {trained.input}",
            *([flags("channel", trained.channels or [])] if flow else []),
            *([flags("train-pair", paper.train_pairs), flags("test-pair", paper.test_pairs)] if flow else []),
            *([f"--size {size}"] if size else []),
            f"--model {trained.model}",
            flags("model-option", settings(trained.options)),
            f"--epochs {effort.epochs} --batch-size {training.batch_size}",
            f"--optimizer {training.optimizer} --learning-rate {training.learning_rate}",
            flags("optimizer-option", settings(training.optimizer_options)),
            f"--schedule {training.schedule}",
            flags("schedule-option", settings(training.schedule_options)),
            *([f"--early-stopping {training.early_stopping}"] if training.early_stopping else []),
            *([f"--validation-share {training.validation_share}"] if training.validation_share else []),
            *([f"--label-smoothing {training.label_smoothing}"] if training.label_smoothing else []),
            flags("augment", operations(training.augment)),
            flags("oversample", operations(training.oversample)),
            *(["--recompute-batch-norm"] if training.recompute_batch_norm else []),
            *(["--mixed-precision"] if training.mixed_precision else []),
            f"--normalise {training.normalise}",
            f"--seed {config.seed}",
            *(["--permute-labels"] if trained.permute_labels else []),
            *(["--keep-features"] if trained.keep_features else []),
        ]
    )


def spotting(config: Config, paper: Paper, experiment: str) -> str:
    """Options of ``mexflow spot`` for an experiment of a paper."""
    trained = paper.with_null_controls()[experiment]
    training, effort = paper.training_of(experiment), paper.effort(experiment, config.budget)
    spotting = paper.spotting[paper.data_name(experiment)]
    skips = {name: list(pair) for name, pair in spotting.test_skips.items()}
    return " ".join(
        [
            flags("train-skip", (f"{low},{high}" for low, high in spotting.train_skips)),
            flags("variant", settings(skips)),
            f"--samples {effort.samples or spotting.samples} --inside {spotting.inside}",
            f"--placement {spotting.placement}",
            f"--stream-weights {','.join(map(str, spotting.stream_weights))} --positive {spotting.positive}",
            *([] if trained.weighted else ["--unweighted"]),
            *([f"--sigma {config.preprocess.lcn.sigma}"] if trained.lcn else ["--no-lcn"]),
            f"--model {trained.model}",
            flags("model-option", settings(trained.options)),
            f"--epochs {effort.epochs} --batch-size {training.batch_size}",
            f"--optimizer {training.optimizer} --learning-rate {training.learning_rate}",
            flags("optimizer-option", settings(training.optimizer_options)),
            *([f"--early-stopping {training.early_stopping}"] if training.early_stopping else []),
            flags("augment", operations(training.augment)),
            f"--seed {config.seed}",
        ]
    )


def sequences(config: Config, paper: Paper, experiment: str) -> str:
    """Options of ``mexflow spot_recognise`` for an experiment, or a null control, of a paper."""
    assert paper.sequences is not None
    trained, data = paper.with_null_controls()[experiment], paper.data_of(experiment)
    training, effort, own = paper.training_of(experiment), paper.effort(experiment, config.budget), paper.sequences
    return " ".join(
        [
            f"--label {data.label}",
            flags("class", data.classes),
            f"--protocol {paper.protocol_of(experiment)}",
            f"--model {trained.model}",
            flags("model-option", settings(trained.options)),
            f"--stage1-epochs {effort.stage1_epochs or own.stage1_epochs}",
            f"--stage1-samples {effort.stage1_samples or own.stage1_samples}",
            f"--stage1-batch-size {own.stage1_batch_size}",
            f"--stage2-epochs {effort.epochs} --sequences-per-epoch {effort.samples or own.samples}",
            f"--stage2-batch-size {training.batch_size} --length {own.length}",
            f"--versions {own.versions if effort.versions is None else effort.versions}",
            f"--loss-weights {','.join(map(str, own.loss_weights))}",
            f"--optimizer {training.optimizer} --learning-rate {training.learning_rate}",
            flags("optimizer-option", settings(training.optimizer_options)),
            flags("augment", operations(training.augment)),
            f"--normalise {training.normalise}",
            f"--seed {config.seed}",
            *(["--permute-labels"] if trained.permute_labels else []),
        ]
    )


def difference(paper: Paper, experiment: str) -> str:
    """Options of ``mexflow difference`` for an experiment of a paper."""
    own, data = paper.experiments[experiment].difference, paper.data_of(experiment)
    assert own is not None
    return " ".join(
        [
            f"--label {data.label}",
            flags("class", data.classes),
            f"--protocol {paper.protocol_of(experiment)}",
            f"--features {own.features} --blocks {own.blocks} --edges {own.edges}",
            *([] if own.k is None else [f"--k {own.k}"]),
            f"--method {own.method} --reference {own.reference} --bins {own.bins}",
            flags("method-option", settings(own.options)),
        ]
    )

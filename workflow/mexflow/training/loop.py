"""The training loop: one for all papers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import deterministic

from mexflow.errors import UserError
from mexflow.imports import without
from mexflow.papers.trainings import Training
from mexflow.registries import Registry
from mexflow.seeds import derive
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.feeding import Feed, Objective, to_float
from mexflow.training.recognition.samples import Samples
from mexflow.training.uncompiled import stand_in

OPTIMIZERS: Registry[Callable[..., torch.optim.Optimizer]] = Registry("optimizer", __name__)
"""Optimisers by name: ``optimizer(parameters, lr=…, **options)``."""


@dataclass(frozen=True)
class Schedule:
    """How the learning rate goes on.

    Attributes:
        make: ``make(optimizer, epochs, **options)`` is the scheduler of a training, None for a constant rate.
        validates: whether it looks at the validation loss.
    """

    make: Callable[..., Any]
    validates: bool = False


SCHEDULES: Registry[Schedule] = Registry("schedule", __name__)
"""Schedules by name."""


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    `optimizer_options` go to the optimiser as they are. `schedule` is ``constant``, ``cosine`` (to zero over all
    epochs) or ``plateau`` (`schedule_options` `factor` and `patience`, on the validation loss). With `early_stopping`,
    training ends after so many epochs without a better validation loss, and the best epoch's weights are kept.
    `mixed_precision` counts on a GPU only.
    """

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    optimizer_options: dict[str, Any] = field(default_factory=dict)
    schedule: str = "constant"
    schedule_options: dict[str, Any] = field(default_factory=dict)
    early_stopping: int | None = None
    mixed_precision: bool = False

    @classmethod
    def of(cls, training: Training, epochs: int, batch_size: int | None = None) -> Settings:
        """The settings that a paper's file gives, for so many epochs; in other batches where it says so for a stage."""
        return cls(
            epochs,
            batch_size or training.batch_size,
            training.optimizer,
            training.learning_rate,
            dict(training.optimizer_options),
            schedule=getattr(training, "schedule", "constant"),
            schedule_options=dict(getattr(training, "schedule_options", {})),
            early_stopping=getattr(training, "early_stopping", None),
            mixed_precision=getattr(training, "mixed_precision", False),
        )

    @property
    def validates(self) -> bool:
        """Whether training looks at validation samples."""
        return self.early_stopping is not None or SCHEDULES[self.schedule].validates


OPTIMIZERS.add("adam", torch.optim.Adam)
OPTIMIZERS.add("rmsprop", torch.optim.RMSprop)
OPTIMIZERS.add("sgd", torch.optim.SGD)


@OPTIMIZERS.entry("adamp")
def _adamp(parameters: Any, **options: Any) -> torch.optim.Optimizer:
    # It looks for distributed tensors, which would bring half of torch's compiler.
    with without("torch.distributed.tensor", "torch.distributed._tensor"):
        from pytorch_optimizer.optimizer.adamp import AdamP

    return AdamP(parameters, **options)


def _plateau(optimizer: torch.optim.Optimizer, epochs: int, **options: Any) -> Any:
    return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)


SCHEDULES.add("constant", Schedule(lambda optimizer, epochs, **options: None))
SCHEDULES.add("cosine", Schedule(torch.optim.lr_scheduler.CosineAnnealingLR))
SCHEDULES.add("plateau", Schedule(_plateau, validates=True))


def make_deterministic(threads: int) -> None:
    """Fix everything that could make two runs of the same training differ, and keep torch's compiler out."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it torch refuses to multiply on a GPU
    torch.set_num_threads(threads)
    # The same as use_deterministic_algorithms(True), which would import the compiler to tell it as well.
    torch.set_deterministic_debug_mode("error")
    # Otherwise every new tensor is filled first, a tenth of the time; no operation used here reads one unwritten.
    deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    stand_in()


def fit(
    network: nn.Module,
    training: Feed,
    objective: Objective,
    settings: Settings,
    seed: int,
    device: torch.device,
    *,
    fold: str,
    checkpoints: Checkpoints,
    validation: Feed | None = None,
    after_epoch: Callable[[], None] = lambda: None,
) -> list[dict[str, float | None]]:
    """Train a network, in place.

    What an epoch does is a function of (seed, epoch) alone, so training resumed from a checkpoint does the same steps
    as training that was never stopped.

    Args:
        network: maps the feed's inputs to what the objective takes as outputs.
        training: the training samples.
        validation: the samples that the schedule and early stopping look at, of subjects that are neither trained on
            nor tested; no other data is seen.
        after_epoch: called after each epoch that is trained here.

    Returns:
        One entry per epoch: `epoch` (from 1), `loss` (mean of the objective), `accuracy` (share, in training mode),
        `validation_loss` (None without validation) and `learning_rate`. With early stopping the last entries are
        those after the best epoch.

    Raises:
        UserError: for an unknown optimiser or schedule, or a loss that is not finite.
    """
    if settings.validates and (validation is None or not len(validation)):
        raise UserError(f"fold {fold}: the schedule or early stopping needs validation samples, and there is none")
    network.to(device)
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = OPTIMIZERS[settings.optimizer](trainable, lr=settings.learning_rate, **settings.optimizer_options)
    schedule = SCHEDULES[settings.schedule].make(optimizer, settings.epochs, **settings.schedule_options)
    history: list[dict[str, float | None]] = []
    best: dict[str, Any] = {"epoch": 0, "loss": float("inf"), "network": {}}
    if state := checkpoints.load(fold):
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        if schedule:
            schedule.load_state_dict(state["schedule"])
        history, best = state["history"], state["best"]

    def state_now() -> dict[str, Any]:
        return {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict() if schedule else {},
            "history": history,
            "best": best,
        }

    def stopped() -> bool:
        return settings.early_stopping is not None and len(history) - best["epoch"] >= settings.early_stopping

    precision = torch.autocast(device.type, torch.bfloat16, settings.mixed_precision and device.type == "cuda")
    for epoch in range(len(history) + 1, settings.epochs + 1):
        if stopped():
            break
        network.train()
        torch.manual_seed(derive(seed, "epoch", epoch))
        total, right, seen = 0.0, 0.0, 0
        for inputs, targets in training.batches(epoch, settings.batch_size):
            optimizer.zero_grad(set_to_none=True)
            with precision:
                outputs = network(inputs)
                loss = objective.loss(outputs, targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(inputs)
            right += objective.right(outputs, targets)
            seen += len(inputs)
        entry: dict[str, float | None] = {
            "epoch": epoch,
            "loss": total / seen,
            "accuracy": right / seen,
            "validation_loss": _error(network, validation, objective, settings) if validation is not None else None,
            "learning_rate": optimizer.param_groups[0]["lr"],
        }
        history.append(entry)
        if not np.isfinite(total):
            raise UserError(f"fold {fold}: the loss is {total} in epoch {epoch}; lower the learning rate")
        if schedule:
            schedule.step(*([entry["validation_loss"]] if SCHEDULES[settings.schedule].validates else []))
        if settings.early_stopping is not None and entry["validation_loss"] < best["loss"]:
            kept = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
            best = {"epoch": epoch, "loss": entry["validation_loss"], "network": kept}
        after_epoch()
        if epoch < settings.epochs and not stopped():
            checkpoints.epoch(fold, state_now)
    checkpoints.finished(fold, state_now)
    if best["network"]:
        network.load_state_dict(best["network"])
    return history


@torch.no_grad()
def _error(network: nn.Module, validation: Feed, objective: Objective, settings: Settings) -> float:
    """Mean of the objective over the validation samples, in evaluation mode."""
    network.eval()
    total = 0.0
    for inputs, targets in validation.batches(1, settings.batch_size):
        total += objective.error(network(inputs), targets).item() * len(inputs)
    return total / len(validation)


def recompute_batch_norm(network: nn.Module, training: Feed, batch_size: int) -> None:
    """Set the statistics of batch normalisation to those of the training samples, as the trained network sees them.

    The running averages of training start at 0 and 1 and forget a tenth of that in a step. After the few steps that
    small data take, what is left of it, multiplied over sixty layers, is more than the network's answer.
    """
    from torch.optim.swa_utils import update_bn

    update_bn((inputs for inputs, _ in training.batches(1, batch_size)), network)


@torch.no_grad()
def predict(
    network: nn.Module, samples: Samples, device: torch.device, batch_size: int = 64, keep_features: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Class probabilities, float32 (n, classes), and the features before the last layer, float32 (n, d), if wanted."""
    network.to(device).eval()
    probabilities, features = [], []
    for start in range(0, max(len(samples), 1), batch_size):  # of no samples, one empty batch: it has the right shape
        images = torch.from_numpy(samples.images[start : start + batch_size]).to(device)
        values = network.features(to_float(images))
        probabilities.append(network.classifier(values).softmax(1).cpu().numpy())
        if keep_features:
            features.append(values.cpu().numpy())
    return np.concatenate(probabilities), np.concatenate(features) if keep_features else None

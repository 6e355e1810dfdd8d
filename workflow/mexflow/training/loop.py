"""The training loop: one for all papers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from mexflow.errors import UserError, choose
from mexflow.seeds import derive
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.samples import Samples

SCHEDULES = ("constant", "cosine", "plateau")


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
    label_smoothing: float = 0.0
    mixed_precision: bool = False

    @property
    def validates(self) -> bool:
        """Whether training looks at validation samples."""
        return self.early_stopping is not None or self.schedule == "plateau"


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def choose_device(name: str) -> torch.device:
    """The device that ``auto``, ``cpu`` or ``cuda`` means on this machine.

    Raises:
        UserError: if a GPU is asked for and there is none.
    """
    choose("device", name, ("auto", "cpu", "cuda"))
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda: no GPU is usable here; set training.device: auto or cpu in config.yaml")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


def make_deterministic(threads: int) -> None:
    """Fix everything that could make two runs of the same training differ."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it torch refuses to multiply on a GPU
    torch.set_num_threads(threads)
    # The same as use_deterministic_algorithms(True), which would import the compiler to tell it as well.
    torch.set_deterministic_debug_mode("error")
    torch.backends.cudnn.benchmark = False


def fit(
    network: nn.Module,
    samples: Samples,
    settings: Settings,
    seed: int,
    device: torch.device,
    *,
    fold: str,
    checkpoints: Checkpoints,
    validation: Samples | None = None,
    after_epoch: Callable[[], None] = lambda: None,
) -> list[dict[str, float | None]]:
    """Train a network with cross entropy, in place.

    Each epoch goes once over the samples in an order that is a function of (seed, epoch) alone, so training resumed
    from a checkpoint does the same steps as training that was never stopped.

    Args:
        network: maps float32 (n, ...) to logits (n, classes).
        samples: the training samples.
        validation: the samples that the schedule and early stopping look at, of subjects that are neither trained on
            nor tested; no other data is seen.
        after_epoch: called after each epoch that is trained here.

    Returns:
        One entry per epoch: `epoch` (from 1), `loss` (mean cross entropy), `accuracy` (share, in training mode),
        `validation_loss` (None without validation) and `learning_rate`. With early stopping the last entries are
        those after the best epoch.

    Raises:
        UserError: for an unknown optimiser or schedule, or a loss that is not finite.
    """
    if settings.validates and (validation is None or not len(validation)):
        raise UserError(f"fold {fold}: the schedule or early stopping needs validation samples, and there is none")
    network.to(device)
    optimizer = OPTIMIZERS[choose("optimizer", settings.optimizer, OPTIMIZERS)](
        network.parameters(), lr=settings.learning_rate, **settings.optimizer_options
    )
    schedule = _schedule(optimizer, settings)
    images, labels = torch.from_numpy(samples.images).to(device), torch.from_numpy(samples.labels).to(device)
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
        order = np.random.default_rng(derive(seed, "order", epoch)).permutation(len(samples))
        total, correct = 0.0, 0
        for start in range(0, len(order), settings.batch_size):
            batch = torch.from_numpy(order[start : start + settings.batch_size]).to(device)
            optimizer.zero_grad(set_to_none=True)
            with precision:
                logits = network(to_float(images[batch]))
                loss = nn.functional.cross_entropy(logits, labels[batch], label_smoothing=settings.label_smoothing)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            correct += int((logits.argmax(1) == labels[batch]).sum())
        entry: dict[str, float | None] = {
            "epoch": epoch,
            "loss": total / len(order),
            "accuracy": correct / len(order),
            "validation_loss": _loss(network, validation, settings, device) if validation is not None else None,
            "learning_rate": optimizer.param_groups[0]["lr"],
        }
        history.append(entry)
        if not np.isfinite(total):
            raise UserError(f"fold {fold}: the loss is {total} in epoch {epoch}; lower the learning rate")
        if settings.schedule == "plateau":
            schedule.step(entry["validation_loss"])
        elif schedule:
            schedule.step()
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


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Images as the networks get them: uint8 0..255 as float32 0..1, float32 as it is."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def _schedule(optimizer: torch.optim.Optimizer, settings: Settings) -> Any:
    choose("schedule", settings.schedule, SCHEDULES)
    if settings.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs, **settings.schedule_options)
    if settings.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **settings.schedule_options)
    return None


@torch.no_grad()
def _loss(network: nn.Module, samples: Samples, settings: Settings, device: torch.device) -> float:
    """Mean cross entropy over samples, in evaluation mode."""
    network.eval()
    total = 0.0
    for start in range(0, len(samples), settings.batch_size):
        images = torch.from_numpy(samples.images[start : start + settings.batch_size]).to(device)
        labels = torch.from_numpy(samples.labels[start : start + settings.batch_size]).to(device)
        total += nn.functional.cross_entropy(network(to_float(images)), labels, reduction="sum").item()
    return total / len(samples)


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

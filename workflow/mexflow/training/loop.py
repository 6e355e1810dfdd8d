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

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"rmsprop": torch.optim.RMSprop}


@dataclass(frozen=True)
class Settings:
    """How a network is trained; `optimizer_options` go to the optimiser as they are."""

    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    optimizer_options: dict[str, Any] = field(default_factory=dict)


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
    after_epoch: Callable[[], None] = lambda: None,
) -> list[dict[str, float]]:
    """Train a network with cross entropy, in place.

    Each epoch goes once over the samples in an order that is a function of (seed, epoch) alone, so training
    resumed from a checkpoint does the same steps as training that was never stopped.

    Args:
        network: maps float32 (n, c, h, w) to logits (n, classes).
        samples: the training samples; no other data is seen.
        after_epoch: called after each epoch that is trained here.

    Returns:
        One entry per epoch: `epoch` (from 1), `loss` (mean cross entropy), `accuracy` (share, in training mode).
    """
    network.to(device)
    choose("optimizer", settings.optimizer, OPTIMIZERS)
    optimizer = OPTIMIZERS[settings.optimizer](
        network.parameters(), lr=settings.learning_rate, **settings.optimizer_options
    )
    images, labels = torch.from_numpy(samples.images).to(device), torch.from_numpy(samples.labels).to(device)
    history: list[dict[str, float]] = []
    if state := checkpoints.load(fold):
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        history = state["history"]

    def state_now() -> dict[str, Any]:
        return {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "history": history}

    network.train()
    for epoch in range(len(history) + 1, settings.epochs + 1):
        torch.manual_seed(derive(seed, "epoch", epoch))
        order = np.random.default_rng(derive(seed, "order", epoch)).permutation(len(samples))
        total, correct = 0.0, 0
        for start in range(0, len(order), settings.batch_size):
            batch = torch.from_numpy(order[start : start + settings.batch_size]).to(device)
            optimizer.zero_grad(set_to_none=True)
            logits = network(images[batch])
            loss = nn.functional.cross_entropy(logits, labels[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            correct += int((logits.argmax(1) == labels[batch]).sum())
        history.append({"epoch": epoch, "loss": total / len(order), "accuracy": correct / len(order)})
        if not np.isfinite(total):
            raise UserError(f"fold {fold}: the loss is {total} in epoch {epoch}; lower the learning rate")
        after_epoch()
        if epoch < settings.epochs:
            checkpoints.epoch(fold, state_now)
    checkpoints.finished(fold, state_now)
    return history


@torch.no_grad()
def predict(
    network: nn.Module, samples: Samples, device: torch.device, batch_size: int = 64, keep_features: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Class probabilities, float32 (n, classes), and the features before the last layer, float32 (n, d), if wanted."""
    network.to(device).eval()
    probabilities, features = [], []
    for start in range(0, max(len(samples), 1), batch_size):  # of no samples, one empty batch: it has the right shape
        images = torch.from_numpy(samples.images[start : start + batch_size]).to(device)
        values = network.features(images)
        probabilities.append(network.classifier(values).softmax(1).cpu().numpy())
        if keep_features:
            features.append(values.cpu().numpy())
    return np.concatenate(probabilities), np.concatenate(features) if keep_features else None

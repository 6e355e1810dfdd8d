"""Checkpoints of unfinished training: a killed job goes on from its last epoch and ends at the same bits."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from mexflow.store.artifacts import Outputs


class Checkpoints:
    """States of a job's folds, saved at most every `seconds`, removed when the job is done.

    A state belongs to a `fingerprint` (settings, code and inputs); one saved under another is not used.
    """

    def __init__(self, folder: Path | None, fingerprint: str, seconds: float) -> None:
        self._folder, self._fingerprint, self._seconds = folder, fingerprint, seconds
        self._saved = time.monotonic()
        self._finished: dict[str, bytes] = {}

    def load(self, fold: str) -> dict[str, Any] | None:
        """The saved state of a fold, or None if there is none that fits."""
        if self._folder is None or not self._path(fold).is_file():
            return None
        try:
            saved = torch.load(self._path(fold), weights_only=True, map_location="cpu")
            return saved["state"] if saved["fingerprint"] == self._fingerprint else None
        except Exception:  # whatever is wrong with it, an unusable checkpoint costs time, never a result
            return None

    def epoch(self, fold: str, state: Callable[[], dict[str, Any]]) -> None:
        """Offer the state after an epoch; it is saved if the last save is long enough ago."""
        if self._due():
            self._write(fold, self._serialise(state()))
            self._flush()

    def finished(self, fold: str, state: Callable[[], dict[str, Any]]) -> None:
        """Keep the final state of a fold, to be saved with the next that is due."""
        if self._folder is not None:
            self._finished[fold] = self._serialise(state())
            if self._due():
                self._flush()

    def remove(self, folds: list[str]) -> None:
        """Remove the saved states of folds whose results are in place."""
        if self._folder is not None:
            for fold in folds:
                self._path(fold).unlink(missing_ok=True)
            for folder in (self._folder, self._folder.parent, self._folder.parent.parent):
                try:
                    folder.rmdir()
                except OSError:
                    break

    def _due(self) -> bool:
        return self._folder is not None and time.monotonic() - self._saved >= self._seconds

    def _flush(self) -> None:
        for fold, data in self._finished.items():
            self._write(fold, data)
        self._finished.clear()
        self._saved = time.monotonic()

    def _serialise(self, state: dict[str, Any]) -> bytes:
        buffer = io.BytesIO()
        torch.save({"fingerprint": self._fingerprint, "state": state}, buffer)
        return buffer.getvalue()

    def _write(self, fold: str, data: bytes) -> None:
        with Outputs() as outputs:
            outputs.bytes(self._path(fold), data)
            outputs.commit()

    def _path(self, fold: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{fold}.pt"

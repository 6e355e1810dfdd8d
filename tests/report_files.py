"""A report of a made-up analysis: a video of some seconds with expressions and a stretch without a face."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from mexflow.analysis.report import UNSEEN, Event, Report, Source

FPS = 100.0
SIDE = 48
CLASSES = ("negative", "positive", "surprise")
THRESHOLDS = {"micro": 0.5, "macro": 0.4}
PROBABILITIES = {"negative": 0.2, "positive": 0.7, "surprise": 0.1}
NOT_CLASSIFIED = "a macro-expression: the network knows micro-expressions"
REASON = "no face was found"

SPOTTER: dict[str, Any] = {
    "format": 1, "paper": "elface2021", "experiment": "samm-lv", "citation": "Made up, Spotting, 2021", 
    "kind": "videos", "limits": ["It knows two subjects."],
    "synthetic": True, "data": "embedded", "release": "1", "licence": "made up", "budget": "demo", "reading": "decided",
    "types": ["micro", "macro"], "fps": [200.0], "subjects": ["006", "007"],
    "held_out": [
        {"cell": "elface2021/T3/EL-FACE, k-th skips/SAMM-LV ME/interval_f1", "metric": "interval_f1", "measured": 0.25,
         "ci_low": 0.1, "ci_high": 0.5, "n": 4, "note": "epochs 3 of 150"},
        {"cell": "elface2021/T3/EL-FACE, k-th skips/SAMM-LV MaE/interval_f1", "metric": "interval_f1", "measured": None,
         "ci_low": None, "ci_high": None, "n": None, "note": "INCOMPLETE 0/2; no fold 006, 007"},
    ],
}  # fmt: skip
RECOGNISER: dict[str, Any] = SPOTTER | {
    "paper": "belaiche2020", "experiment": "reduced", "citation": "Made up, Recognising, 2020", "kind": "flow",
    "classes": list(CLASSES),
    "held_out": [
        {"cell": "belaiche2020/T4/Vy/3CL/accuracy", "metric": "accuracy", "measured": 61.5, "ci_low": 50.0,
         "ci_high": 70.0, "n": 120, "note": None},
    ],
}  # fmt: skip
del RECOGNISER["types"]


def event(kind: str, onset: int, offset: int, apex: int | None = None, **more: Any) -> Event:
    """An event of the video, by its frames."""
    apex_seconds = None if apex is None else apex / FPS
    return Event(kind, onset, offset, onset / FPS, offset / FPS, apex, apex_seconds, **more)


def face(seed: int = 0, shift: int = 0, colour: bool = False) -> np.ndarray:
    """A textured picture in place of an aligned face, uint8 (SIDE, SIDE) or (SIDE, SIDE, 3)."""
    shape = (SIDE, SIDE, 3) if colour else (SIDE, SIDE)
    smooth = gaussian_filter(np.random.default_rng(seed).normal(size=shape), (3, 3, 0)[: len(shape)])
    return np.roll((255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8), shift, axis=0)


def report(length: int = 600, name: str = "video 1.mp4", colour: bool = False, **changed: Any) -> Report:
    """Two expressions and a stretch without a face, at fixed frames below 600; `changed` replaces fields."""
    events = (
        event("micro", 100, 130, 112, score=0.9, label="positive", probabilities=PROBABILITIES),
        event("macro", 200, 320, 260, score=0.8, not_classified=NOT_CLASSIFIED),
        event(UNSEEN, 400, 450, reason=REASON),
    )
    at = np.arange(length)
    scores = {
        kind: (0.1 + peak * np.exp(-(((at - middle) / wide) ** 2))).astype(np.float32)
        for kind, peak, middle, wide in (("micro", 0.8, 112, 12), ("macro", 0.7, 260, 50))
    }
    for of_type in scores.values():
        of_type[400:451] = np.nan
    shown = {frame for one in events[:2] for frame in (one.onset, one.apex, one.offset)}
    moved = np.zeros((2, SIDE, SIDE), np.float32)
    moved[1, 10:20, 10:30] = -1.5
    made = Report(
        source=Source(f"/somewhere/{name}", name, "0" * 64, length, 64, 48, FPS, False, ("One frame was repeated.",)),
        events=events,
        seconds=at / FPS,
        frames=at,
        scores=scores,
        thresholds=THRESHOLDS,
        spotter=SPOTTER,
        recogniser=RECOGNISER,
        faces={frame: face(shift=frame % 5, colour=colour) for frame in shown},
        flows={0: moved, 1: 2 * moved},
    )
    return replace(made, **changed)

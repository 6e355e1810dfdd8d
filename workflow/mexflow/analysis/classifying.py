"""The class of each expression of a video, by a network that recognises: fed as the workflow feeds it, by its loader.

What the network needs of a clip (flow from onset to apex, a residual sum, frames) is made into arrays with tables, as
the workflow keeps them, in a folder that goes away; the loader of its kind of input takes them from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from mexflow.analysis.followed import DATASET, SUBJECT, VIDEO, Faces
from mexflow.errors import UserError
from mexflow.papers.recipe import Recipe
from mexflow.preprocess import flow, residual
from mexflow.preprocess.boxes import SIZE, box_matrix, boxed
from mexflow.preprocess.pairs import PAIRS
from mexflow.preprocess.scaling import scaled
from mexflow.preprocess.table_schemas import FLOW, RESIDUAL
from mexflow.preprocess.video_files import VideoFile
from mexflow.store.artifacts import Inputs, Outputs
from mexflow.store.paths import table_of
from mexflow.training.loop import predict
from mexflow.training.recognition.loaders import load

_BATCH = 16


@dataclass(frozen=True)
class Clip:
    """An expression: numbers of its frames."""

    onset: int
    apex: int
    offset: int


@dataclass(frozen=True)
class Material:
    """What inputs are made of: the video, its faces, the folder for arrays, and the card's `preprocess`."""

    video: VideoFile
    faces: Faces
    folder: Path
    preprocess: Mapping[str, Any]


def classify(
    recipe: Recipe, network: torch.nn.Module, material: Material, clips: Sequence[Clip]
) -> list[dict[str, float] | str]:
    """The probabilities of each clip by class, or why there are none."""
    if not clips:
        return []
    rows = [
        {
            "dataset": DATASET,
            "subject": SUBJECT,
            "video": VIDEO,
            "clip": f"{number:06d}",
            recipe.label: recipe.classes[0],  # what a loader asks for; nothing is made of it
            "onset": clip.onset,
            "apex": clip.apex,
            "offset": clip.offset,
        }
        for number, clip in enumerate(clips)
    ]
    array, reasons = INPUTS[recipe.kind](recipe, material, rows)
    kept = [row for row in rows if row["clip"] not in reasons]
    samples, left_out = load(recipe, Inputs(), [array], kept)
    by_clip: dict[str, dict[str, float]] = {}
    if len(samples):
        probabilities, _ = predict(network, samples, torch.device("cpu"), _BATCH)
        by_clip = {
            clip["clip"]: dict(zip(recipe.classes, map(float, values), strict=True))
            for clip, values in zip(samples.clips, probabilities, strict=True)
        }
    for row in kept:
        if row["clip"] not in by_clip:
            reasons[row["clip"]] = next(line.partition(": ")[2] for line in left_out if f" {row['clip']}" in line)
    return [by_clip.get(row["clip"]) or reasons[row["clip"]] for row in rows]


def refuse_unusable(card: Mapping[str, Any], name: object) -> None:
    """Refuse a network whose input cannot be made of a video.

    Raises:
        UserError: naming it.
    """
    kind, recipe = card["kind"], card["recipe"]
    if kind not in INPUTS:
        raise UserError(f"{name}: a network of {kind} does not recognise in a video; use one of {', '.join(INPUTS)}")
    if kind == "flow" and len(recipe["test_pairs"]) != 1:
        raise UserError(f"{name}: needs {len(recipe['test_pairs'])} pairs of frames a clip; one with one is used")


def _flow(recipe: Any, material: Material, rows: list[dict[str, Any]]) -> tuple[Path, dict[str, str]]:
    settings, (pair,) = material.preprocess["flow"], recipe.test_pairs
    video, path = material.faces.video, material.folder / "flow.npy"
    size, options = settings["size"], settings["options"]
    listed = []
    for row in rows:
        ((first, second),) = PAIRS[pair](row, video.numbers)
        reason = video.why_not((first, second))
        listed.append({**row, "pair": pair, "first_frame": first, "second_frame": second, "excluded": reason})
    with Outputs() as outputs:
        with outputs.array(path, (len(rows), 2, size, size), np.float32) as append:
            for row in listed:
                field = np.zeros((1, 2, size, size), np.float32)
                if row["excluded"] is None:
                    ends = scaled(material.faces.table[VIDEO, [row["first_frame"], row["second_frame"]]], size)
                    field = flow.compute(settings["method"], ends[:1], ends[1:], **options)
                append(field)
        outputs.table(table_of(path), pa.Table.from_pylist(listed, schema=FLOW))
        outputs.commit()
    return path, {row["clip"]: row["excluded"] for row in listed if row["excluded"]}


def _residual(recipe: Any, material: Material, rows: list[dict[str, Any]]) -> tuple[Path, dict[str, str]]:
    settings = material.preprocess["residual"]
    kind = residual.Kind.parse(settings["image"])
    video, path = material.faces.video, material.folder / "residual.npy"
    ends = [(row["onset"], residual.clip_end(row["onset"], row["apex"], row["offset"])) for row in rows]
    wanted = [residual.wanted_frames([kind], *pair) for pair in ends]
    reasons = {
        row["clip"]: reason for row, frames in zip(rows, wanted, strict=True) if (reason := video.why_not(frames))
    }
    details = material.faces.details({frame for frames in wanted for frame in frames}, ("landmarks",))
    matrices = {
        number: box_matrix(np.array(details[start]["landmarks"]).reshape(68, 2), settings["margin"])
        for number, (start, _) in enumerate(ends)
        if rows[number]["clip"] not in reasons
    }
    # One pass through the video for all clips; each waits with its boxed faces, not with whole frames.
    users: dict[int, list[int]] = {}
    for number in matrices:
        for frame in wanted[number]:
            users.setdefault(video.position(frame), []).append(number)
    faces: dict[int, dict[int, np.ndarray]] = {number: {} for number in matrices}
    images: dict[int, np.ndarray] = {}
    numbers = video.numbers
    for position, frame in material.video.some(sorted(users)):
        for number in users[position]:
            faces[number][numbers[position]] = boxed(frame.image, matrices[number])
            if len(faces[number]) == len(wanted[number]):
                images[number] = residual.image_of(kind, faces.pop(number), *ends[number])
    table = [
        {**row, "start": start, "end": end, "excluded": reasons.get(row["clip"])}
        for row, (start, end) in zip(rows, ends, strict=True)
    ]
    with Outputs() as outputs:
        with outputs.array(path, (len(rows), SIZE, SIZE, 3), np.uint8) as append:
            for number in range(len(rows)):
                append(images.get(number, np.zeros((SIZE, SIZE, 3), np.uint8))[None])
        outputs.table(table_of(path), pa.Table.from_pylist(table, schema=RESIDUAL))
        outputs.commit()
    return path, reasons


def _frames(recipe: Any, material: Material, rows: list[dict[str, Any]]) -> tuple[Path, dict[str, str]]:
    return material.faces.path, {}


INPUTS: dict[str, Callable[[Any, Material, list[dict[str, Any]]], tuple[Path, dict[str, str]]]] = {
    "flow": _flow,
    "residual": _residual,
    "frames": _frames,
}
"""By kind of input what makes it: the array that its loader reads, and by clip why one is left out."""

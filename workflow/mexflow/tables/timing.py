"""The time to classify a clip: flow and network, one clip at a time, as the paper states it.

Times differ from run to run and from machine to machine. They stand in tables of their own, and each row names the
hardware.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from mexflow.datasets.subjects import with_clips
from mexflow.errors import UserError
from mexflow.evaluation.folds import usable
from mexflow.papers.paper import Paper
from mexflow.preprocess import flow
from mexflow.preprocess.aligned import AlignedFaces, VideoKey, video_key
from mexflow.preprocess.pairs import PAIRS
from mexflow.preprocess.scaling import scaled
from mexflow.store.artifacts import Inputs
from mexflow.tables.cell_lines import INTERVAL
from mexflow.tables.cells import SCHEMA
from mexflow.tables.markdown import NOTHING, escape, pipe_table
from mexflow.training.recognition.channels import CHANNELS

Pair = tuple[np.ndarray, np.ndarray]


def pairs_of_faces(
    inputs: Inputs, folder: Path, rows: Sequence[dict[str, Any]], paper: Paper, wanted: int
) -> list[Pair]:
    """The two aligned faces, uint8 (h, w, c), of `wanted` test clips spread over all clips (fewer if there are fewer).

    Args:
        folder: that of the aligned faces, ``<dataset>/<subject>.npy``, each with its table.
        rows: of the index of the timed experiment's data.

    Raises:
        UserError: if no clip has both faces.
    """
    assert paper.timing is not None
    label = paper.data_of(paper.timing.experiment).label
    clips: dict[VideoKey, dict[str, Any]] = {video_key(row): row for row in rows if usable(row, label)}
    pairs: list[Pair] = []
    for dataset, subject in with_clips(rows):
        aligned = AlignedFaces(inputs, folder / dataset / f"{subject}.npy")
        for (of_dataset, of_subject, name), clip in clips.items():
            ((first, second),) = PAIRS[paper.test_pairs[0]](clip, ())
            whose = (of_dataset, of_subject) == (aligned.dataset, aligned.subject)
            if whose and aligned.video(name).why_not((first, second)) is None:
                pairs.append((aligned[name, first], aligned[name, second]))
    if not pairs:
        raise UserError(f"{paper.paper}: no clip with aligned faces to time; see the logs of faces")
    step = max(1, len(pairs) // wanted)
    return pairs[::step][:wanted]


@torch.no_grad()
def measure(
    paper: Paper, network: nn.Module, pairs: Sequence[Pair], channels: Sequence[str], device: torch.device
) -> dict[str, np.ndarray]:
    """Milliseconds of each clip: `flow` (scaling to 64 x 64 and flow), `network` (one image), `total`.

    The first clip is done twice and its first time thrown away: it pays for what is set up once.
    """
    assert paper.timing is not None
    wanted = paper.flow_of(paper.timing.experiment)
    shown = [CHANNELS[name] for name in channels]
    times: dict[str, list[float]] = {"flow": [], "network": []}
    for first, second in [pairs[0], *pairs]:
        start = time.perf_counter()
        ends = [scaled(face[None], wanted.size) for face in (first, second)]
        field = flow.compute(wanted.method, *ends, **wanted.options)[0]
        image = np.stack([channel(field) for channel in shown])[None]
        middle = time.perf_counter()
        network(torch.from_numpy(image).to(device)).argmax(1).cpu()
        end = time.perf_counter()
        times["flow"].append((middle - start) * 1e3)
        times["network"].append((end - middle) * 1e3)
    result = {name: np.array(values[1:]) for name, values in times.items()}
    return {**result, "total": result["flow"] + result["network"]}


def hardware(device: torch.device) -> str:
    """The device's name: the GPU's, or the processor's with one thread."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    return f"{name}, one thread"


def table(
    paper: Paper, times: dict[str, np.ndarray], device: torch.device, data: str, budget: str, reading: str = "decided"
) -> pa.Table:
    """The times as cells (see `cells.SCHEMA`): each the median over clips, with its 95 % bootstrap interval."""
    assert paper.timing is not None
    note = f"median of clips one at a time on {hardware(device)}; published on {paper.timing.hardware}: other hardware"
    rows = []
    for name, values in times.items():
        generator = np.random.default_rng(0)
        medians = np.median(generator.choice(values, (2000, len(values))), axis=1)
        low, high = np.percentile(medians, (2.5, 97.5))
        rows.append(
            {
                "cell": f"{paper.paper}/timing/{paper.timing.experiment}/{name}/milliseconds",
                "table": "timing",
                "row": paper.timing.experiment,
                "column": name,
                "metric": "milliseconds",
                "published": paper.timing.published.get(name),
                "measured": float(np.median(values)),
                "ci_low": float(low),
                "ci_high": float(high),
                "n": len(values),
                "data": data,
                "budget": budget,
                "reading": reading,
                "note": note,
            }
        )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def markdown(paper: Paper, cells: pa.Table) -> str:
    """The times as a Markdown table."""
    rows = cells.to_pylist()
    first = rows[0]
    lines = [
        [
            row["column"],
            NOTHING if row["published"] is None else f"{row['published']:g}",
            f"{row['measured']:.2f}",
            f"{row['ci_low']:.2f}–{row['ci_high']:.2f}",
        ]
        for row in rows
    ]
    parts = [
        f"# {paper.paper}: time to classify a clip",
        f"Data: {escape(first['data'])} · budget of the network's training: {first['budget']} · reading: "
        f"{first['reading']}",
        pipe_table(["step", "published, ms", "measured, ms", INTERVAL], lines, 1),
        f"Network {escape(first['row'])}, from two aligned faces in memory to the class, {first['n']} clips: "
        f"{escape(first['note'])}. {INTERVAL}: bootstrap over clips. Measured times change from run to run.",
    ]
    return "\n\n".join(parts) + "\n"

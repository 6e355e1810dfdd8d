"""Files of what was spotted, for tests: scores, thresholds and intervals of a few made-up subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mexflow.evaluation import scores
from mexflow.evaluation.intervals import match

EXPERIMENT, DATASET, VARIANT = "samm-lv", "samm_lv", "k-th"
LENGTH = 400
SUBJECTS = ("1", "2", "3")
# What is true, and what a perfect, a shifted or an idle method spots, by (subject, type).
TRUTH = {
    ("1", "micro"): [(50, 62)],
    ("1", "macro"): [(100, 180), (250, 330)],
    ("2", "micro"): [],
    ("2", "macro"): [(20, 100)],
    ("3", "micro"): [(300, 312), (350, 362)],
    ("3", "macro"): [],
}
SPOTTED = {
    ("1", "micro"): [(52, 64), (200, 240)],
    ("1", "macro"): [(110, 190)],
    ("2", "micro"): [(5, 9)],
    ("2", "macro"): [(20, 100), (200, 210), (300, 310)],
    ("3", "micro"): [(300, 305)],
    ("3", "macro"): [(1, 30)],
}


def write(root: Path, spotted: dict, variant: str = VARIANT, subjects=SUBJECTS, experiment: str = EXPERIMENT) -> None:
    """A fold a subject: intervals, thresholds, scores of the test video and of a training video."""
    for subject in subjects:
        folder = root / "elface2021" / experiment / subject
        folder.mkdir(parents=True, exist_ok=True)
        rows, batches, thresholds = [], [], []
        names = {"fold": subject, "dataset": DATASET, "variant": variant}
        frames = np.arange(1, LENGTH + 1)
        marks = {kind: np.zeros(LENGTH, bool) for kind in ("micro", "macro")}
        for kind in ("micro", "macro"):
            truth, found = TRUTH[subject, kind], spotted[subject, kind]
            pairs = match(found, truth)
            for first, last in truth:
                marks[kind][first - 1 : last] = True
            for source, own, place in (("predicted", found, 0), ("truth", truth, 1)):
                rows += [
                    {**names, "subject": subject, "video": f"{subject}_1", "type": kind, "source": source,
                     "first": first, "last": last, "matched": number in {pair[place] for pair in pairs}}
                    for number, (first, last) in enumerate(own)
                ]  # fmt: skip
            limits = {"threshold": 0.5, "normalised_threshold": 0.6, "raw_threshold": 0.7}
            thresholds.append({**names, "type": kind, **limits, "youden": 0.1, "frames": 1, "subjects": ["0"]})
        values = np.random.default_rng(int(subject)).uniform(0, 1, (LENGTH, 2)).astype(np.float32)
        values += 0.3 * np.stack([marks["micro"], marks["macro"]], 1).astype(np.float32)
        for role, owner in (("train", "0"), ("test", subject)):
            texts = {**names, "role": role, "subject": owner, "video": f"{owner}_1"}
            own = values if role == "test" else 1 - values
            truth = np.stack([marks["micro"], marks["macro"]], 1)
            batches += scores.rows(texts, frames, ("micro", "macro"), own, truth)
        write_rows(folder, "intervals", rows, scores.INTERVALS)
        write_rows(folder, "thresholds", thresholds, scores.THRESHOLDS)
        table = pa.Table.from_batches(batches, scores.SCORES).unify_dictionaries()
        write_rows(folder, "scores", table.to_pylist(), scores.SCORES)


def index_rows() -> list[dict]:
    """Rows of an index that annotates :data:`TRUTH`: k is 6 for micro- and 40 for macro-expressions."""
    return [
        {"dataset": DATASET, "subject": subject, "video": f"{subject}_1", "clip": f"{subject}_{kind}_{i}", "type": kind,
         "onset": a, "apex": None, "offset": b, "repairs": [], "excluded": None}
        for (subject, kind), own in TRUTH.items()
        for i, (a, b) in enumerate(own)
    ]  # fmt: skip


def write_rows(folder: Path, name: str, rows: list[dict], schema: pa.Schema) -> None:
    """Add rows to a table of a fold, which may already have those of another variant."""
    path = folder / f"{name}.parquet"
    known = pq.read_table(path).to_pylist() if path.is_file() else []
    kept = [{key: value for key, value in row.items() if key in schema.names} for row in rows]
    pq.write_table(pa.Table.from_pylist(known + kept, schema), path)

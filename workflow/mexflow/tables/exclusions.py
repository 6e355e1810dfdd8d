"""Clips that are left out of a paper's numbers, and why: what the index and the tables beside arrays say of them.

They belong to the experiments that read these arrays: a clip without LBP-TOP features may well have flow.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mexflow.datasets.subjects import with_clips
from mexflow.papers.paper import Paper
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results, table_of

Key = tuple[str, str, str]
"""Dataset, subject and clip."""


def clip_key(row: Mapping[str, str]) -> Key:
    """What tells clips apart in every table: dataset, subject and clip.

    A composite index calls a subject ``casme2/01`` that its dataset calls ``01``; the key has the latter.
    """
    return row["dataset"], row["subject"].rpartition("/")[2], row["clip"]


def of_experiments(
    paper: Paper,
    experiments: Iterable[str],
    places: Results,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    inputs: Inputs,
    partial: bool = False,
) -> dict[str, dict[Key, str]]:
    """Clips that are left out of each experiment, and why, by its name: of its index and the arrays that it reads.

    Args:
        paper: the paper.
        experiments: names of experiments and null controls.
        places: the results.
        rows: the rows of the index, by the name of the paper's data.
        inputs: reads the tables beside the arrays of each subject with a usable clip.
        partial: whether a table may be missing, as after a run that failed.

    Raises:
        UserError: if a table cannot be read.
    """
    alike: dict[tuple[str, str], dict[Key, str]] = {}
    excluded: dict[str, dict[Key, str]] = {}
    for name in experiments:
        data, folder = paper.data_name(name), paper.reads(name)[0]
        if (data, folder) not in alike:
            paths = sorted(map(table_of, places.arrays(folder, with_clips(rows[data]))))
            tables = (inputs.table(path) for path in paths if path.is_file() or not partial)
            alike[data, folder] = exclusions(rows[data], paper.data[data].label, tables, paper.test_pairs)
        excluded[name] = alike[data, folder]
    return excluded


def exclusions(
    rows: Sequence[Mapping[str, Any]], label: str, tables: Iterable[pa.Table] = (), wanted: Sequence[str] = ()
) -> dict[Key, str]:
    """Clips with a label that are left out, and why.

    Args:
        rows: the rows of the index.
        label: the label column; clips without a label are no clips of the paper.
        tables: the tables beside the arrays that were read: a row a clip, a pair of frames or a frame, with a column
            `excluded`.
        wanted: the names of the frame pairs that a test clip needs.
    """
    excluded: dict[Key, str] = {}
    of_video: dict[Key, list[Key]] = defaultdict(list)
    for row in rows:
        if row[label] is not None:
            key = clip_key(row)
            of_video[(*key[:2], row["video"])].append(key)
            if row["excluded"] is not None:
                excluded[key] = row["excluded"]
    clips = {key for keys in of_video.values() for key in keys}
    for table in tables:
        wished = ("dataset", "subject", "video", "clip", "pair", "excluded")
        names = [name for name in wished if name in table.column_names]
        # Most tables exclude nothing; those of frames are long.
        some = table.select(names).filter(pc.is_valid(table["excluded"]))
        for row in some.to_pylist():
            if "clip" not in row:
                keys = of_video[row["dataset"], row["subject"], row["video"]]
            elif clip_key(row) in clips and (row.get("pair") in wanted or "pair" not in row):
                keys = [clip_key(row)]
            else:
                keys = []
            for key in keys:
                excluded.setdefault(key, row["excluded"])
    return excluded


def count_reasons(excluded: Mapping[Key, str]) -> dict[str, int]:
    """How many clips are left out for each reason, by the code that begins it, sorted."""
    return dict(sorted(Counter(reason.partition(":")[0].strip() for reason in excluded.values()).items()))

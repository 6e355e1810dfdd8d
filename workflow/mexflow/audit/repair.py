"""Put a changed artifact right: made again from its recorded command, it takes its place if the bytes are the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mexflow.audit.graph import Graph
from mexflow.audit.reproduce import reproduce
from mexflow.errors import UserError
from mexflow.store.artifacts import Outputs, hash_path


def repair(graph: Graph, path: str) -> Iterator[str]:
    """Make a file or folder again if it is not what its record states, and before it whatever it was made from.

    Its time of change stays, or is that of its record where it was gone: nothing that was made from it is outdated.

    Yields:
        Each artifact that was made again, nearest to the raw frames first.

    Raises:
        UserError: if no job made it, or it comes out with other bytes.
    """
    if path not in graph.maker:
        raise UserError(f"{path}: no job of this run made it, so it cannot be made again; restore it")
    record = graph.records[graph.maker[path]]
    if _is_whole(path, record.outputs[path]["sha256"]):
        return
    for parent in record.inputs:
        if parent in graph.maker:
            yield from repair(graph, parent)
    old = Path(path) if Path(path).exists() else Path(record.path)
    status = old.stat()
    with tempfile.TemporaryDirectory(prefix="mexflow-") as scratch:
        outcome = reproduce(graph, path, Path(scratch))
        if not outcome.same:
            raise UserError(
                f"{path}: made again it has other bytes ({'; '.join(outcome.differences)}); put that right, or "
                "delete it and run again"
            )
        with Outputs() as outputs:
            _place(outputs, path, Path(scratch) / path)
            outputs.commit()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    yield path


def _place(outputs: Outputs, path: str, source: Path) -> None:
    if not source.is_dir():
        return outputs.copy(path, source)
    with outputs.directory(path) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        # Snakemake's own, which tells it when the folder was made.
        for hidden in Path(path).glob(".*"):
            shutil.copy2(hidden, folder)


def _is_whole(path: str, sha256: str) -> bool:
    try:
        return hash_path(Path(path)).sha256 == sha256
    except UserError:
        return False

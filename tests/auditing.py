"""How tests audit a copy of a finished run."""

from __future__ import annotations

from pathlib import Path

from mexflow.audit.graph import Graph, load
from mexflow.audit.verify import Finding, ended, verify
from mexflow.errors import UserError
from project import run

CELL = "mini/A/CNN/accuracy/accuracy"


def failures(graph: Graph | None = None, raw: bool = False) -> list[Finding]:
    """What fails of all that the records name, as `mexflow verify --all` finds it in the folder that is worked in."""
    lock = Path("envs/requirements.lock")
    try:
        graph = graph or load()
        said, found = ended(Path("results"))
        return [one for one in [*found, *verify(graph, graph.artifacts, lock, said, raw)] if one.wrong]
    except UserError as error:  # one line, which names the file
        return [Finding("unreadable", str(error).partition(":")[0], str(error))]


def command(folder: Path, *arguments: str):
    """Run ``python -m mexflow`` in a copy of the project, with the copy's package."""
    return run("python", "-m", "mexflow", *arguments, cwd=folder, package=folder / "workflow")

"""The provenance record of a job, and the frame in which every job runs.

:class:`Job` holds a job's inputs, outputs and what it knows of itself. On success the outputs and,
last, the record are renamed into place; on failure nothing is left. What is stated and what was
only observed (times, host, attempt) stand apart, so that records of equal work can be compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mexflow import imports
from mexflow.store import digest
from mexflow.store import unchanged as written
from mexflow.store.artifacts import Digest, Inputs, Outputs, hash_bytes

FORMAT = 2
MADE_AGAIN: set[str] = set()
"""Inputs that had been changed, and that this process had made again before it read them."""
_PROJECT = Path(__file__).resolve().parents[3]
LIBRARIES = {
    "numpy": "numpy", "pandas": "pandas", "pyarrow": "pyarrow", "torch": "torch", "scipy": "scipy",
    "cv2": "opencv-contrib-python-headless", "dlib": "dlib-bin", "sklearn": "scikit-learn",
    "skimage": "scikit-image", "matplotlib": "matplotlib", "openpyxl": "openpyxl", "pydantic": "pydantic",
}  # fmt: skip
"""Libraries whose versions a record states: their modules, and their names as distributions."""


class Job:
    """One job: reads through `inputs`, writes through `outputs`, ends with a record.

    Use as a context manager around the whole work of a command; :meth:`finish` ends it well.
    """

    def __init__(self, record: Path | None, *modules: str, **facts: Any) -> None:
        """
        Args:
            modules: the command's own, and the modules and entries (``module:name``) that it picks by name.
            facts: what the record says besides.
        """
        imports.arrow()
        self.inputs, self.outputs = Inputs(written.check), Outputs()
        self.facts: dict[str, Any] = facts
        self._observed: dict[str, Any] = {}
        self._modules, self._record = modules, record
        self._started = datetime.now(UTC)
        # Taken at the start: the code that runs is the code as it was imported, not as it may be edited meanwhile.
        self.code_digest = digest.code_digest(self._modules)
        self._sources = {name: digest.module_digest(name) for name in digest.closure(self._modules)}

    def __enter__(self) -> Job:
        self.outputs.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.outputs.__exit__(*exc)

    def state(self, **facts: Any) -> None:
        """Add facts to the record."""
        self.facts.update(facts)

    def observe(self, **facts: Any) -> None:
        """Add facts to what the record says was only observed: what the results do not depend on."""
        self._observed.update(facts)

    def finish(self) -> None:
        """Rename the outputs into place, then the record.

        Raises:
            UserError: if anything cannot be written.
            RuntimeError: if a module ran, or an entry of a registry was picked, that the code digest does not cover
                (a bug of ours).
        """
        if stray := digest.unaccounted(self._modules):
            raise RuntimeError(f"modules ran that the code digest does not cover: {', '.join(stray)}")
        if stray := digest.unpicked(self._modules):
            raise RuntimeError(f"entries were picked that the code digest does not cover: {', '.join(stray)}")
        if self._record is not None:
            described = {path: digest_.as_dict() for path, digest_ in sorted(self.outputs.digests.items())}
            self.outputs.json(self._record, self._as_dict(described))
        self.outputs.commit()

    def _as_dict(self, outputs: dict[str, Any]) -> dict[str, Any]:
        lock = _PROJECT / "envs" / "requirements.lock"
        return {
            "format": FORMAT,
            "job": _job_name(self._record),
            "rule": os.environ.get("MEXFLOW_RULE"),
            "command": shlex.join(["python", "-m", "mexflow", *sys.argv[1:]]),
            "inputs": {path: d.as_dict() for path, d in sorted(self.inputs.digests.items())},
            "outputs": outputs,
            "code": {
                "digest": self.code_digest,
                "chosen": list(self._modules),
                "modules": self._sources,
                **git_state(),
            },
            "lock_digest": hash_bytes(lock.read_bytes()).sha256 if lock.is_file() else None,
            "versions": {"python": platform.python_version(), **_versions()},
            **self.facts,
            "observed": {
                "started": self._started.isoformat(timespec="milliseconds"),
                "ended": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "host": platform.node(),
                "machine": platform.machine(),
                "attempt": int(os.environ.get("MEXFLOW_ATTEMPT", "1")),
                **({"made_again": sorted(MADE_AGAIN)} if MADE_AGAIN else {}),
                **self._observed,
            },
        }


def _job_name(record: Path | None) -> str | None:
    """The record's path from ``records/`` on, without its ending."""
    if record is None:
        return None
    parts = record.with_suffix("").parts
    return "/".join(parts[parts.index("records") + 1 :]) if "records" in parts else record.stem


def _versions() -> dict[str, str]:
    """Versions of the pinned libraries that this process has loaded."""
    return {name: metadata.version(name) for module, name in LIBRARIES.items() if module in sys.modules}


def git_state() -> dict[str, Any]:
    """Commit and dirty flag of the project, both null outside a git checkout and before its first commit.

    Snakemake's parent process passes them down, so that a job need not start git.
    """
    if "MEXFLOW_GIT" in os.environ:
        commit, _, dirty = os.environ["MEXFLOW_GIT"].rpartition(" ")
        return {"git_commit": commit or None, "git_dirty": dirty == "dirty" if commit else None}
    try:
        result = subprocess.run(
            ["git", "-C", str(_PROJECT), "status", "--porcelain=v2", "--branch", "--untracked-files=no"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {"git_commit": None, "git_dirty": None}
    lines = result.stdout.splitlines()
    commit = next((line.split()[2] for line in lines if line.startswith("# branch.oid")), "(initial)")
    if commit == "(initial)":  # nothing is committed yet
        return {"git_commit": None, "git_dirty": None}
    return {"git_commit": commit, "git_dirty": any(not line.startswith("#") for line in lines)}


def git_variable() -> str:
    """The git state as the text of ``MEXFLOW_GIT``."""
    state = git_state()
    return f"{state['git_commit'] or ''} {'dirty' if state['git_dirty'] else 'clean'}".strip()


def hand_down_git_state() -> None:
    """Tell the processes that this one starts the git state, so that none of them asks git again."""
    os.environ.setdefault("MEXFLOW_GIT", git_variable())


def canonical_digest(value: Any) -> Digest:
    """Digest of a JSON-able value in a canonical form (sorted keys, no spaces)."""
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


def load(path: Path) -> dict[str, Any]:
    """A record as a dictionary.

    Raises:
        UserError: if it cannot be read or is not JSON.
    """
    return Inputs().json(path)

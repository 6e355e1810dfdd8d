"""What the project replaces or uses inside Snakemake and its SLURM plugin, each with the reason and the versions.

Nobody promised that these names stay. On the versions they were made for they are taken as they are, and a test holds
the installed version against the table. On any other version one line warns, and what is not there any more, or takes
other parameters, is left alone: Snakemake then does what it does by itself.

Imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

SNAKEMAKE, SLURM = "snakemake", "snakemake-executor-plugin-slurm"


@dataclass(frozen=True)
class Wrap:
    """Names of another project that belong to one purpose.

    Attributes:
        distribution: the package that has them.
        versions: the versions of it that this was made for and tested with.
        without: what happens where it is left out, as the end of a sentence.
        names: ``module:name`` of each with its parameters, separated by blanks; none where it is no function. The first
            is the one that is replaced.
    """

    distribution: str
    versions: tuple[str, ...]
    without: str
    names: Mapping[str, str]

    @property
    def replaced(self) -> str:
        """The name that is replaced."""
        return next(iter(self.names))


WRAPS = {
    # Snakemake has no hook before it builds its DAG, and none at the end of a run that has nothing to do. A command
    # that runs before it knows neither the executor nor the targets, for profiles and the environment set them too.
    "start": Wrap(
        SNAKEMAKE,
        ("9.27.1",),
        "jobs of a Snakemake that was killed are not waited for, and a lack of SLURM or of data is not told at once",
        {
            "snakemake.dag:DAG.init": "self progress",
            "snakemake.dag:DAG.needrun_jobs": "self exclude_finished",
            "snakemake.workflow:Workflow.executor_plugin": "",
            "snakemake.workflow:Workflow.dryrun": "",
            "snakemake.workflow:Workflow.dag_settings": "",
            "snakemake.workflow:Workflow.execution_settings": "",
            "snakemake.workflow:Workflow.logger_manager": "",
            "snakemake.workflow:Workflow._onsuccess": "",
            "snakemake.settings.types:DAGSettings.targets": "",
            "snakemake.settings.types:ExecutionSettings.no_hooks": "",
            "snakemake.logging:LoggerManager.get_logfile": "self",
        },
    ),
    # Whether a job that ended unseen is still the job that is wanted can be told only where its command is known, which
    # is in the DAG. None of Snakemake's switches does it: `--ignore-incomplete` would keep what was half done, and
    # `--cleanup-metadata` would keep results for ever that other settings have to make again. `--touch` makes the note,
    # but with times of now, so that all that was made from the result is made again; and to know what to touch, the DAG
    # would be built twice.
    "unseen": Wrap(
        SNAKEMAKE,
        ("9.27.1",),
        "what ended after Snakemake was killed is made again, or on a cluster kept though its settings have changed",
        {
            "snakemake.dag:DAG.check_incomplete": "self",
            "snakemake.dag:DAG.jobs": "",
            "snakemake.dag:DAG.update_jobids": "self",
            "snakemake.dag:DAG.forcefiles": "",
            "snakemake.dag:DAG.ignore_incomplete": "",
            "snakemake.workflow:Workflow.persistence": "",
            "snakemake.workflow:Workflow.rerun_triggers": "",
            "snakemake.persistence:PersistenceBase.incomplete": "self job",
            "snakemake.persistence:PersistenceBase.finished": "self job",
            "snakemake.persistence:PersistenceBase.metadata": "self target",
            "snakemake.persistence:MetadataRecord.endtime": "",
            "snakemake.settings.types:RerunTrigger.PARAMS": "",
            "snakemake.jobs:Job.shellcmd": "",
        },
    ),
    # No switch: a limit cannot be none, and one of many seconds keeps Snakemake from ending for as long.
    "pace": Wrap(
        SNAKEMAKE,
        ("9.27.1",),
        "Snakemake looks through all waiting jobs ever more often, which takes a quarter of a processor",
        {
            "snakemake.scheduling.job_scheduler:JobScheduler.job_rate_limiter": "",
            "snakemake.workflow:Workflow.scheduler": "",
            "snakemake.workflow:Workflow.local_exec": "",
        },
    ),
    # A rule says which group it is in, but how many of a group make a job can be said on the command line only.
    "groups": Wrap(
        SNAKEMAKE,
        ("9.27.1",),
        "`preprocess.subjects_per_job` counts only as `--group-components subjects=N`",
        {
            "snakemake.settings.types:GroupSettings.group_components": "",
            "snakemake.workflow:Workflow.group_settings": "",
        },
    ),
    # What a message of Snakemake looks like is not part of what it tells a logger plugin.
    "screen": Wrap(
        SNAKEMAKE,
        ("9.27.1",),
        "progress is shown as Snakemake shows it, without a line for each paper and stage",
        {
            "snakemake.logging:ColorizingTextHandler": "nocolor stream formatter filter",
            "snakemake.logging:DefaultFilter": "quiet debug_dag verbose dryrun printshellcmds",
            "snakemake.logging:DefaultFormatter": "quiet show_failed_logs",
            "snakemake.logging:is_quiet_about": "quiet msg_type",
        },
    ),
    # No switch: the plugin always has a job's Snakemake start a second one with srun, which is for programs of several
    # tasks. No rule has such a program.
    "srun": Wrap(
        SLURM,
        ("2.8.0",),
        "each job starts two Snakemakes, one below the other, which takes seconds and memory",
        {"snakemake_executor_plugin_slurm:Executor.additional_general_args": "self"},
    ),
}
"""Each wrap by its purpose."""


def replace(purpose: str, make: Callable[[Any], Any]) -> None:
    """Put what `make` makes of the name that is replaced in its place; on a version where that is another, nothing."""
    if fits(purpose):
        owner, name = _owner(WRAPS[purpose].replaced)
        setattr(owner, name, make(getattr(owner, name)))


def fits(purpose: str) -> bool:
    """Whether the installed version has what a wrap needs; another version than it was made for is told, once."""
    wrap = WRAPS[purpose]
    return _version(wrap.distribution) in wrap.versions or purpose not in _lacking(wrap.distribution)


@contextlib.contextmanager
def guard(purpose: str) -> Iterator[None]:
    """What is done with a wrap's names: on another version than it was made for, a line tells of a failure of them."""
    wrap = WRAPS[purpose]
    try:
        yield
    except (AttributeError, ImportError, TypeError) as error:
        version = _version(wrap.distribution)
        if version in wrap.versions:
            raise
        _warn_of_failure(purpose, f"{wrap.distribution} {version}: {error}")


def parameters(name: str) -> str | None:
    """The parameters of ``module:name``, separated by blanks; empty if it is no function, None if it is not there."""
    try:
        owner, attribute = _owner(name)
    except (ImportError, AttributeError):
        return None
    if not hasattr(owner, attribute):
        # Set by the class itself, or a field of a dataclass without a default.
        is_set = re.search(rf"\bself\.{attribute}\b(: [^=\n]+)? = ", inspect.getsource(owner)) if owner else None
        return "" if is_set or attribute in inspect.get_annotations(owner) else None
    value = inspect.getattr_static(owner, attribute)
    return " ".join(inspect.signature(value).parameters) if inspect.isroutine(value) or inspect.isclass(value) else ""


def changed(wrap: Wrap) -> list[str]:
    """The names of a wrap that the installed version does not have, or has with other parameters."""
    return [name for name, expected in wrap.names.items() if parameters(name) != expected]


def _owner(name: str) -> tuple[Any, str]:
    """The module or class that has ``module:name``, and the last part of the name."""
    module, _, path = name.partition(":")
    *classes, attribute = path.split(".")
    if module.startswith(f"{SNAKEMAKE}."):
        importlib.import_module("snakemake.api")  # its modules import each other in a circle, which opens from here
    owner: Any = importlib.import_module(module)
    for part in classes:
        owner = getattr(owner, part)
    return owner, attribute


@cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "of unknown version"


@cache
def _lacking(distribution: str) -> frozenset[str]:
    """The purposes that another version of a distribution does not serve; told in one line, once."""
    wraps = {purpose: wrap for purpose, wrap in WRAPS.items() if wrap.distribution == distribution}
    lacking = {purpose: names for purpose, wrap in wraps.items() if (names := changed(wrap))}
    versions = sorted({version for wrap in wraps.values() for version in wrap.versions})
    consequences = [f"{names[0].partition(':')[2]} is another: {wraps[purpose].without}"
                    for purpose, names in lacking.items()]  # fmt: skip
    _warn(
        f"{distribution} {_version(distribution)} is not {' or '.join(versions)}, for which this was made "
        f"({'; '.join(consequences) or 'what is changed in it is there as it was'}); ./run installs the right one"
    )
    return frozenset(lacking)


@cache
def _warn_of_failure(purpose: str, failure: str) -> None:
    _warn(f"{failure}: {WRAPS[purpose].without}")


def _warn(text: str) -> None:
    print(f"mexflow: {text}", file=sys.stderr, flush=True)

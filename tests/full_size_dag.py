"""Snakemake as it is, its jobs listed or done as no-ops: ``python full_size_dag.py LISTING [NO_OPS] --OPTION…``.

Writes what Snakemake makes of the project when it is about to start the first job: to `LISTING`, JSON of `seconds`
(until the DAG is begun, and until the first job), `processor` (seconds), `peak` (bytes) and `jobs`. With `NO_OPS`,
JSON of the seconds of each job by its record, the jobs are then run: each sleeps so long in a shell of its own, and
makes its outputs empty; how it went is written beside, ``.ran.json``.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from shlex import quote
from typing import Any

START = time.perf_counter()

import snakemake.cli  # noqa: E402
from snakemake.dag import DAG  # noqa: E402
from snakemake.scheduling.job_scheduler import JobScheduler  # noqa: E402


def peak() -> int:
    """The most memory that this process has held, bytes; not what its parent held when it was started."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def listed(dag: DAG) -> list[dict[str, Any]]:
    """The jobs to run: `record`, `rule`, `priority`, `threads`, `needs` (positions of jobs), `folds` (how many)."""
    jobs = list(dag.needrun_jobs())
    places = {job: place for place, job in enumerate(jobs)}
    return [
        {
            "record": str(job.output.get("record", "")).removeprefix("results/records/").removesuffix(".json"),
            "rule": job.rule.name,
            "priority": job.priority,
            "threads": job.threads,
            "needs": [places[other] for other in dag.dependencies[job] if other in places],
            "folds": len({Path(path).parent for path in job.output if path.startswith("results/folds/")}),
        }
        for job in jobs
    ]


def no_op(seconds: dict[str, float], run: Any) -> Any:
    """What takes the place of `run`, Snakemake's ``shell``; the outputs are its caller's, the rule's function."""

    def shell(command: str, **options: Any) -> None:
        if (output := sys._getframe(1).f_locals.get("output")) is None:
            return  # what follows a whole run
        record = output.record.removeprefix("results/records/").removesuffix(".json")
        folders = [quote(path) for path in output if not Path(path).suffix]
        files = [quote(path) for path in output if Path(path).suffix]
        made = f"mkdir -p {' '.join(folders)}; " if folders else ""
        run(f"sleep {seconds[record]:.4f}; {made}touch {' '.join(files)}", **options)

    return shell


def main(listing: Path, arguments: list[str]) -> None:
    begun: list[float] = []
    made, schedule = DAG.__init__, JobScheduler.schedule
    no_ops = Path(arguments.pop(0)) if not arguments[0].startswith("-") else None

    def begin(self: DAG, *args: Any, **options: Any) -> None:
        begun.append(time.perf_counter() - START)
        made(self, *args, **options)

    def first(self: JobScheduler) -> bool:
        seconds = [begun[0], time.perf_counter() - START]
        described = {"seconds": seconds, "processor": time.process_time(), "peak": peak()}
        listing.write_text(json.dumps({**described, "jobs": listed(self.workflow.dag)}))
        if no_ops is None:
            return True
        self.workflow.globals["shell"] = no_op(json.loads(no_ops.read_text()), self.workflow.globals["shell"])
        start, spent = time.perf_counter(), time.process_time()
        done = schedule(self)
        took, spent = time.perf_counter() - start, time.process_time() - spent
        ran = {"makespan": took, "processor": spent, "peak": peak()}
        no_ops.with_suffix(".ran.json").write_text(json.dumps(ran))
        return done

    DAG.__init__, JobScheduler.schedule = begin, first
    snakemake.cli.main(arguments)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

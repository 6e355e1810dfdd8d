"""``mexflow coverage``: how often intervals over few subjects hold the true value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, Seed, command


def main(
    seed: Seed,
    output: Annotated[Path, typer.Option(help="Tables to write, without their endings.")],
    subjects: Annotated[list[int], typer.Option(min=2, help="Subjects of a study; repeatable.")] = [  # noqa: B006
        3, 4, 6, 8, 10, 15, 20, 30,
    ],
    studies: Annotated[int, typer.Option(min=1, help="Studies of each population and count of subjects.")] = 500,
    record: Record = None,
) -> None:  # fmt: skip
    """Simulate studies of few subjects, and count how often each method's interval holds the true value."""
    from mexflow.evaluation.coverage import POPULATIONS, simulate
    from mexflow.evaluation.uncertainty import METHODS
    from mexflow.progress import progress
    from mexflow.store.records import Job
    from mexflow.tables.cells import to_csv
    from mexflow.tables.coverage_table import coverage_markdown, coverage_table

    picked = map(METHODS.identity, METHODS)
    with Job(record, __name__, *picked, seed=seed, threads=1, device="cpu") as job:
        with progress("coverage", len(POPULATIONS) * len(subjects) * studies) as advance:
            rows = [
                coverage
                for population in POPULATIONS
                for count in subjects
                for coverage in simulate(population, count, list(METHODS), studies, seed, advance)
            ]
        table = coverage_table(rows)
        job.outputs.table(output.with_name(f"{output.name}.parquet"), table)
        job.outputs.bytes(output.with_name(f"{output.name}.csv"), to_csv(table))
        job.outputs.text(output.with_name(f"{output.name}.md"), text := coverage_markdown(rows))
        job.finish()
    print(text)


app = command(main)

"""``mexflow page``: the results page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command


def main(
    papers: Annotated[Path, typer.Option(help="Folder of the papers' files.")] = Path("workflow/papers"),
    results: Annotated[Path, typer.Option(help="Folder of tables/, figures/, folds/, records/.")] = Path("results"),
    recipe: Annotated[str, typer.Option(help="What the page shows: JSON, or a file that holds it.")] = "",
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("results/index.html"),
    so_far: Annotated[bool, typer.Option("--so-far", help="What there is, of a run that failed or runs.")] = False,
    log: Annotated[
        Path | None, typer.Option(help="With --so-far: Snakemake's log; the newest by default.", show_default=False)
    ] = None,
    record: Record = None,
) -> None:
    """The results page: one file that a browser opens, without a network."""
    from mexflow.audit.graph import load
    from mexflow.engine import incomplete, status
    from mexflow.errors import UserError
    from mexflow.page import assembly, looks
    from mexflow.page.so_far import SoFar, older, recipe_of
    from mexflow.papers import paper as paper_files
    from mexflow.papers.reporting_recipe import PageRecipe
    from mexflow.store.artifacts import Inputs
    from mexflow.store.records import Job

    if not recipe and not so_far:
        raise UserError("--recipe: not given; with --so-far the page shows what there is, as its records say")
    if so_far:
        # Records name files as the run does, from the folder that it runs in.
        papers, output, log = papers.absolute(), output.absolute(), log and log.absolute()
        os.chdir(results.absolute().parent)
        results = Path(results.absolute().name)
    # Records are no artifacts of a run: which ones the page was made from stands beside its inputs.
    records = Inputs()
    graph = load(results / "records", records, [assembly.PAGE])
    lacking = None
    if so_far:
        log = log or status.newest()
        run = status.of_log(log) if log else None
        lacking = SoFar(incomplete.failures(run), older(run, graph)) if run else SoFar()
    parsed = PageRecipe.read(recipe) if recipe else recipe_of(graph, lacking)
    with Job(record, __name__, threads=1, recipe=parsed.model_dump(mode="json"), looks=looks.digest()) as job:
        shown = []
        for name in parsed.papers:
            path = papers / f"{name}.yaml"
            shown.append(paper_files.parse(job.inputs.bytes(path), path, parsed.reading))
        job.state(records={path: digest.sha256 for path, digest in records.digests.items()})
        text, told = assembly.page(shown, graph, results, parsed, job.inputs, lacking)
        job.outputs.text(output, text)
        job.finish()
    print(f"{output}: {told}")


app = command(main)

"""``mexflow page``: the results page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import Record, command


def main(
    papers: Annotated[Path, typer.Option(help="Folder of the papers' files.")],
    results: Annotated[Path, typer.Option(help="Folder of the results: tables/, figures/, folds/, records/.")],
    recipe: Annotated[str, typer.Option(help="What the page shows: JSON, or a file that holds it.")],
    output: Annotated[Path, typer.Option(help="The page to write, e.g. results/index.html.")],
    record: Record = None,
) -> None:
    """The results page: one file that a browser opens, without a network."""
    from mexflow.audit.graph import load
    from mexflow.page import assembly, looks
    from mexflow.papers import paper as paper_files
    from mexflow.papers.reporting_recipe import PageRecipe
    from mexflow.store.artifacts import Inputs
    from mexflow.store.records import Job

    parsed = PageRecipe.read(recipe)
    with Job(record, __name__, threads=1, recipe=parsed.model_dump(mode="json"), looks=looks.digest()) as job:
        shown = []
        for name in parsed.papers:
            path = papers / f"{name}.yaml"
            shown.append(paper_files.parse(job.inputs.bytes(path), path, parsed.reading))
        # Records are no artifacts of a run: which ones the page was made from stands beside its inputs.
        records = Inputs()
        graph = load(results / "records", records, [assembly.PAGE])
        job.state(records={path: digest.sha256 for path, digest in records.digests.items()})
        text, told = assembly.page(shown, graph, results, parsed, job.inputs)
        job.outputs.text(output, text)
        job.finish()
    print(f"{output}: {told}")


app = command(main)

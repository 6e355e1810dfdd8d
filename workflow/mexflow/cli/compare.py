"""``mexflow compare``: which cells of two runs differ, and what stands behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mexflow.cli.options import command


def main(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="The results of a run, or its crate.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="Those of another run.")],
    all_: Annotated[bool, typer.Option("--all", help="Every cell that differs, not the first of each group.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines; every cell.")] = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Write it as Markdown, every cell.", dir_okay=False, show_default=False)
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Write it as a page for a browser.", dir_okay=False, show_default=False),
    ] = None,
) -> None:
    """Which cells of two runs differ, by how much, and which change stands behind it; offline, from the records."""
    import json
    import sys

    from mexflow.audit import comparison_text
    from mexflow.audit.compare import compare
    from mexflow.errors import UserError
    from mexflow.store.artifacts import Outputs

    try:
        found = compare(first, second)
        with Outputs() as outputs:
            if markdown is not None:
                outputs.text(markdown, comparison_text.markdown(found))
            if page is not None:
                from mexflow.page import comparison

                outputs.text(page, comparison.page(found))
            outputs.commit()
    except UserError as error:
        # Runs that differ are no error, so the status of one must be another than of a difference to a script.
        print(f"mexflow: error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    if json_:
        print(json.dumps(found.as_json(), indent=2))
    else:
        print("\n".join(comparison_text.lines(found, None if all_ else comparison_text.FEW)))


app = command(main)

"""Figures of confusion matrices: measured ones, and the printed one beside."""

from __future__ import annotations

from mexflow.evaluation.recognition import accuracy, row_shares
from mexflow.figures.confusion_panels import Panel, confusion_figure, published_panel
from mexflow.figures.material import Drawn, Material, mean_over_seeds
from mexflow.papers.figure_kinds import Confusion
from mexflow.tables.evidence import Evidence


def draw(figure: Confusion, material: Material) -> Drawn:
    """The measured matrix beside the printed one, or several measured ones.

    Raises:
        UserError: if predictions cannot be read.
    """
    evidence = material.evidence
    if figure.panels:
        panels = [_measured(evidence, panel.experiment, panel.title, panel.part) for panel in figure.panels]
        notes = evidence.notes_of(figure.experiments)
    else:
        assert figure.experiment is not None
        measured = _measured(evidence, figure.experiment, "measured")
        published = [published_panel(figure.published, measured.classes)] if figure.published else []
        panels, notes = [*published, measured], evidence.notes(figure.experiment)
    notes = [*mean_over_seeds(evidence, figure.experiments), *notes]
    foot = "\n".join([material.foot(*notes), *([figure.note] if figure.note else [])])
    drawn = confusion_figure(panels, material.title(figure), foot, material.alarm)
    return Drawn(drawn, foot, ", ".join(panel.title for panel in panels))


def _measured(evidence: Evidence, experiment: str, title: str, part: str | None = None) -> Panel:
    """A measured panel, the mean over its seeds, or one that says why there is none."""
    classes = evidence.classes(experiment)
    of_seeds = [evidence.pooled(name, part) for name in evidence.repeats(experiment)]
    if not of_seeds[0].expected:
        return Panel(f"{title}: not run", None, classes, "not run")
    if not all(pooled.complete for pooled in of_seeds):
        tested, expected = (sum(getattr(one, name) for one in of_seeds) for name in ("tested", "expected"))
        return Panel(title, None, classes, f"INCOMPLETE {tested}/{expected}")
    if not of_seeds[0].clips:
        return Panel(title, None, classes, "no test clip")
    # The same clips under every seed, so that the shares of the sum are the mean shares.
    matrix = sum(pooled.matrix for pooled in of_seeds)
    title = f"{title}{evidence.source.mark}: {100 * float(accuracy(matrix)):.2f} % of {of_seeds[0].clips} clips"
    counts = [int(count) for count in of_seeds[0].matrix.sum(axis=1)]
    return Panel(title, 100 * row_shares(matrix), classes, counts=counts)

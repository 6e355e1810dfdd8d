"""The named preprocessing of the papers in use, and of the contact sheets: what is made, and with which settings.

Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mexflow.errors import UserError
from mexflow.papers.paper import Paper
from mexflow.papers.preprocessing import Flow, LbpTop, Motion, Preprocessing, Residual
from mexflow.plan import inspection

SHEETS = "sheets"
"""Who wants what no paper does."""

FLOW_IMAGES = ("farneback", "tvl1")
"""Residual images that are flow: they take far longer than sums, and few datasets' are wanted."""


class NamedPreprocessing:
    """What the papers in use want of each stage, by name.

    Attributes:
        flows: optical flow between pairs of frames, with that of the contact sheets.
        motions: flow from each face to the next.
        residuals: residual images, with those of the contact sheets.
        lbp_tops: LBP-TOP features.

    Raises:
        UserError: if two papers use one name with different settings.
    """

    flows: dict[str, Flow]
    motions: dict[str, Motion]
    residuals: dict[str, Residual]
    lbp_tops: dict[str, LbpTop]

    def __init__(self, papers: Mapping[str, Paper]) -> None:
        wanted = {name: paper.preprocessing for name, paper in papers.items()}
        self._owners: dict[tuple[str, str], str] = {}
        self._wanted = {**wanted, SHEETS: _of_sheets(wanted.values())}
        self.flows, self.motions = self._of("flow"), self._of("motion")
        self.residuals, self.lbp_tops = self._of("residual"), self._of("lbp_top")

    def _of(self, stage: str) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        for owner, preprocessing in self._wanted.items():
            for name, value in preprocessing.named(stage).items():
                first = self._owners.setdefault((stage, name), owner)
                if settings.setdefault(name, value) != value:
                    raise UserError(
                        f"{first} and {owner} use the name {name} of preprocessing.{stage} with different settings; "
                        f"give it another name in one of them: {stage}/{name}/ has one place"
                    )
        return settings

    @property
    def sheet_residuals(self) -> list[str]:
        """The names of the residual images that contact sheets show."""
        return list(self._wanted[SHEETS].residual)

    @property
    def residual_jobs(self) -> dict[str, list[str]]:
        """The names of the residual images that one job makes, by whose they are.

        Those of one paper are made together, from one reading of the raw frames; another paper's are not, so that
        these are not made again for it. Sums and flow are apart.
        """
        jobs: dict[str, list[str]] = {}
        for name, residual in self.residuals.items():
            owner = self._owners["residual", name]
            jobs.setdefault(f"{owner}_flow" if residual.image in FLOW_IMAGES else owner, []).append(name)
        return {job: sorted(names) for job, names in jobs.items()}


def _of_sheets(papers: Iterable[Preprocessing]) -> Preprocessing:
    """What contact sheets show; where a paper has other settings under one of these names, under a name of their
    own.
    """
    taken: dict[str, Residual] = {}
    for preprocessing in papers:
        taken |= preprocessing.residual
    residual = {
        name if taken.get(name, value) == value else f"sheet-{name}": value
        for name, value in inspection.PREPROCESSING.residual.items()
    }
    return inspection.PREPROCESSING.model_copy(update={"residual": residual})

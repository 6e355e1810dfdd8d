"""What the contact sheets of the datasets show: a few subjects of each, from preprocessed arrays.

Imports nothing heavy: the Snakefile asks it which files to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mexflow.papers.preprocessing import Flow, Preprocessing, Residual
from mexflow.plan.enumeration import spread
from mexflow.plan.flags import flags, named
from mexflow.plan.sources import Sources
from mexflow.sheets import PAIR, RESIDUALS

SUBJECTS = 3
FLOW = "sheet"
"""The name of the flow shown, which no paper's settings change."""

PREPROCESSING = Preprocessing(
    flow={FLOW: Flow(method="tvl1", size=112, pairs=[PAIR])},
    residual={image: Residual(image=image) for image in RESIDUALS},
)
"""What the sheets show."""


class Sheets:
    """The files that contact sheets are made from."""

    def __init__(self, sources: Sources, results: Path, residuals: Sequence[str]) -> None:
        """
        Args:
            sources: the datasets.
            results: the folder of the results.
            residuals: the names of the residual images to show, one an image of `RESIDUALS`.
        """
        self._sources, self._results, self._residuals = sources, results, residuals

    def subjects(self, dataset: str) -> list[str]:
        """The subjects that a dataset's sheet shows: some of those with a usable micro-expression."""
        rows = self._sources.enumerated(dataset).rows
        usable = sorted({row["subject"] for row in rows if row["excluded"] is None and row["type"] == "micro"})
        return spread(usable, SUBJECTS)

    @property
    def flow(self) -> str:
        """The stage of the flow shown."""
        return f"flow/{FLOW}"

    def files(self, dataset: str, stage: str) -> list[str]:
        """The arrays of one stage that a sheet is made from, e.g. of ``lcn``."""
        return [f"{self._results}/{stage}/{dataset}/{subject}.npy" for subject in self.subjects(dataset)]

    def residuals(self, dataset: str) -> list[str]:
        """The residual images that a sheet shows."""
        return [path for kind in self._residuals for path in self.files(dataset, f"residual/{kind}")]

    def arrays(self, dataset: str) -> list[str]:
        """Every array with a table of its own that a sheet is made from."""
        return [*self.files(dataset, "faces"), *self.files(dataset, self.flow), *self.residuals(dataset)]

    def flags(self, dataset: str) -> str:
        """What a sheet shows, as options of ``mexflow sheet``."""
        subjects = flags("subject", self.subjects(dataset))
        residuals = named("residual", RESIDUALS, self._residuals)
        truth = " --truth" if self.truth(dataset) else ""
        return f"{subjects} --flow {FLOW} --flow-method {PREPROCESSING.flow[FLOW].method} {residuals}{truth}"

    def truth(self, dataset: str) -> list[str]:
        """The truth that a sheet shows; empty for licensed data."""
        if dataset not in self._sources.embedded:
            return []
        return [f"{self._results}/embedded/{dataset}/truth/{subject}.parquet" for subject in self.subjects(dataset)]

    @property
    def face(self) -> tuple[str, str] | None:
        """The dataset and the faces, of one subject, that the figure of LCN takes one from; None if there are none."""
        subjects = (pair for name in self._sources.listed for pair in self._sources.subjects(name))
        first = next(subjects, None)
        return (first[0], f"{self._results}/faces/{first[0]}/{first[1]}.npy") if first else None

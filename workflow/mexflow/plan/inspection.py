"""What the contact sheets of the datasets show: a few subjects of each, from preprocessed arrays.

Imports nothing heavy: the Snakefile asks it which files to make.
"""

from __future__ import annotations

from pathlib import Path

from mexflow.papers.parts import Flow
from mexflow.plan.enumeration import spread
from mexflow.plan.flags import flags
from mexflow.plan.sources import Sources
from mexflow.sheets import PAIR, RESIDUALS

SUBJECTS = 3
FLOW = Flow(method="tvl1", size=112, pairs=[PAIR])
"""The flow shown, in these settings where no paper asks for that method."""

FLOW_NAME = FLOW.method
"""The name of that flow: its folder is ``flow/<name>``."""


class Sheets:
    """The files that contact sheets are made from."""

    def __init__(self, sources: Sources, results: Path) -> None:
        self._sources, self._results = sources, results

    def subjects(self, dataset: str) -> list[str]:
        """The subjects that a dataset's sheet shows: some of those with a usable micro-expression."""
        rows = self._sources.enumerated(dataset).rows
        usable = sorted({row["subject"] for row in rows if row["excluded"] is None and row["type"] == "micro"})
        return spread(usable, SUBJECTS)

    @property
    def flow(self) -> str:
        """The stage of the flow shown."""
        return f"flow/{FLOW_NAME}"

    def files(self, dataset: str, stage: str) -> list[str]:
        """The arrays of one stage that a sheet is made from, e.g. of ``lcn``."""
        return [f"{self._results}/{stage}/{dataset}/{subject}.npy" for subject in self.subjects(dataset)]

    def residuals(self, dataset: str) -> list[str]:
        """The residual images that a sheet shows."""
        return [path for kind in RESIDUALS for path in self.files(dataset, f"residual/{kind}")]

    def arrays(self, dataset: str) -> list[str]:
        """Every array with a table of its own that a sheet is made from."""
        return [*self.files(dataset, "faces"), *self.files(dataset, self.flow), *self.residuals(dataset)]

    def flags(self, dataset: str) -> str:
        """What a sheet is made from, as options of ``mexflow sheet``: subjects and folders."""
        results = self._results.as_posix()
        folders = f"--faces {results}/faces --lcn {results}/lcn --residuals {results}/residual"
        flow = f"--flow {results}/{self.flow} --flow-method {FLOW.method}"
        truth = " --truth" if self.truth(dataset) else ""
        return f"{flags('subject', self.subjects(dataset))} {folders} {flow}{truth}"

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

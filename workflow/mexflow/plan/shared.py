"""What papers share: the settings of the preprocessing whose results have one place, whichever paper wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mexflow.errors import UserError
from mexflow.papers import Paper
from mexflow.papers.parts import Flow, Motion
from mexflow.plan import inspection as sheets

RESIDUAL_FLOWS = ("farneback", "tvl1")


class Shared:
    """The settings that the papers in use agree on.

    Attributes:
        flows: of each method of optical flow, with every pair that a paper wants.
        motions: of the motion between consecutive faces, by method.
        residual_kinds: the kinds of residual images to make, by the rule that makes them: sums and flows.
        key_frame_gap: the reading of the key frames' gap in residual sums.
        lbp_top: of LBP-TOP.

    Raises:
        UserError: if two papers want one of these with different settings.
    """

    def __init__(self, papers: Mapping[str, Paper]) -> None:
        self._papers = list(papers.values())
        self.flows = {method: self._flow(method) for method in self._methods}
        self.motions = self._motions()
        self.residual_kinds = self._residual_kinds()
        self.key_frame_gap = self._one(
            "residual images", "printed", lambda p: any(e.residual for e in p.experiments.values()), _gap
        )
        self.lbp_top = self._one(
            "LBP-TOP", {}, lambda p: any(e.lbp_top for e in p.experiments.values()), lambda p: p.lbp_top
        )

    @property
    def _methods(self) -> list[str]:
        return sorted({sheets.FLOW.method, *(paper.flow.method for paper in self._papers if paper.flow)})

    def _flow(self, method: str) -> Flow:
        of_method = lambda paper: paper.flow is not None and paper.flow.method == method  # noqa: E731
        self._one(method, None, of_method, lambda p: (p.flow.size, p.flow.options))
        wanted = [paper.flow for paper in self._papers if paper.flow and of_method(paper)]
        if method == sheets.FLOW.method:
            wanted.append(sheets.FLOW)
        pairs = sorted({pair for flow in wanted for pair in flow.pairs})
        return wanted[0].model_copy(update={"pairs": pairs})

    def _motions(self) -> dict[str, Motion]:
        found = {}
        for method in {paper.motion.method for paper in self._papers if paper.motion}:
            of_method = lambda paper, own=method: paper.motion is not None and paper.motion.method == own  # noqa: E731
            found[method] = self._one(f"{method} motion", None, of_method, lambda paper: paper.motion)
        return found

    def _residual_kinds(self) -> dict[str, list[str]]:
        experiments = [experiment for paper in self._papers for experiment in paper.experiments.values()]
        wanted = {experiment.residual for experiment in experiments if experiment.residual}
        shown = {kind for paper in self._papers for figure in paper.figures.values() for kind in figure.residual_kinds}
        flows = {kind for kind in wanted | shown if kind in RESIDUAL_FLOWS}
        rules = {"residual": {*sheets.RESIDUALS, *wanted, *shown} - flows, "residual_flow": flows}
        return {rule: sorted(kinds) for rule, kinds in rules.items() if kinds}

    def _one(self, what: str, default: Any, uses: Callable[[Paper], bool], setting: Callable[[Paper], Any]) -> Any:
        """The one setting of the papers that use it."""
        users = [paper for paper in self._papers if uses(paper)]
        for paper in users[1:]:
            if setting(paper) != setting(users[0]):
                raise UserError(
                    f"{users[0].paper} and {paper.paper} want {what} with different settings; its results have one "
                    "place: make the two papers in two runs, each in a folder of its own (snakemake --directory)"
                )
        return setting(users[0]) if users else default


def _gap(paper: Paper) -> str:
    return paper.key_frame_gap

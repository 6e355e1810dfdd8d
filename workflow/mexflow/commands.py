"""The commands of the command line: one line a command.

A command lives in the module of its name under :mod:`mexflow.cli`, imported when it is called. The
Snakefile takes the code digests of its rules from here. Imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass

from mexflow.store import digest


@dataclass(frozen=True)
class Command:
    """A command of the command line."""

    name: str
    help: str

    @property
    def module(self) -> str:
        return f"mexflow.cli.{self.name}"


COMMANDS = {
    command.name: command
    for command in (
        Command("embed", "Render one subject, or the annotation files, of an embedded dataset."),
        Command("index", "List a raw dataset's annotated expressions and its videos."),
        Command("listing", "List a licensed dataset for the enumeration of jobs."),
        Command("unlisted", "Fail with the reasons why datasets cannot be listed."),
        Command("faces", "Find, track and align the faces of one subject."),
        Command("flow", "Optical flow between pairs of aligned faces of one subject."),
        Command("motion", "Optical flow from each aligned face of one subject to the next."),
        Command("lcn", "Local contrast normalisation of one subject's aligned faces."),
        Command("residual", "Residual images of one subject's clips."),
        Command("lbp_top", "LBP-TOP features of one subject's clips."),
        Command("weights", "Whether a file is one of the weights that networks may start from."),
        Command("train", "Train and test some folds of an experiment, as its recipe says."),
        Command("card", "The card of a network for use: what it is, what it was trained on, how well it does."),
        Command("export", "Pack a network for use as one file to hand on."),
        Command("intervals", "Thresholds and intervals of a spotting experiment, from its scores."),
        Command("timing", "Time the classification of a clip."),
        Command("tables", "A paper's tables, published beside measured."),
        Command("learning", "Whether the papers' proposed methods learn, beside chance and their null controls."),
        Command("incomplete", "The tables that a failed run owes, with what there is."),
        Command("figures", "A paper's figures."),
        Command("page", "The results page: one file that a browser opens, without a network."),
        Command("video", "The scores and intervals of one test video."),
        Command("sheet", "The contact sheet of a dataset."),
        Command("lcnfigure", "What LCN makes of changed brightness and contrast."),
        Command("quality", "Preprocessing of embedded data against the renderer's truth."),
        Command("coverage", "How often intervals over few subjects hold the true value, simulated."),
        Command("status", "What of a run is done, runs, failed and is left, per paper."),
        Command("trace", "Where a number, or an artifact, came from, back to the raw frames."),
        Command("compare", "Which cells of two runs differ, by how much, and which change stands behind it."),
        Command("verify", "Whether any byte has changed, of an artifact, of a cell, or of all."),
        Command("reproduce", "Make one artifact again, and compare its bytes."),
        Command("repair", "Make a changed artifact again, if its bytes come out as they were written."),
        Command("leakage", "Proof that no test subject reached what scored it."),
        Command("crate", "The run as an RO-Crate, data described by digest."),
        Command("analyse", "Spot the expressions in videos of one's own, and say of which class they are."),
        Command("spot", "Spot the expressions in videos of one's own."),
        Command("recognise", "Say of which class expressions of a video are, whose onset and apex are given."),
        Command("run_root", "Close a run with one digest of what all its records say."),
        Command("schema", "Write the JSON schema of config.yaml."),
    )
}


def code_digest(command: str, *chosen: str) -> str:
    """Code digest of a command; `chosen` are the modules that it picks by name from its flags."""
    return digest.code_digest([COMMANDS[command].module, *chosen])

"""SMIC-HS: 100 fps, 640x480 colour, 16 subjects, 164 micro-expressions (Li et al. 2013)."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes, listed
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE, FrameFolder
from mexflow.datasets.labels import MEGC2019_SMIC
from mexflow.datasets.listing import Listing

_CLIP = re.compile(r"s(\d+)_(ne|po|sur)_(\d+)", re.IGNORECASE)
_LEVELS = rf"s(?P<subject>\d+)/micro/(?:{'|'.join(MEGC2019_SMIC)})/{_CLIP.pattern}"
_RAW = re.compile(r"image(\d+)" + IMAGE, re.IGNORECASE)
_CROPPED = re.compile(r"reg_image(\d+)" + IMAGE, re.IGNORECASE)
_ANY = re.compile(r"(?:reg_)?image(\d+)" + IMAGE, re.IGNORECASE)


class Smic(Adapter):
    """The adapter of SMIC-HS; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the frame folders of SMIC-HS under `root`.

        The dataset has no table: each folder of frames is an expression from its first to its last frame, its
        emotion being the name of the folder around it. Subjects are ``s03``, clips ``s03_ne_03``.

        Raises:
            UserError: if the root or the frames are missing.
        """
        self.check_root(root)
        frames = self.frame_folders(root)
        rows = [self._row(folder) for folder in frames.folders]
        return self.listing(rows, frames, [], _misnamed(frames))

    def same_name(self, name: str) -> str:
        """A clip's name with its numbers padded; see `Adapter.same_name`."""
        subject, emotion, clip = _CLIP.fullmatch(name).groups()
        return f"s{int(subject):02d}_{emotion.lower()}_{int(clip):02d}"

    def _row(self, folder: FrameFolder) -> dict[str, Any]:
        emotion = _emotion(folder)
        ends = (folder.numbers[0], folder.numbers[-1]) if folder.numbers else (None, None)
        return expression(
            {"onset": ends[0], "apex": None, "offset": ends[1]},
            folder.path,
            folder,
            folder.path,
            dataset=self.name,
            subject=folder.subject,
            video=folder.video,
            clip=self.same_name(folder.video),
            type="micro",
            fps=self.fps,
            action_units=None,
            emotion=emotion,
            megc2019=MEGC2019_SMIC[emotion],
        )


def _emotion(folder: FrameFolder) -> str:
    return PurePosixPath(folder.path).parent.name.casefold()


def _misnamed(frames: FrameFolders) -> list[str]:
    paths = [f.path for f in frames.folders if not _emotion(f).startswith(_CLIP.fullmatch(f.video)[2].casefold())]
    return [f"the emotion is that of the folder, the name says another: {listed(paths)}"] if paths else []


ADAPTER = Smic(
    name="smic",
    title="SMIC-HS",
    fps=100.0,
    release="the frames SMIC_all_raw/HS/sN/micro/{negative,positive,surprise}/sN_ne_01/imageNNNNNN.jpg",
    subject_form="s{:02d}",
    places=(
        FramePlace("SMIC_all_raw/HS", _LEVELS, _RAW),
        FramePlace("SMIC_all_cropped/HS", _LEVELS, _CROPPED),
        FramePlace("HS", _LEVELS, _ANY),
        FramePlace("", _LEVELS, _ANY),
    ),
)

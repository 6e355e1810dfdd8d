"""SMIC-HS: 100 fps, 640x480 colour, 16 subjects, 164 micro-expressions (Li et al. 2013)."""

from __future__ import annotations

import re
import statistics
from pathlib import Path, PurePosixPath
from typing import Any

from mexflow.datasets.base import Adapter, FrameFolders, FramePlace, ReadBytes
from mexflow.datasets.expressions import expression
from mexflow.datasets.folders import IMAGE, FrameFolder, listed
from mexflow.datasets.listing import Listing

_EMOTIONS = ("negative", "positive", "surprise")
# The owners write ne, po and sur; copies write more or less of the words.
_CODES = {
    **dict.fromkeys(("ne", "neg", "negative"), "ne"),
    **dict.fromkeys(("po", "pos", "positive"), "po"),
    **dict.fromkeys(("sur", "su", "surprise"), "sur"),
}
_CLIP = re.compile(rf"s(\d+)_({'|'.join(_CODES)})_(\d+)", re.IGNORECASE)
_LEVELS = rf"s(?P<subject>\d+)/micro/(?:{'|'.join(_EMOTIONS)})/{_CLIP.pattern}"
_RAW = r"image(\d+)" + IMAGE
_CROPPED = r"reg_image(\d+)" + IMAGE
_ANY = r"(?:reg_)?image(\d+)" + IMAGE
# The subjects that were filmed at 25 fps as well, and a length that no median clip of 100 fps is under.
_FILMED_TWICE = {f"s{number:02d}" for number in (*range(11, 16), 18, 19, 20)}
_SHORT = 15


class Smic(Adapter):
    """The adapter of SMIC-HS; see `Adapter`."""

    def read(self, root: Path, read_bytes: ReadBytes = Path.read_bytes) -> Listing:
        """List the expressions and the frame folders of SMIC-HS under `root`.

        The dataset has no table: each folder of frames is an expression from its first to its last frame, its
        emotion being the name of the folder around it. Subjects are ``s03``, clips ``s03_ne_03``.

        Raises:
            UserError: if the root or the frames are missing, or are those of SMIC-VIS, SMIC-NIR or SMIC-E.
        """
        self.check_root(root)
        frames = self.frame_folders(root)
        self._once(frames)
        rows = [self._row(folder) for folder in frames.folders]
        return self.listing(root, rows, frames, [], [*_misnamed(frames), *_slow(frames)])

    def same_name(self, name: str) -> str:
        """A clip's name as the owners write it, its numbers padded; see `Adapter.same_name`."""
        subject, emotion, clip = _CLIP.fullmatch(name).groups()
        return f"s{int(subject):02d}_{_CODES[emotion.lower()]}_{int(clip):02d}"

    def owner(self, name: str) -> str | None:
        """The subject of a clip, the first part of its name; see `Adapter.owner`."""
        return self.subject(name.partition("_")[0])

    def doubt(self, folder: FrameFolder) -> int:
        """1 where the folder's name says another emotion than the folder around it; see `Adapter.doubt`."""
        return int(not _agrees(folder))

    def _once(self, frames: FrameFolders) -> None:
        """Read one folder of each clip: one whose emotion its name says, and of several such the first."""
        kept: dict[tuple[str, str], FrameFolder] = {}
        for folder in sorted(frames.folders, key=self.doubt):
            first = kept.setdefault((folder.subject, self.same_name(folder.video)), folder)
            if first is not folder:
                frames.leave_out(folder, f"its clip has another folder, {first.path}")

    def _row(self, folder: FrameFolder) -> dict[str, Any]:
        emotion = _emotion(folder)
        ends = (folder.numbers[0], folder.numbers[-1]) if folder.numbers else (None, None)
        clip = self.same_name(folder.video)
        row = expression(
            {"onset": ends[0], "apex": None, "offset": ends[1]},
            folder.path,
            folder,
            folder.path,
            dataset=self.name,
            subject=folder.subject,
            video=folder.video,
            # A clip in another subject's folder is not to be taken for the clip of that name.
            clip=clip if self.owner(folder.video) == folder.subject else f"{folder.subject}-{clip}",
            type="micro",
            fps=self.fps,
            action_units=None,
            emotion=emotion,
        )
        if _spelling(folder.video) not in _CODES.values():
            row["repairs"].append(f"name_spelling: the folder is called {folder.video!r}, {clip!r} is meant")
        return row


def _emotion(folder: FrameFolder) -> str:
    return PurePosixPath(folder.path).parent.name.strip().casefold()


def _spelling(video: str) -> str:
    return _CLIP.fullmatch(video)[2].casefold()


def _agrees(folder: FrameFolder) -> bool:
    return _emotion(folder).startswith(_CODES[_spelling(folder.video)])


def _misnamed(frames: FrameFolders) -> list[str]:
    paths = [folder.path for folder in frames.folders if not _agrees(folder)]
    return [f"the emotion is that of the folder, the name says another: {listed(paths, len(paths))}"] if paths else []


def _slow(frames: FrameFolders) -> list[str]:
    """A note where nothing but the clips themselves tells that they may be those of 25 fps."""
    lengths = [len(folder.numbers) for folder in frames.folders if folder.numbers]
    if not lengths or {folder.subject for folder in frames.folders} - _FILMED_TWICE:
        return []
    median = statistics.median(lengths)
    if median >= _SHORT:
        return []
    return [
        f"this may be SMIC-VIS or SMIC-NIR (25 fps), not SMIC-HS: all subjects are of the 8 that were filmed twice, "
        f"and the median clip has {median:g} frames, where those of SMIC-HS have 34"
    ]


ADAPTER = Smic(
    name="smic",
    title="SMIC-HS",
    fps=100.0,
    subjects=16,
    release="the frames SMIC_all_raw/HS/sN/micro/{negative,positive,surprise}/sN_ne_01/imageNNNNNN.jpg",
    subject_form="s{:02d}",
    composites=("megc2019",),
    places=(
        FramePlace("SMIC_all_raw/HS", _LEVELS, _RAW),
        FramePlace("SMIC_all_cropped/HS", _LEVELS, _CROPPED),
        FramePlace("HS", _LEVELS, _ANY),
        FramePlace("", _LEVELS, _ANY),
    ),
)

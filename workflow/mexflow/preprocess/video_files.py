"""Anybody's video, a file or a folder of frames, as a stream of frames with their times.

A file is decoded twice: once for its time stamps, which no container tells reliably beforehand, and once, or in part,
for its pictures. Nothing is kept but times, so memory does not grow with what the frames weigh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from mexflow.datasets.folders import IMAGE, is_utf8, listed, numbered_files, shown
from mexflow.errors import UserError
from mexflow.preprocess import time_stamps
from mexflow.preprocess.capture import Capture
from mexflow.preprocess.faces import AlignedFrame, FaceSettings, align, sample_positions
from mexflow.preprocess.first_pass import first_pass
from mexflow.preprocess.frames import DamagedFrame, Frame, check_shape, common_shape, frame_files, read_frame
from mexflow.preprocess.landmarks import Box, grey_of, persistent_faces
from mexflow.store.artifacts import hash_file

Item = tuple[int, str, Callable[[], Frame]]
"""Number of a frame, name of its file, and what decodes it: to be called, if at all, before the next is asked for."""

_FRAME = rf"(?:.*\D)?(\d+){IMAGE}"
"""A frame's file name: the number before its ending is the frame's."""

_NAMED = 3

_SLOWEST, _FASTEST = 0.1, 1e6
"""Frames per second that a camera has."""


_OFTEN = 1 / 3
"""Share of the frames looked at in which a face is somebody's who is there."""


@dataclass(frozen=True, eq=False)
class VideoFile:
    """A video that can be read again and again.

    Attributes:
        path: the file or folder, as it was given.
        sha256: of the file; of a folder, of the lines ``sha256  name`` of its frames, as ``sha256sum`` writes them.
        numbers: int64 (n,), 0 to n - 1 of a file, the numbers in the file names of a folder; ascending.
        seconds: float64 (n,), when each frame is, from the first one; strictly ascending.
        fps: frames per second; of a variable rate the usual one, by the median step.
        variable: whether the steps differ by more than the rounding of time stamps (1 ms) explains.
        shape: (h, w) of grey or (h, w, 3) of colour pictures, upright.
        remarks: what was repaired, or is doubtful, a line each.
        orientation: EXIF's orientation, 1 to 8, by which the stored pictures of a file were set upright.
        files: the frames of a folder, in order; empty of a file.
    """

    path: Path
    sha256: str
    numbers: np.ndarray
    seconds: np.ndarray
    fps: float
    variable: bool
    shape: tuple[int, ...]
    remarks: tuple[str, ...] = ()
    orientation: int = 1
    files: tuple[Path, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.numbers)

    def frames(self) -> Iterator[Frame]:
        """All frames in order, one at a time: uint8 (h, w) grey or (h, w, 3) RGB, upright.

        Raises:
            UserError: if a frame of a folder is damaged, or the file is no longer what it was.
        """
        for _, frame in self.some(range(len(self))):
            yield frame

    def some(self, positions: Collection[int]) -> Iterator[tuple[int, Frame]]:
        """Frames at some positions (0 to n - 1), with them, in order and in one pass that ends at the last of them.

        Of a file all frames up to there are decoded, for they build on each other, but only these become pictures.

        Raises:
            IndexError: if there is no frame at one of them.
            UserError: if one of them is damaged, or the file is no longer what it was.
        """
        wanted = sorted(set(positions))
        if wanted and not 0 <= wanted[0] <= wanted[-1] < len(self):
            raise IndexError(f"positions {wanted[0]} to {wanted[-1]} of {len(self)} frames")
        for position, (_, _, read) in zip(wanted, self.stream(wanted), strict=True):
            yield position, _or_told(read)

    def stream(self, positions: Collection[int] | None = None) -> Iterator[Item]:
        """Frames, all or those at some positions, in order, not yet converted to pictures.

        What reads one raises :class:`mexflow.preprocess.frames.DamagedFrame` if it cannot be used.

        Raises:
            UserError: if the file is no longer what it was when it was opened.
        """
        wanted = range(len(self)) if positions is None else frozenset(positions)
        return self._stream_folder(wanted) if self.files else self._stream_file(wanted)

    def _stream_folder(self, wanted: Collection[int]) -> Iterator[Item]:
        for position, (number, file) in enumerate(zip(self.numbers.tolist(), self.files, strict=True)):
            if position in wanted:
                yield number, file.name, partial(self._read, file)

    def _stream_file(self, wanted: Collection[int]) -> Iterator[Item]:
        needed = max(wanted, default=-1) + 1
        with Capture(self.path) as capture:
            position = -1
            for position, _ in enumerate(islice(capture.grabs(), needed)):
                if position in wanted:
                    yield position, self.path.name, partial(self._picture, capture, position)
        if position + 1 < needed:
            raise UserError(
                f"{shown(str(self.path))}: ends after {position + 1} frames, where {len(self)} were decoded before; "
                "the file changed while it was read: run again"
            )

    def _read(self, file: Path) -> Frame:
        frame = read_frame(file)
        check_shape(file, frame.image.shape, self.shape)
        return frame

    def _picture(self, capture: Capture, position: int) -> Frame:
        picture = capture.picture()
        if picture is None:
            raise DamagedFrame(f"{shown(str(self.path))}: frame {position} has no picture")
        image = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY if len(self.shape) == 2 else cv2.COLOR_BGR2RGB)
        check_shape(self.path, image.shape, self.shape)
        return Frame(image, None, None, self.orientation)


def open_video(path: Path, fps: float | None = None) -> VideoFile:
    """Open a video: a file that OpenCV decodes (mp4, avi, mov, mkv, webm …), or a folder of frames (JPEG, PNG, BMP).

    A file is decoded once from end to end. What of it is damaged shows only in part: frames that are lost are counted,
    but a picture that the decoder patched up looks like any other to OpenCV. Of such files, too, the same frames come
    out at each reading, however many cores there are.

    Args:
        path: the file or folder; never an address or a camera.
        fps: frames per second. A folder needs it; of a file it overrules the time stamps.

    Raises:
        UserError: in one line, if there is no video that can be read, or no telling when its frames are.
    """
    name = shown(str(path))
    if fps is not None and not _SLOWEST <= fps <= _FASTEST:
        raise UserError(f"--fps {fps:g}: frames per second are a number from {_SLOWEST:g} to {_FASTEST:g}")
    if not is_utf8(str(path)):
        raise UserError(f"{name}: the name is not in UTF-8; rename it")
    try:
        is_folder, is_file, exists = path.is_dir(), path.is_file(), path.exists()
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}); check its permissions and the disk") from None
    if is_folder:
        return _of_folder(path, fps)
    if is_file:
        return _of_file(path, fps)
    there = "neither a file nor a folder" if exists else "no such file or folder"
    raise UserError(f"{name}: {there}; give a video file, or a folder of frames")


def align_file(video: VideoFile, settings: FaceSettings, near: Box | None = None) -> Iterator[AlignedFrame]:
    """The aligned face in every frame of a video, as :func:`mexflow.preprocess.faces.align_video` makes it of a folder.

    Args:
        video: the video.
        settings: see :class:`mexflow.preprocess.faces.FaceSettings`. With `unreadable` ``exclude``, a damaged frame
            gets that state.
        near: where the face is that is followed, pixels; None for the one that persists.

    Yields:
        One :class:`mexflow.preprocess.faces.AlignedFrame` a frame; its row has the frame's number and the name of its
        file, which is that of the video for all frames of a file: `sha256` and `size` are None there.

    Raises:
        UserError: if a frame is damaged and `settings.unreadable` is ``error``, or the file is no longer what it was.
    """
    frames = video.stream()
    if settings.unreadable == "error":
        frames = ((number, name, partial(_or_told, read)) for number, name, read in frames)
    return align(frames, video.shape, partial(_samples, video), settings, near)


def everyone(video: VideoFile) -> list[Box]:
    """Where the faces of a video are that are seen in at least a third of a few frames spread over it; left to right.

    Raises:
        UserError: if the file is no longer what it was.
    """
    return persistent_faces(_samples(video), _OFTEN)


def _samples(video: VideoFile) -> Iterator[np.ndarray]:
    """The grey of a few frames, uint8 (h, w); those that cannot be used are passed over."""
    for _, _, read in video.stream(sample_positions(len(video))):
        try:
            yield grey_of(read().image)
        except DamagedFrame:
            continue


def _of_folder(folder: Path, fps: float | None) -> VideoFile:
    name = shown(str(folder))
    files = frame_files(folder, _FRAME)
    others = numbered_files(folder, _FRAME).others
    if not files:
        held = f", but {shown(listed(others, _NAMED))}" if others else ""
        raise UserError(
            f"{name}: no frames in this folder{held}; give one that holds JPEG, PNG or BMP files whose names end in a "
            "number (of up to 18 digits), or a video file"
        )
    if fps is None:
        raise UserError(f"{name}: a folder of frames does not say how many there are in a second; give --fps")
    paths = tuple(file for _, file in files)
    shape = common_shape(paths)
    if shape is None:
        raise UserError(f"{name}: none of its {len(files)} frames can be read; copy them again")
    numbers = np.array([number for number, _ in files], np.int64)
    times = time_stamps.of_numbers(numbers, fps)
    remarks = times.remarks
    if others:
        remarks += (f"not frames, by their names: {shown(listed(others, _NAMED))}",)
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{_hash(path)}  {path.name}\n".encode())
    return VideoFile(
        folder, total.hexdigest(), numbers, times.seconds, times.fps, times.variable, shape, remarks, files=paths
    )


def _of_file(path: Path, fps: float | None) -> VideoFile:
    sha256, found = hash_file(path).sha256, first_pass(path, fps)
    times = found.times
    numbers = np.arange(len(times.seconds), dtype=np.int64)
    return VideoFile(
        path, sha256, numbers, times.seconds, times.fps, times.variable, found.shape, found.remarks, found.orientation
    )


def _or_told(read: Callable[[], Frame]) -> Frame:
    try:
        return read()
    except DamagedFrame as error:
        raise UserError(f"{error}; replace it, or take it out of the folder") from None


def _hash(path: Path) -> str:
    try:
        return hash_file(path).sha256
    except UserError:
        # What is wrong with it is told when it is its turn to be read.
        return "unreadable"

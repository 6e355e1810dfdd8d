"""Anybody's video, a file or a folder of frames, as a stream of frames with their times.

A file is decoded twice: once for its time stamps, which no container tells reliably beforehand, and once, or in part,
for its pictures. Nothing is kept but times, so memory does not grow with what the frames weigh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from math import isfinite
from pathlib import Path

import cv2
import numpy as np

from mexflow.datasets.folders import IMAGE, is_utf8, listed, numbered_files, shown
from mexflow.errors import UserError
from mexflow.preprocess import time_stamps
from mexflow.preprocess.capture import Capture
from mexflow.preprocess.containers import counts_frames, is_avi, mirrored, why_not
from mexflow.preprocess.faces import AlignedFrame, FaceSettings, align, sample_positions
from mexflow.preprocess.frames import DamagedFrame, Frame, check_shape, common_shape, frame_files, read_frame, upright
from mexflow.preprocess.landmarks import grey_of
from mexflow.store.artifacts import hash_file

Item = tuple[int, str, Callable[[], Frame]]
"""Number of a frame, name of its file, and what decodes it: to be called, if at all, before the next is asked for."""

_FRAME = rf"(?:.*\D)?(\d+){IMAGE}"
"""A frame's file name: the number before its ending is the frame's."""

_TURNED = {90: 6, 180: 3, 270: 8}
"""EXIF's orientation by the degrees that OpenCV turned a picture."""

_LOOKS = 9
"""Frames spread over a video that are looked at to tell whether it is grey."""

_TINT = 4
"""Levels of 255 by which the channels of a grey video differ at most: compression rounds its colours (3 were seen)."""

_LONGER = 0.05
"""Share of its length by which a file may be longer than its picture: the sound ends a little later."""

_NAMED = 3


@dataclass(frozen=True)
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
        with _opened(self.path) as capture:
            if _is_mirrored(self.orientation):
                capture.as_stored()
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
        if _is_mirrored(self.orientation):
            picture = upright(picture, self.orientation)
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
    if fps is not None and not (isfinite(fps) and fps > 0):
        raise UserError(f"--fps {fps:g}: frames per second are a number above 0")
    if not is_utf8(str(path)):
        raise UserError(f"{name}: the name is not in UTF-8; rename it")
    try:
        if path.is_dir():
            return _of_folder(path, fps)
        if not path.is_file():
            there = "neither a file nor a folder" if path.exists() else "no such file or folder"
            raise UserError(f"{name}: {there}; give a video file, or a folder of frames")
        return _of_file(path, fps)
    except OSError as error:
        raise UserError(f"{name}: {_unreadable(error)}") from None


def align_file(video: VideoFile, settings: FaceSettings) -> Iterator[AlignedFrame]:
    """The aligned face in every frame of a video, as :func:`mexflow.preprocess.faces.align_video` makes it of a folder.

    Args:
        video: the video.
        settings: see :class:`mexflow.preprocess.faces.FaceSettings`. With `unreadable` ``exclude``, a damaged frame
            gets that state.

    Yields:
        One :class:`mexflow.preprocess.faces.AlignedFrame` a frame; its row has the frame's number and the name of its
        file, which is that of the video for all frames of a file: `sha256` and `size` are None there.

    Raises:
        UserError: if a frame is damaged and `settings.unreadable` is ``error``, or the file is no longer what it was.
    """

    def samples() -> Iterator[np.ndarray]:
        for _, _, read in video.stream(sample_positions(len(video))):
            try:
                yield grey_of(read().image)
            except DamagedFrame:
                continue

    frames = video.stream()
    if settings.unreadable == "error":
        frames = ((number, name, partial(_or_told, read)) for number, name, read in frames)
    return align(frames, video.shape, samples, settings)


def _of_folder(folder: Path, fps: float | None) -> VideoFile:
    name = shown(str(folder))
    files = frame_files(folder, _FRAME)
    others = numbered_files(folder, _FRAME).others
    if not files:
        held = f", but {shown(listed(others, _NAMED))}" if others else ""
        raise UserError(
            f"{name}: no frames in this folder{held}; give one that holds JPEG, PNG or BMP files whose names end in a "
            "number, or a video file"
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
    sha256 = hash_file(path).sha256
    stamps: list[float] = []
    lost: list[tuple[int, int]] = []
    shape, coloured = None, False
    with _opened(path) as capture:
        orientation = mirrored(path)
        if _is_mirrored(orientation):
            capture.as_stored()
        else:
            orientation = _TURNED.get(capture.rotation, 1)
        announced, announced_fps, codec = capture.announced, capture.fps, capture.codec
        remarks = _remarks(capture, orientation)
        every = max(1, (announced or 1000) // _LOOKS)
        for missed in capture.grabs():
            if missed:
                lost.append((len(stamps), missed))
            if shape is None or not coloured and len(stamps) % every == 0:
                picture = capture.picture()
                if picture is not None:
                    shape = upright(picture, orientation if _is_mirrored(orientation) else 1).shape
                    coloured = coloured or _is_coloured(picture)
            stamps.append(capture.stamp())
    if shape is None:
        raise UserError(
            f"{shown(str(path))}: none of its frames (codec {codec}) can be decoded by OpenCV; copy it again if it may be "
            "damaged, else convert it"
        )
    try:
        times = time_stamps.of_stamps(stamps, announced_fps, steady=is_avi(path))
    except ValueError as error:
        if fps is None:
            raise UserError(f"{shown(str(path))}: {error}; give --fps") from None
        times = time_stamps.even(len(stamps), fps)
    if fps is not None:
        overruled = f"--fps {fps:g} overrules its time stamps, of {times.fps:.6g} frames a second"
        times = replace(time_stamps.even(len(stamps), fps), remarks=(overruled,))
    if lost:
        where = listed([str(position) for position, _ in lost], _NAMED)
        remarks += (f"{sum(count for _, count in lost)} frames cannot be decoded, before frame {where}",)
    remarks += _shortfall(path, times, announced, announced_fps)
    return VideoFile(
        path,
        sha256,
        np.arange(len(stamps), dtype=np.int64),
        times.seconds,
        times.fps,
        times.variable,
        shape if coloured else shape[:2],
        times.remarks + remarks,
        orientation,
    )


def _remarks(capture: Capture, orientation: int) -> tuple[str, ...]:
    """What is to be known of how the pictures of a file are shown."""
    remarks = []
    if _is_mirrored(orientation):
        remarks.append("its pictures are mirrored, as the file says")
    elif orientation != 1:
        remarks.append(f"its pictures are turned by {capture.rotation} degrees, as the file says")
    elif capture.rotation % 360:
        remarks.append(f"the file asks for a turn by {capture.rotation} degrees, which is not made")
    if abs(capture.pixel_aspect - 1) > 0.01:
        remarks.append(
            f"its pixels are to be shown {capture.pixel_aspect:.3g} times as wide as high, but are taken as squares: "
            "faces look stretched; convert it to square pixels"
        )
    return tuple(remarks)


def _shortfall(path: Path, times: time_stamps.Times, announced: int | None, fps: float | None) -> tuple[str, ...]:
    """Whether a file announces more than was decoded, as a remark."""
    decoded = len(times.seconds)
    if announced is None:
        return ()
    if counts_frames(path):
        if announced == decoded:
            return ()
        # An AVI's times count what is found in it.
        early = "; what comes after damage is told too early" if is_avi(path) else ""
        return (f"{announced} frames are announced, {decoded} were decoded: it is cut, trimmed or damaged{early}",)
    # Of other kinds OpenCV makes the number from the length and a guess of the rate.
    length, end = announced / fps if fps else 0.0, times.seconds[-1] + 1 / times.fps
    if length - end <= max(2 / times.fps, _LONGER * length):
        return ()
    return (f"{length:.3f} seconds are announced, {end:.3f} were decoded ({decoded} frames): it is cut or damaged",)


def _opened(path: Path) -> Capture:
    """A capture of a file.

    Raises:
        UserError: if OpenCV finds no video in it.
    """
    capture = Capture(path)
    if capture.opened:
        return capture
    try:
        why = why_not(path)
    except OSError as error:
        why = _unreadable(error)
    raise UserError(f"{shown(str(path))}: {why}")


def _unreadable(error: OSError) -> str:
    return f"cannot be read ({error.strerror}); check its permissions and the disk"


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


def _is_coloured(picture: np.ndarray) -> bool:
    blue, green, red = cv2.split(picture)
    return max(cv2.norm(blue, green, cv2.NORM_INF), cv2.norm(red, green, cv2.NORM_INF)) > _TINT


def _is_mirrored(orientation: int) -> bool:
    return orientation in (2, 4, 5, 7)

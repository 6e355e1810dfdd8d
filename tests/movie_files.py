"""Video files of synthetic moving pictures, sound and damaged ones, as cameras, phones and editors leave them."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from mexflow.preprocess.video_files import VideoFile

_ONE = 1 << 16

DISPLAY = {
    "cw": (0, _ONE, -_ONE, 0),
    "180": (-_ONE, 0, 0, -_ONE),
    "ccw": (0, -_ONE, _ONE, 0),
    "mirrored": (-_ONE, 0, 0, _ONE),
    "upside down": (_ONE, 0, 0, -_ONE),
    "transposed": (0, _ONE, _ONE, 0),
    "tilted": (46341, 46341, -46341, 46341),
}
"""What the display matrix (a, b, c, d) of a track asks for."""


@cache
def _scene(height: int, width: int, colour: bool) -> np.ndarray:
    noise = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    picture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 5), None, 20, 235, cv2.NORM_MINMAX)
    return picture if colour else np.repeat(picture[..., :1], 3, axis=2)


def pictures(count: int, height: int = 96, width: int = 128, colour: bool = True) -> Iterable[np.ndarray]:
    """Frames of a texture that moves to the right, a pixel a frame: uint8 (h, w, 3) RGB."""
    for i in range(count):
        yield np.roll(_scene(height, width, colour), i, axis=1)


def images(video: VideoFile) -> list[np.ndarray]:
    """The pictures of a video."""
    return [frame.image for frame in video.frames()]


def write(path: Path, frames: Iterable[np.ndarray], fps: float = 200.0, codec: str = "mp4v") -> Path:
    """Encode frames (RGB) with one of OpenCV's encoders."""
    writer = None
    for frame in frames:
        if writer is None:
            size = frame.shape[1::-1]
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), fps, size)
            assert writer.isOpened(), f"no encoder for {codec} in {path.suffix}"
        writer.write(frame[..., ::-1])
    writer.release()
    return path


def pack(path: Path, packets: Iterable[tuple[bytes, int]], size: tuple[int, int], codec: str, delay: int = 0) -> Path:
    """Put encoded frames into a container, each with the millisecond when it is shown, in the order of decoding."""
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, 1000, size, [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1])
    assert writer.isOpened()
    if delay:
        writer.set(cv2.VIDEOWRITER_PROP_DTS_DELAY, delay)
    for data, millisecond in packets:
        writer.set(cv2.VIDEOWRITER_PROP_PTS, millisecond)
        writer.write(np.frombuffer(data, np.uint8)[None])
    writer.release()
    return path


def at_times(path: Path, milliseconds: Sequence[int]) -> Path:
    """A video (MJPEG) whose frames are shown at some times."""
    packets = (
        (cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes(), millisecond)
        for frame, millisecond in zip(pictures(len(milliseconds)), milliseconds, strict=True)
    )
    return pack(path, packets, (128, 96), "MJPG")


def displayed(path: Path, matrix: Sequence[int]) -> Path:
    """The mp4 or mov at `path`, changed to be shown by a display matrix (a, b, c, d, in 16.16)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def sound(path: Path) -> Path:
    """A second of a tone (WAV)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.sin(np.arange(8000) / 3) * 8000).astype("<i2").tobytes())
    return path


# H.264 without an encoder: every macroblock holds its pixels as they are (I_PCM)


class _Bits:
    def __init__(self) -> None:
        self._bits: list[str] = []

    def u(self, count: int, value: int) -> _Bits:
        self._bits.append(f"{value:0{count}b}")
        return self

    def ue(self, *values: int) -> _Bits:
        for value in values:
            code = f"{value + 1:b}"
            self._bits.append("0" * (len(code) - 1) + code)
        return self

    def pixels(self, data: bytes) -> _Bits:
        text = "".join(self._bits)
        self._bits = [text, "0" * (-len(text) % 8), *(f"{byte:08b}" for byte in data)]
        return self

    def unit(self, kind: int) -> bytes:
        """The NAL unit of this payload, with its start code."""
        text = "".join(self._bits) + "1"
        text += "0" * (-len(text) % 8)
        data, zeros = bytearray(), 0
        for byte in int(text, 2).to_bytes(len(text) // 8):
            if zeros == 2 and byte <= 3:
                data.append(3)
                zeros = 0
            data.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes([kind]) + bytes(data)


def h264(path: Path, frames: Sequence[np.ndarray], milliseconds: Sequence[int], reordered: bool = False) -> Path:
    """A H.264 video of grey frames, uint8 (h, w), whole macroblocks of 16 x 16.

    With `reordered`, every second frame is decoded after the one that follows it, as B frames are.
    """
    height, width = frames[0].shape
    head = _Bits().u(8, 77).u(8, 0).u(8, 10).ue(0, 0, 0, 4, 2).u(1, 0).ue(width // 16 - 1, height // 16 - 1)
    parameters = head.u(1, 1).u(1, 1).u(1, 0).u(1, 0).unit(0x67)
    parameters += _Bits().ue(0, 0).u(2, 0).ue(0, 0, 0).u(3, 0).ue(0, 0, 0).u(3, 4).unit(0x68)
    order = list(range(len(frames)))
    if reordered:
        for i in range(1, len(order) - 1, 2):
            order[i], order[i + 1] = order[i + 1], order[i]
    packets, number = [], 0
    for at, position in enumerate(order):
        first, later = position == 0, reordered and position % 2 == 1
        kind = 0x65 if first else 0x01 if later else 0x41
        bits = _Bits().ue(0, 7, 0).u(4, number % 16)
        if first:
            bits.ue(0)
        bits.u(8, 2 * position % 256)
        if not later:
            bits.u(2, 0) if first else bits.u(1, 0)
            number += 1
        bits.ue(0, 1)
        frame = frames[position]
        for y in range(0, height, 16):
            for x in range(0, width, 16):
                bits.ue(25).pixels(frame[y : y + 16, x : x + 16].tobytes() + b"\x80" * 128)
        packets.append(((parameters if at == 0 else b"") + bits.unit(kind), milliseconds[position]))
    return pack(
        path,
        packets,
        (width, height),
        "avc1" if path.suffix in (".mp4", ".mov") else "H264",
        delay=1 if reordered else 0,
    )

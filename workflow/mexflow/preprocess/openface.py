"""Aligned faces from an existing OpenFace 2 output, instead of finding them anew.

OpenFace's ``FeatureExtraction`` writes, for a folder of frames ``NAME``, a table ``NAME.csv`` and, with
``-simalign -simsize 112``, the aligned faces ``NAME_aligned/frame_det_00_000001.bmp``, numbered from 1 in the order of
the frames. They are looked for in a folder that mirrors the dataset's: the raw frames of ``sub01/EP02_01f`` have theirs
in ``DIR/sub01/EP02_01f/EP02_01f.csv`` and ``DIR/sub01/EP02_01f/EP02_01f_aligned/``.

OpenFace's order of the frames is that of their names' bytes, ``img1.jpg``, ``img10.jpg``, ``img2.jpg``, and not that of
their numbers.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mexflow.datasets.folders import is_clutter
from mexflow.errors import UserError
from mexflow.preprocess.alignment import SIZE
from mexflow.preprocess.faces import AlignedFrame, FaceSettings, indexed_files, or_damage
from mexflow.preprocess.frames import (
    DamagedFrame,
    Frame,
    check_shape,
    common_shape,
    read_frame,
)

_POINTS = [f"{axis}_{i}" for i in range(68) for axis in "xy"]
_COLUMNS = ("face_id", "frame", "success", *_POINTS)
_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp")
"""Of a folder OpenFace takes the files with these endings, in small letters only."""

_AGAIN = "run OpenFace's FeatureExtraction on this video again, with -2Dfp -simalign -simsize 112 -nomask"


@dataclass(frozen=True)
class _Face:
    """The face of one video: its id, landmarks float32 (136,) by OpenFace's number of the frame, from 1, and what the
    table says of others."""

    face_id: int
    landmarks: dict[int, np.ndarray]
    faces: Counter[int]
    choice: str | None


def table_file(output: Path, path: str) -> Path:
    """Where OpenFace's table of a video is.

    Args:
        output: the folder of OpenFace's output.
        path: the video's folder of frames, relative to the dataset's root, with ``/``.
    """
    return output / path / f"{PurePosixPath(path).name}.csv"


def align_video(
    root: Path, path: str, expected: int, frame_name: str, output: Path, settings: FaceSettings
) -> Iterator[AlignedFrame]:
    """The faces of a video as OpenFace aligned them. Raw frames are hashed, and decoded to find damage.

    Where the table has several faces, the one with the most successful frames is taken (the lowest id, if equal). A
    frame in which OpenFace did not succeed is ``missing``: its landmarks could be interpolated, but not its picture.

    Args:
        root: the dataset's root.
        path: the video's folder of frames, relative to it, with ``/``.
        expected: how many frames the index found there.
        frame_name: the pattern of their file names, as the index has it.
        output: the folder of OpenFace's output.
        settings: of them `unreadable` applies, to raw frames.

    Yields:
        One :class:`AlignedFrame` a frame, in the order of frame numbers; its image is uint8 (112, 112) or
        (112, 112, 3) RGB, its state ``openface``, ``missing`` or ``unreadable``.

    Raises:
        UserError: if the table or a picture is missing, damaged, or does not fit the frames; if a raw frame is damaged
            (unless `settings.unreadable` is ``exclude``); or if the folder no longer holds the frames of the index.
    """
    files = indexed_files(root / path, expected, frame_name)
    shape = common_shape([file for _, file in files])
    positions, pictured = _positions([file for _, file in files])
    table = table_file(output, path)
    face = _read(table, pictured)

    def read(file: Path) -> Frame:
        # Decoded for the sake of damage alone: what OpenFace saw in a damaged frame is no measurement either.
        frame = read_frame(file)
        check_shape(file, frame.image.shape, shape)
        return frame

    pictures = table.with_name(f"{table.stem}_aligned")
    if face.landmarks and not pictures.is_dir():
        raise UserError(f"{pictures}: no such folder of aligned faces; {_AGAIN}")
    for number, file in files:
        position = positions[file.name]
        raw, damage = or_damage(partial(read, file), settings.unreadable)
        landmarks = face.landmarks.get(position) if raw else None
        rotated = raw is not None and raw.orientation != 1
        row: dict[str, Any] = {
            "frame": number,
            "file": file.name,
            "sha256": raw.sha256 if raw else None,
            "size": raw.size if raw else None,
            "state": "openface" if landmarks is not None else "missing" if raw else "unreadable",
            "faces": face.faces[position],
            "choice": face.choice,
            "landmarks": landmarks,
            "matrix": None,
        }
        if landmarks is None:
            yield AlignedFrame(np.zeros((SIZE, SIZE), np.uint8), row, rotated, damage)
            continue
        picture = pictures / f"frame_det_{face.face_id:02d}_{position:06d}.bmp"
        try:
            frame = read_frame(picture)
        except DamagedFrame as error:
            raise UserError(f"{error}; {_AGAIN}") from None
        if frame.image.shape[:2] != (SIZE, SIZE):
            height, width = frame.image.shape[:2]
            raise UserError(f"{picture}: {width}x{height}, {SIZE}x{SIZE} is expected; {_AGAIN}")
        row |= {"aligned_file": picture.relative_to(output).as_posix(), "aligned_sha256": frame.sha256}
        yield AlignedFrame(frame.image, row, rotated)


def _positions(files: list[Path]) -> tuple[dict[str, int], int]:
    """OpenFace's number, from 1, of each of a folder's frames, by name; and how many pictures it takes of the folder.

    Pictures that are no frames of the video count, too. Where all frames end in capitals, which OpenFace passes over,
    it must have been given them under other names, in the same order.

    Raises:
        UserError: if only some of the frames end in capitals.
    """
    # What systems leave is no picture (._img1.jpg), and OpenFace would have ended at the first that it cannot read.
    names = [name for name in os.listdir(files[0].parent) if not is_clutter(name)] if files else []
    taken = [name for name in names if name.endswith(_ENDINGS)]
    if not {file.name for file in files} & set(taken):
        taken = [name for name in names if name.lower().endswith(_ENDINGS)]
    positions = {name: position for position, name in enumerate(sorted(taken, key=os.fsencode), start=1)}
    for file in files:
        if file.name not in positions:
            raise UserError(f"{file}: OpenFace passes over names that end in capitals; rename it, and {_AGAIN}")
    return positions, len(positions)


def _read(table: Path, expected: int) -> _Face:
    """Choose a face in OpenFace's table of a folder of `expected` pictures, and read its landmarks.

    The table is read twice, line by line: it has some 700 columns, and a long video's would fill tens of megabytes.
    """
    frames: dict[int, set[int]] = {}
    succeeded: Counter[int] = Counter()
    faces: Counter[int] = Counter()
    for face, frame, success, _ in _rows(table, points=False):
        if not 1 <= frame <= expected:
            raise UserError(f"{table}: describes frame {frame}, the folder has {expected} pictures; {_AGAIN}")
        if frame in frames.setdefault(face, set()):
            raise UserError(f"{table}: describes frame {frame} of face {face} twice; {_AGAIN}")
        frames[face].add(frame)
        succeeded[face] += success
        faces[frame] += success
    # Following one face, OpenFace writes a row for every frame, found or not: too few are a run that was cut short.
    if len(frames) <= 1 and sum(map(len, frames.values())) != expected:
        described = sum(map(len, frames.values()))
        raise UserError(f"{table}: describes {described} of the folder's {expected} pictures; {_AGAIN}")
    order = sorted(frames, key=lambda face: (-succeeded[face], face))
    chosen, choice = order[0], None
    if len(order) > 1:
        choice = (
            f"persistent: OpenFace's face {chosen}, found in {succeeded[chosen]} of {expected} frames; "
            f"face {order[1]} in {succeeded[order[1]]}"
        )
    landmarks = {
        frame: points
        for face, frame, success, points in _rows(table, points=True)
        if face == chosen and success and points is not None
    }
    return _Face(chosen, landmarks, faces, choice)


def _rows(table: Path, points: bool) -> Iterator[tuple[int, int, bool, np.ndarray | None]]:
    """Face id, frame, success and (if wanted, and of a success) landmarks, float32 (136,), of each row of the table.

    A spreadsheet may have saved it anew: with a byte-order mark, and semicolons or tabs between its numbers, which then
    may have decimal commas. Without success the landmarks can be anything, such as ``-nan(ind)``.

    Raises:
        UserError: if it cannot be read, lacks a column, or holds what is no number.
    """
    try:
        with open(table, encoding="utf-8-sig", newline="") as handle:
            header = handle.readline()
            separator = next((sign for sign in ";\t" if sign in header), ",")
            names = [name.strip().strip('"') for name in header.split(separator)]
            if absent := [name for name in _COLUMNS if name not in names]:
                more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
                raise UserError(f"{table}: lacks the columns {', '.join(absent[:3])}{more}; {_AGAIN}")
            face, frame, success, *xy = (names.index(name) for name in _COLUMNS)
            lines = csv.reader(handle, delimiter=separator, skipinitialspace=True)
            for line in lines:
                if not any(line):
                    continue
                if separator != ",":
                    line = [text.replace(",", ".") for text in line]
                try:
                    succeeded, where = float(line[success]) > 0, None
                    if len(line) < len(names):
                        raise ValueError
                    if points and succeeded:
                        where = np.array([line[i] for i in xy], np.float32)
                        if not np.isfinite(where).all():
                            raise ValueError
                    yield int(float(line[face])), int(float(line[frame])), succeeded, where
                except (ValueError, IndexError, OverflowError):
                    raise UserError(f"{table}: line {lines.line_num + 1} is damaged; {_AGAIN}") from None
    except FileNotFoundError:
        raise UserError(f"{table}: no such file; {_AGAIN}, or leave out --openface") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read ({error}); {_AGAIN}") from None

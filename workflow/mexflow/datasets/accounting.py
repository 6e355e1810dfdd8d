"""What lies below a dataset's root and is not used: every folder with frames, every file that is not clutter."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mexflow.datasets import other_sets
from mexflow.datasets.folders import IMAGE, FrameFolder, entries, is_folder, is_utf8, listed
from mexflow.errors import UserError, nearest

_IMAGE = re.compile(".*" + IMAGE, re.IGNORECASE)
_ARCHIVE = re.compile(r".*\.(?:zip|7z|rar|tar|t?gz|tgz|bz2|xz|\d{3}|z\d\d)", re.IGNORECASE)
_VIDEO = re.compile(r".*\.(?:avi|mp4|mov|mkv|wmv|mpe?g|m4v)", re.IGNORECASE)
_INTERRUPTED = re.compile(
    r"\..*\.[A-Za-z0-9]{6}|.*\.(?:part|partial|filepart|crdownload|download|tmp|temp)", re.IGNORECASE
)


@dataclass(frozen=True)
class Layout:
    """How a dataset is laid out, as far as it was read.

    `place` is where frames were read from, `levels` the patterns of the folder names below it, and `places` all places
    that the dataset is known to have frames in; relative to the root, with ``/``.
    """

    title: str
    dataset: str
    place: str
    levels: str
    places: tuple[str, ...]


@dataclass
class _Contents:
    """What a folder that is not used holds: images and other files in it, and folders."""

    images: int = 0
    files: list[str] = field(default_factory=list)
    folders: dict[str, _Contents] = field(default_factory=dict)

    def folders_of_images(self, path: str) -> list[tuple[str, int]]:
        counts = [(path, self.images)] if self.images else []
        return counts + [
            pair for name, folder in self.folders.items() for pair in folder.folders_of_images(f"{path}/{name}")
        ]

    def count(self) -> int:
        return len(self.files) + sum(folder.count() for folder in self.folders.values())


class Account:
    """Finds what is not used, and the folders that were looked into.

    Attributes:
        unused: a line each, path first, saying what it is and why it is not used.
        folders: every folder below the root, relative to it with ``/``.
    """

    def __init__(self, root: Path, layout: Layout, used: list[FrameFolder], known: Mapping[str, str]) -> None:
        """
        Args:
            root: the dataset's root.
            layout: how it was read.
            used: the folders of frames that the index has.
            known: files that are used or told of elsewhere, and folders of which it is known why they are not used
                (an empty text for what needs no word), by their paths relative to the root.
        """
        self.unused: list[str] = []
        self.folders: list[str] = []
        self._root, self._layout = root, layout
        self._used = {folder.path: folder for folder in used}
        self._known = known
        self._leading = {"."}
        for path in (*self._used, *known):
            self._leading |= {parent.as_posix() for parent in Path(path).parents}
        # The names that used folders have at each depth, for the nearest one.
        self._names: dict[int, set[str]] = {}
        for path in self._used:
            for depth, name in enumerate(path.split("/")):
                self._names.setdefault(depth, set()).add(name)
        self._visit("")

    def _visit(self, path: str) -> None:
        """Account for a folder on the way to used ones, or a used one."""
        self.folders.append(path or ".")
        strange: list[str] = []
        for name, leads_on in self._inside(path):
            below = f"{path}/{name}" if path else name
            if below in self._known:
                if self._known[below]:
                    self.unused.append(f"{below}: {self._known[below]}")
                if leads_on:
                    self._look(below)
            elif not leads_on:
                strange.append(name)
            elif below in self._used or below in self._leading:
                self._visit(below)
            elif below == "truth":
                # Its files may still be written, so they are not counted.
                self.unused.append(f"{below}: what the renderer knows of its synthetic copy, no part of the dataset")
            else:
                self._unused(below, self._look(below))
        if strange:
            self.unused.append(f"{path or '.'}: {self._files(path, strange)}")

    def _inside(self, path: str) -> list[tuple[str, bool]]:
        """Names in a folder and whether each is a folder; of a used one, those that are no frames."""
        if path in self._used:
            return [(name, os.path.isdir(self._root / path / name)) for name in self._used[path].others]
        return [(entry.name, is_folder(entry)) for entry in entries(self._root / path)]

    def _look(self, path: str, above: frozenset[tuple[int, int]] | None = None) -> _Contents:
        """What an unused folder holds, links to folders above it left alone."""
        self.folders.append(path)
        contents = _Contents()
        if above is None:
            above = frozenset(_identity(self._root / parent) for parent in Path(path).parents)
        here = _identity(self._root / path)
        try:
            inside = entries(self._root / path) if here not in above else []
        except UserError as error:
            contents.files.append(str(error))
            return contents
        for entry in inside:
            if is_folder(entry):
                contents.folders[entry.name] = self._look(f"{path}/{entry.name}", above | {here})
            elif _IMAGE.fullmatch(entry.name):
                contents.images += 1
            else:
                contents.files.append(entry.name)
        return contents

    def _unused(self, path: str, contents: _Contents) -> None:
        pictured = contents.folders_of_images(path)
        files = contents.count()
        if not pictured and not files:
            return
        parts = []
        if pictured:
            where = f" (the first: {pictured[0][0]})" if pictured[0][0] != path else ""
            images = sum(count for _, count in pictured)
            parts.append(f"{_many(len(pictured), 'folder')} with {_many(images, 'image')}{where}")
        if files:
            names = f" ({listed(contents.files)})" if contents.files and not contents.folders else ""
            parts.append(f"{_many(files, 'other file')}{names}")
        self.unused.append(f"{path}: {', '.join(parts)}; {self._why(pictured[0][0] if pictured else path)}")

    def _why(self, path: str) -> str:
        """Why a folder is not used."""
        layout, parts = self._layout, path.split("/")
        if not is_utf8(path):
            return "a name that is not in UTF-8; rename it"
        for part in parts:
            some = other_sets.of_folder(part.strip())
            if some and some.dataset != layout.dataset:
                return f"another set: {some.title}"
        other = [
            p
            for p in layout.places
            if p not in ("", layout.place) and _within(path, p) and not _within(layout.place, p)
        ]
        if other:
            return f"frames are read from {layout.place or 'the root itself'}"
        above = [parent.as_posix() for parent in Path(path).parents]
        if any(parent in self._used for parent in above):
            return "a folder inside a folder of frames"
        if not _within(path, layout.place):
            return f"no part of {layout.title} as it was read, from {layout.place or 'the root itself'}"
        first = len(layout.place.split("/")) if layout.place else 0
        levels = layout.levels.split("/")
        for depth, (part, level) in enumerate(zip(parts[first:], levels, strict=False), start=first):
            if not re.fullmatch(level, part.strip(), re.IGNORECASE):
                # The names of clips are all much alike: the nearest would say nothing.
                likely = self._names.get(depth, ()) if depth + 1 < first + len(levels) else ()
                return f"{part!r} is no name of {layout.title} there{nearest(part, likely)}"
        return f"{layout.title} has its frames {len(levels)} folders below {layout.place or 'the root itself'}"

    def _files(self, path: str, names: list[str]) -> str:
        """What files in a folder are."""
        of_frames = path in self._used
        kinds: dict[str, list[str]] = {}
        for name in names:
            dead = not os.path.exists(self._root / path / name)
            kind = "a link that leads nowhere" if dead else _kind(name, of_frames)
            kinds.setdefault(kind, []).append(name)
        return "; ".join(f"{listed(some)}: {kind}" for kind, some in kinds.items())


def _kind(name: str, of_frames: bool) -> str:
    if _INTERRUPTED.fullmatch(name):
        return "left by a copy that was interrupted; copy again"
    if _IMAGE.fullmatch(name):
        return "an image whose name is no frame's here" if of_frames else "an image outside the folders of frames"
    if _ARCHIVE.fullmatch(name):
        return "an archive, not looked into"
    if _VIDEO.fullmatch(name):
        return "a video file; frames are read, not videos"
    if (some := other_sets.of_table(name)) is not None:
        return f"a table of {some.title} that is not read"
    return "neither a frame nor a table that is read"


def _identity(folder: Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _within(path: str, place: str) -> bool:
    path, place = path.casefold(), place.casefold()
    return not place or path == place or path.startswith(place + "/")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"

"""The owners' other sets that lie beside a wanted one, told by the names of their folders and tables.

They are laid out much alike, at other frame rates and with other clips: taken for the wanted set, one would be read
without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OtherSet:
    """A set of files: its `title`, and the patterns, without case, of its `folders` and its `tables` (files).

    `dataset` is its name here, None if nothing here reads it. `refused_as` are the datasets that a root inside one of
    its folders must not be taken for.
    """

    title: str
    folders: str
    tables: str = r"(?!)"
    dataset: str | None = None
    refused_as: tuple[str, ...] = ()


SETS = (
    OtherSet("SMIC-HS", r"HS|SMIC_all_raw|SMIC_all_cropped", dataset="smic"),
    OtherSet("SMIC-VIS (25 fps, 71 clips of 8 subjects)", r"(?:SMIC[ _-]*)?VIS", refused_as=("smic",)),
    OtherSet("SMIC-NIR (25 fps, 71 clips of 8 subjects)", r"(?:SMIC[ _-]*)?NIR", refused_as=("smic",)),
    OtherSet(
        "SMIC-E, the long clips",
        r"(?:HS|VIS|NIR)_long|SMIC-(?:HS|VIS|NIR)-E|SMIC-E.*",
        r"SMIC-(?:HS|VIS|NIR)-E_annotation.*",
        refused_as=("smic",),
    ),
    OtherSet("SMIC's clips without a micro-expression", r"non[ _-]?micro", refused_as=("smic",)),
    OtherSet("CASME II", r"CASME2.*", r"CASME2-(?:coding|Objective).*", dataset="casme2"),
    OtherSet("CASME, the first of that name (60 fps)", r"CASME1|Section[ _-]?[AB]", refused_as=("casme2",)),
    OtherSet("SAMM", r"SAMM", r"SAMM_(?:\d+_)?Micro_FACS_Codes.*", dataset="samm"),
    OtherSet(
        "SAMM Long Videos", r"SAMM[ _-]?long[ _-]?videos", r"SAMM_LongVideos_V\d.*", dataset="samm_lv",
        refused_as=("samm",),
    ),
    OtherSet("CAS(ME)²", r"rawpic", r"(?:CAS\(ME\)\W*[2²][\W_]*)?code[\W_]*final.*", dataset="cas_me_2"),
    OtherSet(
        "CAS(ME)³", r"spNO\..*|part_?[ABC](?:_.*)?|CAS\(ME\)\W*[3³].*", r"cas\(me\)\W*[3³].*",
        refused_as=("cas_me_2", "casme2"),
    ),
    OtherSet("MMEW's micro-expressions", r"Micro_Expression", r"MMEW_Micro_Exp.*", dataset="mmew"),
    OtherSet("MMEW's macro-expressions", r"Macro_Expression", r"MMEW_Macro_Exp.*", refused_as=("mmew",)),
)  # fmt: skip


def of_folder(name: str) -> OtherSet | None:
    """The set that a folder of this name is of, None if it tells nothing."""
    return next((some for some in SETS if _is(some.folders, name)), None)


def of_table(name: str) -> OtherSet | None:
    """The set that a file of this name is the table of, None if it tells nothing."""
    return next((some for some in SETS if _is(some.tables, name)), None)


def taken_for(dataset: str, root: Path, place: str = "") -> OtherSet | None:
    """The other set that frames are of, where they must not be taken for those of `dataset`.

    The name nearest to the frames decides, of the folders of `place` (relative to the root), the root and the folder
    around it: farther up may stand any name. What a link leads to counts as well.
    """
    for folder in {root.absolute(), root.resolve()}:
        for part in reversed((*folder.parts[-2:], *place.split("/"))):
            some = of_folder(part.strip())
            if some and dataset in some.refused_as:
                return some
            if some and some.dataset == dataset:
                break
    return None


def recognised(names: Iterable[str], dataset: str) -> str:
    """`` (it holds NAME, of another set)`` for the names in a folder that are another set's; empty if there is none."""
    # Tables first: they tell most.
    names = sorted(names, key=lambda name: of_table(name) is None)
    others = [(name, some) for name in names if (some := of_table(name) or of_folder(name)) and some.dataset != dataset]
    if not others:
        return ""
    name, some = others[0]
    key = f"; set datasets.{some.dataset}.root for it" if some.dataset else ""
    return f" (it holds {name}, which is {some.title}{key})"


def _is(pattern: str, name: str) -> bool:
    return bool(re.fullmatch(pattern, name, re.IGNORECASE))

"""What the index of a dataset holds: expressions, folders, and everything a reader should know of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexflow.datasets import SPOTTING
from mexflow.datasets.folders import shown
from mexflow.datasets.labels import OBJECTIVE_NUMERALS
from mexflow.datasets.spotting import interval
from mexflow.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

_LABELS = ("emotion", "casme2_5class", "objective_class", "megc2018", "megc2019", "mmew_5class")
_SHOWN_IN_ERROR = 3


@dataclass
class Listing:
    """The index of a dataset or composite.

    `rows` and `videos` are dicts with the columns of `schema.ROWS` and `schema.VIDEOS`; `annotation_files` are
    the files that were read; `notes` are remarks about the copy of the dataset, `unused` everything below the root
    that is not used, with why not, and `folders` the folders that were looked into, relative to the root.
    """

    dataset: str
    rows: list[dict[str, Any]]
    videos: list[dict[str, Any]]
    annotation_files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def rows_table(self) -> pa.Table:
        """One row per annotated expression (`schema.ROWS`), in the order of the annotation table."""
        import pyarrow as pa

        from mexflow.datasets.schema import ROWS

        return pa.Table.from_pylist(self.rows, schema=ROWS)

    def videos_table(self) -> pa.Table:
        """One row per folder of frames (`schema.VIDEOS`), in the order of their paths."""
        import pyarrow as pa

        from mexflow.datasets.schema import VIDEOS

        return pa.Table.from_pylist(self.videos, schema=VIDEOS)

    def repairs(self) -> list[tuple[str, str]]:
        """Every repair as (clip, what was changed and why)."""
        return [(row["clip"], repair) for row in self.rows for repair in row["repairs"]]

    def exclusions(self) -> list[tuple[str, str]]:
        """Every excluded row as (clip, why)."""
        return [(row["clip"], row["excluded"]) for row in self.rows if row["excluded"] is not None]

    def doubted(self) -> list[str]:
        """The folders of frames that are not used, with why not; what an expression lies in is among the exclusions."""
        return [f"{v['path']}: {v['excluded']}" for v in self.videos if v["excluded"] and not v["annotated"]]

    def summary(self) -> str:
        """The index in lines of plain text.

        Counts, k of a dataset of long videos, every repair, every exclusion, folders without annotation, what else lies
        below the root, and notes.

        Subjects and classes are counted over the rows in use, i.e. those that are not excluded.
        """
        used = [row for row in self.rows if row["excluded"] is None]
        frames = sum(video["frame_count"] for video in self.videos)
        lines = [
            f"{self.dataset}: {len(self.rows)} rows ({len(used)} in use), "
            f"{len({(row['dataset'], row['subject']) for row in used})} subjects, "
            f"{len(self.videos)} folders, {frames} frames"
        ]
        for label in _LABELS:
            counts = Counter(row[label] for row in used if row[label] is not None)
            if counts:
                lines.append(f"  {label}: {_classes(label, counts)}")
        if self.dataset in SPOTTING:
            lines += [f"  k {kind}: {_k(self.rows, kind)}" for kind in sorted({row["type"] for row in self.rows})]
        lines += _section("repairs", [f"{clip}: {what}" for clip, what in self.repairs()])
        lines += _section("exclusions", [f"{clip}: {why}" for clip, why in self.exclusions()])
        lines += _section("folders without annotation", [v["path"] for v in self.videos if not v["annotated"]])
        lines += _section(
            "folders with missing frames",
            [f"{v['path']}: {v['missing_frames']} missing" for v in self.videos if v["missing_frames"]],
        )
        lines += _section("not used", [*self.doubted(), *self.unused])
        lines += _section("notes", self.notes)
        return "\n".join(shown(line) for line in lines)

    def strict(self) -> None:
        """Accept neither repairs nor exclusions.

        Raises:
            UserError: if there is any, with their number and the first few.
        """
        repairs, exclusions = self.repairs(), self.exclusions()
        found = exclusions + repairs
        if not found:
            return
        shown = "; ".join(f"{clip}: {text}" for clip, text in found[:_SHOWN_IN_ERROR])
        more = f"; and {len(found) - _SHOWN_IN_ERROR} more" if len(found) > _SHOWN_IN_ERROR else ""
        raise UserError(
            f"{self.dataset}: --strict allows no repair or exclusion (repairs: {len(repairs)}, exclusions: "
            f"{len(exclusions)}): {shown}{more}; mend the dataset or run without --strict"
        )


def _k(rows: list[dict[str, Any]], kind: str) -> str:
    try:
        found = interval(rows, kind)
    except UserError as error:
        return str(error)
    return f"{found.k} = {found.rule}"


def _classes(label: str, counts: Counter[Any]) -> str:
    if label == "objective_class":
        return ", ".join(f"{OBJECTIVE_NUMERALS[value - 1]} {counts[value]}" for value in sorted(counts))
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"  {title}: {len(lines)}", *(f"    {line}" for line in lines)]

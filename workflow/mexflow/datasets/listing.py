"""What the index of a dataset holds: expressions, folders, and everything a reader should know of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexflow.datasets.columns import Label
from mexflow.datasets.folders import shown
from mexflow.datasets.half_length import half_length
from mexflow.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN_IN_ERROR = 3


@dataclass
class Listing:
    """The index of a dataset or composite.

    `rows` and `videos` are dicts with the columns of `schema.ROWS` and `schema.VIDEOS`; `annotation_files` are
    the files that were read; `notes` are remarks about the copy of the dataset, `unused` everything below the root
    that is not used, with why not, and `folders` the folders that were looked into, relative to the root. `labels` are
    the label columns that the rows have, and `long_videos` says whether spotting is done in the videos.
    """

    dataset: str
    rows: list[dict[str, Any]]
    videos: list[dict[str, Any]]
    annotation_files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    labels: tuple[Label, ...] = ()
    long_videos: bool = False

    def rows_table(self) -> pa.Table:
        """One row per annotated expression (`schema.ROWS`), in the order of the annotation table."""
        import pyarrow as pa

        from mexflow.datasets.schema import rows_schema

        return pa.Table.from_pylist(self.rows, schema=rows_schema(self.labels))

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
        in_use = [row for row in self.rows if row["excluded"] is None]
        frames = sum(video["frame_count"] for video in self.videos)
        lines = [
            f"{self.dataset}: {len(self.rows)} rows ({len(in_use)} in use), "
            f"{len({(row['dataset'], row['subject']) for row in in_use})} subjects, "
            f"{len(self.videos)} folders, {frames} frames"
        ]
        lines += _counted("emotion", Counter(row["emotion"] for row in in_use))
        for label in self.labels:
            lines += _counted(label.name, Counter(row[label.name] for row in in_use), label)
        if self.long_videos:
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
        changes = exclusions + repairs
        if not changes:
            return
        first = "; ".join(f"{clip}: {text}" for clip, text in changes[:_SHOWN_IN_ERROR])
        more = f"; and {len(changes) - _SHOWN_IN_ERROR} more" if len(changes) > _SHOWN_IN_ERROR else ""
        raise UserError(
            f"{self.dataset}: --strict allows no repair or exclusion (repairs: {len(repairs)}, exclusions: "
            f"{len(exclusions)}): {first}{more}; mend the dataset or run without --strict"
        )


def _k(rows: list[dict[str, Any]], kind: str) -> str:
    try:
        half = half_length(rows, kind)
    except UserError as error:
        return str(error)
    return f"{half.k} = {half.rule}"


def _counted(name: str, counts: Counter[Any], label: Label | None = None) -> list[str]:
    """The rows of each class in a line: the largest class first, classes that are numbers in their order."""
    classes = {value: count for value, count in counts.items() if value is not None}
    if not classes:
        return []
    if label and label.type == "int64":
        ordered = sorted(classes.items())
    else:
        ordered = sorted(classes.items(), key=lambda item: (-item[1], item[0]))
    return [f"  {name}: " + ", ".join(f"{label.text(value) if label else value} {count}" for value, count in ordered)]


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"  {title}: {len(lines)}", *(f"    {line}" for line in lines)]

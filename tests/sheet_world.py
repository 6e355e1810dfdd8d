"""What contact sheets are drawn from, made up, and where a picture stands on one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mexflow import __main__
from mexflow.datasets.schema import ROWS, VIDEOS
from mexflow.preprocess.table_schemas import FACES, FLOW
from mexflow.sheets import RESIDUALS, contact_sheet, sheet_files
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results

SCALE, LEFT, TOP = 0.5, 60, 30
"""The aligned face is the raw frame's square of 224 pixels from (60, 30) on."""

MATRIX = np.array([[SCALE, 0, -SCALE * LEFT - 0.25], [0, SCALE, -SCALE * TOP - 0.25]])
LANDMARKS = np.stack([np.linspace(100, 240, 68), np.linspace(80, 200, 68)], axis=1)
FRAMES, FPS = 30, 30.0

RESIDUAL = pa.schema(
    [
        *((name, pa.string()) for name in ("dataset", "subject", "video", "clip")),
        *((name, pa.int64()) for name in ("start", "end")),
        ("key_frames", pa.list_(pa.int64())),
        ("excluded", pa.string()),
    ]
)


@dataclass
class World:
    """Made-up artifacts of a few subjects of one dataset, in one folder."""

    folder: Path
    dataset: str = "casme2"
    rows: list[dict] = field(default_factory=list)
    videos: list[dict] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)

    def add(self, subject: str, clips: list[dict], states: dict[int, str] | None = None, **left_out: str) -> None:
        """A subject with one video and these clips of it; `left_out` are faces, flow, ars or rrs: reason."""
        video, states = f"{subject}_video", states or {}
        keys = {"dataset": self.dataset, "subject": subject, "video": video}
        rng = np.random.default_rng(len(self.subjects))
        images = rng.integers(0, 256, (FRAMES, 112, 112, 1), np.uint8)
        faces = []
        for number in range(1, FRAMES + 1):
            file = self.folder / "raw" / subject / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            image = np.full((300, 400), 40 + number, np.uint8)
            data = cv2.imencode(".png", image)[1].tobytes()
            file.write_bytes(data)
            entry = {
                **keys, "frame": number, "file": f"{subject}/{file.name}", "sha256": hashlib.sha256(data).hexdigest(),
                "size": len(data), "state": states.get(number, "tracked"), "faces": 1, "landmarks": LANDMARKS.ravel(),
                "matrix": MATRIX.ravel(), "excluded": left_out.get("faces"),
            }  # fmt: skip
            faces.append(entry)
        self._array("faces", subject, images, faces, FACES)
        self._array("lcn", subject, rng.normal(0, 1, images.shape[:3]).astype(np.float16), None, None)
        own = [
            {
                **dict.fromkeys(ROWS.names), **keys, "clip": f"{subject}_{i}", "type": "micro", "onset": 5, "apex": 9,
                "offset": 14, "fps": FPS, "action_units": "4", "emotion": "anger", "path": subject, "repairs": [],
                **clip,
            }
            for i, clip in enumerate(clips)
        ]  # fmt: skip
        usable = [row for row in own if row["excluded"] is None]
        of_clip = [{name: row[name] for name in ("dataset", "subject", "video", "clip")} for row in usable]
        pair = {"pair": "onset-apex", "first_frame": 5, "second_frame": 9, "excluded": left_out.get("flow")}
        flow = rng.normal(0, 1, (len(usable), 2, 112, 112)).astype(np.float32)
        self._array("flow/sheet", subject, flow, [{**row, **pair} for row in of_clip], FLOW)
        for kind in RESIDUALS:
            made = {"start": 5, "end": 14, "key_frames": [5, 9, 14], "excluded": left_out.get(kind)}
            residual = rng.integers(0, 256, (len(usable), 320, 320, 3), np.uint8)
            self._array(f"residual/{kind}", subject, residual, [{**row, **made} for row in of_clip], RESIDUAL)
        truth = {
            "video": [video] * FRAMES, "frame": np.arange(FRAMES, 0, -1), "blink": np.zeros(FRAMES),
            "au4_l": np.linspace(0.5, 0, FRAMES), "au4_r": np.linspace(0, 0.8, FRAMES), "au12": np.zeros(FRAMES),
        }  # fmt: skip
        (self.folder / "raw" / "truth").mkdir(exist_ok=True)
        pq.write_table(pa.table(truth), self.folder / "raw" / "truth" / f"{subject}.parquet")
        self.rows += own
        self.videos.append({
            **keys, "path": subject, "first_frame": 1, "last_frame": FRAMES, "frame_count": FRAMES, "missing_frames": 0,
            "fps": FPS, "annotated": True,
        })  # fmt: skip
        self.subjects.append(subject)

    def _array(
        self, folder: str, subject: str, values: np.ndarray, rows: list[dict] | None, schema: pa.Schema | None
    ) -> None:
        path = self.folder / folder / self.dataset / f"{subject}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)
        if rows is not None:
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), path.with_suffix(".parquet"))

    def paths(self, kind: str, ending: str = "npy") -> list[Path]:
        stage = f"residual/{kind}" if kind in RESIDUALS else {"flow": "flow/sheet"}.get(kind, kind)
        folder = self.folder / stage / self.dataset
        return [folder / f"{subject}.{ending}" for subject in self.subjects]

    def load(self, *kinds: str) -> list[sheet_files.SubjectFiles]:
        """The subjects with those of lcn, flow, ars, rrs and truth that are named."""
        folders = sheet_files.Folders(
            "lcn" if "lcn" in kinds else "",
            "flow/sheet" if "flow" in kinds else "",
            {kind: f"residual/{kind}" for kind in RESIDUALS if kind in kinds},
            self.folder / "raw" / "truth" if "truth" in kinds else None,
        )
        return sheet_files.load(Inputs(), Results(self.folder), self.dataset, self.subjects, folders)

    def sheet(self, **changes: object) -> contact_sheet.Sheet:
        return replace(contact_sheet.Sheet(self.dataset, self.rows, self.videos, "embedded", "tvl1"), **changes)

    def read_raw(self, file: str) -> np.ndarray:
        return cv2.imread(str(self.folder / "raw" / file), cv2.IMREAD_UNCHANGED)

    def draw(self, *kinds: str, **changes: object) -> tuple[np.ndarray, list[str]]:
        """The sheet as RGB pixels, and what was said."""
        drawn, said = contact_sheet.draw(self.sheet(**changes), self.load(*kinds), self.read_raw, lambda steps: None)
        return decoded(drawn), said

    def arguments(self, output: Path) -> list[str]:
        """The command line of this sheet; the index and the videos table are written."""
        results = Results(self.folder)
        results.index(self.dataset).parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(self.rows, schema=ROWS), results.index(self.dataset))
        pq.write_table(pa.Table.from_pylist(self.videos, schema=VIDEOS), results.videos(self.dataset))
        options = {
            "dataset": [self.dataset], "root": [self.folder / "raw"], "results": [self.folder], "data": ["embedded"],
            "subject": self.subjects, "flow": ["sheet"], "flow-method": ["tvl1"], "output": [output],
            "residual": [f"{kind}={kind}" for kind in RESIDUALS],
        }  # fmt: skip
        given = (str(part) for name, values in options.items() for v in values for part in (f"--{name}", v))
        return ["sheet", "--truth", *given]


ALL = ("lcn", "flow", "ars", "rrs", "truth")


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def places(page: np.ndarray, tile: np.ndarray) -> list[tuple[int, int]]:
    """Where a tile stands on a page, pixel by pixel: (x, y)."""
    found = []
    height, width = tile.shape[:2]
    for y, x in np.argwhere((page[: -height + 1, : -width + 1] == tile[0, 0]).all(-1)):
        if (page[y : y + height, x : x + width] == tile).all():
            found.append((int(x), int(y)))
    return found


def fails(arguments: list[str], capsys) -> str:
    """The one line that a failing command says."""
    assert __main__.main(arguments) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said

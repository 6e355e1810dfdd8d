"""Contact sheets and the LCN figure: the right pictures at the right places, and words where there is no picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mexflow import __main__
from mexflow.datasets.schema import ROWS, VIDEOS
from mexflow.figures import colour_wheel, lcn_figure, tiles
from mexflow.figures.layout import Page
from mexflow.preprocess.lcn import grey, lcn
from mexflow.preprocess.table_schemas import FACES, FLOW
from mexflow.sheets import RESIDUALS, contact_sheet, sheet_files, time_courses
from mexflow.store.artifacts import Inputs
from mexflow.store.paths import Results
from project import mexflow

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


@pytest.fixture
def world(tmp_path) -> World:
    made = World(tmp_path)
    made.add("01", [{}])
    return made


@pytest.fixture
def words(monkeypatch) -> list[str]:
    """Every text placed on a page."""
    placed: list[str] = []
    place = Page.place_text

    def noted(self, x, y, words, *others, **style):
        placed.append(" ".join(words.split()))
        place(self, x, y, words, *others, **style)

    monkeypatch.setattr(Page, "place_text", noted)
    return placed


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


# Colours of flow


@pytest.mark.parametrize(
    ("motion", "colour"),
    [((1, 0), (255, 0, 0)), ((0, 1), (255, 234, 0)), ((-1, 0), (0, 197, 255)), ((0, -1), (103, 0, 255))],
)
def test_directions_have_their_colours(motion, colour):
    field_ = np.array(motion, float).reshape(2, 1, 1)
    assert np.abs(colour_wheel.colours(field_, 1.0)[0, 0].astype(int) - colour).max() <= 1
    half = colour_wheel.colours(field_, 2.0)[0, 0].astype(int)
    assert np.abs(half - (np.array(colour) + 255) / 2).max() <= 1, "half the length: half way to white"
    beyond = colour_wheel.colours(field_, 0.5)[0, 0].astype(int)
    assert np.abs(beyond - 0.75 * np.array(colour)).max() <= 1, "beyond the scale: darker"


def test_no_motion_is_white_and_no_number_black():
    field_ = np.zeros((2, 1, 2))
    field_[0, 0, 1] = np.nan
    assert colour_wheel.colours(field_, 1.0).tolist() == [[[255] * 3, [0] * 3]]


def test_the_hue_goes_round_without_a_jump():
    angle = np.linspace(0, 2 * np.pi, 2000)
    hues = colour_wheel.colours(np.stack([np.cos(angle), np.sin(angle)])[:, None], 1.0)[0].astype(int)
    assert np.abs(np.diff(hues, axis=0)).max() <= 4
    assert np.abs(hues[0] - hues[-1]).max() <= 1


def test_the_wheel_shows_the_colour_of_the_motion_from_its_centre():
    wheel = colour_wheel.wheel(101).astype(int)
    for x, y in ((90, 50), (50, 80), (20, 50), (30, 25)):
        motion = np.array([x - 50, y - 50], float).reshape(2, 1, 1)
        assert np.abs(wheel[y, x] - colour_wheel.colours(motion, 50.5)[0, 0]).max() <= 1
    assert (wheel[0, 0] == 255).all() and (wheel[50, 50] == 255).all()


@pytest.mark.parametrize(("length", "scale"), [(0.0, 0.2), (0.15, 0.2), (0.21, 0.5), (1.0, 1.0), (1.2, 2.0), (37, 50)])
def test_the_scale_of_a_flow_is_round_and_holds_it(length, scale):
    field_ = np.stack([np.full((20, 20), length), np.zeros((20, 20))])
    assert colour_wheel.scale_of(field_, 0.2) == pytest.approx(scale)


# Tiles


def test_lcn_is_grey_about_zero():
    frame = np.array([[-9.0, -tiles.LCN_LIMIT, 0, tiles.LCN_LIMIT]] * 4)
    assert tiles.normalised(frame, 4)[0].tolist() == [[0] * 3, [0] * 3, [128] * 3, [255] * 3]


def test_the_box_and_the_landmarks_are_drawn_where_the_alignment_says():
    tile = tiles.raw_tile(np.full((300, 400), 90, np.uint8), MATRIX, LANDMARKS).astype(int)
    rows, columns = np.nonzero((np.abs(tile - tiles._BOX) < 30).all(-1))
    # The box is 224 raw pixels wide in the middle of a cut of 1.45 times that.
    width = tiles.TILE / 1.45
    for low, high in ((rows.min(), rows.max()), (columns.min(), columns.max())):
        assert (low + high) / 2 == pytest.approx(tiles.TILE / 2, abs=1.5)
        assert high - low == pytest.approx(width, abs=4)
    shrink = width / 224
    # From the middle of the box, (172, 142) in the raw frame.
    for index in (0, 36, 67):
        x, y = ((LANDMARKS[index] + 0.5 - (LEFT + 112, TOP + 112)) * shrink + tiles.TILE / 2).round().astype(int)
        near = tile[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3)
        assert np.abs(near - tiles._POINT).max(1).min() < 30, f"landmark {index}"


def test_what_lies_outside_the_frame_is_white_and_the_face_is_inside():
    shifted = MATRIX.copy()
    shifted[:, 2] += 100  # the face is 200 raw pixels further left and up
    tile = tiles.raw_tile(np.full((300, 400), 90, np.uint8), shifted, None)
    assert (tile[5, 5] == 255).all() and (tile[-5, -5] == 90).all()


def test_without_a_box_the_landmarks_say_where_the_face_is():
    image = np.full((300, 400), 90, np.uint8)
    tile = tiles.raw_tile(image, None, LANDMARKS).astype(int)
    rows, columns = np.nonzero((np.abs(tile - tiles._POINT) < 30).all(-1))
    assert (columns.min() + columns.max()) / 2 == pytest.approx(tiles.TILE / 2, abs=2)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(tiles.TILE / 2, abs=2)
    assert not (np.abs(tile - tiles._BOX) < 30).all(-1).any()
    assert (tiles.raw_tile(image, None, None) == 90).mean() == pytest.approx(0.75, abs=0.02), "the whole frame"


# Courses of long videos


def test_the_course_of_the_truth_is_the_stronger_side_in_the_order_of_frames(world):
    (files,) = world.load("truth")
    course = time_courses.of_truth(files.truth, "01_video")
    assert course.frames.tolist() == list(range(1, FRAMES + 1))
    left, right = np.linspace(0.5, 0, FRAMES)[::-1], np.linspace(0, 0.8, FRAMES)[::-1]
    assert list(course.curves) == ["AU4"], "units that do not move, and blinks that are none, are left out"
    np.testing.assert_allclose(course.curves["AU4"], [max(pair) for pair in zip(left, right, strict=True)])
    assert time_courses.of_truth(files.truth, "another") is None


@pytest.mark.parametrize("kinds", [(), ("lcn",)])
def test_the_course_of_faces_is_the_change_about_each_frame(tmp_path, kinds):
    world = World(tmp_path)
    world.add("01", [{}], states={20: "missing"})
    (files,) = world.load(*kinds)
    course = time_courses.of_faces(files, "01_video", FPS)
    stored = files.lcn if kinds else np.load(world.paths("faces")[0])
    half = 3  # a tenth of a second
    assert course.frames.tolist() == list(range(1 + half, FRAMES - half + 1))
    for frame, value in zip(course.frames, course.curves["difference"], strict=True):
        if frame - half == 20 or frame + half == 20:
            assert np.isnan(value)
        else:
            before, after = stored[frame - half - 1].astype(float), stored[frame + half - 1].astype(float)
            assert value == pytest.approx(np.mean(np.abs(after - before)), rel=1e-4)
    assert ("LCN" in course.label) == bool(kinds)
    assert time_courses.of_faces(files, "01_video", 200.0) is None, "no two faces so far apart"


# Which clip is shown


def test_the_first_clip_that_can_be_shown_is(tmp_path):
    world = World(tmp_path)
    world.add(
        "01", [{"excluded": "folder_missing: x"}, {"apex": 20}, {}, {}, {"type": "macro"}], states={20: "missing"}
    )
    (files,) = world.load()
    assert files.first_usable(world.rows, "micro")[0]["clip"] == "01_2"
    assert files.first_usable(world.rows, "macro")[0]["clip"] == "01_4"


@pytest.mark.parametrize(
    ("clips", "faces", "reason"),
    [
        (
            [{"excluded": "folder_missing: no such folder"}],
            None,
            "every micro-expression is left out: folder_missing: no",
        ),
        ([{}, {}], "no_face: none", "every micro-expression is left out: no_face: none (the first of 2)"),
        ([{"offset": 31}], None, "frame_absent: no aligned face of frame 31, the offset"),
        ([{"type": "macro"}], None, "no micro-expression is annotated"),
    ],
)
def test_a_subject_without_a_clip_is_said(tmp_path, words, clips, faces, reason):
    world = World(tmp_path)
    world.add("01", clips, **({"faces": faces} if faces else {}))
    _, said = world.draw()
    assert len(said) == 1 and reason in said[0]
    assert any(reason in text for text in words)


def test_a_subject_without_frames_is_no_failure(tmp_path):
    world = World(tmp_path)
    world.add("01", [{"excluded": "folder_missing: x"}])
    np.save(world.paths("faces")[0], np.zeros((0, 112, 112, 1), np.uint8))
    pq.write_table(FACES.empty_table(), world.paths("faces", "parquet")[0])
    np.save(world.paths("lcn")[0], np.zeros((0, 112, 112), np.float16))
    assert world.draw("lcn", "flow", "ars")[1] == ["01: every micro-expression is left out: folder_missing: x"]


# The sheet


def test_every_picture_is_the_one_of_its_column(world):
    page, said = world.draw(*ALL)
    (files,) = world.load(*ALL)
    assert said == ["01: 01_0"]
    expected = [
        tiles.raw_tile(world.read_raw("01/9.png"), MATRIX, LANDMARKS),
        *(tiles.picture(files.faces["01_video", number]) for number in (5, 9, 14)),
        tiles.normalised(files.lcn[8]),
        tiles.flow_tile(files.flow.array[0])[0],
        *(tiles.picture(files.residuals[kind].array[0]) for kind in RESIDUALS),
    ]
    at = [places(page, tile) for tile in expected[1:]]
    assert [len(found) for found in at] == [1] * 7, "each once"
    tops = {y for ((_, y),) in at}
    assert len(tops) == 1
    lefts = [x for ((x, _),) in at]
    assert lefts == sorted(lefts)
    # The raw frame is even, so that it is looked for at its place alone.
    (top,), left = tops, lefts[0] - (lefts[1] - lefts[0])
    assert (page[top : top + tiles.TILE, left : left + tiles.TILE] == expected[0]).all()
    assert page.shape[1] == 1920


def test_what_was_not_made_is_said_in_its_place(world, words):
    world.draw("rrs")
    assert words.count("not made") == 3  # LCN, flow, ARS
    words.clear()
    world.draw(*ALL)
    assert "not made" not in words


def test_what_was_left_out_later_is_said_in_its_place(tmp_path, words):
    world = World(tmp_path)
    world.add("01", [{}], flow="frame_absent: no face", ars="frame_changed: other")
    world.draw(*ALL)
    assert "onset-apex: frame_absent: no face" in words and "frame_changed: other" in words


def test_a_table_without_the_clip_is_said(world, words):
    path = world.paths("flow", "parquet")[0]
    table = pq.read_table(path)
    pq.write_table(table.set_column(FLOW.get_field_index("pair"), "pair", pa.array(["onset-offset"])), path)
    world.draw("flow")
    assert "onset-apex: no row of this clip" in words


def test_the_heading_says_frames_states_and_repairs(tmp_path, words):
    world = World(tmp_path)
    repair = "apex_missing: the table has none, the middle is used"
    world.add(
        "01", [{"repairs": [repair]}, {"excluded": "folder_missing: x"}], states={9: "detected", 2: "interpolated"}
    )
    world.draw()
    said = "\n".join(words)
    assert "01 · 01_0 · micro-expression · anger · AU 4" in said
    assert "onset 5, apex 9, offset 14 at 30 frames a second · video 01_video: 30 frames, 1 to 30" in said
    assert "faces from onset to offset: 9 tracked, 1 detected" in said
    assert "in the whole video: 28 tracked, 1 detected, 1 interpolated" in said
    assert f"repaired — {repair}" in said
    assert "Left out by the index: 1 folder_missing." in said and "Repaired: 1 apex_missing." in said


def test_synthetic_data_say_so_and_licensed_data_mind_their_licence(world, words):
    world.draw()
    assert "synthetic faces" in words[0] and any("Synthetic embedded data" in text for text in words)
    words.clear()
    world.draw(data="/data/CASME2")
    assert "ynthetic" not in " ".join(words)
    assert any("/data/CASME2" in text and "licence" in text for text in words)


def test_long_videos_show_macro_expressions_and_the_course_of_each_video(tmp_path, words):
    world = World(tmp_path, dataset="samm_lv")
    world.add("006", [{}, {"type": "macro", "onset": 16, "apex": 20, "offset": 27}, {"excluded": "frames_missing: 3"}])
    truth, said = world.draw(*ALL, long_videos=True)
    assert said == ["006: 006_0", "006: 006_1"]
    (course,) = [text for text in words if text.startswith("video 006_video")]
    assert "2 annotated expressions, 1 left out" in course and "true intensity" in course
    shade = np.array([0xF6, 0xA0, 0x4D]) * time_courses._SHADE + 255 * (1 - time_courses._SHADE)
    assert (np.abs(truth - shade).max(-1) < 2).sum() > 5000, "the micro-expression is shaded"
    words.clear()
    change, _ = world.draw("lcn", long_videos=True)
    (course,) = [text for text in words if text.startswith("video 006_video")]
    assert "LCN frames 0.2 s apart (the truth is unknown)" in course
    short, _ = world.draw(*ALL)
    assert short.shape[0] < truth.shape[0]


def test_words_of_the_data_are_no_formulas(world):
    world.rows[0]["emotion"] = "$\\frac{$ disgust"
    world.draw()


# The command


def test_the_command_draws_the_same_bits_every_time(world, tmp_path):
    result = mexflow(*world.arguments(tmp_path / "sheet.png"), "--record", tmp_path / "records" / "sheet.json")
    assert result.returncode == 0, result.stderr
    assert "01: 01_0" in result.stdout
    data = (tmp_path / "sheet.png").read_bytes()
    for _ in range(2):
        assert data == contact_sheet.draw(world.sheet(), world.load(*ALL), world.read_raw, lambda steps: None)[0]
    assert b"Software" not in data and b"tIME" not in data
    record = Inputs().json(tmp_path / "records" / "sheet.json")
    assert (world.folder / "raw/01/9.png").as_posix() in record["inputs"], "the raw frame shown is among the inputs"


def test_the_bits_follow_the_pictures(world):
    before, _ = world.draw(*ALL)
    array = np.load(world.paths("rrs")[0])
    array[0, 100:200, 100:200] = 0
    np.save(world.paths("rrs")[0], array)
    after, _ = world.draw(*ALL)
    assert before.shape == after.shape and (before != after).any()


def fails(arguments: list[str], capsys) -> str:
    """The one line that a failing command says."""
    assert __main__.main(arguments) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def test_a_raw_frame_that_changed_is_an_error(world, tmp_path, capsys):
    arguments = world.arguments(tmp_path / "sheet.png")
    frame = world.folder / "raw/01/9.png"
    frame.write_bytes((world.folder / "raw/01/3.png").read_bytes())
    assert f"{frame}: not the frame that the faces were made of" in fails(arguments, capsys)
    frame.unlink()
    assert str(frame) in fails(arguments, capsys)
    assert not (tmp_path / "sheet.png").exists()


def test_files_that_do_not_fit_are_an_error(world, tmp_path, capsys):
    arguments = world.arguments(tmp_path / "sheet.png")
    assert "faces/casme2/07.parquet: no such file" in fails([*arguments, "--subject", "07"], capsys)
    (missing,) = world.paths("rrs")
    kept = missing.read_bytes()
    missing.unlink()
    assert f"{missing}: no such file" in fails(arguments, capsys), "what is named is there of every subject"
    missing.write_bytes(kept)
    assert "did you mean 'rrs'" in fails([*arguments, "--residual", "rs=rrs"], capsys)
    np.save(world.paths("lcn")[0], np.zeros((3, 112, 112), np.float16))
    assert "3 rows, its table has 30" in fails(arguments, capsys)
    assert not (tmp_path / "sheet.png").exists()


# The LCN figure


def smooth_face() -> np.ndarray:
    """A picture of many scales between 60 and 160: twice as bright it would saturate."""
    rng = np.random.default_rng(0)
    noise = sum(cv2.GaussianBlur(rng.normal(0, 1, (112, 112)), (0, 0), s) * s for s in (1, 3, 8))
    return (60 + 100 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)


def test_changes_of_light_and_what_is_cut_off():
    face = np.array([[0.0, 0.2], [0.6, 1.0]])
    assert lcn_figure.changed(face, "as it is") == (pytest.approx(face), 0.0)
    values, share = lcn_figure.changed(face, "brightness × 2.5")
    np.testing.assert_allclose(values, [[0, 0.5], [1, 1]])
    assert share == 0.5
    values, share = lcn_figure.changed(face, "contrast × 1.5")  # about 0.45
    np.testing.assert_allclose(values, [[0, 0.075], [0.675, 1]], atol=1e-12)
    assert share == 0.5
    np.testing.assert_allclose(lcn_figure.changed(face, "gamma 0.5")[0], np.sqrt(face))
    assert lcn_figure.relative_change(np.array([1.0, 3.0]), np.array([0.0, 2.0])) == 1.0


def test_the_lcn_figure_tells_what_light_leaves(words):
    face = smooth_face()
    page = decoded(lcn_figure.draw(grey(face[None, ..., None])[0], 4.0, "embedded", "a face"))
    assert page.shape[1] == 1920
    result = lcn(grey(face[None, ..., None]), sigma=4.0)[0]
    ((x, top),) = places(page, tiles.picture(face))
    below, low = min(places(page, tiles.normalised(result)))
    assert x == below and top + tiles.TILE < low, "the LCN stands below its frame"
    changes = [float(text.split()[1]) for text in words if text.startswith("change ")]
    frame, normalised = changes[::2], changes[1::2]
    names = list(lcn_figure.CHANGES)[1:]
    for name in ("brightness × 0.5", "contrast × 0.5"):
        i = names.index(name)
        assert frame[i] > 0.3 and normalised[i] < 0.01
    shares = [text for text in words if text.endswith(" saturated")]
    assert shares[0] == "none saturated" and shares[-1] == f"{100 * (face * 2.5 > 255).mean():.1f} % saturated"
    assert normalised[names.index("brightness × 2.5")] > 0.1
    assert any("Synthetic embedded data" in text for text in words)


def test_the_lcn_figure_command(world, tmp_path, capsys):
    faces = world.paths("faces")[0]
    images = np.load(faces)
    states = pa.array(["missing", "interpolated", *["tracked"] * (FRAMES - 2)])
    table = pq.read_table(faces.with_suffix(".parquet"))
    pq.write_table(table.set_column(FACES.get_field_index("state"), "state", states), faces.with_suffix(".parquet"))
    arguments = ["lcnfigure", "--faces", str(faces), "--sigma", "3", "--data", "embedded"]
    result = mexflow(*arguments, "--output", tmp_path / "lcn.png")
    assert result.returncode == 0, result.stderr
    origin = "casme2, video 01_video, frame 3"
    assert origin in result.stdout
    assert (tmp_path / "lcn.png").read_bytes() == lcn_figure.draw(grey(images[2:3])[0], 3.0, "embedded", origin)
    np.save(faces, images[:2])
    pq.write_table(table.slice(0, 2).set_column(FACES.get_field_index("state"), "state", states[:2]),
                   faces.with_suffix(".parquet"))  # fmt: skip
    said = fails([*arguments, "--output", str(tmp_path / "none.png")], capsys)
    assert f"{faces}: holds no face that was seen" in said

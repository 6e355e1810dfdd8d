"""Aligned faces from OpenFace's output: what is taken, what is said of it, and what is refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

import dataset_files
import embedded_files
import picture_files
from dataset_files import ANY_FRAME
from mexflow.errors import UserError
from mexflow.preprocess.faces import AlignedFrame, FaceSettings
from mexflow.preprocess.openface import align_video

VIDEO = f"{dataset_files.CASME2_FRAMES}/sub01/EP02_01f"
COUNT = 12
POINTS = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
BY_NAME = [1, 10, 11, 12, 2, 3, 4, 5, 6, 7, 8, 9]
"""The numbers of img1.png to img12.png in the order in which OpenFace takes the files."""
PLACE = {number: position for position, number in enumerate(BY_NAME, start=1)}
"""OpenFace's number of a frame."""


def landmarks(face: int, position: int) -> np.ndarray:
    """The landmarks of a face in a frame: float64 (68, 2), with no more digits than OpenFace writes."""
    return np.round(np.random.default_rng(100 * face + position).uniform(50, 400, (68, 2)), 1)


def picture(face: int, position: int) -> np.ndarray:
    """The aligned face, uint8 (112, 112, 3) in RGB."""
    return np.random.default_rng(7 + 100 * face + position).integers(1, 256, (112, 112, 3), np.uint8)


class Output:
    """The raw frames of one video, and OpenFace's output for them, to be damaged."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.openface = folder / "raw", folder / "openface"
        self.frames = self.raw / VIDEO
        self.frames.mkdir(parents=True)
        for number in range(1, COUNT + 1):
            done, data = cv2.imencode(".png", np.full((60, 80, 3), 10 * number, np.uint8))
            assert done
            (self.frames / f"img{number}.png").write_bytes(data.tobytes())
        self.folder = self.openface / VIDEO
        self.table = self.folder / "EP02_01f.csv"
        self.pictures = self.folder / "EP02_01f_aligned"
        self.pictures.mkdir(parents=True)

    def write(self, rows: Iterable[tuple[int, int, int]], names: Iterable[str] = POINTS) -> None:
        """Write a row of the table and a picture for each (frame, face, success), as FeatureExtraction does."""
        names = list(names)
        header = ["frame", "face_id", "timestamp", "confidence", "success", "gaze_0_x", *names]
        lines = [", ".join(header)]
        for frame, face, success in rows:
            points = dict(zip(POINTS, landmarks(face, frame).T.ravel(), strict=True))
            values = [frame, face, f"{frame / 200:.3f}", 0.98, success, 0.1, *(points[name] for name in names)]
            lines.append(", ".join(map(str, values)))
            data = cv2.imencode(".bmp", picture(face, frame)[..., ::-1])[1].tobytes()
            (self.pictures / f"frame_det_{face:02d}_{frame:06d}.bmp").write_bytes(data)
        self.table.write_text("\n".join(lines) + "\n")

    def align(self, unreadable: str = "error") -> list[AlignedFrame]:
        return list(align_video(self.raw, VIDEO, COUNT, ANY_FRAME, self.openface, FaceSettings(unreadable=unreadable)))

    def refusal(self) -> str:
        with pytest.raises(UserError) as error:
            self.align()
        assert "\n" not in str(error.value)
        return str(error.value)


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


def every(face: int = 0) -> list[tuple[int, int, int]]:
    return [(frame, face, 1) for frame in range(1, COUNT + 1)]


def test_pictures_and_landmarks_are_those_of_openface(output: Output) -> None:
    output.write(every())
    found = output.align()
    assert [frame.row["frame"] for frame in found] == list(range(1, COUNT + 1))
    for number, frame in enumerate(found, start=1):
        row, file, position = frame.row, output.frames / f"img{number}.png", PLACE[number]
        assert (frame.image == picture(0, position)).all()
        assert (row["landmarks"].reshape(68, 2) == landmarks(0, position).astype(np.float32)).all()
        assert (row["state"], row["faces"], row["choice"], row["matrix"]) == ("openface", 1, None, None)
        assert (row["file"], row["size"]) == (file.name, file.stat().st_size)
        assert row["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        aligned = output.openface / row["aligned_file"]
        assert aligned.name == f"frame_det_00_{position:06d}.bmp"
        assert row["aligned_sha256"] == hashlib.sha256(aligned.read_bytes()).hexdigest()


def positions(found: list[AlignedFrame]) -> list[int]:
    """OpenFace's numbers of the frames whose faces were given to these, all with a face."""
    shown = {picture(0, position).tobytes(): position for position in range(1, 2 * COUNT)}
    for frame in found:
        position = shown[frame.image.tobytes()]
        assert (frame.row["landmarks"].reshape(68, 2) == landmarks(0, position).astype(np.float32)).all()
    return [shown[frame.image.tobytes()] for frame in found]


@pytest.mark.parametrize(
    ("first", "name", "wanted"),
    [
        (96, "img{}.png", [9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8]),
        (1, "006_1_{:04}.png", range(1, 13)),
        (0, "{}.png", [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 3, 4]),
    ],
    ids=["96 to 107", "equal length", "from 0"],
)
def test_a_position_is_the_rank_of_the_name(output: Output, first: int, name: str, wanted: Iterable[int]) -> None:
    files = [output.frames / f"img{number}.png" for number in range(1, COUNT + 1)]
    contents = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    for number, content in enumerate(contents, start=first):
        (output.frames / name.format(number)).write_bytes(content)
    output.write(every())
    found = output.align()
    assert [frame.row["frame"] for frame in found] == list(range(first, first + COUNT))
    assert positions(found) == list(wanted)


def test_the_ending_takes_part_in_the_order(output: Output) -> None:
    """And a dot comes before a digit, a digit before an underscore."""
    (output.frames / "img1.png").rename(output.frames / "img_1.png")
    (output.frames / "img2.png").rename(output.frames / "img2.jpg")
    (output.frames / "img3.png").rename(output.frames / "img02.jpeg.bmp")
    (output.frames / "img02.jpeg.bmp").rename(output.frames / "img03.bmp")
    output.write(every())
    assert positions(output.align()) == [12, 5, 1, 6, 7, 8, 9, 10, 11, 2, 3, 4]


def test_pictures_that_are_no_frames_count_where_openface_takes_them(output: Output) -> None:
    for name in ("cover.png", "img10 copy.jpg", "notes.txt", "img10.PNG.part", "._img1.png", "Img.JPG", ".a.bmp"):
        (output.frames / name).write_bytes(b"")
    output.write([*every(), *((position, 0, 1) for position in range(13, 16))])
    # .a.bmp, cover.png, img1.png, img10 copy.jpg, img10.png, …
    assert positions(output.align()) == [3, 8, 9, 10, 11, 12, 13, 14, 15, 5, 6, 7]


def test_endings_in_capitals(output: Output) -> None:
    """OpenFace passes them over: it was given the frames under other names, or some of them not at all."""
    output.write(every())
    for number in range(1, COUNT + 1):
        (output.frames / f"img{number}.png").rename(output.frames / f"img{number}.PNG")
    assert positions(output.align()) == [PLACE[number] for number in range(1, COUNT + 1)]
    (output.frames / "img7.PNG").rename(output.frames / "img7.png")
    text = output.refusal()
    assert "img1.PNG: OpenFace passes over names that end in capitals; rename it" in text


def _with_decimal_commas(text: str) -> str:
    return text.replace(", ", ";").replace(".", ",")


AS_SAVED = {
    "byte-order mark": lambda text: ("\ufeff" + text).encode(),
    "semicolons": lambda text: text.replace(", ", ";").encode(),
    "decimal commas": lambda text: ("\ufeff" + _with_decimal_commas(text)).encode(),
    "tabs": lambda text: text.replace(", ", "\t").encode(),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "empty lines": lambda text: (_with_decimal_commas(text) + ";" * 141 + "\n\n").encode(),
}


@pytest.mark.parametrize("how", AS_SAVED)
def test_a_table_that_a_spreadsheet_saved_anew(output: Output, how: str) -> None:
    output.write([(frame, 0, int(frame != 3)) for frame, _, _ in every()])
    output.table.write_bytes(AS_SAVED[how](output.table.read_text()))
    found = output.align()
    lost = BY_NAME[3 - 1] - 1
    assert found[lost].row["state"] == "missing"
    kept = [frame for i, frame in enumerate(found) if i != lost]
    assert positions(kept) == [PLACE[number] for number in range(1, COUNT + 1) if number != lost + 1]


@pytest.mark.parametrize("nothing", ["-nan(ind)", "nan", "-nan", "1.#QNAN"])
def test_without_success_landmarks_may_be_no_numbers(output: Output, nothing: str) -> None:
    output.write([(frame, 0, int(frame != 5)) for frame, _, _ in every()])
    lines = output.table.read_text().splitlines()

    def blind(line: str) -> str:
        return ", ".join([*line.split(", ")[:5], *[nothing] * 137])

    lines[5] = blind(lines[5])
    output.table.write_text("\n".join(lines) + "\n")
    found = output.align()
    assert [frame.row["frame"] for frame in found if frame.row["state"] == "missing"] == [BY_NAME[5 - 1]]
    # With success they may not.
    lines[6] = blind(lines[6])
    output.table.write_text("\n".join(lines) + "\n")
    assert "EP02_01f.csv: line 7 is damaged" in output.refusal()


def test_a_frame_of_another_size_is_damaged(output: Output) -> None:
    """Its landmarks are in pixels of another picture."""
    output.write(every())
    odd = output.frames / "img1.png"
    odd.write_bytes(cv2.imencode(".png", np.zeros((60, 81, 3), np.uint8))[1].tobytes())
    text = output.refusal()
    assert f"{odd}: 81x60 colour, where the frames of its clip are 80x60 colour" in text and "exclude" in text
    found = output.align(unreadable="exclude")
    assert [frame.row["frame"] for frame in found if frame.row["state"] == "unreadable"] == [1]
    assert "81x60" in found[0].damage and not found[0].image.any()


def test_openface_turns_a_picture_itself(output: Output) -> None:
    """Its landmarks are those of the upright picture; only that it was turned is said."""
    output.write(every())
    for file in output.frames.iterdir():
        file.write_bytes(picture_files.with_orientation(file.read_bytes(), 3 if file.name != "img4.png" else 1))
    found = output.align()
    assert [frame.row["frame"] for frame in found if not frame.rotated] == [4]
    assert positions(found) == [PLACE[number] for number in range(1, COUNT + 1)]


def test_a_frame_without_success_is_missing(output: Output) -> None:
    output.write([(frame, 0, int(frame not in (3, 4))) for frame, _, _ in every()])
    (output.pictures / "frame_det_00_000003.bmp").unlink()  # with -nobadaligned there is none
    found = output.align()
    lost = [BY_NAME[position - 1] for position in (3, 4)]
    assert [frame.row["frame"] for frame in found if frame.row["state"] == "missing"] == lost
    assert Counter(frame.row["state"] for frame in found) == {"missing": 2, "openface": 10}
    for frame in (found[number - 1] for number in lost):
        row = frame.row
        assert row["landmarks"] is None and row["faces"] == 0 and not frame.image.any() and row["sha256"]
        assert row.get("aligned_file") is None and row.get("aligned_sha256") is None


def test_of_several_faces_the_one_with_most_successful_frames_is_taken(output: Output) -> None:
    # Face 0 has the most rows, but fewer of them succeeded; face 2 comes late.
    rows = [(f, 0, int(f <= 7)) for f in range(1, 13)] + [(f, 1, 1) for f in range(2, 11)]
    output.write([*rows, (12, 2, 1)])
    found = [output.align()[number - 1] for number in BY_NAME]
    assert [frame.row["state"] for frame in found] == ["missing"] + ["openface"] * 9 + ["missing"] * 2
    assert all((frame.image == picture(1, i)).all() for i, frame in enumerate(found[1:10], start=2))
    assert [frame.row["faces"] for frame in found] == [1, 2, 2, 2, 2, 2, 2, 1, 1, 1, 0, 1]
    assert {frame.row["choice"] for frame in found} == {
        "persistent: OpenFace's face 1, found in 9 of 12 frames; face 0 in 7"
    }


def test_a_damaged_raw_frame_is_treated_as_always(output: Output) -> None:
    output.write(every())
    (output.frames / "img5.png").write_bytes(b"")
    assert "img5.png: the file is empty" in (text := output.refusal()) and "unreadable: exclude" in text
    found = output.align(unreadable="exclude")
    assert [i for i, frame in enumerate(found, start=1) if frame.row["state"] == "unreadable"] == [5]
    assert found[4].row["sha256"] is None and not found[4].image.any()


def test_damage_in_the_pixels_of_a_raw_frame_is_found(output: Output) -> None:
    output.write(every())
    path = output.frames / "img5.png"
    path.write_bytes(path.read_bytes()[:-40])
    assert "img5.png: " in output.refusal()
    assert output.align(unreadable="exclude")[4].row["state"] == "unreadable"


def _without(column: str) -> Callable[[Output], None]:
    return lambda output: output.write(every(), [name for name in POINTS if name != column])


def _spoil(file: str, change: Callable[[bytes], bytes]) -> Callable[[Output], None]:
    def spoil(output: Output) -> None:
        output.write(every())
        path = output.folder / file
        path.write_bytes(change(path.read_bytes()))

    return spoil


def _small(_: bytes) -> bytes:
    return cv2.imencode(".bmp", np.zeros((224, 200, 3), np.uint8))[1].tobytes()


ALIGNED = "EP02_01f_aligned/frame_det_00_000004.bmp"
REFUSED = {
    "no table": (lambda output: output.folder.joinpath("x.csv").touch(), "EP02_01f.csv: no such file", "--openface"),
    "no columns": (_without("y_41"), "EP02_01f.csv: lacks the columns y_41;", "-2Dfp"),
    "empty table": (lambda output: output.table.touch(), "columns face_id, frame, success and 136 more;", "again"),
    "no word": (_spoil("EP02_01f.csv", lambda data: data.replace(b"\n5, 0", b"\n5, z")), "line 6 is damaged", "again"),
    "cut off": (_spoil("EP02_01f.csv", lambda data: data[:-700]), "line 13 is damaged", "again"),
    "too short": (lambda output: output.write(every()[:9]), "describes 9 of the folder's 12 pictures", "again"),
    "too long": (lambda output: output.write([*every(), (13, 0, 1)]), "frame 13, the folder has 12 pictures", "again"),
    "twice": (lambda output: output.write([*every(), (12, 0, 1)]), "frame 12 of face 0 twice", "again"),
    "no text": (_spoil("EP02_01f.csv", lambda data: data + b"\xff\xfe"), "EP02_01f.csv: cannot be read", "again"),
    "wrong size": (_spoil(ALIGNED, _small), "000004.bmp: 200x224, 112x112 is expected", "-simsize 112"),
    "no picture": (_spoil(ALIGNED, lambda data: data[:99]), "000004.bmp: the BMP is truncated", "again"),
    "empty picture": (_spoil(ALIGNED, lambda data: b""), "000004.bmp: the file is empty", "again"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_with_its_remedy(output: Output, what: str) -> None:
    spoil, told, remedy = REFUSED[what]
    spoil(output)
    text = output.refusal()
    assert told in text and remedy in text


def test_no_folder_of_pictures(output: Output) -> None:
    output.write(every())
    output.pictures.rename(output.folder / "away")
    assert "EP02_01f_aligned: no such folder of aligned faces" in output.refusal()


# The command


@pytest.fixture
def dataset(output: Output, tmp_path: Path) -> Path:
    """A folder with the index of a dataset that holds the one video, and what is written beside."""
    row = dataset_files.casme2_row("01", "EP02_01f", 3, 6, 9)
    dataset_files.casme2(output.raw, [row], [("01", "EP02_01f", 1)])
    embedded_files.index("casme2", output.raw, tmp_path)
    return tmp_path


def test_the_command_takes_them(output: Output, dataset: Path) -> None:
    import json

    output.write([(frame, 0, int(frame != 2)) for frame, _, _ in every()])
    record = dataset / "record.json"
    done = embedded_files.faces("casme2", "01", output.raw, dataset, openface=output.openface, record=record)
    assert done.returncode == 0, done.stderr
    table = pq.read_table(dataset / "faces.parquet").to_pylist()
    assert [row["frame"] for row in table if row["state"] != "openface"] == [10]  # OpenFace's second
    assert {row["matrix"] for row in table} == {None} == {row["excluded"] for row in table}
    assert [row["aligned_file"] is None for row in table] == [row["frame"] == 10 for row in table]
    images = np.load(dataset / "faces.npy")
    assert images.shape == (COUNT, 112, 112, 3) and (images[6] == picture(0, PLACE[7])).all() and not images[9].any()
    facts = json.loads(record.read_text())
    assert facts["states"] == {"missing": 1, "openface": 11}
    digest = facts["inputs"][output.table.as_posix()]
    assert digest["sha256"] == hashlib.sha256(output.table.read_bytes()).hexdigest()


def test_the_command_names_a_folder_that_is_not_there(output: Output, dataset: Path) -> None:
    done = embedded_files.faces("casme2", "01", output.raw, dataset, openface=dataset / "nowhere")
    (line,) = (line for line in done.stderr.splitlines() if line)
    assert done.returncode == 1 and f"{dataset / 'nowhere'}: no such folder" in line


def test_a_grey_dataset_stays_grey(output: Output, dataset: Path) -> None:
    """OpenFace writes colour pictures even of grey frames; the array has the channels of the raw frames."""
    for file in output.frames.iterdir():
        file.write_bytes(cv2.imencode(".png", np.full((60, 80), 99, np.uint8))[1].tobytes())
    output.write(every())
    done = embedded_files.faces("casme2", "01", output.raw, dataset, openface=output.openface)
    assert done.returncode == 0, done.stderr
    images = np.load(dataset / "faces.npy")
    assert images.shape == (COUNT, 112, 112, 1)
    assert (images[3, ..., 0] == cv2.cvtColor(picture(0, PLACE[4]), cv2.COLOR_RGB2GRAY)).all()


def test_every_video_counts_where_asked(output: Output, dataset: Path) -> None:
    """With --every-video also folders without an annotation, but none without frames."""
    extra = output.frames.parent / "EP99_01"
    extra.mkdir()
    for number in (1, 2):
        (extra / f"img{number}.png").write_bytes((output.frames / "img1.png").read_bytes())
    (output.frames.parent / "EP99_02").mkdir()
    embedded_files.index("casme2", output.raw, dataset)
    for flags, videos in (((), {"EP02_01f": COUNT}), (("--every-video",), {"EP02_01f": COUNT, "EP99_01": 2})):
        files = {
            "index": "index.parquet", "videos": "videos.parquet", "output": "faces.npy", "table": "faces.parquet",
        }  # fmt: skip
        options = {name: dataset / file for name, file in files.items()}
        done = embedded_files.call("faces", *flags, dataset="casme2", subject="01", root=output.raw, **options)
        assert done.returncode == 0, done.stderr
        rows = pq.read_table(dataset / "faces.parquet").to_pylist()
        assert {video: sum(row["video"] == video for row in rows) for video in videos} == videos
        assert len(rows) == sum(videos.values()) == len(np.load(dataset / "faces.npy"))
        assert {row["excluded"][:8] for row in rows} == {"no_face:"}

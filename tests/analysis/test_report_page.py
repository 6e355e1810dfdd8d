"""The page of an analysis: what it says, what it draws, and that it holds whatever a video is called."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

import numpy as np
import pytest

import report_files
from mexflow.analysis import drawn_course, motion_pictures, report_page
from mexflow.analysis.report import UNSEEN
from pages import HOSTILE, Tags, asks_for_nothing, data_of


def told(text: str) -> str:
    """What a page says, without its markup, style and script."""
    kept = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", kept)).replace("&#39;", "'")


def elements(text: str, name: str, **wanted: str) -> list[dict[str, str | None]]:
    return [one for tag, one in Tags(text).found if tag == name and wanted.items() <= one.items()]


def test_it_says_first_what_its_results_are_worth() -> None:
    text = told(report_page.page(report_files.report()))
    for said in (
        "Networks trained on synthetic faces are for trying the software, not for judging people.",
        "It does not say what anybody feels, thinks or hides",
        "spotted by elface2021, samm-lv; recognised by belaiche2020, reduced",
        "One frame was repeated.",
        "0.2500 0.1000 to 0.5000 4 epochs 3 of 150",
        "INCOMPLETE 0/2",
        "61.50 50.00 to 70.00 120",
        "It knows two subjects.",
    ):
        assert said in text, said
    assert text.index("for trying the software") < text.index("micro-expression")


def test_networks_of_licensed_data_are_not_called_synthetic() -> None:
    card = report_files.SPOTTER | {"synthetic": False, "data": "/data/samm (samm_lv)", "budget": "paper"}
    text = told(report_page.page(report_files.report(spotter=card, recogniser=None)))
    assert "synthetic" not in text and "/data/samm (samm_lv)" in text
    assert "does not say what anybody feels" in text


def test_a_network_without_scores_says_that_nothing_is_known() -> None:
    card = report_files.SPOTTER | {"held_out": []}
    assert "nothing is known of how often it is right" in told(report_page.page(report_files.report(spotter=card)))


def test_each_event_has_a_row_and_each_expression_its_panel_and_pictures() -> None:
    text = report_page.page(report_files.report())
    said = told(text)
    for row in (
        "1. micro 1.00–1.30 100–130 1.12 s frame 112 0.9 threshold 0.5 positive 70 % negative 20 % surprise 10 %",
        f"2. macro 2.00–3.20 200–320 2.60 s frame 260 0.8 threshold 0.4 not classified: {report_files.NOT_CLASSIFIED}",
        f"3. unseen 4.00–4.50 400–450 {report_files.REASON}",
    ):
        assert row in said, row
    names = {one["id"] for _, one in Tags(text).found if "id" in one}
    links = {one["href"] for _, one in Tags(text).found if "href" in one}
    assert {"#event-1", "#event-2", "#event-3"} <= links <= {f"#{name}" for name in names}
    alt = [one["alt"] for one in elements(text, "img")]
    assert alt.count("the face at its apex") == 2 and alt.count("directions of motion over the face at its apex") == 2
    assert len(elements(text, "img")) == 2 * 5 + 2
    assert elements(text, "section", id="event-1") and elements(text, "tr", id="event-3")


def test_without_faces_or_scores_it_says_so() -> None:
    report = report_files.report(faces={}, flows={}, scores={}, thresholds={}, spotter=None)
    text = told(report_page.page(report))
    assert text.count("No face of its frames was kept.") == 2
    assert "Where to: the hue" not in text and "Spotted by" not in text


def test_of_nothing_there_is_a_page() -> None:
    nothing = report_files.report(
        events=(), scores={}, thresholds={}, spotter=None, recogniser=None, faces={}, flows={},
        seconds=np.empty(0), frames=np.empty(0, np.int64),
    )  # fmt: skip
    text = report_page.page(nothing)
    assert "No network looked for expressions." in told(text)
    asks_for_nothing(text, "video%201.mp4")


def test_a_type_that_was_not_looked_for_says_why() -> None:
    report = report_files.report()
    slow = replace(
        report,
        scores={"macro": report.scores["macro"]},
        events=report.events[1:],
        not_spotted={"micro": "25 frames per second are too few"},
    )
    text = report_page.page(slow)
    assert "Nothing is said of micro-expressions: 25 frames per second are too few." in told(text)
    assert len(re.findall(r"<svg class=\"scores\"", text)) == 1
    assert "0 micro" not in told(text)


@pytest.mark.parametrize(
    "name", [HOSTILE, "a & b <c>.mp4", "my \"video\" 'x'.mp4", "笑 ü?#%.mp4", "javascript:alert(1)", "\udcff.mp4"]
)
def test_names_of_all_kinds_stay_text(name: str) -> None:
    events = (report_files.event(UNSEEN, 1, 9, reason=name), report_files.event("micro", 10, 20, 15, label=name))
    report = report_files.report(name=name, events=events, not_spotted={"macro": name})
    report = replace(report, source=replace(report.source, remarks=(name,)))
    text = report_page.page(report)
    text.encode()
    (video,) = elements(text, "video")
    assert unquote(video["src"] or "", errors="surrogateescape") == name and not set(video["src"] or "") & set(
        " \"':#?<&"
    )
    asks_for_nothing(text, video["src"] or "")
    assert len(elements(text, "script")) == 3 and data_of(text) == {}
    assert not [one for _, one in Tags(text).found if any(key.startswith("on") for key in one)]


def test_the_drawing_of_a_long_video_is_small_and_keeps_peaks_and_gaps() -> None:
    length = 40_000
    scores = np.full(length, 0.1, np.float32)
    scores[12_345] = 0.97
    scores[20_000:22_000] = np.nan
    at = np.arange(length)
    report = report_files.report(
        length, scores={"micro": scores}, frames=at, seconds=at / 200,
        events=(report_files.event("micro", 12_340, 12_350, 12_345, score=0.97),), faces={}, flows={},
    )  # fmt: skip
    (course,) = drawn_course.courses(replace(report, source=replace(report.source, fps=200.0)))
    points = [tuple(map(int, point.split())) for point in re.split("[ML]", course.line) if point]
    assert len(points) <= 2000 and len(report_page.page(report)) < 100_000
    assert min(y for _, y in points) == round(100 * (1 - np.float32(0.97) / course.top)) == course.bands[0].height
    assert course.line.count("M") == 2 and not [x for x, _ in points if 502 < x < 548]
    assert course.bands[0].wide == 3.0


def test_bands_and_marks_are_where_the_events_are() -> None:
    micro, macro = drawn_course.courses(report_files.report())
    assert (micro.type, macro.type, micro.last) == ("micro", "macro", pytest.approx(6.0))
    assert micro.top == macro.top == pytest.approx(0.9, abs=0.1)
    (band,) = micro.bands
    assert (band.at, band.apex) == (pytest.approx(1000 / 6, abs=0.1), pytest.approx(1120 / 6, abs=0.1))
    assert band.wide == pytest.approx(310 / 6, abs=0.1)
    assert micro.level == pytest.approx(100 * (1 - 0.5 / micro.top), abs=0.1)
    for course in (micro, macro):
        (unseen,) = course.unseen
        assert (unseen.at, unseen.wide) == (pytest.approx(4000 / 6, abs=0.1), pytest.approx(510 / 6, abs=0.1))


@pytest.mark.parametrize("last", [0.01, 0.3, 6.0, 59.9, 4000.0])
def test_an_axis_has_some_round_marks(last: float) -> None:
    marks = drawn_course.ticks(last)
    values = [float(text) for _, text in marks]
    assert 2 < len(marks) <= 9 and len({text for _, text in marks}) == len(marks)
    assert [at for at, _ in marks] == pytest.approx([100 * value / last for value in values])


@pytest.mark.parametrize("colour", [False, True])
def test_motion_is_drawn_where_it_is_and_the_face_elsewhere(colour: bool) -> None:
    import base64

    import cv2

    report = report_files.report(colour=colour)
    face = report.faces[112]
    made = motion_pictures.motion(report.flows[0], face)
    assert (made.scale, made.largest) == (2.0, pytest.approx(1.5))

    def pixels(address: str) -> np.ndarray:
        data = base64.b64decode(address.partition(",")[2])
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int)

    directions, amounts = pixels(made.directions), pixels(made.amounts)
    moved, still = (slice(13, 17), slice(14, 26)), (slice(30, 40), slice(5, 40))
    blue, _, red = directions[moved].mean((0, 1))
    assert blue > red + 50  # upwards is blue-violet
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY) if colour else face
    assert abs(directions[still].mean() - grey[still].mean()) < 6
    assert amounts[moved].mean() > amounts[still].mean() + 40
    with np.errstate(all="raise"):
        broken = report.flows[0].copy()
        broken[:, 12, 12] = np.nan
        assert motion_pictures.motion(broken, face).scale == 2.0


def test_without_a_threshold_none_is_drawn_and_the_page_says_why() -> None:
    report = report_files.report(thresholds={"micro": np.inf, "macro": 0.4})
    micro, macro = drawn_course.courses(report)
    assert (micro.threshold, micro.level) == (None, None) and macro.threshold == 0.4
    text = report_page.page(report)
    assert text.count('<path class="threshold"') == 1
    assert told(text).count("no threshold could be chosen, so none is spotted") == 1

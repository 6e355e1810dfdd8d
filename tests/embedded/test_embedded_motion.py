"""The truth of the embedded datasets: flow, landmarks and displacement fields."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mexflow.embedded import PlannedVideo, facs, plan
from mexflow.embedded.facs import MACRO_LIMITS, MACRO_STRENGTH, parse_units
from mexflow.embedded.identity import identity
from mexflow.embedded.motion import Region, VideoMotion
from mexflow.embedded.render import warp
from mexflow.embedded.truth import flow_between, true_flow, true_landmarks, video_motion

SHORT = ("casme2", "samm")
LONG = ("samm_lv", "cas_me_2")
EVERY = ("casme2", "samm", "samm_lv", "cas_me_2", "smic", "mmew")


@pytest.fixture(scope="module")
def person() -> Region:
    """Someone whose face shows any plan, so that not everybody has to be made."""
    return Region(identity("cas_me_2", 7, "s27"))


def motion_of(dataset: str, video: PlannedVideo, nuisance: bool = False) -> VideoMotion:
    """The motion of a video of the tiny size."""
    return video_motion(dataset, "tiny", 7, video.subject, video.video, nuisance)


def jacobian(motion, frame: float) -> np.ndarray:
    """The determinant of the derivative of the motion's map, on its nodes."""
    field = motion.forward(frame).astype(float)
    x, y = (np.stack(np.gradient(field[..., axis], motion.region.step)) for axis in (0, 1))
    return (1 + x[1]) * (1 + y[0]) - x[0] * y[1]


@pytest.mark.parametrize("dataset", EVERY)
def test_the_true_flow_takes_one_frame_to_the_other(dataset):

    video = plan(dataset, "tiny", 7).videos[0]
    motion = motion_of(dataset, video, nuisance=True)
    strongest = max(video.expressions, key=lambda one: max(peak for _, _, peak in one.units))
    first, second = video.first_frame, strongest.apex
    flow = flow_between(motion, first, second)
    person = motion.region.identity
    height, width = person.image.shape[:2]
    assert flow.shape == (2, height, width) and flow.dtype == np.float32
    a, b = (warp(person, motion, frame).astype(np.float32) for frame in (first, second))
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = np.hypot(*flow) > 0.3
    assert moved.mean() > 0.02

    def error(extra: float) -> float:
        back = cv2.remap(b, x + flow[0] + np.float32(extra), y + flow[1] + np.float32(extra), cv2.INTER_CUBIC)
        return float(np.abs(a - back)[moved].mean())

    before, after = float(np.abs(a - b)[moved].mean()), error(0)
    assert after < 1.0 and after < before / 3
    # The picture itself tells a twentieth of a pixel more or less from the truth.
    shifts = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    least = np.polyfit(shifts, [error(shift) ** 2 for shift in shifts], 2)
    assert abs(-least[1] / (2 * least[0])) < 0.05
    # At rest beyond the head, and along the border.
    assert not flow[:, 0].any() and not flow[:, :, 0].any() and not flow[:, :, -1].any()


@pytest.mark.parametrize("dataset", EVERY)
def test_the_inverse_is_one(dataset):
    """Everywhere, in every part of an expression, to a twentieth of a raw pixel at most frames and nodes."""
    for video in plan(dataset, "tiny", 7).videos[:2]:
        motion = motion_of(dataset, video, nuisance=True)
        region = motion.region
        nodes = np.stack(np.broadcast_arrays(region.nodes_x, region.nodes_y), -1)
        for one in video.expressions:
            canonical = nodes + motion.backward(one.apex)
            error = np.linalg.norm(motion.forward_at(one.apex, canonical) - nodes, axis=-1)
            assert np.percentile(error, 99) < 0.05 and error.max() < 0.2


@pytest.mark.parametrize("dataset", EVERY)
def test_flows_compose_and_undo_each_other(dataset):

    video = plan(dataset, "tiny", 7).videos[1]
    one = video.expressions[0]
    motion = motion_of(dataset, video, nuisance=True)
    there = flow_between(motion, one.onset, one.apex)
    again = flow_between(motion, one.apex, one.onset)
    y, x = np.mgrid[: there.shape[1], : there.shape[2]].astype(np.float32)
    undone = np.stack([cv2.remap(part, x + there[0], y + there[1], cv2.INTER_LINEAR) for part in again])
    assert np.abs(undone + there).max() < 0.3
    assert np.abs(flow_between(motion, one.apex, one.apex)).max() < 0.3


def test_landmarks_follow_the_flow():

    for dataset, place in (("casme2", 2), ("cas_me_2", 0)):
        video = plan(dataset, "tiny", 7).videos[place]
        one = video.expressions[0]
        arguments = (dataset, "tiny", 7, video.subject, video.video)
        flow = true_flow(*arguments, one.onset, one.apex)
        start, end = (true_landmarks(*arguments, frame) for frame in (one.onset, one.apex))
        x, y = start.astype(np.float32).T
        read_off = np.stack([cv2.remap(part, x, y, cv2.INTER_LINEAR).reshape(-1) for part in flow], -1)
        assert np.abs(start + read_off - end).max() < 0.15


def test_the_truth_of_an_unknown_video_is_refused():
    with pytest.raises(KeyError, match="028_9"):
        video_motion("samm_lv", "tiny", 7, "028", "028_9")


@pytest.mark.parametrize("dataset", EVERY)
def test_the_face_is_at_rest_outside_the_expressions(dataset):
    for video in plan(dataset, "tiny", 7).videos[:3]:
        motion = motion_of(dataset, video)
        inside = {n for one in video.expressions for n in range(one.onset + 1, one.offset)}
        for frame in list(video.frames)[::3] + [video.first_frame, video.last_frame]:
            assert (
                (frame in inside)
                == bool(motion.forward(frame).any())
                == any(value > 0 for value in motion.unit_intensities(frame).values())
            )
        for one in video.expressions:
            alone = VideoMotion(replace(video, expressions=(one,)), 7, motion.region, nuisance=False)
            course = [max(alone.unit_intensities(frame).values()) for frame in range(one.onset, one.apex + 1)]
            assert course == sorted(course) and course[0] == 0


def test_the_intensities_of_overlapping_expressions_add_up(person):
    video = plan("samm_lv", "demo", 7).find("006", "006_1")
    first, second = (one for one in video.expressions if one.type == "macro")
    assert first.onset < second.onset < first.offset < second.offset
    frame = (second.onset + first.offset) // 2

    def seen(*expressions) -> tuple[dict[str, float], np.ndarray]:
        motion = VideoMotion(replace(video, expressions=expressions), 7, person, nuisance=False)
        return {name: value for name, value in motion.unit_intensities(frame).items() if value}, motion.forward(frame)

    (one, field), (other, another), (both, sum_of_fields) = seen(first), seen(second), seen(*video.expressions)
    assert one and other and field.any() and another.any()
    assert both == pytest.approx({name: one.get(name, 0) + other.get(name, 0) for name in one | other})
    assert sum_of_fields == pytest.approx(field + another, abs=1e-4)


@pytest.mark.parametrize("dataset", LONG)
def test_long_videos_have_more_than_expressions(dataset, person):
    """Somewhere in each dataset: blinks, a glance, and everywhere a head that drifts, without an expression."""
    blinks, glances, ways = 0, 0, []
    for video in plan(dataset, "demo", 7).videos:
        motion = VideoMotion(video, 7, person)
        rest = [n for n in video.frames if not any(motion.unit_intensities(n).values())]
        states = [motion.state(n) for n in rest[::4]]
        blinks += max(motion.blink(n) for n in rest) > 0.9
        glances += np.ptp([state.intensities["glance"] for state in states]) > 0.3
        ways.append(np.ptp([state.shift for state in states], axis=0).max())
        assert len(rest) > 0.25 * video.frame_count
    assert blinks >= 2 and glances >= 2 and min(ways) > 0.5


@pytest.mark.parametrize("dataset", SHORT)
def test_action_units_are_of_their_size_and_fold_nothing(dataset):
    from mexflow.embedded.action_units import PEAK

    video = plan(dataset, "tiny", 7).videos[0]
    one = video.expressions[0]
    region = motion_of(dataset, video).region
    for number, peak in PEAK.items():
        for kind, strength, most in (("micro", 1.0, 3.0), ("macro", MACRO_LIMITS.get(number, MACRO_STRENGTH), 8.0)):
            alone = replace(one, type=kind, units=((number, "B", strength),))
            motion = VideoMotion(replace(video, expressions=(alone,)), 7, region, nuisance=False)
            field = motion.forward(one.apex)
            size = np.hypot(field[..., 0], field[..., 1]).max() / region.identity.unit
            assert 0.5 <= size <= most and size == pytest.approx(strength * peak, rel=0.03), number
            assert jacobian(motion, one.apex).min() > 0.2, (number, kind)


@pytest.mark.parametrize("dataset", EVERY)
def test_nothing_that_is_planned_folds_the_face(dataset, person):
    videos = plan(dataset, "demo", 7).videos + plan(dataset, "tiny", 7).videos
    for video in videos[:: 1 if dataset in LONG else 4]:
        motion = VideoMotion(video, 7, person)
        frames = {one.apex for one in video.expressions}
        frames |= {(one.apex + one.offset) // 2 for one in video.expressions}
        frames |= {max(video.frames, key=motion.blink)}
        for frame in frames:
            assert jacobian(motion, frame).min() > 0.15, (video.video, frame)


def test_no_macro_expression_folds_the_face(person):
    """Every set of action units that can be drawn, as strong as it can be."""
    video = plan("cas_me_2", "tiny", 7).videos[0]
    one = next(one for one in video.expressions if one.type == "macro")
    for text in sorted({text for sets in facs._SETS.values() for _, text in sets}):
        units = tuple((number, side, MACRO_LIMITS.get(number, MACRO_STRENGTH)) for number, side in parse_units(text))
        motion = VideoMotion(replace(video, expressions=(replace(one, units=units),)), 7, person, nuisance=False)
        assert jacobian(motion, one.apex).min() > 0.1, text


@pytest.mark.parametrize("dataset", LONG)
def test_macro_expressions_move_further_than_micro_expressions(dataset, person):
    sizes: dict[str, list[float]] = {"micro": [], "macro": []}
    for video in plan(dataset, "demo", 7).videos:
        for one in video.expressions:
            field = VideoMotion(replace(video, expressions=(one,)), 7, person, nuisance=False).forward(one.apex)
            sizes[one.type].append(np.hypot(field[..., 0], field[..., 1]).max() / person.identity.unit)
    assert min(sizes["micro"]) >= 0.5 and max(sizes["micro"]) <= 4.0
    assert min(sizes["macro"]) >= 1.9 and max(sizes["macro"]) <= 8.0
    assert np.median(sizes["macro"]) > 1.4 * np.median(sizes["micro"])


def test_action_units_move_what_they_are_named_for():
    video = plan("casme2", "tiny", 7).videos[0]
    one = video.expressions[0]
    region = motion_of("casme2", video).region

    def moves(units: str, kind: str = "micro") -> np.ndarray:
        parts = tuple((number, side, 1.0) for number, side in parse_units(units))
        expression = replace(one, type=kind, units=parts)
        motion = VideoMotion(replace(video, expressions=(expression,)), 7, region, nuisance=False)
        landmarks = region.identity.landmarks
        return (motion.forward_at(one.apex, landmarks) - landmarks) / region.identity.unit

    for kind in ("micro", "macro"):
        assert moves("1", kind)[[21, 22], 1].max() < -1.2
        assert moves("4", kind)[[21, 22], 1].min() > 0.8
        smile = moves("12", kind)
        assert smile[[48, 54], 1].max() < -1 and smile[48, 0] < -1 and smile[54, 0] > 1
    assert moves("2")[[18, 25], 1].max() < -1.2
    assert moves("4")[21, 0] > 0.5 > -0.5 > moves("4")[22, 0]
    assert moves("15")[[48, 54], 1].min() > 1.2
    assert moves("26")[8, 1] > 1.5
    left = moves("L12")
    assert np.hypot(*left[54]) > 1.5 and np.hypot(*left[48]) < 0.1

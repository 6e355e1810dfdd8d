"""What nag2019 is trained for and fed with: intensities, states, clips, frames, flow and sequences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import sequence_files
from mexflow.errors import UserError
from mexflow.models import build
from mexflow.models.backbones.weights import Normalisation
from mexflow.training.augmentation import Augmentation
from mexflow.training.memory.clips import STATES, Clip, flow_scale, frame_scale, intensities, starts, states, window
from mexflow.training.memory.fold import Scales, score_clip
from mexflow.training.memory.samples import Flows, Images, Plan, Seeing, Sequences, as_images, frames
from sequence_files import FIRST, FRAMES, row

CPU = torch.device("cpu")
AUGMENT = ({"rotation": [-10, 10]}, {"scale": [0.9, 1.1]}, {"shift": [-2, 2]})


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> sequence_files.SequenceFiles:
    return sequence_files.write(tmp_path_factory.mktemp("sequences"))


@pytest.fixture(scope="module")
def clips(files) -> list[Clip]:
    return files.clips()[0]


# Targets and states


def test_intensity_by_hand():
    frames = np.arange(8, 20)
    found = intensities(frames, [{"onset": 10, "apex": 14, "offset": 16}])
    #                       8  9 10    11   12    13 14   15 16 17 18 19
    assert found.tolist() == [0, 0, 0, 0.25, 0.5, 0.75, 1, 0.5, 0, 0, 0, 0]
    assert found.dtype == np.float32


def test_intensity_of_an_apex_at_an_end():
    frames = np.arange(8, 14)
    assert intensities(frames, [{"onset": 9, "apex": 9, "offset": 11}]).tolist() == [0, 1, 0.5, 0, 0, 0]
    assert intensities(frames, [{"onset": 9, "apex": 11, "offset": 11}]).tolist() == [0, 0, 0.5, 1, 0, 0]
    assert intensities(frames, [{"onset": 9, "apex": 9, "offset": 9}]).tolist() == [0, 1, 0, 0, 0, 0]
    assert not intensities(frames, []).any()


def test_intensity_of_two_expressions_is_the_larger():
    one, two = ({"onset": a, "apex": a + 2, "offset": a + 4} for a in (0, 3))
    assert intensities(np.arange(8), [one, two]).tolist() == [0, 0.5, 1, 0.5, 0.5, 1, 0.5, 0]


def test_intensity_where_frames_are_missing():
    assert intensities(np.array([3, 10, 13, 15]), [{"onset": 10, "apex": 14, "offset": 16}]).tolist() == [
        0,
        0,
        0.75,
        0.5,
    ]


def test_states_by_hand():
    values = np.array([0, 0, 0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 0.9, 0.6, 0.4, 0.15, 0.0, 0, 0, 0])
    found = states(values, span=1)
    assert found == (
        ["neutral", "neutral", "onset", "onset", "onset-apex", "onset-apex", "onset-apex", "apex", "apex", "apex"]
        + ["apex-offset", "apex-offset", "offset", "offset", "neutral", "neutral", "neutral"]
    )
    assert set(found) == set(STATES)


def test_bounds_of_states():
    rising = np.linspace(0, 1, 101)
    assert states(rising)[19] == "onset" and states(rising)[20] == "onset-apex"
    assert states(rising)[79] == "onset-apex" and states(rising)[80] == "apex"
    assert states(rising[::-1])[20] == "apex" and states(rising[::-1])[21] == "apex-offset"


def test_a_plateau_goes_on_as_before():
    up, down = np.linspace(0, 0.5, 11), np.linspace(1, 0.5, 11)
    flat = np.full(10, 0.5)
    assert states(np.concatenate([up, flat]))[-1] == "onset-apex"
    assert states(np.concatenate([down, flat]))[-1] == "apex-offset"
    assert states(np.full(4, 0.1)) == ["neutral"] * 4
    assert states(np.zeros(0)) == []


# Clips


def test_clips_are_joined(files, clips):
    assert [clip.name for clip in clips] == [f"{s}_{name}" for s in files.subjects for name in sequence_files.CLASSES]
    clip = clips[3]
    assert (clip.subject, clip.video, clip.label, len(clip)) == ("02", "surprise", 1, FRAMES)
    assert clip.frames.tolist() == list(range(FIRST, FIRST + FRAMES))
    assert np.flatnonzero(clip.expression).tolist() == list(range(3, 10)) == np.flatnonzero(clip.inside).tolist()
    assert clip.intensity.argmax() == 6 and clip.intensity.max() == 1
    images, flow = clip.images(np.array([6, 0])), clip.flow(np.array([0, FRAMES - 1]))
    assert images.shape == (2, 3, 64, 64) and images.dtype == np.float32
    bright = images[0] > 0.7
    assert bright[:, 24:45, 35:56].all() and not bright[:, :, :30].any() and not (images[1] > 0.7).any()
    assert flow.shape == (2, 2, 64, 64) and flow[0, 1, 20:40, 20:40].mean() == pytest.approx(0.5, abs=0.01)
    assert not flow[1].any()


def test_the_order_of_the_arrays_changes_nothing(files, clips):
    other, _ = replace(files, faces=files.faces[::-1], motion=files.motion[::-1]).clips()
    assert [clip.name for clip in other] == [clip.name for clip in clips]
    for one, same in zip(clips, other, strict=True):
        assert np.array_equal(one.flow(np.arange(FRAMES)), same.flow(np.arange(FRAMES)))


def test_what_is_left_out(tmp_path):
    middle = range(FIRST + 3, FIRST + 10)
    files = sequence_files.write(
        tmp_path,
        states={("02", "happiness", FIRST + 1): "missing"}
        | {("03", "happiness", frame): "unreadable" for frame in middle},
        excluded={("03", "surprise"): "face_missing: no face in 5 of 9 frames"},
        extra=[row("01", "gone", "surprise", 1, 2, 3, excluded="folder_missing: gone")],
    )
    clips, left_out = files.clips()
    assert [clip.name for clip in clips] == ["01_happiness", "01_surprise", "02_happiness", "02_surprise"]
    assert left_out == [
        "casme2 03_happiness: frame_unseen: no frame of the expression was seen",
        "casme2 03_surprise: face_missing: no face in 5 of 9 frames",
    ]
    assert clips[2].frames.tolist() == [FIRST, *range(FIRST + 2, FIRST + FRAMES)]
    assert clips[2].rows.tolist() == [0, *range(2, FRAMES)]


def test_nothing_is_consecutive_across_a_frame_that_was_not_seen(tmp_path):
    """Frames 5 to 16; 9 is guessed between its neighbours: positions 0 to 3 and 4 to 10 are stretches."""
    files = sequence_files.write(tmp_path, states={("01", "happiness", FIRST + 4): "interpolated"})
    (clip, *_), _ = files.clips()
    assert clip.stretches == [(0, 4), (4, 11)] and clip.moving.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert starts(clip, 5).tolist() == [4, 5, 6] and starts(clip, 4).tolist() == [0, 4, 5, 6, 7]
    assert starts(clip, 8).tolist() == [4], "the longest stretch, continued by its last frame"
    assert window(clip, 1, 3).tolist() == [1, 2, 3, 3] and window(clip, 4, 8).tolist() == [*range(4, 11), 10, 10]
    flow = np.load(files.motion[0]).astype(np.float64)[clip.rows[clip.moving]]
    assert flow_scale([clip]) == pytest.approx(np.sqrt((flow**2).mean()))
    feed = Sequences([clip], 60, 1, Augmentation(), torch.device("cpu"), lambda *_: np.zeros((11, 1)), 3, 0)
    rng = np.random.default_rng(1)
    drawn = {tuple(feed._window(clip, rng)) for _ in range(300)}
    assert {window[0] for window in drawn} == {0, 1, 4, 5, 6, 7, 8}
    assert not any(set(window) & {3} and set(window) & {4} for window in drawn)
    positions = {int(Flows._position(clip, rng)[0]) for _ in range(300)}
    assert positions == set(clip.moving.tolist())


def test_the_memory_begins_anew_behind_a_gap(tmp_path):
    files = sequence_files.write(tmp_path, states={("01", "happiness", FIRST + 4): "missing"})
    (clip, *_), _ = files.clips()
    network = build("time_contrast", {}, 3, 2)
    behind = replace(clip, **{name: getattr(clip, name)[4:] for name in ("frames", "rows", "intensity", "inside",
                                                                         "expression")})  # fmt: skip
    scales, cpu = Scales(1.0, None), torch.device("cpu")
    whole, alone = (score_clip(network, scales, one, cpu) for one in (clip, behind))
    for all_of, part in zip(whole, alone, strict=True):
        assert len(all_of) == 11 and all_of[4:] == pytest.approx(part, abs=2e-3)


def test_the_memory_forgets_after_windows(tmp_path):
    (clip, *_), _ = sequence_files.write(tmp_path).clips()
    network, scales, cpu = build("time_contrast", {}, 3, 2), Scales(1.0, None), torch.device("cpu")
    parts = [
        replace(
            clip,
            **{
                name: getattr(clip, name)[start:end] for name in ("frames", "rows", "intensity", "inside", "expression")
            },
        )  # fmt: skip
        for start, end in ((0, 6), (5, 11))
    ]
    windows = score_clip(network, scales, clip, cpu, length=5)
    for all_of, *some in zip(windows, *(score_clip(network, scales, part, cpu) for part in parts), strict=True):
        assert all_of[:5] == pytest.approx(some[0][:5], abs=2e-3)
        assert all_of[5:10] == pytest.approx(some[1][:5], abs=2e-3)
    whole, long = score_clip(network, scales, clip, cpu), score_clip(network, scales, clip, cpu, length=99)
    assert all(np.array_equal(*pair) for pair in zip(whole, long, strict=True))


def test_expressions_without_a_class_are_no_negatives(tmp_path):
    files = sequence_files.write(tmp_path, extra=[row("01", "happiness", None, FIRST, FIRST, FIRST + 1)])
    clips, _ = files.clips()
    assert len(clips) == 6 and clips[0].inside[:2].all() and clips[0].intensity[0] == 1
    assert not clips[0].expression[:2].any() and not clips[1].inside[:2].any()


def test_arrays_that_do_not_fit(tmp_path):
    files = sequence_files.write(tmp_path, subjects=["01", "02"])
    flow = np.load(files.motion[1])
    np.save(files.motion[1], flow[:, :, :32, :32])
    with pytest.raises(UserError, match=r"02\.npy: of shape \(24, 2, 32, 32\), not \(24, 2, 64, 64\)"):
        files.clips()
    np.save(files.motion[1], flow[1:])
    with pytest.raises(UserError, match=r"02\.npy: 23 rows, its table .*02\.parquet has 24; delete both"):
        files.clips()
    np.save(files.faces[0], np.load(files.faces[0])[1:])
    with pytest.raises(UserError, match="its table has 24"):
        files.clips(motion=False)


def test_the_scale_is_the_root_mean_square_of_moving_frames(files, clips):
    flow = np.load(files.motion[0]).astype(np.float64)
    moving = np.arange(len(flow)) % FRAMES != FRAMES - 1
    assert flow_scale(clips[:2], chunk=4) == pytest.approx(np.sqrt((flow[moving] ** 2).mean()))
    still = [replace(clips[0], motion=np.zeros_like(flow, np.float32))]
    assert flow_scale(still) == 1


# Sequences


def test_what_sets_frames_apart_from_the_first(clips):
    clip, places = clips[3], np.array([0, 6])
    images = clip.images(np.arange(FRAMES))
    inside = np.concatenate([one.images(np.flatnonzero(one.expression)) - one.images(np.array([0])) for one in clips])
    scale = frame_scale(clips)
    assert scale == pytest.approx(np.sqrt(np.square(inside, dtype=np.float64).mean()))
    assert np.array_equal(frames(clip, places, None), images[places])
    raw = frames(clip, places, scale)
    assert np.array_equal(raw, images[[0, 0, 6]])
    # The spatial network gets deviations as they are: it takes ImageNet's mean and deviation off what it is given.
    apart = Normalisation()(as_images(raw, scale))
    assert apart[0].abs().max() < 1e-5 and np.allclose(apart[1], (images[6] - images[0]) / scale, atol=1e-4)
    assert torch.equal(as_images(torch.stack([raw, raw]), scale)[1], as_images(raw, scale))
    assert as_images(raw, None) is raw
    still = [replace(one, rows=np.zeros_like(one.rows)) for one in clips]
    assert frame_scale(still) == 1


def test_windows_end_in_the_last_frame(clips):
    assert window(clips[0], 2, 3).tolist() == [2, 3, 4, 5]
    assert window(clips[0], FRAMES - 2, 4).tolist() == [10, 11, 11, 11, 11]
    assert window(clips[0], 0, FRAMES).tolist() == [*range(FRAMES), FRAMES - 1]


def test_every_clip_comes_equally_often(clips):
    plan = Plan(clips, 15, 3)
    for epoch in (1, 2):
        counts = np.bincount(plan.epoch(epoch)[0], minlength=6)
        assert counts.sum() == 15 and set(counts) == {2, 3}
    assert not np.array_equal(plan.epoch(1)[0], plan.epoch(2)[0])
    assert np.array_equal(plan.epoch(2)[0], Plan(clips, 15, 3).epoch(2)[0])


def test_frames_of_expressions_teach_the_spatial_network(clips):
    feed = Images(clips, 7, 1, Augmentation(), CPU)
    batches = list(feed.batches(1, 3))
    assert [len(images) for images, _ in batches] == [3, 4] and len(feed) == 7
    images, labels = batches[0]
    assert images.shape == (3, 3, 64, 64) and labels.dtype == torch.int64
    known = {
        clip.images(np.array([i])).tobytes(): clip.label for clip in clips for i in np.flatnonzero(clip.expression)
    }
    for images, labels in batches:
        assert [known[image[None].numpy().tobytes()] for image in images] == labels.tolist()


def test_flow_and_its_masks_teach_the_temporal_network(clips):
    flow, masks = next(Flows(clips, 4, 1, Augmentation(), CPU, 0.25).batches(1, 4))
    assert flow.shape == (4, 2, 64, 64) and masks.shape == (4, 1, 16, 16)
    assert flow[:, 1, 20:40, 20:40].mean() == pytest.approx(2, abs=0.02)
    truth = torch.zeros(16, 16)
    truth[5:10, 5:10] = 1
    assert torch.equal(masks, truth.expand(4, 1, 16, 16))


class Glass:
    """Stands for the frozen networks: a frame's map is its mean grey, its motion the mean of its Vy."""

    def __init__(self) -> None:
        self.seen = 0

    def to(self, device) -> Glass:
        return self

    def eval(self) -> Glass:
        return self

    def spatial_features(self, images: torch.Tensor) -> torch.Tensor:
        self.seen += len(images)
        return images.mean((1, 2, 3))[:, None, None, None].expand(-1, 4, 8, 8)

    def motion(self, flow: torch.Tensor) -> torch.Tensor:
        return flow[:, 1:].mean((2, 3), keepdim=True).expand(-1, -1, 8, 8)


def sequences(clips, length: int = 3, versions: int = 0, augment=(), samples: int = 12) -> tuple[Sequences, Glass]:
    augmentation, glass = Augmentation.of(augment), Glass()
    seeing = Seeing(glass, 0.5, augmentation, CPU)
    return Sequences(clips, samples, 5, augmentation, CPU, seeing=seeing, length=length, versions=versions), glass


def test_sequences_are_consecutive_frames_with_their_targets(clips):
    feed, _ = sequences(clips)
    inputs, (labels, targets) = next(feed.batches(1, 12))
    assert inputs.shape == (12, 4, 5, 8, 8) and inputs.dtype == torch.float32
    assert labels.shape == (12,) and targets.shape == (12, 3) and targets.dtype == torch.float32
    shown = {clip.name: clip.images(np.arange(FRAMES)).mean((1, 2, 3)) for clip in clips}
    moves = {clip.name: clip.flow(np.arange(FRAMES))[:, 1].mean((1, 2)) / 0.5 for clip in clips}
    starts = set()
    for seen, label, target in zip(inputs, labels, targets, strict=True):
        (start,) = [
            start
            for clip in clips
            for start in range(FRAMES - 3 + 1)
            if seen[:, 0, 0, 0].numpy() == pytest.approx(shown[clip.name][window(clip, start, 3)], abs=5e-4)
            and seen[:, 4, 3, 3].numpy() == pytest.approx(moves[clip.name][window(clip, start, 3)], abs=1e-4)
            and clip.label == label
            and np.array_equal(clip.intensity[start : start + 3], target)
        ]
        starts.add(start)
    assert len(starts) > 2


def test_a_clip_shorter_than_a_sequence_is_continued_by_its_last_frame(clips):
    feed, _ = sequences(clips, length=FRAMES + 3, samples=2)
    inputs, (_, targets) = next(feed.batches(1, 2))
    assert inputs.shape[1] == FRAMES + 4 and torch.equal(
        targets[:, FRAMES:], targets[:, FRAMES - 1 : FRAMES].expand(-1, 3)
    )
    assert torch.equal(inputs[:, FRAMES:], inputs[:, FRAMES - 1 : FRAMES].expand(-1, 4, -1, -1, -1))
    assert not inputs[:, FRAMES - 1 :, 4].any() and inputs[:, FRAMES - 2, 4].any()


def batch(feed: Sequences, epoch: int) -> torch.Tensor:
    return torch.cat([inputs for inputs, _ in feed.batches(epoch, 4)])


def test_without_augmentation_a_frame_is_seen_once(clips):
    feed, glass = sequences(clips)
    first = batch(feed, 1)
    assert glass.seen == 6 * FRAMES
    assert not torch.equal(batch(feed, 2), first) and torch.equal(batch(feed, 1), first)
    assert glass.seen == 6 * FRAMES


def test_versions_are_seen_once(clips):
    feed, glass = sequences(clips, versions=2, augment=AUGMENT)
    made = [batch(feed, epoch) for epoch in (1, 2, 3, 4)]
    assert glass.seen <= 2 * 6 * 4
    different = {inputs.numpy().tobytes() for inputs in torch.cat(made)}
    assert 6 < len(different) <= 12


def test_an_epoch_is_the_same_whatever_was_before(clips):
    """Training that is resumed has kept nothing."""
    for settings in ({}, {"versions": 2, "augment": AUGMENT}, {"augment": AUGMENT}):
        before, resumed = sequences(clips, **settings)[0], sequences(clips, **settings)[0]
        batch(before, 1)
        assert torch.equal(batch(before, 2), batch(resumed, 2))


def test_augmentation_changes_all_frames_of_a_sequence_alike(clips):
    still = replace(clips[0], rows=np.full(FRAMES, 4))
    for versions in (0, 1):
        feed, _ = sequences([still], versions=versions, augment=AUGMENT, samples=3)
        inputs = batch(feed, 1)
        assert torch.equal(inputs, inputs[:, :1].expand_as(inputs))
        assert (torch.equal(inputs[0], inputs[1])) == (versions == 1)

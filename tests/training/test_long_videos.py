"""Long videos as training is fed with them: labels, the plan, pairs of frames, LCN after augmentation; learning."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import video_files
from mexflow.errors import UserError
from mexflow.evaluation.spotting import auc
from mexflow.models import build
from mexflow.models.elface import pair_indices
from mexflow.preprocess.lcn import grey, lcn
from mexflow.store.arrays import Rows
from mexflow.training.augmentation import Augmentation
from mexflow.training.checkpoints import Checkpoints
from mexflow.training.loop import Settings, fit
from mexflow.training.losses import unweighted_bce, weighted_bce
from mexflow.training.spotting.samples import Frames, Pairing, Pairs, SpottingLoss, Video
from video_files import DATASET, FIRST, SIDE, SIGMA, VIDEOS, Made

pytestmark = pytest.mark.usefixtures("deterministic")
CPU = torch.device("cpu")
PAIRING = Pairing(((3, 6), (15, 30)), samples=50)
AUGMENTATION = Augmentation.of(
    [{"contrast": [0.5, 1.5]}, {"gamma": [0.5, 1.5]}, {"flip": 0.5}, {"rotation": [-10, 10]}]
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return video_files.write(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def videos(files) -> list[Video]:
    return files.load()[0]


def named(videos, name: str) -> Video:
    return next(video for video in videos if video.name == name)


def made(folder, **own: Made) -> tuple[list[Video], list[str]]:
    """The videos of one subject with these, and what is left out."""
    return video_files.write(folder, {"006": own}).load()


def feed(videos, pairing=PAIRING, seed=3, augmentation=None, sigma=SIGMA) -> Pairs:
    return Pairs(videos, pairing, CPU, seed, augmentation, sigma)


# Loading


def test_videos_and_their_labels(videos):
    assert [video.name for video in videos] == ["006_1", "006_2", "011_1", "012_1", "018_1", "018_2"]
    assert [(video.dataset, video.subject) for video in videos[:3]] == [
        (DATASET, name) for name in ("006", "006", "011")
    ]
    for video in videos:
        wanted = VIDEOS[video.subject][video.name]
        assert video.frames.tolist() == list(range(FIRST, FIRST + wanted.frames))
        for frame, (micro, macro) in zip(video.frames, video.labels, strict=True):
            inside = {kind for kind, onset, offset in wanted.expressions if onset <= frame <= offset}
            assert (micro, macro) == ("micro" in inside, "macro" in inside)
    assert named(videos, "012_1").labels.all(1).any(), "expressions of both types overlap"


def test_the_order_of_the_arrays_changes_nothing(files, videos):
    other, _ = replace(files, faces=files.faces[::-1], lcn=files.lcn[::-1]).load()
    assert [video.name for video in other] == [video.name for video in videos]
    assert feed(other).plan(2) == feed(videos).plan(2)


def test_what_is_left_out_is_said(tmp_path):
    late = ("micro", 70, 200)
    found, left_out = made(
        tmp_path,
        a=Made(80, [("macro", 20, 40)], dropped=[late]),
        b=Made(20, [("micro", 8, 12)], excluded="no_face: no face was found"),
        c=Made(10, missing=range(FIRST, FIRST + 10)),
    )
    assert [video.name for video in found] == ["a"]
    assert not found[0].labels[:, 0].any(), "an expression that is excluded labels no frame"
    assert left_out == [
        f"{DATASET} a_1: frames_missing: as made",
        f"{DATASET} b: no_face: no face was found",
        f"{DATASET} c: no_face: no face was seen in any of 10 frames",
    ]


def test_a_frame_that_was_not_seen_keeps_its_place_and_is_in_no_pair(tmp_path):
    missing = [FIRST, FIRST + 1, 20, 21, 22, 40]
    (video,), left_out = made(tmp_path, a=Made(60, [("micro", 20, 24)], missing=missing))
    assert left_out == []
    assert video.frames.tolist() == list(range(FIRST, FIRST + 60)), "it keeps its place"
    shown = dict(zip(video.frames.tolist(), (video.rows + FIRST).tolist(), strict=True))
    held = {FIRST: FIRST + 2, FIRST + 1: FIRST + 2, 20: 19, 21: 19, 22: 19, 40: 39}
    assert shown == {frame: held.get(frame, frame) for frame in video.frames.tolist()}
    assert video.labels[:, 0].sum() == 5
    planned = feed([video], replace(PAIRING, samples=3000)).plan(1)
    drawn = {int(video.frames[frame]) for _, frame, _ in planned}
    # No pair of the lowest skips, 3 and 15, around the others lies in what was seen.
    assert len(drawn) > 20 and drawn <= set(video.frames.tolist()) - set(missing)
    for _, frame, skips in planned:
        pairs = pair_indices(torch.tensor([frame]), torch.tensor(skips), len(video), PAIRING.placement)
        assert video.known[pairs.numpy()].all(), "neither end of a pair is a frame that was not seen"
    assert not feed([named_made(tmp_path / "b", range(FIRST + 2, FIRST + 60))]).plan(1), "nothing to train on"


def named_made(folder: Path, missing: range) -> Video:
    """A video in which these frames were not seen."""
    (video,), _ = made(folder, a=Made(60, missing=missing))
    return video


def test_a_score_of_a_pair_with_an_unseen_frame_is_no_measurement(tmp_path):
    missing = [20, 21, 40]
    video = named_made(tmp_path, missing)
    for placement in ("centred", "forward", "backward"):
        measured = video.measured((4, 10), placement)
        for position in range(len(video)):
            pairs = pair_indices(torch.tensor([position]), torch.tensor([4, 10]), len(video), placement)[0].numpy()
            for stream in (0, 1):
                needed = {position, *pairs[stream].tolist()}
                assert measured[position, stream] == (not needed & {frame - FIRST for frame in missing})
    assert named_made(tmp_path / "all", range(0)).measured((4, 10), "centred").all()


def test_table_that_does_not_fit_its_arrays(tmp_path):
    files = video_files.write(tmp_path)
    np.save(files.lcn[1], np.load(files.lcn[1])[:-1])
    with pytest.raises(UserError, match=r"lcn/samm_lv/011\.npy: \d+ rows, its table .*011\.parquet has \d+; delete"):
        files.load()
    with pytest.raises(UserError, match="4 arrays of faces and 3 of LCN frames"):
        replace(files, lcn=files.lcn[:3]).load()


# The plan


def test_plan_draws_frames_as_they_occur(videos):
    """Every frame once before any comes again, so a video and an expression as often as they have frames."""
    total = sum(map(len, videos))
    whole = [(video, frame) for video, frame, _ in feed(videos, replace(PAIRING, samples=total)).plan(1)]
    assert sorted(whole) == [(number, frame) for number, video in enumerate(videos) for frame in range(len(video))]
    assert whole != sorted(whole)
    twice = Counter((video, frame) for video, frame, _ in feed(videos, replace(PAIRING, samples=2 * total + 7)).plan(1))
    assert len(twice) == total and sorted(set(twice.values())) == [2, 3]
    few = [feed(videos, replace(PAIRING, samples=100)).plan(epoch) for epoch in range(1, 21)]
    share = np.mean([videos[video].labels[frame].any() for plan in few for video, frame, _ in plan])
    # 2,000 draws: 0.04 is four standard deviations.
    assert share == pytest.approx(np.concatenate([video.labels.any(1) for video in videos]).mean(), abs=0.04)
    often = feed(videos, replace(PAIRING, samples=2000, inside=0.5)).plan(1)
    assert np.mean([videos[video].labels[frame].any() for video, frame, _ in often]) > share + 0.1


def test_plan_with_a_share_inside_is_balanced_over_videos(videos):
    counts = Counter(video for video, _, _ in feed(videos, replace(PAIRING, inside=0.5)).plan(1))
    assert sorted(counts.values()) == [8, 8, 8, 8, 9, 9]


def test_plan_draws_frames_inside_expressions_of_each_type(videos):
    plan = feed(videos, replace(PAIRING, samples=6000, inside=0.5)).plan(1)
    for number, video in enumerate(videos):
        labels = np.array([video.labels[frame] for own, frame, _ in plan if own == number])
        share = video.labels.any(1).mean()
        # Half from inside, half from anywhere. 1,000 draws: 0.05 is three standard deviations.
        wanted = 0.5 + 0.5 * share if video.labels.any() else 0
        assert labels.any(1).mean() == pytest.approx(wanted, abs=0.05)
        if video.labels.any(0).all():
            only = labels.sum(1) == 1
            micro, macro = labels[only].mean(0) * only.mean()
            alone = video.labels & (video.labels.sum(1) == 1)[:, None]
            rest = 0.25 * alone.sum(0) / video.labels.sum(0) + 0.5 * alone.mean(0)
            assert (micro, macro) == (pytest.approx(rest[0], abs=0.06), pytest.approx(rest[1], abs=0.06))
    anywhere = feed(videos[:1], replace(PAIRING, samples=3000, inside=0)).plan(1)
    inside = np.mean([videos[0].labels[frame].any() for _, frame, _ in anywhere])
    assert inside == pytest.approx(videos[0].labels.any(1).mean(), abs=0.03)
    always = feed(videos[:1], replace(PAIRING, inside=1)).plan(1)
    assert all(videos[0].labels[frame].any() for _, frame, _ in always)


def test_plan_draws_skips_from_their_ranges_ends_included(videos):
    plan = feed(videos, replace(PAIRING, samples=2000)).plan(1)
    assert [set(stream) for stream in zip(*(skips for _, _, skips in plan), strict=True)] == [
        set(range(3, 7)), set(range(15, 31)),
    ]  # fmt: skip


def test_plan_is_a_function_of_seed_and_epoch(videos):
    assert feed(videos).plan(1) == feed(videos).plan(1)
    assert feed(videos).plan(1) != feed(videos).plan(2)
    assert feed(videos).plan(1) != feed(videos, seed=4).plan(1)
    assert len(feed(videos)) == len(feed(videos).plan(1)) == 50
    assert len(feed([])) == 0 and list(feed([]).batches(1, 8)) == []


# Batches


def images_of(video: Video, frame: int, skips: tuple[int, int], frames: np.ndarray) -> np.ndarray:
    """The four images of a sample by the definition, (2, 2, h, w)."""
    chosen = []
    for skip in skips:
        ends = frame - skip // 2, frame + -(-skip // 2)
        chosen.append([frames[video.rows[min(max(end, 0), len(video) - 1)]] for end in ends])
    return np.array(chosen, np.float32)


@pytest.mark.parametrize("sigma", [SIGMA, None])
def test_pairs_without_augmentation_are_the_stored_ones(files, videos, sigma):
    stored = {
        path.stem: np.load(path) if sigma else grey(np.load(beside))
        for path, beside in zip(files.lcn, files.faces, strict=True)
    }
    # As many of each video, so that the shortest is among them.
    pairs = feed(videos, replace(PAIRING, inside=0.5), sigma=sigma)
    batches = list(pairs.batches(1, 16))
    assert [len(images) for images, _ in batches] == [16, 16, 16, 2]
    made = iter(torch.cat([images for images, _ in batches]).numpy())
    targets = iter(torch.cat([targets for _, targets in batches]).numpy())
    for number, frame, skips in pairs.plan(1):
        video = videos[number]
        np.testing.assert_array_equal(next(made), images_of(video, frame, skips, stored[video.subject]))
        np.testing.assert_array_equal(next(targets), video.labels[frame])
    assert any(skip > len(videos[number]) for number, _, (_, skip) in pairs.plan(1)), "one is clipped at both ends"


@pytest.mark.parametrize("sigma", [SIGMA, None])
@pytest.mark.parametrize("augmentation", [AUGMENTATION, Augmentation()])
def test_augmentation_comes_before_lcn(files, videos, sigma, augmentation):
    """Each sample against the augmentation and NumPy's LCN of its own four images."""
    faces = {path.stem: np.load(path)[..., 0] / np.float32(255) for path in files.faces}
    pairs = feed(videos, replace(PAIRING, samples=8), augmentation=augmentation, sigma=sigma)
    ((made, _),) = pairs.batches(1, 8)
    raw = np.stack([images_of(videos[n], frame, skips, faces[videos[n].subject]) for n, frame, skips in pairs.plan(1)])
    found = Recorded(augmentation)
    ((again, _),) = feed(videos, replace(PAIRING, samples=8), augmentation=found, sigma=sigma).batches(1, 8)
    assert torch.equal(made, again), "the draws are those of seed and epoch"
    np.testing.assert_allclose(found.seen, raw.reshape(8, 4, 1, SIDE, SIDE), atol=1e-6)
    wanted = found.made[:, :, 0].numpy()
    wanted = lcn(wanted, sigma) if sigma else wanted
    np.testing.assert_allclose(made.numpy().reshape(wanted.shape), wanted, atol=2e-4)


class Recorded:
    """An augmentation that keeps what it was given and what it made of it."""

    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        self.seen, self.made = images.numpy().copy(), self._augmentation(images, generator).clone()
        return self.made


def test_one_draw_for_the_four_images_of_a_sample(tmp_path):
    (video,), _ = made(tmp_path, a=Made(60))
    still = Still(video.faces)
    pairs = feed([replace(video, faces=still)], replace(PAIRING, samples=6), augmentation=AUGMENTATION)
    ((images, _),) = pairs.batches(1, 6)
    four = images.flatten(1, 2)
    for other in range(1, 4):
        assert torch.equal(four[:, 0], four[:, other])
    assert all((four[0, 0] - one).abs().max() > 0.1 for one in four[1:, 0])
    ((later, _),) = pairs.batches(2, 6)
    assert not torch.equal(images, later)


class Still:
    """Faces of which each is the first."""

    def __init__(self, faces: Rows) -> None:
        self._face = faces[[0]]

    def __getitem__(self, rows):
        return np.repeat(self._face, len(rows), 0)


def test_without_augmentation_training_sees_what_testing_sees(videos):
    """LCN in training is the LCN that was stored, to the rounding of float16."""
    ((trained, _),) = feed(videos, replace(PAIRING, samples=12), augmentation=Augmentation()).batches(1, 12)
    ((tested, _),) = feed(videos, replace(PAIRING, samples=12)).batches(1, 12)
    assert (trained - tested).abs().max() < 2e-3


def test_colour_faces_are_seen_in_grey(tmp_path):
    files = video_files.write(tmp_path, {"006": {"a": Made(30)}}, channels=3)
    ((images, _),) = feed(
        files.load()[0], replace(PAIRING, samples=2), augmentation=Augmentation(), sigma=None
    ).batches(1, 2)
    red, green, blue = np.moveaxis(np.load(files.faces[0]) / 255, -1, 0)
    frames = 0.299 * red + 0.587 * green + 0.114 * blue
    assert min(np.abs(frames - images[0, 0, 0].numpy()).max((1, 2))) < 1e-6


def test_only_the_rows_of_a_batch_are_ever_read(files, monkeypatch):
    """Of arrays of any length: loading reads none, training and scoring a few frames for each sample of a batch."""
    reads = []
    read = Rows.__getitem__
    monkeypatch.setattr(Rows, "__getitem__", lambda rows, chosen: reads.append(len(chosen)) or read(rows, chosen))
    videos, _ = files.load()
    assert reads == []
    for augmentation in (AUGMENTATION, None):
        for _ in feed(videos, augmentation=augmentation).batches(1, 16):
            pass
    assert reads and max(reads) <= 4
    build("elface", {}, 1, 2).score_video(Frames(videos[0], True), (5, 15), batch=8)
    assert max(reads) <= 4 * 8


@pytest.mark.parametrize("normalised", [True, False])
def test_a_video_is_scored_from_its_file_as_from_memory(files, videos, normalised):
    network = build("elface", {}, 1, 2).eval()
    video = named(videos, "006_2")  # not the first of its file
    whole = np.load(files.lcn[0]) if normalised else grey(np.load(files.faces[0]))
    wanted = network.score_video(whole[90:130], (5, 15))
    assert len(Frames(video, normalised)) == 40
    assert torch.equal(network.score_video(Frames(video, normalised), (5, 15)), wanted)


# The objective


def test_objective():
    logits, targets = torch.tensor([[2.0, -1.0], [-0.5, 0.5]]), torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    printed, plain = SpottingLoss(True, (0.1, 0.9), 0.75), SpottingLoss(False, (0.1, 0.9), 0.75)
    assert printed.loss(logits, targets) == weighted_bce(logits, targets, (0.1, 0.9), 0.75)
    assert plain.loss(logits, targets) == unweighted_bce(logits, targets)
    assert printed.error(logits, targets) == printed.loss(logits, targets)
    assert printed.right(logits, targets) == 1.5


# Learning


def test_one_short_video_can_be_learnt_by_heart(videos):
    torch.manual_seed(0)
    network = build("elface", {"dropout": 0.0}, 1, 2)
    video = named(videos, "006_1")
    before = scored(network, video)
    pairs = feed([video], Pairing(((5, 5), (15, 15)), samples=128))
    objective = SpottingLoss(True, (0.5, 0.5), 0.5)
    settings = Settings(12, 16, "sgd", 0.05, {"momentum": 0.9})
    fit(network, pairs, objective, settings, 0, CPU, fold="a", checkpoints=Checkpoints(None, "", 0))
    after = scored(network, video)
    assert min(after) > 0.95, (before, after)


def scored(network, video: Video) -> list[float]:
    """AUC of both types over the frames of a video."""
    scores = network.score_video(Frames(video, True), (5, 15)).numpy()
    return [auc(scores[:, number], video.labels[:, number]) for number in range(2)]

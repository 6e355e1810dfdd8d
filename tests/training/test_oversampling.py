"""Oversampling: equal classes, only from training samples, each change as it is described; and as the loop feeds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from mexflow.errors import UserError
from mexflow.training.augmentation import Augmentation
from mexflow.training.feeding import Clips, CrossEntropy, cut, to_float
from mexflow.training.recognition.normalisation import normalised
from mexflow.training.recognition.oversampling import Extra, apply, plan
from mexflow.training.recognition.samples import Samples

LABELS = np.array([0] * 9 + [1] * 2 + [3] * 5)
OPERATIONS = ["flip", {"brightness": [0.8, 1.2]}, {"salt_and_pepper": 0.1}]


def test_classes_come_out_equal():
    extra = plan(LABELS, 3, OPERATIONS)
    assert Counter(LABELS[extra.source].tolist()) == {1: 7, 3: 4}
    assert len(extra) == len(extra.operation) == 11
    # Each of the two samples of class 1 has every change once before any twice.
    pairs = [(source, name) for source, name in zip(extra.source, extra.operation, strict=True) if LABELS[source] == 1]
    assert len(set(pairs[:6])) == 6
    again = plan(LABELS, 3, OPERATIONS)
    assert (extra.source == again.source).all() and (extra.amount == again.amount).all()
    assert (extra.source != plan(LABELS, 4, OPERATIONS).source).any()
    assert len(plan(np.zeros(0, np.int64), 1, OPERATIONS)) == len(plan(np.array([0, 1]), 1, OPERATIONS)) == 0


def test_a_sample_is_flipped_once_where_another_change_is_left():
    labels = np.array([0] * 89 + [1] * 13)

    def changes(operations: list[str]) -> Counter:
        extra = plan(labels, 1, operations)
        assert Counter(labels[extra.source].tolist()) == {1: 76}
        return Counter(zip(extra.source.tolist(), extra.operation, strict=True))

    made = changes(OPERATIONS)
    assert {count for (_, name), count in made.items() if name == "flip"} == {1}
    assert {count for (_, name), count in made.items() if name != "flip"} <= {2, 3}
    assert set(changes(["flip"]).values()) == {5, 6}
    assert set(changes(OPERATIONS[1:]).values()) <= {2, 3}


def test_all_classes_are_changed_in_the_same_ways():
    """Happiness, disgust, fear, surprise, sadness: a change that only small classes have would tell them."""
    labels = np.repeat(np.arange(5), [36, 72, 16, 89, 13])
    extra = plan(labels, 1, OPERATIONS)
    for label, copies in ((0, 53), (1, 17), (2, 73), (4, 76)):
        made = Counter(
            name for source, name in zip(extra.source, extra.operation, strict=True) if labels[source] == label
        )
        # As many flips as the 13 clips of sadness allow: 13 of 76 copies.
        for name, share in (("flip", 13 / 76), ("brightness", 63 / 152), ("salt_and_pepper", 63 / 152)):
            assert abs(made[name] - share * copies) <= 1
        times = Counter(source for source in extra.source if labels[source] == label)
        assert max(times.values()) - min(times.values()) <= (copies > len(np.flatnonzero(labels == label)))


def test_no_positions_give_no_images():
    made = apply(torch.zeros((0, 2, 4, 5)), plan(LABELS, 3, OPERATIONS), np.zeros(0, np.int64))
    assert made.shape == (0, 2, 4, 5)


def test_brightness_fills_its_range():
    extra = plan(np.array([0] * 3000 + [1]), 1, [{"brightness": [0.8, 1.2]}])
    assert 0.8 <= extra.amount.min() < 0.805 and 1.195 < extra.amount.max() <= 1.2
    assert abs(extra.amount.mean() - 1) < 0.01


def test_changes_are_as_described():
    images = 0.01 + 0.98 * torch.rand((16, 13, 40, 40), generator=torch.Generator().manual_seed(1))
    extra = plan(LABELS, 3, OPERATIONS)
    sources = images[torch.from_numpy(extra.source)]
    made = apply(sources, extra, np.arange(len(extra)))
    assert made.shape == (11, 13, 40, 40)
    for image, original, name, amount in zip(made, sources, extra.operation, extra.amount, strict=True):
        if name == "flip":
            assert torch.equal(image, original.flip(-1))
        elif name == "brightness":
            torch.testing.assert_close(image, (original * amount).clamp(0, 1))
        else:
            changed = image != original
            assert set(image[changed].tolist()) == {0, 1}
            assert abs(changed.double().mean() - 0.1) < 0.01
            assert abs((image == 0).double().mean() - 0.05) < 0.01
            assert not torch.equal(changed[0], changed[1]), "other pixels in another frame"
    some = np.array([4, 2])
    assert torch.equal(apply(sources[torch.from_numpy(some)], extra, some), made[torch.from_numpy(some)])


# What moves in a clip, and what a copy adds to it

SIZES = [36, 72, 16, 89, 13]
"""Clips of each class, as printed (upadhy2025)."""


def moving(labels: np.ndarray, seed: int = 0) -> Samples:
    """Clips of 13 frames of a still picture of someone's own, on which a blob grows and fades, and the sensor's noise.

    Where it grows, and in whom, has nothing to do with the label.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16]
    course = np.concatenate([np.linspace(0, 1, 7), np.linspace(1, 0, 7)[1:]])
    images = np.empty((len(labels), 13, 16, 16))
    for clip in images:
        row, column = rng.uniform(3, 13, 2)
        blob = rng.choice([-25, 25]) * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 6)
        clip[:] = rng.uniform(40, 210, (16, 16)) + course[:, None, None] * blob + rng.normal(0, 1.5, clip.shape)
    clips = [{"dataset": "d", "subject": str(i), "clip": str(i), "pair": ""} for i in range(len(labels))]
    return Samples(np.rint(images.clip(0, 255)).astype(np.uint8), labels, clips, list("abcde"))


class Seen(nn.Module):
    """Stands for a network: its features are what it is fed."""

    def features(self, values: torch.Tensor) -> torch.Tensor:
        return values


def copies(samples: Samples, extra: Extra, method: str, taken_off: bool = True) -> torch.Tensor:
    """The copies behind the normalisation."""
    network = normalised(Seen(), method, samples)
    sources = to_float(torch.from_numpy(samples.images[extra.source]))
    known = {"taken_off": network.taken_off} if taken_off else {}
    return network.features(apply(sources, extra, np.arange(len(extra)), **known))


@pytest.mark.parametrize("method", ["mean_frame", "mean_image"])
def test_salt_and_pepper_are_as_strong_as_the_input_they_are_added_to(method):
    samples = moving(np.repeat(np.arange(2), [40, 20]))
    extra = plan(samples.labels, 1, [{"salt_and_pepper": 0.05}])
    seen = normalised(Seen(), method, samples).features(to_float(torch.from_numpy(samples.images)))
    strength = lambda images: images.square().mean((1, 2, 3)).sqrt()  # noqa: E731
    sources, made = seen[torch.from_numpy(extra.source)], copies(samples, extra, method)
    assert not torch.equal(made, sources)
    torch.testing.assert_close(strength(made), strength(sources), rtol=0.02, atol=0)
    if method == "mean_frame":
        raw = copies(samples, extra, method, taken_off=False)
        assert (strength(raw) > 3 * strength(sources)).all(), "black and white pixels would be far stronger"


def told(samples: Samples, extra: Extra, made: torch.Tensor) -> float:
    """The mean recall of a linear classifier of copies by their noise: fear's and sadness's from the other classes'.

    It sees how strong each frame of a copy is, and how strong its finest detail is: what noise changes. Copies of one
    half of the clips train it, those of the other half test it.
    """
    detail = made - torch.nn.functional.avg_pool2d(made, 3, 1, 1)
    parts = [values.square().mean((2, 3)).sqrt() for values in (made, detail)]
    features = torch.cat([*parts, detail.abs().amax((2, 3))], 1).numpy()
    labels, trained = np.isin(samples.labels[extra.source], [2, 4]), extra.source % 2 == 0
    machine = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    machine.fit(features[trained], labels[trained])
    return float(balanced_accuracy_score(labels[~trained], machine.predict(features[~trained])))


def mean_told(way: Callable[[Samples], tuple[Extra, torch.Tensor]]) -> float:
    """:func:`told` of copies made in this way, the mean over clips whose classes were given to them at random."""
    recalls = []
    for seed in range(8):
        samples = moving(np.random.default_rng(seed).permutation(np.repeat(np.arange(5), SIZES)), seed)
        recalls.append(told(samples, *way(samples)))
    return float(np.mean(recalls))


def test_noise_does_not_tell_the_class_of_a_copy():
    """Clips have nothing to do with their classes, so all that could tell a copy's is how it was changed.

    Chance is 1/2. Where each round of copies is changed in the next way, only the two smallest classes have noise.
    """
    operations = ["flip", {"brightness": [0.8, 1.2]}, {"salt_and_pepper": 0.02}]

    def as_planned(samples: Samples) -> tuple[Extra, torch.Tensor]:
        extra = plan(samples.labels, 1, operations)
        return extra, copies(samples, extra, "mean_frame")

    def in_rounds(samples: Samples) -> tuple[Extra, torch.Tensor]:
        extra = plan(samples.labels, 1, operations)
        done, names, amounts = Counter(), [], []
        for source in extra.source:
            label = samples.labels[source]
            turn = done[label] // SIZES[label]
            names.append(["flip", "brightness", "salt_and_pepper"][turn if turn < 3 else 1 + (turn - 3) % 2])
            amounts.append({"flip": 0.0, "brightness": 1.0, "salt_and_pepper": 0.02}[names[-1]])
            done[label] += 1
        extra = replace(extra, operation=names, amount=np.array(amounts))
        return extra, copies(samples, extra, "mean_frame", taken_off=False)

    assert mean_told(as_planned) < 0.55
    assert mean_told(in_rounds) > 0.6


def test_an_operation_that_is_none_is_told():
    with pytest.raises(UserError, match="did you mean 'salt_and_pepper'"):
        plan(LABELS, 1, [{"salt_and_peper": 0.1}])


def samples() -> Samples:
    images = np.arange(16, dtype=np.float32)[:, None, None, None] / 100 * np.ones((1, 2, 8, 8), np.float32)
    clips = [{"dataset": "d", "subject": str(i), "clip": str(i), "pair": ""} for i in range(16)]
    return Samples(images, LABELS, clips, list("abcd"))


def test_a_feed_gives_each_sample_and_each_copy_once_an_epoch():
    feed = Clips(samples(), torch.device("cpu"), 5, None, [{"brightness": [1, 1]}])
    assert len(feed) == 27
    batches = list(feed.batches(1, 8))
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert Counter(labels.tolist()) == {0: 9, 1: 9, 3: 9}
    shown = (100 * images[:, 0, 0, 0]).round().int().tolist()
    assert (LABELS[shown] == labels.numpy()).all(), "a copy has its source's label"
    assert set(shown) == set(range(16))
    again = [labels.tolist() for _, labels in feed.batches(1, 8)]
    assert again == [labels.tolist() for _, labels in batches]
    assert again != [labels.tolist() for _, labels in feed.batches(2, 8)]


def test_an_epoch_of_some_samples_goes_on_where_the_last_one_ended():
    feed = Clips(samples(), torch.device("cpu"), 5, None, [{"brightness": [1, 1]}], at_most=6)
    whole = Clips(samples(), torch.device("cpu"), 5, None, [{"brightness": [1, 1]}])
    assert (len(feed), len(whole), feed.oversampled, whole.oversampled) == (6, 27, 11, 11)

    def shown(of: Clips, epochs: range) -> list[int]:
        batches = [images for epoch in epochs for images, _ in of.batches(epoch, 4)]
        return (100 * torch.cat(batches)[:, 0, 0, 0]).round().int().tolist()

    # Nine epochs are two rounds: each as all samples at once would come.
    assert shown(feed, range(1, 10)) == shown(whole, range(1, 3))
    assert shown(feed, range(5, 6)) == shown(whole, range(1, 3))[24:30], "an epoch depends on its number alone"


def test_an_epoch_of_more_samples_than_there_are_has_them_all():
    feed = Clips(samples(), torch.device("cpu"), 5, at_most=40)
    whole = Clips(samples(), torch.device("cpu"), 5)
    for epoch in (1, 2):
        assert [labels.tolist() for _, labels in feed.batches(epoch, 8)] == [
            labels.tolist() for _, labels in whole.batches(epoch, 8)
        ]


def test_classes_that_are_equal_already_get_none():
    even = samples().subset(np.array([0, 1, 9, 10]))
    feed = Clips(even, torch.device("cpu"), 5, None, OPERATIONS)
    assert len(feed) == sum(len(labels) for _, labels in feed.batches(1, 3)) == 4


def test_validation_and_test_samples_are_never_changed():
    feed = Clips(samples(), torch.device("cpu"), None, Augmentation.of([{"gain": [0, 0]}]), OPERATIONS)
    images, labels = (torch.cat(parts) for parts in zip(*feed.batches(1, 5), strict=True))
    assert torch.equal(images, torch.from_numpy(samples().images)) and (labels.numpy() == LABELS).all()
    changed = Clips(samples(), torch.device("cpu"), 1, Augmentation.of([{"gain": [0, 0]}]))
    assert all((images == 0).all() for images, _ in changed.batches(1, 5))


def test_no_batch_has_a_single_sample():
    assert [len(batch) for batch in cut(np.arange(17), 8)] == [8, 9]
    assert [len(batch) for batch in cut(np.arange(18), 8)] == [8, 8, 2]
    assert [len(batch) for batch in cut(np.arange(1), 8)] == [1]


def test_label_smoothing_is_for_training_alone():
    logits, labels = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    smooth, plain = CrossEntropy(0.1), CrossEntropy()
    logs = logits.log_softmax(1)[0]
    expected = -(0.9 * logs[0] + 0.1 * logs.mean())
    torch.testing.assert_close(smooth.loss(logits, labels), expected)
    assert smooth.error(logits, labels) == plain.error(logits, labels) == plain.loss(logits, labels)
    assert smooth.right(logits, labels) == 1

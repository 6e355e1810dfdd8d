"""Oversampling: equal classes, only from training samples, each change as it is described; and as the loop feeds it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from mexflow.errors import UserError
from mexflow.training.augmentation import Augmentation
from mexflow.training.feeding import Clips, CrossEntropy, cut
from mexflow.training.recognition.oversampling import apply, plan
from mexflow.training.recognition.samples import Samples

LABELS = np.array([0] * 9 + [1] * 2 + [3] * 5)
OPERATIONS = ["flip", {"brightness": [0.8, 1.2]}, {"salt_and_pepper": 0.1}]


def test_classes_come_out_equal():
    extra = plan(LABELS, 3, OPERATIONS)
    assert Counter(LABELS[extra.source].tolist()) == {1: 7, 3: 4}
    assert len(extra) == len(extra.operation) == 11
    # Each of the two samples of class 1 has every change once before any twice.
    own = [(source, name) for source, name in zip(extra.source, extra.operation, strict=True) if LABELS[source] == 1]
    assert len(set(own[:6])) == 6
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


def test_no_positions_give_no_images():
    images = torch.zeros((16, 2, 4, 5), dtype=torch.uint8)
    made = apply(images, plan(LABELS, 3, OPERATIONS), np.zeros(0, np.int64))
    assert made.shape == (0, 2, 4, 5) and made.dtype == torch.uint8


def test_brightness_fills_its_range():
    extra = plan(np.array([0] * 3000 + [1]), 1, [{"brightness": [0.8, 1.2]}])
    assert 0.8 <= extra.amount.min() < 0.805 and 1.195 < extra.amount.max() <= 1.2
    assert abs(extra.amount.mean() - 1) < 0.01


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_changes_are_as_described(dtype):
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(1, 255, (16, 13, 40, 40), generator=generator, dtype=torch.uint8)
    white = 255
    if dtype == torch.float32:
        images, white = images / 255, 1
    extra = plan(LABELS, 3, OPERATIONS)
    made = apply(images, extra, np.arange(len(extra)))
    assert made.dtype == dtype and made.shape == (11, 13, 40, 40)
    for image, source, name, amount in zip(made, extra.source, extra.operation, extra.amount, strict=True):
        original = images[int(source)]
        if name == "flip":
            assert torch.equal(image, original.flip(-1))
        elif name == "brightness":
            changed = (original.double() * amount).clamp(0, white)
            torch.testing.assert_close(image.double(), changed, atol=0.51 if white == 255 else 1e-6, rtol=0)
        else:
            changed = image != original
            assert set(image[changed].tolist()) == {0, white}
            assert abs(changed.double().mean() - 0.1) < 0.01
            assert abs((image == 0).double().mean() - 0.05) < 0.01
            assert not torch.equal(changed[0], changed[1]), "other pixels in another frame"
    assert torch.equal(apply(images, extra, np.array([4, 2])), made[[4, 2]])


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

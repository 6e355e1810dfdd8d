"""Augmentation against plain loops: ranges, order, definitions, sequences and the flow between their frames."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch

from mexflow.errors import UserError
from mexflow.training.augmentation import Augmentation

CROPNET = [
    *({"brightness": [0.2, 1.8]}, {"contrast": [0.2, 1.8]}, {"saturation": [0.2, 1.8]}, {"hue": [-0.5, 0.5]}),
    *({"grey": 0.2}, {"flip": 0.5}, {"rotation": [-15, 15]}),
]
MOTIONS = [{"flip": 0.5}, {"rotation": [-10, 10]}, {"scale": [0.9, 1.1]}, {"shift": [-2, 2]}]


def images(count: int = 3, channels: int = 3, side: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.rand((count, channels, side, side), generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one(operation: dict, image: np.ndarray, value: float) -> np.ndarray:
    """A single operation on a single image (c, h, w), with a given draw."""
    made = Augmentation.of([operation]).apply(torch.from_numpy(image)[None], [torch.tensor([value])])
    return made[0].numpy()


@pytest.mark.parametrize(
    "operation",
    [
        {"brightness": [0.2, 1.8]},
        {"hue": [-0.5, 0.5]},
        {"rotation": [-15, 15]},
        {"gamma": [0.5, 1.5]},
        {"shift": [-2, 2]},
    ],
)
def test_draws_fill_their_range(operation):
    ((low, high),) = operation.values()
    (drawn,) = Augmentation.of([operation]).draw(4000, generator())
    width = high - low
    assert drawn.min() >= low and drawn.max() <= high
    assert drawn.min() < low + 0.01 * width and drawn.max() > high - 0.01 * width
    assert abs(drawn.mean() - (low + high) / 2) < 0.02 * width
    assert abs(drawn.std() - width / math.sqrt(12)) < 0.02 * width


@pytest.mark.parametrize(
    ("operation", "share"), [({"grey": 0.2}, 0.2), ({"flip": 0.5}, 0.5), ({"flip": 0}, 0), ({"flip": 1}, 1)]
)
def test_chances_are_their_shares(operation, share):
    (drawn,) = Augmentation.of([operation]).draw(4000, generator())
    assert set(drawn.tolist()) <= {0.0, 1.0}
    assert abs(drawn.mean() - share) < 0.025


def test_colours_are_those_of_a_loop_over_pixels():
    image = images(1)[0].numpy()
    grey = 0.2989 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    for factor in (0.2, 0.9, 1.8):
        np.testing.assert_allclose(one({"brightness": [0, 2]}, image, factor), np.clip(factor * image, 0, 1), atol=1e-6)
        np.testing.assert_allclose(one({"gain": [0, 2]}, image, factor), np.clip(factor * image, 0, 1), atol=1e-6)
        np.testing.assert_allclose(one({"gamma": [0, 2]}, image, factor), image**factor, atol=1e-6)
        expected = np.clip(factor * image + (1 - factor) * grey.mean(), 0, 1)
        np.testing.assert_allclose(one({"contrast": [0, 2]}, image, factor), expected, atol=1e-6)
        expected = np.clip(factor * image + (1 - factor) * grey, 0, 1)
        np.testing.assert_allclose(one({"saturation": [0, 2]}, image, factor), expected, atol=1e-6)
    np.testing.assert_allclose(one({"grey": 1}, image, 1), np.stack([grey] * 3), atol=1e-6)
    np.testing.assert_array_equal(one({"grey": 1}, image, 0), image)
    np.testing.assert_array_equal(one({"flip": 1}, image, 1), image[:, :, ::-1])


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0, 0.1, 0.33, 0.5])
def test_hue_is_that_of_colorsys(turn):
    image = images(1)[0].numpy()
    image[:, 0, 0], image[:, 0, 1], image[:, 0, 2] = 0.5, (1, 0, 0), (0.2, 0.7, 0.7)
    expected = np.zeros_like(image)
    for y in range(image.shape[1]):
        for x in range(image.shape[2]):
            hue, saturation, value = colorsys.rgb_to_hsv(*image[:, y, x].tolist())
            expected[:, y, x] = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    np.testing.assert_allclose(one({"hue": [-0.5, 0.5]}, image, turn), expected, atol=2e-6)


def warped(image: np.ndarray, back) -> np.ndarray:
    """A loop: each pixel from where `back` says it was, about the centre, bilinear, 0 from outside."""
    channels, height, width = image.shape
    centre = (width - 1) / 2, (height - 1) / 2
    result = np.zeros_like(image)
    for y in range(height):
        for x in range(width):
            u, v = back(x - centre[0], y - centre[1])
            u, v = u + centre[0], v + centre[1]
            for j in (math.floor(v), math.floor(v) + 1):
                for i in (math.floor(u), math.floor(u) + 1):
                    if 0 <= i < width and 0 <= j < height:
                        result[:, y, x] += image[:, j, i] * (1 - abs(u - i)) * (1 - abs(v - j))
    return result


@pytest.mark.parametrize("shape", [(3, 9, 9), (1, 8, 11)])
def test_motions_are_those_of_a_loop_over_pixels(shape):
    image = torch.rand(shape, generator=generator()).numpy()
    for degrees in (-15, 7, 90):
        a = math.radians(degrees)
        # Counter-clockwise with y down: (x, y) goes to (x cos + y sin, y cos - x sin).
        expected = warped(
            image, lambda x, y, a=a: (x * math.cos(a) - y * math.sin(a), x * math.sin(a) + y * math.cos(a))
        )
        np.testing.assert_allclose(one({"rotation": [-90, 90]}, image, degrees), expected, atol=1e-5)
    for factor in (0.9, 1.1):
        expected = warped(image, lambda x, y, f=factor: (x / f, y / f))
        np.testing.assert_allclose(one({"scale": [0.5, 2]}, image, factor), expected, atol=1e-5)
    made = Augmentation.of([{"shift": [-2, 2]}]).apply(torch.from_numpy(image)[None], [torch.tensor([[1.5, -1.0]])])
    np.testing.assert_allclose(made[0].numpy(), warped(image, lambda x, y: (x - 1.5, y + 1)), atol=1e-5)


def test_a_rotation_of_ninety_degrees_turns_counter_clockwise():
    image = images(1)[0].numpy()
    np.testing.assert_allclose(one({"rotation": [0, 90]}, image, 90), np.rot90(image, axes=(1, 2)), atol=1e-5)


def test_order_is_as_given():
    pictures = images()
    first = Augmentation.of([{"brightness": [0, 2]}, {"gamma": [0.5, 1.5]}])
    second = Augmentation.of([{"gamma": [0.5, 1.5]}, {"brightness": [0, 2]}])
    factor, power = torch.tensor([0.5, 0.6, 0.7]), torch.tensor([1.5, 1.4, 1.3])
    wide = [value[:, None, None, None] for value in (factor, power)]
    torch.testing.assert_close(first.apply(pictures, [factor, power]), (pictures * wide[0]) ** wide[1])
    torch.testing.assert_close(second.apply(pictures, [power, factor]), pictures ** wide[1] * wide[0])
    assert [operation.name for operation in Augmentation.of(CROPNET).operations] == [
        "brightness", "contrast", "saturation", "hue", "grey", "flip", "rotation",
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_bits_and_samples_differ():
    augmentation = Augmentation.of(CROPNET)
    same = images(1).expand(4, -1, -1, -1)
    made = augmentation(same, generator())
    assert torch.equal(made, augmentation(same, generator()))
    assert not torch.equal(made, augmentation(same, generator(2)))
    assert len({tuple(image.flatten().tolist()) for image in made}) == 4
    assert made.min() >= 0 and made.max() <= 1


def test_frames_of_a_sequence_share_their_draw():
    augmentation = Augmentation.of(
        [{"contrast": [0.5, 1.5]}, {"gamma": [0.5, 1.5]}, {"gain": [0.5, 1.5]}, {"flip": 0.5}, {"rotation": [-10, 10]}]
    )
    sequence = images(1, channels=1)[:, None].expand(3, 4, -1, -1, -1)
    made = augmentation(sequence, generator())
    assert made.shape == sequence.shape
    for sample in made:
        assert all(torch.equal(sample[0], frame) for frame in sample)
    assert not torch.equal(made[0], made[1])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sequence_is_changed_as_its_frames_alone_are(channels):
    """Each frame of a sequence comes out as the same image does alone with the same draw, to the bit."""
    motions = [
        {"contrast": [0.5, 1.5]},
        {"flip": 0.5},
        {"rotation": [-10, 10]},
        {"gamma": [0.5, 1.5]},
        {"scale": [0.9, 1.1]},
        {"shift": [-2, 2]},
    ]
    augmentation = Augmentation.of(motions + CROPNET * (channels == 3))
    sequence = torch.rand((5, 4, channels, 12, 9), generator=generator())
    draws = augmentation.draw(5, generator(3))
    made = augmentation.apply(sequence, draws)
    for frame in range(4):
        assert torch.equal(made[:, frame], augmentation.apply(sequence[:, frame].contiguous(), draws))
    flow = torch.rand((5, 4, 2, 12, 9), generator=generator())
    moved = augmentation.apply_to_flow(flow, draws)
    for frame in range(4):
        expected = augmentation.apply_to_flow(flow[:, frame].contiguous(), draws)
        torch.testing.assert_close(moved[:, frame], expected, atol=1e-6, rtol=0)


def test_what_is_drawn_does_not_depend_on_the_images():
    """Training goes on from a checkpoint, and on another device, only if each batch takes the same numbers."""
    augmentation = Augmentation.of(CROPNET)
    states = []
    for pictures in (images(4), images(4, side=20), images(8, seed=1).view(4, 2, 3, 9, 9), torch.zeros(4, 3, 9, 9)):
        numbers = generator()
        augmentation(pictures, numbers)
        states.append(numbers.get_state())
    assert all(torch.equal(state, states[0]) for state in states)


def test_nothing_in_use_is_refused_where_results_must_be_the_same_bits():
    mode = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("error")
    try:
        augmentation = Augmentation.of(
            [*CROPNET, {"gamma": [0.5, 1.5]}, {"gain": [0.5, 1.5]}, {"scale": [0.9, 1.1]}, {"shift": [-2, 2]}]
        )
        draws = augmentation.draw(3, generator())
        augmentation.apply(images(), draws)
        augmentation.apply_to_flow(images(channels=2), draws)
    finally:
        torch.set_deterministic_debug_mode(mode)


def test_flow_moves_with_its_images():
    """A flow that shifts an image, augmented, shifts the augmented image."""
    augmentation = Augmentation.of(
        [{"flip": 1}, {"rotation": [-40, 40]}, {"scale": [0.8, 1.2]}, {"shift": [-2, 2]}, {"gamma": [0.5, 1.5]}]
    )
    y, x = torch.meshgrid(*[torch.arange(65, dtype=torch.float32) - 32] * 2, indexing="ij")
    blob = lambda u, v: torch.exp(-((x - u) ** 2 + (y - v) ** 2) / 50)[None, None]  # noqa: E731
    draws = augmentation.draw(1, generator())
    before, after = (augmentation.apply(blob(*place), draws[:4] + [torch.ones(1)]) for place in ((3, -4), (8, -2)))
    flow = torch.tensor([5.0, 2.0])[None, :, None, None].expand(1, 2, 65, 65)
    moved = augmentation.apply_to_flow(flow, draws)

    def centre(image: torch.Tensor) -> torch.Tensor:
        return torch.stack([(image * x).sum(), (image * y).sum()]) / image.sum()

    torch.testing.assert_close(centre(after) - centre(before), moved[0, :, 32, 32], atol=0.02, rtol=0)


def test_what_cannot_be_is_told():
    with pytest.raises(UserError, match="unknown augmentation 'brightnes' .did you mean 'brightness'"):
        Augmentation.of([{"brightnes": [0, 1]}])
    with pytest.raises(ValueError, match="three channels"):
        Augmentation.of([{"hue": [0, 0.5]}])(images(channels=1), generator())


def test_none_changes_nothing():
    augmentation = Augmentation.of([])
    assert not augmentation
    pictures = images()
    assert torch.equal(augmentation(pictures, generator()), pictures)

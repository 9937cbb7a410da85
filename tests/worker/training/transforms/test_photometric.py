from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as v2

from worker.training.randomness import STEP, generator_at
from worker.training.transforms.photometric import blur, brightness, contrast, grey, hue, saturation, simclr_colours

BATCH = torch.rand(3, 3, 40, 40)
FACTORS = torch.tensor([0.3, 1.0, 1.7])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (brightness, v2.adjust_brightness),
        (contrast, v2.adjust_contrast),
        (saturation, v2.adjust_saturation),
    ],
)
def test_each_image_as_torchvision_changes_it(
    ours: Callable[[Tensor, Tensor], Tensor], theirs: Callable[[Tensor, float], Tensor]
) -> None:
    expected = [theirs(image, float(factor)) for image, factor in zip(BATCH, FACTORS, strict=True)]
    assert torch.allclose(ours(BATCH, FACTORS), torch.stack(expected), atol=2e-3)


def test_blur_as_torchvision_blurs() -> None:
    sigmas = torch.tensor([0.1, 1.0, 2.0])
    expected = [v2.gaussian_blur(image, [5, 5], [float(s), float(s)]) for image, s in zip(BATCH, sigmas, strict=True)]
    assert torch.allclose(blur(BATCH, sigmas), torch.stack(expected), atol=1e-5)
    assert torch.equal(blur(BATCH[..., :16, :16], sigmas), BATCH[..., :16, :16])


def test_hue_turns_colours_and_keeps_the_luma() -> None:
    muted = 0.4 + 0.2 * BATCH
    turned = hue(muted, torch.tensor([0.0, 0.25, 1.0]))
    assert torch.allclose(grey(turned), grey(muted), atol=1e-3)
    assert torch.allclose(turned[0], muted[0], atol=1e-3)
    assert torch.allclose(turned[2], muted[2], atol=1e-3)
    assert float((turned[1] - muted[1]).abs().mean()) > 0.02
    back = hue(hue(muted, torch.full((3,), 0.1)), torch.full((3,), -0.1))
    assert torch.allclose(back, muted, atol=1e-3)


def test_the_whole_is_a_function_of_its_generator_and_stays_in_range() -> None:
    many = BATCH.repeat(100, 1, 1, 1)
    first, again, other = (simclr_colours(many, 1.0, generator_at(seed, STEP)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1
    greyed = (first[:, 0] - first[:, 1]).abs().amax((1, 2)) < 1e-6
    assert 0.1 < float(greyed.float().mean()) < 0.3
    untouched = (first == many).flatten(1).all(1).float().mean()
    assert 0.04 < float(untouched) < 0.13  # 0.2 * 0.8 * 0.5

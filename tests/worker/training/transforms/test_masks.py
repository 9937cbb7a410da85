import pytest
import torch

from worker.training.randomness import STEP, generator_at
from worker.training.transforms.masks import center_block, check_mask, random_patches


@pytest.mark.parametrize("ratio", [0.01, 0.25, 0.75, 0.99])
def test_random_patches_hide_the_same_share_everywhere(ratio: float) -> None:
    hidden = random_patches(5, 32, 8, ratio, generator_at(0, STEP))
    assert hidden.shape == (5, 1, 32, 32)
    patches = hidden.view(5, 4, 8, 4, 8).transpose(2, 3).reshape(5, 16, 64)
    assert (patches.all(2) | ~patches.any(2)).all()
    expected = min(max(round(ratio * 16), 1), 15)
    assert patches.all(2).sum(1).tolist() == [expected] * 5


def test_patches_differ_between_images_and_follow_the_generator() -> None:
    first, again = (random_patches(4, 32, 4, 0.5, generator_at(3, STEP)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])


def test_the_block_is_in_the_middle() -> None:
    hidden = center_block(2, 32, 0.25)
    rows = hidden[0, 0].any(1).nonzero()
    assert (int(rows.min()), int(rows.max())) == (8, 23)
    assert float(hidden.float().mean()) == 0.25


@pytest.mark.parametrize(
    ("kind", "patch", "ratio", "said"),
    [
        ("random", 8, 0.0, "between 0 and 1"),
        ("center", 8, 1.0, "between 0 and 1"),
        ("random", 7, 0.5, "do not divide"),
        ("random", 32, 0.5, "do not divide"),
        ("blobs", 8, 0.5, "no mask 'blobs'"),
    ],
)
def test_masks_that_cannot_be(kind: str, patch: int, ratio: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_mask(kind, 32, patch, ratio)

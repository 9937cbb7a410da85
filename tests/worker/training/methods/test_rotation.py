import math

import pytest
import torch
from torch import nn

from tests.worker.training.methods.test_base import rotation
from tests.worker.training.packed_fixtures import VIEW
from worker.training.data.batches import Batch
from worker.training.image_grid import BORDER, GAP, GREEN, MIN_CELL_SIZE, RED, ROWS
from worker.training.inference import evaluating
from worker.training.methods.continuation import Continuation
from worker.training.methods.rotation import Rotation, all_rotations, rotate_each
from worker.training.models.backbones import build_backbone
from worker.training.randomness import STEP, generator_at

SIDE = MIN_CELL_SIZE + GAP
INNER = slice(BORDER, MIN_CELL_SIZE - BORDER)
QUARTERS = [0, 1, 2, 3, 0, 1, 2, 3]


def batch(count: int) -> Batch:
    inputs = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    return Batch(inputs, torch.full((count,), -1), torch.arange(count))


def answering(quarter: int) -> Rotation:
    """A network that says the same of every picture."""
    method = rotation()
    assert isinstance(method, Rotation)
    nn.init.zeros_(method.classifier.weight)
    with torch.no_grad():
        method.classifier.bias.copy_(torch.eye(4)[quarter])
    return method


def shown(method: Rotation, images: Batch) -> torch.Tensor:
    with evaluating(method):
        return method.preview(images)


def cell(picture: torch.Tensor, row: int, column: int) -> torch.Tensor:
    """One cell as (3, S, S)."""
    top, left = row * SIDE, column * SIDE
    return picture[top : top + MIN_CELL_SIZE, left : left + MIN_CELL_SIZE].permute(2, 0, 1)


def large(image: torch.Tensor) -> torch.Tensor:
    return image.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)


def test_turns_against_a_naive_loop() -> None:
    images = torch.randn(2, 3, 4, 4)
    turned = all_rotations(images).view(4, 2, 3, 4, 4)
    for quarter in range(1, 4):
        for row in range(4):
            for column in range(4):
                assert torch.equal(turned[quarter, ..., row, column], turned[quarter - 1, ..., column, 3 - row])


def test_each_image_is_turned_by_its_own_number_of_quarters() -> None:
    images = torch.randn(4, 3, 4, 4)
    turned = rotate_each(images, torch.arange(4))
    assert torch.equal(turned, torch.stack([all_rotations(images).view(4, 4, 3, 4, 4)[i, i] for i in range(4)]))
    assert torch.equal(rotate_each(turned, -torch.arange(4)), images)


def test_the_loss_against_a_naive_loop() -> None:
    """Gidaris 2018, eq. 3: the mean over images and turns of -log of the share that the true turn gets."""
    # without batch norm, an image by itself is answered as in its batch, and an untrained network tells turns apart
    network, images = build_backbone("squeezenet1_1", 1, 32, seed=0), batch(3)
    method = Rotation(network, VIEW, crop_scale=(0.5, 1.0), continuation=Continuation(), seed=0).eval()
    nn.init.normal_(method.classifier.weight)
    losses, hits = [], []
    for image in method.normalised(images.inputs):
        for quarter in range(4):
            turned = image.rot90(quarter, dims=(1, 2))[None]
            answer = method.classifier(method.network.features(turned))[0].tolist()
            losses.append(math.log(sum(math.exp(logit) for logit in answer)) - answer[quarter])
            hits.append(max(answer) == answer[quarter])
    terms = method.training_step(images, generator_at(0, STEP))
    assert terms["loss"].item() == pytest.approx(sum(losses) / 12, rel=1e-4)
    assert terms["rotation_accuracy"].item() == pytest.approx(sum(hits) / 12)


def test_pictures_are_rows_of_three() -> None:
    for count, rows in ((3, 3), (ROWS + 4, ROWS)):
        picture = shown(answering(0), batch(count))
        assert picture.shape == (rows * SIDE - GAP, 3 * SIDE - GAP, 3)
        assert picture.dtype == torch.uint8


def test_pictures_are_the_same_each_time_whatever_else_is_drawn() -> None:
    method, images = rotation(), batch(4)
    assert isinstance(method, Rotation)
    first = shown(method, images)
    torch.manual_seed(99)
    assert torch.equal(shown(method, images), first)


def test_a_row_shows_the_image_and_the_image_turned() -> None:
    images = batch(ROWS)
    picture = shown(answering(2), images)
    for row, (image, quarter) in enumerate(zip(images.inputs, QUARTERS, strict=True)):
        assert torch.equal(cell(picture, row, 0), large(image))
        assert torch.equal(cell(picture, row, 1), large(image.rot90(quarter, dims=(1, 2))))


def test_who_is_right_sees_the_image_again_in_green_and_who_is_wrong_something_else_in_red() -> None:
    images = batch(ROWS)
    for answer in range(4):
        picture = shown(answering(answer), images)
        for row, (image, quarter) in enumerate(zip(images.inputs, QUARTERS, strict=True)):
            back = cell(picture, row, 2)
            right = answer == quarter
            assert back[:, 0, 0].tolist() == list(GREEN if right else RED)
            assert torch.equal(back[:, INNER, INNER], large(image)[:, INNER, INNER]) == right
            undone = large(image.rot90(quarter - answer, dims=(1, 2)))
            assert torch.equal(back[:, INNER, INNER], undone[:, INNER, INNER])

import pytest
import torch

from tests.worker.training.methods.test_base import imputation
from tests.worker.training.packed_fixtures import VIEW
from worker.training.data.batches import Batch
from worker.training.image_grid import GAP, GREY, MIN_CELL_SIZE, ROWS, to_pixels
from worker.training.inference import evaluating
from worker.training.methods.continuation import Continuation
from worker.training.methods.imputation import Imputation
from worker.training.models.backbones import build_backbone
from worker.training.randomness import STEP, generator_at

SIDE = MIN_CELL_SIZE + GAP


def made(mask: str) -> Imputation:
    method = imputation(mask)
    assert isinstance(method, Imputation)
    return method.eval()


def batch(count: int) -> Batch:
    inputs = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    return Batch(inputs, torch.full((count,), -1), torch.arange(count))


def shown(method: Imputation, images: Batch) -> torch.Tensor:
    with evaluating(method):
        return method.preview(images)


def cell(picture: torch.Tensor, row: int, column: int) -> torch.Tensor:
    """One cell as (3, 32, 32), every third pixel being enough."""
    top, left = row * SIDE, column * SIDE
    return picture[top : top + MIN_CELL_SIZE : 3, left : left + MIN_CELL_SIZE : 3].permute(2, 0, 1)


def test_imputation_does_not_see_what_is_hidden() -> None:
    method = made("random")
    x = torch.randn(2, 3, 32, 32)
    hidden = method.hidden(2, generator_at(0, STEP))
    other = torch.where(hidden, torch.randn_like(x), x)
    with torch.no_grad():
        assert torch.equal(method.reconstruct(x, hidden), method.reconstruct(other, hidden))
        assert not torch.equal(method.reconstruct(x, hidden), method.reconstruct(x + 1, hidden))


@pytest.mark.parametrize("mask", ["random", "center"])
def test_the_loss_against_a_naive_loop(mask: str) -> None:
    """Pathak 2016, eq. 1: the mean squared error over hidden pixels, of a picture made from the others alone."""
    # without batch norm, an untrained network tells pictures apart; larger weights make that visible
    network, images = build_backbone("squeezenet1_1", 1, 32, seed=0), batch(2)
    options = {"mask_ratio": 0.5, "patch_size": 8, "crop_scale": (0.5, 1.0), "continuation": Continuation(), "seed": 0}
    method = Imputation(network, VIEW, mask=mask, **options).eval()
    for weight in method.decoder.parameters():
        weight.data *= 3
    hidden = method.hidden(2, generator_at(0, STEP))[:, 0]
    errors = []
    for image, mask_of_image in zip(method.normalised(images.inputs), hidden, strict=True):
        seen = torch.where(mask_of_image, torch.zeros(()), image)
        imagined = method.decoder(method.network.features(seen[None]))[0]
        for i, j in mask_of_image.nonzero().tolist():
            errors += [(a - b) ** 2 for a, b in zip(imagined[:, i, j].tolist(), image[:, i, j].tolist(), strict=True)]
    loss = method.training_step(images, generator_at(0, STEP))["loss"]
    assert loss.item() == pytest.approx(sum(errors) / len(errors), rel=1e-4)


@pytest.mark.parametrize("mask", ["random", "center"])
def test_pictures_are_rows_of_three(mask: str) -> None:
    for count, rows in ((3, 3), (ROWS + 4, ROWS)):
        picture = shown(made(mask), batch(count))
        assert picture.shape == (rows * SIDE - GAP, 3 * SIDE - GAP, 3)
        assert picture.dtype == torch.uint8


@pytest.mark.parametrize("mask", ["random", "center"])
def test_pictures_are_the_same_each_time_whatever_else_is_drawn(mask: str) -> None:
    method, images = made(mask), batch(4)
    first = shown(method, images)
    torch.manual_seed(99)
    assert torch.equal(shown(method, images), first)


@pytest.mark.parametrize("mask", ["random", "center"])
def test_what_is_hidden_is_grey_and_what_is_seen_stays(mask: str) -> None:
    """Half of each picture is hidden; the last column differs from the first there alone."""
    method, images = made(mask), batch(ROWS)
    picture = shown(method, images)
    for row, image in enumerate(images.inputs):
        whole, masked, imagined = (cell(picture, row, column) for column in range(3))
        assert torch.equal(whole, image)
        hidden = (masked == GREY).all(dim=0)
        assert float(hidden.float().mean()) == pytest.approx(0.5, abs=0.05)
        assert torch.equal(masked[:, ~hidden], image[:, ~hidden])
        assert torch.equal(imagined[:, ~hidden], image[:, ~hidden])
        assert not torch.equal(imagined[:, hidden], image[:, hidden])


def test_the_hidden_part_is_what_the_network_makes_of_the_rest() -> None:
    method, images = made("center"), batch(2)
    picture = shown(method, images)
    x = method.normalised(images.inputs)
    hidden = method.hidden(2, generator_at(0, STEP))
    with torch.no_grad():
        expected = to_pixels(method.reconstruct(x, hidden), VIEW.mean, VIEW.std)
    for row in range(2):
        assert torch.equal(cell(picture, row, 2)[:, hidden[row, 0]], expected[row][:, hidden[row, 0]])


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_a_mask_of_nothing_or_everything(ratio: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Imputation(
            build_backbone("squeezenet1_1", 1, 32, seed=0),
            VIEW,
            mask="random",
            mask_ratio=ratio,
            patch_size=8,
            crop_scale=(0.5, 1.0),
            continuation=Continuation(),
            seed=0,
        )

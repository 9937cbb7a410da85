import torch

from worker.training.image_grid import BORDER, GAP, GREEN, MIN_CELL_SIZE, RED, add_frames, enlarge, grid, to_pixels
from worker.training.transforms.geometric import normalise

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def random_cells(*shape: int) -> torch.Tensor:
    return torch.randint(0, 255, shape, dtype=torch.uint8)  # never 255, which is the gaps' white


def test_every_cell_is_where_its_row_and_column_say() -> None:
    cells = random_cells(2, 3, 3, 5, 5)
    whole = grid(cells)
    assert whole.shape == (2 * 5 + GAP, 3 * 5 + 2 * GAP, 3)
    assert whole.dtype == torch.uint8
    for row in range(2):
        for column in range(3):
            top, left = row * (5 + GAP), column * (5 + GAP)
            assert torch.equal(whole[top : top + 5, left : left + 5].permute(2, 0, 1), cells[row, column])


def test_what_is_between_cells_is_white_and_nothing_else_is() -> None:
    whole = grid(random_cells(2, 2, 3, 4, 4))
    white = (whole == 255).all(dim=-1)
    assert white[4 : 4 + GAP].all()
    assert white[:, 4 : 4 + GAP].all()
    assert int(white.sum()) == white.numel() - 4 * 16


def test_one_cell_has_no_gap() -> None:
    cells = random_cells(1, 1, 3, 6, 6)
    assert torch.equal(grid(cells).permute(2, 0, 1), cells[0, 0])


def test_small_pictures_are_enlarged_pixel_by_pixel() -> None:
    images = random_cells(2, 3, 40, 40)
    large = enlarge(images)
    assert large.shape == (2, 3, 120, 120)
    for y, x in ((0, 0), (1, 2), (119, 119), (61, 30)):
        assert torch.equal(large[..., y, x], images[..., y // 3, x // 3])


def test_large_pictures_stay_as_they_are() -> None:
    images = random_cells(2, 3, MIN_CELL_SIZE, MIN_CELL_SIZE)
    assert torch.equal(enlarge(images), images)
    assert enlarge(random_cells(1, 3, MIN_CELL_SIZE - 1, MIN_CELL_SIZE - 1)).shape[-1] == 2 * (MIN_CELL_SIZE - 1)


def test_frames_are_green_where_right_and_red_where_wrong() -> None:
    images = random_cells(2, 3, 20, 20)
    frames = add_frames(images, torch.tensor([True, False]))
    inner = slice(BORDER, -BORDER)
    assert torch.equal(frames[..., inner, inner], images[..., inner, inner])
    edge = torch.ones(20, 20, dtype=torch.bool)
    edge[inner, inner] = False
    for picture, colour in zip(frames, (GREEN, RED), strict=True):
        assert torch.equal(picture[:, edge].T.unique(dim=0), torch.tensor([colour], dtype=torch.uint8))


def test_pixels_are_what_was_normalised() -> None:
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(to_pixels(normalise(images, MEAN, STD), MEAN, STD), images)


def test_pixels_outside_the_range_are_at_its_ends() -> None:
    x = torch.tensor([-100.0, 0.0, 100.0]).view(3, 1, 1, 1).expand(3, 3, 1, 1)
    found = to_pixels(x, MEAN, STD)[..., 0, 0].tolist()
    assert found == [[0, 0, 0], [round(255 * value) for value in MEAN], [255, 255, 255]]

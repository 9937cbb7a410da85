"""A pack is written so that the training core reads the same images."""

import json
from pathlib import Path

import numpy as np
import pytest

from worker.jobs.prepare.pack import PackWriter
from worker.training.data.packed import open_packed


def images(sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]


def test_images_of_different_sizes_are_read_back(tmp_path: Path) -> None:
    written = images([(4, 6), (3, 3), (8, 2)])
    with PackWriter(tmp_path / "pack") as writer:
        for number, image in enumerate(written):
            writer.append(image, f"{number}.png", b"0" * 16)
        writer.finish(np.array([1, 0, -1]), np.array([0, 1, 2]))
    packed = open_packed(tmp_path / "pack")
    assert all((packed.image(number).numpy() == image).all() for number, image in enumerate(written))
    assert (packed.labels.tolist(), packed.splits.tolist()) == ([1, 0, -1], [0, 1, 2])


def test_an_image_in_another_memory_order_is_stored_row_by_row(tmp_path: Path) -> None:
    (image,) = images([(4, 6)])
    with PackWriter(tmp_path) as writer:
        writer.append(np.asfortranarray(image), "1.png", b"0" * 16)
        writer.finish(np.array([0]), np.array([0]))
    assert (open_packed(tmp_path).image(0).numpy() == image).all()


@pytest.mark.parametrize("names", [[], ["a.png"], ['a "b".png', "käfer.png", "bad\udcff.png"]])
def test_names_are_json_whatever_they_hold(tmp_path: Path, names: list[str]) -> None:
    with PackWriter(tmp_path) as writer:
        for name, image in zip(names, images([(2, 2)] * len(names)), strict=True):
            writer.append(image, name, b"0" * 16)
        writer.finish(np.zeros(len(names), np.int64), np.zeros(len(names), np.int64))
    stored = json.loads((tmp_path / "names.json").read_text("utf-8"))
    assert stored == [name.encode(errors="replace").decode() for name in names]

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.core import splits as service_splits
from tests.worker.training.packed_fixtures import pack
from worker.training.data.packed import SPLITS, PackedImages, open_packed, without_labels

PICTURES = [np.arange(h * w * 3, dtype=np.uint8).reshape(h, w, 3) for h, w in ((2, 3), (4, 1), (5, 5))]


def test_every_image_comes_back(tmp_path: Path) -> None:
    images = pack(tmp_path, PICTURES, [0, -1, 1], [0, 1, 2])
    assert len(images) == 3
    for i, picture in enumerate(PICTURES):
        assert np.array_equal(images.image(i).numpy(), picture)


def test_an_image_is_a_view_and_the_file_cannot_be_written_through_it(tmp_path: Path) -> None:
    images = pack(tmp_path, PICTURES, [0, -1, 1], [0, 1, 2])
    image = images.image(1)
    assert image.data_ptr() == images.pixels[18:].ctypes.data
    image.zero_()
    assert np.array_equal(open_packed(tmp_path).image(1).numpy(), PICTURES[1])


def test_splits(tmp_path: Path) -> None:
    images = pack(tmp_path, PICTURES, [0, 1, 2], [2, 0, 0])
    assert images.indices("train").tolist() == [1, 2]
    assert images.indices("val").tolist() == []
    assert images.indices("test").tolist() == [0]
    with pytest.raises(ValueError, match="no split 'training'"):
        images.indices("training")


def test_without_labels_all_else_stays(tmp_path: Path) -> None:
    images = pack(tmp_path, PICTURES, [0, -1, 1], [2, 0, 0])
    bare = without_labels(images)
    assert bare.labels.tolist() == [-1, -1, -1]
    assert bare.labels.dtype == images.labels.dtype
    assert bare.indices("train").tolist() == [1, 2]
    assert all(np.array_equal(bare.image(i).numpy(), picture) for i, picture in enumerate(PICTURES))
    assert bare.pixels is images.pixels
    assert images.labels.tolist() == [0, -1, 1]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("labels", np.zeros(2, np.int64), "differ in length"),
        ("heights", np.array([2, 0, 5], np.int32), "without pixels"),
        ("offsets", np.array([-1, 18, 30], np.int64), "without pixels"),
        ("widths", np.array([3, 1, 6], np.int32), "ends at byte"),
        ("splits", np.array([0, 1, 3], np.int8), "split that does not exist"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(tmp_path: Path, name: str, value: np.ndarray, said: str) -> None:
    pack(tmp_path, PICTURES, [0, 1, 2], [0, 0, 0])
    with np.load(tmp_path / "index.npz") as index:
        arrays = dict(index) | {name: value}
    np.savez(tmp_path / "index.npz", **arrays)
    with pytest.raises(ValueError, match=said):
        open_packed(tmp_path)


def test_a_missing_array_is_named(tmp_path: Path, packed: Callable[[int], PackedImages]) -> None:
    packed(2)
    np.savez(tmp_path / "index.npz", offsets=np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="no array 'heights'"):
        open_packed(tmp_path)


def test_cut_pixels_are_refused(tmp_path: Path, packed: Callable[[int], PackedImages]) -> None:
    packed(2)
    whole = (tmp_path / "pixels.bin").read_bytes()
    (tmp_path / "pixels.bin").write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="ends at byte"):
        open_packed(tmp_path)


def test_the_numbers_of_splits_are_those_of_the_service() -> None:
    assert {name: number for number, name in enumerate(service_splits.SPLITS)} == SPLITS

from pathlib import Path

import pytest

from benchmarks.quality import subsets
from benchmarks.quality.subsets import Pool
from tests.benchmarks.outcome_factories import archive

POOL: Pool = {label: {f"{n}.jpg": f"{label}{n}".encode() for n in range(20)} for label in ("owl", "puffin")}


def test_an_archive_is_read_by_class_and_copies_are_left_out(tmp_path: Path) -> None:
    files = {"owl/b.jpg": b"1", "owl/a.jpg": b"2", "puffin/c.jpg": b"3", "puffin/d.jpg": b"1", "puffin/": b""}
    assert subsets.read(archive(tmp_path / "birds.zip", files)) == {
        "owl": {"a.jpg": b"2", "b.jpg": b"1"},
        "puffin": {"c.jpg": b"3"},
    }


def test_order_depends_on_the_seed_alone() -> None:
    images = POOL["owl"]
    turned = dict(reversed(images.items()))
    assert list(subsets.shuffled(images, 1)) == list(subsets.shuffled(turned, 1)) != list(subsets.shuffled(images, 2))
    assert subsets.shuffled(images, 1) == images


def test_held_out_images_are_not_among_the_others() -> None:
    held, rest = subsets.held_out(POOL, 5)
    for label, images in POOL.items():
        assert len(held[label]) == 5
        assert held[label].keys().isdisjoint(rest[label])
        assert held[label] | rest[label] == images


def test_nothing_left_to_learn_from_is_refused() -> None:
    with pytest.raises(ValueError, match="owl has 20 images"):
        subsets.held_out(POOL, 20)


def test_a_draw_has_so_many_of_each_class_and_no_image_twice() -> None:
    files = subsets.drawn(POOL, {"val": 3, "train": 4}, seed=0)
    assert len(files) == 2 * 7 == len(set(files.values()))
    for label in POOL:
        assert sum(path.startswith(f"val/{label}/") for path in files) == 3
        assert sum(path.startswith(f"train/{label}/") for path in files) == 4
    assert files != subsets.drawn(POOL, {"val": 3, "train": 4}, seed=1)


def test_a_larger_draw_holds_the_smaller_one() -> None:
    small, large = (subsets.drawn(POOL, {"val": 3, "train": size}, seed=0) for size in (4, 9))
    assert small.items() < large.items()


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="not 21"):
        subsets.drawn(POOL, {"train": 21}, seed=0)


@pytest.mark.parametrize(("labels", "train", "val"), [(5, 3, 2), (10, 7, 3), (18, 12, 6)])
def test_validation_images_come_out_of_the_labels_that_there_are(labels: int, train: int, val: int) -> None:
    files = subsets.labelled(POOL, labels, seed=0)
    assert sum(path.startswith("train/owl/") for path in files) == train
    assert sum(path.startswith("val/owl/") for path in files) == val
    assert len(files) == 2 * labels


def test_no_path_of_unlabelled_images_tells_a_class() -> None:
    files = subsets.unlabelled(POOL)
    assert sorted(files.values()) == sorted(content for images in POOL.values() for content in images.values())
    assert sorted(files) == [f"{n:05}.jpg" for n in range(40)]
    firsts = [content for _, content in sorted(files.items())][:20]
    assert any(content.startswith(b"owl") for content in firsts)
    assert any(content.startswith(b"puffin") for content in firsts)


def test_plain_files_lie_in_class_folders() -> None:
    assert subsets.plain(POOL)["owl/7.jpg"] == b"owl7"
    assert len(subsets.plain(POOL)) == 40
    assert list(subsets.plain(POOL, each=1)) == ["owl/0.jpg", "puffin/0.jpg"]


def test_test_images_go_to_the_test_split() -> None:
    assert subsets.tests({"owl": {"1.jpg": b"1"}}) == {"test/owl/1.jpg": b"1"}

"""Each warning has a stable code, and appears for its reason alone."""

import numpy as np
import pytest

from worker.jobs.prepare.collect import Collection, RejectedFile
from worker.jobs.prepare.decoding import Decoded
from worker.jobs.prepare.layout import Place
from worker.jobs.prepare.warnings import FEW_IMAGES, IMBALANCE, warnings

PIXELS = np.zeros((2, 2, 3), np.uint8)


def collection(*, converted: tuple[str, ...] = (), **counts: int) -> Collection:
    """A collection with so many images of each class."""
    made = Collection()
    for name, count in counts.items():
        for number in range(count):
            made.append(Place(f"{name}/{number}.png", None, name), Decoded(PIXELS, b"", 10, converted))
    return made


def codes(made: Collection) -> list[str]:
    return [warning["code"] for warning in warnings(made)]


def test_a_balanced_dataset_has_none() -> None:
    assert codes(collection(owl=FEW_IMAGES, puffin=FEW_IMAGES)) == []


def test_one_class() -> None:
    (warning,) = warnings(collection(owl=FEW_IMAGES))
    assert warning["code"] == "one_class"
    assert "'owl'" in warning["message"]


def test_few_images_names_the_classes() -> None:
    (warning,) = warnings(collection(owl=FEW_IMAGES, puffin=FEW_IMAGES - 1))
    assert warning == {"code": "few_images", "message": f"Fewer than {FEW_IMAGES} images: puffin."}


@pytest.mark.parametrize(
    ("largest", "expected"), [(IMBALANCE * FEW_IMAGES - 1, []), (IMBALANCE * FEW_IMAGES, ["imbalanced"])]
)
def test_imbalance_begins_at_a_ratio(largest: int, expected: list[str]) -> None:
    assert codes(collection(owl=FEW_IMAGES, puffin=largest)) == expected


def test_conflicting_labels_and_rejections_are_counted() -> None:
    made = collection(owl=FEW_IMAGES, puffin=FEW_IMAGES)
    made.conflicting = 3
    made.reject(RejectedFile("a.txt", "not_an_image", "no image"))
    found = {warning["code"]: warning["message"] for warning in warnings(made)}
    assert found.keys() == {"conflicting_labels", "rejections"}
    assert found["conflicting_labels"].startswith("3 ")
    assert found["rejections"].startswith("1 ")


def test_conversions_come_with_their_counts() -> None:
    (warning,) = warnings(collection(converted=("grey", "turned"), owl=FEW_IMAGES, puffin=FEW_IMAGES))
    assert (warning["code"], warning["images"]) == ("converted", {"grey": 20, "turned": 20})
    assert "20 grey" in warning["message"]


def test_unlabelled_images_are_not_warned_about_classes() -> None:
    made = Collection()
    made.append(Place("1.png", None, None), Decoded(PIXELS, b"", 10, ()))
    assert codes(made) == []

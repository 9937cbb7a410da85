"""The data of a job in memory: small images of two classes, without a database."""

import numpy as np
import torch

from worker.data.evaluation_set import EvaluationSet, LabelledDataset, evaluation_set
from worker.data.job_data import JobData
from worker.training.data.packed import PackedImages
from worker.training.transforms.geometric import Preprocessing

SIDE = 32
VIEW = Preprocessing(SIDE, SIDE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
CLASSES = ["owl", "puffin"]


def packed_images(splits: list[int], *, side: int = SIDE, seed: int = 0) -> PackedImages:
    """One image for each entry of `splits` (0 train, 1 val, 2 test), of both classes in turn."""
    count = len(splits)
    pixels = np.random.default_rng(seed).integers(0, 256, count * side * side * 3, dtype=np.uint8)
    sides = np.full(count, side, np.int32)
    offsets = np.arange(count) * side * side * 3
    return PackedImages(pixels, offsets, sides, sides, np.arange(count) % 2, np.array(splits, np.int8))


def labelled_dataset(images: PackedImages, dataset_id: str = "ds_1") -> LabelledDataset:
    """The images with names and classes."""
    return LabelledDataset(dataset_id, images, [f"{number}.png" for number in range(len(images))], CLASSES)


def split_to_test(images: PackedImages) -> EvaluationSet:
    """The test split as an evaluation set."""
    return evaluation_set(labelled_dataset(images), CLASSES, "test")


def job_data(images: PackedImages, target: PackedImages | None = None) -> JobData:
    """The data of a job on the CPU."""
    return JobData(
        images,
        target,
        CLASSES,
        split_to_test(images),
        None,
        VIEW,
        torch.device("cpu"),
        converted={"grey": 1},
        from_labels=True,
    )

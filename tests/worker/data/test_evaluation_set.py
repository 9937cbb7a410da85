"""The images, labels and split on which a model is evaluated."""

import numpy as np
import pytest
import torch

from worker.data.evaluation_set import LabelledDataset, best_split, compute_metrics, evaluation_set, is_correct
from worker.training.data.packed import PackedImages


def images(labels: list[int], splits: list[int]) -> PackedImages:
    count = len(labels)
    side = np.ones(count, np.int32)
    pixels = np.zeros(count * 3, np.uint8)
    return PackedImages(pixels, np.arange(count) * 3, side, side, np.array(labels, np.int64), np.array(splits, np.int8))


def labelled(labels: list[int], splits: list[int], classes: list[str]) -> LabelledDataset:
    return LabelledDataset("ds_1", images(labels, splits), [f"{number}.png" for number in range(len(labels))], classes)


def test_the_test_split_judges_and_what_is_next_best_where_there_is_none() -> None:
    assert best_split(images([0, 0, 0], [0, 1, 2])) == "test"
    assert best_split(images([0, 0], [0, 1])) == "val"
    assert best_split(images([0], [0])) == "train"


def test_classes_are_matched_by_their_names() -> None:
    dataset, known = labelled([0, 1, 1], [0, 2, 2], ["owl", "puffin"]), ["egret", "puffin", "owl"]
    evaluation = evaluation_set(dataset, known, "all")
    assert evaluation.labels.tolist() == [2, 1, 1]
    assert evaluation.rows.tolist() == [0, 1, 2]
    evaluation = evaluation_set(dataset, known, "test")
    assert (evaluation.labels.tolist(), evaluation.names) == ([1, 1], ["1.png", "2.png"])


def test_a_class_that_the_model_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match="toucan"):
        evaluation_set(labelled([0], [2], ["toucan"]), ["egret", "owl"], "test")


def test_a_split_without_images_cannot_judge() -> None:
    with pytest.raises(ValueError, match="no labelled images in 'val'"):
        evaluation_set(labelled([0], [2], ["owl"]), ["owl"], "val")


def test_the_marks_say_what_was_judged_and_how_sure_they_are() -> None:
    evaluation = evaluation_set(labelled([0, 1, 1, 0], [2, 2, 2, 2], ["owl", "puffin"]), ["owl", "puffin"], "test")
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 0.0]])
    metrics = compute_metrics(logits, evaluation, ["owl", "puffin"])
    assert (metrics["accuracy"], metrics["images"], metrics["split"], metrics["dataset"]) == (0.75, 4, "test", "ds_1")
    assert [one["class"] for one in metrics["per_class"]] == ["owl", "puffin"]
    low, high = metrics["accuracy_interval"]
    assert low < 0.75 < high
    assert is_correct(logits, evaluation).tolist() == [True, True, False, True]

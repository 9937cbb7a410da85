"""What a model is judged by."""

import numpy as np
import pytest
import torch

from worker.data.evaluation_set import Questions, best_split, exam, marks, right
from worker.training.data.packed import PackedImages


def images(labels: list[int], splits: list[int]) -> PackedImages:
    count = len(labels)
    side = np.ones(count, np.int32)
    pixels = np.zeros(count * 3, np.uint8)
    return PackedImages(pixels, np.arange(count) * 3, side, side, np.array(labels, np.int64), np.array(splits, np.int8))


def questions(labels: list[int], splits: list[int], classes: list[str]) -> Questions:
    return Questions("ds_1", images(labels, splits), [f"{number}.png" for number in range(len(labels))], classes)


def test_the_test_split_judges_and_what_is_next_best_where_there_is_none() -> None:
    assert best_split(images([0, 0, 0], [0, 1, 2])) == "test"
    assert best_split(images([0, 0], [0, 1])) == "val"
    assert best_split(images([0], [0])) == "train"


def test_classes_are_matched_by_their_names() -> None:
    asked, known = questions([0, 1, 1], [0, 2, 2], ["owl", "puffin"]), ["egret", "puffin", "owl"]
    paper = exam(asked, known, "all")
    assert paper.answers.tolist() == [2, 1, 1]
    assert paper.rows.tolist() == [0, 1, 2]
    paper = exam(asked, known, "test")
    assert (paper.answers.tolist(), paper.names) == ([1, 1], ["1.png", "2.png"])


def test_a_class_that_the_model_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match="toucan"):
        exam(questions([0], [2], ["toucan"]), ["egret", "owl"], "test")


def test_a_split_without_images_cannot_judge() -> None:
    with pytest.raises(ValueError, match="no labelled images in 'val'"):
        exam(questions([0], [2], ["owl"]), ["owl"], "val")


def test_the_marks_say_what_was_judged_and_how_sure_they_are() -> None:
    paper = exam(questions([0, 1, 1, 0], [2, 2, 2, 2], ["owl", "puffin"]), ["owl", "puffin"], "test")
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 0.0]])
    figures = marks(logits, paper, ["owl", "puffin"], seed=0)
    assert (figures["accuracy"], figures["images"], figures["split"], figures["dataset"]) == (0.75, 4, "test", "ds_1")
    assert [one["class"] for one in figures["per_class"]] == ["owl", "puffin"]
    low, high = figures["accuracy_interval"]
    assert low < 0.75 < high
    assert right(logits, paper).tolist() == [True, True, False, True]

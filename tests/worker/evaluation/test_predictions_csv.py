"""The table of a model's predictions, image by image."""

import csv
import io

import numpy as np
import pytest
import torch

from worker.data.evaluation_set import EvaluationSet
from worker.evaluation.predictions_csv import predictions_csv
from worker.training.data.packed import PackedImages


def evaluation_set(names: list[str], labels: list[int]) -> EvaluationSet:
    count = len(names)
    one = np.ones(count, np.int32)
    images = PackedImages(np.zeros(count * 3, np.uint8), np.arange(count) * 3, one, one, one.astype(np.int64), one)
    return EvaluationSet(images, np.arange(count), torch.tensor(labels), names, "ds_1", "test")


def test_a_row_for_each_image_with_the_confidence_of_a_prediction() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    names = ['test/owl/a "b", c.png', "test/owl/ü.png"]
    rows = list(
        csv.DictReader(
            io.StringIO(predictions_csv(logits, evaluation_set(names, [0, 0]), ["owl", "puffin"], 2.0).decode())
        )
    )
    assert [row["image"] for row in rows] == names
    assert [(row["class"], row["predicted"]) for row in rows] == [("owl", "owl"), ("owl", "puffin")]
    shares = [np.exp(1) / (np.exp(1) + 1), np.exp(0.5) / (np.exp(0.5) + 1)]
    assert [float(row["confidence"]) for row in rows] == pytest.approx(shares, abs=1e-4)

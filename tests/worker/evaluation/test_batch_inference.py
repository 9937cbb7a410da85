"""Inference in chunks gives the answers of one pass, reports progress and can be stopped."""

import numpy as np
import pytest
import torch

from tests.worker.synthetic_data import VIEW, packed_images
from worker.evaluation.batch_inference import CHUNK_IMAGES, BatchInference, sample
from worker.training.models.backbones import Network, build_backbone

COUNT = CHUNK_IMAGES + 30


@pytest.fixture(scope="module")
def network() -> Network:
    return build_backbone("squeezenet1_1", 3, 32, seed=0)


def test_chunks_are_in_order_and_progress_is_reported_after_each(network: Network) -> None:
    images, rows, progress = packed_images([0] * COUNT), np.arange(COUNT)[::-1].copy(), list[tuple[int, int]]()
    inference = BatchInference(network, VIEW, torch.device("cpu"), lambda done, total: progress.append((done, total)))
    logits = inference.logits(images, rows)
    assert progress == [(CHUNK_IMAGES, COUNT), (COUNT, COUNT)]
    assert logits.shape == (COUNT, 3)
    last = BatchInference(network, VIEW, torch.device("cpu")).logits(images, rows[-30:])
    torch.testing.assert_close(logits[-30:], last)


def test_features_are_what_the_classifier_sees(network: Network) -> None:
    features = BatchInference(network, VIEW, torch.device("cpu")).features(packed_images([0] * 5), np.arange(5))
    assert features.shape == (5, network.feature_dim)
    assert features.std(0).max() > 0


def test_an_exception_of_the_callback_stops_the_pass(network: Network) -> None:
    calls = []

    def stop(done: int, _total: int) -> None:
        calls.append(done)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        BatchInference(network, VIEW, torch.device("cpu"), stop).logits(packed_images([0] * COUNT), np.arange(COUNT))
    assert calls == [CHUNK_IMAGES]


def test_a_sample_is_a_sorted_subset_and_the_same_for_a_seed() -> None:
    rows = np.arange(100, 200)
    drawn = sample(rows, 10, seed=1)
    assert len(set(drawn.tolist())) == 10
    assert drawn.tolist() == sorted(drawn.tolist())
    assert set(drawn.tolist()) <= set(rows.tolist())
    assert drawn.tolist() == sample(rows, 10, seed=1).tolist() != sample(rows, 10, seed=2).tolist()
    assert sample(rows, 100, seed=1) is rows

"""Novelty detection is fitted on the images that a job knows."""

import torch

from tests.worker.synthetic_data import SIDE, job_data, packed_images
from worker.evaluation.known_images import MIN_BANK_IMAGES, fit_novelty, known_rows
from worker.training.models.backbones import build_backbone


def test_novelty_is_of_the_target_when_adapting_and_needs_enough_images() -> None:
    network = build_backbone("squeezenet1_1", 2, SIDE, seed=0).eval()
    source, target = packed_images([0] * 6 + [2]), packed_images([0] * 4 + [2], seed=1)
    own, adapted = fit_novelty(network, job_data(source), 0), fit_novelty(network, job_data(source, target), 0)
    assert own is not None
    assert adapted is not None
    assert (len(own.bank), len(adapted.bank)) == (6, 4)
    assert torch.allclose(adapted.bank.norm(dim=1), torch.ones(4), atol=1e-5)
    assert fit_novelty(network, job_data(packed_images([0] * (MIN_BANK_IMAGES - 1) + [2])), 0) is None


def test_known_rows_are_of_the_splits_that_a_network_was_trained_on() -> None:
    data = job_data(packed_images([0, 1, 0, 1, 2]))
    assert known_rows(data, ("train",), 0).tolist() == [0, 2]
    assert known_rows(data, ("train", "val"), 0).tolist() == [0, 1, 2, 3]

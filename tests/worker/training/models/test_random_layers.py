"""Dropout and stochastic depth are found wherever they lie in a network."""

import pytest
import torch

from worker.training.models.backbones import build_backbone
from worker.training.models.random_layers import random_layers


@pytest.mark.parametrize(
    ("backbone", "size", "count"), [("alexnet", 64, 1), ("efficientnet_b0", 32, 9), ("resnet18", 32, 0)]
)
def test_without_its_random_layers_a_trunk_is_deterministic_in_training_mode(
    backbone: str, size: int, count: int
) -> None:
    """AlexNet's second dropout is the head's; EfficientNet-B0 has stochastic depth where a block has a shortcut."""
    trunk = build_backbone(backbone, 2, size, seed=0).trunk.train()
    layers = random_layers(trunk)
    assert len([layer for layer in layers if getattr(layer, "p", 0.0) > 0]) >= count
    for layer in layers:
        layer.eval()
    x = torch.rand(4, 3, size, size)
    assert torch.equal(trunk(x), trunk(x))

"""The function penalty is 0 where f is f_s, in training mode, for every backbone."""

import pytest
import torch
from torch import Tensor, nn

from tests.worker.training.methods.test_supervised import PLAIN
from tests.worker.training.models.test_backbones import size_of
from worker.training.data.batches import Batch
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import NAMES, build_backbone
from worker.training.models.batch_norm import batch_norms
from worker.training.models.random_layers import random_layers
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.geometric import Preprocessing

IMAGES = 3
INITIALISERS = ("kaiming_normal_", "kaiming_uniform_", "normal_", "trunc_normal_", "uniform_", "xavier_uniform_")


@pytest.fixture(autouse=True)
def _quick_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill weights with repetitions of a little noise: drawing six billion numbers takes minutes."""
    noise = torch.randn(4099)

    def fill(tensor: Tensor, *_: object, **__: object) -> Tensor:
        flat = tensor.detach().view(-1)
        whole = len(flat) // len(noise) * len(noise)
        flat[:whole].view(-1, len(noise)).copy_(noise)
        flat[whole:] = noise[: len(flat) - whole]
        flat *= (2 / max(1, tensor[0].numel())) ** 0.5
        return tensor

    for name in INITIALISERS:
        monkeypatch.setattr(nn.init, name, fill)


def at_start(name: str, *, frozen_norms: bool) -> Supervised:
    """A fine-tuning before its first step. ConvNeXt's blocks count as if trained: they begin with a factor of 1e-6."""
    network = build_backbone(name, 3, size_of(name), seed=0)
    with torch.no_grad():
        for parameter_name, parameter in network.named_parameters():
            if parameter_name.endswith("layer_scale"):
                parameter.fill_(1.0)
    view = Preprocessing(size=size_of(name), resize=size_of(name), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    method = Supervised(network, view, **(PLAIN | {"penalty": "function", "frozen_norms": frozen_norms}))
    method.train()
    return method


def batch_of(name: str) -> Batch:
    pixels = torch.randint(0, 256, (IMAGES, 3, size_of(name), size_of(name)), dtype=torch.uint8)
    return Batch(pixels, torch.arange(IMAGES), torch.arange(IMAGES))


def penalty(method: Supervised, batch: Batch) -> float:
    with torch.no_grad():
        return method.training_step(batch, generator_at(0, STEP))["penalty"].item()


def buffers(module: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


@pytest.mark.parametrize("name", NAMES)
def test_the_penalty_starts_at_0(name: str) -> None:
    """With batch norm in training mode, which is the harder case: both networks normalise by the batch."""
    method, batch = at_start(name, frozen_norms=False), batch_of(name)
    assert method.anchor is not None
    before, own = buffers(method.anchor), buffers(method.network)
    found = penalty(method, batch)
    assert all(torch.equal(before[key], buffer) for key, buffer in method.anchor.named_buffers())
    moved = any(not torch.equal(own[key], buffer) for key, buffer in method.network.named_buffers())
    assert moved == bool(batch_norms(method.network))
    with torch.no_grad():
        size = float(method.network.features(method.normalised(batch.inputs)).square().mean())
    assert size > 1e-6
    assert found < 1e-10 * size  # rounding: the two copies may lie in memory differently


@pytest.mark.parametrize("name", ["mobilenet_v2", "alexnet", "squeezenet1_1", "swin_t"])
def test_with_frozen_statistics_it_starts_at_0_too(name: str) -> None:
    assert penalty(at_start(name, frozen_norms=True), batch_of(name)) < 1e-12


@pytest.mark.parametrize("name", ["alexnet", "efficientnet_b0", "convnext_tiny", "swin_t"])
def test_what_is_random_in_the_trunk_would_be_seen(name: str) -> None:
    """Or else the tests above could not fail."""
    method, batch = at_start(name, frozen_norms=False), batch_of(name)
    for layer in random_layers(method.network.trunk):
        layer.train()
    assert max(penalty(method, batch) for _ in range(3)) > 1e-4


def test_the_classifier_keeps_its_dropout() -> None:
    method = at_start("mobilenet_v2", frozen_norms=True)
    assert method.network.dropout.p == 0.2
    encoded = torch.ones(2, method.network.feature_dim)
    assert not torch.equal(method.network.classify(encoded), method.network.classify(encoded))
    method.eval()
    assert torch.equal(method.network.classify(encoded), method.network.classify(encoded))


def test_other_penalties_leave_stochastic_depth_on() -> None:
    network = build_backbone("efficientnet_b0", 3, 32, seed=0)
    method = Supervised(network, at_start("mobilenet_v2", frozen_norms=True).preprocessing, **PLAIN)
    method.train()
    assert all(layer.training for layer in random_layers(network))

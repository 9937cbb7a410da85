from collections import OrderedDict
from collections.abc import Iterator

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models import regnet

from worker.training.models.backbones import NAMES, Network, build_backbone, new_head
from worker.training.models.weights import load_torchvision_state, torchvision_state
from worker.training.optim.optimizers import build_optimizer, decay_groups

# The smallest size of images that keeps each family's shapes honest.
SIZES = {"alexnet": 64, "inception_v3": 75, "maxvit_t": 224, "vit_h_14": 28}
# Families whose smallest member goes through the CPU; the parameter counts decide for the others.
CPU_LIMIT = 12_000_000
FAMILIES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_y_400mf", "regnet_x_400mf", "resnet18",
    "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_0", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11",
    "vgg11_bn", "vit_b_32", "wide_resnet50_2",
)  # fmt: skip
RESCALING = {"init_weights": True, "transform_input": True}  # as torchvision itself builds them for its weights
OPTIONS = {"googlenet": RESCALING, "inception_v3": RESCALING}


def size_of(name: str) -> int:
    return SIZES.get(name, 32)


@pytest.fixture
def on_meta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Build without memory. RegNet computes its widths with tensors, which must stay real."""
    widths = regnet.BlockParams.from_init_params

    def real(*args: object, **kwargs: object) -> regnet.BlockParams:
        with torch.device("cpu"):
            return widths(*args, **kwargs)

    monkeypatch.setattr(regnet.BlockParams, "from_init_params", real)
    with torch.device("meta"):
        yield


def step(network: Network) -> None:
    """Forward, backward, and a step of the optimizer: shapes are right and every gradient arrives."""
    network.train()
    optimizer = build_optimizer("sgd", decay_groups([network], 1e-4), 0.01)
    x = torch.randn(2, 3, network.image_size, network.image_size, device=network.device)
    logits = network(x)
    assert logits.shape == (2, 5)
    assert network.features(x).shape == (2, network.feature_dim)
    logits.square().sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    optimizer.step()


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_steps(name: str, request: pytest.FixtureRequest) -> None:
    """All on the meta device, where shapes and gradients are checked; those below CPU_LIMIT then in real numbers."""
    request.getfixturevalue("on_meta")
    network = build_backbone(name, 5, size_of(name), seed=0)
    step(network)
    if sum(p.numel() for p in network.parameters()) <= CPU_LIMIT:
        with torch.device("cpu"):
            network = build_backbone(name, 5, size_of(name), seed=0)
            before = [p.detach().clone() for p in network.parameters()]
            step(network)
        moved = [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
        assert sum(moved) > 0.9 * len(moved)


@pytest.mark.parametrize("name", NAMES)
def test_every_backbone_keeps_torchvisions_names(name: str, on_meta: None) -> None:
    options = OPTIONS.get(name, {"image_size": size_of(name)} if name.startswith("vit") else {})
    theirs = torchvision.models.get_model(name, num_classes=5, **options)
    expected = {key: tensor.shape for key, tensor in theirs.state_dict().items() if not key.startswith(("aux", "Aux"))}
    ours = torchvision_state(build_backbone(name, 5, size_of(name), seed=0))
    assert {key: tensor.shape for key, tensor in ours.items()} == expected


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_are_torchvisions_own(name: str) -> None:
    """To the bit where the kernels lie in memory as ours do, and else up to rounding."""
    options = OPTIONS.get(name, {"image_size": size_of(name)} if name.startswith("vit") else {})
    theirs = torchvision.models.get_model(name, num_classes=7, **options).eval()
    ours = build_backbone(name, 3, size_of(name), seed=0).eval()
    load_torchvision_state(ours, theirs.state_dict())
    x = torch.randn(2, 3, size_of(name), size_of(name))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
        theirs.to(memory_format=torch.channels_last)
        assert torch.equal(ours(x), theirs(x))
        assert torch.equal(ours.classify(ours.encode(x)), theirs(x))
    if name not in OPTIONS:
        state = OrderedDict(torchvision_state(ours))
        state._metadata = theirs.state_dict()._metadata  # type: ignore[attr-defined] # MNASNet asks for its version
        theirs.load_state_dict(state, strict=True)


def test_the_seed_makes_the_weights_and_nothing_else_moves() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (build_backbone("mobilenet_v3_small", 3, 32, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_1", "maxvit_t"])
def test_a_new_head(name: str) -> None:
    network = build_backbone(name, 3, size_of(name), seed=0)
    trunk = {key: tensor.clone() for key, tensor in network.trunk.state_dict().items()}
    new_head(network, 9, seed=1)
    first = network.head.weight.clone()
    assert network.outputs == 9
    assert float(first.detach().std()) == pytest.approx(0.01, rel=0.1)
    new_head(network, 9, seed=1)
    assert torch.equal(network.head.weight, first)
    assert all(torch.equal(trunk[key], tensor) for key, tensor in network.trunk.state_dict().items())
    torchvision.models.get_model(name, num_classes=9).load_state_dict(torchvision_state(network), strict=True)


def test_squeezenet_features_are_the_mean_of_its_map() -> None:
    network = build_backbone("squeezenet1_1", 3, 64, seed=0).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network.features(x), network.trunk.features(x).mean((2, 3)))


@pytest.mark.parametrize(
    ("name", "outputs", "size", "said"),
    [
        ("resnet19", 3, 64, "no backbone 'resnet19'"),
        ("resnet18", 0, 64, "at least one output"),
        ("inception_v3", 3, 74, "at least 75 pixels"),
        ("alexnet", 3, 32, "at least 63 pixels"),
        ("vit_b_16", 3, 100, "multiple of 16"),
        ("maxvit_t", 3, 256, "multiple of 224"),
    ],
)
def test_what_cannot_be_built(name: str, outputs: int, size: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build_backbone(name, outputs, size, seed=0)


def test_a_head_without_outputs() -> None:
    with pytest.raises(ValueError, match="at least one output"):
        new_head(build_backbone("squeezenet1_1", 3, 32, seed=0), 0, seed=0)


def test_the_head_is_the_only_part_that_is_taken_off() -> None:
    network = build_backbone("vgg11", 3, 32, seed=0)
    assert network.feature_dim == 4096
    assert isinstance(network.trunk.classifier[6], nn.Identity)

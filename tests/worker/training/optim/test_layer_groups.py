import pytest
from torch import nn

from worker.training.models.backbones import build_backbone
from worker.training.optim.layer_groups import layer_groups


def names(backbone: str, image_size: int = 32) -> list[set[str]]:
    """The stages of a backbone, as the names of the parts that hold their parameters."""
    stages = layer_groups(build_backbone(backbone, 2, image_size, seed=0).trunk)
    return [{name for name, _ in stage} for stage in stages]


def prefixes(backbone: str, depth: int, image_size: int = 32) -> list[str]:
    found = [{".".join(name.split(".")[:-1][:depth]) for name in stage} for stage in names(backbone, image_size)]
    assert all(len(stage) == 1 for stage in found)
    return [stage.pop() for stage in found]


def test_a_resnet() -> None:
    assert prefixes("resnet18", 1) == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]


def test_a_mobilenet() -> None:
    assert prefixes("mobilenet_v2", 2) == [f"features.{block}" for block in range(19)]


def test_a_vision_transformer() -> None:
    layers = [f"encoder.layers.encoder_layer_{layer}" for layer in range(12)]
    assert prefixes("vit_b_32", 3) == ["", "conv_proj", "encoder", *layers, "encoder.ln"]


@pytest.mark.parametrize("backbone", ["squeezenet1_1", "shufflenet_v2_x0_5", "densenet121", "regnet_y_400mf", "swin_t"])
def test_every_parameter_is_in_one_stage(backbone: str) -> None:
    found = names(backbone)
    trunk = build_backbone(backbone, 2, 32, seed=0).trunk
    assert len(found) >= 6
    assert sorted(name for stage in found for name in stage) == sorted(name for name, _ in trunk.named_parameters())
    assert sum(len(stage) for stage in found) == len(list(trunk.parameters()))


def test_a_trunk_of_few_parts_is_taken_apart_as_far_as_it_goes() -> None:
    trunk = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)), nn.Linear(2, 2))
    assert [[id(p) for _, p in stage] for stage in layer_groups(trunk)] == [
        [id(trunk[0][0].weight), id(trunk[0][0].bias)],
        [id(trunk[0][2].weight), id(trunk[0][2].bias)],
        [id(trunk[1].weight), id(trunk[1].bias)],
    ]
    assert len(layer_groups(nn.Linear(2, 2))) == 1

"""The API's table of backbones, measured again on torchvision itself."""

import pytest

from app.core.models.backbones import BACKBONES, fingerprint
from app.core.specs.defaults import has_batch_norm
from worker.tools.backbone_table import describe, head_of, make, names, steps

# every image size is tried in a training step, so of each family only a small one
SIZED = ("alexnet", "densenet121", "googlenet", "inception_v3", "mobilenet_v2", "resnet18", "squeezenet1_0", "vit_b_32")


def test_every_classifier_of_torchvision_is_in_the_table() -> None:
    assert list(BACKBONES) == names()


@pytest.mark.parametrize("name", [name for name in BACKBONES if name not in ("regnet_y_128gf", "regnet_y_32gf")])
def test_heads_and_fingerprints(name: str) -> None:
    model = make(name, 224)
    row = BACKBONES[name]
    assert head_of(model) == row.head
    assert model.get_submodule(row.head).get_parameter("weight").shape[1] == row.features
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert fingerprint(shapes, row.head) == row.fingerprint
    assert has_batch_norm(name) == any(key.endswith("running_mean") for key in shapes)


@pytest.mark.parametrize("name", SIZED)
def test_image_sizes(name: str) -> None:
    assert describe(name) == BACKBONES[name]


def test_fingerprints_tell_architectures_apart() -> None:
    prints = [row.fingerprint for row in BACKBONES.values()]
    assert len(set(prints)) == len(prints)


def test_a_size_too_small_is_refused() -> None:
    assert not steps("alexnet", 32)
    with pytest.raises(ValueError, match="image_size"):
        BACKBONES["alexnet"].check_size(32)
    with pytest.raises(ValueError, match="steps of 32"):
        BACKBONES["vit_b_32"].check_size(100)

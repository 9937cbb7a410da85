"""The table of torchvision's weights: each has a backbone that takes its image size, and a default."""

import pytest

from app.core.models.backbones import BACKBONES
from app.core.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from app.core.models.pretrained_weights import DEFAULTS, PRETRAINED_WEIGHTS, find_weights


def test_every_backbone_has_weights_and_one_default() -> None:
    assert {weights.backbone for weights in PRETRAINED_WEIGHTS.values()} == set(BACKBONES)
    assert len(DEFAULTS) == len(BACKBONES)
    assert {PRETRAINED_WEIGHTS[name].backbone for name in DEFAULTS.values()} == set(BACKBONES)


def test_every_backbone_takes_the_size_of_its_weights() -> None:
    for weights in PRETRAINED_WEIGHTS.values():
        BACKBONES[weights.backbone].check_size(weights.size)
        assert weights.size <= weights.resize


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("ResNet50_Weights.DEFAULT", "ResNet50_Weights.IMAGENET1K_V2"),
        ("RegNet_Y_16GF_Weights.DEFAULT", "RegNet_Y_16GF_Weights.IMAGENET1K_V2"),
        ("ViT_B_16_Weights.DEFAULT", "ViT_B_16_Weights.IMAGENET1K_V1"),
        ("ViT_H_14_Weights.DEFAULT", "ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1"),
    ],
)
def test_default_is_torchvisions_default(name: str, same: str) -> None:
    assert find_weights(name) is PRETRAINED_WEIGHTS[same]


@pytest.mark.parametrize("name", ["random", "mdl_1", "ResNet18_Weights.IMAGENET1K_V9", "resnet18_Weights.DEFAULT"])
def test_other_names_have_no_weights(name: str) -> None:
    assert find_weights(name) is None


def test_the_input_has_the_weights_own_size_interpolation_and_normalisation() -> None:
    large, usual = (
        PRETRAINED_WEIGHTS[f"{name}_Weights.IMAGENET1K_V1"].input for name in ("EfficientNet_V2_L", "VGG11")
    )
    assert (large.size, large.resize, large.interpolation) == (480, 480, "bicubic")
    assert (large.mean, large.std) == ([0.5] * 3, [0.5] * 3)
    assert (usual.size, usual.resize, usual.interpolation) == (224, 256, "bilinear")
    assert (usual.mean, usual.std) == (list(IMAGENET_MEAN), list(IMAGENET_STD))

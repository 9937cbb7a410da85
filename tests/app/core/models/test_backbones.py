"""The table of backbones: sizes that they take, and fingerprints that tell them apart."""

import pytest

from app.core.models.backbones import BACKBONES, Backbone, fingerprint
from app.core.specs.defaults import IMAGE_SIZE, PRETRAINED_IMAGE_SIZE

ANY_SIZE = Backbone("fc", 512, smallest=32, multiple=1, fingerprint="")
PATCHES = Backbone("heads.head", 768, smallest=16, multiple=16, fingerprint="")
SHAPES = {"conv.weight": (8, 3, 3, 3), "conv.bias": (8,), "fc.weight": (10, 8), "fc.bias": (10,)}


@pytest.mark.parametrize(
    ("backbone", "asked", "size"),
    [(ANY_SIZE, 33, 33), (ANY_SIZE, 8, 32), (PATCHES, 128, 128), (PATCHES, 121, 128), (PATCHES, 1, 16)],
)
def test_the_nearest_size(backbone: Backbone, asked: int, size: int) -> None:
    assert backbone.nearest(asked) == size
    backbone.check_size(size)


@pytest.mark.parametrize(
    ("backbone", "size", "message"),
    [
        (ANY_SIZE, 31, "image_size: this backbone takes images from 32 px, not 31"),
        (PATCHES, 8, "image_size: this backbone takes images from 16 px in steps of 16, not 8"),
        (PATCHES, 24, "image_size: this backbone takes images from 16 px in steps of 16, not 24"),
    ],
)
def test_a_size_that_it_cannot_take(backbone: Backbone, size: int, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        backbone.check_size(size)
    assert str(refused.value) == message


@pytest.mark.parametrize("size", [IMAGE_SIZE, PRETRAINED_IMAGE_SIZE])
def test_every_backbone_takes_a_size_near_the_defaults(size: int) -> None:
    for backbone in BACKBONES.values():
        backbone.check_size(backbone.smallest)
        backbone.check_size(backbone.nearest(size))


def test_no_two_backbones_have_one_fingerprint() -> None:
    assert len({backbone.fingerprint for backbone in BACKBONES.values()}) == len(BACKBONES)


@pytest.mark.parametrize(
    "changed",
    [
        dict(reversed(SHAPES.items())),
        SHAPES | {"fc.weight": (2, 8), "fc.bias": (2,)},
        {name: shape for name, shape in SHAPES.items() if not name.startswith("fc.")},
        SHAPES | {"bn.num_batches_tracked": ()},
        SHAPES | {"AuxLogits.fc.weight": (10, 768), "aux1.conv.weight": (1,)},
        SHAPES | {"encoder.pos_embedding": (1, 50, 768)},
    ],
)
def test_the_head_and_what_is_often_stripped_do_not_count(changed: dict[str, tuple[int, ...]]) -> None:
    assert fingerprint(changed, "fc") == fingerprint(SHAPES, "fc")


@pytest.mark.parametrize(
    "changed",
    [
        SHAPES | {"conv.weight": (8, 3, 5, 5)},
        SHAPES | {"conv2.weight": (8, 8, 3, 3)},
        SHAPES | {"fc2.weight": (8, 8)},
        SHAPES | {"trunk.fc.weight": (8, 8)},
        {name.replace("conv", "convolution"): shape for name, shape in SHAPES.items()},
    ],
)
def test_every_other_name_and_shape_counts(changed: dict[str, tuple[int, ...]]) -> None:
    assert fingerprint(changed, "fc") != fingerprint(SHAPES, "fc")

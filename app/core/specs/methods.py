"""Methods of pre-training."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.specs.base import Strict


class SupervisedSpec(Strict):
    """Cross-entropy on the dataset's labels."""

    kind: Literal["supervised"]


class RotationSpec(Strict):
    """Classify by which of 0, 90, 180 and 270 degrees the image was rotated (Gidaris 2018, arXiv:1803.07728)."""

    kind: Literal["rotation"]


class ImputationSpec(Strict):
    """Predict the hidden part of the image from the rest: random patches, or a centre block.

    Pathak 2016 (arXiv:1604.07379), He 2022 (arXiv:2111.06377).
    """

    kind: Literal["imputation"]
    mask: Literal["random", "center"] = "random"
    mask_ratio: float = Field(0.5, gt=0, lt=1)
    patch_size: int = Field(8, ge=1, le=256)


class SimCLRSpec(Strict):
    """Attract two views of an image and repel those of the other images (Chen 2020, arXiv:2002.05709).

    `denominator` "all" is NT-Xent, with the positive pair in the denominator too; "negatives" leaves it out (Yeh 2022,
    arXiv:2110.06848).
    """

    kind: Literal["simclr"]
    temperature: float = Field(0.5, gt=0, le=100)
    denominator: Literal["all", "negatives"] = "all"
    projection_dim: int = Field(128, ge=1, le=4096)
    colour_strength: float = Field(0.5, ge=0, le=1)


class BYOLSpec(Strict):
    """Predict a moving average network's projection of another view of the image (Grill 2020, arXiv:2006.07733)."""

    kind: Literal["byol"]
    projection_dim: int = Field(256, ge=1, le=4096, description="outputs of the projector and the predictor")
    hidden_dim: int = Field(4096, ge=1, le=16384, description="hidden units of the projector and the predictor")
    momentum: float = Field(0.996, ge=0, lt=1, description="of the target network at the first step; it rises to 1")
    colour_strength: float = Field(0.5, ge=0, le=1, description="of the colour jitter: 0 is none")


Method = Annotated[SupervisedSpec | RotationSpec | ImputationSpec | SimCLRSpec | BYOLSpec, Field(discriminator="kind")]

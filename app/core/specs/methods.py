"""What a pre-training learns from its images."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.specs.base import Strict


class SupervisedSpec(Strict):
    """Cross-entropy on the dataset's labels."""

    kind: Literal["supervised"]


class RotationSpec(Strict):
    """Which of 0, 90, 180, 270 degrees was the image turned (Gidaris 2018)."""

    kind: Literal["rotation"]


class ImputationSpec(Strict):
    """Predict the hidden part of the image from the rest: random patches, or a centre block (Pathak 2016; He 2022)."""

    kind: Literal["imputation"]
    mask: Literal["random", "center"] = "random"
    mask_ratio: float = Field(0.5, gt=0, lt=1)
    patch_size: int = Field(8, ge=1, le=256)


class SimCLRSpec(Strict):
    """Two views of an image close together, far from those of the other images (Chen 2020).

    `denominator` "all" is NT-Xent, the positive pair below the line too; "negatives" leaves it out.
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

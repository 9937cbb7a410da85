"""Methods of pre-training."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.specs.base import Strict

KIND = "selects the method"
COLOUR_STRENGTH = "strength of the colour jitter: 0 is none, 1 the strongest"


class SupervisedSpec(Strict):
    """Cross-entropy on the dataset's labels."""

    kind: Literal["supervised"] = Field(description=KIND)


class RotationSpec(Strict):
    """Classify by which of 0, 90, 180 and 270 degrees the image was rotated (Gidaris 2018, arXiv:1803.07728)."""

    kind: Literal["rotation"] = Field(description=KIND)


class ImputationSpec(Strict):
    """Predict the hidden part of the image from the rest: random patches, or a centre block.

    Pathak 2016 (arXiv:1604.07379), He 2022 (arXiv:2111.06377).
    """

    kind: Literal["imputation"] = Field(description=KIND)
    mask: Literal["random", "center"] = Field(
        "random", description="what is hidden: random patches, or one square block in the centre"
    )
    mask_ratio: float = Field(0.5, gt=0, lt=1, description="share of the image's area that is hidden")
    patch_size: int | None = Field(
        None,
        ge=1,
        le=256,
        description="side of a patch in pixels, of mask 'random' alone; it divides the image size, and by default is"
        " the largest that does up to a quarter of it",
    )


class SimCLRSpec(Strict):
    """Attract two views of an image and repel those of the other images (Chen 2020, arXiv:2002.05709).

    `denominator` "all" is NT-Xent, with the positive pair in the denominator too; "negatives" leaves it out (Yeh 2022,
    arXiv:2110.06848).
    """

    kind: Literal["simclr"] = Field(description=KIND)
    temperature: float = Field(0.2, gt=0, le=100, description="cosine similarities are divided by it")
    denominator: Literal["all", "negatives"] = Field(
        "all",
        description="what the positive pair is compared with: all pairs, itself among them, or the negatives alone",
    )
    projection_dim: int = Field(128, ge=1, le=4096, description="outputs of the projector, in which views are compared")
    colour_strength: float = Field(0.5, ge=0, le=1, description=COLOUR_STRENGTH)


class BYOLSpec(Strict):
    """Predict a moving average network's projection of another view of the image (Grill 2020, arXiv:2006.07733)."""

    kind: Literal["byol"] = Field(description=KIND)
    projection_dim: int = Field(256, ge=1, le=4096, description="outputs of the projector and the predictor")
    hidden_dim: int = Field(4096, ge=1, le=16384, description="hidden units of the projector and the predictor")
    momentum: float = Field(
        0.996, ge=0, lt=1, description="decay of the target network's moving average at the first step; it rises to 1"
    )
    colour_strength: float = Field(0.5, ge=0, le=1, description=COLOUR_STRENGTH)


Method = Annotated[SupervisedSpec | RotationSpec | ImputationSpec | SimCLRSpec | BYOLSpec, Field(discriminator="kind")]

"""What a pre-training learns from its images."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.specs.base import Strict


class Supervised(Strict):
    """Cross-entropy on the dataset's labels."""

    kind: Literal["supervised"]


class Rotation(Strict):
    """Which of 0, 90, 180, 270 degrees was the image turned (Gidaris 2018)."""

    kind: Literal["rotation"]


class Imputation(Strict):
    """Predict the hidden part of the image from the rest: random patches, or a centre block (Pathak 2016; He 2022)."""

    kind: Literal["imputation"]
    mask: Literal["random", "center"] = "random"
    mask_ratio: float = Field(0.5, gt=0, lt=1)
    patch_size: int = Field(8, ge=1, le=256)


class SimCLR(Strict):
    """Two views of an image close together, far from those of the other images (Chen 2020).

    `denominator` "all" is NT-Xent, the positive pair below the line too; "negatives" leaves it out.
    """

    kind: Literal["simclr"]
    temperature: float = Field(0.5, gt=0, le=100)
    denominator: Literal["all", "negatives"] = "all"
    projection_dim: int = Field(128, ge=1, le=4096)
    colour_strength: float = Field(0.5, ge=0, le=1)


Method = Annotated[Supervised | Rotation | Imputation | SimCLR, Field(discriminator="kind")]

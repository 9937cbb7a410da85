"""Domain adaptation: alignment of a labelled source with an unlabelled target."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.specs.base import Strict
from app.core.specs.references import DatasetId

KIND = "selects how the domains are drawn together"
LARGEST_STRENGTH = 1e6
Strength = Annotated[
    float,
    Field(
        ge=0, le=LARGEST_STRENGTH, description="weight in the training loss of what draws the domains together; 0: off"
    ),
]


class NoAdaptationSpec(Strict):
    """No alignment of the domains. With a `source`, labels come from there: the baseline of an adaptation."""

    kind: Literal["none"] = Field("none", description=KIND)
    source: DatasetId | None = Field(
        None, description="id of the labelled dataset to train on instead of the job's own, which then only judges"
    )


class Adapting(Strict):
    """`source` names the labelled dataset; the job's own dataset is the target, whose labels training never sees."""

    source: DatasetId = Field(description="id of the labelled source dataset; its classes are those of the model")


class CORALSpec(Adapting):
    """Squared distance of the covariances of the two domains' logits (Sun & Saenko 2016, arXiv:1607.01719)."""

    kind: Literal["coral"] = Field(description=KIND)
    strength: Strength = 0.3


class MMDSpec(Adapting):
    """Maximum mean discrepancy of the two domains' logits, Gaussian kernels (Long 2015, arXiv:1502.02791)."""

    kind: Literal["mmd"] = Field(description=KIND)
    strength: Strength = 5.0


class DANNSpec(Adapting):
    """A domain classifier on the features, with reversed gradient (Ganin 2016, arXiv:1505.07818)."""

    kind: Literal["dann"] = Field(description=KIND)
    strength: Strength = 1.0


Adaptation = Annotated[NoAdaptationSpec | CORALSpec | MMDSpec | DANNSpec, Field(discriminator="kind")]

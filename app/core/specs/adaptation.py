"""Domain adaptation: alignment of a labelled source with an unlabelled target."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.specs.base import Strict
from app.core.specs.references import DatasetId


class NoAdaptationSpec(Strict):
    """No alignment of the domains. With a `source`, labels come from there: the baseline of an adaptation."""

    kind: Literal["none"] = "none"
    source: DatasetId | None = None


class Adapting(Strict):
    """`source` names the labelled dataset; the job's own dataset is the target, whose labels training never sees."""

    source: DatasetId


class CORALSpec(Adapting):
    """Squared distance of the covariances of the two domains' logits (Sun & Saenko 2016, arXiv:1607.01719)."""

    kind: Literal["coral"]
    strength: float = Field(0.3, ge=0, le=1e6)


class MMDSpec(Adapting):
    """Maximum mean discrepancy of the two domains' logits, Gaussian kernels (Long 2015, arXiv:1502.02791)."""

    kind: Literal["mmd"]
    strength: float = Field(5.0, ge=0, le=1e6)


class DANNSpec(Adapting):
    """A domain classifier on the features, with reversed gradient (Ganin 2016, arXiv:1505.07818)."""

    kind: Literal["dann"]
    strength: float = Field(1.0, ge=0, le=1e6)


Adaptation = Annotated[NoAdaptationSpec | CORALSpec | MMDSpec | DANNSpec, Field(discriminator="kind")]

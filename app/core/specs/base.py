"""Base classes of all specs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.core.specs.references import Reference, references_of

RANDOM = "random"
AUTO = "auto"
TYPE = "the type of job"

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """An immutable model that refuses unknown fields and numbers that are not finite.

    A ValueError that begins with `field: ` or `field.inner: ` names the wrong field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class JobSpec(Strict):
    """Spec of a job of any type."""

    type: str = Field(description=TYPE)

    @classmethod
    def references(cls) -> frozenset[Reference]:
        """Return the places where specs of this type name datasets and models."""
        return references_of(cls)


class AskedSpec(JobSpec):
    """Spec that a user sends by `POST /v1/jobs`."""

    name: Name | None = Field(None, description="a name of your own for the job and for the model it makes")

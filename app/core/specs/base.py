"""What all specs have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.core.specs.references import Reference, references_of

RANDOM = "random"
AUTO = "auto"

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Unknown fields are refused, numbers must be finite, and a spec never changes once made.

    A ValueError that begins with `field: ` or `field.inner: ` says which field is at fault.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class JobSpec(Strict):
    """What a job of any type is to do."""

    type: str

    @classmethod
    def references(cls) -> frozenset[Reference]:
        """Where specs of this type name datasets and models."""
        return references_of(cls)


class AskedSpec(JobSpec):
    """What a user asks for by `POST /v1/jobs`."""

    name: Name | None = Field(None, description="a name of your own for the job and for the model it makes")

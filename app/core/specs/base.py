"""What all specs have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

RANDOM = "random"
AUTO = "auto"

Name = Annotated[str, Field(min_length=1, max_length=200)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]


class Strict(BaseModel):
    """Unknown fields are refused, numbers must be finite, and a spec never changes once made.

    A ValueError that begins with `field: ` or `field.inner: ` says which field is at fault.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

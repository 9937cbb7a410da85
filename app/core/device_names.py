"""Format of a compute device's name, in settings and in job specs."""

from typing import Annotated

from pydantic import Field

DEVICE = "where it is computed: `cpu`, `cuda`, `cuda:<number>` or `mps`; auto: a GPU where the worker has one"
Device = Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]

"""Progress of a job."""

from pydantic import Field

from app.core.results.base import Record


class Progress(Record):
    """Progress of a running job, over all of its runs."""

    epoch: int | None = Field(None, description="epoch of the run under way, from 1; null for jobs without epochs")
    epochs: int | None = Field(None, description="epochs of the run under way; null for jobs without epochs")
    step: int = Field(0, description="steps done: optimizer steps, files or images, by the job's type")
    steps: int = Field(0, description="steps in all; 0 until it is known")
    fraction: float = Field(0.0, description="share of the work that is done, from 0 to 1")
    eta_seconds: float | None = Field(None, description="estimated seconds until the end; null while unknown")

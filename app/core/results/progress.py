"""Progress of a job."""

from typing import Any, Literal

from pydantic import Field

from app.core.results.base import Record

Phase = Literal["waiting", "preparing", "head", "main", "baseline", "repeat", "refit", "publishing"]


class Progress(Record):
    """Progress of a running job, over all of its runs."""

    phase: Phase | None = Field(
        None,
        description="what is being done: `waiting` for a worker; `preparing` the data; training the output layer"
        " (`head`), the model (`main`), a yardstick (`baseline`), either with another seed (`repeat`), or the model"
        " again on more labels (`refit`); or `publishing`. Jobs that do not train are in `main` while they work",
    )
    epoch: int | None = Field(None, description="epoch of the run under way, from 1; null for jobs without epochs")
    epochs: int | None = Field(None, description="epochs of the run under way; null for jobs without epochs")
    step: int = Field(0, description="steps done: optimizer steps, files or images, by the job's type")
    steps: int = Field(0, description="steps in all; 0 until it is known")
    fraction: float = Field(
        0.0, description="share of the job's time that is over, from 0 to 1, as far as it can be known"
    )
    eta_seconds: float | None = Field(
        None, description="estimated seconds until the end, from the measured time of a step; null while unknown"
    )


def in_phase(progress: dict[str, Any] | None, phase: Phase) -> dict[str, Any]:
    """Return a job's progress in another phase, in which the time that is left is not known.

    Args:
        progress: as it is stored; None for none yet.
        phase: the phase.

    Returns:
        The fields of the progress, as JSON.
    """
    return Progress.model_validate(progress or {}).model_copy(update={"phase": phase, "eta_seconds": None}).model_dump()

"""Everything that can happen to a job: each kind of event, and what its `data` holds."""

from pydantic import Field

from app.core.results.base import Record
from app.core.results.metrics import LatestMetrics
from app.core.results.training import ClassBalance, DomainGap


class NoData(Record):
    """The event says everything."""


class Reason(Record):
    """Why the job's status changed."""

    reason: str | None = Field(None, description="one phrase for people; null where a user asked for it")


class Queued(Reason):
    """The job waits for a worker: for the first time, after a resume, or because its worker was lost."""


class Started(Record):
    """A worker claimed the job."""

    attempt: int = Field(description="from 1; an attempt that was stopped in good order does not count")
    owner: str = Field(description="the worker: host, process and lane")


class Ended(Record):
    """Why the job ended without a result."""

    code: str = Field(description="a stable code; see the list of error codes")
    message: str = Field(description="one sentence for people")


class RunBegun(Record):
    """A run started, or went on from its checkpoint."""

    run: str = Field(description="`main`, `head`, a baseline's name, or `strength=<number>`")
    epochs: int = Field(description="epochs that it trains for at most")


class RunFinished(Record):
    """A run is done."""

    run: str = Field(description="name of the run")
    accuracy: float | None = Field(description="on the split that judges; null without labels")
    seconds: float = Field(description="seconds it took, over all attempts")


class BatchSplit(Record):
    """The device had no memory for a whole batch, which is computed in parts since."""

    run: str = Field(description="name of the run")
    epoch: int = Field(description="epoch of the run, from 1")
    step: int = Field(description="optimizer step of the run")
    images_at_a_time: int = Field(description="images computed at a time now")


class Collapse(Record):
    """The features say the same of every image: training has gone wrong."""

    run: str = Field(description="name of the run")
    epoch: int = Field(description="epoch of the run, from 1")
    feature_std: float = Field(description="spread of the features; 1 is healthy")


class CheckpointDamaged(Record):
    """A checkpoint could not be read; the job goes on from the one before."""

    number: int = Field(description="the checkpoint's number")
    reason: str = Field(description="what is wrong with it")


# Every kind of event and what its data holds. A kind that is not here cannot be recorded.
EVENTS: dict[str, type[Record] | type[LatestMetrics]] = {
    "queued": Queued,
    "started": Started,
    "cancelling": NoData,
    "paused": Reason,
    "succeeded": NoData,
    "failed": Ended,
    "cancelled": Ended,
    "run_started": RunBegun,
    "run_resumed": RunBegun,
    "epoch": LatestMetrics,
    "run_finished": RunFinished,
    "batch_split": BatchSplit,
    "collapse": Collapse,
    "class_imbalance": ClassBalance,
    "domain_gap": DomainGap,
    "checkpoint_damaged": CheckpointDamaged,
}

"""Events of a job: every kind, and the model of its `data`."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from app.core.results.base import Record
from app.core.results.metrics import LatestMetrics
from app.core.results.training import ClassBalance, DomainGap

RUN = (
    "`main`, `head`, `refit`, `refit_head`, a baseline's name, `strength=<number>`, or `random_rate=<number>`: the"
    " baseline from random weights at one learning rate. `#2` and so on is a repetition with another seed"
)


class NoData(Record):
    """No data: the kind of event is all there is."""


class Reason(TypedDict, total=False):
    """The job's status changed."""

    reason: Annotated[str, Field(description="why, in one phrase for people; absent where a user asked for it")]


class Started(Record):
    """A worker claimed the job."""

    attempt: int = Field(description="from 1; an attempt that was stopped in good order does not count")
    owner: str = Field(description="the worker, as `<host>:<process id>`")


class Succeeded(Record):
    """The job's outcome; the rest is in its result."""

    model: str | None = Field(None, description="id of the model that the job made or evaluated; null for none")
    verdict: str | None = Field(None, description="of a fine-tuning: whether transfer helped, and why; else null")


class Ended(Record):
    """Reason why the job ended without a result."""

    code: str = Field(description="a stable code; see the list of error codes")
    message: str = Field(description="one sentence for people")


class RunBegun(Record):
    """A run started, or continued from its checkpoint."""

    run: str = Field(description=RUN)
    epochs: int = Field(description="epochs that it trains for at most")


class RunFinished(Record):
    """A run ended."""

    run: str = Field(description="name of the run")
    accuracy: float | None = Field(description="on the split that judges; null without labels")
    seconds: float = Field(description="seconds it took, over all attempts")


class BatchSplit(Record):
    """The device had no memory for a whole batch; from now on batches are computed in parts."""

    run: str = Field(description="name of the run")
    epoch: int = Field(description="epoch of the run, from 1")
    step: int = Field(description="optimizer step of the run")
    images_at_a_time: int = Field(description="images computed at a time now")


class Collapse(Record):
    """Spread of the features over the validation images, by which a collapse is told."""

    run: str = Field(description="name of the run")
    epoch: int = Field(description="epoch of the run, from 1")
    feature_std: float = Field(description="spread of the features; 1 is healthy")


class CheckpointDamaged(Record):
    """A checkpoint could not be read; the job continues from the one before."""

    number: int = Field(description="the checkpoint's number")
    reason: str = Field(description="what is wrong with it")


@dataclass(frozen=True)
class EventKind:
    """A kind of event.

    Attributes:
        meaning: for people.
        data: model of the event's `data`.
    """

    meaning: str
    data: Any


# Every kind of event. One that is not listed cannot be recorded.
EVENTS: dict[str, EventKind] = {
    "queued": EventKind("The job waits for a worker: new, resumed, or because its worker was lost.", Reason),
    "started": EventKind("A worker claimed the job.", Started),
    "cancelling": EventKind("A user cancelled the job while it ran; it ends within seconds.", NoData),
    "paused": EventKind("The job is paused; it goes on when it is resumed.", Reason),
    "succeeded": EventKind("The job has its result.", Succeeded),
    "failed": EventKind("The job has failed; its error says why.", Ended),
    "cancelled": EventKind("The job was cancelled.", Ended),
    "run_started": EventKind("A run of the job begins.", RunBegun),
    "run_resumed": EventKind("A run goes on from its checkpoint.", RunBegun),
    "epoch": EventKind("An epoch is over; its metrics.", LatestMetrics),
    "run_finished": EventKind("A run of the job is over.", RunFinished),
    "batch_split": EventKind("The device lacks memory for a whole batch, which is computed in parts now.", BatchSplit),
    "collapse": EventKind("The features have become the same for every image: the training has gone wrong.", Collapse),
    "collapse_over": EventKind("The features differ again: the warning of a collapse is taken back.", Collapse),
    "class_imbalance": EventKind("The classes differ in size so much that something is done about it.", ClassBalance),
    "domain_gap": EventKind("The images differ much from those that the initial model was trained on.", DomainGap),
    "checkpoint_damaged": EventKind("A checkpoint cannot be read; the one before it is used.", CheckpointDamaged),
}
_CHECKS: dict[str, TypeAdapter[Any]] = {kind: TypeAdapter(row.data) for kind, row in EVENTS.items()}


def check_event(kind: str, data: dict[str, Any]) -> None:
    """Check an event before it is recorded.

    Args:
        kind: a key of EVENTS.
        data: the event's data.

    Raises:
        ValueError: if there is no such kind, or the data do not match its model.
    """
    if kind not in _CHECKS:
        raise ValueError(f"there is no event of kind {kind!r}")
    _CHECKS[kind].validate_python(data)

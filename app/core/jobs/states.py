"""The life of a job as a pure table: which status may follow which.

The table is what the conditional UPDATEs in `app.core.jobs.transitions` and `app.core.jobs.leases` are built from, so a
transition that is not here cannot be written by anyone.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where a job stands; the words of the HTTP contract."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ALLOWED_TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.CANCELLED, Status.PAUSED, Status.FAILED}),
    Status.RUNNING: frozenset({Status.QUEUED, Status.SUCCEEDED, Status.FAILED, Status.CANCELLING, Status.PAUSED}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.CANCELLED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset({Status.QUEUED}),  # by its user, where the machine failed and not the job
    Status.CANCELLED: frozenset(),
}

TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
LEASED = frozenset({Status.RUNNING, Status.CANCELLING})


def sources(target: Status) -> tuple[Status, ...]:
    """The statuses from which `target` may be entered."""
    return tuple(status for status, following in ALLOWED_TRANSITIONS.items() if target in following)


def check_transition(source: Status, target: Status) -> None:
    """Raise ValueError unless `source -> target` is legal."""
    if target not in ALLOWED_TRANSITIONS[source]:
        raise ValueError(f"a job cannot go from {source} to {target}")

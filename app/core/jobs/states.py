"""The states of a job and the transitions between them.

The conditional UPDATEs in `app.core.jobs.transitions` and `app.core.jobs.leases` are built from this table, so a
transition that is not listed here cannot be written.
"""

from enum import StrEnum


class Status(StrEnum):
    """Status of a job, as in the HTTP API."""

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
    Status.FAILED: frozenset({Status.QUEUED}),  # by its user, if the machine failed and not the job
    Status.CANCELLED: frozenset(),
}

TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
LEASED = frozenset({Status.RUNNING, Status.CANCELLING})


def sources(target: Status) -> tuple[Status, ...]:
    """Return the statuses from which `target` may be entered."""
    return tuple(status for status, following in ALLOWED_TRANSITIONS.items() if target in following)


def check_transition(source: Status, target: Status) -> None:
    """Check a transition.

    Args:
        source: the present status.
        target: the next status.

    Raises:
        ValueError: if it is not allowed.
    """
    if target not in ALLOWED_TRANSITIONS[source]:
        raise ValueError(f"a job cannot go from {source} to {target}")

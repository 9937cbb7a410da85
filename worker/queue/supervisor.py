"""Runs the queued jobs of a lane one after the other, each in a child process, and renews the job's lease meanwhile.

Each job has a process and a process group of its own: its memory is returned to the system, and SIGKILL to the group
ends it for certain. The child writes the job's result; the supervisor handles what the child cannot: a stop request, a
crash, a lost lease.
"""

import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.database import version_guard
from app.core.files import storage_keys
from app.core.jobs import heartbeat, leases
from app.core.jobs.leases import JobRequests, Lease, StaleLease
from app.core.jobs.states import Status
from app.core.processes.lifeline import ProcessGroup
from app.core.specs import LANES
from worker.context import Context, owner
from worker.processes import job_processes

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.02
STDERR_TAIL_BYTES = 4000
# In the last line of stderr: the exceptions' names of Python, NumPy and torch on a GPU, torch's message on a CPU.
OUT_OF_MEMORY = ("MemoryError", "can't allocate memory")
# Share of the lease without a renewal after which the child is ended, before another worker may start the job again.
GIVE_UP_AT = 0.8


@dataclass(frozen=True)
class ChildExit:
    """How a child ended: `stopped` by the supervisor or by itself, its exit status, and the end of its stderr."""

    stopped: bool
    status: int
    stderr: str


def work(context: Context, lane: str, stopping: threading.Event) -> None:
    """Run the lane's queued jobs until none is left or this process is to stop."""
    while not stopping.is_set():
        lease = _claim(context, lane)
        if lease is None:
            return
        supervise(context, lease, stopping)


def _claim(context: Context, lane: str) -> Lease | None:
    """Claim the lane's next job. Claims none after another version has migrated the database."""
    with context.database.writing() as session:
        if mismatch := version_guard.version_mismatch(session):
            logger.error("no jobs are taken: %s", mismatch)
            return None
        lease = leases.claim(session, lane, owner(), context.settings.lease_seconds)
    heartbeat.beat(context.settings, lane)
    return lease


def supervise(context: Context, lease: Lease, stopping: threading.Event) -> None:
    """Run one claimed job until it ends, or is released for another worker to resume."""
    logger.info("%s: started (%s, epoch %d)", lease.job_id, lease.type, lease.epoch)
    try:
        child_exit = _run(context, lease, stopping)
        status = _persist(context, lambda session: _conclude(context, session, lease, child_exit))
    except StaleLease as stale:
        logger.warning("%s; its child process was ended", stale)
        return
    logger.info("%s: %s", lease.job_id, status)
    if status == Status.CANCELLED:
        context.storage.delete(storage_keys.job(lease.job_id))


def _run(context: Context, lease: Lease, stopping: threading.Event) -> ChildExit:
    with tempfile.TemporaryFile() as stderr:
        child = job_processes.start(context, lease, stderr.fileno())
        try:
            stopped = ChildMonitor(context, lease, child, stopping).wait()
        finally:
            status = child.end()
        return ChildExit(stopped, status, _tail(stderr))


def _tail(stderr: IO[bytes]) -> str:
    stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, stderr.tell() - STDERR_TAIL_BYTES))
    return stderr.read().decode(errors="replace").strip()


class ChildMonitor:
    """Waits for a child while renewing its lease and polling for a cancellation, a pause or the worker's stop."""

    def __init__(self, context: Context, lease: Lease, child: ProcessGroup, stopping: threading.Event) -> None:
        self._context, self._lease, self._child, self._stopping = context, lease, child, stopping
        self._renewed = time.monotonic()

    def wait(self) -> bool:
        """Return True if the child was stopped before the job's end, False if it finished or died. Raises StaleLease.

        A child that has already written the job's end is only cleaning up; a SIGTERM does not disturb that.
        """
        while self._running():
            requests = self._renew_or_poll()
            if requests.ended or requests.cancel or requests.pause or self._stopping.is_set():
                self._child.stop(self._context.settings.grace_seconds)
                return not requests.ended
            self._sleep()
        return False

    def _running(self) -> bool:
        return self._child.process.poll() is None

    def _sleep(self) -> None:
        until = time.monotonic() + self._context.settings.poll_seconds
        while self._running() and not self._stopping.is_set() and time.monotonic() < until:
            time.sleep(TICK_SECONDS)

    def _renew_or_poll(self) -> JobRequests:
        try:
            return self._renew() if self._age() >= self._context.settings.renew_seconds else self._poll()
        except SQLAlchemyError:
            if self._age() > self._context.settings.lease_seconds * GIVE_UP_AT:
                raise StaleLease(self._lease) from None
            logger.warning("%s: the database is unreachable; trying again", self._lease.job_id)
            return JobRequests()

    def _age(self) -> float:
        """Seconds since the last renewal that is known to have reached the database."""
        return time.monotonic() - self._renewed

    def _poll(self) -> JobRequests:
        with self._context.database.reading() as session:
            return leases.poll(session, self._lease)

    def _renew(self) -> JobRequests:
        requested_at = time.monotonic()
        with self._context.database.writing() as session:
            requests = leases.renew(session, self._lease, self._context.settings.lease_seconds)
        self._renewed = requested_at
        heartbeat.beat(self._context.settings, LANES[self._lease.type])
        return requests


def _conclude(context: Context, session: Session, lease: Lease, child_exit: ChildExit) -> str:
    """Release or retry a job whose child has exited without ending it. Returns the job's new status."""
    if leases.poll(session, lease).ended:
        return "ended"
    if child_exit.stopped:
        return leases.release(session, lease)
    code, message = _crash_reason(child_exit)
    logger.error("%s: %s\n%s", lease.job_id, message, child_exit.stderr)
    return leases.retry(session, lease, code, message, context.settings.max_attempts)


def _crash_reason(child_exit: ChildExit) -> tuple[str, str]:
    """A stable error code and a one-line message for a child that died."""
    if child_exit.status == -signal.SIGKILL:
        return "worker_killed", "The process was killed, most often because memory ran out."
    if child_exit.status < 0:
        return "worker_crashed", f"The process was ended by {signal.Signals(-child_exit.status).name}."
    last_line = child_exit.stderr.splitlines()[-1] if child_exit.stderr else "no error output"
    if any(sign in last_line for sign in OUT_OF_MEMORY):
        return "worker_out_of_memory", f"The process ran out of memory: {last_line}"[:500]
    return "worker_crashed", f"The process ended with status {child_exit.status}: {last_line}"[:500]


def _persist(context: Context, write: Callable[[Session], str]) -> str:
    """Write, retrying while the database is unreachable until the lease lapses: the reconciler takes over then."""
    until = time.monotonic() + context.settings.lease_seconds
    while True:
        try:
            with context.database.writing() as session:
                return write(session)
        except SQLAlchemyError:
            if time.monotonic() > until:
                raise
            time.sleep(context.settings.poll_seconds)

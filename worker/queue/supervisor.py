"""Takes jobs of a lane one after the other, and holds each one's lease while a child process does it.

The child has a process and a process group of its own: its memory is given back, and ending it is certain. The child
writes its own result; the supervisor settles what the child could not: a stop, a crash, a lost lease.
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
# How a child says that memory ran out: Python, NumPy and torch on a GPU by their exceptions' names, torch on a CPU so.
OUT_OF_MEMORY = ("MemoryError", "can't allocate memory")
# A child that cannot be vouched for ends before anybody else may start the job again.
GIVE_UP_AT = 0.8  # of the lease


@dataclass(frozen=True)
class Ending:
    """How a child came to its end: `asked` when the supervisor stopped it; its exit status and last words."""

    asked: bool
    status: int
    words: str


def work(context: Context, lane: str, stopping: threading.Event) -> None:
    """Do the lane's queued jobs until there are none or this process is to stop."""
    while not stopping.is_set():
        lease = _claim(context, lane)
        if lease is None:
            return
        supervise(context, lease, stopping)


def _claim(context: Context, lane: str) -> Lease | None:
    """The lane's next job; none of a database that has been migrated by another version since this process began."""
    with context.database.writing() as session:
        if what_to_do := version_guard.version_mismatch(session):
            logger.error("no jobs are taken: %s", what_to_do)
            return None
        lease = leases.claim(session, lane, owner(), context.settings.lease_seconds)
    heartbeat.beat(context.settings, lane)
    return lease


def supervise(context: Context, lease: Lease, stopping: threading.Event) -> None:
    """See one claimed job to its end, or to a place from where another worker can go on."""
    logger.info("%s: started (%s, epoch %d)", lease.job_id, lease.type, lease.epoch)
    try:
        ending = _run(context, lease, stopping)
        status = _persist(context, lambda session: _conclude(context, session, lease, ending))
    except StaleLease as stale:
        logger.warning("%s; its child was ended", stale)
        return
    logger.info("%s: %s", lease.job_id, status)
    if status == Status.CANCELLED:
        context.storage.delete(f"jobs/{lease.job_id}")


def _run(context: Context, lease: Lease, stopping: threading.Event) -> Ending:
    with tempfile.TemporaryFile() as stderr:
        child = job_processes.start(context, lease, stderr.fileno())
        try:
            asked = Watch(context, lease, child, stopping).wait()
        finally:
            status = child.end()
        return Ending(asked, status, _tail(stderr))


def _tail(stderr: IO[bytes]) -> str:
    stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, stderr.tell() - STDERR_TAIL_BYTES))
    return stderr.read().decode(errors="replace").strip()


class Watch:
    """Waits for a child while renewing its lease and listening for a cancellation, a pause, or its own end."""

    def __init__(self, context: Context, lease: Lease, child: ProcessGroup, stopping: threading.Event) -> None:
        self._context, self._lease, self._child, self._stopping = context, lease, child, stopping
        self._renewed = time.monotonic()

    def wait(self) -> bool:
        """True when the child was stopped before the end, False when it got there or died. Raises StaleLease.

        A child that has written the job's end is only tidying up; a SIGTERM does not disturb that.
        """
        while self._running():
            orders = self._listen()
            if orders.ended or orders.cancel or orders.pause or self._stopping.is_set():
                self._child.stop(self._context.settings.grace_seconds)
                return not orders.ended
            self._rest()
        return False

    def _running(self) -> bool:
        return self._child.process.poll() is None

    def _rest(self) -> None:
        until = time.monotonic() + self._context.settings.poll_seconds
        while self._running() and not self._stopping.is_set() and time.monotonic() < until:
            time.sleep(TICK_SECONDS)

    def _listen(self) -> JobRequests:
        try:
            return self._renew() if self._age() >= self._context.settings.renew_seconds else self._look()
        except SQLAlchemyError:
            if self._age() > self._context.settings.lease_seconds * GIVE_UP_AT:
                raise StaleLease(self._lease) from None
            logger.warning("%s: the database is away; trying again", self._lease.job_id)
            return JobRequests()

    def _age(self) -> float:
        return time.monotonic() - self._renewed

    def _look(self) -> JobRequests:
        with self._context.database.reading() as session:
            return leases.poll(session, self._lease)

    def _renew(self) -> JobRequests:
        asked_at = time.monotonic()
        with self._context.database.writing() as session:
            orders = leases.renew(session, self._lease, self._context.settings.lease_seconds)
        self._renewed = asked_at
        heartbeat.beat(self._context.settings, LANES[self._lease.type])
        return orders


def _conclude(context: Context, session: Session, lease: Lease, ending: Ending) -> str:
    """Settle a job whose child is gone and has not ended it itself; where the job is now."""
    if leases.poll(session, lease).ended:
        return "ended"
    if ending.asked:
        return leases.release(session, lease)
    code, message = _crash(ending)
    logger.error("%s: %s\n%s", lease.job_id, message, ending.words)
    return leases.retry(session, lease, code, message, context.settings.max_attempts)


def _crash(ending: Ending) -> tuple[str, str]:
    """A stable code and one line of reason for a child that died."""
    if ending.status == -signal.SIGKILL:
        return "worker_killed", "The process was killed, most often because memory ran out."
    if ending.status < 0:
        return "worker_crashed", f"The process was ended by {signal.Signals(-ending.status).name}."
    words = ending.words.splitlines()[-1] if ending.words else "no last words"
    if any(sign in words for sign in OUT_OF_MEMORY):
        return "worker_out_of_memory", f"The process ran out of memory: {words}"[:500]
    return "worker_crashed", f"The process ended with status {ending.status}: {words}"[:500]


def _persist(context: Context, write: Callable[[Session], str]) -> str:
    """Write, waiting for a database that is away until the lease has lapsed: then the reconciler settles the job."""
    until = time.monotonic() + context.settings.lease_seconds
    while True:
        try:
            with context.database.writing() as session:
                return write(session)
        except SQLAlchemyError:
            if time.monotonic() > until:
                raise
            time.sleep(context.settings.poll_seconds)

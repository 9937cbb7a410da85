"""A job's events as they happen: Server-Sent Events that end with the job and resume by `Last-Event-ID`."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool

from app.core.database.sessions import Database
from app.core.errors import ServiceError, invalid
from app.core.jobs import transitions
from app.core.jobs.states import TERMINAL
from app.jobs import queries
from app.jobs.schemas import EventResponse, event_response

POLL_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 15.0
KEEP_ALIVE = b": still here\n\n"
MAX_EVENT_ID = 2**31 - 1


@dataclass(frozen=True)
class JobUpdate:
    """A snapshot: new events, the current progress, and whether the job has ended."""

    events: list[EventResponse]
    progress: dict[str, Any] | None
    ended: bool


def parse_last_event_id(header: str | None) -> int:
    """The number in a `Last-Event-ID`; 0 without one."""
    if not header:
        return 0
    if (
        not (header.isascii() and header.isdigit())
        or len(header) > len(str(MAX_EVENT_ID))
        or int(header) > MAX_EVENT_ID
    ):
        raise invalid(
            "invalid_last_event_id",
            "Last-Event-ID must be the id of an event of this job; leave it out to read from the first.",
        )
    return int(header)


def read_update(database: Database, job_id: str, after: int) -> JobUpdate:
    """Read the events after one. The status is read first, so that an ended job's last event is never missed."""
    with database.reading() as session:
        job = transitions.get(session, job_id)
        events = [event_response(event) for event in session.scalars(queries.events(job_id, after))]
        return JobUpdate(events, job.progress, job.status in TERMINAL)


async def stream_events(
    database: Database, job_id: str, first: JobUpdate, after: int, is_authorized: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The stream: what is there, then what comes, until the job has ended or its listener may not listen any more."""
    update, last_id, sent_progress = first, after, None
    last_sent_at = time.monotonic()
    while True:
        chunks = [event_bytes(event) for event in update.events]
        last_id = update.events[-1].id if update.events else last_id
        if update.progress != sent_progress:
            chunks.append(f"event: progress\ndata: {json.dumps(update.progress)}\n\n".encode())
            sent_progress = update.progress
        if not chunks and time.monotonic() - last_sent_at > KEEP_ALIVE_SECONDS:
            chunks.append(KEEP_ALIVE)
        if chunks:
            last_sent_at = time.monotonic()
            yield b"".join(chunks)
        if update.ended:
            return
        await asyncio.sleep(POLL_SECONDS)
        following = await run_in_threadpool(_next_update, database, job_id, last_id, is_authorized)
        if following is None:
            return
        update = following


def _next_update(database: Database, job_id: str, last_id: int, is_authorized: Callable[[], bool]) -> JobUpdate | None:
    """The next look; None where the listener may not listen any more, or the job has been deleted since it ended."""
    if not is_authorized():
        return None
    try:
        return read_update(database, job_id, last_id)
    except ServiceError as error:
        if error.kind != "not_found":
            raise
        return None


def event_bytes(event: EventResponse) -> bytes:
    """One event on the wire."""
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.model_dump_json(by_alias=True)}\n\n".encode()

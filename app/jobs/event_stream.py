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

LOOK_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 15.0
KEEP_ALIVE = b": still here\n\n"
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Look:
    """What is new: events, the progress now, and whether the job has ended."""

    events: list[EventResponse]
    progress: dict[str, Any] | None
    ended: bool


def last_seen(header: str | None) -> int:
    """The number in a `Last-Event-ID`; 0 without one."""
    if not header:
        return 0
    if not (header.isascii() and header.isdigit()) or len(header) > len(str(LARGEST_ID)) or int(header) > LARGEST_ID:
        raise invalid("invalid_last_event_id", "Last-Event-ID is the id of an event of this job.")
    return int(header)


def look(database: Database, job_id: str, after: int) -> Look:
    """What happened after an event. The status is read first: an ended job's last event is then there for certain."""
    with database.reading() as session:
        job = transitions.get(session, job_id)
        events = [event_response(event) for event in session.scalars(queries.events(job_id, after))]
        return Look(events, job.progress, job.status in TERMINAL)


async def follow(
    database: Database, job_id: str, first: Look, after: int, may_go_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The stream: what is there, then what comes, until the job has ended or its listener may not listen any more."""
    seen, last, told = first, after, None
    spoke = time.monotonic()
    while True:
        pieces = [event_bytes(event) for event in seen.events]
        last = seen.events[-1].id if seen.events else last
        if seen.progress != told:
            pieces.append(f"event: progress\ndata: {json.dumps(seen.progress)}\n\n".encode())
            told = seen.progress
        if not pieces and time.monotonic() - spoke > KEEP_ALIVE_SECONDS:
            pieces.append(KEEP_ALIVE)
        if pieces:
            spoke = time.monotonic()
            yield b"".join(pieces)
        if seen.ended:
            return
        await asyncio.sleep(LOOK_SECONDS)
        later = await run_in_threadpool(_later, database, job_id, last, may_go_on)
        if later is None:
            return
        seen = later


def _later(database: Database, job_id: str, last: int, may_go_on: Callable[[], bool]) -> Look | None:
    """The next look; None where the listener may not listen any more, or the job has been deleted since it ended."""
    if not may_go_on():
        return None
    try:
        return look(database, job_id, last)
    except ServiceError as error:
        if error.kind != "not_found":
            raise
        return None


def event_bytes(event: EventResponse) -> bytes:
    """One event on the wire."""
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.model_dump_json(by_alias=True)}\n\n".encode()

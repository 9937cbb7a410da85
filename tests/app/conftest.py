"""A real server on a real port for each test, and what to send to it."""

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

from app.core.database.sessions import Database
from app.core.settings import Settings
from app.main import create_app
from tests.app.http_clients import client_of
from tests.documented_answers import DocumentedAnswers


class AttentiveServer(uvicorn.Server):
    """Looks a hundred times a second, and not ten times, if it should end: each test waits for that."""

    async def main_loop(self) -> None:
        ticks = itertools.count()
        while not await self.on_tick(next(ticks)):
            await asyncio.sleep(0.01)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The API under uvicorn in a thread; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(settings), log_level="warning", timeout_graceful_shutdown=3)
    server = AttentiveServer(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


Serve = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def documented() -> DocumentedAnswers:
    """The document, against which the headers of every answer are held."""
    return DocumentedAnswers(create_app(Settings()).openapi())


@pytest.fixture
def serve(settings: Settings, database: Database, documented: DocumentedAnswers) -> Iterator[Serve]:
    """A client of a new server whose settings differ in the given fields."""
    opened: list[tuple[object, httpx.Client]] = []
    hooks = {"response": [documented.check_headers]}

    def start(**changed: object) -> httpx.Client:
        server = serving(settings.model_copy(update=changed))
        client = client_of(server.__enter__(), event_hooks=hooks)
        opened.append((server, client))
        return client

    yield start
    for server, client in reversed(opened):
        client.close()
        server.__exit__(None, None, None)  # type: ignore[attr-defined]


@pytest.fixture
def client(serve: Serve) -> httpx.Client:
    """A client of a server with the test's settings."""
    return serve()

"""A broker is not trusted: what arrives there is JSON or it is not read."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import ContentDisallowed

from app.core.jobs.wakeup_config import TASK_NAME, celery_config
from app.core.settings import Settings
from tests.app.core.jobs.job_rows import LANE

BODY = [[LANE, "job_1"], {}, {}]


@pytest.fixture
def celery(settings: Settings) -> Iterator[Celery]:
    """As a worker configures it."""
    with closing(Celery("imprint", set_as_current=False)) as app:
        app.conf.update(celery_config(settings))
        yield app


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder that is there once somebody has unpickled `bomb`."""
    return tmp_path / "unpickled"


def bomb(canary: Path) -> bytes:
    """A pickle that calls `os.mkdir`, written by hand: a global, a mark, its argument, a call."""
    return f"cos\nmkdir\n(V{canary}\ntR.".encode()


def received(celery: Celery, body: bytes, content_type: str, encoding: str) -> Any:
    """Pass a message that somebody put into the queue to a worker's consumer."""
    queue, arrived = celery.amqp.queues[LANE], []
    with celery.connection_for_read() as connection:
        connection.transport.state.clear()  # kombu remembers the routes of the test before, in another folder
        connection.Producer(exchange=queue.exchange, routing_key=queue.routing_key).publish(
            body, declare=[queue], content_type=content_type, content_encoding=encoding, headers={"task": TASK_NAME}
        )
        with celery.amqp.TaskConsumer(connection.channel(), queues=[queue], on_message=arrived.append, no_ack=True):
            connection.drain_events(timeout=10)
    return arrived[0].payload


def test_json_is_read(celery: Celery) -> None:
    assert received(celery, json.dumps(BODY).encode(), "application/json", "utf-8") == BODY


@pytest.mark.parametrize("content_type", ["application/x-python-serialize", "application/x-yaml"])
def test_nothing_else_is_read(celery: Celery, canary: Path, content_type: str) -> None:
    with pytest.raises(ContentDisallowed):
        received(celery, bomb(canary), content_type, "binary")
    assert not canary.exists()


def test_the_bomb_is_one(celery: Celery, canary: Path) -> None:
    """The control: a worker that takes pickled messages is one that runs them."""
    celery.conf.accept_content = ["json", "pickle"]
    received(celery, bomb(canary), "application/x-python-serialize", "binary")
    assert canary.is_dir()

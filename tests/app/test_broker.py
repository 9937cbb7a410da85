"""Wake-ups on their way to the workers, and brokers that are away, silent or slow."""

import base64
import json
import logging
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
import redis
from kombu import transport

from app import broker
from app.broker import MAX_PENDING, WakeupPublisher
from app.core.jobs.wakeup_config import TASK_NAME
from app.core.settings import Settings

AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _no_transports(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: kombu remembers the folders of the test before."""
    monkeypatch.setattr(transport, "_transport_cache", {})


def sent(publisher: WakeupPublisher, *wakeups: tuple[str, str]) -> None:
    """Return whether every message is sent, or has failed."""
    publisher.start()
    for lane, job_id in wakeups:
        publisher.wake(lane, job_id)
    publisher.stop()
    assert not publisher.is_alive()


def messages(folder: Path) -> list[tuple[str, str, object]]:
    """The queue, task and arguments of each message in a filesystem broker's folder."""
    found = [json.loads(path.read_bytes()) for path in folder.iterdir()]
    return [
        (
            message["properties"]["delivery_info"]["routing_key"],
            message["headers"]["task"],
            json.loads(base64.b64decode(message["body"]))[0],
        )
        for message in found
    ]


def test_wake_ups_reach_the_folder_of_their_lane(tmp_path: Path) -> None:
    sent(WakeupPublisher(Settings(data=tmp_path)), ("long", "job_1"), ("short", "job_2"))
    assert sorted(messages(tmp_path / "broker" / "messages")) == [
        ("long", TASK_NAME, ["long", "job_1"]),
        ("short", TASK_NAME, ["short", "job_2"]),
    ]


def test_wake_ups_reach_redis(redis_url: str) -> None:
    sent(WakeupPublisher(Settings(broker_url=redis_url)), ("long", "job_1"))
    with closing(redis.Redis.from_url(redis_url)) as server:
        (message,) = server.lrange("long", 0, -1)
    assert b"job_1" in base64.b64decode(json.loads(message)["body"])


def test_a_broker_that_is_away_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    publisher = WakeupPublisher(Settings(data=tmp_path, broker_url=AWAY))
    publisher.start()
    for number in range(3):
        publisher.wake("long", f"job_{number}")
    with caplog.at_level(logging.WARNING):
        publisher.stop()
    assert [record.getMessage().split(":")[0] for record in caplog.records if record.name == broker.__name__] == [
        "job_0",
        "job_1",
        "job_2",
    ]


def test_a_broker_that_never_answers_holds_up_neither_requests_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "STOP_SECONDS", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        publisher = WakeupPublisher(Settings(data=tmp_path, broker_url=url))
        publisher.start()
        began = time.monotonic()
        for number in range(3):
            publisher.wake("long", f"job_{number}")
        assert time.monotonic() - began < 1
        publisher.stop()
        assert time.monotonic() - began < 3
        assert publisher.is_alive()
        assert publisher.daemon  # the process ends without it
    publisher.join(10)
    assert not publisher.is_alive()


def test_more_wake_ups_than_can_wait_are_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    publisher = WakeupPublisher(Settings(data=tmp_path))
    with caplog.at_level(logging.WARNING):
        for number in range(MAX_PENDING + 2):
            publisher.wake("long", f"job_{number}")
    # a publisher of the test before may still tell that its broker is gone
    dropped = [record.getMessage() for record in caplog.records if "too many wake-ups" in record.getMessage()]
    assert [message.split(":")[0] for message in dropped] == [f"job_{MAX_PENDING}", f"job_{MAX_PENDING + 1}"]

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import transport
from kombu.transport import TRANSPORT_ALIASES

from app.core.jobs.wakeup_config import celery_config
from app.core.settings import Settings
from tests.app.core.jobs.job_rows import LANE
from worker.queue import filesystem_transport


@pytest.fixture
def celery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """As a worker has it, in a process where kombu knows no transport yet."""
    monkeypatch.setitem(TRANSPORT_ALIASES, "filesystem", TRANSPORT_ALIASES["filesystem"])
    monkeypatch.setattr(transport, "_transport_cache", {})
    filesystem_transport.install()
    with closing(Celery("imprint", set_as_current=False)) as app:
        app.conf.update(celery_config(Settings(data=tmp_path)))
        yield app


def test_a_consumer_goes_on_when_its_folder_has_been_deleted(celery: Celery, tmp_path: Path) -> None:
    queue = celery.amqp.queues[LANE]
    arrived: list[Any] = []
    with celery.connection_for_read() as connection:
        connection.transport.state.clear()  # kombu remembers the routes of the test before, in another folder
        with celery.amqp.TaskConsumer(connection.channel(), queues=[queue], on_message=arrived.append, no_ack=True):
            shutil.rmtree(tmp_path / "broker")
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.5)
            celery.send_task("imprint.work", args=[LANE, "job_1"], queue=LANE, ignore_result=True)
            connection.drain_events(timeout=10)
    assert arrived[0].payload[0] == [LANE, "job_1"]

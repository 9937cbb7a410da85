"""The task that a wake-up message calls runs the lane's queued jobs."""

import pytest

from app.core.jobs.wakeup_config import TASK_NAME
from worker import tasks
from worker.celery_app import app
from worker.context import Context


def test_the_task_has_the_name_that_messages_carry() -> None:
    assert TASK_NAME in app.tasks
    assert app.tasks[TASK_NAME].name == tasks.work.name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fails", [False, True])
def test_a_message_drains_its_lane_and_closes_the_database(
    context: Context, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    drained, closed = [], []

    def drain(given: Context, lane: str) -> None:
        drained.append((given, lane))
        if fails:
            raise OSError("the disk is away")

    monkeypatch.setattr(tasks, "drain", drain)
    monkeypatch.setattr(Context, "open", classmethod(lambda _: context))
    monkeypatch.setattr(context.database, "close", lambda: closed.append(True))
    if fails:
        with pytest.raises(OSError, match="away"):
            tasks.work("short", "job_1")
    else:
        tasks.work("short", "job_1")
    assert drained == [(context, "short")]
    assert closed == [True]

import os
import time
from pathlib import Path

from app.core import jobs
from tests.core.material import add_job
from worker.context import Context
from worker.sweep import GRACE_SECONDS, sweep


def left(context: Context, key: str, *, old: bool = True) -> Path:
    path = context.storage.path(key)
    path.mkdir(parents=True)
    (path / "file").write_bytes(b"x")
    if old:
        then = time.time() - GRACE_SECONDS - 60
        os.utime(path, (then, then))
    return path


def test_only_what_is_old_and_belongs_to_nothing_goes(context: Context) -> None:
    kept_job, cancelled_job = add_job(context.database), add_job(context.database)
    with context.database.writing() as session:
        jobs.cancel(session, cancelled_job)
    gone = [left(context, key) for key in ("incoming/tmp_1", "datasets/ds_gone", f"jobs/{cancelled_job}")]
    stay = [left(context, f"jobs/{kept_job}"), left(context, "incoming/tmp_2", old=False)]
    assert len(sweep(context)) == len(gone)
    assert [path.exists() for path in gone] == [False] * len(gone)
    assert [path.exists() for path in stay] == [True] * len(stay)


def test_an_empty_data_folder_is_left_alone(context: Context) -> None:
    assert sweep(context) == []

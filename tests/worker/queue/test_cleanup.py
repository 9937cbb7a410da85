import os
import time
from pathlib import Path

from sqlalchemy import select, update

from app.core.database.tables import Artifact, Checkpoint, Job, Upload
from app.core.jobs import transitions
from tests.app.core.jobs.job_rows import add_job
from worker.context import Context
from worker.queue.cleanup import GRACE_SECONDS, clean_up

LONG_AGO = time.time() - GRACE_SECONDS - 60
STATE = {"number": 1, "run": "main", "epoch": 1, "step": 1, "bytes": 1, "figures": {}}


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
        transitions.cancel(session, cancelled_job)
    gone = [left(context, key) for key in ("incoming/tmp_1", "datasets/ds_gone", f"jobs/{cancelled_job}")]
    stay = [left(context, f"jobs/{kept_job}"), left(context, "incoming/tmp_2", old=False)]
    assert len(clean_up(context)) == len(gone)
    assert [path.exists() for path in gone] == [False] * len(gone)
    assert [path.exists() for path in stay] == [True] * len(stay)


def test_what_no_row_speaks_of_goes_from_a_job_that_stays(context: Context) -> None:
    job = add_job(context.database)
    shown = {"name": "n", "run": "main", "epoch": 1, "bytes": 1, "media_type": "image/png"}
    with context.database.writing() as session:
        session.add(Checkpoint(job_id=job, key=f"jobs/{job}/kept", **STATE))
        session.add(Artifact(job_id=job, key=f"jobs/{job}/artifacts/shown", **shown))
    folder = context.storage.path(f"jobs/{job}")
    names = ["kept", "artifacts/shown", "young", "stray", ".stray.tmp", "artifacts/stray"]
    (folder / "artifacts").mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"x")
        then = time.time() - (0 if name == "young" else GRACE_SECONDS + 60)
        os.utime(folder / name, (then, then))
    assert sorted(clean_up(context)) == [f"jobs/{job}/{name}" for name in (".stray.tmp", "artifacts/stray", "stray")]
    assert [name for name in names if (folder / name).exists()] == names[:3]


def test_saved_states_go_a_day_after_their_job_has_ended_for_good(context: Context) -> None:
    gone = [saved(context, "succeeded", LONG_AGO), saved(context, "failed", LONG_AGO, "diverged")]
    stay = [
        saved(context, "succeeded", time.time()),
        saved(context, "failed", time.time(), "diverged"),
        saved(context, "failed", LONG_AGO, "worker_lost"),
        saved(context, "paused", None),
    ]
    assert sorted(clean_up(context)) == sorted(path.relative_to(context.storage.root).as_posix() for path in gone)
    assert [path.exists() for path in (*gone, *stay)] == [False] * len(gone) + [True] * len(stay)
    with context.database.reading() as session:
        assert len(session.scalars(select(Checkpoint.key)).all()) == len(stay)
    assert clean_up(context) == []


def saved(context: Context, status: str, finished: float | None, code: str | None = None) -> Path:
    """The saved state of a job that stands so."""
    job = add_job(context.database)
    key, error = f"jobs/{job}/ckpt_1.safetensors", code and {"code": code, "message": "m"}
    with context.database.writing() as session:
        session.add(Checkpoint(job_id=job, key=key, **STATE))
        session.execute(update(Job).where(Job.id == job).values(status=status, finished_at=finished, error=error))
    path = context.storage.path(key)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    return path


def test_an_upload_that_nobody_goes_on_with(context: Context) -> None:
    ids = {"old": "up_1", "young": "up_2", "ended": "up_3"}
    with context.database.writing() as session:
        session.add_all(Upload(id=id_, name="n", length=9) for id_ in (ids["old"], ids["young"]))
        long_ago = time.time() - 2 * GRACE_SECONDS
        session.add(Upload(id=ids["ended"], name="n", length=9, dataset="ds_1", created_at=long_ago))
    old, young = (left(context, f"partial/{ids[age]}", old=age == "old") for age in ("old", "young"))
    assert clean_up(context) == ["partial/up_1"]
    assert (old.exists(), young.exists()) == (False, True)
    with context.database.reading() as session:
        assert session.scalars(select(Upload.id)).all() == [ids["young"]]


def test_an_empty_data_folder_is_left_alone(context: Context) -> None:
    assert clean_up(context) == []

"""Removes what nobody needs any more from the data folder: what crashes leave behind, and states of ended trainings."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import and_, delete, exists, or_, select

from app.core.database.clock import now
from app.core.database.tables import Artifact, Checkpoint, Dataset, Job, Model, Upload
from app.core.files.storage import ABANDONED_SECONDS, PARTIAL
from app.core.jobs.states import Status
from app.core.jobs.transitions import RETRYABLE_ERRORS
from worker.context import Context

logger = logging.getLogger(__name__)

# Younger things may belong to a request or a job that is still on its way to its row.
GRACE_SECONDS = ABANDONED_SECONDS
OWNERS: dict[str, type[Dataset | Model | Job]] = {"uploads": Dataset, "datasets": Dataset, "models": Model, "jobs": Job}


def sweep(context: Context) -> list[str]:
    """Delete old scratch folders, files of datasets, models and jobs that are gone, and of jobs those without a row.

    And the saved states of jobs that ended a day ago for good. Returns the keys of all that.
    """
    keys = [*_scratch(context), *_orphans(context), *_partial(context), *_spent(context)]
    _delete(context, keys)
    unsaid = _unsaid(context)
    _delete(context, unsaid)
    return [*keys, *unsaid]


def _delete(context: Context, keys: list[str]) -> None:
    for key in keys:
        logger.info("swept away %s", key)
        context.storage.delete(key)


def _scratch(context: Context) -> Iterator[str]:
    return (f"incoming/{path.name}" for path in _old(context.storage.root / "incoming"))


def _orphans(context: Context) -> Iterator[str]:
    for folder, table in OWNERS.items():
        for path in _old(context.storage.root / folder):
            if not _is_owned(context, table, path.stem):
                yield f"{folder}/{path.name}"


def _unsaid(context: Context) -> list[str]:
    """Files that a kill left in a job's folder before their row was there, or after it had gone."""
    root = context.storage.root
    folders = [*root.glob("jobs/*"), *root.glob("jobs/*/artifacts")]
    keys = [path.relative_to(root).as_posix() for folder in folders for path in _old(folder) if path.is_file()]
    with context.database.reading() as session:  # after the files were listed: none of them is yet to get its row
        said = {*session.scalars(select(Checkpoint.key)), *session.scalars(select(Artifact.key))}
    return [key for key in keys if key not in said]


def _partial(context: Context) -> list[str]:
    """Uploads to which nothing was added for a day, and the rows of those that became datasets as long ago."""
    old = _old(context.storage.root / PARTIAL)
    with context.database.writing() as session:
        session.execute(delete(Upload).where(Upload.id.in_([path.name for path in old])))
        ended = Upload.dataset.is_not(None), Upload.created_at < now() - GRACE_SECONDS
        session.execute(delete(Upload).where(*ended))
    return [f"{PARTIAL}/{path.name}" for path in old]


def _spent(context: Context) -> list[str]:
    """Saved states, and their rows, from which nothing will go on; they are three times the model's size."""
    failed = and_(Job.status == Status.FAILED, Job.error["code"].as_string().not_in(RETRYABLE_ERRORS))
    for_good = exists().where(
        Job.id == Checkpoint.job_id,
        or_(Job.status == Status.SUCCEEDED, failed),
        Job.finished_at < now() - GRACE_SECONDS,
    )
    with context.database.writing() as session:
        return list(session.scalars(delete(Checkpoint).where(for_good).returning(Checkpoint.key)))


def _is_owned(context: Context, table: type[Dataset | Model | Job], id_: str) -> bool:
    kept = select(table.id).where(table.id == id_)
    if table is Job:
        kept = kept.where(Job.status != Status.CANCELLED)
    with context.database.reading() as session:
        return session.scalar(kept) is not None


def _old(folder: Path) -> list[Path]:
    """What has lain in a folder for a day. Nothing, until the next sweep, where somebody removes things meanwhile."""
    limit = time.time() - GRACE_SECONDS
    try:
        return [path for path in folder.iterdir() if path.stat().st_mtime < limit]
    except (FileNotFoundError, NotADirectoryError):
        return []

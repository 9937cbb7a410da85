"""Deletes files without an owner from the data folder: leftovers of crashes, and checkpoints of ended jobs."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import and_, delete, exists, or_, select

from app.core.database.clock import now
from app.core.database.tables import Artifact, Checkpoint, Dataset, Job, Model, Upload
from app.core.files.storage import ABANDONED_SECONDS
from app.core.files.storage_keys import ARTIFACTS, DATASETS, INCOMING, JOBS, MODELS, PARTIAL, UPLOADS, partial_upload
from app.core.jobs.states import Status
from app.core.jobs.transitions import RETRYABLE_ERRORS
from worker.context import Context

logger = logging.getLogger(__name__)

# Younger files may belong to a request or a job that has not committed its row yet.
GRACE_SECONDS = ABANDONED_SECONDS
OWNERS: dict[str, type[Dataset | Model | Job]] = {
    UPLOADS: Dataset,
    DATASETS: Dataset,
    MODELS: Model,
    JOBS: Job,
}


def clean_up(context: Context) -> list[str]:
    """Delete old scratch folders, files of deleted datasets, models and jobs, and job files without a row.

    Also deletes the checkpoints of jobs that ended for good a day ago. Returns the storage keys of everything deleted.
    """
    keys = [
        *_scratch_folders(context),
        *_orphans(context),
        *_abandoned_uploads(context),
        *_obsolete_checkpoints(context),
    ]
    _delete(context, keys)
    untracked = _untracked_job_files(context)
    _delete(context, untracked)
    return [*keys, *untracked]


def _delete(context: Context, keys: list[str]) -> None:
    for key in keys:
        logger.info("deleted %s", key)
        context.storage.delete(key)


def _scratch_folders(context: Context) -> Iterator[str]:
    return (f"{INCOMING}/{path.name}" for path in _old(context.storage.root / INCOMING))


def _orphans(context: Context) -> Iterator[str]:
    for folder, table in OWNERS.items():
        for path in _old(context.storage.root / folder):
            if not _is_owned(context, table, path.stem):
                yield f"{folder}/{path.name}"


def _untracked_job_files(context: Context) -> list[str]:
    """Files in job folders that no row refers to: a kill came before the row was written, or after it was deleted."""
    root = context.storage.root
    folders = [*root.glob(f"{JOBS}/*"), *root.glob(f"{JOBS}/*/{ARTIFACTS}")]
    keys = [path.relative_to(root).as_posix() for folder in folders for path in _old(folder) if path.is_file()]
    with context.database.reading() as session:  # after listing the files, so that none of them is yet to get its row
        tracked = {*session.scalars(select(Checkpoint.key)), *session.scalars(select(Artifact.key))}
    return [key for key in keys if key not in tracked]


def _abandoned_uploads(context: Context) -> list[str]:
    """Uploads without new data for a day; also deletes the rows of uploads that became datasets a day ago."""
    old = _old(context.storage.root / PARTIAL)
    with context.database.writing() as session:
        session.execute(delete(Upload).where(Upload.id.in_([path.name for path in old])))
        completed = Upload.dataset.is_not(None), Upload.created_at < now() - GRACE_SECONDS
        session.execute(delete(Upload).where(*completed))
    return [partial_upload(path.name) for path in old]


def _obsolete_checkpoints(context: Context) -> list[str]:
    """Delete the rows of checkpoints that no job will resume from; each file is three times the model's size."""
    failed = and_(Job.status == Status.FAILED, Job.error["code"].as_string().not_in(RETRYABLE_ERRORS))
    ended_for_good = exists().where(
        Job.id == Checkpoint.job_id,
        or_(Job.status == Status.SUCCEEDED, failed),
        Job.finished_at < now() - GRACE_SECONDS,
    )
    with context.database.writing() as session:
        return list(session.scalars(delete(Checkpoint).where(ended_for_good).returning(Checkpoint.key)))


def _is_owned(context: Context, table: type[Dataset | Model | Job], id_: str) -> bool:
    owner = select(table.id).where(table.id == id_)
    if table is Job:
        owner = owner.where(Job.status != Status.CANCELLED)
    with context.database.reading() as session:
        return session.scalar(owner) is not None


def _old(folder: Path) -> list[Path]:
    """Entries of a folder that are a day old. Empty, until the next pass, if another process deletes meanwhile."""
    limit = time.time() - GRACE_SECONDS
    try:
        return [path for path in folder.iterdir() if path.stat().st_mtime < limit]
    except (FileNotFoundError, NotADirectoryError):
        return []

"""Removes what crashes leave behind in the data folder: files that no row speaks of any more."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import delete, select

from app.core.clock import now
from app.core.states import Status
from app.core.storage import ABANDONED_SECONDS, PARTIAL
from app.core.tables import Dataset, Job, Model, Upload
from worker.context import Context

logger = logging.getLogger(__name__)

# Younger things may belong to a request or a job that is still on its way to its row.
GRACE_SECONDS = ABANDONED_SECONDS
OWNERS: dict[str, type[Dataset | Model | Job]] = {"uploads": Dataset, "datasets": Dataset, "models": Model, "jobs": Job}


def sweep(context: Context) -> list[str]:
    """Delete old scratch folders, and files of datasets, models and jobs that are gone; the keys of all that."""
    keys = [*_scratch(context), *_orphans(context), *_partial(context)]
    for key in keys:
        logger.info("swept away %s", key)
        context.storage.delete(key)
    return keys


def _scratch(context: Context) -> Iterator[str]:
    return (f"incoming/{path.name}" for path in _old(context.storage.root / "incoming"))


def _orphans(context: Context) -> Iterator[str]:
    for folder, table in OWNERS.items():
        for path in _old(context.storage.root / folder):
            if not _is_owned(context, table, path.stem):
                yield f"{folder}/{path.name}"


def _partial(context: Context) -> list[str]:
    """Uploads to which nothing was added for a day, and the rows of those that became datasets as long ago."""
    old = list(_old(context.storage.root / PARTIAL))
    with context.database.writing() as session:
        session.execute(delete(Upload).where(Upload.id.in_([path.name for path in old])))
        ended = Upload.dataset.is_not(None), Upload.created_at < now() - GRACE_SECONDS
        session.execute(delete(Upload).where(*ended))
    return [f"{PARTIAL}/{path.name}" for path in old]


def _is_owned(context: Context, table: type[Dataset | Model | Job], id_: str) -> bool:
    kept = select(table.id).where(table.id == id_)
    if table is Job:
        kept = kept.where(Job.status != Status.CANCELLED)
    with context.database.reading() as session:
        return session.scalar(kept) is not None


def _old(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return iter(())
    limit = time.time() - GRACE_SECONDS
    return (path for path in folder.iterdir() if path.stat().st_mtime < limit)

"""The job that prepares a dataset. It must not import torch, which its limit of address space would count."""

import errno
import math
import resource
import threading
import time
from pathlib import Path
from typing import NoReturn

import numpy as np
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from app.core import quotas
from app.core.database.tables import Dataset, Rejection
from app.core.files import storage_keys
from app.core.files.archives import BadArchive, open_archive
from app.core.files.storage import sync
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.processes.cpu_count import count_cores
from app.core.results.dataset import PrepareResult
from app.core.settings import Settings
from app.core.splits import SPLITS
from worker.context import Context
from worker.errors import JobError, Stopped
from worker.jobs.entry_point import main
from worker.jobs.prepare.collect import Collection, OnProgress, collect, too_large
from worker.jobs.prepare.warnings import warnings
from worker.reporting.progress import Progress

SPARE_CPU_SECONDS = 600  # beyond the wall-clock limit on all cores
SPARE_FILE_BYTES = 16 * 1024**3  # beyond the largest dataset: the limit applies to SQLite's own file as well


def prepare(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Turn an upload into a pack that training can memory-map."""
    limit_resources(context.settings)
    dataset = str(lease.spec["dataset"])
    progress = Progress(context, lease)
    until = time.monotonic() + context.settings.prepare_seconds

    def on_progress(step: int, steps: int) -> None:
        if stop.is_set():
            raise Stopped
        if time.monotonic() > until:
            raise JobError(
                "preparation_too_slow", f"Only {step} of {steps} files were read in the time limit; split the dataset."
            )
        progress.count(step, steps)

    with context.storage.incoming() as scratch:
        collection = _collect(context, dataset, scratch, on_progress)
        if not len(collection):
            _fail_without_images(context, lease, dataset, collection)
        packed = sum(path.stat().st_size for path in scratch.iterdir())
        for path in scratch.iterdir():
            sync(path)
        with context.database.for_tenant(lease.tenant).writing() as session:
            leases.fence(session, lease)
            quotas.check_images(session, context.settings, len(collection))
            quotas.check_storage(session, context.settings, packed)
            context.storage.keep(scratch, storage_keys.dataset(dataset))
            _record(session, dataset, collection, packed)
            leases.succeed(session, lease, PrepareResult(dataset=dataset))


def limit_resources(settings: Settings) -> None:
    """Limit file size, processor time and memory of this process, in case a hostile image takes over a decoder."""
    seconds = math.ceil(settings.prepare_seconds) * count_cores() + SPARE_CPU_SECONDS
    for resource_, limit in (
        (resource.RLIMIT_FSIZE, settings.max_dataset_bytes + SPARE_FILE_BYTES),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(resource_, (limit, limit))
    _limit_memory(settings.prepare_memory_bytes)


def _limit_memory(limit: int | None) -> None:
    """Limit this process's address space; None removes the limit again."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if limit is None else limit, most))


def _collect(context: Context, dataset: str, folder: Path, on_progress: OnProgress) -> Collection:
    try:
        with open_archive(
            context.storage.path(storage_keys.archive(dataset)), context.settings.max_dataset_files
        ) as archive:
            return collect(archive, folder, context.settings, on_progress)
    except BadArchive as bad:
        raise JobError(bad.code, str(bad)) from bad
    except MemoryError as error:  # the limit is a setting, so another attempt would fail as well
        _limit_memory(None)  # no thread decodes any more, and writing the error takes memory too
        most = context.settings.prepare_memory_bytes
        raise JobError("preparation_out_of_memory", f"{most} bytes of memory are too few for this dataset.") from error
    except OSError as error:
        if error.errno != errno.EFBIG:  # Python ignores SIGXFSZ
            raise
        raise too_large(context.settings) from error


def _record(session: Session, dataset: str, collection: Collection, packed: int) -> None:
    counts, splits = collection.counts(), collection.splits()
    values = {
        "status": "ready",
        "packed_bytes": packed,
        "images": len(collection),
        "labelled": bool(counts),
        "classes": [{"name": name, "count": counts[name]} for name in collection.classes],
        "splits": {name: int(np.count_nonzero(splits == split)) for split, name in enumerate(SPLITS)},
        "rejected": collection.rejections,
        "duplicates": collection.duplicates,
        "warnings": warnings(collection),
    }
    session.execute(update(Dataset).where(Dataset.id == dataset).values(**values))
    _record_rejections(session, dataset, collection)


def _fail_without_images(context: Context, lease: Lease, dataset: str, collection: Collection) -> NoReturn:
    """Record the rejected files, and end the job."""
    with context.database.writing() as session:
        leases.fence(session, lease)
        session.execute(update(Dataset).where(Dataset.id == dataset).values(images=0, rejected=collection.rejections))
        _record_rejections(session, dataset, collection)
    raise JobError("no_usable_images", "No file in the zip is a usable image; the rejections say why.")


def _record_rejections(session: Session, dataset: str, collection: Collection) -> None:
    rows = [
        {
            "dataset_id": dataset,
            "number": number,
            "path": file.path,
            "code": file.code,
            "reason": file.reason,
        }
        for number, file in enumerate(collection.rejected, 1)
    ]
    session.execute(delete(Rejection).where(Rejection.dataset_id == dataset))
    if rows:
        session.execute(insert(Rejection), rows)


if __name__ == "__main__":
    main(prepare)

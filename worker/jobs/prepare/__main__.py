"""The child process that prepares a dataset. No torch here: its limit of address space would count that."""

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
from app.core.files.archives import BadArchive, open_archive
from app.core.files.storage import sync
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.processes.cpu_count import count_cores
from app.core.settings import Settings
from worker.context import Context
from worker.jobs.entry_point import JobError, Stopped, main
from worker.jobs.prepare.collect import Collection, Tick, collect, too_large
from worker.jobs.prepare.layout import TEST, TRAIN, VAL
from worker.jobs.prepare.warnings import warnings
from worker.reporting.progress import Progress

SPARE_SECONDS = 600  # of processor time, above what the clock on the wall allows
SPARE_BYTES = 16 * 1024**3  # in one file: SQLite's own counts as well


def prepare(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Upload in, memory-mappable dataset out; everything else is left as it was."""
    confine(context.settings)
    dataset = str(lease.spec["dataset"])
    progress = Progress(context, lease)
    until = time.monotonic() + context.settings.prepare_seconds

    def tick(step: int, steps: int) -> None:
        if stop.is_set():
            raise Stopped
        if time.monotonic() > until:
            raise JobError("preparation_too_slow", f"Only {step} of {steps} files were read in the time that there is.")
        progress.report(step, steps)

    with context.storage.incoming() as scratch:
        found = _collect(context, dataset, scratch, tick)
        if not len(found):
            _refuse(context, lease, dataset, found)
        packed = sum(path.stat().st_size for path in scratch.iterdir())
        for path in scratch.iterdir():
            sync(path)
        with context.database.of(lease.tenant).writing() as session:
            leases.fence(session, lease)
            quotas.check_images(session, context.settings, len(found))
            quotas.check_storage(session, context.settings, packed)
            context.storage.keep(scratch, f"datasets/{dataset}")
            _record(session, dataset, found, packed)
            leases.succeed(session, lease, {"dataset": dataset})


def confine(settings: Settings) -> None:
    """Take from this process what it does not need: whatever a decoder is made to do, the machine stays as it is."""
    seconds = math.ceil(settings.prepare_seconds) * count_cores() + SPARE_SECONDS
    for what, limit in (
        (resource.RLIMIT_FSIZE, settings.max_dataset_bytes + SPARE_BYTES),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    _limit_memory(settings.prepare_memory_bytes)


def _limit_memory(limit: int | None) -> None:
    """Of this process's address space; None takes the limit away again, and no decoder can."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if limit is None else limit, most))


def _collect(context: Context, dataset: str, folder: Path, tick: Tick) -> Collection:
    try:
        with open_archive(
            context.storage.path(f"uploads/{dataset}.zip"), context.settings.max_dataset_files
        ) as archive:
            return collect(archive, folder, context.settings, tick)
    except BadArchive as bad:
        raise JobError(bad.code, str(bad)) from bad
    except MemoryError as error:  # the limit is this process's own, and another attempt would meet it again
        _limit_memory(None)  # no thread decodes any more, and to say so takes memory too
        most = context.settings.prepare_memory_bytes
        raise JobError("preparation_out_of_memory", f"{most} bytes of memory are too few for this dataset.") from error
    except OSError as error:
        if error.errno != errno.EFBIG:  # Python ignores SIGXFSZ
            raise
        raise too_large(context.settings) from error


def _record(session: Session, dataset: str, found: Collection, packed: int) -> None:
    counts, splits = found.counts(), found.splits()
    values = {
        "status": "ready",
        "packed_bytes": packed,
        "images": len(found),
        "labelled": bool(counts),
        "classes": [{"name": name, "count": counts[name]} for name in found.classes],
        "splits": {
            name: int(np.count_nonzero(splits == split))
            for name, split in (("train", TRAIN), ("val", VAL), ("test", TEST))
        },
        "rejected": found.refusals,
        "duplicates": found.duplicates,
        "warnings": warnings(found),
    }
    session.execute(update(Dataset).where(Dataset.id == dataset).values(**values))
    _record_refused(session, dataset, found)


def _refuse(context: Context, lease: Lease, dataset: str, found: Collection) -> NoReturn:
    """Say which files were left out and why, and end the job."""
    with context.database.writing() as session:
        leases.fence(session, lease)
        session.execute(update(Dataset).where(Dataset.id == dataset).values(images=0, rejected=found.refusals))
        _record_refused(session, dataset, found)
    raise JobError("no_usable_images", "No file in the zip is a usable image; the rejections say why.")


def _record_refused(session: Session, dataset: str, found: Collection) -> None:
    rows = [
        {
            "dataset_id": dataset,
            "number": number,
            "path": refused.path,
            "code": refused.code,
            "reason": refused.reason,
        }
        for number, refused in enumerate(found.refused, 1)
    ]
    session.execute(delete(Rejection).where(Rejection.dataset_id == dataset))
    if rows:
        session.execute(insert(Rejection), rows)


if __name__ == "__main__":
    main(prepare)

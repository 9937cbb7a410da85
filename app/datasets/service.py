"""What can be done with datasets."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.context import Context
from app.core import quotas
from app.core.database.tables import Dataset, Rejection
from app.core.errors import conflict, invalid
from app.core.files.archives import BadArchive, open_archive
from app.core.ids import new_id
from app.core.jobs import transitions
from app.core.settings import Settings
from app.core.specs import LANES, Prepare
from app.datasets import queries
from app.datasets.schemas import DatasetResponse, RejectionResponse
from app.datasets.upload import Upload
from app.http.idempotency import forget, once, ticket
from app.http.pagination import Listing, Page, listing

# How a transaction makes sure that a thing is made once: it gets what makes it, and gives the id of what there is then.
Once = Callable[[Session, Callable[[], str]], str]


def create(context: Context, upload: Upload, key: str | None) -> DatasetResponse:
    """A dataset that is being prepared, once for an `Idempotency-Key`."""
    asked = ticket("datasets", key, [upload.name, upload.file.sha256])
    return create_once(context, upload, lambda session, make: once(session, asked, make))


def create_once(context: Context, upload: Upload, guard: Once) -> DatasetResponse:
    """A dataset that is being prepared. Whatever goes wrong, no file stays behind."""
    check_archive(upload.file.path, context.settings.max_dataset_files)
    dataset_id = new_id("ds")
    made = _store(context, upload, dataset_id, guard)
    with context.database.reading() as session:
        dataset = queries.get(session, made)
    if made == dataset_id:
        context.sender.wake(LANES["prepare"], dataset.job)
    return DatasetResponse.model_validate(dataset)


def check_archive(path: Path, max_files: int) -> None:
    """422 with the archive's own code when no dataset can be made of it."""
    try:
        with open_archive(path, max_files):
            pass
    except BadArchive as error:
        raise invalid(error.code, str(error)) from error


def _store(context: Context, upload: Upload, dataset_id: str, guard: Once) -> str:
    """The id that the dataset has: `dataset_id`, or that of an earlier one."""
    file, made = f"uploads/{dataset_id}.zip", ""
    try:
        context.storage.keep(upload.file.path, file)
        with context.database.writing() as session:
            made = guard(session, lambda: _insert(session, context.settings, upload, dataset_id))
    finally:
        if made != dataset_id:
            context.storage.delete(file)
    return made


def _insert(session: Session, settings: Settings, upload: Upload, dataset_id: str) -> str:
    quotas.check_storage(session, settings, upload.file.bytes)
    quotas.check_images(session, settings, 1)
    job = transitions.create(session, Prepare(dataset=dataset_id))
    session.add(
        Dataset(id=dataset_id, name=upload.name, job=job.id, sha256=upload.file.sha256, bytes=upload.file.bytes)
    )
    return dataset_id


def page(context: Context, asked: Page) -> Listing[DatasetResponse]:
    """Datasets, newest first."""
    with context.database.reading() as session:
        key = (Dataset.created_at, Dataset.id)
        return listing(session, select(Dataset), key, asked, DatasetResponse.model_validate)


def get(context: Context, dataset_id: str) -> DatasetResponse:
    """One dataset."""
    with context.database.reading() as session:
        return DatasetResponse.model_validate(queries.get(session, dataset_id))


def rejections(context: Context, dataset_id: str, asked: Page) -> Listing[RejectionResponse]:
    """The files that were left out, in the archive's order."""
    with context.database.reading() as session:
        queries.get(session, dataset_id)
        found = select(Rejection).where(Rejection.dataset_id == dataset_id)
        return listing(session, found, (Rejection.number,), asked, RejectionResponse.model_validate, newest_first=False)


def delete(context: Context, dataset_id: str) -> None:
    """Remove a dataset with its files. 409 `dataset_in_use` while a job works on it."""
    with context.database.writing() as session:
        dataset = queries.locked(session, dataset_id)
        if queries.is_used(session, dataset):
            raise conflict("dataset_in_use", "A job that has not ended works on this dataset; cancel it or wait.")
        forget(session, dataset_id)
        session.delete(dataset)
    context.storage.delete(f"uploads/{dataset_id}.zip")
    context.storage.delete(f"datasets/{dataset_id}")

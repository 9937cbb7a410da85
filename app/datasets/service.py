"""Operations on datasets."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.context import Context
from app.core import quotas
from app.core.database.tables import Dataset, Rejection
from app.core.errors import conflict, invalid
from app.core.files import storage_keys
from app.core.files.archives import BadArchive, open_archive
from app.core.ids import new_id
from app.core.jobs import transitions
from app.core.settings import Settings
from app.core.specs import LANES, Prepare
from app.datasets import queries
from app.datasets.schemas import DatasetResponse, RejectionResponse
from app.datasets.upload import Upload
from app.http.idempotency import create_idempotently, idempotent_request, release_key
from app.http.pagination import Listing, PageRequest, paginate

# How a transaction makes sure that a thing is made once: it gets what makes it, and gives the id of what there is then.
CreationGuard = Callable[[Session, Callable[[], str]], str]


def create(context: Context, upload: Upload, key: str | None) -> DatasetResponse:
    """A dataset that is being prepared, once for an `Idempotency-Key`."""
    request = idempotent_request("datasets", key, [upload.name, upload.file.sha256])
    return create_once(context, upload, lambda session, make: create_idempotently(session, request, make))


def create_once(context: Context, upload: Upload, guard: CreationGuard) -> DatasetResponse:
    """A dataset that is being prepared. Whatever goes wrong, no file stays behind."""
    check_archive(upload.file.path, context.settings.max_dataset_files)
    dataset_id = new_id("ds")
    stored_id = _store(context, upload, dataset_id, guard)
    with context.database.reading() as session:
        dataset = queries.get(session, stored_id)
    if stored_id == dataset_id:
        context.wakeups.wake(LANES["prepare"], dataset.job)
    return DatasetResponse.model_validate(dataset)


def check_archive(path: Path, max_files: int) -> None:
    """422 with the archive's own code when no dataset can be made of it."""
    try:
        with open_archive(path, max_files):
            pass
    except BadArchive as error:
        raise invalid(error.code, str(error)) from error


def _store(context: Context, upload: Upload, dataset_id: str, guard: CreationGuard) -> str:
    """The id that the dataset has: `dataset_id`, or that of an earlier one."""
    file, stored_id = storage_keys.archive(dataset_id), ""
    try:
        context.storage.keep(upload.file.path, file)
        with context.database.writing() as session:
            stored_id = guard(session, lambda: _insert(session, context.settings, upload, dataset_id))
    finally:
        if stored_id != dataset_id:
            context.storage.delete(file)
    return stored_id


def _insert(session: Session, settings: Settings, upload: Upload, dataset_id: str) -> str:
    quotas.check_storage(session, settings, upload.file.bytes)
    quotas.check_images(session, settings, 1)
    job = transitions.create(session, Prepare(dataset=dataset_id))
    session.add(
        Dataset(id=dataset_id, name=upload.name, job=job.id, sha256=upload.file.sha256, bytes=upload.file.bytes)
    )
    return dataset_id


def page(context: Context, page_request: PageRequest) -> Listing[DatasetResponse]:
    """Datasets, newest first."""
    with context.database.reading() as session:
        key = (Dataset.created_at, Dataset.id)
        return paginate(session, select(Dataset), key, page_request, DatasetResponse.model_validate)


def get(context: Context, dataset_id: str) -> DatasetResponse:
    """One dataset."""
    with context.database.reading() as session:
        return DatasetResponse.model_validate(queries.get(session, dataset_id))


def rejections(context: Context, dataset_id: str, page_request: PageRequest) -> Listing[RejectionResponse]:
    """The files that were left out, in the archive's order."""
    with context.database.reading() as session:
        queries.get(session, dataset_id)
        statement = select(Rejection).where(Rejection.dataset_id == dataset_id)
        return paginate(
            session, statement, (Rejection.number,), page_request, RejectionResponse.model_validate, newest_first=False
        )


def delete(context: Context, dataset_id: str) -> None:
    """Remove a dataset with its files. 409 `dataset_in_use` while a job works on it."""
    with context.database.writing() as session:
        dataset = queries.get_locked(session, dataset_id)
        if queries.is_used(session, dataset):
            raise conflict("dataset_in_use", "A job that has not ended works on this dataset; cancel it or wait.")
        release_key(session, dataset_id)
        session.delete(dataset)
    context.storage.delete(storage_keys.archive(dataset_id))
    context.storage.delete(storage_keys.dataset(dataset_id))

"""Operations on resumable uploads. An upload's offset is the length of its file; it is stored nowhere else."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.context import Context
from app.core import quotas
from app.core.database.tables import Upload
from app.core.errors import ServiceError, conflict, invalid, not_found
from app.core.files import storage_keys
from app.core.files.storage import ABANDONED_SECONDS, sha256, sync
from app.core.ids import new_id
from app.datasets import service as datasets
from app.datasets.upload import Upload as Archive
from app.http.file_upload import UPLOAD_TOO_LARGE, ReceivedFile
from app.http.idempotency import create_idempotently, idempotent_request
from app.http.request_body import body_limit
from app.uploads.partial import PartialFile, locked_error, open_locked
from app.uploads.schemas import UploadResponse

DATASET_PENDING = ""  # so that the quota does not count the same bytes twice

ChunkReader = Callable[[int], AsyncIterator[bytes]]  # what comes, when it may be so many bytes


def create(context: Context, name: str, length: int, key: str | None) -> UploadResponse:
    """An upload of which nothing has come. 413 and 429 as if all of it had."""
    if length < 1:
        raise invalid("file_required", "An upload has at least one byte.", "Upload-Length")
    if length > context.settings.max_upload_bytes:
        raise body_limit(context.settings.max_upload_bytes, UPLOAD_TOO_LARGE).error
    request = idempotent_request("uploads", key, [name, length])
    with context.database.writing() as session:
        upload_id = create_idempotently(session, request, lambda: _insert(session, context, name, length))
    return get(context, upload_id)


def _insert(session: Session, context: Context, name: str, length: int) -> str:
    quotas.check_storage(session, context.settings, length)
    upload = Upload(id=new_id("up"), name=name, length=length)
    path = _path(context, upload.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(exist_ok=False)  # without a row, the sweep finds it
    sync(path.parent)
    session.add(upload)
    session.flush()
    return upload.id


def get(context: Context, upload_id: str) -> UploadResponse:
    """The state of an upload. One whose last byte came just before a crash is completed now."""
    row = _row(context, upload_id)
    if row.dataset is None and _file(context, row).st_size == row.length:
        with _exclusive(context, row) as partial:
            finish(context, row, partial)
        row = _row(context, upload_id)
    return _answer(context, row)


async def append(context: Context, upload_id: str, offset: int, read_chunks: ChunkReader) -> UploadResponse:
    """Add to an upload; 409 `wrong_offset` unless it goes on from just where it is."""
    row = await run_in_threadpool(_row, context, upload_id)
    if row.dataset is not None and offset == row.length:
        return _answer(context, row)
    with _exclusive(context, row) as partial:
        if offset != partial.size:
            raise conflict(
                "wrong_offset", f"The upload is at byte {partial.size}, not at {offset}; continue from there."
            )
        await partial.append(read_chunks(row.length - offset))
        if partial.size == row.length:
            await run_in_threadpool(finish, context, row, partial)
    return await run_in_threadpool(get, context, upload_id)


def finish(context: Context, row: Upload, partial: PartialFile) -> None:
    """Make the dataset, in the transaction that says so in the upload's row.

    What is no archive is deleted. Whatever else goes wrong, all that has come stays, and the next request tries again:
    the dataset gets a second name of the same file.
    """
    path = _path(context, row.id)

    def guard(session: Session, make: Callable[[], str]) -> str:
        upload_row = session.get_one(Upload, row.id, with_for_update=True)
        if not upload_row.dataset:
            upload_row.dataset = DATASET_PENDING
            session.flush()
            upload_row.dataset = make()
        return upload_row.dataset

    with context.storage.incoming() as folder:
        os.link(path, folder / "upload")
        archive = Archive(row.name, ReceivedFile(folder / "upload", sha256(path), partial.size))
        try:
            datasets.create_once(context, archive, guard)
        except ServiceError as error:
            if error.kind == "invalid":
                delete(context, row.id)
            raise
    path.unlink()


def delete(context: Context, upload_id: str) -> None:
    """Give an upload up. A dataset that was made of it stays."""
    with context.database.writing() as session:
        session.delete(_get_row(session, upload_id))
    context.storage.delete(storage_keys.partial_upload(upload_id))


def _row(context: Context, upload_id: str) -> Upload:
    with context.database.reading() as session:
        return _get_row(session, upload_id)


def _get_row(session: Session, upload_id: str) -> Upload:
    row = session.get(Upload, upload_id)
    if row is None:
        raise not_found("upload", upload_id)
    return row


def _answer(context: Context, row: Upload) -> UploadResponse:
    file = None if row.dataset else _file(context, row)
    values = {
        "offset": file.st_size if file else row.length,
        "expires_at": file.st_mtime + ABANDONED_SECONDS if file else None,
    }
    columns = {name: getattr(row, name) for name in ("id", "name", "length", "dataset", "created_at")}
    return UploadResponse.model_validate(columns | values)


def _file(context: Context, row: Upload) -> os.stat_result:
    try:
        return _path(context, row.id).stat()
    except FileNotFoundError as error:
        raise not_found("upload", row.id) from error


@contextmanager
def _exclusive(context: Context, row: Upload) -> Iterator[PartialFile]:
    """The file for this request alone. Who comes when it has just been finished is told to look again."""
    try:
        with open_locked(_path(context, row.id)) as partial:
            yield partial
    except FileNotFoundError as error:
        raise locked_error() from error


def _path(context: Context, upload_id: str) -> Path:
    return context.storage.path(storage_keys.partial_upload(upload_id))

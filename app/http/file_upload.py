"""A file on its way in: counted, hashed and written off the event loop, a piece of a megabyte at a time."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.context import Context
from app.core import quotas
from app.core.errors import invalid
from app.core.files.storage import CHUNK
from app.http.request_body import Cap, cap, limited

TOO_LARGE = "upload_too_large"


@dataclass(frozen=True)
class Received:
    """A whole file in a scratch folder."""

    path: Path
    sha256: str
    bytes: int


async def upload_cap(context: Context, limit: int) -> Cap:
    """What may be uploaded: `limit` bytes (413 `upload_too_large`), or what is left of the tenant's storage (429)."""

    def look() -> Cap:
        with context.database.reading() as session:
            left = quotas.remaining_storage(session, context.settings)
        return cap(limit, TOO_LARGE) if left is None or left.bytes > limit else Cap(left.bytes, left.refusal)

    return await run_in_threadpool(look)


async def received(request: Request, path: Path, most: Cap, wanted: str) -> Received:
    """The raw body as a file. 422 `file_required` for none; `wanted` says what to send."""
    with Sink(path, most) as sink:
        async for piece in limited(request, most):
            await sink.write(piece)
        file = await sink.finish()
    if not file.bytes:
        raise invalid("file_required", f"The body is empty; send {wanted}.")
    return file


class Sink:
    """Takes a file's bytes as they come; the cap's refusal when they are too many."""

    def __init__(self, path: Path, most: Cap) -> None:
        self.path, self._most = path, most
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self._waiting = bytearray()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._file.close()

    async def write(self, data: bytes) -> None:
        """Take some more bytes."""
        self._count += len(data)
        if self._count > self._most.bytes:
            raise self._most.refusal
        self._waiting += data
        if len(self._waiting) >= CHUNK:
            await self._flush()

    async def finish(self) -> Received:
        """Write what is left; the file is whole."""
        await self._flush()
        await run_in_threadpool(self._file.close)
        return Received(self.path, self._hash.hexdigest(), self._count)

    async def _flush(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        await run_in_threadpool(self._put, data)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)

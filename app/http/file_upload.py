"""A file on its way in: counted, hashed and written off the event loop, a piece of a megabyte at a time."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.core.errors import invalid
from app.core.files.storage import CHUNK
from app.http.request_body import BodyLimit, stream_body

UPLOAD_TOO_LARGE = "upload_too_large"


@dataclass(frozen=True)
class ReceivedFile:
    """A whole file in a scratch folder."""

    path: Path
    sha256: str
    bytes: int


async def receive_file(request: Request, path: Path, limit: BodyLimit, expected: str) -> ReceivedFile:
    """The raw body as a file. 422 `file_required` for none; `wanted` says what to send."""
    with UploadWriter(path, limit) as writer:
        async for chunk in stream_body(request, limit):
            await writer.write(chunk)
        file = await writer.finish()
    if not file.bytes:
        raise invalid("file_required", f"The body is empty; send {expected}.")
    return file


class UploadWriter:
    """Takes a file's bytes as they come; the cap's refusal when they are too many."""

    def __init__(self, path: Path, limit: BodyLimit) -> None:
        self.path, self._limit = path, limit
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
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
        if self._count > self._limit.bytes:
            raise self._limit.error
        self._buffer += data
        if len(self._buffer) >= CHUNK:
            await self._flush()

    async def finish(self) -> ReceivedFile:
        """Write what is left; the file is whole."""
        await self._flush()
        await run_in_threadpool(self._file.close)
        return ReceivedFile(self.path, self._hash.hexdigest(), self._count)

    async def _flush(self) -> None:
        data, self._buffer = bytes(self._buffer), bytearray()
        await run_in_threadpool(self._put, data)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)

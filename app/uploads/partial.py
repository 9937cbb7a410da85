"""A file that grows by pieces, which one request at a time may add to, whichever process it came to."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.core import retry_after
from app.core.errors import ServiceError
from app.core.files.storage import CHUNK

IDLE_SECONDS = 30.0  # a sender that says nothing for so long has lost its line, and must not keep the next one out


@dataclass(frozen=True)
class PartialFile:
    """The open and locked file."""

    descriptor: int

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return os.fstat(self.descriptor).st_size

    async def append(self, chunks: AsyncIterator[bytes]) -> None:
        """Take what comes, durably. A line that breaks takes nothing back: what has come stays."""
        buffer = bytearray()
        try:
            while (chunk := await _next_chunk(chunks)) is not None:
                buffer += chunk
                if len(buffer) >= CHUNK:
                    await run_in_threadpool(self._write, bytes(buffer))
                    buffer.clear()
        finally:
            await run_in_threadpool(self._write, bytes(buffer))
            await run_in_threadpool(os.fsync, self.descriptor)

    def _write(self, data: bytes) -> None:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[os.write(self.descriptor, remaining) :]


async def _next_chunk(chunks: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            return await anext(chunks, None)
    except TimeoutError:
        raise ClientDisconnect from None


def locked_error() -> ServiceError:
    """The refusal of the second of two."""
    message = "Another request is adding to this upload."
    return ServiceError("locked", "upload_locked", message, retry_after=retry_after.UPLOAD_LOCKED)


@contextmanager
def open_locked(path: Path) -> Iterator[PartialFile]:
    """The file for one request alone. 423 `upload_locked`; FileNotFoundError when it is not there.

    The lock is the kernel's: it ends with the process, however that ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise locked_error() from error
        yield PartialFile(descriptor)
    finally:
        os.close(descriptor)

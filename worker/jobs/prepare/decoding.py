"""Decodes an archive's images on all cores, in order, with few in memory, and only one of the largest at a time."""

import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from zipfile import ZipInfo

import numpy as np

from app.core.files.archives import BadMember, ImageArchive
from app.core.files.image_digest import image_digest
from app.core.files.images import DECODE_HEADROOM, BadImage, Pixels, decode_image, pixel_count, resize_shorter
from app.core.processes.cpu_count import count_cores
from app.core.settings import Settings

PENDING_PER_THREAD = 8  # so that decoders continue while progress is written to the disk
LARGE_PIXELS = 16_000_000  # images of everyday size are decoded in parallel, larger ones one after the other
# Address space that a thread may need: a stack, a malloc arena, and an image just below LARGE_PIXELS twice.
THREAD_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Decoded:
    """A usable image: pixels (height, width, 3) uint8, their digest, and the size of its file in bytes.

    `converted`: the kinds of conversion to upright RGB that it needed.
    """

    pixels: Pixels
    digest: bytes
    file_bytes: int
    converted: tuple[str, ...]


Outcome = Decoded | BadImage | BadMember


def count_threads(settings: Settings) -> int:
    """One for each core, within the memory limit of a preparation: 64 would fill 4 GiB before the first image."""
    return max(1, min(count_cores(), settings.prepare_memory_bytes // THREAD_BYTES))


class Decoder:
    """Reads members one at a time, because a zip file has one position, and decodes in parallel."""

    def __init__(self, archive: ImageArchive, settings: Settings) -> None:
        self._archive, self._settings = archive, settings
        self._read_lock, self._large_lock = threading.Lock(), threading.Lock()

    def outcomes(self, members: Iterable[ZipInfo]) -> Generator[tuple[ZipInfo, Outcome], None, None]:
        """Yield each member with its outcome, in order. Raises MemoryError when no thread can be started."""
        threads = count_threads(self._settings)
        pending: deque[tuple[ZipInfo, Future[Outcome]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            for member in members:
                pending.append((member, self._submit(pool, member)))
                if len(pending) >= threads * PENDING_PER_THREAD:
                    yield _result(*pending.popleft())
            while pending:
                yield _result(*pending.popleft())

    def _submit(self, pool: ThreadPoolExecutor, member: ZipInfo) -> Future[Outcome]:
        try:
            return pool.submit(self._decode_member, member)
        except RuntimeError as error:  # a thread that cannot be started
            raise MemoryError(str(error)) from error

    def _decode_member(self, member: ZipInfo) -> Outcome:
        try:
            with self._read_lock:
                data = self._archive.read(member, self._settings.max_image_bytes)
            return self._decode(data)
        except (BadImage, BadMember) as bad:
            return bad.with_traceback(None)  # its frames would hold the file until the outcome is consumed

    def _decode(self, data: bytes) -> Decoded:
        with self._large_lock if pixel_count(data) > LARGE_PIXELS else nullcontext():
            pixels, converted = self._pixels(data)
        return Decoded(pixels, image_digest(pixels), len(data), converted)

    def _pixels(self, data: bytes) -> tuple[Pixels, tuple[str, ...]]:
        side = self._settings.stored_side
        try:
            decoded = decode_image(data, self._settings.max_image_pixels, side * DECODE_HEADROOM)
        except BadImage as bad:  # its frames hold what is decoded so far, while the next large image may begin
            rejection = BadImage(bad.code, str(bad))
        else:
            image = decoded.image
            return np.asarray(resize_shorter(image, side) if min(image.size) > side else image), decoded.converted
        raise rejection


def _result(member: ZipInfo, outcome: Future[Outcome]) -> tuple[ZipInfo, Outcome]:
    return member, outcome.result()

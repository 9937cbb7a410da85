"""Decodes an archive's images on all cores, in order, holding only a few in memory, and of the largest ones one."""

import hashlib
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from zipfile import ZipInfo

import numpy as np

from app.core.files.archives import BadMember, ImageArchive
from app.core.files.images import DECODE_HEADROOM, BadImage, Pixels, decode_image, pixel_count, resize_shorter
from app.core.processes.cpu_count import count_cores
from app.core.settings import Settings

WINDOW = 8  # images under way for each core: decoders go on while progress is written to the disk
LARGE = 16_000_000  # pixels: photographs of everyday size are decoded side by side, larger ones one after the other
# What a thread may need of the address space: a stack, an arena of malloc's, and an image just below LARGE twice.
THREAD_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Decoded:
    """A usable image: pixels (height, width, 3) uint8, a digest of them, and how many bytes its file had.

    `converted`: what had to be done to make it upright RGB.
    """

    pixels: Pixels
    digest: bytes
    file_bytes: int
    converted: tuple[str, ...]


Outcome = Decoded | BadImage | BadMember


def count_threads(settings: Settings) -> int:
    """One for each core, as far as a preparation's memory goes: 64 of them fill 4 GiB before the first image."""
    return max(1, min(count_cores(), settings.prepare_memory_bytes // THREAD_BYTES))


class Decoder:
    """Reads members one at a time, as a zip allows, and decodes many at once, as Pillow does."""

    def __init__(self, archive: ImageArchive, settings: Settings) -> None:
        self._archive, self._settings = archive, settings
        self._lock, self._one_large = threading.Lock(), threading.Lock()

    def outcomes(self, members: Iterable[ZipInfo]) -> Generator[tuple[ZipInfo, Outcome], None, None]:
        """Each member and what became of it, in order. MemoryError where there is no room for a thread."""
        threads = count_threads(self._settings)
        pending: deque[tuple[ZipInfo, Future[Outcome]]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            for member in members:
                pending.append((member, self._submitted(pool, member)))
                if len(pending) >= threads * WINDOW:
                    yield _ended(*pending.popleft())
            while pending:
                yield _ended(*pending.popleft())

    def _submitted(self, pool: ThreadPoolExecutor, member: ZipInfo) -> Future[Outcome]:
        try:
            return pool.submit(self._outcome, member)
        except RuntimeError as error:  # of a thread that cannot be started
            raise MemoryError(str(error)) from error

    def _outcome(self, member: ZipInfo) -> Outcome:
        try:
            with self._lock:
                data = self._archive.read(member, self._settings.max_image_bytes)
            return self._decoded(data)
        except (BadImage, BadMember) as bad:
            return bad.with_traceback(None)  # whose frames hold the file until the outcome's turn comes

    def _decoded(self, data: bytes) -> Decoded:
        with self._one_large if pixel_count(data) > LARGE else nullcontext():
            pixels, converted = self._pixels(data)
        digest = hashlib.sha256(f"{pixels.shape}".encode())
        digest.update(pixels.data)
        return Decoded(pixels, digest.digest(), len(data), converted)

    def _pixels(self, data: bytes) -> tuple[Pixels, tuple[str, ...]]:
        side = self._settings.stored_side
        try:
            found = decode_image(data, self._settings.max_image_pixels, side * DECODE_HEADROOM)
        except BadImage as bad:  # its frames hold what was decoded so far, and the next large image may begin
            refused = BadImage(bad.code, str(bad))
        else:
            image = found.image
            return np.asarray(resize_shorter(image, side) if min(image.size) > side else image), found.converted
        raise refused


def _ended(member: ZipInfo, outcome: Future[Outcome]) -> tuple[ZipInfo, Outcome]:
    return member, outcome.result()

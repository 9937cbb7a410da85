"""Decodes an archive's images on all cores, in order, holding only a few in memory."""

import hashlib
import os
import threading
import zipfile
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from app.core.archives import BadMember, read
from app.core.images import BadImage, Pixels, decode, resize_shorter
from app.core.settings import Settings

WINDOW = 4  # images under way for each core


@dataclass(frozen=True)
class Decoded:
    """A usable image: pixels (height, width, 3) uint8, a digest of them, and how many bytes its file had."""

    pixels: Pixels
    digest: bytes
    file_bytes: int


Outcome = Decoded | BadImage | BadMember


class Decoder:
    """Reads members one at a time, as a zip allows, and decodes many at once, as Pillow does."""

    def __init__(self, archive: zipfile.ZipFile, settings: Settings) -> None:
        self._archive, self._settings = archive, settings
        self._lock = threading.Lock()

    def outcomes(self, members: Iterable[zipfile.ZipInfo]) -> Generator[Outcome, None, None]:
        """What became of each member, in the members' order."""
        cores = os.cpu_count() or 1
        pending: deque[Future[Outcome]] = deque()
        with ThreadPoolExecutor(cores) as pool:
            for member in members:
                pending.append(pool.submit(self._outcome, member))
                if len(pending) >= cores * WINDOW:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _outcome(self, member: zipfile.ZipInfo) -> Outcome:
        try:
            with self._lock:
                data = read(self._archive, member, self._settings.max_image_bytes)
            return self._decoded(data)
        except (BadImage, BadMember) as bad:
            return bad

    def _decoded(self, data: bytes) -> Decoded:
        image = decode(data, self._settings.max_image_pixels)
        if min(image.size) > self._settings.stored_side:
            image = resize_shorter(image, self._settings.stored_side)
        pixels = np.asarray(image)
        digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).digest()
        return Decoded(pixels, digest, len(data))

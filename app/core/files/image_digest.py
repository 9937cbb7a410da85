"""Digests of prepared images, by which the same photograph is recognised in another dataset."""

import hashlib

from app.core.files.images import Pixels

DIGEST_BYTES = 16  # of 32: among a million million images, two that differ agree with a probability below 1e-14


def image_digest(pixels: Pixels) -> bytes:
    """Compute the digest of an image as it is stored: SHA-256 of its shape and its pixels, shortened.

    The same photograph in another file format, size or quality has another digest.

    Args:
        pixels: uint8 (height, width, 3), contiguous.

    Returns:
        DIGEST_BYTES bytes.
    """
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    digest.update(pixels.data)
    return digest.digest()[:DIGEST_BYTES]

"""Digests tell images apart by their pixels and their shape."""

import hashlib

import numpy as np

from app.core.files.image_digest import DIGEST_BYTES, image_digest


def test_it_is_the_beginning_of_the_sha256_of_shape_and_pixels() -> None:
    """Digests are stored: another formula would make every dataset of before a stranger."""
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    expected = hashlib.sha256(b"(2, 4, 3)" + bytes(range(24))).digest()
    assert image_digest(pixels) == expected[:DIGEST_BYTES]


def test_one_pixel_or_another_shape_makes_another_image() -> None:
    pixels = np.zeros((2, 4, 3), np.uint8)
    changed = pixels.copy()
    changed[1, 3, 2] = 1
    digests = {image_digest(one) for one in (pixels, changed, pixels.reshape(4, 2, 3))}
    assert len(digests) == 3
    assert image_digest(pixels.copy()) in digests

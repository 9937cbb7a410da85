"""Images that were made to do harm, or by programs that do not care. Each says what must come of it."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

MIB = 1024 * 1024
OK = "ok"  # as good as any other


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photograph(seed: int = 0, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    """No two of different seeds are duplicates."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


GOOD = encoded(photograph(1))


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The good image first, in a folder of its own, so that what else is in there is judged alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in {"good/1.png": GOOD, "well/2.png": encoded(photograph(2)), **members}.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


def png(width: int, height: int, depth: int = 8, color: int = 2, rows: bytes | None = None) -> bytes:
    """A PNG by hand, whose pixels need not be there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">2L5B", width, height, depth, color, 0, 0, 0)
    body = zlib.compress(rows if rows is not None else b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def zeros(width: int, height: int, channels: int) -> bytes:
    """A whole PNG of nothing, as small as it can be for its pixels."""
    return png(width, height, 8, {3: 2, 4: 6}[channels], bytes(height * (1 + width * channels)))


def animated(frames: int) -> bytes:
    first, *others = [photograph(seed, mode="P") for seed in range(frames)]
    return encoded(first, "GIF", save_all=True, append_images=others)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(photograph(100 + orientation), "JPEG", exif=exif)


def noted(size: int) -> bytes:
    """A PNG with a compressed text that unpacks to far more than the image."""
    data = b"k\0\0" + zlib.compress(bytes(size))
    chunk = struct.pack(">L", len(data)) + b"zTXt" + data + struct.pack(">L", zlib.crc32(b"zTXt" + data))
    return GOOD[:33] + chunk + GOOD[33:]


def _circle() -> bytes:
    """A TIFF whose directory is followed by itself."""
    entries = struct.pack("<HHLL", 256, 3, 1, 10) + struct.pack("<HHLL", 257, 3, 1, 10)
    return b"II*\0" + struct.pack("<L", 8) + struct.pack("<H", 2) + entries + struct.pack("<L", 8)


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch /tmp/imprint_escaped) (r) file\n"
BILLION = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><svg>&b;</svg>'
IMAGES: dict[str, tuple[Callable[[], bytes], str]] = {
    "svg": (lambda: SVG, "not_an_image"),
    "svg of entities": (lambda: BILLION, "not_an_image"),
    "eps": (lambda: EPS, "not_an_image"),
    "pdf": (lambda: b"%PDF-1.7\n" + bytes(100), "not_an_image"),
    "html": (lambda: b"<html><img src=x onerror=alert(1)></html>", "not_an_image"),
    "php in a gif": (
        lambda: b"GIF89a<?php system('id'); ?>" + bytes(50),
        "image_damaged|not_an_image|image_too_elongated",
    ),
    "elf": (lambda: b"\x7fELF" + bytes(500), "not_an_image"),
    "header of 50000 x 50000": (lambda: png(50_000, 50_000), "image_too_large"),
    "header of 2^31 x 2^31": (lambda: png(2**31 - 1, 2**31 - 1), "image_too_large|not_an_image|image_damaged"),
    "header of 0 x 0": (lambda: png(0, 0), "not_an_image|image_too_small|image_damaged"),
    "one pixel": (lambda: encoded(photograph(3, (1, 1))), "image_too_small"),
    "a thread": (lambda: zeros(20_000, 2, 3), "image_too_elongated"),
    "largest that is taken": (lambda: zeros(8192, 6144, 3), OK),
    "largest with transparency": (lambda: zeros(8192, 3071, 4), OK),
    "too large with transparency": (lambda: zeros(8192, 3073, 4), "image_too_large"),
    "largest grey of 16 bits": (lambda: png(8191, 6144, 16, 0, bytes(6144 * (1 + 8191 * 2))), OK),
    "no pixels": (lambda: png(100, 100), "image_damaged"),
    "png cut": (lambda: encoded(photograph(4, (300, 300)))[:5000], "image_damaged"),
    "jpeg cut": (lambda: encoded(photograph(5, (300, 300)), "JPEG")[:5000], "image_damaged"),
    "webp cut": (lambda: encoded(photograph(6, (300, 300)), "WEBP")[:3000], "image_damaged"),
    "tiff cut": (lambda: encoded(photograph(7, (300, 300)), "TIFF")[:5000], "image_damaged|not_an_image"),
    "tiff with a directory in a circle": (_circle, "image_damaged|not_an_image"),
    "text of 200 MB in a png": (lambda: noted(200 * MIB), "image_damaged|ok"),
    "cmyk": (lambda: encoded(photograph(8, mode="CMYK"), "JPEG"), OK),
    "progressive": (lambda: encoded(photograph(9, (640, 480)), "JPEG", progressive=True), OK),
    "large progressive": (lambda: encoded(Image.new("RGB", (8190, 6144)), "JPEG", progressive=True), OK),
    "large cmyk": (lambda: encoded(Image.new("CMYK", (8189, 3070), (9, 0, 0, 0)), "JPEG"), OK),
    "16 bits": (lambda: encoded(Image.fromarray(np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50)), OK),
    "1 bit": (lambda: encoded(photograph(10, mode="1")), OK),
    "palette": (lambda: encoded(photograph(11, mode="P")), OK),
    "animated gif": (lambda: animated(40), OK),
    "gif with a zip behind it": (lambda: animated(2) + zipped({}), "duplicate|ok"),
    "jpeg with a zip behind it": (lambda: encoded(photograph(12), "JPEG") + zipped({}), OK),
    "png with javascript behind it": (lambda: encoded(photograph(13)) + b"<script>alert(1)</script>", OK),
    **{f"turned {number}": (lambda number=number: turned(number), OK) for number in (1, 3, 6, 8, 200)},
}

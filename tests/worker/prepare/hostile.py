"""Archives and images that were made to do harm, or by programs that do not care. Each says what must come of it."""

import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
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


# -- archives that are refused as a whole, before anything is read from them ---------------------------------------


def at(whole: bytes, signature: bytes, offset: int, form: str, value: int, last: bool = False) -> bytes:
    """One field of a record changed."""
    data = bytearray(whole)
    place = data.rindex(signature) if last else data.index(signature)
    struct.pack_into(form, data, place + offset, value)
    return bytes(data)


END, ENTRY, LOCAL = b"PK\5\6", b"PK\1\2", b"PK\3\4"


def million_entries() -> bytes:
    """46 bytes each, all of the same file: the directory is 48 MB, what zipfile makes of it a gigabyte."""
    entry = struct.pack("<4s4B4HL2L5H2L", ENTRY, 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"1.png"
    directory = entry * 1_000_000
    return directory + struct.pack("<4s4H2LH", END, 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)


def zip64(count: int = 2, size: int | None = None, place: int | None = None) -> bytes:
    """An archive whose end is told by zip64 records, which say what they are told to say."""
    whole = zipped({})
    end = whole.index(END)
    start = whole.index(ENTRY)
    length = end - start if size is None else size
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start if place is None else place
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    return (
        whole[:end] + record + locator + struct.pack("<4s4H2LH", END, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    )


def _only(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _folders() -> bytes:
    return _only({f"{number}/": b"" for number in range(50)})


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"\0" * 30, "not_a_zip"),
    "noise": (lambda: np.random.default_rng(0).bytes(5000), "not_a_zip"),
    "a tar": (lambda: b"x" * 257 + b"ustar" + bytes(1000), "not_a_zip"),
    "a gzip": (lambda: b"\x1f\x8b\x08" + bytes(1000), "not_a_zip"),
    "an image": (lambda: GOOD, "not_a_zip"),
    "the end record alone": (lambda: struct.pack("<4s4H2LH", END, 0, 0, 0, 0, 0, 0, 0), "archive_empty"),
    "cut in the middle": (lambda: zipped({})[:200], "not_a_zip"),
    "cut in the end record": (lambda: zipped({})[:-5], "not_a_zip"),
    "folders alone": (_folders, "archive_empty"),
    "clutter alone": (lambda: _only({"__MACOSX/._1.png": GOOD, ".hidden/2.png": GOOD}), "archive_empty"),
    "no images": (lambda: _only({"a/run.sh": b"rm -rf /", "a/b.exe": b"MZ"}), "archive_without_images"),
    "a zip in a zip": (lambda: _only({"inner.zip": zipped({})}), "archive_without_images"),
    "a million entries": (million_entries, "archive_too_many_files"),
    "overlapping entries": (lambda: at(zipped({}), ENTRY, 42, "<L", 0, last=True), "archive_overlapping"),
    "a directory longer than the file": (lambda: at(zipped({}), END, 12, "<L", 2**31), "not_a_zip"),
    "a directory that is not there": (lambda: at(zipped({}), END, 12, "<L", 60), "not_a_zip"),
    "zip64 with an impossible length": (lambda: zip64(size=2**62), "not_a_zip"),
    "another version of zip": (lambda: at(zipped({}), ENTRY, 6, "<H", 999), "not_a_zip"),
}


# What zipfile opens all the same; entries then fail alone.
ODD: dict[str, Callable[[], bytes]] = {
    "an entry before the file": lambda: at(zipped({}), ENTRY, 42, "<L", 2**31),
    "a directory beyond the file": lambda: at(zipped({}), END, 16, "<L", 2**31),
    "a name longer than the directory": lambda: at(zipped({}), ENTRY, 28, "<H", 60_000, last=True),
    "zip64 with an impossible place": lambda: zip64(place=2**62),
}


# -- entries that are refused alone, by their names or by how they lie in the archive -------------------------------

NAMES = {
    "../../escaped.png": "unsafe_path",
    "a/../../escaped.png": "unsafe_path",
    "..\\..\\escaped.png": "unsafe_path",
    "/tmp/imprint_escaped.png": "unsafe_path",
    "//server/share/1.png": "unsafe_path",
    "C:/Windows/1.png": "unsafe_path",
    "c:1.png": "unsafe_path",
    "\\\\?\\C:\\1.png": "unsafe_path",
    "CON/1.png": "unsafe_path",
    "a/nul.png": "unsafe_path",
    "a/COM1.png": "unsafe_path",
    "a/new\nline.png": "unsafe_path",
    "a/\x1b[31mred.png": "unsafe_path",
    "a/\u202egnp.exe.png": "unsafe_path",
    "a/" + "n" * 300 + ".png": "unsafe_path",
    "a/" * 600 + "1.png": "unsafe_path",
    "a/script.svg": "not_an_image",
    "a/inner.zip": "not_an_image",
    "a/drawing.eps": "not_an_image",
    "a/käfer.png": OK,
    "a/猫.png": OK,
    "a/%2e%2e%2f1.png": OK,
    "a/'; DROP TABLE jobs; --.png": OK,
    "a/<script>1.png": OK,
}


@dataclass(frozen=True)
class Entry:
    """One entry: how it is written, and the fields of its records that are then changed."""

    data: bytes
    expected: str
    mode: int = 0
    method: int = zipfile.ZIP_DEFLATED
    local: tuple[tuple[int, str, int], ...] = ()
    central: tuple[tuple[int, str, int], ...] = ()


ENCRYPTED = ((6, "<H", 1),), ((8, "<H", 1),)
SAYS_LESS = ((22, "<L", 10),), ((24, "<L", 10),)
SAYS_MORE = ((22, "<L", 2**31),), ((24, "<L", 2**31),)
ENTRIES = {
    "link": Entry(b"/etc/passwd", "symlink", 0o120777),
    "device": Entry(b"", "not_a_file", 0o020666),
    "pipe": Entry(b"", "not_a_file", 0o010666),
    "encrypted": Entry(GOOD, "encrypted", 0, zipfile.ZIP_DEFLATED, *ENCRYPTED),
    "bomb": Entry(bytes(64 * MIB), "file_too_large"),
    "bomb by lzma": Entry(bytes(64 * MIB), "file_too_large", 0, zipfile.ZIP_LZMA),
    "says less": Entry(bytes(MIB), "damaged", 0, zipfile.ZIP_DEFLATED, *SAYS_LESS),
    "says more": Entry(GOOD, "file_too_large", 0, zipfile.ZIP_DEFLATED, *SAYS_MORE),
    "bomb that says less": Entry(bytes(64 * MIB), "damaged", 0, zipfile.ZIP_DEFLATED, *SAYS_LESS),
    "wrong checksum": Entry(GOOD, "damaged", 0, zipfile.ZIP_STORED, ((14, "<L", 1),), ((16, "<L", 1),)),
    "unknown method": Entry(GOOD, "damaged", 0, zipfile.ZIP_STORED, ((8, "<H", 99),), ((10, "<H", 99),)),
    "other names": Entry(GOOD, "damaged", 0, zipfile.ZIP_STORED, ((30, "<B", 0x58),)),
    "no local header": Entry(GOOD, "damaged", 0, zipfile.ZIP_STORED, ((0, "<L", 0),)),
    "empty": Entry(b"", "not_an_image"),
}

# -- images --------------------------------------------------------------------------------------------------------


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


def corpus() -> Iterator[tuple[str, Entry]]:
    """Every hostile entry by the name that it has in the archive."""
    for number, (name, expected) in enumerate(NAMES.items()):
        yield name, Entry(encoded(photograph(1000 + number)), expected)
    for name, entry in ENTRIES.items():
        yield f"entries/{name}.png", entry
    for name, (data, expected) in IMAGES.items():
        yield f"images/{name}.png", Entry(data(), expected)


def archive_of(entries: dict[str, Entry]) -> bytes:
    """One zip of all of them and two good images; each entry's records are changed after it is written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (("good/1.png", GOOD), ("well/2.png", encoded(photograph(2)))):
            archive.writestr(name, data)
        for name, entry in entries.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, entry.mode << 16
            archive.writestr(info, entry.data, entry.method)
        places = {info.filename: info.header_offset for info in archive.infolist()}
    whole = bytearray(buffer.getvalue())
    directory = _directory(bytes(whole))
    for name, entry in entries.items():
        for offset, form, value in entry.local:
            struct.pack_into(form, whole, places[name] + offset, value)
        for offset, form, value in entry.central:
            struct.pack_into(form, whole, directory[places[name]] + offset, value)
    return bytes(whole)


def _directory(whole: bytes) -> dict[int, int]:
    """Where each entry's record in the directory is, by where its file is."""
    length, place = struct.unpack_from("<2L", whole, whole.rindex(END) + 12)
    found, end = {}, place + length
    while place < end:
        found[struct.unpack_from("<L", whole, place + 42)[0]] = place
        place += 46 + sum(struct.unpack_from("<3H", whole, place + 28))
    return found


CANARIES = [Path(tempfile.gettempdir()) / name for name in ("imprint_escaped", "imprint_escaped.png")]

"""Entries of an archive that are refused alone: by their names, by how they lie in it, or as images."""

import io
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.worker.jobs.prepare.hostile_archives import END
from tests.worker.jobs.prepare.hostile_images import GOOD, IMAGES, MIB, OK, encoded, photograph

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

CANARIES = [Path(tempfile.gettempdir()) / name for name in ("imprint_escaped", "imprint_escaped.png")]


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
    """The offset of each entry's record in the directory, by the offset of its file."""
    length, place = struct.unpack_from("<2L", whole, whole.rindex(END) + 12)
    found, end = {}, place + length
    while place < end:
        found[struct.unpack_from("<L", whole, place + 42)[0]] = place
        place += 46 + sum(struct.unpack_from("<3H", whole, place + 28))
    return found

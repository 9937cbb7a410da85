"""Archives that are refused as a whole, before anything is read from them, and some that must not be."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

from tests.worker.jobs.prepare.hostile_images import GOOD, zipped

END, ENTRY, LOCAL = b"PK\5\6", b"PK\1\2", b"PK\3\4"


def at(whole: bytes, signature: bytes, offset: int, form: str, value: int, last: bool = False) -> bytes:
    """One field of a record changed."""
    data = bytearray(whole)
    place = data.rindex(signature) if last else data.index(signature)
    struct.pack_into(form, data, place + offset, value)
    return bytes(data)


def million_entries() -> bytes:
    """46 bytes each, all of the same file: the directory is 48 MB, what zipfile makes of it a gigabyte."""
    entry = struct.pack("<4s4B4HL2L5H2L", ENTRY, 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"1.png"
    directory = entry * 1_000_000
    return directory + struct.pack("<4s4H2LH", END, 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)


def quoting(entries: int = 5) -> bytes:
    """Files that overlap: each is a quoted header of the next one, and then that file's own bytes (Fifield 2019).

    The last is a megabyte of zeros, and so is, but for a few bytes, each of the others. Quoting is a stored block of
    deflate (RFC 1951, 3.2.4), so every file is whole, checksum and all.
    """
    plain, packed = bytes(1024 * 1024), _deflated(bytes(1024 * 1024))
    body, records = b"", []
    for number in reversed(range(entries)):
        name = b"%d.png" % number
        fields = struct.pack("<5H3L2H", 20, 0, 8, 0, 33, zlib.crc32(plain), len(packed), len(plain), len(name), 0)
        header = LOCAL + fields + name
        records.append((fields, name, len(packed) + len(header)))
        body = header + packed
        plain, packed = header + plain, _stored(header) + packed
    directory = b"".join(_record(fields, name, len(body) - ahead) for fields, name, ahead in reversed(records))
    end = struct.pack("<4s4H2LH", END, 0, 0, entries, entries, len(directory), len(body), 0)
    return body + directory + end


def _deflated(data: bytes) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


def _stored(data: bytes) -> bytes:
    return struct.pack("<B2H", 0, len(data), len(data) ^ 0xFFFF) + data


def _record(fields: bytes, name: bytes, place: int) -> bytes:
    """An entry of the directory; it repeats most of the file's own header (APPNOTE.TXT, 4.3.12)."""
    return ENTRY + struct.pack("<H", 20) + fields + struct.pack("<3H2L", 0, 0, 0, 0, place) + name


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
    "files that quote each other's headers": (quoting, "archive_overlapping"),
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

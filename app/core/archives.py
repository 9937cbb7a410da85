"""An uploaded zip, opened without trust.

Nothing is ever extracted to disk: members are read into memory, counting actual bytes.
"""

import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from app.core.member_names import is_clutter, looks_like_image
from app.core.zip_directory import NoDirectory, count_entries

ENCRYPTED = 0x1
REGULAR, SYMLINK = 0o100000, 0o120000
LOCAL_HEADER_BYTES = 30


class BadArchive(ValueError):
    """The archive as a whole cannot be used; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadMember(ValueError):
    """One file of an archive cannot be used; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def open_archive(path: Path, max_files: int) -> zipfile.ZipFile:
    """Open a zip and check its directory. Raises BadArchive; the caller closes what is returned.

    `max_files` is a limit of folders and clutter too: each takes memory while the archive is open.
    """
    try:
        count = count_entries(path, max_files)
        archive = zipfile.ZipFile(path) if count <= max_files else None
    except (NoDirectory, zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, EOFError) as error:
        raise BadArchive("not_a_zip", f"The file is not a readable zip archive: {error}") from error
    if archive is None:
        raise BadArchive("archive_too_many_files", f"The zip has more than {max_files} entries.")
    try:
        _check(archive)
    except BadArchive:
        archive.close()
        raise
    return archive


def _check(archive: zipfile.ZipFile) -> None:
    members = files(archive)
    if not members:
        raise BadArchive("archive_empty", "The zip holds no files.")
    if not any(looks_like_image(member.filename) for member in members):
        raise BadArchive("archive_without_images", "No file in the zip has the name of an image.")
    if any(before > after for before, after in _extents(members)):
        raise BadArchive("archive_overlapping", "Entries of the zip share the same bytes.")


def _extents(members: list[zipfile.ZipInfo]) -> Iterator[tuple[int, int]]:
    """Where each entry ends at the least, and where the next one starts (Python 3.11's zipfile accepts overlaps)."""
    ordered = sorted(members, key=lambda member: member.header_offset)
    for entry, following in pairwise(ordered):
        yield entry.header_offset + LOCAL_HEADER_BYTES + entry.compress_size, following.header_offset


def files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The archive's files, without folders and without what operating systems strew about."""
    return [member for member in archive.infolist() if not member.is_dir() and not is_clutter(member.filename)]


def read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """A member's bytes, at most `max_bytes` of them whatever its header says. Raises BadMember."""
    if member.flag_bits & ENCRYPTED:
        raise BadMember("encrypted", "The file is encrypted.")
    if (kind := (member.external_attr >> 16) & 0o170000) not in (0, REGULAR):
        raise BadMember("symlink" if kind == SYMLINK else "not_a_file", "The entry is no file but a link or a device.")
    if member.file_size > max_bytes:
        raise BadMember("file_too_large", f"The file is larger than {max_bytes} bytes.")
    try:
        with archive.open(member) as file:
            data = file.read(max_bytes + 1)
    except MemoryError:
        raise BadMember("file_too_large", "There is not enough memory to unpack the file.") from None
    except Exception as error:  # zlib, bz2, lzma and zipfile each raise their own kinds on damaged bytes
        raise BadMember("damaged", f"The entry cannot be unpacked: {error}"[:300]) from error
    if len(data) > max_bytes:
        raise BadMember("file_too_large", f"The file is larger than {max_bytes} bytes.")
    return data

"""An uploaded zip archive, read without trust.

Nothing is extracted to disk: members are read into memory, and the actual bytes are counted.
"""

import io
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from app.core.files.archive_paths import is_system_file, looks_like_image
from app.core.files.zip_directory import BadDirectory, ZipDirectory, end_records

ENCRYPTED = 0x1
REGULAR, SYMLINK = 0o100000, 0o120000
LOCAL_HEADER_BYTES = 30


class BadArchive(ValueError):
    """The archive as a whole cannot be used; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        """Store code and message.

        Args:
            code: one of `app.core.error_codes`.
            message: for people.
        """
        super().__init__(message)
        self.code = code


class BadMember(ValueError):
    """A file of an archive cannot be used; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        """Store code and message.

        Args:
            code: one of `app.core.error_codes`.
            message: for people.
        """
        super().__init__(message)
        self.code = code


class ImageArchive:
    """A zip whose entries are iterated over by `directory`, and read by any thread."""

    def __init__(self, directory: ZipDirectory, reader: ZipFile) -> None:
        """Combine the directory and the reader.

        Args:
            directory: the zip's entries.
            reader: reads the members' bytes.
        """
        self.directory, self._reader = directory, reader

    def files(self) -> Iterator[tuple[int, ZipInfo]]:
        """Iterate over the files and their offsets in the directory, without folders and system files."""
        for place, member in self.directory.entries():
            if not member.filename.endswith("/") and not is_system_file(member.filename):
                yield place, member

    def read(self, member: ZipInfo, max_bytes: int) -> bytes:
        """Read a member.

        Args:
            member: the entry.
            max_bytes: maximum size, whatever the member's header says.

        Returns:
            The unpacked bytes.

        Raises:
            BadMember: if it is too large, damaged, encrypted or not a regular file.
        """
        _check_kind(member)
        if member.file_size > max_bytes:
            raise BadMember("file_too_large", f"The file is larger than {max_bytes} bytes.")
        try:
            with self._reader.open(member) as file:
                data = file.read(max_bytes + 1)
        except MemoryError:
            raise BadMember("file_too_large", "There is not enough memory to unpack the file.") from None
        except Exception as error:  # zlib, bz2, lzma and zipfile each raise their own kinds on damaged bytes
            raise BadMember("damaged", f"The entry cannot be unpacked: {error}"[:300]) from error
        if len(data) > max_bytes:
            raise BadMember("file_too_large", f"The file is larger than {max_bytes} bytes.")
        return data


@contextmanager
def open_archive(path: Path, max_files: int) -> Iterator[ImageArchive]:
    """Open a zip and check its directory; it stays open inside the block.

    Args:
        path: the file.
        max_files: maximum number of entries, folders and system files included: each takes time, and memory in a
            preparation.

    Yields:
        The archive.

    Raises:
        BadArchive: if it is not a readable zip, has too many entries or no images, or its entries overlap.
    """
    with path.open("rb") as listed, path.open("rb") as read, ZipFile(io.BytesIO(end_records(0))) as reader:
        reader.fp = read  # zipfile reads members of this file, without the list that it builds of a directory
        try:
            archive = ImageArchive(ZipDirectory(listed), reader)
            _check_entries(archive, max_files)
        except (BadDirectory, BadZipFile, UnicodeError, NotImplementedError) as error:
            raise BadArchive("not_a_zip", f"The file is not a readable zip archive: {error}") from error
        yield archive


def _check_entries(archive: ImageArchive, max_files: int) -> None:
    if archive.directory.count(max_files) > max_files:
        raise BadArchive("archive_too_many_files", f"The zip has more than {max_files} entries; split it.")
    images = False
    extents = array("d")
    for _, member in archive.files():
        images = images or looks_like_image(member.filename)
        extents.extend((member.header_offset, member.compress_size))
    if not extents:
        raise BadArchive("archive_empty", "The zip holds no files.")
    if not images:
        raise BadArchive("archive_without_images", "No file in the zip has the name of an image, such as .jpg or .png.")
    if _any_overlap(np.frombuffer(extents).reshape(-1, 2)):
        raise BadArchive("archive_overlapping", "Entries of the zip share the same bytes.")


def _any_overlap(extents: NDArray[np.float64]) -> bool:
    """Return true if an entry continues where the next one has begun (Python 3.11's zipfile accepts that).

    `extents`: (n, 2), offset and packed bytes of each entry, as floats: exact for every file that can exist, and no
    number that an entry may claim overflows.
    """
    begin, packed = extents[np.argsort(extents[:, 0], kind="stable")].T
    return bool((begin[:-1] + LOCAL_HEADER_BYTES + packed[:-1] > begin[1:]).any())


def _check_kind(member: ZipInfo) -> None:
    if member.flag_bits & ENCRYPTED:
        raise BadMember("encrypted", "The file is encrypted.")
    if (kind := (member.external_attr >> 16) & 0o170000) not in (0, REGULAR):
        raise BadMember("symlink" if kind == SYMLINK else "not_a_file", "The entry is no file but a link or a device.")

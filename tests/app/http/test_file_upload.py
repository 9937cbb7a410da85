"""Files on their way in: whole, hashed and within the limit, or refused."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from starlette.requests import ClientDisconnect

from app.core.errors import ServiceError
from app.core.files.storage import CHUNK
from app.http.file_upload import UPLOAD_TOO_LARGE, ReceivedFile, UploadWriter, receive_file
from app.http.request_body import body_limit
from tests.app.http.asgi_requests import pieces, request_of

LIMIT = body_limit(3 * CHUNK, UPLOAD_TOO_LARGE)


def received(path: Path, *chunks: bytes, disconnects: bool = False) -> ReceivedFile:
    return asyncio.run(receive_file(request_of(*chunks, disconnects=disconnects), path, LIMIT, "a zip archive"))


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
@pytest.mark.parametrize("piece", [70_000, 4 * CHUNK])
def test_a_file_is_whole_and_hashed(tmp_path: Path, size: int, piece: int) -> None:
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    path = tmp_path / "upload"
    file = received(path, *pieces(data, piece))
    assert file == ReceivedFile(path, hashlib.sha256(data).hexdigest(), size)
    assert path.read_bytes() == data


def test_an_empty_body_is_refused_with_what_to_send(tmp_path: Path) -> None:
    for chunks in ((), (b"", b"")):
        with pytest.raises(ServiceError) as refused:
            received(tmp_path / f"upload{len(chunks)}", *chunks)
        assert (refused.value.code, refused.value.message) == (
            "file_required",
            "The body is empty; send a zip archive.",
        )


def test_one_byte_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=UPLOAD_TOO_LARGE):
        received(tmp_path / "upload", *pieces(bytes(3 * CHUNK + 1), CHUNK))


def test_a_client_that_goes_away_leaves_no_received_file(tmp_path: Path) -> None:
    with pytest.raises(ClientDisconnect):
        received(tmp_path / "upload", bytes(CHUNK), disconnects=True)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(b"another's")
    with pytest.raises(FileExistsError):
        received(tmp_path / "upload", b"mine")
    assert (tmp_path / "upload").read_bytes() == b"another's"


def test_a_writer_counts_what_it_is_given(tmp_path: Path) -> None:
    """The part of a form has no length of its own: the writer alone knows when it is too long."""

    async def write(*chunks: bytes) -> ReceivedFile:
        with UploadWriter(tmp_path / str(len(chunks)), body_limit(5, UPLOAD_TOO_LARGE)) as writer:
            for chunk in chunks:
                await writer.write(chunk)
            return await writer.finish()

    assert asyncio.run(write(b"ab", b"", b"cde")).bytes == 5
    with pytest.raises(ServiceError, match=UPLOAD_TOO_LARGE):
        asyncio.run(write(b"ab", b"cdef"))
    empty = asyncio.run(write())
    assert (empty.bytes, empty.sha256) == (0, hashlib.sha256().hexdigest())


def test_memory_holds_a_piece_and_not_the_file(tmp_path: Path) -> None:
    async def write() -> None:
        with UploadWriter(path, LIMIT) as writer:
            for count in range(1, 4):
                await writer.write(bytes(CHUNK))
                assert path.stat().st_size == count * CHUNK

    path = tmp_path / "upload"
    asyncio.run(write())

"""Forms, part by part, however the bytes are cut on their way."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from app.core.errors import ServiceError
from app.http.multipart import MULTIPART, Part, iterate_parts
from tests.app.http.asgi_requests import pieces, request_of

FORM = f"{MULTIPART}; boundary=xx"
HEAD = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n'
PART = HEAD + b"Content-Type: application/zip\r\n\r\n"
END = b"\r\n--xx--\r\n"


async def _stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def collected(chunks: Iterable[bytes], content_type: str = FORM) -> list[tuple[Part, bytes]]:
    async def collect() -> list[tuple[Part, bytes]]:
        request = request_of(content_type=content_type)
        return [item async for item in iterate_parts(request, _stream(chunks))]

    return asyncio.run(collect())


def form(*chunks: bytes, content_type: str = FORM) -> list[tuple[str, str | None, bytes]]:
    """The parts of a form with all their bytes: name, file name, content."""
    contents: dict[Part, bytes] = {}
    for part, data in collected(chunks, content_type):
        assert part in contents or data == b"", "a part comes first with no bytes"
        contents[part] = contents.get(part, b"") + data
    return [(part.name, part.filename, data) for part, data in contents.items()]


def refused(*chunks: bytes, content_type: str = FORM) -> str:
    with pytest.raises(ServiceError) as caught:
        collected(chunks, content_type)
    assert (caught.value.kind, caught.value.code) == ("invalid", "invalid_multipart")
    return caught.value.message


TWO = b'--xx\r\nContent-Disposition: form-data; name="name"\r\n\r\nbirds\r\n' + PART + b"PK\r\n--x\r\n\x00" + END


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_parts_do_not_depend_on_how_the_body_is_cut(size: int) -> None:
    assert form(*pieces(TWO, size)) == [("name", None, b"birds"), ("file", "a.zip", b"PK\r\n--x\r\n\x00")]


def test_a_part_is_passed_on_before_its_end_has_come() -> None:
    """Nothing is kept: what has come of a part is there when the chunk is."""
    seen = []

    async def read() -> None:
        async def body() -> AsyncIterator[bytes]:
            yield PART + bytes(1000)
            assert sum(map(len, seen)) >= 900
            yield END

        async for _, data in iterate_parts(request_of(content_type=FORM), body()):
            seen.append(data)

    asyncio.run(read())
    assert sum(map(len, seen)) == 1000


def test_two_parts_of_one_name_are_two() -> None:
    assert form(PART + b"1\r\n" + PART + b"2" + END) == [("file", "a.zip", b"1"), ("file", "a.zip", b"2")]


def test_empty_parts_and_forms() -> None:
    assert form(PART + END) == [("file", "a.zip", b"")]
    assert form(b"--xx--\r\n") == []


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        (b'form-data; name="a"; filename=""', "a", ""),
        (b"form-data; name=a", "a", None),
        (b"form-data", "", None),
        (b'form-data; name="\xff"; filename="\xc3\xbc.zip"', "\ufffd", "ü.zip"),
        (b'form-data; name="a\x00b"; filename="c\x00"', "ab", "c"),
        (b'form-data; name="a"; filename="../../etc/passwd"', "a", "../../etc/passwd"),
    ],
)
def test_names(disposition: bytes, name: str, filename: str | None) -> None:
    """A NUL, which no database stores, is left out; a path is passed on as text, since nothing is written there."""
    (found,) = form(b"--xx\r\nContent-Disposition: " + disposition + b"\r\n\r\nx" + END)
    assert found == (name, filename, b"x")


def test_headers_in_any_case_and_order() -> None:
    head = b'--xx\r\nX-Other: name="b"\r\ncontent-DISPOSITION: form-data; name="a"\r\nContent-Type: text/plain\r\n\r\n'
    assert form(head + b"x" + END) == [("a", None, b"x")]


def test_a_part_without_headers_takes_none_from_the_part_before() -> None:
    assert form(PART + b"1\r\n--xx\r\nX: y\r\n\r\n2" + END) == [("file", "a.zip", b"1"), ("", None, b"2")]


@pytest.mark.parametrize("content_type", [MULTIPART, f"{MULTIPART}; boundary=", "", "multipart/form-data; charset=xx"])
def test_a_form_without_a_boundary(content_type: str) -> None:
    assert "names no boundary" in refused(TWO, content_type=content_type)


@pytest.mark.parametrize("body", [b"", b"--xx", HEAD, PART, PART + b"PK", TWO[:-4]])
def test_a_form_that_ends_too_early(body: bytes) -> None:
    assert "cannot be read" in refused(body)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"--yy\r\n" + TWO,
        b"--xx\r\n" + b"X: " + b"y" * 100_000,
        b"--xx\r\nno header\r\n\r\n" + END,
        b"--xx\r\n: y\r\n\r\n" + END,
    ],
)
def test_what_is_no_form(body: bytes) -> None:
    assert "cannot be read" in refused(body)

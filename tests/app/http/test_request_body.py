"""Bodies of requests: their types, their limits, and strict JSON."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from app.core.errors import ServiceError
from app.http.request_body import (
    BodyLimit,
    body_limit,
    media_type,
    parse_json,
    read_body,
    read_json,
    stream_body,
    unsupported_media_type,
)
from tests.app.http.asgi_requests import request_of

JSON = "application/json"


def streamed(request: Request, limit: BodyLimit) -> list[bytes]:
    """The body as an endpoint that reads it to its end receives it."""

    async def collect() -> list[bytes]:
        return [chunk async for chunk in stream_body(request, limit)]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("image/png", "image/png"),
        (" IMAGE/PNG ; charset=utf-8", "image/png"),
        ("multipart/form-data; boundary=xx", "multipart/form-data"),
        ("", ""),
        (";", ""),
    ],
)
def test_the_media_type_has_no_parameters(header: str, expected: str) -> None:
    assert media_type(request_of(content_type=header)) == expected


def test_a_body_without_a_type_has_none() -> None:
    assert media_type(request_of(b"x")) == ""


def test_the_refusal_of_a_type_names_both() -> None:
    said = unsupported_media_type(request_of(content_type="text/html; charset=utf-8"), "application/zip")
    assert (said.kind, said.code) == ("unsupported", "unsupported_media_type")
    assert said.message == "Send application/zip, not 'text/html'."
    assert "application/zip" in unsupported_media_type(request_of(), "application/zip").message


@pytest.mark.parametrize("chunks", [[], [b"abcde"], [b"ab", b"", b"cde"]])
def test_a_body_of_just_the_limit_is_taken(chunks: list[bytes]) -> None:
    assert b"".join(streamed(request_of(*chunks), body_limit(5))) == b"".join(chunks)


@pytest.mark.parametrize("chunks", [[b"abcdef"], [b"abcde", b"f"], [b"a"] * 6])
def test_one_byte_more_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(ServiceError) as refused:
        streamed(request_of(*chunks), body_limit(5))
    assert (refused.value.kind, refused.value.code) == ("too_large", "body_too_large")
    assert refused.value.message == "The body is too large: send at most 5 bytes."


@pytest.mark.parametrize("announced", ["6", str(10 * 1024**3), "9" * 5000])
def test_a_body_that_is_announced_as_too_long_is_refused_unread(announced: str) -> None:
    request = request_of(disconnects=True, content_length=announced)
    with pytest.raises(ServiceError, match="body_too_large"):
        streamed(request, body_limit(5))


@pytest.mark.parametrize("announced", ["0", "5", "-1", "five", "", "+6", " 6"])
def test_what_is_announced_is_not_relied_on(announced: str) -> None:
    assert streamed(request_of(b"abcde", content_length=announced), body_limit(5))[0] == b"abcde"
    with pytest.raises(ServiceError, match="body_too_large"):
        streamed(request_of(b"abcde", b"f", content_length=announced), body_limit(5))


def test_the_error_is_the_one_of_the_limit() -> None:
    own = ServiceError("limited", "storage_quota_exceeded", "full", retry_after=60)
    with pytest.raises(ServiceError) as refused:
        streamed(request_of(b"ab"), BodyLimit(1, own))
    assert refused.value is own


def test_a_client_that_goes_away_is_no_end_of_a_body() -> None:
    with pytest.raises(ClientDisconnect):
        asyncio.run(read_body(request_of(b"abc", disconnects=True), 5))


def test_a_whole_body() -> None:
    assert asyncio.run(read_body(request_of(b"ab", b"c"), 3)) == b"abc"
    with pytest.raises(ServiceError, match="body_too_large"):
        asyncio.run(read_body(request_of(b"ab", b"cd"), 3))


@pytest.mark.parametrize("kind", [JSON, "application/json; charset=utf-8", "Application/Vnd.Imprint+JSON"])
def test_json_is_read_as_sent_and_as_parsed(kind: str) -> None:
    body = b'{"a": [1, null, "\\u00e9"]}'
    assert asyncio.run(read_json(request_of(body, content_type=kind), 100)) == (body, {"a": [1, None, "é"]})


@pytest.mark.parametrize("kind", ["", "text/json", "application/jsonp", "application/x-www-form-urlencoded", "a+json"])
def test_another_type_is_refused_whatever_the_body(kind: str) -> None:
    with pytest.raises(ServiceError, match="unsupported_media_type"):
        asyncio.run(read_json(request_of(b"{}", content_type=kind), 100))


def test_json_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ServiceError, match="body_too_large"):
        asyncio.run(read_json(request_of(b"[1, 2]", content_type=JSON), 5))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b" [1.5, true] ", [1.5, True]),
        (b'{"a": {"a": 1}, "b": {"a": 2}}', {"a": {"a": 1}, "b": {"a": 2}}),
        ('"ü"'.encode(), "ü"),
        (rb'"\\u0000"', r"\u0000"),  # a backslash, not a NUL
    ],
)
def test_json(body: bytes, value: Any) -> None:
    assert parse_json(body) == value


NOT_JSON: Iterable[tuple[bytes, str]] = [
    (b"", "Expecting value"),
    (b"{", "Expecting property name"),
    (b"[1,", "Expecting value"),
    (b"[] []", "Extra data"),
    (b"nonsense", "Expecting value"),
    (b'{"a": NaN}', "NaN is not JSON"),
    (b"[-Infinity]", "-Infinity is not JSON"),
    (b'{"a":1,"a":2}', "a name occurs twice"),
    (b'[{"b": {"a":1,"a":1}}]', "a name occurs twice"),
    (b"\xff\xfe", "can't decode"),
    (b'"\xe9"', "can't decode"),
    (rb'"\u0000"', "NUL"),
    (rb'{"a": [{"\u0000": 1}]}', "NUL"),
    (b"[" * 100_000, "recursion"),
]


@pytest.mark.parametrize(("body", "reason"), NOT_JSON)
def test_what_is_not_json_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(ServiceError) as refused:
        parse_json(body)
    assert (refused.value.kind, refused.value.code) == ("malformed", "invalid_json")
    assert reason in refused.value.message
    assert len(refused.value.message) <= 300

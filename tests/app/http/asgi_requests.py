"""Requests as a server hands them to the application, without a server."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import Message


def request_of(*chunks: bytes, disconnects: bool = False, **headers: str) -> Request:
    """A POST whose body comes in these chunks, with headers written as `content_type`.

    `disconnects`: the client goes away after the last chunk, before the end of the body.
    """
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if disconnects else {"type": "http.request", "body": b""})

    async def receive() -> Message:
        return messages.pop(0)

    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    """The data in pieces of `size` bytes."""
    return (data[at : at + size] for at in range(0, len(data), size))

"""`multipart/form-data` as it comes over the wire, part by part; nothing is kept and nothing is spooled to disk."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from app.core.errors import ServiceError, invalid

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MULTIPART = "multipart/form-data"
FORM_OVERHEAD_BYTES = 1024 * 1024  # what boundaries, part headers and short fields may add to the files themselves


@dataclass(frozen=True, eq=False)
class Part:
    """One field of the form; two parts of one name are two objects."""

    name: str
    filename: str | None


class _PartCollector:
    """Collects what the parser finds in one piece of the body."""

    def __init__(self) -> None:
        self.collected: list[tuple[Part, bytes]] = []
        self.is_complete = False
        self._part: Part | None = None
        self._header = self._value = b""
        self._disposition = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_end": self._on_end,
        }

    def _begin(self) -> None:
        self._header = self._value = self._disposition = b""

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        filename = options.get(b"filename")
        self._part = Part(_text(options.get(b"name", b"")), None if filename is None else _text(filename))
        self.collected.append((self._part, b""))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self.collected.append((self._part, data[start:end]))

    def _on_end(self) -> None:
        self.is_complete = True


async def iterate_parts(request: Request, body: AsyncIterator[bytes]) -> AsyncIterator[tuple[Part, bytes]]:
    """Each part first with no bytes, then with its bytes in pieces. 422 `invalid_multipart` for a broken form."""
    collector = _PartCollector()
    try:
        parser = MultipartParser(_boundary(request), collector.callbacks())
        async for chunk in body:
            parser.write(chunk)
            collected, collector.collected = collector.collected, []
            for part, data in collected:
                yield part, data
        parser.finalize()
    except FormParserError as error:
        raise _malformed(str(error)) from error
    if not collector.is_complete:
        raise _malformed("it ends too early")


def _boundary(request: Request) -> bytes:
    _, options = parse_options_header(request.headers.get("content-type"))
    if not options.get(b"boundary"):
        raise _malformed("its Content-Type names no boundary")
    return options[b"boundary"]


def _malformed(reason: str) -> ServiceError:
    return invalid("invalid_multipart", f"The multipart form cannot be read: {reason}.")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").replace("\0", "")

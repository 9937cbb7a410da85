"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), with creation, expiration and termination."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.requests import Request

from app.core.errors import ServiceError, invalid
from app.http.request_body import MAX_LENGTH_DIGITS

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
MEDIA_TYPE = "application/offset+octet-stream"
TUS_HEADERS = {"Tus-Resumable": VERSION, "Tus-Version": VERSION}


def check_version(request: Request) -> None:
    """412 for a client that speaks another version, or none."""
    if request.headers.get("tus-resumable") != VERSION:
        message = f"Say which version of tus this is: 'Tus-Resumable: {VERSION}'."
        raise ServiceError("precondition", "unsupported_tus_version", message, headers={"Tus-Version": VERSION})


def byte_count(request: Request, name: str) -> int:
    """A header that must be a number of bytes; 422 `invalid_header`."""
    value = request.headers.get(name, "")
    if not (value.isascii() and value.isdigit()) or len(value) > MAX_LENGTH_DIGITS:
        raise invalid("invalid_header", f"The header {name} must be a number of bytes.", name)
    return int(value)


def metadata(request: Request) -> Mapping[str, str]:
    """`Upload-Metadata`: names with base64 values, by commas. 422 `invalid_header`."""
    entries = {}
    for pair in filter(None, (part.strip() for part in request.headers.get("upload-metadata", "").split(","))):
        name, _, value = pair.partition(" ")
        try:
            entries[name] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            message = f"'{name}' in Upload-Metadata is no base64 of UTF-8."
            raise invalid("invalid_header", message, "Upload-Metadata") from error
    return entries


def http_date(moment: datetime) -> str:
    """As `Upload-Expires` wants it (RFC 9110, 5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)

"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), with creation, expiration and termination."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from starlette.requests import Request

from app.core.errors import ServiceError, invalid
from app.http.problems import problem_responses
from app.http.request_body import MAX_LENGTH_DIGITS
from app.http.response_headers import header, sometimes

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination"
MEDIA_TYPE = "application/offset+octet-stream"
TUS_HEADERS = {"Tus-Resumable": VERSION, "Tus-Version": VERSION}

# The response headers, for the OpenAPI document.
VERSION_HEADER = {"Tus-Version": header("the versions of tus that this server speaks", const=VERSION)}
VERSIONS = {"Tus-Resumable": header("the version of tus that this answer follows", const=VERSION)} | VERSION_HEADER
ABILITIES = {
    "Tus-Extension": header("extensions of tus that this server knows, separated by commas"),
    "Tus-Max-Size": header("bytes that an upload may have", type="integer"),
}
PROGRESS = {
    **VERSIONS,
    "Upload-Offset": header("bytes that have been received", type="integer"),
    "Upload-Length": header("bytes in all", type="integer"),
    **sometimes(
        {"Upload-Expires": header("when it is deleted, as an HTTP date")}, "until all bytes have been received"
    ),
    **sometimes({"Content-Location": header("path of the dataset")}, "once all bytes have been received"),
}
WRONG_VERSION: dict[int | str, dict[str, Any]] = {412: problem_responses(412)[412] | {"headers": VERSION_HEADER}}


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

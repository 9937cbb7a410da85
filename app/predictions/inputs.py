"""The images of a request, whichever of three ways they came: a raw body, a form, or base64 in JSON."""

import base64
import binascii
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from app.core.errors import ServiceError, invalid
from app.core.files.images import BadImage
from app.core.settings import Settings
from app.http.multipart import MULTIPART, Part, iterate_parts
from app.http.pointers import field_errors, pointer
from app.http.request_body import body_limit, media_type, parse_json, read_body, stream_body, unsupported_media_type

JSON = "application/json"
EXPECTED = (
    "an image as image/* or application/octet-stream, multipart/form-data with file, or application/json with images"
)


class ImagesRequest(BaseModel):
    """Images as base64."""

    model_config = ConfigDict(extra="forbid", strict=True)

    images: list[str] = Field(description="each image's file in base64")


IMAGES = TypeAdapter(ImagesRequest)


@dataclass(frozen=True)
class Inputs:
    """Each image's bytes, or why there are none. `single`: the body was one image, whose fault is the request's."""

    images: list[bytes | BadImage]
    single: bool


async def read_inputs(request: Request, settings: Settings) -> Inputs:
    """The request's images, at least one and at most as many as may be asked at once."""
    kind, limit = media_type(request), settings.max_prediction_bytes
    max_images = min(settings.prediction_images, settings.prediction_queue)
    if kind == JSON:
        inputs = Inputs(_from_json(await read_body(request, limit), max_images), single=False)
    elif kind == MULTIPART:
        inputs = Inputs(await _from_form(request, limit, max_images), single=False)
    elif kind.startswith("image/") or kind == "application/octet-stream":
        body = await read_body(request, limit)
        inputs = Inputs([body] if body else [], single=True)
    else:
        raise unsupported_media_type(request, EXPECTED)
    if not inputs.images:
        raise invalid("no_images", "The request has no image; send at least one.")
    return inputs


def _from_json(body: bytes, max_images: int) -> list[bytes | BadImage]:
    value = parse_json(body)
    try:
        texts = IMAGES.validate_python(value).images
    except ValidationError as error:
        fields = field_errors(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()], value, ImagesRequest
        )
        detail = "; ".join(f"{field.pointer or 'the body'}: {field.message}" for field in fields[:3])
        raise ServiceError("invalid", "invalid_request", detail, fields) from error
    if len(texts) > max_images:
        raise _too_many(max_images)
    return [_from_base64(text) for text in texts]


def _from_base64(text: str) -> bytes | BadImage:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return BadImage("invalid_base64", "The image is not base64 (RFC 4648).")


async def _from_form(request: Request, limit: int, max_images: int) -> list[bytes | BadImage]:
    files: dict[Part, bytearray] = {}
    async for part, data in iterate_parts(request, stream_body(request, body_limit(limit))):
        if part.name != "file":
            raise invalid("invalid_request", f"There is no field '{part.name}' here.", pointer([part.name]))
        files.setdefault(part, bytearray()).extend(data)
        if len(files) > max_images:
            raise _too_many(max_images)
    return [bytes(data) for data in files.values()]


def _too_many(max_images: int) -> ServiceError:
    return invalid("too_many_images", f"Too many images: send at most {max_images} in one request.")

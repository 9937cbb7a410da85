"""A model's files for others to use, with an ETag that is their content's own hash."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from starlette.responses import FileResponse, Response

from app.context import Context
from app.core import retry_after
from app.core.errors import conflict
from app.core.files import storage_keys
from app.core.files.storage import sha256
from app.http.etags import matches
from app.models import service

Format = Literal["safetensors", "onnx"]
FILES: dict[Format, storage_keys.ModelFile] = {"safetensors": storage_keys.WEIGHTS, "onnx": storage_keys.GRAPH}
MEDIA_TYPE = "application/octet-stream"


def download(context: Context, name: str, format_: Format, if_none_match: str | None) -> Response:
    """The file, or 304 when the caller has it already. 409 `model_not_ready` while it is not there yet."""
    model = service.get(context, name)
    path = context.storage.path(storage_keys.model_file(model.id, FILES[format_]))
    if not path.is_file():
        if model.status == "failed":
            raise conflict("model_failed", "The model failed; its 'error' says why.")
        raise conflict("model_not_ready", f"The model's {format_} file is not there yet.", retry_after.NOT_READY)
    etag = f'"{_digest(path, path.stat().st_mtime_ns)}"'
    if if_none_match is not None and matches(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return FileResponse(path, headers={"ETag": etag}, media_type=MEDIA_TYPE, filename=f"{model.id}.{format_}")


@lru_cache(maxsize=1000)
def _digest(path: Path, _modified: int) -> str:
    return sha256(path)

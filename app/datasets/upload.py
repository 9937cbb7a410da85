"""Reads an uploaded archive from a request, raw or out of a form, into a scratch folder."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from starlette.requests import Request

from app.core.errors import invalid
from app.http.display_names import clean_name
from app.http.file_upload import ReceivedFile, UploadWriter, receive_file
from app.http.multipart import FORM_OVERHEAD_BYTES, MULTIPART, Part, iterate_parts
from app.http.pointers import pointer
from app.http.request_body import BodyLimit, media_type, stream_body, unsupported_media_type

RAW_MEDIA_TYPES = ("application/zip", "application/x-zip-compressed", "application/octet-stream")
MAX_FIELD_BYTES = 4096  # bytes


@dataclass(frozen=True)
class Upload:
    """An archive and what to call it."""

    name: str
    file: ReceivedFile


async def receive(request: Request, folder: Path, name: str | None, limit: BodyLimit) -> Upload:
    """The upload, with `name` from the query. ServiceError for whatever is wrong with it."""
    kind = media_type(request)
    if kind == MULTIPART:
        return await _form(request, folder, name, limit)
    if kind not in RAW_MEDIA_TYPES:
        raise unsupported_media_type(request, "application/zip with ?name=, or multipart/form-data with name and file")
    name = clean_name(name, "dataset", "?name")
    return Upload(name, await receive_file(request, folder / "upload", limit, "the zip"))


async def _form(request: Request, folder: Path, name: str | None, limit: BodyLimit) -> Upload:
    form = _Form(name)
    with UploadWriter(folder / "upload", limit) as sink:
        async for part, data in iterate_parts(
            request, stream_body(request, BodyLimit(limit.bytes + FORM_OVERHEAD_BYTES, limit.error))
        ):
            form.add(part, data)
            if part is form.file:
                await sink.write(data)
        file = await sink.finish()
    if form.file is None:
        raise invalid("file_required", "The form has no part 'file'; send the zip as 'file'.", "/file")
    return Upload(form.chosen_name(), file)


class _Form:
    """The form's fields so far."""

    def __init__(self, name: str | None) -> None:
        self.file: Part | None = None
        self._query_name = name
        self._name: bytes | None = None

    def add(self, part: Part, data: bytes) -> None:
        """Note a part that begins (`data` is empty then), or more of the name."""
        if part.name == "file":
            if self.file not in (None, part):
                raise invalid(
                    "too_many_files", "One zip makes one dataset; send each in a request of its own.", "/file"
                )
            self.file = part
        elif part.name == "name":
            self._name = (self._name or b"") + data
            if len(self._name) > MAX_FIELD_BYTES:
                raise invalid("invalid_name", "The name is too long.", "/name")
        else:
            raise invalid("invalid_request", f"There is no field '{part.name}' here.", pointer([part.name]))

    def chosen_name(self) -> str:
        """The field, else the query's, else the file's own name without its ending."""
        if self._name is not None:
            return clean_name(self._name.decode("utf-8", "replace"), "dataset", "/name")
        if self._query_name is not None:
            return clean_name(self._query_name, "dataset", "?name")
        filename = (self.file.filename if self.file else None) or ""
        return clean_name(PurePosixPath(filename.replace("\\", "/")).stem, "dataset", "/name")

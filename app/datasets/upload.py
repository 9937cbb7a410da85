"""Reads an uploaded archive from a request, raw or out of a form, into a scratch folder."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from starlette.requests import Request

from app.core.errors import invalid
from app.http.display_names import clean
from app.http.file_upload import Received, Sink, received
from app.http.multipart import MULTIPART, SLACK, Part, parts
from app.http.pointers import pointer
from app.http.request_body import Cap, limited, media_type, unsupported

RAW = ("application/zip", "application/x-zip-compressed", "application/octet-stream")
LONGEST_FIELD = 4096  # bytes


@dataclass(frozen=True)
class Upload:
    """An archive and what to call it."""

    name: str
    file: Received


async def receive(request: Request, folder: Path, name: str | None, most: Cap) -> Upload:
    """The upload, with `name` from the query. ServiceError for whatever is wrong with it."""
    kind = media_type(request)
    if kind == MULTIPART:
        return await _form(request, folder, name, most)
    if kind not in RAW:
        raise unsupported(request, "application/zip with ?name=, or multipart/form-data with name and file")
    name = clean(name, "dataset", "?name")
    return Upload(name, await received(request, folder / "upload", most, "the zip"))


async def _form(request: Request, folder: Path, name: str | None, most: Cap) -> Upload:
    form = _Form(name)
    with Sink(folder / "upload", most) as sink:
        async for part, data in parts(request, limited(request, Cap(most.bytes + SLACK, most.refusal))):
            form.take(part, data)
            if part is form.file:
                await sink.write(data)
        file = await sink.finish()
    if form.file is None:
        raise invalid("file_required", "The form has no part called 'file'.", "/file")
    return Upload(form.chosen_name(), file)


class _Form:
    """The form's fields so far."""

    def __init__(self, name: str | None) -> None:
        self.file: Part | None = None
        self._query_name = name
        self._name: bytes | None = None

    def take(self, part: Part, data: bytes) -> None:
        """Note a part that begins (`data` is empty then), or more of the name."""
        if part.name == "file":
            if self.file not in (None, part):
                raise invalid("too_many_files", "One zip makes one dataset; the form has several.", "/file")
            self.file = part
        elif part.name == "name":
            self._name = (self._name or b"") + data
            if len(self._name) > LONGEST_FIELD:
                raise invalid("invalid_name", "The name is far too long.", "/name")
        else:
            raise invalid("invalid_request", f"There is no field '{part.name}' here.", pointer([part.name]))

    def chosen_name(self) -> str:
        """The field, else the query's, else the file's own name without its ending."""
        if self._name is not None:
            return clean(self._name.decode("utf-8", "replace"), "dataset", "/name")
        if self._query_name is not None:
            return clean(self._query_name, "dataset", "?name")
        filename = (self.file.filename if self.file else None) or ""
        return clean(PurePosixPath(filename.replace("\\", "/")).stem, "dataset", "/name")

"""Files that a job shows while it runs, such as pictures of what it sees."""

import hashlib
from urllib.parse import quote

from starlette.responses import Response

from app.context import Context
from app.core.database.tables import Artifact
from app.core.errors import not_found
from app.core.jobs import transitions
from app.http.etags import matches
from app.http.pagination import Listing, PageRequest, paginate
from app.jobs import queries
from app.jobs.schemas import ArtifactResponse

# A name keeps its place while its content changes with every epoch: a browser shall ask again, with the tag.
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}


def page(context: Context, job_id: str, page_request: PageRequest) -> Listing[ArtifactResponse]:
    """A job's artifacts, by name."""
    with context.database.reading() as session:
        transitions.get(session, job_id)
        statement, key = queries.artifacts(job_id), (Artifact.name,)
        return paginate(session, statement, key, page_request, _answer, newest_first=False)


def _answer(row: Artifact) -> ArtifactResponse:
    return ArtifactResponse(
        name=row.name,
        media_type=row.media_type,
        bytes=row.bytes,
        run=row.run,
        epoch=row.epoch,
        created_at=row.created_at,
        url=f"/v1/jobs/{row.job_id}/artifacts/{quote(row.name, safe='')}",
    )


def download(context: Context, job_id: str, name: str, if_none_match: str | None) -> Response:
    """The file, or 304 when the caller has it already. 404 `artifact_not_found`."""
    row, data = _read(context, job_id, name)
    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    headers = {**HEADERS, "ETag": etag}
    if if_none_match is not None and matches(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=row.media_type)


def _read(context: Context, job_id: str, name: str) -> tuple[Artifact, bytes]:
    """The row and its file. A running job may put a newer file in its place between the two: then that one."""
    row = _find(context, job_id, name)
    while True:
        try:
            return row, context.storage.path(row.key).read_bytes()
        except FileNotFoundError as error:
            newer = _find(context, job_id, name)
            if newer.key == row.key:
                raise not_found("artifact", name) from error
            row = newer


def _find(context: Context, job_id: str, name: str) -> Artifact:
    with context.database.reading() as session:
        transitions.get(session, job_id)
        row = session.get(Artifact, (job_id, name))
    if row is None:
        raise not_found("artifact", name)
    return row

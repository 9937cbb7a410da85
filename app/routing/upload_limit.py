"""The size limit of an upload: the service's limit, or the rest of the tenant's quota."""

from starlette.concurrency import run_in_threadpool

from app.context import Context
from app.core import quotas
from app.http.file_upload import UPLOAD_TOO_LARGE
from app.http.request_body import BodyLimit, body_limit


async def upload_limit(context: Context, max_bytes: int) -> BodyLimit:
    """Return the smaller of `max_bytes` (413 `upload_too_large`) and the tenant's remaining storage (429)."""

    def read_limit() -> BodyLimit:
        with context.database.reading() as session:
            remaining = quotas.remaining_storage(session, context.settings)
        if remaining is None or remaining.bytes > max_bytes:
            return body_limit(max_bytes, UPLOAD_TOO_LARGE)
        return BodyLimit(remaining.bytes, remaining.error)

    return await run_in_threadpool(read_limit)

"""`/v1/datasets`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool

from app.context import Ctx
from app.core import retry_after
from app.datasets import response_examples, service
from app.datasets.schemas import DatasetList, DatasetResponse, RejectionList, RejectionResponse
from app.datasets.upload import receive
from app.http.idempotency import IN_FLIGHT, IdempotencyKeyHeader
from app.http.pagination import Listing, PageQuery
from app.http.problems import problem_responses, temporary_conflict
from app.http.response_headers import LOCATION, RETRY_AFTER, sometimes
from app.http.responses import success_response
from app.routing.guarded_route import GuardedRoute
from app.routing.upload_limit import upload_limit

router = APIRouter(prefix="/v1/datasets", tags=["datasets"], route_class=GuardedRoute, responses=problem_responses(422))

UNTIL_PREPARED = sometimes(RETRY_AFTER, "until the dataset has been prepared")
BINARY = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "name": {"type": "string", "description": "the dataset's name; by default the file's, without its ending"},
        "file": {"type": "string", "format": "binary", "description": "the zip"},
    },
}
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": BINARY, "multipart/form-data": {"schema": FORM}},
    }
}


@router.post(
    "",
    status_code=202,
    openapi_extra=UPLOAD,
    responses={
        **problem_responses(413, 415, 507),
        **temporary_conflict(IN_FLIGHT),
        **success_response(202, response_examples.PREPARING, LOCATION),
    },
)
async def create_dataset(
    request: Request,
    response: Response,
    context: Ctx,
    key: IdempotencyKeyHeader = None,
    name: Annotated[str | None, Query(description="needed with a raw body")] = None,
) -> DatasetResponse:
    """Upload a zip of class folders, of split folders with class folders, or of images without folders (unlabelled)."""
    limit = await upload_limit(context, context.settings.max_upload_bytes)
    async with contextmanager_in_threadpool(context.storage.incoming()) as folder:
        upload = await receive(request, folder, name, limit)
        dataset = await run_in_threadpool(service.create, context, upload, key)
    response.headers["Location"] = f"/v1/datasets/{dataset.id}"
    return dataset


@router.get("", response_model=DatasetList, responses=success_response(200, response_examples.LIST))
def list_datasets(context: Ctx, page: PageQuery) -> Listing[DatasetResponse]:
    """Newest first."""
    return service.page(context, page)


@router.get(
    "/{dataset_id}",
    responses={**problem_responses(404), **success_response(200, response_examples.READY, UNTIL_PREPARED)},
)
def get_dataset(dataset_id: str, response: Response, context: Ctx) -> DatasetResponse:
    """A dataset; `Retry-After` says when to ask again while it is being prepared."""
    dataset = service.get(context, dataset_id)
    if dataset.status == "preparing":
        response.headers["Retry-After"] = str(retry_after.POLL)
    return dataset


@router.get(
    "/{dataset_id}/rejections",
    response_model=RejectionList,
    responses={**problem_responses(404), **success_response(200, response_examples.REJECTIONS)},
)
def list_rejections(dataset_id: str, context: Ctx, page: PageQuery) -> Listing[RejectionResponse]:
    """The files that were left out, each with its reason."""
    return service.rejections(context, dataset_id, page)


@router.delete("/{dataset_id}", status_code=204, responses=problem_responses(404, 409))
def delete_dataset(dataset_id: str, context: Ctx) -> None:
    """Delete a dataset and its files; models that came from it stay."""
    service.delete(context, dataset_id)

"""`/v1/keys`: a tenant's own keys, for those who have its `admin` scope."""

from fastapi import APIRouter, Response

from app.context import Ctx
from app.core.errors import invalid
from app.http.pagination import Listing, PageQuery
from app.http.problems import problem_responses
from app.http.response_headers import LOCATION
from app.http.responses import success_response
from app.keys import response_examples, service
from app.keys.schemas import KeyList, KeyRequest, KeyResponse, NewKeyResponse
from app.routing.guarded_route import GuardedRoute, requires_scope

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=GuardedRoute, responses=problem_responses(422))


@router.post(
    "",
    status_code=201,
    responses={**problem_responses(400, 413, 415), **success_response(201, response_examples.NEW, LOCATION)},
)
@requires_scope("admin")
def create_key(request: KeyRequest, response: Response, context: Ctx) -> NewKeyResponse:
    """Make a key. Its `token` is in this answer and nowhere else, ever after."""
    expires = request.expires_at
    if expires is not None and expires.tzinfo is None:
        raise invalid("invalid_expiry", "Say in which time zone: '2030-01-01T00:00:00Z'.", "/expires_at")
    key = service.create(context.database, request.name, request.scope, expires.timestamp() if expires else None)
    response.headers["Location"] = f"/v1/keys/{key.id}"
    response.headers["Cache-Control"] = "no-store"
    return key


@router.get("", response_model=KeyList, responses=success_response(200, response_examples.LIST))
@requires_scope("admin")
def list_keys(context: Ctx, page: PageQuery) -> Listing[KeyResponse]:
    """Newest first, with those that are revoked or expired."""
    return service.page(context.database, page)


@router.get("/{key_id}", responses={**problem_responses(404), **success_response(200, response_examples.VALID)})
@requires_scope("admin")
def get_key(key_id: str, context: Ctx) -> KeyResponse:
    """A key, without its secret."""
    return service.get(context.database, key_id)


@router.delete("/{key_id}", responses={**problem_responses(404), **success_response(200, response_examples.REVOKED)})
@requires_scope("admin")
def revoke_key(key_id: str, context: Ctx) -> KeyResponse:
    """Revoke a key, at once; it stays in the list."""
    return service.revoke(context.database, key_id)

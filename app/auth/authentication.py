"""Who is calling, and whether they may: the first thing that happens to a request."""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.auth import queries
from app.auth.rate_limit import RateLimiter
from app.auth.scopes import Scope, covers
from app.auth.tokens import matches_digest, split_token
from app.core.database.sessions import Database
from app.core.database.tables import LOCAL_TENANT
from app.core.errors import ServiceError
from app.core.quotas import requests_per_minute
from app.core.settings import Settings

BEARER = "bearer"


@dataclass(frozen=True)
class Principal:
    """Whose request it is. `key`: None for somebody at the machine itself, who needs none."""

    tenant: str
    scope: str
    key: str | None


LOCAL_PRINCIPAL = Principal(LOCAL_TENANT, "admin", None)


async def authenticate(
    request: Request, database: Database, settings: Settings, rate_limiter: RateLimiter, required: Scope
) -> Principal:
    """Who sent this, if they may. 401 `key_required` or `invalid_key`, 403 `scope_too_small`, 429 `too_many_requests`.

    A key that is sent is looked at even where none is required. Its row is read anew for every request: what is revoked
    is revoked at once, in every process. A tenant's limit is read once a second.
    """
    token = _bearer_token(request)
    principal = (
        _anonymous_principal(settings)
        if token is None
        else await run_in_threadpool(_principal_of_token, database, token)
    )
    if not rate_limiter.is_fresh(principal.tenant):
        rate_limiter.set_limit(
            principal.tenant, await run_in_threadpool(requests_per_minute, database, settings, principal.tenant)
        )
    rate_limiter.acquire(principal.tenant)
    if not covers(principal.scope, required):
        message = f"This needs a key of scope '{required}'; yours is of scope '{principal.scope}'."
        raise ServiceError("forbidden", "scope_too_small", message)
    return principal


def check_operator(principal: Principal) -> None:
    """403 `operators_only` for a tenant: what this shows is everybody's."""
    if principal.tenant != LOCAL_TENANT:
        raise ServiceError("forbidden", "operators_only", f"This is for keys of the tenant '{LOCAL_TENANT}' alone.")


def _anonymous_principal(settings: Settings) -> Principal:
    if settings.require_keys:
        raise _unauthorized("key_required", "Send an API key: 'Authorization: Bearer key_...'.")
    return LOCAL_PRINCIPAL


def _principal_of_token(database: Database, token: str) -> Principal:
    key_id, secret = split_token(token)
    key = queries.ACTIVE_KEYS.find(database, key_id)
    if key is None or not matches_digest(secret, key.digest):
        raise _unauthorized("invalid_key", "This API key is unknown, expired or revoked.")
    return Principal(key.tenant, key.scope, key.id)


def is_still_valid(database: Database, principal: Principal) -> bool:
    """Whether an answer that takes long may go on."""
    return principal.key is None or queries.ACTIVE_KEYS.find(database, principal.key) is not None


def _bearer_token(request: Request) -> str | None:
    """The token; an Authorization of another kind is a token that nobody has."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == BEARER else ""


def _unauthorized(code: str, message: str) -> ServiceError:
    return ServiceError("unauthorized", code, message, headers={"WWW-Authenticate": "Bearer"})

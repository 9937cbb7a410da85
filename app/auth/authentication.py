"""Authentication and permissions: the first check of a request."""

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
    """The authenticated caller. `key`: the API key's id; None for local access without a key."""

    tenant: str
    scope: str
    key: str | None


LOCAL_PRINCIPAL = Principal(LOCAL_TENANT, "admin", None)


async def authenticate(
    request: Request, database: Database, settings: Settings, rate_limiter: RateLimiter, required: Scope
) -> Principal:
    """Return the caller if the request is permitted.

    401 `key_required` or `invalid_key`, 403 `scope_too_small`, 429 `too_many_requests`.

    A key that is sent is checked even where none is required. Its row is read for every request, so that a revocation
    takes effect at once in every process. A tenant's rate limit is read once a second.
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
        raise _unauthorized(
            "invalid_key",
            "This API key is unknown, expired or revoked. Ask an administrator of your tenant for a new one.",
        )
    return Principal(key.tenant, key.scope, key.id)


def is_still_valid(database: Database, principal: Principal) -> bool:
    """Return whether a long response, such as an event stream, may continue."""
    return principal.key is None or queries.ACTIVE_KEYS.find(database, principal.key) is not None


def _bearer_token(request: Request) -> str | None:
    """Return the token, or None without the header. 401 `invalid_key` for another authorization scheme."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() != BEARER:
        message = "The Authorization header must have the scheme 'Bearer': 'Authorization: Bearer key_...'."
        raise _unauthorized("invalid_key", message)
    return value.strip()


def _unauthorized(code: str, message: str) -> ServiceError:
    return ServiceError("unauthorized", code, message, headers={"WWW-Authenticate": "Bearer"})

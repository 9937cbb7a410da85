"""Who is calling, and whether they may: the first thing that happens to a request."""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from app.auth import queries
from app.auth.rate_limit import Pace
from app.auth.scopes import Scope, covers
from app.auth.tokens import is_secret, parted
from app.core.database.sessions import Database
from app.core.database.tables import LOCAL_TENANT
from app.core.errors import ServiceError
from app.core.quotas import requests_per_minute
from app.core.settings import Settings

BEARER = "bearer"


@dataclass(frozen=True)
class Caller:
    """Whose request it is. `key`: None for somebody at the machine itself, who needs none."""

    tenant: str
    scope: str
    key: str | None


AT_THE_MACHINE = Caller(LOCAL_TENANT, "admin", None)


async def admit(request: Request, database: Database, settings: Settings, pace: Pace, needed: Scope) -> Caller:
    """Who sent this, if they may. 401 `key_required` or `invalid_key`, 403 `scope_too_small`, 429 `too_many_requests`.

    A key that is sent is looked at even where none is required. Its row is read anew for every request: what is revoked
    is revoked at once, in every process. A tenant's limit is read once a second.
    """
    sent = _sent(request)
    who = _without_key(settings) if sent is None else await run_in_threadpool(_caller, database, sent)
    if not pace.knows(who.tenant):
        pace.learn(who.tenant, await run_in_threadpool(requests_per_minute, database, settings, who.tenant))
    pace.take(who.tenant)
    if not covers(who.scope, needed):
        message = f"This needs a key of scope '{needed}'; yours is of scope '{who.scope}'."
        raise ServiceError("forbidden", "scope_too_small", message)
    return who


def check_operator(who: Caller) -> None:
    """403 `operators_only` for a tenant: what this shows is everybody's."""
    if who.tenant != LOCAL_TENANT:
        raise ServiceError("forbidden", "operators_only", f"This is for keys of the tenant '{LOCAL_TENANT}' alone.")


def _without_key(settings: Settings) -> Caller:
    if settings.require_keys:
        raise _unauthorized("key_required", "Send an API key: 'Authorization: Bearer key_...'.")
    return AT_THE_MACHINE


def _caller(database: Database, sent: str) -> Caller:
    key_id, secret = parted(sent)
    key = queries.LIVING.find(database, key_id)
    if key is None or not is_secret(secret, key.digest):
        raise _unauthorized("invalid_key", "This API key is unknown, expired or revoked.")
    return Caller(key.tenant, key.scope, key.id)


def still_valid(database: Database, who: Caller) -> bool:
    """Whether an answer that takes long may go on."""
    return who.key is None or queries.LIVING.find(database, who.key) is not None


def _sent(request: Request) -> str | None:
    """The token; an Authorization of another kind is a token that nobody has."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    kind, _, value = header.partition(" ")
    return value.strip() if kind.lower() == BEARER else ""


def _unauthorized(code: str, message: str) -> ServiceError:
    return ServiceError("unauthorized", code, message, headers={"WWW-Authenticate": "Bearer"})

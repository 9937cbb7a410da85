"""Authentication and permissions: keys in every state, scopes, and the tenant's rate."""

import asyncio
import time

import pytest
from sqlalchemy import update
from starlette.requests import Request

from app.auth import queries
from app.auth.authentication import LOCAL_PRINCIPAL, Principal, authenticate, check_operator, is_still_valid
from app.auth.rate_limit import RateLimiter
from app.auth.scopes import Scope
from app.core.database.sessions import Database
from app.core.database.tables import Key, Tenant
from app.core.errors import ServiceError
from app.core.settings import Settings
from tests.app.bearer_tokens import bearer, create_token

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Door:
    """The check of requests to one process."""

    def __init__(self, database: Database, **settings: object) -> None:
        self._database, self._settings = database, Settings(**settings)
        self.seconds = 0.0
        self._rate_limiter = RateLimiter(lambda: self.seconds)

    def admit(self, headers: dict[str, str] | None = None, required: Scope = "read") -> Principal:
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        request = Request({"type": "http", "headers": raw})
        return asyncio.run(authenticate(request, self._database, self._settings, self._rate_limiter, required))

    def refusal(self, headers: dict[str, str] | None = None, required: Scope = "read") -> ServiceError:
        with pytest.raises(ServiceError) as refused:
            self.admit(headers, required)
        return refused.value


@sqlite
def test_without_a_key_the_caller_is_local_or_refused(database: Database) -> None:
    assert Door(database).admit(required="admin") == LOCAL_PRINCIPAL == Principal("local", "admin", None)
    refused = Door(database, require_keys=True).refusal()
    assert (refused.kind, refused.code) == ("unauthorized", "key_required")
    assert refused.headers == {"WWW-Authenticate": "Bearer"}
    assert "'Authorization: Bearer key_...'" in refused.message


@sqlite
@pytest.mark.parametrize("require_keys", [True, False])
def test_a_key_tells_its_tenant_and_scope(database: Database, require_keys: bool) -> None:
    door = Door(database, require_keys=require_keys)
    for tenant, scope in (("local", "admin"), ("birds", "read")):
        token = create_token(database, scope, tenant=tenant)
        expected = Principal(tenant, scope, token.partition(".")[0])
        assert door.admit(bearer(token)) == expected
        assert door.admit({"Authorization": f"bearer   {token} "}) == expected


@sqlite
@pytest.mark.parametrize("require_keys", [True, False])
def test_a_key_that_is_sent_must_be_right(database: Database, require_keys: bool) -> None:
    """Also where none is needed: who sends one believes that it holds."""
    door = Door(database, require_keys=require_keys)
    key_id, secret = create_token(database).split(".")
    others = create_token(database).partition(".")[2]
    wrong = [
        f"{key_id}.{others}",
        f"key_0.{secret}",
        key_id,
        f"{key_id}.",
        f"{key_id}.{secret}x",
        f"x{key_id}.{secret}",
    ]
    for token in (*wrong, f"{key_id}.{secret[:-1]}", f"{key_id} {secret}", "", ".", "." * 10_000, "\xff.\xff"):
        refused = door.refusal(bearer(token))
        assert (refused.kind, refused.code) == ("unauthorized", "invalid_key"), token
        assert refused.headers == {"WWW-Authenticate": "Bearer"}
        assert secret not in str(refused)


@sqlite
def test_another_scheme_is_told_to_send_bearer(database: Database) -> None:
    door, token = Door(database), create_token(database)
    for header in (f"Basic {token}", token, "", f"Bearer:{token}", f"Bearer\t{token}"):
        refused = door.refusal({"Authorization": header})
        assert refused.code == "invalid_key"
        assert "'Bearer'" in refused.message


def test_a_key_holds_until_it_is_revoked_or_expires(database: Database) -> None:
    """On the database's clock, for the next request of every process."""
    doors = [Door(database, require_keys=True) for _ in range(2)]
    revoked, expiring = create_token(database), create_token(database, expires_at=time.time() + 3600)
    for token in (revoked, expiring):
        principals = [door.admit(bearer(token)) for door in doors]
        assert all(is_still_valid(database, principal) for principal in principals)
        with database.writing() as session:
            if token is revoked:
                queries.revoke(session, principals[0].key or "")
            else:
                session.execute(update(Key).where(Key.id == principals[0].key).values(expires_at=time.time() - 0.1))
        assert [door.refusal(bearer(token)).code for door in doors] == ["invalid_key"] * 2
        assert not any(is_still_valid(database, principal) for principal in principals)


@sqlite
def test_a_caller_without_a_key_stays_valid(database: Database) -> None:
    assert is_still_valid(database, LOCAL_PRINCIPAL)


@sqlite
def test_a_scope_that_is_too_small(database: Database) -> None:
    door, token = Door(database), create_token(database, "write")
    assert door.admit(bearer(token), "write").scope == "write"
    refused = door.refusal(bearer(token), "admin")
    assert (refused.kind, refused.code) == ("forbidden", "scope_too_small")
    assert refused.message == "This needs a key of scope 'admin'; yours is of scope 'write'."
    assert refused.headers == {}


@sqlite
def test_requests_are_counted_by_tenant_whatever_becomes_of_them(database: Database) -> None:
    door = Door(database, limit_requests=3)
    keys = [bearer(create_token(database, "read", tenant="birds")) for _ in range(2)]
    door.admit(keys[0])
    door.admit(keys[1])
    assert door.refusal(keys[0], "write").code == "scope_too_small"
    refused = door.refusal(keys[1])
    assert (refused.kind, refused.code, refused.retry_after) == ("limited", "too_many_requests", 20)
    door.admit()
    assert door.refusal(bearer("key_0.x")).code == "invalid_key"  # of no tenant


@sqlite
def test_a_changed_limit_holds_within_a_second(database: Database) -> None:
    door, key = Door(database, limit_requests=1), bearer(create_token(database, tenant="birds"))
    door.admit(key)
    with database.writing() as session:
        session.execute(update(Tenant).where(Tenant.name == "birds").values(requests=600))
    assert door.refusal(key).code == "too_many_requests"
    door.seconds = 1.0
    door.admit(key)


def test_what_is_everybodys_is_for_the_operators() -> None:
    check_operator(LOCAL_PRINCIPAL)
    check_operator(Principal("local", "read", "key_1"))
    with pytest.raises(ServiceError, match="operators_only") as refused:
        check_operator(Principal("birds", "admin", "key_1"))
    assert refused.value.kind == "forbidden"

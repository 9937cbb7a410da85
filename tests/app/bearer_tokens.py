"""API keys, made as the command line makes them, and clients that send them."""

import httpx

from app.auth.scopes import Scope
from app.core.database.sessions import Database
from app.keys import service
from tests.app.http_clients import client_of


def create_token(
    database: Database, scope: Scope = "admin", tenant: str = "local", expires_at: float | None = None
) -> str:
    """The token of a new key."""
    return service.create(database.for_tenant(tenant), "a test's", scope, expires_at).token


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def with_token(client: httpx.Client, token: str) -> httpx.Client:
    """Another client of the same server that sends the token with everything."""
    return client_of(client.base_url, headers=bearer(token))

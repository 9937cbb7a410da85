"""The context that endpoints receive: everything that is shared, with the caller's rows alone."""

import asyncio
from dataclasses import FrozenInstanceError, fields

import httpx
import pytest
from fastapi import FastAPI, Request

from app.auth.authentication import LOCAL_PRINCIPAL, Principal
from app.context import Context, Ctx, CurrentPrincipal, UnscopedCtx, context_of
from app.core.database.sessions import Database
from app.core.settings import Settings
from tests.app.application_context import make_context

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_tenants_context_differs_in_its_database_alone(settings: Settings, database: Database) -> None:
    async def check() -> None:
        context = make_context(settings, database)
        own = context.for_tenant("birds")
        assert (context.database.tenant, own.database.tenant) == (None, "birds")
        assert own.database.engine is database.engine
        for field in fields(Context):
            assert field.name == "database" or getattr(own, field.name) is getattr(context, field.name)
        with pytest.raises(FrozenInstanceError):
            own.database = database  # type: ignore[misc]

    asyncio.run(check())


def application() -> FastAPI:
    """Endpoints that answer what they receive, behind a guard that lets in the tenant of a header."""
    app = FastAPI()

    async def guard(request: Request, call_next):  # type: ignore[no-untyped-def]
        tenant = request.headers.get("tenant")
        request.state.principal = Principal(tenant, "read", "key_1") if tenant else LOCAL_PRINCIPAL
        return await call_next(request)

    app.middleware("http")(guard)

    @app.get("/scoped")
    async def scoped(context: Ctx, principal: CurrentPrincipal) -> list[str | None]:
        return [context.database.tenant, principal.tenant]

    @app.get("/unscoped")
    async def unscoped(request: Request, context: UnscopedCtx) -> list[bool | str | None]:
        return [context.database.tenant, context is context_of(request) is request.app.state.context]

    return app


@pytest.mark.parametrize(("headers", "tenant"), [({"tenant": "birds"}, "birds"), ({}, "local")])
def test_an_endpoint_receives_the_callers_context(
    settings: Settings, database: Database, headers: dict[str, str], tenant: str
) -> None:
    async def check() -> None:
        app = application()
        app.state.context = make_context(settings, database)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            assert (await client.get("/scoped", headers=headers)).json() == [tenant, tenant]
            assert (await client.get("/unscoped", headers=headers)).json() == [None, True]

    asyncio.run(check())

"""The size limit of an upload: the service's and the tenant's."""

import asyncio

import pytest
from sqlalchemy import update

from app.auth import queries
from app.core.database.sessions import Database
from app.core.database.tables import Tenant
from app.core.settings import Settings
from app.http.request_body import BodyLimit
from app.routing.upload_limit import upload_limit
from tests.app.application_context import make_context
from tests.app.row_factories import add_dataset

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MAX_BYTES = 1000
TOO_LARGE, QUOTA = "upload_too_large", "storage_quota_exceeded"


def limit_of(settings: Settings, database: Database, tenant: str = "local", **changed: object) -> BodyLimit:
    async def read() -> BodyLimit:
        context = make_context(settings.model_copy(update=changed), database)
        return await upload_limit(context.for_tenant(tenant), MAX_BYTES)

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("storage", "stored", "expected", "code"),
    [
        (None, 0, MAX_BYTES, TOO_LARGE),
        (None, 10**12, MAX_BYTES, TOO_LARGE),
        (5000, 100, MAX_BYTES, TOO_LARGE),
        (1001, 0, MAX_BYTES, TOO_LARGE),
        (1000, 0, 1000, QUOTA),  # as much as fits: one byte more is beyond both
        (1000, 300, 700, QUOTA),
        (1000, 1000, 0, QUOTA),
        (1000, 5000, 0, QUOTA),
        (0, 0, 0, QUOTA),
    ],
)
def test_the_smaller_limit_counts_and_its_refusal_is_told(
    settings: Settings, database: Database, storage: int | None, stored: int, expected: int, code: str
) -> None:
    if stored:
        add_dataset(database, packed_bytes=stored - 1)  # its archive has one byte
    limit = limit_of(settings, database, limit_storage_bytes=storage)
    assert (limit.bytes, limit.error.code) == (expected, code)
    assert limit.error.kind == ("limited" if code == QUOTA else "too_large")
    assert (limit.error.retry_after is not None) == (code == QUOTA)


def test_each_tenant_has_its_own_limit_and_its_own_files(settings: Settings, database: Database) -> None:
    add_dataset(database.for_tenant("birds"), packed_bytes=99)
    with database.writing() as session:
        queries.add_tenant(session, "small")
        session.execute(update(Tenant).where(Tenant.name == "small").values(storage_bytes=50))
    limits = {
        tenant: limit_of(settings, database, tenant, limit_storage_bytes=800).bytes
        for tenant in ("birds", "small", "others")
    }
    assert limits == {"birds": 700, "small": 50, "others": 800}

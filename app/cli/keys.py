"""`imprint keys` and `imprint tenants`: for whoever has the machine, and so needs no key to make one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy import select, update

from app.auth import queries
from app.auth.scopes import SCOPES, Scope, covers
from app.cli.options import Data, database_errors, exit_with_error, settings_of
from app.core.database import migrate as schema
from app.core.database.clock import iso
from app.core.database.sessions import Database
from app.core.database.tables import LOCAL_TENANT, Key, Tenant
from app.core.errors import ServiceError
from app.core.settings import Settings
from app.keys import service

keys = typer.Typer(help="API keys.", no_args_is_help=True)
tenants = typer.Typer(help="Who has keys, and what they may use.", no_args_is_help=True)

TenantName = Annotated[str, typer.Option("--tenant", help="Whose key it is; 'local' are the operators.")]


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database, with a schema where there was none; a refusal ends the command with its message."""
    with database_errors():
        schema.ensure(settings.resolved_database_url)
    database = Database(settings.resolved_database_url)
    try:
        yield database
    except ServiceError as error:
        exit_with_error(error.message)
    finally:
        database.close()


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[str, typer.Option(help=f"One of {', '.join(SCOPES)}; each holds those before it.")] = "write",
    tenant: TenantName = LOCAL_TENANT,
    days: Annotated[int | None, typer.Option(min=1, help="Until it expires; without it, it does not.")] = None,
    data: Data = None,
) -> None:
    """Make a key, and print it: this is the only time that it can be seen."""
    expires = (datetime.now(UTC) + timedelta(days=days)).timestamp() if days else None
    with open_database(settings_of(data)) as database:
        own = database.for_tenant(service.check_tenant(tenant))
        typer.echo(service.create(own, name, _scope(scope), expires).token)


@keys.command("list")
def list_keys(data: Data = None) -> None:
    """Every tenant's keys, without their secrets."""
    with open_database(settings_of(data)) as database, database.reading() as session:
        for key in session.scalars(select(Key).order_by(Key.tenant, Key.created_at, Key.id)):
            ends = f"revoked {iso(key.revoked_at)}" if key.revoked_at else f"expires {iso(key.expires_at) or 'never'}"
            typer.echo(f"{key.id}  {key.tenant}  {key.scope}  {ends}  {key.name}")


@keys.command()
def revoke(key_id: str, data: Data = None) -> None:
    """Make a key useless, at once."""
    with open_database(settings_of(data)) as database:
        service.revoke(database, key_id)


@tenants.command("list")
def list_tenants(data: Data = None) -> None:
    """Tenants and the limits of their own; '-' is the service's default."""
    with open_database(settings_of(data)) as database, database.reading() as session:
        for row in session.scalars(select(Tenant).order_by(Tenant.name)):
            overrides = {"storage": row.storage_bytes, "images": row.images, "jobs": row.jobs, "requests": row.requests}
            limits = "  ".join(f"{name} {'-' if limit is None else limit}" for name, limit in overrides.items())
            typer.echo(f"{row.name}  {limits}")


@tenants.command()
def limit(
    tenant: str,
    storage: Annotated[int | None, typer.Option(min=0, help="Bytes of all files together.")] = None,
    images: Annotated[int | None, typer.Option(min=0, help="Images in all datasets.")] = None,
    jobs: Annotated[int | None, typer.Option(min=0, help="Jobs that have not ended.")] = None,
    requests: Annotated[int | None, typer.Option(min=1, help="Requests in a minute.")] = None,
    data: Data = None,
) -> None:
    """Set a tenant's limits; what is left out becomes the service's default."""
    with open_database(settings_of(data)) as database, database.writing() as session:
        queries.add_tenant(session, service.check_tenant(tenant))
        values = {"storage_bytes": storage, "images": images, "jobs": jobs, "requests": requests}
        session.execute(update(Tenant).where(Tenant.name == tenant).values(**values))


def _scope(name: str) -> Scope:
    if name not in SCOPES:
        exit_with_error(f"there is no scope '{name}'; there are {', '.join(SCOPES)}")
    return name


def admin_key_exists(settings: Settings) -> bool:
    """Return whether a usable admin key exists, without which nobody could call a service that requires keys."""
    with open_database(settings) as database:
        return has_admin_key(database)


def has_admin_key(database: Database) -> bool:
    """Return whether a key of scope `admin` can be used now."""
    with database.reading() as session:
        return any(covers(key.scope, "admin") for key in session.scalars(select(Key).where(queries.is_active())))

"""Tenant isolation: a tenant's session finds only that tenant's rows, and what it adds belongs to the tenant.

This holds for every ORM statement of the session, `get` included, so that no query can forget it. Core inserts must
name `tenant_of(session)` themselves.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, object_session, with_loader_criteria

from app.core.database.tables import LOCAL_TENANT, TenantOwned

TENANT = "tenant"


def tenant_of(session: Session) -> str:
    """Return the session's tenant; the operators' if it is not restricted to one."""
    return str(session.info.get(TENANT, LOCAL_TENANT))


@event.listens_for(Session, "do_orm_execute")
def _filter_by_tenant(state: ORMExecuteState) -> None:
    tenant = state.session.info.get(TENANT)
    if tenant is None or state.is_insert or state.is_column_load or state.is_relationship_load:
        return
    criteria = with_loader_criteria(TenantOwned, lambda table: table.tenant == tenant, include_aliases=True)
    state.statement = state.statement.options(criteria)


@event.listens_for(TenantOwned, "before_insert", propagate=True)
def _set_tenant(_mapper: Mapper[Any], _connection: Any, row: TenantOwned) -> None:
    session = object_session(row)
    if session is not None and TENANT in session.info:
        row.tenant = session.info[TENANT]

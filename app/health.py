"""Liveness, readiness and metrics of the process."""

from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from app.auth.authentication import check_operator
from app.context import CurrentPrincipal, UnscopedCtx
from app.core import retry_after
from app.core.database.sessions import Database
from app.core.database.tables import Base
from app.core.errors import ServiceError
from app.http.problems import problem_responses
from app.http.responses import ResponseModel, success_response
from app.routing.guarded_route import GuardedRoute, requires_scope

router = APIRouter(tags=["health"])
metrics_router = APIRouter(tags=["health"], route_class=GuardedRoute)


WELL = success_response(200, {"status": "ok"})


class Health(ResponseModel):
    """The answer of a healthy service; otherwise the answer is a problem."""

    status: Literal["ok"] = Field("ok", description="always `ok`")


@router.get("/livez", responses=WELL)
async def live() -> Health:
    """The process answers."""
    return Health()


@router.get("/readyz", responses={**problem_responses(503), **WELL})
def ready(context: UnscopedCtx) -> Health:
    """The database answers and its tables are there."""
    try:
        missing = missing_tables(context.database)
    except SQLAlchemyError as error:
        raise _not_ready("The database does not answer.") from error
    if missing:
        raise _not_ready("The database has no schema yet; run `imprint migrate`.")
    return Health()


def missing_tables(database: Database) -> set[str]:
    """The tables that the code knows and the database does not."""
    return set(Base.metadata.tables) - set(inspect(database.engine).get_table_names())


def _not_ready(message: str) -> ServiceError:
    return ServiceError("unavailable", "not_ready", message, retry_after=retry_after.NOT_READY)


@metrics_router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
@requires_scope("admin")
def metrics(context: UnscopedCtx, principal: CurrentPrincipal) -> Response:
    """Prometheus' text format; where keys are needed, one of the operators' with scope `admin`."""
    check_operator(principal)
    return Response(context.metrics.exposition(context.database), media_type=CONTENT_TYPE_LATEST)

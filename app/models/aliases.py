"""`/v1/aliases`: names that lead to models and can be led elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy import select

from app.context import Context, Ctx
from app.core.database.tables import Alias
from app.core.errors import absence, invalid
from app.http.pagination import Listing, PageQuery, paginate
from app.http.problems import problem_responses
from app.http.responses import success_response
from app.models import queries, response_examples
from app.models.schemas import AliasList, AliasRequest, AliasResponse
from app.routing.guarded_route import GuardedRoute

router = APIRouter(prefix="/v1/aliases", tags=["models"], route_class=GuardedRoute, responses=problem_responses(422))

# `random` and names with a capital mean something else where a job says what to start from.
RESERVED = ("random",)
AliasName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]


def set_alias(context: Context, name: str, target: str) -> AliasResponse:
    """Make a name lead to a model; requests that have begun keep the model that they began with."""
    if name.startswith("mdl_") or name in RESERVED:
        raise invalid("invalid_alias", f"'{name}' means something else already.", "name")
    with context.database.writing() as session:
        model = queries.find_for_use(session, target)
        if model is None:
            raise invalid("model_not_found", absence("model or alias", target), "/model")
        if model.status == "failed":
            raise invalid("model_failed", f"The model '{target}' failed and cannot serve.", "/model")
        queries.set_alias(session, name, model.id)
        return AliasResponse.model_validate(queries.alias(session, name))


@router.put(
    "/{name}", responses={**problem_responses(400, 413, 415), **success_response(200, response_examples.LEADS_TO_MODEL)}
)
def put_alias(name: AliasName, request: AliasRequest, context: Ctx) -> AliasResponse:
    """Create an alias, or lead it to another model at once."""
    return set_alias(context, name, request.model)


@router.get("", response_model=AliasList, responses=success_response(200, response_examples.ALIASES))
def list_aliases(context: Ctx, page: PageQuery) -> Listing[AliasResponse]:
    """By name."""
    with context.database.reading() as session:
        return paginate(session, select(Alias), (Alias.name,), page, AliasResponse.model_validate, newest_first=False)


@router.get("/{name}", responses={**problem_responses(404), **success_response(200, response_examples.LEADS_TO_MODEL)})
def get_alias(name: str, context: Ctx) -> AliasResponse:
    """The model that an alias refers to."""
    with context.database.reading() as session:
        return AliasResponse.model_validate(queries.alias(session, name))


@router.delete("/{name}", status_code=204, responses=problem_responses(404))
def delete_alias(name: str, context: Ctx) -> None:
    """Remove an alias; its model stays."""
    with context.database.writing() as session:
        session.delete(queries.alias(session, name))

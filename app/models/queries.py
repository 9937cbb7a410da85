"""SQL about models and their aliases."""

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from app.core.database.clock import now
from app.core.database.lookup import Lookup
from app.core.database.sessions import insert_into
from app.core.database.tables import Alias, Model
from app.core.database.tenancy import tenant_of
from app.core.errors import not_found
from app.core.jobs.references import is_referred_to

ALIASES = Lookup(Alias, by="name")
MODELS = Lookup(Model)


def id_of(session: Session, name: str) -> str:
    """The model's id behind an alias; anything else as it is."""
    return session.scalar(select(Alias.model).where(Alias.name == name)) or name


def find(session: Session, name: str) -> Model:
    """The model of an id or an alias, or 404."""
    model = session.get(Model, id_of(session, name))
    if model is None:
        raise not_found("model", name)
    return model


def find_for_use(session: Session, name: str) -> Model | None:
    """The model of an id or an alias, which nobody deletes before this transaction ends."""
    return session.get(Model, id_of(session, name), with_for_update={"read": True})


def get_locked(session: Session, name: str) -> Model:
    """The model, which nobody else can take into use before this transaction ends; or 404."""
    model = session.get(Model, id_of(session, name), with_for_update=True)
    if model is None:
        raise not_found("model", name)
    return model


def is_used(session: Session, model: Model) -> bool:
    """Return whether an alias refers to the model, or a job that has not ended uses it."""
    by_alias = exists().where(Alias.model == model.id)
    return bool(session.scalar(select(or_(by_alias, is_referred_to("model", model.id)))))


def alias(session: Session, name: str) -> Alias:
    """The alias, or 404."""
    row = session.scalar(select(Alias).where(Alias.name == name))
    if row is None:
        raise not_found("alias", name)
    return row


def set_alias(session: Session, name: str, model_id: str) -> None:
    """Make the alias lead to a model, whether it was there or not."""
    values = {"model": model_id, "updated_at": now()}
    insert = insert_into(session, Alias).values(tenant=tenant_of(session), name=name, **values)
    session.execute(insert.on_conflict_do_update(index_elements=["tenant", "name"], set_=values))

"""Operations on models."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.context import Context
from app.core import quotas
from app.core.database.tables import Model
from app.core.errors import conflict
from app.core.files import storage_keys
from app.core.ids import new_id
from app.core.jobs import transitions
from app.core.models.preprocessing import imagenet_input
from app.core.settings import Settings
from app.core.specs import LANES, PRETRAINED_IMAGE_SIZE, Publish
from app.http.file_upload import ReceivedFile
from app.http.idempotency import IdempotentRequest, create_idempotently, idempotent_request, release_key
from app.http.pagination import Listing, PageRequest, paginate
from app.models import queries
from app.models.schemas import ModelResponse
from app.models.weights import read_classes


def create(context: Context, file: ReceivedFile, name: str, backbone: str, key: str | None) -> ModelResponse:
    """A model of imported weights, which a worker then makes servable. Whatever goes wrong, no file stays behind."""
    classes = read_classes(file.path, backbone)
    model = Model(
        id=new_id("mdl"),
        name=name,
        status="preparing",
        backbone=backbone,
        classes=classes,
        from_labels=len(classes) > 1,  # a download of a model without classes has one output, of no meaning
        input=imagenet_input(PRETRAINED_IMAGE_SIZE).model_dump(),
        sha256=file.sha256,
        bytes=file.bytes,
    )
    stored_id = _store(context, model, file, idempotent_request("models", key, [name, backbone, file.sha256]))
    with context.database.reading() as session:
        stored = queries.find(session, stored_id)
    if stored.job is not None and stored.status == "preparing":
        context.wakeups.wake(LANES["publish"], stored.job)
    return ModelResponse.model_validate(stored)


def _store(context: Context, model: Model, file: ReceivedFile, request: IdempotentRequest | None) -> str:
    """The id that the model has: its own, or an earlier one of the same ticket."""
    own, stored_id = model.id, ""
    try:
        context.storage.keep(file.path, storage_keys.model_file(own, storage_keys.WEIGHTS))
        with context.database.writing() as session:
            stored_id = create_idempotently(session, request, lambda: _insert(session, context.settings, model))
    finally:
        if stored_id != own:
            context.storage.delete(storage_keys.model(own))
    return stored_id


def _insert(session: Session, settings: Settings, model: Model) -> str:
    quotas.check_storage(session, settings, quotas.FILES_PER_MODEL * model.bytes)
    model.job = transitions.create(session, Publish(model=model.id)).id
    session.add(model)
    session.flush()
    return model.id


def page(context: Context, page_request: PageRequest) -> Listing[ModelResponse]:
    """Models, newest first."""
    with context.database.reading() as session:
        key = (Model.created_at, Model.id)
        return paginate(session, select(Model), key, page_request, ModelResponse.model_validate)


def get(context: Context, name: str) -> ModelResponse:
    """One model, by id or alias."""
    with context.database.reading() as session:
        return ModelResponse.model_validate(queries.find(session, name))


def delete(context: Context, name: str) -> None:
    """Remove a model with its files. 409 `model_in_use` while an alias leads to it or a job needs it."""
    with context.database.writing() as session:
        model = queries.get_locked(session, name)
        if queries.is_used(session, model):
            message = "An alias leads to this model, or a job that has not ended uses it; remove the alias, or wait."
            raise conflict("model_in_use", message)
        release_key(session, model.id)
        session.delete(model)
    context.model_cache.evict(model.id)
    context.storage.delete(storage_keys.model(model.id))

"""Where a network starts from: random weights, one of our models, or torchvision's own pre-trained weights."""

from typing import Any
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision.models import get_weight

from app.core.database.tables import Model
from app.core.files.storage import DISK_FULL_ERRNOS
from app.core.models.backbones import of_weights
from app.core.specs import RANDOM, Finetune, Pretrain
from worker.context import Context
from worker.data.preprocessing import imagenet_view, model_view
from worker.jobs.entry_point import JobError
from worker.training.models.backbones import Network, build, new_head
from worker.training.models.weights import load_torchvision_state
from worker.training.transforms.geometric import View


def network(context: Context, spec: Pretrain | Finetune, outputs: int) -> Network:
    """The network that a spec starts from; its output layer is random, with `outputs` outputs, whatever came before.

    Raises JobError when the start is gone or cannot be had.
    """
    if spec.backbone is None or spec.image_size is None:
        raise JobError("spec_incomplete", "The job's spec names no backbone or no image size.")
    if spec.init == RANDOM:
        return build(spec.backbone, outputs, spec.image_size, spec.training.seed)
    state = _model_state(context, spec.init) if spec.init.startswith("mdl_") else _torchvision_state(spec.init)
    made = loaded(spec.backbone, spec.image_size, state)
    new_head(made, outputs, spec.training.seed)
    return made


def stored(context: Context, model: Model) -> tuple[Network, View]:
    """One of our models with its own output layer, and how it sees."""
    view = model_view(model)
    return loaded(model.backbone, view.size, _model_state(context, model.id)), view


def candidate(context: Context, start: str) -> tuple[Network, View]:
    """A start as it is, by a model's id or a weights name, at its own image size. Raises JobError when it is gone."""
    if start.startswith("mdl_"):
        with context.database.reading() as session:
            model = session.get(Model, start)
        if model is None:
            raise JobError("model_not_found", f"The model '{start}' has been deleted.")
        return stored(context, model)
    backbone, view = of_weights(start), imagenet_view()
    if backbone is None:
        raise JobError("weights_not_found", f"torchvision has no weights '{start}'.")
    return loaded(backbone, view.size, _torchvision_state(start)), view


def loaded(backbone: str, image_size: int, state: dict[str, Tensor]) -> Network:
    """A backbone with given weights under torchvision's names. Raises ValueError when they do not fit."""
    made = build(backbone, 1, image_size, seed=0)
    load_torchvision_state(made, {name: tensor.to(torch.float32) for name, tensor in state.items()})
    return made


def _model_state(context: Context, model_id: str) -> dict[str, Tensor]:
    with context.database.reading() as session:
        model = session.get(Model, model_id)
    if model is None:
        raise JobError("model_not_found", f"The model '{model_id}' has been deleted.")
    return load_file(context.storage.path(f"models/{model_id}/model.safetensors"))


def _torchvision_state(name: str) -> dict[str, Tensor]:
    try:
        state: dict[str, Any] = get_weight(name).get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError) as error:
        if error.errno in DISK_FULL_ERRNOS:
            raise
        raise JobError(
            "weights_unavailable", f"torchvision's weights '{name}' could not be fetched: {error}"
        ) from error
    except ValueError as error:
        raise JobError("weights_not_found", f"torchvision has no weights '{name}'.") from error
    return state

"""Initial networks: random weights, one of the service's models, or torchvision's pre-trained weights."""

from typing import Any
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision.models import get_weight

from app.core.database.tables import Model
from app.core.files import storage_keys
from app.core.files.storage import DISK_FULL_ERRNOS
from app.core.models.preprocessing import at_size
from app.core.models.pretrained_weights import find_weights
from app.core.results.model import ModelInput
from app.core.specs import RANDOM, Finetune, Pretrain
from worker.context import Context
from worker.data.preprocessing import from_input, model_preprocessing
from worker.errors import JobError
from worker.training.models.backbones import Network, build_backbone, new_head
from worker.training.models.weights import load_torchvision_state
from worker.training.transforms.geometric import Preprocessing


def initial_network(context: Context, spec: Pretrain | Finetune, outputs: int) -> Network:
    """The network that a spec starts from, with a new random output layer of `outputs` outputs.

    Raises:
        JobError: the initial weights are deleted or cannot be downloaded.
    """
    if spec.backbone is None or spec.image_size is None:
        raise JobError("spec_incomplete", "The job's spec names no backbone or no image size.")
    if spec.init == RANDOM:
        return build_backbone(spec.backbone, outputs, spec.image_size, spec.training.seed)
    state = _model_state(context, spec.init) if spec.init.startswith("mdl_") else _torchvision_state(spec.init)
    network = with_weights(spec.backbone, spec.image_size, state)
    new_head(network, outputs, spec.training.seed)
    return network


def load_model(context: Context, model: Model) -> tuple[Network, Preprocessing]:
    """A model with its own output layer, and its preprocessing."""
    preprocessing = model_preprocessing(model)
    return with_weights(model.backbone, preprocessing.size, _model_state(context, model.id)), preprocessing


def load_candidate(context: Context, name: str, image_size: int | None = None) -> tuple[Network, Preprocessing]:
    """A model by its id, or torchvision's weights by name, with its own preprocessing.

    Args:
        context: of the worker.
        name: the id or the name.
        image_size: in pixels; None for its own.

    Returns:
        The network and its preprocessing at this size.

    Raises:
        JobError: it is deleted, unknown, or cannot be downloaded.
    """
    if name.startswith("mdl_"):
        with context.database.reading() as session:
            model = session.get(Model, name)
        if model is None:
            raise JobError("model_not_found", f"The model '{name}' has been deleted.")
        backbone, own, state = model.backbone, ModelInput.model_validate(model.input), _model_state(context, name)
    else:
        weights = find_weights(name)
        if weights is None:
            raise JobError("weights_not_found", f"torchvision has no weights '{name}'.")
        backbone, own, state = weights.backbone, weights.input, _torchvision_state(name)
    size = own.size if image_size is None else image_size
    return with_weights(backbone, size, state), from_input(at_size(own, size))


def with_weights(backbone: str, image_size: int, state: dict[str, Tensor]) -> Network:
    """A network with given weights under torchvision's names. Raises ValueError when they do not fit."""
    network = build_backbone(backbone, 1, image_size, seed=0)
    load_torchvision_state(network, {name: tensor.to(torch.float32) for name, tensor in state.items()})
    return network


def _model_state(context: Context, model_id: str) -> dict[str, Tensor]:
    with context.database.reading() as session:
        model = session.get(Model, model_id)
    if model is None:
        raise JobError("model_not_found", f"The model '{model_id}' has been deleted.")
    return load_file(context.storage.path(storage_keys.model_file(model_id, storage_keys.WEIGHTS)))


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

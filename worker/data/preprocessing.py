"""The preprocessing of a model, and of a job that trains one."""

from dataclasses import asdict

from app.core.database.tables import Model
from app.core.models.preprocessing import at_size, imagenet_input
from app.core.models.pretrained_weights import find_weights
from app.core.results.model import ModelInput
from app.core.specs import Finetune, Pretrain
from worker.training.transforms.geometric import Preprocessing


def from_input(model_input: ModelInput) -> Preprocessing:
    """The preprocessing that the API's fields describe."""
    (mean_r, mean_g, mean_b), (std_r, std_g, std_b) = model_input.mean, model_input.std
    mean, std = (mean_r, mean_g, mean_b), (std_r, std_g, std_b)
    return Preprocessing(model_input.size, model_input.resize, mean, std, model_input.interpolation)


def to_input(preprocessing: Preprocessing) -> ModelInput:
    """The preprocessing in the API's fields."""
    return ModelInput.model_validate(asdict(preprocessing))


def model_preprocessing(model: Model) -> Preprocessing:
    """The preprocessing with which the model was trained."""
    return from_input(ModelInput.model_validate(model.input))


def job_preprocessing(spec: Pretrain | Finetune, initial: Model | None) -> Preprocessing:
    """The preprocessing of the initial model or of torchvision's weights, at the job's image size."""
    size = spec.image_size or 0
    if initial is not None:
        return from_input(at_size(ModelInput.model_validate(initial.input), size))
    weights = find_weights(spec.init)
    return from_input(imagenet_input(size) if weights is None else at_size(weights.input, size))

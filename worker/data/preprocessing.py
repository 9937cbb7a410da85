"""The preprocessing of a model, and of a job that trains one."""

from app.core.database.tables import Model
from app.core.models.preprocessing import imagenet_input, resize_for
from app.core.results.model import ModelInput
from app.core.specs import PRETRAINED_IMAGE_SIZE, Finetune, Pretrain
from worker.training.transforms.geometric import Preprocessing


def from_input(model_input: ModelInput) -> Preprocessing:
    """The preprocessing that the API's fields describe."""
    (mean_r, mean_g, mean_b), (std_r, std_g, std_b) = model_input.mean, model_input.std
    return Preprocessing(model_input.size, model_input.resize, (mean_r, mean_g, mean_b), (std_r, std_g, std_b))


def to_input(preprocessing: Preprocessing) -> ModelInput:
    """The preprocessing in the API's fields."""
    mean, std = list(preprocessing.mean), list(preprocessing.std)
    return ModelInput(size=preprocessing.size, resize=preprocessing.resize, mean=mean, std=std)


def imagenet_preprocessing(size: int = PRETRAINED_IMAGE_SIZE) -> Preprocessing:
    """Normalisation with ImageNet's mean and deviation, as torchvision's own weights expect."""
    return from_input(imagenet_input(size))


def model_preprocessing(model: Model) -> Preprocessing:
    """The preprocessing with which the model was trained."""
    return from_input(ModelInput.model_validate(model.input))


def job_preprocessing(spec: Pretrain | Finetune, initial: Model | None) -> Preprocessing:
    """The initial model's normalisation at the job's image size."""
    size = spec.image_size or 0
    if initial is None:
        return imagenet_preprocessing(size)
    own = model_preprocessing(initial)
    return own if own.size == size else Preprocessing(size, resize_for(size), own.mean, own.std)

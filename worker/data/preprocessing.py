"""The preprocessing of a model, and of a job that trains one."""

from app.core.database.tables import Model
from app.core.files.images import resize_for
from app.core.specs import PRETRAINED_IMAGE_SIZE, Finetune, Pretrain
from worker.training.transforms.geometric import Preprocessing

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet_preprocessing(size: int = PRETRAINED_IMAGE_SIZE) -> Preprocessing:
    """Normalisation with ImageNet's mean and deviation, as torchvision's own weights expect."""
    return Preprocessing(size, resize_for(size), IMAGENET_MEAN, IMAGENET_STD)


def model_preprocessing(model: Model) -> Preprocessing:
    """The preprocessing with which the model was trained."""
    stored = model.input
    return Preprocessing(stored["size"], stored["resize"], tuple(stored["mean"]), tuple(stored["std"]))


def job_preprocessing(spec: Pretrain | Finetune, initial: Model | None) -> Preprocessing:
    """The initial model's normalisation at the job's image size."""
    size = spec.image_size or 0
    if initial is None:
        return imagenet_preprocessing(size)
    own = model_preprocessing(initial)
    return own if own.size == size else Preprocessing(size, resize_for(size), own.mean, own.std)

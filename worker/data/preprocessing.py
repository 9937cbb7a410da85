"""The preprocessing of a model, and of a job that trains one."""

from app.core.database.tables import Model
from app.core.files.images import resize_for
from app.core.specs import PRETRAINED_IMAGE_SIZE, Finetune, Pretrain
from worker.training.transforms.geometric import View

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet_view(size: int = PRETRAINED_IMAGE_SIZE) -> View:
    """Normalisation with ImageNet's mean and deviation, as torchvision's own weights expect."""
    return View(size, resize_for(size), IMAGENET_MEAN, IMAGENET_STD)


def model_view(model: Model) -> View:
    """The preprocessing with which the model was trained."""
    stored = model.input
    return View(stored["size"], stored["resize"], tuple(stored["mean"]), tuple(stored["std"]))


def job_view(spec: Pretrain | Finetune, initial: Model | None) -> View:
    """The initial model's normalisation at the job's image size."""
    size = spec.image_size or 0
    if initial is None:
        return imagenet_view(size)
    own = model_view(initial)
    return own if own.size == size else View(size, resize_for(size), own.mean, own.std)

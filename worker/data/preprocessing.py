"""How images are seen by a model, or by one that is to be trained."""

from app.core.database.tables import Model
from app.core.files.images import resize_for
from app.core.specs import PRETRAINED_IMAGE_SIZE
from worker.runs.plan import Trainable
from worker.training.transforms.geometric import View

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet_view(size: int = PRETRAINED_IMAGE_SIZE) -> View:
    """Normalised as torchvision's own weights are."""
    return View(size, resize_for(size), IMAGENET_MEAN, IMAGENET_STD)


def model_view(model: Model) -> View:
    """As the model was trained."""
    asked = model.input
    return View(asked["size"], asked["resize"], tuple(asked["mean"]), tuple(asked["std"]))


def view_of(spec: Trainable, start: Model | None) -> View:
    """Normalised as the model to start from was, at the size that the job asks for."""
    size = spec.image_size or 0
    if start is None:
        return imagenet_view(size)
    own = model_view(start)
    return own if own.size == size else View(size, resize_for(size), own.mean, own.std)

"""Whether what a job names is there and fits, and what it leaves out; each refusal has its own code and pointer."""

import re

from sqlalchemy.orm import Session

from app.core.backbones import BACKBONES
from app.core.errors import conflict, invalid
from app.core.specs import PRETRAINED_IMAGE_SIZE, RANDOM, WEIGHTS_NAME, Finetune, Pretrain, check_image_size
from app.core.tables import Dataset
from app.jobs.queries import dataset_for_use
from app.models.queries import find_for_use

Trainable = Pretrain | Finetune

FEWEST_CLASSES = 2
PREPARED_SOON = 2  # seconds
# `MobileNet_V2_Weights.IMAGENET1K_V1` is of mobilenet_v2: the spellings agree without case and underscores.
BY_PLAIN_NAME = {name.replace("_", ""): name for name in BACKBONES}


def complete(session: Session, spec: Trainable) -> Trainable:
    """The spec with everything filled in that a model or weights name decides, or the first thing wrong with it."""
    check_dataset(session, spec)
    if spec.init == RANDOM:
        return spec
    if re.match(WEIGHTS_NAME, spec.init):
        return inherit(spec, spec.init, weights_backbone(spec.init), PRETRAINED_IMAGE_SIZE)
    model = find_for_use(session, spec.init)
    if model is None:
        raise invalid("model_not_found", f"There is no model or alias '{spec.init}'.", "/init")
    if model.status == "failed":
        raise invalid("model_failed", f"The model '{spec.init}' failed and cannot be started from.", "/init")
    return inherit(spec, model.id, model.backbone, int(model.input["size"]))


def check_dataset(session: Session, spec: Trainable) -> None:
    """Refuse a dataset that this job cannot learn from."""
    dataset = dataset_for_use(session, spec.dataset)
    if dataset is None:
        raise invalid("dataset_not_found", f"There is no dataset '{spec.dataset}'.", "/dataset")
    if dataset.status == "preparing":
        raise conflict("dataset_not_ready", "The dataset is still being prepared.", retry_after=PREPARED_SOON)
    if dataset.status == "failed":
        raise conflict("dataset_failed", "The dataset could not be prepared; its 'error' says why.")
    if isinstance(spec, Finetune) or spec.method.kind == "supervised":
        _check_labels(dataset)
    if not (dataset.splits or {}).get("train"):
        raise invalid("no_training_images", "The dataset has no images to train on.", "/dataset")


def _check_labels(dataset: Dataset) -> None:
    if not dataset.labelled:
        message = "This needs labels, and the dataset has none: its images lie in no class folders."
        raise invalid("dataset_unlabelled", message, "/dataset")
    if len(dataset.classes or []) < FEWEST_CLASSES:
        raise invalid("too_few_classes", f"This needs at least {FEWEST_CLASSES} classes.", "/dataset")


def weights_backbone(name: str) -> str:
    """The backbone that a torchvision weights name belongs to."""
    family = name.partition("_Weights.")[0].replace("_", "").lower()
    if family not in BY_PLAIN_NAME:
        raise invalid("weights_not_found", f"torchvision has no weights called '{name}'.", "/init")
    return BY_PLAIN_NAME[family]


def inherit(spec: Trainable, init: str, backbone: str, image_size: int) -> Trainable:
    """The spec with the backbone of what it starts from, and its image size unless another is asked for."""
    if spec.backbone not in (None, backbone):
        message = f"'{init}' is a {backbone}; leave 'backbone' out."
        raise invalid("backbone_is_inherited", message, "/backbone")
    size = spec.image_size or image_size
    whole = spec.model_copy(update={"init": init, "backbone": backbone, "image_size": size})
    try:
        check_image_size(whole)
    except ValueError as error:
        raise invalid("invalid_image_size", str(error).removeprefix("image_size: "), "/image_size") from error
    return whole

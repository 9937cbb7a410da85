"""Default epochs, learning rates and sizes of a training job: every number that depends on the rest of the job.

Defaults that depend on nothing are defined at their fields, in the other modules of this package.
"""

import math
from dataclasses import dataclass

BACKBONE = "resnet18"
IMAGE_SIZE = 128
PRETRAINED_IMAGE_SIZE = 224  # of imported weights

# Learning rates by optimizer: from random weights, fine-tuning every weight, and an output layer on fixed features.
SCRATCH_RATE = {"adamw": 1e-3, "sgd": 0.1}
FINETUNE_RATE = {"adamw": 1e-4, "sgd": 0.01}
HEAD_RATE = {"adamw": 2e-3, "sgd": 0.1}
# Weights move further to another domain, and from features that were learnt without labels.
ADAPTING_RATE = {"adamw": 3e-4, "sgd": 0.01}
UNLABELLED_RATE = {"adamw": 1e-3, "sgd": 0.03}

# Rates that the baseline from random weights tries, of which validation chooses one. Networks without batch norm need
# lower ones: at 1e-3 a vision transformer and SqueezeNet learn nothing, at 3e-4 a ShuffleNet learns half.
RANDOM_RATES = {"adamw": (3e-4, 1e-3, 3e-3), "sgd": (0.01, 0.03, 0.1)}
UNNORMALISED_RANDOM_RATES = {"adamw": (1e-4, 3e-4, 1e-3), "sgd": (0.003, 0.01, 0.03)}
UNNORMALISED = ("alexnet", "convnext", "squeezenet", "swin", "vgg", "vit")

# A pre-training without labels from a model that learnt with them: the strength of the penalty `function`, and the
# share of the epochs in which the new layers train alone. Chosen by reasoning, not measured yet.
CONTINUED_STRENGTH = 1.0
CONTINUED_HEAD_WARMUP = 0.2

HEAD_EPOCHS = 100  # an epoch over cached features costs milliseconds
# Otherwise as many epochs as make these steps, so that thirty photographs are learnt as well as three thousand: more
# steps where the initial weights know less. Twice as many gain little (photographs of birds, CIFAR-10).
SCRATCH_STEPS, UNLABELLED_STEPS, LABELLED_STEPS = 1000, 500, 300
FEWEST_EPOCHS, MOST_EPOCHS = 10, 100
MOST_UNLABELLED_EPOCHS = 300  # each shows other views and other tasks of the same images


@dataclass(frozen=True)
class PretrainingDefaults:
    """Recipe of a method of pre-training from random weights, as measured (docs/evidence/quality.md, section b).

    That of `byol` is `simclr`'s, and not measured.

    Attributes:
        rates: learning rates by optimizer.
        steps: optimizer steps.
        batch_size: images of a step.
        crop: smallest share of an image's area that a random crop keeps.
        most_epochs: at most, however few the images.
    """

    rates: dict[str, float]
    steps: int
    batch_size: int
    crop: float
    most_epochs: int = MOST_UNLABELLED_EPOCHS


BATCH_SIZE, CROP = 32, 0.35  # of all trainings with labels
UNLABELLED_SCRATCH_RATE = {"adamw": 2e-3, "sgd": 0.1}
PRETRAINING: dict[str, PretrainingDefaults] = {
    "supervised": PretrainingDefaults(SCRATCH_RATE, SCRATCH_STEPS, BATCH_SIZE, CROP, MOST_EPOCHS),
    "rotation": PretrainingDefaults(UNLABELLED_SCRATCH_RATE, 1600, BATCH_SIZE, CROP),
    "imputation": PretrainingDefaults(UNLABELLED_SCRATCH_RATE, 2600, BATCH_SIZE, CROP),
    "simclr": PretrainingDefaults(UNLABELLED_SCRATCH_RATE, 1200, 64, 0.2),
    "byol": PretrainingDefaults(UNLABELLED_SCRATCH_RATE, 1200, 64, 0.2),
}


def told(name: str) -> str:
    """Return a default of each method of pre-training without labels, in words."""
    return ", ".join(f"{kind} {getattr(one, name):g}" for kind, one in PRETRAINING.items() if kind != "supervised")


def default_epochs(images: int, batch_size: int, steps: int, most: int = MOST_EPOCHS) -> int:
    """Compute the epochs that make about `steps` optimizer steps.

    Args:
        images: training images.
        batch_size: images per step.
        steps: optimizer steps of the run.
        most: epochs at most.

    Returns:
        The epochs, from FEWEST_EPOCHS to `most`.
    """
    steps_per_epoch = max(1, math.ceil(images / batch_size))
    return min(most, max(FEWEST_EPOCHS, math.ceil(steps / steps_per_epoch)))


def default_patch_size(image_size: int) -> int:
    """Return the largest side of a patch that divides the image, up to a quarter of its side.

    Args:
        image_size: side of the image, in pixels.

    Returns:
        The side of a patch, in pixels.
    """
    return max(side for side in range(1, max(1, image_size // 4) + 1) if image_size % side == 0)


def default_steps(*, random: bool, from_labels: bool) -> int:
    """Return the optimizer steps of a training.

    Args:
        random: it starts from random weights.
        from_labels: the initial model was trained on labels.

    Returns:
        The steps.
    """
    return SCRATCH_STEPS if random else LABELLED_STEPS if from_labels else UNLABELLED_STEPS


def has_batch_norm(backbone: str) -> bool:
    """Return true if a backbone of this name has batch norm."""
    return backbone.endswith("_bn") or not backbone.startswith(UNNORMALISED)


def random_rates(backbone: str, optimizer: str) -> tuple[float, ...]:
    """Return the learning rates to choose from for a training from random weights.

    Args:
        backbone: torchvision's name.
        optimizer: `adamw` or `sgd`.

    Returns:
        The rates, ascending.
    """
    return (RANDOM_RATES if has_batch_norm(backbone) else UNNORMALISED_RANDOM_RATES)[optimizer]


def finetune_rate(*, from_labels: bool, adapts: bool) -> dict[str, float]:
    """Return the learning rates for fine-tuning every weight of a pre-trained model.

    Args:
        from_labels: the model was trained on labels.
        adapts: the training adapts to another domain.

    Returns:
        Learning rates by optimizer.
    """
    if not from_labels:
        return UNLABELLED_RATE
    return ADAPTING_RATE if adapts else FINETUNE_RATE

"""Optimisation options of a training job."""

from typing import Literal

from pydantic import Field

from app.core.device_names import DEVICE, Device
from app.core.specs import defaults
from app.core.specs.base import Strict

MOST_ASKED_EPOCHS = 10_000


class Augmentation(Strict):
    """Augmentation of training images.

    A random crop of at least `crop` of the area, mirrored half of the time with `flip`.
    """

    crop: float = Field(
        defaults.CROP,
        gt=0,
        le=1,
        description="smallest share of an image's area that a random crop keeps; of a pre-training the default depends"
        f" on the method: {defaults.told('crop')}",
    )
    flip: bool = Field(True, description="whether images are mirrored, left to right, half of the time")


class Training(Strict):
    """Options of the optimisation; defaults of those left out depend on the job and are filled in by its spec."""

    epochs: int | None = Field(
        None,
        ge=1,
        le=MOST_ASKED_EPOCHS,
        description=f"passes over the training images; by default {defaults.HEAD_EPOCHS} with trainable 'head', else"
        f" {defaults.FEWEST_EPOCHS} to {defaults.MOST_EPOCHS}, as many as make about this many steps:"
        f" {defaults.SCRATCH_STEPS} from random weights, {defaults.UNLABELLED_STEPS} from a model that learnt without"
        f" labels, {defaults.LABELLED_STEPS} from one that learnt with labels. Methods without labels, unless from a"
        f" model that learnt with them: up to {defaults.MOST_UNLABELLED_EPOCHS}, by steps: {defaults.told('steps')}",
    )
    batch_size: int = Field(
        defaults.BATCH_SIZE,
        ge=1,
        le=4096,
        description="images of a step; of a pre-training the default depends on the method:"
        f" {defaults.told('batch_size')}",
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=10,
        description="highest learning rate: it rises to it in the warm-up and then falls along a cosine; by default it"
        " follows from the optimizer and from what is started from",
    )
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="AdamW, or SGD with Nesterov momentum")
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=1,
        description="pull of the weights towards zero, times the learning rate; biases and norms have none",
    )
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps over which the learning rate rises")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of each label that is spread evenly over all classes; 0: off"
    )
    layer_decay: float = Field(1.0, gt=0, le=1, description="rate of a stage / rate of the one after it; 1: off")
    mixup: float = Field(0.0, ge=0, le=10, description="alpha of the mixing of images and labels (Zhang 2018); 0: off")
    cutmix: float = Field(
        0.0, ge=0, le=10, description="alpha of the pasting of patches (Yun 2019); 0: off; with mixup: by turns"
    )
    ema: float = Field(0.0, ge=0, lt=1, description="decay of a running average of the weights; 0: off")
    batch_norm: Literal["auto", "train", "frozen"] = Field(
        "auto",
        description="statistics of batch norm: frozen are the initial model's; auto: frozen where that has learnt from"
        " labels and the job does not adapt",
    )
    patience: int | None = Field(None, ge=1, description="stop after so many epochs without a better validation score")
    class_balance: Literal["auto", "none", "weights", "sampling"] = Field(
        "auto",
        description="what is done about classes of different sizes; auto: weights in the loss where the largest class"
        " has over 3 times the smallest's images",
    )
    augmentation: Augmentation = Field(Augmentation(), description="how training images are varied")
    seed: int = Field(
        0,
        ge=0,
        lt=2**32,
        description="of all random numbers; the same seed repeats a training on the same machine, byte by byte on a"
        " processor and up to rounding on a CUDA device",
    )
    device: Device = Field("auto", description=DEVICE)

    def filled(self, epochs: int | None, rates: dict[str, float], *, frozen: bool = False) -> "Training":
        """Fill in the job's defaults where no value is given.

        Args:
            epochs: default epochs, None to leave them open.
            rates: default learning rates by optimizer.
            frozen: default of `batch_norm`: frozen instead of trained.

        Returns:
            The completed options.
        """
        rate = self.learning_rate or rates[self.optimizer]
        norm = ("frozen" if frozen else "train") if self.batch_norm == "auto" else self.batch_norm
        update = {"epochs": self.epochs or epochs, "learning_rate": rate, "batch_norm": norm}
        return self.model_copy(update=update)

    def over(self, images: int, steps: int, most: int = defaults.MOST_EPOCHS) -> "Training":
        """Fill in the epochs that make about `steps` optimizer steps, if none are given.

        Args:
            images: training images.
            steps: optimizer steps of the run.
            most: epochs at most.

        Returns:
            The options with epochs.
        """
        epochs = self.epochs or defaults.default_epochs(images, self.batch_size, steps, most)
        return self.model_copy(update={"epochs": epochs})

    def with_recipe(self, recipe: defaults.PretrainingDefaults) -> "Training":
        """Fill in a method's batch size and crops where they were left out; a stored spec has both.

        Args:
            recipe: the method's defaults.

        Returns:
            The options.
        """
        update: dict[str, object] = {}
        if "batch_size" not in self.model_fields_set:
            update["batch_size"] = recipe.batch_size
        if "crop" not in self.augmentation.model_fields_set:
            update["augmentation"] = self.augmentation.model_copy(update={"crop": recipe.crop})
        return self.model_copy(update=update)

    @property
    def mixes(self) -> bool:
        """True if mixup or CutMix is on."""
        return self.mixup > 0 or self.cutmix > 0

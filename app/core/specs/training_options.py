"""Optimisation options of a training job."""

from typing import Literal

from pydantic import Field

from app.core.device_names import Device
from app.core.specs.base import Strict
from app.core.specs.defaults import default_epochs

MOST_ASKED_EPOCHS = 10_000


class Augmentation(Strict):
    """Augmentation of training images.

    A random crop of at least `crop` of the area, mirrored half of the time with `flip`.
    """

    crop: float = Field(0.35, gt=0, le=1)
    flip: bool = True


class Training(Strict):
    """Options of the optimisation; defaults of those left out depend on the job and are filled in by its spec."""

    epochs: int | None = Field(None, ge=1, le=MOST_ASKED_EPOCHS)
    batch_size: int = Field(32, ge=1, le=4096)
    learning_rate: float | None = Field(None, gt=0, le=10)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = Field(0.01, ge=0, le=1)
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps that the learning rate rises")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    layer_decay: float = Field(1.0, gt=0, le=1, description="rate of each stage / rate of the one above it")
    mixup: float = Field(0.0, ge=0, le=10, description="alpha of Zhang 2018; 0: off")
    cutmix: float = Field(0.0, ge=0, le=10, description="alpha of Yun 2019; 0: off; with mixup: either by turns")
    ema: float = Field(0.0, ge=0, lt=1, description="decay of a running average of the weights; 0: off")
    batch_norm: Literal["auto", "train", "frozen"] = Field(
        "auto",
        description="its statistics: frozen are the start's; auto: frozen where the start has learnt from labels",
    )
    patience: int | None = Field(None, ge=1, description="stop after so many epochs without a better validation score")
    class_balance: Literal["auto", "none", "weights", "sampling"] = Field(
        "auto", description="auto: weights in the loss where the largest class has over 3 times the smallest's images"
    )
    augmentation: Augmentation = Augmentation()
    seed: int = Field(0, ge=0, lt=2**32)
    device: Device = "auto"

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

    def over(self, images: int, steps: int) -> "Training":
        """Fill in the epochs that make about `steps` optimizer steps, if none are given.

        Args:
            images: training images.
            steps: optimizer steps of the run.

        Returns:
            The options with epochs.
        """
        epochs = self.epochs or default_epochs(images, self.batch_size, steps)
        return self.model_copy(update={"epochs": epochs})

    @property
    def mixes(self) -> bool:
        """True if mixup or CutMix is on."""
        return self.mixup > 0 or self.cutmix > 0

"""Pre-training."""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from app.core.specs.base import AUTO, RANDOM, TYPE
from app.core.specs.defaults import (
    CONTINUED_HEAD_WARMUP,
    CONTINUED_STRENGTH,
    PRETRAINING,
    default_patch_size,
    finetune_rate,
)
from app.core.specs.methods import ImputationSpec, Method
from app.core.specs.penalties import FunctionDistanceSpec, NoPenaltySpec, Penalty
from app.core.specs.training_job import TrainingJobSpec


class Pretrain(TrainingJobSpec):
    """f_s = argmin R(f, D_s): a backbone from source data."""

    type: Literal["pretrain"] = Field(description=TYPE)
    method: Method = Field(description="what is learnt from the images")
    penalty: Penalty | None = Field(
        None,
        description="what holds the network near to the initial model; by default `function` where a method without"
        " labels continues from a model that learnt with labels, else `none`",
    )
    head_warmup: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of the epochs, the first ones, in which the new layers of a method without labels train"
        f" alone while the initial model is held still; by default {CONTINUED_HEAD_WARMUP} from a model that learnt"
        " with labels, else 0",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        object.__setattr__(self, "training", self.training.with_recipe(PRETRAINING[self.method.kind]))
        self._check_method()
        if self.init == RANDOM and not isinstance(self.penalty, NoPenaltySpec | None):
            raise ValueError("penalty: init 'random' has no pre-trained function to stay near to")
        if not isinstance(self.penalty, NoPenaltySpec | None) and self.penalty.strength == AUTO:
            raise ValueError("penalty.strength: 'auto' is chosen by fine-tunings, on labels; give a number")
        rates = PRETRAINING[self.method.kind].rates
        self._complete(self.training.filled(None, rates) if self.init == RANDOM else self.training)
        object.__setattr__(self, "method", self._method_with_patches())
        return self

    def _check_method(self) -> None:
        if self.method.kind == "simclr" and self.training.batch_size < 2:
            raise ValueError("training.batch_size: SimCLR needs other images in a batch as negatives: 2 or more")
        if self.method.kind == "byol" and self.training.batch_size < 2:
            raise ValueError("training.batch_size: the batch norm of BYOL's projector needs 2 images or more")
        if self.method.kind == "byol" and self.training.patience is not None:
            raise ValueError(
                "training.patience: BYOL's loss has a moving target; no epoch is better than another by it"
            )
        if self.method.kind != "supervised" and self.training.mixes:
            raise ValueError("training: mixup and cutmix mix labels, and this method looks at none")

    def with_init_defaults(self, *, from_labels: bool) -> Self:
        """Fill in the defaults that depend on the initial model.

        What was learnt with labels is worth keeping: its batch-norm statistics stay, and a method without labels stays
        near to it and trains its new layers first.

        Args:
            from_labels: the initial model, or one that it came from, was trained on labels.

        Returns:
            The complete spec.
        """
        training, continues = self.training, from_labels and not self.learns_labels
        if self.init != RANDOM:
            rates = finetune_rate(from_labels=from_labels, adapts=False)
            training = training.filled(None, rates, frozen=from_labels)
        near = FunctionDistanceSpec(kind="function", strength=CONTINUED_STRENGTH) if continues else NoPenaltySpec()
        warmup = CONTINUED_HEAD_WARMUP if continues and training.epochs != 1 else 0.0
        update = {
            "training": training,
            "method": self._method_with_patches(),
            "penalty": near if self.penalty is None else self.penalty,
            "head_warmup": warmup if self.head_warmup is None else self.head_warmup,
        }
        return self.model_copy(update=update)

    def over(self, images: int, *, from_labels: bool = False) -> Self:
        """Fill in default epochs, if none are given.

        Args:
            images: training images.
            from_labels: the initial model, or one that it came from, was trained on labels.

        Returns:
            The spec with epochs.
        """
        if self.learns_labels or from_labels:
            return super().over(images, from_labels=from_labels)
        recipe = PRETRAINING[self.method.kind]
        return self.model_copy(update={"training": self.training.over(images, recipe.steps, recipe.most_epochs)})

    def check_image_size(self) -> None:
        """Check the image size against the backbone and the patches that imputation hides.

        Raises:
            ValueError: if it does not fit one of them.
        """
        super().check_image_size()
        if not isinstance(self.method, ImputationSpec) or self.method.mask != "random" or self.image_size is None:
            return
        if self.method.patch_size is not None and self.image_size % self.method.patch_size:
            raise ValueError(f"image_size: patches of {self.method.patch_size} px do not divide {self.image_size} px")
        if self.image_size == self.method.patch_size:
            raise ValueError(
                f"image_size: one patch of {self.method.patch_size} px is the whole image; it needs several"
            )

    def _method_with_patches(self) -> Method:
        """The method with its patches' size, which is known once the image size is."""
        if not isinstance(self.method, ImputationSpec) or self.method.mask == "center" or self.image_size is None:
            return self.method
        size = self.method.patch_size or default_patch_size(self.image_size)
        return self.method.model_copy(update={"patch_size": size})

    @property
    def learns_labels(self) -> bool:
        """True if the model will predict the dataset's classes."""
        return self.method.kind == "supervised"

    @property
    def head_epochs(self) -> int:
        """Epochs in which the new layers train alone: any share is one at least, and never all of them."""
        epochs = self.training.epochs or 0
        return min(math.ceil((self.head_warmup or 0.0) * epochs), max(epochs - 1, 0))

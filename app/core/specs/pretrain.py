"""Pre-training."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.core.specs.base import RANDOM, TYPE
from app.core.specs.defaults import FINETUNE_RATE, SCRATCH_RATE
from app.core.specs.methods import ImputationSpec, Method
from app.core.specs.training_job import TrainingJobSpec


class Pretrain(TrainingJobSpec):
    """f_s = argmin R(f, D_s): a backbone from source data."""

    type: Literal["pretrain"] = Field(description=TYPE)
    method: Method = Field(description="what is learnt from the images")

    @model_validator(mode="after")
    def _check(self) -> Self:
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
        self._complete(self.training.filled(None, SCRATCH_RATE if self.init == RANDOM else FINETUNE_RATE))
        return self

    def check_image_size(self) -> None:
        """Check the image size against the backbone and the patches that imputation hides.

        Raises:
            ValueError: if it does not fit one of them.
        """
        super().check_image_size()
        if not isinstance(self.method, ImputationSpec) or self.method.mask != "random" or self.image_size is None:
            return
        if self.image_size % self.method.patch_size:
            raise ValueError(f"image_size: patches of {self.method.patch_size} px do not divide {self.image_size} px")
        if self.image_size == self.method.patch_size:
            raise ValueError(
                f"image_size: one patch of {self.method.patch_size} px is the whole image; it needs several"
            )

    @property
    def learns_labels(self) -> bool:
        """True if the model will predict the dataset's classes."""
        return self.method.kind == "supervised"

"""Base class of the specs of training jobs."""

from typing import Any, Self

from pydantic import Field

from app.core.models.backbones import BACKBONES
from app.core.specs import defaults
from app.core.specs.base import RANDOM, AskedSpec
from app.core.specs.references import DatasetId, ModelName
from app.core.specs.training_options import Training
from app.core.validation_messages import did_you_mean

WEIGHTS_NAME = r"^[A-Za-z0-9_]+_Weights\.[A-Z0-9_]+$"


class TrainingJobSpec(AskedSpec):
    """Dataset, initial model and options of a training."""

    dataset: DatasetId = Field(description="id of the dataset to train on")
    init: ModelName = Field(
        RANDOM,
        description="the initial weights: `random`, a model's id or alias, or torchvision's name of weights such as"
        " `ResNet18_Weights.IMAGENET1K_V1`",
    )
    backbone: str | None = Field(
        None,
        description="the architecture, by torchvision's name; with init `random` alone, by default"
        f" {defaults.BACKBONE}. From a model it is inherited",
    )
    image_size: int | None = Field(
        None,
        ge=8,
        le=1024,
        description="side in pixels of the square images that the network sees; by default that of the initial model"
        f" or of torchvision's weights (224 for most), {defaults.IMAGE_SIZE} from random weights",
    )
    training: Training = Field(Training(), description="how to optimise")

    def over(self, images: int, *, from_labels: bool = False) -> Self:
        """Fill in default epochs, if none are given.

        Args:
            images: training images.
            from_labels: the initial model was trained on labels.

        Returns:
            The spec with epochs.
        """
        steps = defaults.default_steps(random=self.init == RANDOM, from_labels=from_labels)
        return self.model_copy(update={"training": self.training.over(images, steps)})

    def check_image_size(self) -> None:
        """Check the image size against the backbone, if both are known.

        Raises:
            ValueError: if the backbone cannot take images of this size.
        """
        if self.backbone is not None and self.image_size is not None:
            BACKBONES[self.backbone].check_size(self.image_size)

    def _complete(self, training: Training) -> None:
        """Fill in what depends on other fields, and refuse a backbone that cannot take the image size.

        With an initial model, neither the backbone nor the size is known here, nor is the number of images: the jobs
        service fills these in from the rows of the model and the dataset.
        """
        values: dict[str, Any] = {"training": training}
        if self.backbone is not None and self.backbone not in BACKBONES:
            near = did_you_mean(self.backbone, BACKBONES)
            raise ValueError(f"backbone: '{self.backbone}' is not one of torchvision's classifiers.{near}")
        if self.init == RANDOM:
            values["backbone"] = backbone = self.backbone or defaults.BACKBONE
            values["image_size"] = self.image_size or BACKBONES[backbone].nearest(defaults.IMAGE_SIZE)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.check_image_size()

"""What every job says that trains a network."""

from typing import Any, Self

from pydantic import Field

from app.core.models.backbones import BACKBONES
from app.core.specs import defaults
from app.core.specs.base import RANDOM, AskedSpec
from app.core.specs.references import DatasetId, ModelName
from app.core.specs.training_options import Training

WEIGHTS_NAME = r"^[A-Za-z0-9_]+_Weights\.[A-Z0-9_]+$"


class Learning(AskedSpec):
    """On which images, from which start, and how."""

    dataset: DatasetId
    init: ModelName = RANDOM
    backbone: str | None = None
    image_size: int | None = Field(None, ge=8, le=1024)
    training: Training = Training()

    def over(self, images: int, *, from_labels: bool = False) -> Self:
        """The same with epochs that suit so many training images, where nothing was said.

        `from_labels`: the model that it starts from has learnt from labels.
        """
        steps = defaults.default_steps(random=self.init == RANDOM, from_labels=from_labels)
        return self.model_copy(update={"training": self.training.over(images, steps)})

    def check_image_size(self) -> None:
        """Raise ValueError where the image size is known and the backbone, known too, cannot take it."""
        if self.backbone is not None and self.image_size is not None:
            BACKBONES[self.backbone].check_size(self.image_size)

    def _complete(self, training: Training) -> None:
        """Fill in what depends on other fields, and refuse a backbone that cannot take the image size.

        From a model, the backbone and the size are not known here, and neither is how many images there are: the jobs
        service fills these in from the rows of the model and the dataset.
        """
        values: dict[str, Any] = {"training": training}
        if self.backbone is not None and self.backbone not in BACKBONES:
            raise ValueError(f"backbone: '{self.backbone}' is not one of torchvision's classifiers")
        if self.init == RANDOM:
            values["backbone"] = backbone = self.backbone or defaults.BACKBONE
            values["image_size"] = self.image_size or BACKBONES[backbone].nearest(defaults.IMAGE_SIZE)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.check_image_size()

"""Jobs that evaluate models without training."""

from typing import Literal

from pydantic import Field

from app.core.device_names import DEVICE, Device
from app.core.specs.base import TYPE, AskedSpec
from app.core.specs.references import DatasetId, ModelName
from app.core.splits import Split

MAX_CANDIDATES = 50


class Evaluate(AskedSpec):
    """Evaluate a model on a labelled dataset.

    `split` "auto": the test split if the model or one that it was made from was trained on this dataset, else every
    image; of these, the images that it was trained on under another dataset's id are left out.
    """

    type: Literal["evaluate"] = Field(description=TYPE)
    model: ModelName = Field(description="id or alias of the model to evaluate")
    dataset: DatasetId = Field(description="id of a labelled dataset; the model must know all of its classes")
    split: Literal["auto", Split, "all"] = Field(
        "auto",
        description="the images to evaluate; auto: those that neither the model nor one that it came from was trained"
        " on or chosen by: the test split of a dataset of `trained_on`, else every image, without those that are the"
        " same in such a dataset",
    )
    device: Device = Field("auto", description=DEVICE)


class Rank(AskedSpec):
    """Rank candidates as initial models for a fine-tuning on this dataset, without training."""

    type: Literal["rank"] = Field(description=TYPE)
    dataset: DatasetId = Field(description="id of the labelled dataset that a fine-tuning would train on")
    candidates: list[ModelName] = Field(
        min_length=1,
        max_length=MAX_CANDIDATES,
        description="what could be started from: ids or aliases of models, and torchvision's names of weights such as"
        " `ResNet18_Weights.IMAGENET1K_V1`",
    )
    device: Device = Field("auto", description=DEVICE)

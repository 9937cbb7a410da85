"""Jobs that evaluate models without training."""

from typing import Literal

from pydantic import Field

from app.core.device_names import Device
from app.core.specs.base import AskedSpec
from app.core.specs.references import DatasetId, ModelName
from app.core.splits import Split

MAX_CANDIDATES = 50


class Evaluate(AskedSpec):
    """Evaluate a model on a labelled dataset.

    `split` "auto": the test split if the model or one that it was made from was trained on this dataset, else every
    image.
    """

    type: Literal["evaluate"]
    model: ModelName
    dataset: DatasetId
    split: Literal["auto", Split, "all"] = "auto"
    device: Device = "auto"


class Rank(AskedSpec):
    """Rank candidates as initial models for a fine-tuning on this dataset, without training."""

    type: Literal["rank"]
    dataset: DatasetId
    candidates: list[ModelName] = Field(min_length=1, max_length=MAX_CANDIDATES)
    device: Device = "auto"

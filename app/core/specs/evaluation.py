"""Jobs that look at models and train none."""

from typing import Literal

from pydantic import Field

from app.core.device_names import Device
from app.core.specs.base import AskedSpec
from app.core.specs.references import DatasetId, ModelName
from app.core.splits import Split

MAX_CANDIDATES = 50


class Evaluate(AskedSpec):
    """How good is a model on a labelled dataset?

    `split` "auto": the test split where the model or what it came from was trained on this dataset, else every image.
    """

    type: Literal["evaluate"]
    model: ModelName
    dataset: DatasetId
    split: Literal["auto", Split, "all"] = "auto"
    device: Device = "auto"


class Rank(AskedSpec):
    """Which of the candidates should a fine-tuning on this dataset start from? Answered without training."""

    type: Literal["rank"]
    dataset: DatasetId
    candidates: list[ModelName] = Field(min_length=1, max_length=MAX_CANDIDATES)
    device: Device = "auto"

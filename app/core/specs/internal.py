"""Jobs that an upload or an import creates, never a user's POST."""

from typing import Literal

from app.core.specs.base import JobSpec
from app.core.specs.references import DatasetId, ModelName


class Prepare(JobSpec):
    """Turn an uploaded archive into a dataset."""

    type: Literal["prepare"] = "prepare"
    dataset: DatasetId


class Publish(JobSpec):
    """Make an imported model's weights servable."""

    type: Literal["publish"] = "publish"
    model: ModelName

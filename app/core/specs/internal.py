"""Jobs that an upload or an import creates, never a user's POST."""

from typing import Literal

from pydantic import Field

from app.core.specs.base import TYPE, JobSpec
from app.core.specs.references import DatasetId, ModelName


class Prepare(JobSpec):
    """Turn an uploaded archive into a dataset."""

    type: Literal["prepare"] = Field("prepare", description=TYPE)
    dataset: DatasetId = Field(description="id of the dataset that the archive becomes")


class Publish(JobSpec):
    """Make an imported model's weights servable."""

    type: Literal["publish"] = Field("publish", description=TYPE)
    model: ModelName = Field(description="id of the imported model")

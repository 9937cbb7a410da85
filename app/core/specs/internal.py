"""Jobs that an upload or an import makes, never a user's POST."""

from typing import Literal

from app.core.specs.base import Strict


class Prepare(Strict):
    """Turn an uploaded archive into a dataset."""

    type: Literal["prepare"] = "prepare"
    dataset: str


class Publish(Strict):
    """Make an imported model's weights servable."""

    type: Literal["publish"] = "publish"
    model: str

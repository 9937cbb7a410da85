"""Input of a model, and the result of a publication."""

from typing import Literal

from pydantic import Field

from app.core.results.base import Record

Interpolation = Literal["bilinear", "bicubic"]


class ModelInput(Record):
    """Preprocessing of every image before the network."""

    size: int = Field(description="side of the square image in pixels")
    resize: int = Field(description="the shorter side is resized to this many pixels before the crop")
    crop: str = Field("center", description="which part is cut out after resizing")
    interpolation: Interpolation = Field("bilinear", description="how pixels are resized, always antialiased")
    channels: str = Field("rgb", description="order of the colour channels")
    mean: list[float] = Field(description="subtracted from each channel after scaling to 0..1")
    std: list[float] = Field(description="each channel is divided by it after the mean was subtracted")


class PublishResult(Record):
    """The imported model that was made servable."""

    model: str = Field(description="id of the model")

"""Overlap of evaluated images with those that a model was trained on."""

from pydantic import Field

from app.core.results.base import Record


class SeenImages(Record):
    """Images that a model, or one that it came from, was trained on or chosen by, under whatever dataset's id."""

    images: int = Field(description="how many of the images")
    message: str = Field(description="what that means for the figures, one sentence for people")

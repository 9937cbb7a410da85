"""Results of a dataset's preparation."""

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from app.core.results.base import Record


class ClassCount(Record):
    """Number of images of a class."""

    name: str = Field(description="the class's name: its folder in the archive")
    count: int = Field(description="images of the class, over all splits")


class SplitCounts(Record):
    """Number of images in each split."""

    train: int = Field(description="images that train")
    val: int = Field(description="images that choose the epoch, the temperature and a penalty's strength")
    test: int = Field(description="images that judge, and do nothing else")


class ConvertedCounts(TypedDict, total=False):
    """Images that were converted to upright RGB, counted by what they were; one image may count more than once."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    grey: Annotated[int, Field(description="grey images")]
    palette: Annotated[int, Field(description="images with a palette")]
    cmyk: Annotated[int, Field(description="CMYK images")]
    sixteen_bit: Annotated[int, Field(description="images of more than 8 bits a channel, which were scaled")]
    colour_space: Annotated[int, Field(description="images of another colour space")]
    transparency: Annotated[int, Field(description="transparent images, which were laid on white")]
    turned: Annotated[int, Field(description="images that were turned upright as their EXIF says")]


class DatasetWarning(TypedDict):
    """A property of a dataset that may impair training on it."""

    code: Annotated[str, Field(description="stable: one_class, few_images, imbalanced, conflicting_labels, ...")]
    message: Annotated[str, Field(description="one sentence for people")]


class ConversionWarning(DatasetWarning):
    """Number of images that were converted to upright RGB."""

    images: Annotated[ConvertedCounts, Field(description="images by what they were")]


class PrepareResult(Record):
    """The dataset that was prepared."""

    dataset: str = Field(description="id of the dataset")

"""Answers of the API about datasets."""

from typing import Literal

from pydantic import Field

from app.core.results.dataset import ClassCount, ConversionWarning, DatasetWarning, SplitCounts
from app.http.pagination import Listing
from app.http.responses import OBJECT, ErrorDetail, ResponseModel, Time
from app.http.stored_json import Stored


class DatasetResponse(ResponseModel):
    """A dataset. `images` and what follows it are null until `status` is `ready`."""

    object: Literal["dataset"] = Field("dataset", description=OBJECT)
    id: str = Field(description="the dataset's id")
    name: str = Field(description="the name that its user gave it")
    status: Literal["preparing", "ready", "failed"] = Field(description="jobs can use it once it is `ready`")
    job: str = Field(description="id of the job that prepares it")
    images: int | None = Field(description="usable images, duplicates removed")
    labelled: bool | None = Field(description="whether its images lie in class folders")
    classes: list[Stored[ClassCount]] | None = Field(description="its classes; empty without labels")
    splits: Stored[SplitCounts] | None = Field(description="images of each split")
    rejected: int | None = Field(description="files that were left out; see its rejections")
    duplicates: int | None = Field(description="images that were left out because the same pixels were there already")
    warnings: list[Stored[ConversionWarning | DatasetWarning]] | None = Field(
        description="what to know before training on it"
    )
    error: ErrorDetail | None = Field(description="why it could not be prepared; null unless it has failed")
    sha256: str = Field(description="SHA-256 of the uploaded archive, in hexadecimal")
    bytes: int = Field(description="size of the uploaded archive in bytes")
    created_at: Time = Field(description="when it was uploaded")


class RejectionResponse(ResponseModel):
    """A file of the archive that was left out."""

    object: Literal["rejection"] = Field("rejection", description=OBJECT)
    path: str = Field(description="its path in the archive")
    code: str = Field(description="why, as a stable code")
    reason: str = Field(description="why, in a sentence for people")


class DatasetList(Listing[DatasetResponse]):
    """One page of datasets."""


class RejectionList(Listing[RejectionResponse]):
    """One page of files that were left out."""

"""What the API says of datasets."""

from typing import Any, Literal

from pydantic import BaseModel

from app.http.responses import ErrorDetail, ResponseModel, Time


class ClassCount(BaseModel):
    """How many images a class has."""

    name: str
    count: int


class SplitCounts(BaseModel):
    """How many images are for what."""

    train: int
    val: int
    test: int


class DatasetResponse(ResponseModel):
    """`images` and what follows it are null until `status` is `ready`.

    Each of the `warnings` has a `code` and a `message`; the one with code `converted` also counts, in `images`, how
    many were made upright RGB from what.
    """

    object: Literal["dataset"] = "dataset"
    id: str
    name: str
    status: Literal["preparing", "ready", "failed"]
    job: str
    images: int | None
    labelled: bool | None
    classes: list[ClassCount] | None
    splits: SplitCounts | None
    rejected: int | None
    duplicates: int | None
    warnings: list[Any] | None
    error: ErrorDetail | None
    sha256: str
    bytes: int
    created_at: Time


class RejectionResponse(ResponseModel):
    """A file that was left out, and why."""

    object: Literal["rejection"] = "rejection"
    path: str
    code: str
    reason: str

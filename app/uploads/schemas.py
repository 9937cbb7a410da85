"""What the API says of uploads."""

from typing import Literal

from app.http.responses import MaybeTime, ResponseModel, Time


class UploadResponse(ResponseModel):
    """`offset` bytes of `length` have come; `dataset` is there once all have. `expires_at`: unless more comes."""

    object: Literal["upload"] = "upload"
    id: str
    name: str
    length: int
    offset: int
    dataset: str | None
    created_at: Time
    expires_at: MaybeTime

"""Answers of the API about uploads in pieces."""

from typing import Literal

from pydantic import Field

from app.http.responses import OBJECT, MaybeTime, ResponseModel, Time


class UploadResponse(ResponseModel):
    """An archive that is uploaded in pieces."""

    object: Literal["upload"] = Field("upload", description=OBJECT)
    id: str = Field(description="the upload's id")
    name: str = Field(description="name of the dataset that it becomes")
    length: int = Field(description="bytes in all")
    offset: int = Field(description="bytes that have been received")
    dataset: str | None = Field(description="id of the dataset, once all bytes have been received")
    created_at: Time = Field(description="when it was begun")
    expires_at: MaybeTime = Field(description="when it is deleted unless more bytes come; null once it is complete")

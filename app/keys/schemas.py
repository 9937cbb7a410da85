"""Requests and answers of the API about keys."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.auth.scopes import Scope
from app.http.pagination import Listing
from app.http.responses import OBJECT, MaybeTime, ResponseModel, Time


class KeyRequest(BaseModel):
    """A key for one's own tenant."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="what it is for")
    scope: Scope = Field("write", description="what it may do; each scope includes those before it")
    expires_at: datetime | None = Field(None, description="with a time zone; without it the key does not expire")


class KeyResponse(ResponseModel):
    """A key without its secret, which nobody can tell any more."""

    object: Literal["key"] = Field("key", description=OBJECT)
    id: str = Field(description="the key's id")
    tenant: str = Field(description="whose it is")
    name: str = Field(description="what it is for")
    scope: Scope = Field(description="what it may do; each scope includes those before it")
    created_at: Time = Field(description="when it was made")
    expires_at: MaybeTime = Field(description="when it expires; null for never")
    revoked_at: MaybeTime = Field(description="when it was revoked; null unless it was")


class NewKeyResponse(KeyResponse):
    """`token` is what to send; it is told this once."""

    token: str = Field(description="what to send as `Authorization: Bearer <token>`; it is shown this once")


class KeyList(Listing[KeyResponse]):
    """One page of keys."""

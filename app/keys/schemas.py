"""What the API says of keys."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.auth.scopes import Scope
from app.http.responses import MaybeTime, ResponseModel, Time


class KeyRequest(BaseModel):
    """A key for one's own tenant."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(description="what it is for")]
    scope: Scope = "write"
    expires_at: Annotated[datetime | None, Field(description="with a time zone; without it the key does not end")] = (
        None
    )


class KeyResponse(ResponseModel):
    """A key without its secret, which nobody can tell any more."""

    object: Literal["key"] = "key"
    id: str
    tenant: str
    name: str
    scope: Scope
    created_at: Time
    expires_at: MaybeTime
    revoked_at: MaybeTime


class NewKeyResponse(KeyResponse):
    """`token` is what to send; it is told this once."""

    token: str

"""ETags: a file's content names it, so that nobody fetches what they have."""

from typing import Annotated

from fastapi import Header

IfNoneMatch = Annotated[
    str | None, Header(description="`ETag` of what the caller has: the answer is 304 if it has not changed")
]


def matches(if_none_match: str, etag: str) -> bool:
    """Return whether `If-None-Match` contains the tag (RFC 9110, 13.1.2: weak comparison)."""
    return if_none_match.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))

"""ETags: a file's content names it, so that nobody fetches what they have."""


def matches(known: str, etag: str) -> bool:
    """Whether `If-None-Match` names the tag (RFC 9110, 13.1.2: weakly compared)."""
    return known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))

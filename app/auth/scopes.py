"""What a key may do: each scope holds those before it."""

from typing import Literal

Scope = Literal["read", "write", "admin"]

# read: look, and ask models. write: upload, train, delete. admin: keys as well.
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
LOOKING = ("GET", "HEAD")


def covers(held: str, needed: Scope) -> bool:
    """Whether a key of scope `held` may do what needs `needed`."""
    return SCOPES.index(held) >= SCOPES.index(needed)


def needed(method: str) -> Scope:
    """What a call needs that says nothing of its own."""
    return "read" if method in LOOKING else "write"

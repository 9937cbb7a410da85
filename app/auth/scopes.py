"""What a key may do: each scope holds those before it."""

from typing import Literal

Scope = Literal["read", "write", "admin"]

# read: look, and ask models. write: upload, train, delete. admin: keys as well.
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
READ_METHODS = ("GET", "HEAD")


def covers(held: str, default_scope: Scope) -> bool:
    """Whether a key of scope `held` may do what needs `needed`."""
    return SCOPES.index(held) >= SCOPES.index(default_scope)


def default_scope(method: str) -> Scope:
    """What a call needs that says nothing of its own."""
    return "read" if method in READ_METHODS else "write"

"""Scopes of keys; each scope includes those before it."""

from typing import Literal

Scope = Literal["read", "write", "admin"]

# read: look, and ask models. write: upload, train, delete. admin: keys as well.
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
READ_METHODS = ("GET", "HEAD")


def covers(held: str, default_scope: Scope) -> bool:
    """Return whether a key of scope `held` is allowed an operation that needs `needed`."""
    return SCOPES.index(held) >= SCOPES.index(default_scope)


def default_scope(method: str) -> Scope:
    """The scope that an HTTP method needs where the route names none."""
    return "read" if method in READ_METHODS else "write"

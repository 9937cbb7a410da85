"""Permissions of each scope, and the scope that a method needs by default."""

import pytest

from app.auth.scopes import SCOPES, covers, default_scope


@pytest.mark.parametrize(
    ("held", "permitted"), [("read", ["read"]), ("write", ["read", "write"]), ("admin", ["read", "write", "admin"])]
)
def test_a_scope_covers_itself_and_the_smaller_ones(held: str, permitted: list[str]) -> None:
    assert [needed for needed in SCOPES if covers(held, needed)] == permitted


@pytest.mark.parametrize("held", ["", "root", "ADMIN"])
def test_an_unknown_scope_covers_nothing(held: str) -> None:
    with pytest.raises(ValueError):
        covers(held, "read")


@pytest.mark.parametrize(
    ("method", "scope"),
    [("GET", "read"), ("HEAD", "read"), ("POST", "write"), ("PUT", "write"), ("PATCH", "write"), ("DELETE", "write")],
)
def test_a_method_that_changes_something_needs_write(method: str, scope: str) -> None:
    assert default_scope(method) == scope

"""The names that people give to datasets and models."""

from app.core.errors import invalid

MAX_NAME_LENGTH = 200


def clean_name(name: str | None, thing: str, pointer: str) -> str:
    """The name without blanks around it. 422 `name_required` or `invalid_name`, which both point at `pointer`."""
    name = (name or "").strip()
    if not name:
        raise invalid("name_required", f"A {thing} needs a name.", pointer)
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise invalid("invalid_name", f"A name is one line of at most {MAX_NAME_LENGTH} printable characters.", pointer)
    return name

"""The names that people give to datasets and models."""

from app.core.errors import invalid

LONGEST = 200


def clean(name: str | None, thing: str, pointer: str) -> str:
    """The name without blanks around it. 422 `name_required` or `invalid_name`, which both point at `pointer`."""
    name = (name or "").strip()
    if not name:
        raise invalid("name_required", f"A {thing} needs a name.", pointer)
    if len(name) > LONGEST or not name.isprintable():
        raise invalid("invalid_name", f"A name is one line of at most {LONGEST} printable characters.", pointer)
    return name

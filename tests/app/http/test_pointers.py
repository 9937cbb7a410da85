"""A spec's own complaints lead to the field that they name."""

import pytest

from app.http.pointers import field_errors


@pytest.mark.parametrize(
    ("message", "pointer", "told"),
    [
        ("penalty: too much", "/penalty", "too much"),
        ("training.batch_size: SimCLR: 2 or more", "/training/batch_size", "SimCLR: 2 or more"),
        ("Nothing is named", "", "Nothing is named"),
    ],
)
def test_a_named_field_is_pointed_at(message: str, pointer: str, told: str) -> None:
    error = {"type": "value_error", "loc": ("body", "finetune"), "msg": f"Value error, {message}"}
    (found,) = field_errors([error], {"type": "finetune"})
    assert (found.pointer, found.message) == (pointer, told)

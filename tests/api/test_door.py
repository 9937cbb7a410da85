import pytest

from app.core.errors import ServiceError
from app.predictions.door import Door


def test_so_many_are_let_in_and_no_more_until_one_leaves() -> None:
    door = Door(2)
    with door.entered(("t", "birds")):
        with door.entered(("t", "birds")):
            with pytest.raises(ServiceError) as refused, door.entered(("t", "birds")):
                pass
            assert (refused.value.code, refused.value.retry_after) == ("overloaded", 1)
        with door.entered(("t", "birds")):
            pass


def test_other_names_and_other_tenants_are_counted_for_themselves() -> None:
    door = Door(1)
    with door.entered(("t", "birds")), door.entered(("t", "flowers")), door.entered(("u", "birds")):
        pass


def test_a_failure_leaves_as_well() -> None:
    door = Door(1)
    with pytest.raises(ValueError, match="bad"), door.entered(("t", "birds")):
        raise ValueError("bad")
    with door.entered(("t", "birds")):
        pass

"""The bucket of a tenant: how it empties and fills, and when its limit is asked for again."""

from contextlib import suppress

import pytest

from app.auth.rate_limit import Pace
from app.core.errors import ServiceError


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(pace: Pace, count: int) -> int:
    """How many of so many requests are let through."""
    through = 0
    for _ in range(count):
        with suppress(ServiceError):
            pace.take("t")
            through += 1
    return through


def made(limit: int | None) -> tuple[Pace, Clock]:
    clock = Clock()
    pace = Pace(clock)
    pace.learn("t", limit)
    return pace, clock


def test_it_fills_by_the_minute() -> None:
    pace, clock = made(60)
    assert taken(pace, 70) == 60
    clock.now += 3
    assert taken(pace, 10) == 3
    clock.now += 1000
    assert taken(pace, 70) == 60


def test_a_refusal_says_when_there_is_room() -> None:
    pace, clock = made(6)
    assert taken(pace, 6) == 6
    with pytest.raises(ServiceError) as refused:
        pace.take("t")
    assert (refused.value.code, refused.value.retry_after) == ("too_many_requests", 10)
    clock.now += 10
    assert taken(pace, 2) == 1


def test_without_a_limit_nothing_is_counted() -> None:
    pace, _ = made(None)
    assert taken(pace, 1000) == 1000


def test_a_limit_is_known_for_a_second() -> None:
    pace, clock = made(5)
    assert pace.knows("t")
    assert not pace.knows("another")
    clock.now += 0.99
    assert pace.knows("t")
    clock.now += 0.02
    assert not pace.knows("t")


def test_what_was_used_stays_used_when_the_limit_is_learnt_again() -> None:
    pace, _ = made(5)
    assert taken(pace, 3) == 3
    pace.learn("t", 5)
    assert taken(pace, 5) == 2
    pace.learn("t", 4)
    assert taken(pace, 5) == 0


@pytest.mark.parametrize("before", [None, 5])
def test_a_new_limit_holds(before: int | None) -> None:
    pace, clock = made(before)
    assert taken(pace, 5) == 5
    pace.learn("t", 2)
    clock.now += 60
    assert taken(pace, 5) == 2
    pace.learn("t", None)
    assert taken(pace, 50) == 50
    pace.learn("t", 2)
    assert taken(pace, 5) == 2

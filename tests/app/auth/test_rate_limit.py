"""The bucket of a tenant: how it empties and fills, and when its limit is asked for again."""

from contextlib import suppress

import pytest

from app.auth.rate_limit import RateLimiter
from app.core.errors import ServiceError


class Clock:
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(limiter: RateLimiter, count: int) -> int:
    """Number of requests that are let through."""
    through = 0
    for _ in range(count):
        with suppress(ServiceError):
            limiter.acquire("t")
            through += 1
    return through


def made(limit: int | None) -> tuple[RateLimiter, Clock]:
    clock = Clock()
    limiter = RateLimiter(clock)
    limiter.set_limit("t", limit)
    return limiter, clock


def test_it_fills_by_the_minute() -> None:
    limiter, clock = made(60)
    assert taken(limiter, 70) == 60
    clock.now += 3
    assert taken(limiter, 10) == 3
    clock.now += 1000
    assert taken(limiter, 70) == 60


def test_a_refusal_says_when_there_is_room() -> None:
    limiter, clock = made(6)
    assert taken(limiter, 6) == 6
    with pytest.raises(ServiceError) as refused:
        limiter.acquire("t")
    assert (refused.value.code, refused.value.retry_after) == ("too_many_requests", 10)
    clock.now += 10
    assert taken(limiter, 2) == 1


def test_without_a_limit_nothing_is_counted() -> None:
    limiter, _ = made(None)
    assert taken(limiter, 1000) == 1000


def test_a_limit_is_known_for_a_second() -> None:
    limiter, clock = made(5)
    assert limiter.is_fresh("t")
    assert not limiter.is_fresh("another")
    clock.now += 0.99
    assert limiter.is_fresh("t")
    clock.now += 0.02
    assert not limiter.is_fresh("t")


def test_what_was_used_stays_used_when_the_limit_is_learnt_again() -> None:
    limiter, _ = made(5)
    assert taken(limiter, 3) == 3
    limiter.set_limit("t", 5)
    assert taken(limiter, 5) == 2
    limiter.set_limit("t", 4)
    assert taken(limiter, 5) == 0


@pytest.mark.parametrize("before", [None, 5])
def test_a_new_limit_holds(before: int | None) -> None:
    limiter, clock = made(before)
    assert taken(limiter, 5) == 5
    limiter.set_limit("t", 2)
    clock.now += 60
    assert taken(limiter, 5) == 2
    limiter.set_limit("t", None)
    assert taken(limiter, 50) == 50
    limiter.set_limit("t", 2)
    assert taken(limiter, 5) == 2

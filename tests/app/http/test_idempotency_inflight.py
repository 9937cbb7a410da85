"""One request at a time has an Idempotency-Key in a process."""

import pytest

from app.core.errors import ServiceError
from app.http.idempotency_inflight import InFlight

KEY = ("tenant", "jobs", "k")


def check_refused(in_flight: InFlight) -> None:
    with pytest.raises(ServiceError) as refused, in_flight.exclusive(KEY):
        pytest.fail("two requests had one key")
    assert (refused.value.kind, refused.value.code) == ("conflict", "idempotency_key_in_flight")
    assert refused.value.retry_after == 1


def test_a_second_request_with_the_key_is_refused_until_the_first_has_ended() -> None:
    in_flight = InFlight()
    with in_flight.exclusive(KEY):
        check_refused(in_flight)
        check_refused(in_flight)  # the refusal did not give the key back
    with in_flight.exclusive(KEY):
        pass


def test_a_request_that_fails_gives_its_key_back() -> None:
    in_flight = InFlight()
    with pytest.raises(OSError, match="away"), in_flight.exclusive(KEY):
        raise OSError("away")
    with in_flight.exclusive(KEY):
        pass


@pytest.mark.parametrize(
    "other", [("another", "jobs", "k"), ("tenant", "datasets", "k"), ("tenant", "jobs", "K"), None]
)
def test_another_key_is_not_waited_for(other: tuple[str, str, str] | None) -> None:
    in_flight = InFlight()
    with in_flight.exclusive(KEY), in_flight.exclusive(other):
        check_refused(in_flight)


def test_requests_without_a_key_never_meet() -> None:
    in_flight = InFlight()
    with in_flight.exclusive(None), in_flight.exclusive(None):
        pass

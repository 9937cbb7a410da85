"""Requests under way by their `Idempotency-Key`: a second one learns at once that the first has not ended.

It would wait for the first one's row otherwise, its whole upload read for nothing. Two processes of the API do not see
each other's here; there the row alone decides, which makes one thing as well (`app.http.idempotency`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core import retry_after
from app.core.errors import conflict

InFlightKey = tuple[str, str, str]  # tenant, route, key


class InFlight:
    """The tickets of one process. For the event loop alone."""

    def __init__(self) -> None:
        self._keys: set[InFlightKey] = set()

    @contextmanager
    def exclusive(self, key: InFlightKey | None) -> Iterator[None]:
        """Inside, no other request has this ticket. 409 `idempotency_key_in_flight`."""
        if key is None:
            yield
            return
        if key in self._keys:
            message = "A request with this Idempotency-Key is being answered; ask again for its result."
            raise conflict("idempotency_key_in_flight", message, retry_after.IN_FLIGHT)
        self._keys.add(key)
        try:
            yield
        finally:
            self._keys.remove(key)

"""Admission control: requests are refused before any work is done, since a refusal must cost less than an answer."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.core import retry_after
from app.core.errors import ServiceError

AdmissionKey = tuple[str, str]  # who says to be asking, and the model's name in the request


def overloaded_error() -> ServiceError:
    """503 `overloaded`."""
    return ServiceError("unavailable", "overloaded", "Too many images are waiting.", retry_after=retry_after.OVERLOADED)


class AdmissionController:
    """Counts the requests inside by what they want. For the event loop alone.

    Each brings an image at least, so as many requests as images may wait for a model (`Batcher.room`) are enough. Both
    parts of what is wanted are as the caller gave them: who that is, and which model, would take the database to say.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._admitted: Counter[AdmissionKey] = Counter()

    @contextmanager
    def admit(self, key: AdmissionKey) -> Iterator[None]:
        """Inside until answered; 503 `overloaded` where there are too many already."""
        if self._admitted[key] >= self._capacity:
            raise overloaded_error()
        self._admitted[key] += 1
        try:
            yield
        finally:
            self._admitted[key] -= 1
            if not self._admitted[key]:
                del self._admitted[key]

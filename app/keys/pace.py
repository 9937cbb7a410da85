"""How many requests a tenant sends: a bucket that fills by the minute (token bucket, Turner 1986)."""

import math
import threading
import time
from collections.abc import Callable

from app.core.errors import ServiceError

MINUTE = 60.0


class Pace:
    """The buckets of one process, by tenant. Thread-safe; a tenant without a limit has no bucket."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and when there were so many

    def take(self, tenant: str, a_minute: int | None) -> None:
        """One request more, or 429 `too_many_requests` with the seconds until there is room for it."""
        if a_minute is None:
            return
        with self._lock:
            moment, rate = self._clock(), a_minute / MINUTE
            tokens, then = self._buckets.get(tenant, (float(a_minute), moment))
            tokens = min(tokens + (moment - then) * rate, float(a_minute))
            enough = tokens >= 1
            self._buckets[tenant] = (tokens - enough, moment)
        if not enough:
            wait = math.ceil((1 - tokens) / rate)
            message = f"At most {a_minute} requests a minute are answered."
            raise ServiceError("limited", "too_many_requests", message, retry_after=wait)

"""Rate limit of a tenant's requests per minute: a token bucket (Turner 1986)."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.core.errors import ServiceError

SECONDS_PER_MINUTE = 60.0
LIMIT_TTL_SECONDS = 1.0


@dataclass
class Bucket:
    """A tenant's: how many requests a minute (None: any number), since when that is known, and what is left of them."""

    per_minute: int | None
    limit_set_at: float
    tokens: float
    refilled_at: float


class RateLimiter:
    """The buckets of one process, by tenant. Thread-safe. What is known of a limit is forgotten after a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def is_fresh(self, tenant: str) -> bool:
        """Return whether the tenant's limit was read from the database within the last second."""
        bucket = self._buckets.get(tenant)
        return bucket is not None and self._clock() - bucket.limit_set_at < LIMIT_TTL_SECONDS

    def set_limit(self, tenant: str, per_minute: int | None) -> None:
        """The tenant's limit from now on; what it has used stays used."""
        with self._lock:
            current_time = self._clock()
            bucket = self._buckets.get(tenant)
            if bucket is None or bucket.per_minute is None:
                self._buckets[tenant] = Bucket(per_minute, current_time, float(per_minute or 0), current_time)
            else:
                bucket.per_minute, bucket.limit_set_at = per_minute, current_time

    def acquire(self, tenant: str) -> None:
        """One request more, or 429 `too_many_requests` with the seconds until there is room for it."""
        with self._lock:
            bucket = self._buckets[tenant]
            if bucket.per_minute is None:
                return
            current_time, rate = self._clock(), bucket.per_minute / SECONDS_PER_MINUTE
            tokens = min(bucket.tokens + (current_time - bucket.refilled_at) * rate, float(bucket.per_minute))
            is_allowed = tokens >= 1
            bucket.tokens, bucket.refilled_at = tokens - is_allowed, current_time
        if not is_allowed:
            wait = math.ceil((1 - tokens) / rate)
            message = f"At most {bucket.per_minute} requests a minute are answered."
            raise ServiceError("limited", "too_many_requests", message, retry_after=wait)

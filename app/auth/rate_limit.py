"""How many requests a tenant sends: a bucket that fills by the minute (token bucket, Turner 1986)."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.core.errors import ServiceError

MINUTE = 60.0
FRESH_SECONDS = 1.0


@dataclass
class Bucket:
    """A tenant's: how many requests a minute (None: any number), since when that is known, and what is left of them."""

    a_minute: int | None
    learnt: float
    tokens: float
    counted: float


class Pace:
    """The buckets of one process, by tenant. Thread-safe. What is known of a limit is forgotten after a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def knows(self, tenant: str) -> bool:
        """Whether the tenant's limit was learnt within the last second."""
        bucket = self._buckets.get(tenant)
        return bucket is not None and self._clock() - bucket.learnt < FRESH_SECONDS

    def learn(self, tenant: str, a_minute: int | None) -> None:
        """The tenant's limit from now on; what it has used stays used."""
        with self._lock:
            moment = self._clock()
            known = self._buckets.get(tenant)
            if known is None or known.a_minute is None:
                self._buckets[tenant] = Bucket(a_minute, moment, float(a_minute or 0), moment)
            else:
                known.a_minute, known.learnt = a_minute, moment

    def take(self, tenant: str) -> None:
        """One request more, or 429 `too_many_requests` with the seconds until there is room for it."""
        with self._lock:
            bucket = self._buckets[tenant]
            if bucket.a_minute is None:
                return
            moment, rate = self._clock(), bucket.a_minute / MINUTE
            tokens = min(bucket.tokens + (moment - bucket.counted) * rate, float(bucket.a_minute))
            enough = tokens >= 1
            bucket.tokens, bucket.counted = tokens - enough, moment
        if not enough:
            wait = math.ceil((1 - tokens) / rate)
            message = f"At most {bucket.a_minute} requests a minute are answered."
            raise ServiceError("limited", "too_many_requests", message, retry_after=wait)

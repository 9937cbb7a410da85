"""The context of an application, without its server."""

from app.auth.rate_limit import RateLimiter
from app.broker import WakeupPublisher
from app.context import Context
from app.core.database.sessions import Database
from app.core.files.storage import Storage
from app.core.settings import Settings
from app.http.idempotency_inflight import InFlight
from app.http.metrics import Metrics
from app.serving.model_cache import ModelCache


def make_context(settings: Settings, database: Database) -> Context:
    """One of each, with no thread started. Call it on an event loop, which the model cache needs."""
    storage = Storage(settings.data)
    return Context(
        settings=settings,
        database=database,
        storage=storage,
        wakeups=WakeupPublisher(settings),
        model_cache=ModelCache(settings, storage),
        metrics=Metrics(),
        rate_limiter=RateLimiter(),
        in_flight=InFlight(),
    )

"""The HTTP side put together: `uvicorn --factory app.main:create_app`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from app import health
from app.auth.rate_limit import RateLimiter
from app.broker import WakeupPublisher
from app.context import Context
from app.core.database.sessions import Database
from app.core.files.storage import Storage
from app.core.jobs.reconciler import reconciler
from app.core.settings import Settings
from app.core.settings_environment import load_settings
from app.datasets import endpoints as datasets
from app.http import problems
from app.http.idempotency_inflight import InFlight
from app.http.metrics import Metrics, MetricsMiddleware
from app.jobs import endpoints as jobs
from app.keys import endpoints as keys
from app.models import aliases
from app.models import endpoints as models
from app.predictions import endpoints as predictions
from app.routing import docs
from app.routing.openapi import completed
from app.serving.model_cache import ModelCache
from app.uploads import endpoints as uploads

# Routes are tried in this order, so what is asked most comes first.
ROUTERS = (
    predictions.router,
    jobs.router,
    datasets.router,
    uploads.router,
    models.router,
    aliases.router,
    keys.router,
    health.router,
    health.metrics_router,
    docs.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; nothing is opened before it starts. The schema must be there (`imprint migrate`)."""
    metrics = Metrics()
    app = FastAPI(
        title="Imprint",
        version=version("imprint"),
        description="Self-hosted fine-tuning as a service for image models",
        lifespan=_lifespan(settings or load_settings(), metrics),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    # FastAPI's own documented way
    app.openapi = completed(app, ROUTERS)  # type: ignore[method-assign]
    problems.install_error_handlers(app)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)  # an included router would match each of its routes twice
    return app


def _lifespan(settings: Settings, metrics: Metrics) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as closing:
            app.state.context = open_context(settings, metrics, closing)
            yield

    return lifespan


def open_context(settings: Settings, metrics: Metrics, closing: ExitStack) -> Context:
    """The objects that all requests share; `closing` closes them in the opposite order."""
    settings.data.mkdir(parents=True, exist_ok=True)
    database, storage, wakeups = (
        Database(settings.resolved_database_url),
        Storage(settings.data),
        WakeupPublisher(settings),
    )
    repeater = reconciler(database, settings, wakeups.wake)
    closing.callback(database.close)
    wakeups.start()
    closing.callback(wakeups.stop)
    repeater.start()
    closing.callback(repeater.stop)
    return Context(
        settings, database, storage, wakeups, ModelCache(settings, storage), metrics, RateLimiter(), InFlight()
    )

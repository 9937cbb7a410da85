"""The models that are loaded: each once, the least recently used one goes when another needs its place.

Everything here runs on the event loop (`forget` may be called from anywhere); loading is in a thread and blocks nobody.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from app.core.errors import not_found
from app.core.files import storage_keys
from app.core.files.storage import Storage
from app.core.models.model_card import ModelCard
from app.core.settings import Settings
from app.serving.admission import AdmissionController
from app.serving.batching import Batcher
from app.serving.loaded_model import LoadedModel


@dataclass(frozen=True)
class ServedModel:
    """A model that is ready to answer. It lives for as long as a request holds it, in the LRU or not."""

    card: ModelCard
    batcher: Batcher


class ModelCache:
    """The LRU of loaded models. Make it on the event loop that it serves."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._settings, self._storage = settings, storage
        self.admission = AdmissionController(settings.prediction_queue)
        self._loop = asyncio.get_running_loop()
        self._models: OrderedDict[str, asyncio.Task[ServedModel]] = OrderedDict()

    async def get(self, model_id: str) -> ServedModel:
        """The model, loaded. Those who ask for the same one meanwhile wait for the same loading."""
        loading = self._models.get(model_id)
        if loading is None:
            loading = self._models[model_id] = asyncio.create_task(self._load(model_id))
            loading.add_done_callback(lambda task: self._drop_failed(model_id, task))
            while len(self._models) > self._settings.loaded_models:
                self._models.popitem(last=False)
        self._models.move_to_end(model_id)
        return await asyncio.shield(loading)

    async def _load(self, model_id: str) -> ServedModel:
        try:
            loaded = await asyncio.to_thread(LoadedModel, self._storage.path(storage_keys.model(model_id)))
        except FileNotFoundError as error:  # deleted since its row was read
            raise not_found("model", model_id) from error
        return ServedModel(
            loaded.card, Batcher(loaded.run, loaded.parallel, self._settings.prediction_batch, self.capacity)
        )

    @property
    def capacity(self) -> int:
        """Number of images that may wait for one model."""
        return self._settings.prediction_queue

    def _drop_failed(self, model_id: str, task: asyncio.Task[ServedModel]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._models.get(model_id) is task:
            del self._models[model_id]

    def evict(self, model_id: str) -> None:
        """Let go of a deleted model. From any thread."""
        self._loop.call_soon_threadsafe(self._models.pop, model_id, None)

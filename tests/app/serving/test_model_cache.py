"""Loaded models: each once, a few at a time, and again after a failure or a deletion."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.errors import ServiceError
from app.core.files.storage import Storage
from app.core.settings import Settings
from app.serving import model_cache
from app.serving.loaded_model import LoadedModel
from app.serving.model_cache import ModelCache, ServedModel
from tests.app.colour_model import SIZE, publish

PATIENCE = 10


class Loads:
    """The models that were loaded, in order. A loading waits while a test has cleared `go_on`."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.started, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def load(self, folder: Path) -> LoadedModel:
        self.names.append(folder.name)
        self.started.set()
        assert self.go_on.wait(PATIENCE)
        return LoadedModel(folder)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    loads = Loads()
    monkeypatch.setattr(model_cache, "LoadedModel", loads.load)
    return loads


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with the models a, b and c."""
    for name in "abc":
        (tmp_path / "models" / name).mkdir(parents=True)
        publish(tmp_path / "models" / name, ("red", "green", "blue"))
    return tmp_path


def make(folder: Path, **settings: object) -> ModelCache:
    return ModelCache(Settings(data=folder, **settings), Storage(folder))


def run(check: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(check, PATIENCE))


async def started(loads: Loads) -> None:
    """A loading has begun in its thread."""
    assert await asyncio.to_thread(loads.started.wait, PATIENCE)


def test_a_model_answers(folder: Path) -> None:
    async def check() -> None:
        served = await make(folder).get("a")
        assert served.card.classes == ["red", "green", "blue"]
        red = np.zeros((SIZE, SIZE, 3), np.uint8)
        red[..., 0] = 255
        (output,) = await served.batcher.infer([red])
        assert output.features.tolist() == pytest.approx([1, 0, 0], abs=1e-6)

    run(check())


def test_those_who_ask_meanwhile_wait_for_the_same_loading(folder: Path, loads: Loads) -> None:
    loads.go_on.clear()

    async def check() -> None:
        cache = make(folder)
        asked = [asyncio.create_task(cache.get(name)) for name in "abababab"]
        await started(loads)
        loads.go_on.set()
        served = await asyncio.gather(*asked)
        assert len({id(one) for one in served}) == 2
        assert served[0] is served[2] is await cache.get("a")
        assert sorted(loads.names) == ["a", "b"]

    run(check())


def test_the_least_recently_used_one_goes(folder: Path, loads: Loads) -> None:
    async def check() -> None:
        cache = make(folder, loaded_models=2)
        for name in "abacab":
            await cache.get(name)
        assert loads.names == ["a", "b", "c", "b"]  # b went for c, which went for b; a was always just used

    run(check())


def test_one_that_went_still_answers_those_who_hold_it(folder: Path) -> None:
    async def check() -> None:
        cache = make(folder, loaded_models=1)
        held = await cache.get("a")
        assert await cache.get("b") is not held
        assert len(await held.batcher.infer([np.zeros((SIZE, SIZE, 3), np.uint8)])) == 1
        assert await cache.get("a") is not held

    run(check())


def test_who_gives_up_leaves_the_loading_to_the_others(folder: Path, loads: Loads) -> None:
    loads.go_on.clear()

    async def check() -> None:
        cache = make(folder)
        first, second = (asyncio.create_task(cache.get("a")) for _ in range(2))
        await started(loads)
        first.cancel()
        await asyncio.sleep(0)
        loads.go_on.set()
        assert isinstance(await second, ServedModel)
        assert first.cancelled()
        assert loads.names == ["a"]

    run(check())


def test_a_model_that_is_not_there_is_not_found_until_it_is(folder: Path, loads: Loads) -> None:
    async def check() -> None:
        cache = make(folder)
        for _ in range(2):
            with pytest.raises(ServiceError, match="model_not_found"):
                await cache.get("d")
        (folder / "models" / "c").rename(folder / "models" / "d")
        assert isinstance(await cache.get("d"), ServedModel)
        assert loads.names == ["d"] * 3

    run(check())


def test_a_loading_that_fails_fails_for_all_who_wait_and_is_tried_again(folder: Path, loads: Loads) -> None:
    good = (folder / "models" / "a" / "model.onnx").read_bytes()
    (folder / "models" / "a" / "model.onnx").write_bytes(b"nonsense")

    async def check() -> None:
        cache = make(folder)
        failed = await asyncio.gather(*(cache.get("a") for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in failed] == [RuntimeError] * 3
        (folder / "models" / "a" / "model.onnx").write_bytes(good)
        assert isinstance(await cache.get("a"), ServedModel)
        assert loads.names == ["a", "a"]

    run(check())


def test_a_deleted_model_is_let_go_from_any_thread(folder: Path, loads: Loads) -> None:
    async def check() -> None:
        cache = make(folder)
        await cache.get("a")
        await asyncio.to_thread(cache.evict, "a")
        await asyncio.to_thread(cache.evict, "never loaded")
        await asyncio.sleep(0)
        await cache.get("a")
        assert loads.names == ["a", "a"]

    run(check())


def test_one_that_is_deleted_while_it_loads_is_not_kept(folder: Path, loads: Loads) -> None:
    loads.go_on.clear()

    async def check() -> None:
        cache = make(folder)
        asked = asyncio.create_task(cache.get("a"))
        await started(loads)
        cache.evict("a")
        await asyncio.sleep(0)
        loads.go_on.set()
        first = await asked
        assert await cache.get("a") is not first
        assert loads.names == ["a", "a"]

    run(check())


def test_a_name_that_leads_elsewhere_loads_nothing(folder: Path, loads: Loads) -> None:
    async def check() -> None:
        with pytest.raises(ValueError, match="leads out"):
            await make(folder).get("../../etc")

    run(check())
    assert loads.names == []


def test_queues_are_as_long_as_the_settings_say(folder: Path) -> None:
    async def check() -> None:
        cache = make(folder, prediction_queue=1, prediction_images=1, prediction_batch=1)
        assert cache.capacity == 1
        inside, another = (cache.admission.admit(("t", "a")) for _ in range(2))
        with inside, pytest.raises(ServiceError, match="overloaded"), another:
            pass
        served = await cache.get("a")
        with pytest.raises(ServiceError, match="overloaded"), served.batcher.reserve(2):
            pass

    run(check())

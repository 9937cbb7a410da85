"""The queue in front of a network."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from app.core.database.sessions import Database
from app.core.errors import ServiceError
from app.core.files.images import Pixels
from app.core.settings import Settings
from app.serving.batching import Batcher, Output
from app.serving.loaded_model import LoadedModel
from tests.app.conftest import Serve
from tests.app.image_archives import image_bytes
from tests.app.row_factories import add_model

COLORS = {"red": "red", "lime": "green", "blue": "blue"}


def view(value: int) -> Pixels:
    return np.full((1, 1, 3), value, np.uint8)


class Slow:
    """A network that takes its time and says which image it saw."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, views: list[Pixels]) -> list[Output]:
        self.batches.append(len(views))
        time.sleep(0.05)
        return [Output(None, each[0, 0].astype(np.float32)) for each in views]


def test_what_waits_goes_together_and_nothing_waits_for_company() -> None:
    network = Slow()
    batcher = Batcher(network.run, parallel=1, batch=4, capacity=100)

    async def ask(value: int) -> float:
        return float((await batcher.infer([view(value)]))[0].features[0])

    async def storm() -> list[float]:
        first = asyncio.create_task(ask(0))
        await asyncio.sleep(0.02)
        return [await first, *await asyncio.gather(*(ask(value) for value in range(1, 10)))]

    assert asyncio.run(storm()) == list(range(10))
    assert network.batches[0] == 1
    assert max(network.batches) == 4
    assert sum(network.batches) == 10


def test_what_waits_is_shared_among_the_networks_threads() -> None:
    """Three at a time, never more; each takes its share of what is there, and all are answered by their own."""
    running, most = 0, 0
    network, counting = Slow(), threading.Lock()

    def run(views: list[Pixels]) -> list[Output]:
        nonlocal running, most
        with counting:
            running += 1
            most = max(most, running)
        outputs = network.run(views)
        with counting:
            running -= 1
        return outputs

    batcher = Batcher(run, parallel=3, batch=4, capacity=100)

    async def storm() -> list[float]:
        first = asyncio.create_task(batcher.infer([view(value) for value in range(9)]))
        await asyncio.sleep(0.02)
        others = await asyncio.gather(*(batcher.infer([view(value)]) for value in range(9, 30)))
        return [float(one.features[0]) for found in (await first, *others) for one in found]

    assert asyncio.run(storm()) == list(range(30))
    assert most == 3
    assert network.batches[:3] == [3, 2, 2]
    assert max(network.batches) == 4
    assert sum(network.batches) == 30


def test_a_full_queue_refuses_at_once_and_opens_again() -> None:
    batcher = Batcher(Slow().run, parallel=1, batch=4, capacity=5)

    async def storm() -> None:
        with batcher.reserve(3):
            with pytest.raises(ServiceError) as caught, batcher.reserve(3):
                pass
            assert (caught.value.code, caught.value.retry_after) == ("overloaded", 1)
            with batcher.reserve(2):
                pass
        with batcher.reserve(5):
            await batcher.infer([view(1)] * 5)

    asyncio.run(storm())


def test_a_failure_reaches_those_who_wait_and_nobody_else() -> None:
    def run(views: list[Pixels]) -> list[Output]:
        if any(each[0, 0, 0] == 13 for each in views):
            raise RuntimeError("no")
        return [Output(None, each[0, 0]) for each in views]

    async def storm() -> None:
        batcher = Batcher(run, parallel=1, batch=1, capacity=10)
        answers = await asyncio.gather(*(batcher.infer([view(value)]) for value in (1, 13, 2)), return_exceptions=True)
        assert [isinstance(answer, RuntimeError) for answer in answers] == [False, True, False]

    asyncio.run(storm())


def test_a_caller_that_gives_up_leaves_the_others_alone() -> None:
    network = Slow()

    async def storm() -> None:
        batcher = Batcher(network.run, parallel=1, batch=1, capacity=10)
        tasks = [asyncio.create_task(batcher.infer([view(value)])) for value in (1, 2, 3)]
        await asyncio.sleep(0.02)
        tasks[1].cancel()
        assert (await tasks[2])[0].features[0] == 3
        assert len(network.batches) == 2

    asyncio.run(storm())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_many_clients_get_their_own_answers(client: httpx.Client, database: Database, settings: Settings) -> None:
    models = [add_model(database, settings) for _ in range(3)]

    def ask(number: int) -> bool:
        color = list(COLORS)[number % 3]
        model_id = models[number // 3 % 3]
        url = f"/v1/models/{model_id}/predictions"
        found = client.post(url, content=image_bytes(color), headers={"content-type": "image/png"}).json()
        return bool(found["model"] == model_id and found["results"][0]["label"] == COLORS[color])

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(120)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_flood_is_refused_at_once_and_the_server_goes_on(
    serve: Serve, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    run = LoadedModel.run

    def held(network: LoadedModel, views: list[Pixels]) -> list[Output]:
        go_on.wait(10)
        return run(network, views)

    monkeypatch.setattr(LoadedModel, "run", held)
    client, model_id = serve(prediction_queue=8), add_model(database, settings)

    def ask(_: int) -> httpx.Response:
        return client.post(f"/v1/models/{model_id}/predictions", files=[("file", image_bytes())] * 4)

    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(ask, range(6))
        time.sleep(1)
        go_on.set()
        found = list(answers)
    assert sorted(answer.status_code for answer in found) == [200, 200, 503, 503, 503, 503]
    assert {answer.headers["retry-after"] for answer in found if answer.status_code == 503} == {"1"}
    assert ask(0).status_code == 200

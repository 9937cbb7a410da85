"""An alias led elsewhere under load: every answer is one model's or the other's, and none is refused."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import event

from app.core.database.sessions import Database
from app.core.database.tables import LOCAL_TENANT
from app.core.settings import Settings
from app.predictions.readiness import wait_until_ready
from tests.app.http_clients import client_of
from tests.app.image_archives import image_bytes
from tests.app.row_factories import add_model
from tests.measurements import Measurements

SENDERS = 4
FIRST, SECOND = ("red", "green", "blue"), ("rouge", "vert", "bleu")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("swaps", [20, pytest.param(200, marks=pytest.mark.storm)])
def test_swaps_under_load(
    client: httpx.Client, database: Database, settings: Settings, swaps: int, measurements: Measurements
) -> None:
    labels = {add_model(database, settings, classes): classes for classes in (FIRST, SECOND)}
    models, over = list(labels), threading.Event()
    client.put("/v1/aliases/best", json={"model": models[0]})

    def ask(_: int) -> Counter[str]:
        seen: Counter[str] = Counter()
        with client_of(client.base_url) as own:
            while not over.is_set():
                headers = {"content-type": "image/png"}
                answer = own.post("/v1/models/best/predictions", content=image_bytes(), headers=headers)
                assert answer.status_code == 200, answer.text
                told = answer.json()
                assert {guess["label"] for guess in told["results"][0]["top"]} == set(labels[told["model"]])
                seen[told["model"]] += 1
        return seen

    with ThreadPoolExecutor(SENDERS) as pool:
        asking = [pool.submit(ask, number) for number in range(SENDERS)]
        for number in range(swaps):
            changed = client.put("/v1/aliases/best", json={"model": models[(number + 1) % 2]})
            assert changed.status_code == 200, changed.text
            # what is asked after a swap has been answered is the new model's
            headers = {"content-type": "image/png"}
            answer = client.post("/v1/models/best/predictions", content=image_bytes(), headers=headers)
            assert answer.json()["model"] == models[(number + 1) % 2]
        over.set()
        seen = sum((future.result() for future in asking), Counter[str]())
    assert set(seen) == set(models)
    told = {"swaps": swaps, "predictions": seen.total(), "failed": 0, "of two models at once": 0}
    measurements.record("an alias swapped under load", told)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_model_that_is_replaced_and_deleted_is_never_missed(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    """Who asks has read the alias, and finds its model gone: it leads to another one by then."""
    former, model = (add_model(database, settings, FIRST) for _ in range(2))
    client.put("/v1/aliases/best", json={"model": former})
    done: list[str] = []

    def replace(*call: object) -> None:
        """Between the alias's row and the model's, once."""
        if "FROM aliases" in str(call[2]) and not done:
            done.append(former)
            assert client.put("/v1/aliases/best", json={"model": model}).status_code == 200
            assert client.delete(f"/v1/models/{former}").status_code == 204

    event.listen(database.engine, "after_cursor_execute", replace)
    assert asyncio.run(wait_until_ready(database.for_tenant(LOCAL_TENANT), "best", 0)).id == model
    assert done

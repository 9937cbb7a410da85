"""A hundred identical requests at once, while the API that answers them is killed: one job."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from app.cli.process_tree import MIN_UPTIME_SECONDS
from examples.digits import digits
from tests.app.problem_assertions import problem
from tests.e2e.service import Service
from tests.measurements import Measurements

CLIENTS = 100
ANSWERED_FIRST = 5
PATIENCE = 60.0
RETRY_SECONDS = 0.5
KEY = {"Idempotency-Key": "a hundred at once"}
BODY = {"type": "finetune", "backbone": "shufflenet_v2_x0_5", "image_size": 32, "training": {"epochs": 1}}


class Crowd:
    """Clients that ask for the same at the same moment, and again for as long as nobody answers."""

    def __init__(self, client: httpx.Client, body: dict[str, Any]) -> None:
        self._client, self._body = client, body
        self._together = threading.Barrier(CLIENTS)
        self.met: Counter[str] = Counter()

    def ask(self, _: int) -> str:
        """The id in the final answer."""
        self._together.wait()
        deadline = time.monotonic() + PATIENCE
        while (answer := self._asked()) is None or answer.status_code == 409:
            assert time.monotonic() < deadline, "nobody answered"
            time.sleep(RETRY_SECONDS)
        assert answer.status_code == 202, answer.text
        self.met["answered"] += 1
        return str(answer.json()["id"])

    def _asked(self) -> httpx.Response | None:
        """None where the connection broke, which is all that is repeated unasked."""
        try:
            answer = self._client.post("/v1/jobs", json=self._body, headers=KEY)
        except httpx.TransportError:
            self.met["connections lost"] += 1
            return None
        if answer.status_code == 409:
            problem(answer, 409, "idempotency_key_in_flight")
            self.met["told to retry"] += 1
        return answer


def api_of(service: Service) -> psutil.Process:
    """The process that answers, once it has lived for long enough to be started again."""
    (pid,) = [pid for pid, line in service.processes_alive().items() if "app.server" in line]
    api = psutil.Process(pid)
    time.sleep(max(0.0, api.create_time() + MIN_UPTIME_SECONDS + 1 - time.time()))
    return api


def kill(api: psutil.Process, crowd: Crowd) -> None:
    """SIGKILL as soon as a few have their answer."""
    deadline = time.monotonic() + PATIENCE
    while crowd.met["answered"] < ANSWERED_FIRST and time.monotonic() < deadline:
        time.sleep(0.001)
    api.kill()


def test_a_hundred_at_once_while_the_api_is_killed(
    service: Service, request: pytest.FixtureRequest, measurements: Measurements
) -> None:
    body = {**BODY, "dataset": service.upload("digits 7 to 9", digits()[1])["id"]}
    api = api_of(service)
    limits = httpx.Limits(max_connections=CLIENTS)
    with httpx.Client(base_url=service.http.base_url, timeout=PATIENCE, limits=limits) as client:
        crowd = Crowd(client, body)
        with ThreadPoolExecutor(CLIENTS + 1) as pool:
            killing = pool.submit(kill, api, crowd)
            made = list(pool.map(crowd.ask, range(CLIENTS)))
            killing.result()
    assert len(set(made)) == 1
    trainings = service.get("/v1/jobs", type="finetune", limit=200)["data"]
    jobs = [job for job in trainings if job["spec"]["dataset"] == body["dataset"]]
    assert [job["id"] for job in jobs] == made[:1]
    assert crowd.met["connections lost"] > 0
    told = {"requests at once": CLIENTS, "API killed": 1, **crowd.met, "jobs made": len(jobs)}
    measurements.record(f"one Idempotency-Key, {request.node.callspec.params['service']}", told)

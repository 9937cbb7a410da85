"""Kills and stops processes of a running service at random instants."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import httpx

from app.core.processes.process_names import CELERY_WORKER, FORK_SERVER, TRAINING_JOB
from tests.e2e.service import Service
from tests.process_table import parent

# Kinds of processes by a part of their command lines; the first that matches.
KINDS = {
    "training": TRAINING_JOB,
    "fork server": FORK_SERVER,
    "worker": CELERY_WORKER,
    "API": "app.server",
    "worker's parent": "imprint worker",
    "API's parent": "imprint api",
}
PATIENCE = 120.0  # seconds until there is somebody to fall on: what was killed takes its time to come back
SITE = Path(__file__).parent / "witness"

STOPPED = "worker and training stopped"
Found = TypeVar("Found")


def kind_of(line: str) -> str | None:
    """The kind of process with this command line."""
    line = f" {line} "
    return next((kind for kind, part in KINDS.items() if part in line), None)


class Storm:
    """Faults that happen to a service, and how many of each did."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service = service
        self.done: Counter[str] = Counter()
        self._draw = random.Random(seed)
        self._stopped: list[threading.Timer] = []

    def kill(self) -> None:
        """SIGKILL to one process: first a kind is drawn, so that the many of one kind do not shield the others."""
        kind, pid = awaited(lambda: self._victim(list(KINDS)))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.done[f"{kind} killed"] += 1

    def stop(self, seconds: float) -> None:
        """SIGSTOP to a training and to the worker that supervises it; the training wakes up first, and writes."""
        worker, training = pair = awaited(self._working)
        for pid in pair:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        self.done[STOPPED] += 1
        self._later(seconds, [training])
        self._later(seconds + 1.5, [worker])

    @property
    def stopped(self) -> int:
        """Number of faults of a kind."""
        return self.done[STOPPED]

    @property
    def killed(self) -> int:
        """Number of faults of all kinds."""
        return self.done.total() - self.stopped

    def settle(self) -> None:
        """Wait until all that was stopped goes on."""
        for timer in self._stopped:
            timer.join()

    def victims(self) -> list[tuple[str, int]]:
        """The service's processes by kind."""
        found = [(kind_of(line), pid) for pid, line in self.service.processes_alive().items()]
        return [(kind, pid) for kind, pid in found if kind is not None]

    def _working(self) -> tuple[int, int] | None:
        """A worker and what it trains, by way of the server that forked it; None where one of them is gone."""
        kinds = {pid: kind for kind, pid in self.victims()}
        for training in (pid for pid, kind in kinds.items() if kind == "training"):
            with suppress(OSError):
                worker = parent(parent(training))
                if kinds.get(worker) == "worker":
                    return worker, training
        return None

    def _victim(self, kinds: list[str]) -> tuple[str, int] | None:
        there = [(kind, pid) for kind, pid in self.victims() if kind in kinds]
        if not there:
            return None
        kind = self._draw.choice(sorted({kind for kind, _ in there}))
        return self._draw.choice([one for one in there if one[0] == kind])

    def _later(self, seconds: float, pids: list[int]) -> None:
        def go_on() -> None:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

        timer = threading.Timer(seconds, go_on)
        timer.start()
        self._stopped.append(timer)


def awaited(look: Callable[[], Found | None]) -> Found:
    """The outcome; a fault that hits no process would be counted all the same."""
    deadline = time.monotonic() + PATIENCE
    while (found := look()) is None:
        assert time.monotonic() < deadline, "there is nobody left for a fault to fall on"
        time.sleep(0.1)
    return found


@contextmanager
def revived(service: Service) -> Iterator[None]:
    """Meanwhile, what dies is started again."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(0.2):
            service.revive()

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def insisted(
    ask: Callable[[], httpx.Response], seconds: float = 60, passing: Collection[int] = (409, 500, 503)
) -> httpx.Response:
    """What is answered in the end, whoever is killed meanwhile; for requests that may be repeated.

    `passing`: statuses after which it is asked again.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = ask()
            if answer.status_code not in passing or time.monotonic() > deadline:
                return answer
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)

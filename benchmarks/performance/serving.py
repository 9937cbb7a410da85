"""Servers to ask: started, waited for, ended."""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import Question, Reply, load
from benchmarks.performance.measure import ROOT
from examples.digits import Imprint, server

PATIENCE = 120.0
READY, SERVERS = b"everything is imported", 2  # as each server that forks a worker's children logs it


@contextmanager
def warm(data: Path) -> Iterator[str]:
    """Imprint on this data folder, from when its workers have imported torch: for seconds that takes all cores."""
    path = data.with_suffix(".log")
    with path.open("wb") as log, server(data, log) as url:
        while path.read_bytes().count(READY) < SERVERS:
            time.sleep(0.1)
        yield url


def imported(imprint: Imprint, backbone: str, weights: Path) -> str:
    """The id of a model of these weights, which a worker is about to publish."""
    query = {"name": weights.stem, "backbone": backbone}
    headers = {"Content-Type": "application/octet-stream"}
    return str(imprint.post("/v1/models", params=query, content=weights.read_bytes(), headers=headers)["id"])


def published(imprint: Imprint, backbone: str, weights: Path, photograph: Path) -> str:
    """The same once it has answered for the first time: a prediction waits for its model."""
    model, headers = imported(imprint, backbone, weights), {"Content-Type": "image/jpeg"}
    imprint.post(f"/v1/models/{model}/predictions", content=photograph.read_bytes(), headers=headers)
    return model


@contextmanager
def running(python: Path, arguments: Sequence[object], question: Question) -> Iterator[None]:
    """A server, from when it answers the question until the block ends."""
    command = [str(python), *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        _wait(process, question)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], question: Question) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(reply.status == 200 for reply in load(question, "closed", 1, 0.1)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{process.args}: no answer")
        time.sleep(0.3)


def rate(replies: Sequence[Reply]) -> float:
    """Answers a second."""
    return sum(each.status == 200 for each in replies) / max(each.due + each.seconds for each in replies)


def percentile(replies: Sequence[Reply], share: int) -> float:
    """Milliseconds within which so many percent of the answers came."""
    return 1000 * statistics.quantiles([each.seconds for each in replies if each.status == 200], n=100)[share - 1]

"""Start servers, wait for them, and end them."""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import HttpRequest, Reply, load
from benchmarks.performance.measure import ROOT
from examples.digits import Imprint, server

PATIENCE = 120.0
READY, SERVERS = b"everything is imported", 2  # as each server that forks a worker's children logs it


@contextmanager
def warm_server(data: Path) -> Iterator[str]:
    """Serve a data folder; yields once the workers have imported torch, which occupies all cores for seconds."""
    path = data.with_suffix(".log")
    with path.open("wb") as log, server(data, log) as url:
        while path.read_bytes().count(READY) < SERVERS:
            time.sleep(0.1)
        yield url


def import_weights(imprint: Imprint, backbone: str, weights: Path) -> str:
    """Import weights; the id of the model, still to be published."""
    query = {"name": weights.stem, "backbone": backbone}
    headers = {"Content-Type": "application/octet-stream"}
    return str(imprint.post("/v1/models", params=query, content=weights.read_bytes(), headers=headers)["id"])


def publish_weights(imprint: Imprint, backbone: str, weights: Path, photograph: Path) -> str:
    """Import weights; the id of the model once it has answered its first prediction."""
    model, headers = import_weights(imprint, backbone, weights), {"Content-Type": "image/jpeg"}
    imprint.post(f"/v1/models/{model}/predictions", content=photograph.read_bytes(), headers=headers)
    return model


@contextmanager
def running(python: Path, arguments: Sequence[object], request: HttpRequest) -> Iterator[None]:
    """Run a server; yields once it answers the request."""
    command = [str(python), *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        _wait(process, request)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], request: HttpRequest) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(reply.status == 200 for reply in load(request, "closed", 1, 0.1)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{process.args}: no answer")
        time.sleep(0.3)


def rate(replies: Sequence[Reply]) -> float:
    """Responses per second."""
    return sum(each.status == 200 for each in replies) / max(each.due + each.seconds for each in replies)


def percentile(replies: Sequence[Reply], share: int) -> float:
    """The given percentile of the response times, in milliseconds."""
    return 1000 * statistics.quantiles([each.seconds for each in replies if each.status == 200], n=100)[share - 1]

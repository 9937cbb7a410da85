"""OpenVINO behind the smallest interface: any number of images, from any thread, and nobody is told of it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.core.models.onnx_graph import Graph
from tests.app.colour_model import SIZE, publish

# No other thread, no name looked up, no connection; and where files are written is for the test to see.
WATCHED = """
import os, sys
from pathlib import Path
def told(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        os.abort()
sys.addaudithook(told)
from app.core.models.onnx_graph import Graph, _core
_core()
assert len(os.listdir("/proc/self/task")) == 1
assert Graph(Path(sys.argv[1])).outputs == ["features", "logits"]
"""

# Threads change places all the time, so that as many as there can be are in the middle of their first answer.
AT_ONCE = """
import sys, threading
from pathlib import Path
import numpy as np
from app.core.models.onnx_graph import Graph
graphs = [Graph(Path(sys.argv[1])) for _ in range(8)]
sys.setswitchinterval(1e-6)
together = threading.Barrier(16)
def ask(graph):
    together.wait()
    graph.answer(np.zeros((1, int(sys.argv[2]), int(sys.argv[2]), 3), np.uint8))
threads = [threading.Thread(target=ask, args=(graph,)) for graph in graphs for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    publish(tmp_path, ("red", "green", "blue"))
    return tmp_path / "model.onnx"


def images(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)


def test_any_number_of_images_from_any_thread(model: Path) -> None:
    graph = Graph(model)
    assert graph.outputs == ["features", "logits"]

    def ask(count: int) -> bool:
        seen = images(count)
        found = graph.answer(seen)
        right = seen.astype(np.float64).mean((1, 2)) / 255
        return np.allclose(found["features"], right, atol=1e-5) and np.allclose(found["logits"], 4 * right, atol=1e-5)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, [1, 8, 3, 5, 1, 2, 7, 4] * 100))


def test_the_first_answers_of_many_threads_wait_for_nobody(model: Path) -> None:
    """OpenVINO's own threads of Python did, for each other and for ever (`app.core.models.onnx_graph`)."""
    command = [sys.executable, "-c", AT_ONCE, str(model), str(SIZE)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}  # two batches of a graph at a time
    for _ in range(3):
        subprocess.run(command, env=environment, check=True, timeout=30)


def test_a_batch_for_each_of_its_threads(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert 1 <= Graph(model).parallel <= 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert Graph(model).parallel == 1


def test_an_answer_stays_what_it_was(model: Path) -> None:
    """The runtime writes into the same memory again: what was answered is a copy."""
    graph = Graph(model)
    first = graph.answer(images(2))["features"]
    kept = first.copy()
    graph.answer(255 - images(2))
    assert np.array_equal(first, kept)


def test_what_cannot_be_answered(model: Path) -> None:
    graph = Graph(model)
    with pytest.raises(ValueError, match="the graph takes images of shape"):
        graph.answer(np.zeros((1, SIZE, SIZE + 1, 3), np.uint8))
    assert graph.answer(images(1))["features"].shape == (1, 3)


@pytest.mark.parametrize("content", [b"", b"no graph", None])
def test_what_is_no_graph(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RuntimeError):
        Graph(path)


def test_nobody_is_told(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", WATCHED, str(model)], env=environment, check=True, timeout=60)
    assert list(home.iterdir()) == []

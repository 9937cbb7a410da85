"""Memory of the API process, idle and during an upload of 2 GiB, and of all processes together."""

import threading
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import Goal, Section, Series
from benchmarks.performance.serving import publish_weights, warm_server
from examples.digits import Imprint

MIB, GIB = 2**20, 2**30
SIZE = 2 * GIB
CHUNK = bytes(MIB)
NOTES = [
    """\
A worker is one process, with a thread for each lane: torch and the exporter are imported once. With one process per
lane, as before, all processes took 1.6 GB by the same measurement on the same day.""",
]


ABOUT = """\
Resident memory of the API process; and of all processes of `imprint serve` together, with shared pages counted once,
after a model has been imported and published: torch, the exporter and the API's runtime are in memory then."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure once: memory is not noisy."""
    with TemporaryDirectory() as name:
        archive = Path(name, "large.zip")
        with zipfile.ZipFile(archive, "w") as writer, writer.open("birds/large.jpg", "w", force_zip64=True) as entry:
            for _ in range(SIZE // len(CHUNK)):
                entry.write(CHUNK)
        with warm_server(Path(name, "data")) as url:
            process = api(url)
            httpx.get(f"{url}/v1/jobs").raise_for_status()
            idle = process.memory_info().rss
            most = highest(process, url, archive)
            publish_weights(Imprint(url), "mobilenet_v2", inputs.weights, inputs.photograph)
            whole = together(process.parent())
    series = [
        Series("the API, idle", "MiB", [idle / MIB]),
        Series("more, during an upload of 2 GiB", "MiB", [(most - idle) / MIB]),
        Series("all processes, idle", "MiB", [whole / MIB]),
    ]
    goals = [
        Goal("MiB, idle", [idle / MIB], most=150),
        Goal("MiB more during an upload of 2 GiB", [(most - idle) / MIB], most=64),
    ]
    return Section("Memory", ABOUT, series, goals, NOTES)


def api(url: str) -> psutil.Process:
    """The process that listens at the URL."""
    port = int(url.rsplit(":", 1)[1])
    listening = next(
        each for each in psutil.net_connections("tcp") if each.laddr.port == port and each.status == "LISTEN"
    )
    return psutil.Process(listening.pid)


def together(root: psutil.Process) -> int:
    """Bytes of a process tree, with each shared page divided among its processes."""
    return sum(each.memory_full_info().pss for each in (root, *root.children(recursive=True)))


def highest(process: psutil.Process, url: str, archive: Path) -> int:
    """Peak bytes of the process while an archive is uploaded."""
    over, seen = threading.Event(), [0]

    def watch() -> None:
        while not over.wait(0.02):
            seen.append(process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        with archive.open("rb") as file:
            answer = httpx.post(f"{url}/v1/datasets", params={"name": "large"}, content=file, timeout=300,
                                headers={"Content-Type": "application/zip"})  # fmt: skip
        print(f"  upload: {answer.status_code}", flush=True)
    finally:
        over.set()
        watching.join()
    return max(seen)

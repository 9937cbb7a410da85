"""What a dataset of 200,000 images takes to prepare."""

import io
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import psutil
from PIL import Image

from benchmarks.performance.material import Material
from benchmarks.performance.measure import Goal, Section, Series
from benchmarks.performance.serving import warm
from examples.digits import Imprint
from worker.children import CHILDREN

FEW, MANY, SIDE, CLASSES, POLL = 20_000, 200_000, 24, 10, 0.02
MIB = 2**20
PREPARING = CHILDREN["prepare"]
NOTES = [
    """\
Some 40 bytes an image stay in memory: its entry in the archive, its place in the pack, its class and its split. Paths
and digests are in a register on the disk (`worker/prepare/register.py`), and zipfile is given the archive's directory
in pieces (`app/core/zip_directory.py`): as a whole it makes an object of 0.6 KB of each entry. Of images as small as
these some 8 % fewer are prepared in a second than when all of that was in memory (20,000, two turns of each)."""
]


def run(material: Material) -> Section:
    """Once: memory is not noisy."""
    memory, rates = [], []
    for count in (FEW, MANY):
        with TemporaryDirectory() as name:
            most, seconds = prepared(written(Path(name, "archive.zip"), count), Path(name, "data"))
        memory.append(Series(f"memory, {count:,} images", "MiB", [most / MIB]))
        rates.append(Series(f"rate, {count:,} images", "images/s", [count / seconds]))
        print(f"  {count}: {most / MIB:.0f} MiB, {seconds:.0f} s", flush=True)
    more = memory[1].values[0] - memory[0].values[0]
    return Section(
        "A large dataset",
        f"The most resident memory that the process took which prepares a dataset, of JPEGs of {SIDE} px (noise, no "
        "two alike). Pixels go to the disk, and so does what must be known of all images at once.",
        [*memory, *rates],
        [Goal(f"MiB more for {MANY:,} images than for {FEW:,}", [more], most=64)],
        NOTES,
    )


def written(archive: Path, count: int) -> Path:
    """A zip of so many small photographs."""
    draw = np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w") as writer:
        for number in range(count):
            file = io.BytesIO()
            Image.fromarray(draw.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(file, "JPEG")
            writer.writestr(f"{number % CLASSES}/{number}.jpg", file.getvalue())
    return archive


def prepared(archive: Path, data: Path) -> tuple[int, float]:
    """The most memory in bytes, and the seconds, of the dataset's preparation."""
    with warm(data) as url:
        imprint = Imprint(url)
        with archive.open("rb") as file:
            headers = {"Content-Type": "application/zip"}
            answer = httpx.post(f"{url}/v1/datasets?name=large", content=file, headers=headers, timeout=300)
        began, most, dataset = time.monotonic(), 0, answer.raise_for_status().json()
        while dataset["status"] == "preparing":
            most = max(most, resident())
            time.sleep(POLL)
            dataset = imprint.http.get(f"/v1/datasets/{dataset['id']}").json()
        if dataset["status"] != "ready":
            raise SystemExit(f"{dataset['id']} {dataset['status']}: {dataset['error']}")
        return most, time.monotonic() - began


def resident() -> int:
    """What the preparing process has in memory now, in bytes; 0 where there is none."""
    found = 0
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        if PREPARING in (process.info["cmdline"] or []):
            found = max(found, process.info["memory_info"].rss)
    return found

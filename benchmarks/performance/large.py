"""Memory for preparing and training with a dataset of 200,000 images."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import Goal, Section, Series
from benchmarks.performance.serving import warm_server
from examples.digits import Imprint
from worker.job_modules import JOB_MODULES

FEW, MANY, SIDE, CLASSES, POLL = 20_000, 200_000, 24, 10, 0.02
MIB = 2**20
PREPARING, TRAINING = JOB_MODULES["prepare"].module, JOB_MODULES["finetune"].module
SPEC = {
    "type": "finetune", "backbone": "shufflenet_v2_x0_5", "image_size": 32,
    "training": {"epochs": 1, "batch_size": 128},
}  # fmt: skip
NOTES = [
    """\
Some 40 bytes per image stay in memory: its entry in the archive, its place in the pack, its class and its split.
Paths and digests are in an index on disk (`worker/jobs/prepare/dedup_index.py`), and zipfile is given the archive's
directory in pieces (`app/core/files/zip_directory.py`): as a whole it makes an object of 0.6 KB for each entry.
With images as small as these some 8 % fewer are prepared per second than with all of that in memory (20,000 images,
two runs each).""",
    """\
A training needs more for the images' names, some 80 bytes each, and for preprocessed validation images, which are
cached from epoch to epoch where all of them take 64 MiB at most (`worker/training/data/cached_batches.py`).
Pre-training also counts nearest neighbours among them: a table of 20,000 by 20,000 was 1.6 GB; it is now computed
1024 rows at a time.""",
]


ABOUT = f"""\
JPEGs of {SIDE} px (noise, no two alike). Preparation: peak resident memory of the process that prepares a dataset of
them. Training: peak private memory (without file-backed pages, which the system may take back) of the process that
trains a ShuffleNetV2 at {SPEC["image_size"]} px on them for one epoch. Pixels are written to disk, and so is
everything that must be known of all images at once; a training maps them into memory."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure once: memory is not noisy."""
    series: list[Series] = []
    goals: list[Goal] = []
    found = {count: measured(count) for count in (FEW, MANY)}
    for work in ("preparation", "training"):
        series += [Series(f"{work}, {count:,} images", "MiB", [each[work] / MIB]) for count, each in found.items()]
        more = (found[MANY][work] - found[FEW][work]) / MIB
        goals.append(Goal(f"{work}: MiB more for {MANY:,} images than for {FEW:,}", [more], most=64))
    series += [
        Series(f"preparation, {count:,} images", "images/s", [count / each["seconds"]]) for count, each in found.items()
    ]
    return Section(
        "Memory with a large dataset",
        ABOUT,
        series,
        goals,
        NOTES,
    )


def measured(count: int) -> dict[str, float]:
    """For a dataset of `count` images: peak bytes of preparation and training, seconds of preparation."""
    with TemporaryDirectory() as name, warm_server(Path(name, "data")) as url:
        imprint, archive = Imprint(url), written(Path(name, "archive.zip"), count)
        dataset, began = uploaded(imprint, archive), time.monotonic()
        preparation = highest(imprint, "/v1/datasets", dataset, lambda: resident(PREPARING))
        seconds = time.monotonic() - began
        job = imprint.post("/v1/jobs", json={**SPEC, "dataset": dataset["id"]})
        training = highest(imprint, "/v1/jobs", job, lambda: anonymous(TRAINING))
    print(f"  {count}: {preparation / MIB:.0f} and {training / MIB:.0f} MiB, {seconds:.0f} s", flush=True)
    return {"preparation": preparation, "training": training, "seconds": seconds}


def written(archive: Path, count: int) -> Path:
    """Write a zip of `count` small photographs."""
    draw = np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w") as writer:
        for number in range(count):
            file = io.BytesIO()
            Image.fromarray(draw.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(file, "JPEG")
            writer.writestr(f"{number % CLASSES}/{number}.jpg", file.getvalue())
    return archive


def uploaded(imprint: Imprint, archive: Path) -> dict[str, Any]:
    """Upload the archive; the dataset, still in preparation."""
    with archive.open("rb") as file:
        headers = {"Content-Type": "application/zip"}
        return imprint.post("/v1/datasets?name=large", content=file, headers=headers, timeout=300)


def highest(imprint: Imprint, path: str, one: dict[str, Any], memory: Callable[[], int]) -> int:
    """Peak memory, in bytes, until the dataset or job is done."""
    most = 0
    while one["status"] not in ("ready", "succeeded"):
        if one["status"] in ("failed", "cancelled"):
            raise SystemExit(f"{one['id']} {one['status']}: {one['error']}")
        most = max(most, memory())
        time.sleep(POLL)
        one = imprint.http.get(f"{path}/{one['id']}").json()
    return most


def resident(module: str) -> int:
    """Resident bytes of the process that runs this module; 0 where there is none."""
    return max((memory.rss for memory in _memory(module)), default=0)


def anonymous(module: str) -> int:
    """The same without file-backed pages."""
    return max((memory.rss - memory.shared for memory in _memory(module)), default=0)


def _memory(module: str) -> Iterator[Any]:
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        if module in (process.info["cmdline"] or []):
            yield process.info["memory_info"]

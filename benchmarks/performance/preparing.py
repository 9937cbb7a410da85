"""Preparation of a dataset, beside a bare loop that decodes the same files.

python -m benchmarks.performance.preparing ARCHIVE HEADROOM    images per second of decoding and resizing, on all cores
"""

import io
import os
import statistics
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from app.core.files.images import DECODE_HEADROOM, decode_image, evaluation_view
from app.core.settings import Settings
from benchmarks.performance.inputs import DATA, BenchmarkInputs
from benchmarks.performance.measure import OURS, Goal, Section, Series, ratios, rounds, run_module
from benchmarks.performance.serving import warm_server
from examples.digits import Imprint

COPIES, WIDTH, SIDE, ROUNDS = 16, 1600, 256, 3
MODULE = "benchmarks.performance.preparing"
NOTES = [
    """\
Headroom is quality: a JPEG that the decoder itself reduces to little more than the target size is as if it had been
averaged over squares; at twice the size the filter that follows decides, as it does in serving. The last two values
are the mean difference of a pixel from decoding the whole image and resizing it.""",
]
SAMPLED = 40  # one image in so many tells what headroom does to pixels
BARE, FASTEST = "a bare loop", "a bare loop without headroom"


ABOUT = """\
{count} JPEGs of {WIDTH} px width (photographs enlarged, each slightly different), resized to {SIDE} px. `imprint`
counts from the start of its job to its end: a process that starts, checks, hashes, decodes, packs and syncs. `{BARE}`
reads the same zip and lets Pillow decode at a reduced size (`draft`) of at least {HEADROOM} times the target, as
imprint does, and resizes, with one thread per core. `{FASTEST}` lets the decoder go down to just above the target
size."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure on the same archive of large photographs, by turns."""
    with TemporaryDirectory() as name:
        archive = Path(name, "large.zip")
        count = enlarged(archive)
        candidates = {
            "imprint": partial(prepared, archive, count),
            BARE: partial(run_module, OURS, MODULE, (archive, DECODE_HEADROOM)),
            FASTEST: partial(run_module, OURS, MODULE, (archive, 1)),
        }
        found = rounds(candidates, ROUNDS, "images/s")
        away = [
            Series(f"with a headroom of {headroom}, from the whole image", "grey levels", [apart(archive, headroom)])
            for headroom in (DECODE_HEADROOM, 1)
        ]
    return Section(
        "Dataset preparation",
        ABOUT.format(count=count, WIDTH=WIDTH, SIDE=SIDE, BARE=BARE, HEADROOM=DECODE_HEADROOM, FASTEST=FASTEST),
        [*found.values(), *away],
        [Goal(f"imprint / {name}", ratios(found["imprint"], found[name]), least=0.9) for name in (BARE, FASTEST)],
        NOTES,
    )


def enlarged(archive: Path) -> int:
    """Write an archive of photographs of a camera's size, no two with the same bytes; their number."""
    count = 0
    with zipfile.ZipFile(DATA / "imagenet_sample100.zip") as reader, zipfile.ZipFile(archive, "w") as writer:
        for name in (each for each in reader.namelist() if not each.endswith("/")):
            image = Image.open(io.BytesIO(reader.read(name))).convert("RGB")
            large = image.resize((WIDTH, WIDTH * image.height // image.width))
            for copy in range(COPIES):
                large.putpixel((0, 0), (copy * 15, 0, 0))
                file = io.BytesIO()
                large.save(file, "JPEG", quality=90 - copy)
                writer.writestr(f"{name.split('/')[0]}/{count}.jpg", file.getvalue())
                count += 1
    return count


def apart(archive: Path, headroom: int) -> float:
    """Mean absolute difference of an image decoded with this headroom from one decoded whole, in grey levels of 255."""
    gaps = []
    with zipfile.ZipFile(archive) as reader:
        for name in reader.namelist()[::SAMPLED]:
            content, most = reader.read(name), Settings().max_image_pixels
            views = [
                evaluation_view(decode_image(content, most, smallest).image, SIDE, SIDE, "bilinear").astype(int)
                for smallest in (SIDE * headroom, None)
            ]
            gaps.append(float(np.abs(views[0] - views[1]).mean()))
    return statistics.fmean(gaps)


def prepared(archive: Path, count: int) -> float:
    """Images per second of the job."""
    with TemporaryDirectory() as name, warm_server(Path(name, "data")) as url:
        imprint = Imprint(url)
        imprint.http.timeout = 300
        imprint.archive("large", archive.read_bytes())
        (job,) = imprint.http.get("/v1/jobs", params={"type": "prepare"}).json()["data"]
    begun, ended = (datetime.fromisoformat(job[field]) for field in ("started_at", "finished_at"))
    return count / (ended - begun).total_seconds()


def main(archive: str, headroom: str) -> float:
    """Images per second of the bare loop."""
    with zipfile.ZipFile(archive) as reader:
        contents = [reader.read(name) for name in reader.namelist()]
    began = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = sum(1 for _ in pool.map(partial(_small, side=SIDE * int(headroom)), contents))
    return done / (time.perf_counter() - began)


def _small(content: bytes, side: int) -> bytes:
    image = Image.open(io.BytesIO(content))
    image.draft("RGB", (side, side))
    scale = SIDE / min(image.size)
    small = image.convert("RGB").resize(
        (round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR
    )
    return small.tobytes()


if __name__ == "__main__":
    print(main(*sys.argv[1:]))

"""The photographs: as files in class folders, as a zip, and as a dataset that Imprint has prepared."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.quality.material import DATA
from examples.digits import Imprint, server

ARCHIVE = "ponce_birds_train"


@dataclass(frozen=True)
class Material:
    """`folder`: class folders of JPEGs; `archive`: the same as a zip; `packed`: as prepared; `photograph`: one JPEG."""

    folder: Path
    archive: Path
    packed: Path
    photograph: Path
    weights: Path


@contextmanager
def unpacked() -> Iterator[Material]:
    """Everything in a folder that goes away."""
    archive = DATA / f"{ARCHIVE}.zip"
    with TemporaryDirectory(prefix="imprint-performance-") as name:
        root = Path(name)
        with zipfile.ZipFile(archive) as reader:
            reader.extractall(root / "photographs")
        packed = prepared(archive, root / "data")
        photograph = min((root / "photographs").rglob("*.jpg"))
        weights = DATA / "weights" / "mobilenet_v2_imagenet1k.safetensors"
        yield Material(root / "photographs", archive, packed, photograph, weights)


def prepared(archive: Path, data: Path) -> Path:
    """The folder of the dataset that the service makes of an archive."""
    headers = {"Content-Type": "application/zip"}
    with (data.parent / "log.txt").open("wb") as log, server(data, log) as url:
        imprint = Imprint(url)
        made = imprint.post("/v1/datasets", params={"name": ARCHIVE}, content=archive.read_bytes(), headers=headers)
        imprint.followed("/v1/datasets", made)
    return next(data.rglob("pixels.bin")).parent

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
    """`folder`: class folders of JPEGs; `archive`: the same as a zip; `packed`: as prepared; `photograph`: one JPEG.

    `weights`: MobileNetV2's, from ImageNet.
    """

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
    with (data.parent / "log.txt").open("wb") as log, server(data, log) as url:
        Imprint(url).archive(ARCHIVE, archive.read_bytes())
    return next(data.rglob("pixels.bin")).parent

"""The photographs and weights that the benchmarks measure on: as files, as a zip, and prepared by Imprint."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.quality.datasets import DATA
from examples.digits import Imprint, server

ARCHIVE = "ponce_birds_train"


@dataclass(frozen=True)
class BenchmarkInputs:
    """The same photographs in three forms, and MobileNetV2's ImageNet weights.

    Attributes:
        folder: class folders of JPEG files.
        archive: the same as a zip.
        packed: the folder of the dataset that Imprint prepared from it.
        photograph: one of the JPEG files.
        weights: a safetensors file.
    """

    folder: Path
    archive: Path
    packed: Path
    photograph: Path
    weights: Path


@contextmanager
def unpacked_inputs() -> Iterator[BenchmarkInputs]:
    """Unpack and prepare everything in a temporary folder."""
    archive = DATA / f"{ARCHIVE}.zip"
    with TemporaryDirectory(prefix="imprint-performance-") as name:
        root = Path(name)
        with zipfile.ZipFile(archive) as reader:
            reader.extractall(root / "photographs")
        packed = prepared(archive, root / "data")
        photograph = min((root / "photographs").rglob("*.jpg"))
        weights = DATA / "weights" / "mobilenet_v2_imagenet1k.safetensors"
        yield BenchmarkInputs(root / "photographs", archive, packed, photograph, weights)


def prepared(archive: Path, data: Path) -> Path:
    """Let the service prepare an archive; the folder of its dataset."""
    with (data.parent / "log.txt").open("wb") as log, server(data, log) as url:
        Imprint(url).archive(ARCHIVE, archive.read_bytes())
    return next(data.rglob("pixels.bin")).parent

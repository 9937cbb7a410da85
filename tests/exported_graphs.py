"""Exported graphs that tests share: torch's exporter takes ten seconds of a processor for each structure.

The service keeps each graph in its storage for the next model of the structure. A test's storage is new, so it begins
with the graphs that earlier tests have exported. Tests of the exporter and of the cache use a storage of their own.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.files.storage_keys import GRAPHS


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for the test run, whichever of its processes asks."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / GRAPHS
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def shared_graphs(data: Path, folder: Path) -> Iterator[None]:
    """Begin a data folder with the shared graphs; at the end, share what was exported there."""
    own = data / GRAPHS
    own.mkdir(parents=True, exist_ok=True)
    _copy_missing(folder, own)
    yield
    _copy_missing(own, folder)


def _copy_missing(source: Path, target: Path) -> None:
    for path in source.glob("*.onnx"):
        if not (target / path.name).exists():
            part = target / f"{path.name}.{os.getpid()}"  # another process may read the folder
            shutil.copyfile(path, part)
            part.replace(target / path.name)

"""Datasets and models of the experiments, from the photographs and weights beside the repository."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from benchmarks.quality import subsets
from benchmarks.quality.service import Service
from benchmarks.quality.subsets import Pool

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BACKBONE = "mobilenet_v2"
BIRDS, CALTECH, CIFAR = "birds", "Caltech", "CIFAR-10"


@cache
def pool(archive: str) -> Pool:
    """Read all images of an archive, by class."""
    return subsets.read(DATA / f"{archive}.zip")


# The images that test, always the same ones, and those to learn from.
PARTS: dict[str, Callable[[], tuple[Pool, Pool]]] = {
    BIRDS: lambda: subsets.held_out(pool("ponce_birds_train"), 30),
    CALTECH: lambda: subsets.held_out(pool("caltech40_source"), 10),
    CIFAR: lambda: (pool("cifar10_val"), pool("cifar10_train")),
}


def few(service: Service, name: str, labels: int, seed: int) -> str:
    """A dataset with `labels` labelled images per class, drawn by the seed, and all test images."""
    tests, others = PARTS[name]()
    files = {**subsets.labelled(others, labels, seed), **subsets.tests(tests)}
    return service.dataset(f"{name}, {labels} labels, seed {seed}", files)


def unlabelled(service: Service, name: str) -> str:
    """A dataset of all training images without their labels."""
    _, others = PARTS[name]()
    return service.dataset(f"{name}, unlabelled", subsets.unlabelled(others))


def imagenet(service: Service) -> str:
    """The model with ImageNet's weights."""
    return service.weights(DATA / "weights" / f"{BACKBONE}_imagenet1k.safetensors", BACKBONE)

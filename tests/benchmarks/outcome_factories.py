"""Outcomes with given accuracies, and archives of given files."""

import zipfile
from pathlib import Path

from benchmarks.quality.outcomes import Outcome


def outcome(group: str, name: str, accuracy: float, *, seed: int = 0, images: int = 180, **extra: float) -> Outcome:
    asked = {"type": "finetune", "training": {"seed": seed}}
    spec = {**asked, "backbone": "resnet18"}
    return Outcome(group, name, seed, correct(accuracy, images), 2.5, asked, spec, extra)


def correct(accuracy: float, images: int = 180) -> str:
    """The first images recognised, the others not."""
    right = round(accuracy * images)
    return "1" * right + "0" * (images - right)


def by_seed(group: str, name: str, accuracies: list[float], images: int = 180) -> list[Outcome]:
    return [outcome(group, name, accuracy, seed=seed, images=images) for seed, accuracy in enumerate(accuracies)]


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return path

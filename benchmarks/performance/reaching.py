"""Time until a fine-tuning reaches 95 % of the final accuracy."""

import os
import time
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import PEERS, Goal, Section, Series, ratios, run_module
from benchmarks.performance.serving import import_weights, warm_server
from examples.digits import Imprint

SIZE, EPOCHS, ROUNDS, POLL, THIRD = 128, 15, 3, 0.02, 3
SHARE = 0.95
WORKERS = os.cpu_count() or 1
# Each peer with the rate that its own documentation has for such a job, and with the next one up or down.
RATES = {"torchvision_finetuning": (1e-3, 1e-2), "timm_finetuning": (1e-4, 1e-3)}
NAMES = {"torchvision_finetuning": "PyTorch's tutorial", "timm_finetuning": "timm"}
OURS = "imprint"
NOTES = [
    """\
Imprint computes the frozen backbone's features once and trains the new head on them before it trains all weights,
which is why it reaches the target so early. A round takes ten minutes.""",
]

Curve = list[tuple[float, float]]  # seconds since the beginning, validation accuracy


ABOUT = f"""\
MobileNetV2 with ImageNet's weights, {SIZE} px, six birds, 40 photographs of each for training and 20 for validation.
Seconds until the validation accuracy first reaches {SHARE:.0%} of the highest that any candidate of the round
reached. `imprint` is given nothing but the image size, and its seconds count from the POST, including queue and start
of the job; those of the peers count from the end of their imports and include their own validation, {EPOCHS} epochs
each. A peer that does not reach it is given the seconds of its whole training. `best peer` is the fastest of the
round, with the better of two learning rates."""


def run(inputs: BenchmarkInputs) -> Section:
    """Run all candidates on the same photographs from the same weights, round by round."""
    found: dict[str, Series] = {}
    with TemporaryDirectory() as name:
        folder = split(inputs, Path(name, "photographs"))
        with warm_server(Path(name, "data")) as url:
            imprint = Imprint(url)
            spec = job_spec(imprint, folder, inputs)
            for _ in range(ROUNDS):
                for candidate, seconds in seconds_to_target(curves(imprint, spec, folder, inputs)).items():
                    found.setdefault(candidate, Series(candidate, "s", [])).values.append(seconds)
                    print(f"  {candidate}: {seconds:.3g} s", flush=True)
    return section(found)


def section(found: Mapping[str, Series]) -> Section:
    """The section: seconds of every candidate and of the best peer."""
    best = Series("best peer", "s", [min(values) for values in zip(*_peers(found), strict=True)])
    return Section(
        f"Time to {SHARE:.0%} of the final accuracy",
        ABOUT,
        [*found.values(), best],
        [Goal("imprint / best peer", ratios(found[OURS], best), most=0.5)],
        NOTES,
    )


def _peers(found: Mapping[str, Series]) -> list[list[float]]:
    return [series.values for name, series in found.items() if name != OURS]


def split(inputs: BenchmarkInputs, folder: Path) -> Path:
    """Link the photographs into folders `train` and `val`, by class; every third one validates."""
    for number, path in enumerate(sorted(inputs.folder.rglob("*.jpg"))):
        place = folder / ("val" if number % THIRD == 0 else "train") / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        (place / path.name).hardlink_to(path)
    return folder


def job_spec(imprint: Imprint, folder: Path, inputs: BenchmarkInputs) -> dict[str, Any]:
    """Upload dataset and weights; the job's spec."""
    archive = folder.parent / "split.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        for path in sorted(folder.rglob("*.jpg")):
            writer.write(path, path.relative_to(folder))
    model = import_weights(imprint, "mobilenet_v2", inputs.weights)
    dataset = imprint.archive("birds", archive.read_bytes())
    return {"type": "finetune", "dataset": dataset["id"], "init": model, "image_size": SIZE}


def curves(imprint: Imprint, spec: dict[str, Any], folder: Path, inputs: BenchmarkInputs) -> dict[str, Curve]:
    """Run every candidate once; its curve."""
    candidates: dict[str, Callable[[], Curve]] = {OURS: partial(accuracy_curve, imprint, spec)}
    for module, rates in RATES.items():
        for rate in rates:
            arguments = folder, inputs.weights, SIZE, rate, EPOCHS, WORKERS
            candidates[f"{NAMES[module]}, rate {rate:g}"] = partial(
                run_module, PEERS, f"benchmarks.performance.peers.{module}", arguments
            )
    return {name: candidate() for name, candidate in candidates.items()}


def accuracy_curve(imprint: Imprint, spec: dict[str, Any]) -> Curve:
    """Run a job; its validation accuracies as polled from `GET /v1/jobs/{id}`, with times."""
    began, found = time.monotonic(), []
    job = imprint.post("/v1/jobs", json=spec)
    while job["status"] != "succeeded":
        if job["status"] in ("failed", "cancelled"):
            raise SystemExit(f"{job['id']} {job['status']}: {job['error']}")
        time.sleep(POLL)
        job = imprint.http.get(f"/v1/jobs/{job['id']}").json()
        if "val_accuracy" in (job["metrics"] or {}):
            found.append((time.monotonic() - began, job["metrics"]["val_accuracy"]))
    return found


def seconds_to_target(found: Mapping[str, Curve]) -> dict[str, float]:
    """Seconds until each candidate reached the target accuracy."""
    wanted = SHARE * max(accuracy for curve in found.values() for _, accuracy in curve)
    return {
        name: next((seconds for seconds, accuracy in curve if accuracy >= wanted), curve[-1][0])
        for name, curve in found.items()
    }

"""Compare OpenVINO with ONNX Runtime on the models that a worker publishes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torchvision import models

from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import OURS, PEERS, Goal, Section, Series, ratios, run_module
from benchmarks.performance.peers.inference import BATCHES
from benchmarks.performance.predictions import servable

ROUNDS = 3
SIZE = 224  # of every imported model
ONNXRUNTIME, OPENVINO = "ONNX Runtime", "OpenVINO"
NOTE = """\
The API runs inference with OpenVINO (`app/core/models/onnx_graph.py`), and a worker checks each graph against torch
with the same code. It is faster where there is more than one image to process. A single image is processed by one
thread, so that two requests do not wait for each other: then ONNX Runtime, with both threads, is faster on a
ResNet-18. With all threads on one batch OpenVINO was 1.9 times as fast for that too, and answered eight clients at
a time 87 times per second instead of 127, since they wait for threads that decoders keep from their cores.

ONNX Runtime loads a model faster, which happens once. 32-bit floats are requested explicitly: by default OpenVINO
computes in bfloat16 on a processor that has it, and probabilities then differ from torch's by more than the
promised 1e-4. Any runtime can read the published `model.onnx`: tests read it with ONNX Runtime. OpenVINO's
converter, which would report every import to its makers, is excluded.

With OpenVINO 2026.4 the API deadlocked in about one start of thirty, in its first seconds under load. The first two
threads that take a tensor's `data` wait for each other: one initialises a static variable, for which it releases
the interpreter's lock and takes it again; the other holds that lock and waits for the variable. Sixteen threads at
once in a fresh process deadlocked each time (4 of 4), and never (0 of 40) once the main thread had taken a tensor's
`data` before them; `app/core/models/onnx_graph.py` does that, and `pytest tests/app/core/models/test_onnx_graph.py
-k wait_for_nobody` fails without it."""
RUNTIMES = {
    OPENVINO: (OURS, "benchmarks.performance.openvino_inference"),
    ONNXRUNTIME: (PEERS, "benchmarks.performance.peers.onnxruntime_inference"),
}


ABOUT = """\
Images per second of a published model alone ({SIZE} px, uint8 in, logits out, 32-bit floats, all cores), each in a
process of its own. `load` is the time from the file to the first result, `memory` the peak memory that the process
used in addition. The logits of one image differ by {apart:.2g} at most."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure both runtimes on each backbone, in turn."""
    series: dict[str, Series] = {}
    apart = 0.0
    with TemporaryDirectory() as name:
        for backbone, weights in networks(inputs, Path(name)).items():
            _, model = servable(Path(name, backbone), backbone, weights, inputs.photograph)
            for _ in range(ROUNDS):
                found = {runtime: run_module(*how, (model, SIZE)) for runtime, how in RUNTIMES.items()}
                note(series, backbone, found)
                apart = max(apart, difference(found))
    goals = [
        Goal(
            f"{backbone}, batches of {batch}: {OPENVINO} / {ONNXRUNTIME}",
            ratios(series[f"{backbone}: {OPENVINO}, batches of {batch}"],
                   series[f"{backbone}: {ONNXRUNTIME}, batches of {batch}"]),
            least=1,
        )
        for backbone in ("mobilenet_v2", "resnet18")
        for batch in BATCHES
    ]  # fmt: skip
    return Section(
        "OpenVINO compared with ONNX Runtime",
        ABOUT.format(SIZE=SIZE, apart=apart),
        list(series.values()),
        goals,
        [NOTE],
    )


def networks(inputs: BenchmarkInputs, folder: Path) -> dict[str, Path]:
    """Weights by backbone: one with depthwise convolutions and one without; ResNet's are random."""
    resnet = folder / "resnet18.safetensors"
    save_file(models.resnet18().state_dict(), resnet)
    return {"mobilenet_v2": inputs.weights, "resnet18": resnet}


def note(series: dict[str, Series], backbone: str, found: dict[str, Any]) -> None:
    """Add one round's values."""
    for runtime, figures in found.items():
        told = {f"batches of {batch}": (rate, "images/s") for batch, rate in figures["rates"].items()}
        told |= {"load": (figures["load"], "s"), "memory": (figures["memory"], "MiB")}
        for what, (value, unit) in told.items():
            name = f"{backbone}: {runtime}, {what}"
            series.setdefault(name, Series(name, unit, [])).values.append(value)
            print(f"  {name}: {value:.4g} {unit}", flush=True)


def difference(found: dict[str, Any]) -> float:
    """The largest difference of the logits."""
    one, other = (np.array(figures["logits"]) for figures in found.values())
    return float(np.abs(one - other).max())

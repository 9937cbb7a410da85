"""OpenVINO or ONNX Runtime? Both on the models that a worker publishes."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torchvision import models

from benchmarks.performance.material import Material
from benchmarks.performance.measure import OURS, PEERS, Goal, Section, Series, ratios, told
from benchmarks.performance.peers.inference import BATCHES
from benchmarks.performance.predictions import published

ROUNDS = 3
SIZE = 224  # of every imported model
ONNXRUNTIME, OPENVINO = "ONNX Runtime", "OpenVINO"
NOTE = """\
OpenVINO is the faster one on each backbone and at each batch; ONNX Runtime loads a model faster. The API answers with
ONNX Runtime all the same (`app/core/inference.py`). With OpenVINO 2026.4 in its place, one thread for each of two
batches, the API answered eight clients at a time 127 times a second, and at least four times in some thirty starts it
stood still for ever in its first seconds under load: where it was looked at, a thread inside OpenVINO waited for the
interpreter's lock. Images copied into OpenVINO's own memory did not cure it, and what holds the lock is not known yet.
Never to stand still counts for more. Besides, `import openvino` reports itself to its makers over the network unless
`openvino.tools.ovc` is kept out of `sys.modules`, and by itself it computes in bfloat16 where the processor has it."""
RUNTIMES = {
    ONNXRUNTIME: (OURS, "benchmarks.performance.onnxruntime_inference"),
    OPENVINO: (PEERS, "benchmarks.performance.peers.openvino_inference"),
}


def run(material: Material) -> Section:
    """Both runtimes on each backbone, in turn."""
    series: dict[str, Series] = {}
    apart = 0.0
    with TemporaryDirectory() as name:
        for backbone, weights in networks(material, Path(name)).items():
            _, model = published(Path(name, backbone), backbone, weights, material.photograph)
            for _ in range(ROUNDS):
                found = {runtime: told(*how, (model, SIZE)) for runtime, how in RUNTIMES.items()}
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
        "OpenVINO or ONNX Runtime",
        f"Images a second of a published model alone ({SIZE} px, uint8 in, logits out, 32-bit floats, all cores), each "
        "in a process of its own; `load` is from the file to the first answer, `memory` what the process took more at "
        f"its most. The logits of one image differ by {apart:.2g} at most.",
        list(series.values()),
        goals,
        [NOTE],
    )


def networks(material: Material, folder: Path) -> dict[str, Path]:
    """Weights by backbone: one with depthwise convolutions and one without; ResNet's are random."""
    resnet = folder / "resnet18.safetensors"
    save_file(models.resnet18().state_dict(), resnet)
    return {"mobilenet_v2": material.weights, "resnet18": resnet}


def note(series: dict[str, Series], backbone: str, found: dict[str, Any]) -> None:
    """Add one round's figures."""
    for runtime, figures in found.items():
        told = {f"batches of {batch}": (rate, "images/s") for batch, rate in figures["rates"].items()}
        told |= {"load": (figures["load"], "s"), "memory": (figures["memory"], "MiB")}
        for what, (value, unit) in told.items():
            name = f"{backbone}: {runtime}, {what}"
            series.setdefault(name, Series(name, unit, [])).values.append(value)
            print(f"  {name}: {value:.4g} {unit}", flush=True)


def difference(found: dict[str, Any]) -> float:
    """How far apart the logits are."""
    one, other = (np.array(figures["logits"]) for figures in found.values())
    return float(np.abs(one - other).max())

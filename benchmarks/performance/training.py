"""From prepared data to steps: how close to the steps alone, and how far ahead of other loops."""

import os
from functools import partial

from benchmarks.performance.material import Material
from benchmarks.performance.measure import OURS, PEERS, Goal, Section, ratios, rounds, told, under

WORKERS = os.cpu_count() or 1
STEPPING = "benchmarks.performance.stepping"
LOOPS = {
    "supervised": {"torchvision's loop": "torchvision_loop", "timm": "timm_loop"},
    "simclr": {"LightlyTrain": "lightly_loop"},
}
# Backbone, size, method, steps in a round.
CASES = [
    ("resnet18", 64, "supervised", 40),
    ("resnet18", 128, "supervised", 15),
    ("mobilenet_v2", 128, "supervised", 12),
    ("mobilenet_v2", 224, "supervised", 6),
    ("resnet18", 64, "simclr", 20),
    ("resnet18", 128, "simclr", 8),
]
ROUNDS = 3


def run(material: Material) -> Section:
    """Every case with every candidate."""
    series, goals = [], []
    for backbone, size, method, steps in CASES:
        case = f"{backbone}, {size} px, {method}"
        print(f" {case}", flush=True)
        candidates = {
            name: partial(told, OURS, STEPPING, (material.packed, backbone, size, method, steps, feeding))
            for name, feeding in (("steps alone", "synthetic"), ("imprint", "real"))
        }
        candidates |= {
            name: partial(told, PEERS, f"benchmarks.performance.peers.{module}",
                          (material.folder, backbone, size, steps, WORKERS))
            for name, module in LOOPS[method].items()
        }  # fmt: skip
        found = rounds(candidates, ROUNDS, "images/s")
        goals += [
            Goal(
                f"{case}: imprint / {name}", ratios(found["imprint"], other), least=0.95 if name == "steps alone" else 1
            )
            for name, other in found.items()
            if name != "imprint"
        ]
        series += under(case, found)
    return Section(
        "Training",
        f"Images a second of training steps, batches of 32, AdamW, {len(list(material.folder.rglob('*.jpg')))} "
        "photographs (JPEG) that imprint has prepared and the others decode: each candidate a process of its own, the "
        "first steps left out. `steps alone`: imprint's step on one batch that stays in memory.",
        series,
        goals,
    )

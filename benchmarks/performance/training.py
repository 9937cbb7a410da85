"""Rate of training steps from prepared data, beside the steps alone and other training loops."""

import os
from functools import partial

from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import OURS, PEERS, Goal, Section, prefixed, ratios, rounds, run_module

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
NOTES = [
    """\
Memory, not arithmetic, made the difference. glibc returns every large tensor to the system when it is freed, and a
step asks for all of its pages again, one fault each: half of the time of a MobileNetV2 at 224 px. Trainings run
with `MALLOC_TRIM_THRESHOLD_` and `MALLOC_MMAP_THRESHOLD_` at 4 GiB (`worker/processes/job_processes.py`), which
keeps that memory in the process; the peak is some 15 % higher. `python -m benchmarks.performance.stepping PACKED
mobilenet_v2 224 supervised 5 synthetic` without and with them: 17 and 36 images/s; at 128 px 71 and 113; resnet18
at 128 px 50 and 54 (means of two runs each). The peers run in a user's default environment, which is without.""",
    """\
Normalising a batch made four new tensors of its size, and costs a ninth when done in place (128 px: 362 and 39 µs
per image). As many threads compute as there are cores within the container's quota
(`app/core/processes/cpu_count.py`), the threads that prepare batches have no helper threads, and OpenMP's spin for
50 µs only. They continue into the next epoch while the last steps of this one are taken: before, each epoch cost 70
ms more than its steps (resnet18, 64 px, SimCLR), now 20. A probe of one second at the start was not built: small
networks step as fast on one thread as on two (shufflenet_v2_x0_5, 64 px: 17 to 19 s for the same 440 steps, four
runs), larger ones faster on all, and a choice by a noisy measurement would let two equal jobs end with different
weights.""",
    """\
SimCLR at 64 px reached 0.957 of the steps alone (0.916 to 1.02) in eight more runs of 34 steps, on the same day. An
epoch's last batch, of eight photographs, is slower per image than one of 32, and the steps alone do not have it.
Running the threads that assemble batches at a lower priority than the step's did not help (three runs beside three
without).""",
    """\
On a CUDA device of compute capability 8.0 or more the trunk trains in bfloat16
(`worker/training/engine/mixed_precision.py`), batches are in pinned memory and copied asynchronously, and the
optimizer is fused. That was written without a device at hand: the arithmetic is tested on the CPU
(`tests/worker/training/engine/test_mixed_precision.py`), its speed is not known. `python -m
benchmarks.performance.stepping PACKED BACKBONE SIZE METHOD STEPS real cuda` measures it, and its memory.
torch.compile is not used: it needs a compiler at run time, and its compilation of a minute is as long as many a
job.""",
]


ABOUT = """\
Images per second of training steps, in batches of 32 with AdamW, on {photographs} JPEG photographs, which imprint has
prepared and the others decode. Each candidate is a process of its own; the first steps are not counted. `steps alone`
is imprint's step on one batch that stays in memory."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure every case with every candidate."""
    series, goals = [], []
    for backbone, size, method, steps in CASES:
        case = f"{backbone}, {size} px, {method}"
        print(f" {case}", flush=True)
        candidates = {
            name: partial(run_module, OURS, STEPPING, (inputs.packed, backbone, size, method, steps, feeding))
            for name, feeding in (("steps alone", "synthetic"), ("imprint", "real"))
        }
        candidates |= {
            name: partial(run_module, PEERS, f"benchmarks.performance.peers.{module}",
                          (inputs.folder, backbone, size, steps, WORKERS))
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
        series += prefixed(case, found)
    return Section(
        "Training",
        ABOUT.format(photographs=len(list(inputs.folder.rglob("*.jpg")))),
        series,
        goals,
        NOTES,
    )

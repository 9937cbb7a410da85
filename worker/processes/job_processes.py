"""Which module does the work of a type of job, and which server forks its process."""

import os

from app.core.jobs.leases import Lease
from app.core.processes.lifeline import ProcessGroup
from app.core.specs import LANES
from worker.context import Context
from worker.processes.fork_client import Nursery

CHILDREN = {
    "prepare": "worker.jobs.prepare.__main__",
    "publish": "worker.jobs.publish",
    "evaluate": "worker.jobs.evaluate",
    "rank": "worker.jobs.rank",
    "pretrain": "worker.jobs.train",
    "finetune": "worker.jobs.train",
}
# They need no torch, and their limit of address space would count torch's libraries: they have a server of their own.
LIGHT = {"prepare"}
# What torch's exporter imports when it is first used, seconds after the training is over.
EXPORTER = ("onnxscript.function_libs.torch_lib.ops", "torch.export._trace", "torch.onnx._internal.exporter._compat")
# OpenMP's threads spin for milliseconds while they wait, at the cost of whatever else runs; threads that sleep at once
# take three times as long for a step of a small network. This is some fifty microseconds, as fast as the former.
QUIET_THREADS = {"GOMP_SPINCOUNT": "20000"}
# glibc gives every large tensor back to the system when it is freed, and asks for its pages again one by one in the
# next step: half the time of a MobileNetV2 at 224 px. Memory that is kept is some 15 % more at its highest.
KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**32), "MALLOC_MMAP_THRESHOLD_": str(2**32)}
TRAINING_ENVIRONMENT = QUIET_THREADS | KEPT_MEMORY


def _modules(light: bool) -> list[str]:
    return list(dict.fromkeys(module for type_, module in CHILDREN.items() if (type_ in LIGHT) is light))


light = Nursery(_modules(light=True))
heavy = Nursery(_modules(light=False), later=EXPORTER, defaults=TRAINING_ENVIRONMENT)


def warm(context: Context, lane: str) -> None:
    """Get ready before the first job of a lane, for the light ones if it has any: it may never need torch."""
    nursery = light if any(LANES[type_] == lane for type_ in LIGHT) else heavy
    nursery.warm(_environment(context))


def start(context: Context, lease: Lease, stderr: int) -> ProcessGroup:
    """The process that does a job; it dies with this one. What it writes to stderr goes to that descriptor."""
    nursery = light if lease.type in LIGHT else heavy
    return nursery.child(CHILDREN[lease.type], [lease.job_id, str(lease.epoch)], _environment(context), stderr)


def _environment(context: Context) -> dict[str, str]:
    return {**os.environ, **context.settings.environment()}

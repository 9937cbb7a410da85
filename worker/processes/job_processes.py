"""The fork server that starts the process of each type of job."""

import os

from app.core.jobs.leases import Lease
from app.core.processes.lifeline import ProcessGroup
from app.core.specs import LANES
from worker.context import Context
from worker.job_modules import JOB_MODULES
from worker.processes.fork_client import ForkServerClient

# torch's exporter imports these when it is first used, and a publication after a training would wait seconds for them.
EXPORTER = ("onnxscript.function_libs.torch_lib.ops", "torch.export._trace", "torch.onnx._internal.exporter._compat")
# OpenMP's threads spin for milliseconds while they wait, at the cost of whatever else runs; threads that sleep at once
# take three times as long for a step of a small network. This is some fifty microseconds, as fast as the former.
OPENMP_SPIN = {"GOMP_SPINCOUNT": "20000"}
# glibc returns every large tensor to the system when it is freed, and requests its pages again one by one in the next
# step: half the time of a MobileNetV2 at 224 px. Keeping the memory costs some 15 % at the peak.
MALLOC_KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**32), "MALLOC_MMAP_THRESHOLD_": str(2**32)}
TRAINING_ENVIRONMENT = OPENMP_SPIN | MALLOC_KEEPS_MEMORY


def _modules(*, torch: bool) -> list[str]:
    return list(dict.fromkeys(row.module for row in JOB_MODULES.values() if row.needs_torch is torch))


plain_server = ForkServerClient(_modules(torch=False))
torch_server = ForkServerClient(_modules(torch=True), idle_modules=EXPORTER, defaults=TRAINING_ENVIRONMENT)


def prepare_lane(context: Context, lane: str) -> None:
    """Start a server before the lane's first job. A lane with jobs that need no torch may never need the other one."""
    needs_torch = all(row.needs_torch for name, row in JOB_MODULES.items() if LANES[name] == lane)
    server = torch_server if needs_torch else plain_server
    server.start_server(_environment(context))


def start(context: Context, lease: Lease, stderr: int) -> ProcessGroup:
    """Start a job's process, which dies with this one; its stderr goes to that descriptor."""
    row = JOB_MODULES[lease.type]
    server = torch_server if row.needs_torch else plain_server
    return server.spawn(row.module, [lease.job_id, str(lease.epoch)], _environment(context), stderr)


def _environment(context: Context) -> dict[str, str]:
    return {**os.environ, **context.settings.environment()}

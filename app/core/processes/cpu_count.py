"""Number of processor cores that this process should use."""

import math
import os
from pathlib import Path

CGROUP_CPU_MAX = Path(
    "/sys/fs/cgroup/cpu.max"
)  # of a container: microseconds of processor time in each period, or "max"


def count_cores(quota: Path = CGROUP_CPU_MAX) -> int:
    """Return OMP_NUM_THREADS if it is set, else the cores in the process's affinity mask, limited by its cgroup quota.

    More threads than cores are worse than too few: a step of a small network is hundreds of parallel regions, each of
    which waits for the thread that is not scheduled. Two trainings with two threads each on two cores take thirty times
    as long as with one each.

    Args:
        quota: the cgroup v2 file `cpu.max`.

    Returns:
        The number of cores, at least 1.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(min(allowed, _quota_cores(quota)))


def _quota_cores(quota: Path) -> float:
    """Whole cores of a container's quota, infinite if there is none (cgroup v2)."""
    try:
        most, period = quota.read_text().split()
    except (OSError, ValueError):
        return math.inf
    return math.inf if most == "max" else max(1, math.ceil(int(most) / int(period)))

"""Names of the service's processes, as seen in `ps`, in `/proc` and by Celery.

The command line starts processes under these names, and operations and tests search for them.
"""

from collections.abc import Sequence

CELERY_APP = "worker.celery_app"
# Parts of command lines, with the arguments separated by spaces.
CELERY_WORKER = f"-A {CELERY_APP} worker"
FORK_SERVER = "worker.processes.fork_server"
TRAINING_JOB = "worker.jobs.train"
PREPARE_JOB = "worker.jobs.prepare"
# Threads, as logs and debuggers show them.
CLEANUP_THREAD = "cleanup"
LIFELINE_THREAD = "lifeline"
PUBLISHER_THREAD = "wake-up publisher"
RECONCILER_THREAD = "reconciler"


def celery_node(lanes: Sequence[str], number: int, launcher: int) -> str:
    """Return the Celery node name of a worker; Celery itself inserts the host's name.

    Args:
        lanes: the lanes that it works in.
        number: from 1, among the workers of the same lanes.
        launcher: process id of the command that starts it, so that two commands on one host differ.
    """
    return f"{'-'.join(lanes)}-{number}@%h.{launcher}"


def lane_thread(lane: str) -> str:
    """Return the name of the thread that polls a lane."""
    return f"{lane} lane"

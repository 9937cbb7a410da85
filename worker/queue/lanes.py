"""Runs the jobs of each lane one at a time in this process, triggered by a message or by the clock.

After a broker outage a consumer may be connected and receive nothing. So the worker also polls the table of jobs:
messages only make it faster, nothing depends on them.

A call for a lane that is busy returns at once: the pool has few threads, and the next message may be for another lane.
"""

import threading

from app.core.specs import LANES
from worker.context import Context
from worker.queue import supervisor

stopping = threading.Event()


class Lane:
    """A lock that one thread holds while it runs the lane's jobs, and a flag for requests that arrive meanwhile."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = threading.Lock()
        self._requested = threading.Event()

    def drain(self, context: Context) -> None:
        """Run the queued jobs. If another thread does so already, it checks the queue once more, unless it raises."""
        self._requested.set()
        while self._requested.is_set() and self._busy.acquire(blocking=False):
            try:
                self._requested.clear()
                supervisor.work(context, self._name, stopping)
            finally:
                self._busy.release()


_lanes = {name: Lane(name) for name in set(LANES.values())}


def drain(context: Context, name: str) -> None:
    """`Lane.drain` of this process's lane of that name."""
    _lanes[name].drain(context)
